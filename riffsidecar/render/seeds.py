"""Make a seed of a recording: measure it, cut it to whole bars, and write it as a WAV that tells its tempo.

Nothing is stretched here. The fitted seed has the recording's own samples from its first downbeat on, and
says how many beats they are; `riffsidecar.render.ingredients` lays its spectrogram on the beats of a loop,
whatever the tempo of that is.
"""

from __future__ import annotations

import io
import logging
import os
import secrets
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from riffsidecar.audio.content import content_digest, without_source
from riffsidecar.audio.measure import Measurement, measure
from riffsidecar.audio.tags import LoopTags
from riffsidecar.audio.wav import DecodedWav, decode_wav, encode_wav
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import AudioError, DropError, RiffError, WavError
from riffsidecar.music import MAX_DURATION_S, Meter, Tempo
from riffsidecar.session.seeds import SeedSource, seed_name

__all__ = [
    "FITTED_FOLDER",
    "MAX_SEED_FILE_BYTES",
    "SUFFIXES",
    "FittedSeed",
    "Unfinished",
    "decode_audio",
    "fit_seed",
    "keep_fitted",
    "sweep_fitted",
]

logger = logging.getLogger(__name__)

FITTED_FOLDER: Final = ".riffsidecar-seeds"
"""Where fitted seeds lie, in the drop folder; everything in it can be made again."""

SUFFIXES: Final = frozenset({".wav", ".wave", ".aif", ".aiff", ".aifc", ".flac", ".mp3", ".ogg"})
MAX_SEED_FILE_BYTES: Final = 100_000_000
_MAX_RATE = 48_000
_MAX_BARS = 64
_MAX_MINUTES = 5
_FADE_S = 0.005
_PEAK = 0.98
_SWEEP_AGE_S = 24 * 3600.0


