"""Fetch what a render takes from files: seed audio, and the earlier loop that parts are kept of.

Only the render worker does this, and only with paths that a person on this machine has named; the digest in
the request says which content is meant, whatever lies at the path by now.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.content import content_digest, without_source
from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.audio.wav import DecodedWav, decode_wav
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import RiffError, SessionError, WavError
from riffsidecar.render.recipe import LoopFile, parse_journey, parse_loop
from riffsidecar.session.passages import Passage
from riffsidecar.session.requests import LoopRequest
from riffsidecar.spectrogram.codec import analyse
from riffsidecar.spectrogram.formats import SpectrogramFormat
from riffsidecar.spectrogram.rhythm import groove_of
from riffsidecar.spectrogram.stft import resample_circular

__all__ = ["MAX_SOURCE_BYTES", "SeedAudio", "earlier_samples", "load_earlier", "load_kept_seed", "load_seed"]

MAX_SOURCE_BYTES: Final = 32_000_000
"""The seed audio travels inside every loop made from it; more would make loops that no DAW likes to load."""

_SILENCE_LUFS = -70.0

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class SeedAudio:
    """Hold seed audio: its own bytes, its stereo samples, and the length of a quarter note in samples."""

    content: bytes
    waveform: Waveform
    samples_per_quarter: Fraction
    latents: NDArray[np.float16] | None

    def spectrogram(
        self,
        request: LoopRequest,
        fmt: SpectrogramFormat,
        *,
        num_frames: int | None = None,
        channels: int = 2,
        only_groove: bool = False,
    ) -> NDArray[np.float32]:
        """Return its spectrogram (channels, n_mels, num_frames), as long as the loop of ``request`` in beats.

        ``num_frames`` are those of the beat grid unless given; one channel is the middle of the two.

        A seed that tells its tempo is laid on the beats of the loop whatever the tempi are, for frames count
        beats and not seconds. What is too long is cut, what is too short is repeated. With ``only_groove``
        its rhythm alone is left.
        """
        length = request.length
        wanted = max(length.frames, round(self.samples_per_quarter * length.quarters))
        samples = np.resize(self.waveform.samples[0], wanted), np.resize(self.waveform.samples[-1], wanted)
        stereo = np.stack(samples).astype(np.float32)
        lufs = integrated_lufs(Waveform(stereo, self.waveform.sample_rate))
        if lufs > _SILENCE_LUFS:
            stereo *= np.float32(10.0 ** ((fmt.reference_lufs - lufs) / 20.0))
        if channels == 1:
            stereo = stereo.mean(axis=0, keepdims=True)
        frames = length.frames if num_frames is None else num_frames
        spectrogram = analyse(stereo, frames, fmt, sample_rate=self.waveform.sample_rate)
        return groove_of(spectrogram, fmt) if only_groove else spectrogram


def load_seed(request: LoopRequest) -> SeedAudio | None:
    """Return the seed audio of ``request``, or None when it has none.

    Raises:
        SessionError: the file is gone, is another one by now, or is too large.
        WavError: it is no audio that can be read.
    """
    if not request.has_source:
        return None
    return _seed_in(
        without_source(_content(request.source_path, request.source_sha256, "the seed audio")), request
    )


def load_kept_seed(request: LoopRequest) -> SeedAudio | None:
    """Return the seed audio that ``request`` keeps parts of; None where it keeps none, or those of a loop.

    Raises:
        SessionError: the file is gone, is another one by now, or is too large.
    """
    if not request.is_locked:
        return None
    content = _content(request.of_path, request.of_sha256, "the seed audio")
    return _seed_in(content, request) if _is_seed(content) else None


def _is_seed(content: bytes) -> bool:
    """Tell whether a file is a seed that riffsidecar fitted: it tells its beats and has no recipe."""
    try:
        decoded = decode_wav(content)
    except WavError:
        return False
    return decoded.tags is not None and decoded.recipe is None


def _seed_in(content: bytes, request: LoopRequest) -> SeedAudio:
    if len(content) > MAX_SOURCE_BYTES:
        raise SessionError(
            f"the seed audio has {len(content)} bytes; give at most {MAX_SOURCE_BYTES}, cut it shorter"
        )
    quarters: Fraction | None = None
    latents = None
    try:
        decoded = decode_wav(content)
        waveform, quarters = decoded.waveform, _quarters(decoded)
        latents = decoded.latents
    except WavError as error:
        waveform = _other_format(content, error)
    if quarters is None:
        per_quarter = Fraction(60 * waveform.sample_rate) / request.tempo.bpm
    else:
        per_quarter = Fraction(waveform.num_samples) / quarters
    return SeedAudio(content, waveform, per_quarter, latents)


def load_earlier(request: LoopRequest) -> LoopFile | None:
    """Return the loop that ``request`` keeps parts of, or None when it keeps nothing, or parts of a seed.

    Raises:
        SessionError: the file is gone, or is another one by now.
        WavError: it is no loop that riffsidecar made, or has no latents.
    """
    if not request.is_locked:
        return None
    content = _content(request.of_path, request.of_sha256, "the earlier loop")
    if _is_seed(content):
        return None
    loop = _loop_in(content, str(request.of_path))
    if loop.latents is None:
        raise WavError(
            f"{request.of_path} holds no latents, so nothing of it can be kept; choose a loop made here"
        )
    return loop


def _loop_in(content: bytes, where: str) -> LoopFile:
    """Return a loop that riffsidecar made, by itself or as a piece of a journey."""
    tour = parse_journey(content, where)
    if tour is None or tour.piece is None:
        return parse_loop(content, where)
    request = Passage(tour.journey, tour.piece).request
    return LoopFile(request, tour.made_with, tour.waveform, tour.latents, None)


def earlier_samples(earlier: LoopFile, request: LoopRequest) -> Samples | None:
    """Return the samples of the earlier loop at the rate of the new one; None when their tempi differ.

    Then only latents can be kept: its bars have another length in samples.
    """
    if earlier.request.tempo != request.tempo or earlier.request.length.quarters != request.length.quarters:
        return None
    samples = earlier.waveform.samples
    stereo = np.stack([samples[0], samples[-1]])
    if stereo.shape[1] == request.num_samples:
        return stereo
    return np.asarray(resample_circular(stereo, request.num_samples), dtype=np.float32)


def _content(path: str | None, sha256: str, what: str) -> bytes:
    if path is None:
        raise SessionError(f"{what} is named by its digest alone; name the file too")
    try:
        content = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SessionError(
            f"{what} {path} cannot be read: {error.strerror or error}; put it back or name another"
        ) from error
    if content_digest(content) != sha256:
        raise SessionError(
            f"{what} {path} is another file than the one asked for; ask again to use it as it is now"
        )
    return content


def _quarters(decoded: DecodedWav) -> Fraction | None:
    """Return how many quarter notes a WAV says it has, by its own recipe or its acid chunk."""
    if decoded.tags is not None:
        return decoded.tags.quarters
    acid = decoded.acid
    if acid is None or acid.one_shot or acid.beats < 1 or acid.denominator < 1:
        return None
    return Fraction(4 * acid.beats, acid.denominator)


def _other_format(content: bytes, wav_error: RiffError) -> Waveform:
    """Read FLAC, AIFF, Ogg and MP3 through libsndfile, which ships with soundfile."""
    import soundfile

    try:
        samples, sample_rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        raise WavError(
            f"the seed audio cannot be read: {wav_error}; give a WAV, FLAC, AIFF, Ogg or MP3"
        ) from error
    audio: NDArray[Any] = np.ascontiguousarray(samples.T[:2])
    return Waveform(audio, int(sample_rate))
