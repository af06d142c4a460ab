"""Publish a journey: pieces as they are done, or one long file that is written while it is made.

Whatever stops it, what was finished stays, as whole files.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar import __version__
from riffsidecar.audio.long_wav import MAX_DATA_BYTES, data_bytes, samples_of, wav_ends
from riffsidecar.audio.names import loop_name
from riffsidecar.audio.tags import LoopTags
from riffsidecar.audio.wav import decode_wav
from riffsidecar.errors import DropError, RiffError, WavError
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.render.recipe import pack_journey
from riffsidecar.session.journeys import JourneyPart, JourneyRequest

__all__ = ["JOURNEY_FACTORY", "Ask", "Published", "check_space", "publish_journey"]

JOURNEY_FACTORY: Final = "riffsidecar.render.journey_loop:load_journey_renderer"
"""What a worker calls to get its renderer of journeys."""

Ask = Callable[[JourneyPart], RenderedLoop]
"""Render a part; a RiffError, a KeyboardInterrupt or a SystemExit ends the journey."""

_CHANNELS: Final = 2
_MAX_BEATS: Final = 65_535
_MAX_LATENTS_BYTES: Final = 8 * 2**20
"""What the latents of one file may take, 1024 bars of 4/4 from 80 BPM on: a longer file has none of them."""

_SPARE_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Published:
    """A file of a journey that lies in the folder.

    ``piece`` is its number, and ``sha256`` the digest of its content; None and empty for one long file.
    """

    path: Path
    piece: int | None
    first_bar: int
    bars: int
    num_samples: int
    sample_rate: int
    lufs: float | None
    seam: Mapping[str, float]
    render_s: float
    sha256: str = ""


def check_space(folder: Path, num_bytes: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        DropError: if less than ``num_bytes`` and 64 MiB are free.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise DropError(f"the folder {folder} cannot be asked for its free space: {error}") from error
    if free < num_bytes + _SPARE_BYTES:
        raise DropError(
            f"the disk of {folder} has {free / 1e6:.0f} MB left, but {(num_bytes + _SPARE_BYTES) / 1e6:.0f} "
            "are needed: free some space, make fewer bars, or choose another folder"
        )


def publish_journey(
    ask: Ask, drop: DropFolder, journey: JourneyRequest, first_piece: int = 0
) -> Iterator[Published]:
    """Render a journey and give each file as soon as it lies in the folder.

    Args:
        ask: renders a part.
        drop: takes the files.
        journey: what to make.
        first_piece: the piece to begin with; one long file begins at its beginning.

    Raises:
        RiffError: the journey cannot be made or written. What was finished stays.
    """
    if journey.form == "file":
        yield from _as_file(ask, drop, journey)
        return
    count = journey.num_pieces
    index = first_piece
    while count is None or index < count:
        piece = journey.piece(index)
        check_space(drop.path, data_bytes(piece.num_samples, _CHANNELS, journey.bit_depth))
        started_s = time.perf_counter()
        loop = ask(JourneyPart(journey, index))
        path = drop.publish(loop.stem, loop.wav)
        yield Published(
            path=path,
            piece=index,
            first_bar=piece.first_bar,
            bars=piece.bars,
            num_samples=loop.num_samples,
            sample_rate=loop.sample_rate,
            lufs=loop.lufs,
            seam=loop.seam,
            render_s=time.perf_counter() - started_s,
            sha256=loop.sha256,
        )
        index += 1


def _as_file(ask: Ask, drop: DropFolder, journey: JourneyRequest) -> Iterator[Published]:
    size = data_bytes(journey.num_samples, _CHANNELS, journey.bit_depth)
    if size > MAX_DATA_BYTES:
        most = int(journey.bars * (MAX_DATA_BYTES / size))
        raise WavError(
            f"{journey.bars} bars take {size / 1e9:.1f} GB, but a WAV holds {MAX_DATA_BYTES / 1e9:.1f} GB: "
            f"make at most {most} bars, or ask for pieces"
        )
    if journey.bars * journey.meter.numerator > _MAX_BEATS:
        raise WavError(
            f"{journey.bars} bars are more than the {_MAX_BEATS} beats that a WAV can say: make "
            f"at most {_MAX_BEATS // journey.meter.numerator} bars, or ask for pieces"
        )
    check_space(drop.path, size)
    writer = _LongFile(ask, journey)
    path = drop.publish_stream(writer.write)
    yield Published(
        path=path,
        piece=None,
        first_bar=0,
        bars=writer.bars,
        num_samples=writer.num_samples,
        sample_rate=journey.sample_rate,
        lufs=None,
        seam={},
        render_s=writer.render_s,
    )
    if writer.stopped is not None:
        raise writer.stopped


class _LongFile:
    """Write the parts of a journey one after the other between the two ends of a WAV."""

    def __init__(self, ask: Ask, journey: JourneyRequest) -> None:
        self._ask, self._journey = ask, journey
        self._environment: Mapping[str, str] = {}
        self._latents: list[NDArray[np.float16]] = []
        self._keeps_latents = True
        self.bars = 0
        self.num_samples = 0
        self.render_s = 0.0
        self.stopped: BaseException | None = None

    def write(self, file: BinaryIO) -> str:
        """Write everything, or what is finished when something stops it; return the stem of the file."""
        journey = self._journey
        started_s = time.perf_counter()
        head, _ = self._ends(journey.bars, journey.num_samples)
        file.write(head)
        for index in range(journey.num_pieces or 0):
            at = file.tell()
            try:
                loop = self._ask(JourneyPart(journey, index))
                file.write(samples_of(loop.wav))
            except (RiffError, OSError, KeyboardInterrupt, SystemExit) as stopped:
                if not self.bars:
                    raise
                self.stopped = _as_riff(stopped)
                file.seek(at)
                file.truncate()
                break
            self._note(index, loop)
        head, tail = self._ends(self.bars, self.num_samples)
        file.write(tail)
        file.seek(0, os.SEEK_SET)
        file.write(head)
        self.render_s = time.perf_counter() - started_s
        label = journey.label or f"journey {journey.prompts[0]} {journey.prompts[-1]}"
        return loop_name(label, bpm=journey.tempo.bpm, bars=self.bars, meter=journey.meter, key=journey.key)

    def _note(self, index: int, loop: RenderedLoop) -> None:
        self.bars += self._journey.piece(index).bars
        self.num_samples += loop.num_samples
        self._environment = loop.environment
        latents = decode_wav(loop.wav).latents
        if latents is None or not self._keeps_latents:
            return
        self._latents.append(latents.astype(np.float16))
        if sum(each.nbytes for each in self._latents) > _MAX_LATENTS_BYTES:
            self._keeps_latents = False
            self._latents.clear()

    def _ends(self, bars: int, num_samples: int) -> tuple[bytes, bytes]:
        journey = self._journey
        names = " > ".join(journey.prompts)
        tags = LoopTags(
            title=journey.label or names[:200],
            bpm=journey.tempo.bpm,
            beats=Fraction(bars * journey.meter.numerator),
            meter=journey.meter,
            key=journey.key,
            prompt=names[:1900],
            seed=journey.seed,
            software=f"riffsidecar {__version__}",
            recipe=pack_journey(journey, self._environment, piece=None, bars=bars),
            latents=np.concatenate(self._latents, axis=-1) if self._latents else None,
        )
        return wav_ends(num_samples, _CHANNELS, journey.sample_rate, journey.bit_depth, tags)


def _as_riff(stopped: BaseException) -> BaseException:
    """Return what stopped a file, a full disk as an error that says so."""
    if not isinstance(stopped, OSError):
        return stopped
    why = "the disk is full" if stopped.errno == errno.ENOSPC else str(stopped)
    return DropError(f"the journey was stopped: {why}; what was finished by then is kept")