class Unfinished(AudioError):
    """A file that is still being copied: its header promises more than is there."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedSeed:
    """Hold a seed: the WAV that the render worker reads, and how it was read.

    ``measurement`` is None for a file that told its beats itself.
    """

    content: bytes
    bpm: float
    bars: Fraction
    meter: Meter
    measurement: Measurement | None

    def source(self, name: str, path: Path) -> SeedSource:
        """Return what a session has to know of it."""
        digest = content_digest(self.content)
        told = self.measurement is None
        return SeedSource(seed_name(name), str(path), digest, self.bpm, self.bars, self.meter, told)


def fit_seed(content: bytes, title: str, tempo: Tempo, meter: Meter) -> FittedSeed:
    """Return the seed in the bytes of an audio file; the session's ``tempo`` and ``meter`` break ties.

    A loop that riffsidecar made stays as it is, with its latents. A loop with an ``acid`` chunk is believed.
    Anything else is measured.

    Raises:
        Unfinished: the file is not all there yet.
        AudioError: the file is no audio, silent, too short or too long.
    """
    if len(content) > MAX_SEED_FILE_BYTES:
        raise AudioError(
            f"the file has {len(content)} bytes; give at most {MAX_SEED_FILE_BYTES}: cut it shorter"
        )
    decoded, waveform = decode_audio(content)
    if waveform.num_samples > _MAX_MINUTES * 60 * waveform.sample_rate:
        raise AudioError(f"the recording lasts over {_MAX_MINUTES} minutes; give the part that is wanted")
    if decoded is not None and decoded.tags is not None and decoded.latents is not None:
        tags = decoded.tags
        bars = tags.beats / tags.meter.numerator
        return FittedSeed(without_source(content), float(tags.bpm), bars, tags.meter, None)
    stereo = _stereo(waveform)
    told = None if decoded is None else _told_quarters(decoded)
    if told is not None:
        bpm = float(told) * 60.0 * stereo.sample_rate / stereo.num_samples
        if 20.0 <= bpm <= 400.0 and stereo.num_samples <= MAX_DURATION_S * stereo.sample_rate:
            bars = told / meter.quarters_per_bar
            return FittedSeed(_written(stereo, title, bpm, told, meter), bpm, bars, meter, None)
    found = measure(stereo, tempo, meter)
    bars_kept = max(1, min(found.bars, _MAX_BARS, int(MAX_DURATION_S / found.bar_s)))
    quarters = bars_kept * found.meter.quarters_per_bar
    is_whole = found.is_loop and bars_kept == found.bars
    cut = _turned(stereo, found) if is_whole else _cut(stereo, found, bars_kept)
    content = _written(cut, title, found.bpm, quarters, found.meter)
    return FittedSeed(content, found.bpm, Fraction(bars_kept), found.meter, found)


def decode_audio(content: bytes) -> tuple[DecodedWav | None, Waveform]:
    """Return the samples of a WAV, AIFF, FLAC, MP3 or Ogg file, and for a WAV what else it holds.

    Raises:
        Unfinished: the header of a WAV or AIFF promises more bytes than there are.
        AudioError: it is none of these.
    """
    _check_whole(content)
    try:
        decoded = decode_wav(content)
    except WavError as wav_error:
        return None, _other_format(content, wav_error)
    return decoded, decoded.waveform


def keep_fitted(seed: FittedSeed, folder: Path) -> Path:
    """Write a fitted seed into ``folder``, under its digest; the same seed is written once.

    Raises:
        DropError: the folder takes no file.
    """
    path = folder / f"{content_digest(seed.content)[:32]}.wav"
    try:
        if path.is_file() and path.stat().st_size == len(seed.content):
            os.utime(path)
            return path
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{path.stem}.{secrets.token_hex(4)}.part"
        try:
            part.write_bytes(seed.content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DropError(
            f"the fitted seed cannot be written to {folder}: {error.strerror or error}; free some space or "
            "choose another drop folder"
        ) from error
    return path


def sweep_fitted(folder: Path, kept: frozenset[str] = frozenset()) -> None:
    """Remove fitted seeds that nothing has used for a day, but for the names in ``kept``."""
    limit_s = time.time() - _SWEEP_AGE_S
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.suffix in (".wav", ".part") and path.name not in kept and path.stat().st_mtime < limit_s:
                path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("old fitted seeds in %s stay: %s", folder, error)


def _check_whole(content: bytes) -> None:
    """Refuse a RIFF or FORM file whose size in the header is more than what is there."""
    if len(content) < 12:
        raise Unfinished(f"the file has {len(content)} bytes; it is still being copied, or empty")
    head = content[:4]
    if head == b"RIFF":
        promised = int.from_bytes(content[4:8], "little")
    elif head == b"FORM":
        promised = int.from_bytes(content[4:8], "big")
    else:
        return
    # Recorders that were interrupted leave 0 or all ones there; libsndfile reads those files all the same.
    if promised not in (0, 0xFFFFFFFF) and promised + 8 > len(content) + 1:
        raise Unfinished(
            f"the file has {len(content)} of {promised + 8} bytes; it is still being copied, or cut short"
        )


def _other_format(content: bytes, wav_error: RiffError) -> Waveform:
    """Read everything but plain WAV through libsndfile, which ships with soundfile."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            limit = _MAX_MINUTES * 60 * file.samplerate + 1
            samples = file.read(limit, dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except (soundfile.SoundFileError, ValueError, TypeError, RuntimeError) as error:
        fault = wav_error if content[:4] == b"RIFF" else "it is of no format that is known here, or broken"
        raise AudioError(
            f"no audio that can be read: {fault}; give a WAV, AIFF, FLAC, MP3 or Ogg file"
        ) from error
    return Waveform(np.ascontiguousarray(samples.T[:8]), rate)


def _told_quarters(decoded: DecodedWav) -> Fraction | None:
    if decoded.tags is not None:
        return decoded.tags.quarters
    acid = decoded.acid
    if acid is None or acid.one_shot or acid.beats < 1 or acid.denominator < 1:
        return None
    return Fraction(4 * acid.beats, acid.denominator)


def _stereo(waveform: Waveform) -> Waveform:
    """Return at most two channels at 48 kHz at most, below full scale: seeds travel inside loops."""
    samples, rate = waveform.samples[:2], waveform.sample_rate
    if rate > _MAX_RATE:
        from riffsidecar.spectrogram.stft import resample_circular

        samples = resample_circular(samples, round(samples.shape[1] * _MAX_RATE / rate))
        rate = _MAX_RATE
    peak = float(np.abs(samples).max())
    if peak > _PEAK:
        samples = samples * np.float32(_PEAK / peak)
    return Waveform(np.ascontiguousarray(samples, dtype=np.float32), rate)


def _turned(waveform: Waveform, found: Measurement) -> Waveform:
    """Return a whole loop from its downbeat on: what lies before goes on from its end."""
    first = round(found.start_s * waveform.sample_rate)
    return replace(waveform, samples=np.ascontiguousarray(np.roll(waveform.samples, -first, axis=1)))


def _cut(waveform: Waveform, found: Measurement, bars: int) -> Waveform:
    """Return ``bars`` from the first downbeat on; where the recording ends early, silence follows."""
    rate = waveform.sample_rate
    start = min(round(found.start_s * rate), waveform.num_samples - 1)
    wanted = max(1, round(bars * found.bar_s * rate))
    cut = np.zeros((waveform.channels, wanted), np.float32)
    kept = waveform.samples[:, start : start + wanted]
    cut[:, : kept.shape[1]] = kept
    # The end of the cut meets its beginning: a fade of 5 ms keeps the click out of the spectrogram.
    fade = min(round(_FADE_S * rate), kept.shape[1])
    cut[:, kept.shape[1] - fade : kept.shape[1]] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return Waveform(cut, rate)


def _written(waveform: Waveform, title: str, bpm: float, quarters: Fraction, meter: Meter) -> bytes:
    tags = LoopTags(
        title=title,
        bpm=Fraction(round(bpm * 1000), 1000),
        beats=quarters / meter.quarters_per_beat,
        meter=meter,
    )
    return encode_wav(waveform, "24", tags)
