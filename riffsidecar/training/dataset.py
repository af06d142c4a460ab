"""The data set: composed loops as quantised beat-grid spectrograms in shards, rebuilt by a command.

A shard is ``shard-NNNNN.npy``, ``(frames, 2, n_mels)`` uint8 with the loops end to end, and
``shard-NNNNN.json``, what is known of each loop. A shard is written whole or not at all, so a killed run goes
on where it stopped.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import TrainingError
from riffsidecar.music import FRAMES_PER_COLUMN, Chords, Key, LoopLength, Meter, Tempo
from riffsidecar.training.config import DataConfig

if TYPE_CHECKING:
    from riffsidecar.training.score import Score

__all__ = [
    "LoopRecord",
    "LoopSet",
    "build_data",
    "composed_score",
    "make_record",
    "rendered_score",
    "rewrite_captions",
    "write_shard",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoopRecord:
    """What is known of one loop of the data set."""

    seed: int
    family: str
    tempo: Tempo
    meter: Meter
    bars: Fraction
    key: Key | None
    chords: Chords | None
    captions: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def length(self) -> LoopLength:
        """The loop's length."""
        return LoopLength(self.bars, self.meter, self.tempo)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "seed": self.seed,
            "family": self.family,
            "tempo": str(self.tempo),
            "meter": str(self.meter),
            "bars": str(self.bars),
            "key": None if self.key is None else str(self.key),
            "chords": None if self.chords is None else str(self.chords),
            "captions": list(self.captions),
            "attributes": self.attributes,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> LoopRecord:
        """Return the record that :meth:`to_json` wrote."""
        return cls(
            seed=values["seed"],
            family=values["family"],
            tempo=Tempo.parse(values["tempo"]),
            meter=Meter.parse(values["meter"]),
            bars=Fraction(values["bars"]),
            key=None if values["key"] is None else Key.parse(values["key"]),
            chords=None if values["chords"] is None else Chords.parse(values["chords"]),
            captions=tuple(values["captions"]),
            attributes=values["attributes"],
        )


_ATTEMPTS = 100
_NEXT_SEED = 1_000_003


def composed_score(
    seed: int, config: DataConfig, *, family: str | None = None, timbres: str = "train"
) -> Score:
    """Compose the score of ``seed``, short enough for ``config``.

    Raises:
        TrainingError: there is none near ``seed``.
    """
    from riffsidecar.training.compose import compose

    for attempt in range(_ATTEMPTS):
        score = compose(seed + attempt * _NEXT_SEED, family=family, timbres=timbres)
        if score.length.columns <= config.max_columns:
            return score
    raise TrainingError(f"no loop of at most {config.max_columns} columns near seed {seed}")


def rendered_score(score: Score, config: DataConfig) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Render a score at the format's loudness: ``(2, num_samples)``, and ``(2, n_mels, frames)`` uint8."""
    from riffsidecar.audio.loudness import integrated_lufs
    from riffsidecar.audio.waveform import Waveform
    from riffsidecar.spectrogram import BEAT_GRID, analyse, mel_to_uint8
    from riffsidecar.training.render import default_soundfont, render_score

    samples = render_score(score, soundfont=default_soundfont() if config.soundfont else None)
    loudness = integrated_lufs(Waveform(samples, BEAT_GRID.sample_rate))
    if np.isfinite(loudness):
        samples = samples * np.float32(10 ** ((BEAT_GRID.reference_lufs - loudness) / 20))
    return samples, mel_to_uint8(analyse(samples, score.length.frames, BEAT_GRID))


def make_record(
    seed: int,
    config: DataConfig,
    *,
    family: str | None = None,
    split: str = "train",
    timbres: str = "train",
) -> tuple[LoopRecord, NDArray[np.uint8]]:
    """Compose, render and analyse the loop of ``seed``: its record and ``(2, n_mels, frames)`` uint8.

    ``split`` is of :func:`~riffsidecar.training.captions.captions`, ``timbres`` of
    :func:`~riffsidecar.training.compose.compose`.
    """
    score = composed_score(seed, config, family=family, timbres=timbres)
    _, spectrogram = rendered_score(score, config)
    return _record(seed, score, config.captions_per_loop, split), spectrogram


def _record(seed: int, score: Score, num_captions: int, split: str) -> LoopRecord:
    from riffsidecar.training.captions import captions

    return LoopRecord(
        seed=seed,
        family=score.attributes.family,
        tempo=score.tempo,
        meter=score.meter,
        bars=Fraction(score.bars),
        key=score.key,
        chords=score.chords,
        captions=tuple(captions(score, np.random.default_rng((seed, 17)), num_captions, split=split)),
        attributes={
            "genre": score.attributes.genre,
            "instruments": list(score.attributes.instruments),
            "drums": bool(score.attributes.drums),
            "swing": float(score.attributes.swing),
        },
    )


def write_shard(folder: Path, number: int, loops: Iterable[tuple[LoopRecord, NDArray[np.uint8]]]) -> int:
    """Write the shard of loops as :func:`make_record` gives them, whole or not at all; return how many."""
    records, frames = [], []
    for record, spectrogram in loops:
        records.append(record.to_json())
        frames.append(spectrogram.transpose(2, 0, 1))
    stem = folder / f"shard-{number:05d}"
    with stem.with_suffix(".npy.part").open("wb") as file:
        np.save(file, np.concatenate(frames))
    stem.with_suffix(".npy.part").replace(stem.with_suffix(".npy"))
    _write_records(stem.with_suffix(".json"), records)
    return len(records)


def _write_records(path: Path, records: list[dict[str, Any]]) -> None:
    """Write the records of a shard, whole or not at all."""
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(records), "utf-8")
    part.replace(path)


def _render_shard(job: tuple[str, int, tuple[int, ...], DataConfig]) -> tuple[int, int]:
    """Render one shard; return its number and how many loops it holds."""
    folder, number, seeds, config = job
    return number, write_shard(Path(folder), number, (make_record(seed, config) for seed in seeds))


def build_data(
    folder: Path, config: DataConfig, *, workers: int, report: Callable[[int, int, float], None]
) -> None:
    """Write the shards of ``config`` that ``folder`` lacks.

    Args:
        folder: where the shards lie.
        config: which loops.
        workers: processes that render.
        report: called with loops done, loops in all and loops per second after each shard.

    Raises:
        TrainingError: ``folder`` holds shards of other loops.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for number, start in enumerate(range(0, config.loops, config.loops_per_shard)):
        seeds = tuple(
            config.seed * 10_000_000 + i
            for i in range(start, min(start + config.loops_per_shard, config.loops))
        )
        path = folder / f"shard-{number:05d}.json"
        if not path.exists():
            jobs.append((str(folder), number, seeds, config))
        elif tuple(values["seed"] for values in json.loads(path.read_text("utf-8"))) != seeds:
            raise TrainingError(
                f"{path} holds other loops than seed {config.seed}, loops {config.loops} and loops_per_shard "
                f"{config.loops_per_shard} ask for: name another folder, or delete this one"
            )
    if not jobs:
        return
    done = config.loops - sum(len(job[2]) for job in jobs)
    fresh, begin = 0, time.perf_counter()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for _, count in pool.imap_unordered(_render_shard, jobs):
            fresh += count
            report(done + fresh, config.loops, fresh / (time.perf_counter() - begin))


def rewrite_captions(folder: Path, config: DataConfig, report: Callable[[int], None]) -> None:
    """Write the captions of the loops in ``folder`` anew, as after words or phrasings were added.

    Args:
        folder: where the shards lie; their spectrograms, and latents made of them, stay as they are.
        config: what they were made with.
        report: called with the number of loops so far after each shard.

    Raises:
        TrainingError: ``folder`` has no shards, or the composer makes other loops of their seeds now.
    """
    paths = sorted(folder.glob("shard-*.json"))
    if not paths:
        raise TrainingError(f"no shards in {folder}: run `riffsidecar train data` first")
    done = 0
    for path in paths:
        rows = []
        for old in json.loads(path.read_text("utf-8")):
            score = composed_score(old["seed"], config)
            row = _record(old["seed"], score, config.captions_per_loop, "train").to_json()
            if row | {"captions": None} != old | {"captions": None}:
                raise TrainingError(
                    f"{path}: the composer makes another loop of seed {old['seed']} now, so that what it "
                    "would say is not of this one: make the data anew in another folder"
                )
            rows.append(row)
        _write_records(path, rows)
        done += len(rows)
        report(done)


class LoopSet:
    """The shards of a folder as a sequence of loops, split by seed into training and held-out."""

    def __init__(self, folder: Path, *, held_out: float) -> None:
        self.records: list[LoopRecord] = []
        self._where: list[tuple[int, int, int]] = []
        self._shards: list[NDArray[np.uint8]] = []
        written = []
        for path in sorted(folder.glob("shard-*.json")):
            frames_path = path.with_suffix(".npy")
            self._shards.append(np.load(frames_path, mmap_mode="r"))
            written.append((frames_path.stat().st_size, frames_path.stat().st_mtime_ns))
            start = 0
            for values in json.loads(path.read_text("utf-8")):
                record = LoopRecord.from_json(values)
                frames = record.length.columns * FRAMES_PER_COLUMN
                self.records.append(record)
                self._where.append((len(self._shards) - 1, start, start + frames))
                start += frames
        self.written = tuple(written)
        if not self.records:
            raise TrainingError(f"no shards in {folder}: run `riffsidecar train data` first")
        draw = np.random.default_rng(0).random(1 << 16)
        chosen = [bool(draw[record.seed % (1 << 16)] < held_out) for record in self.records]
        self.train = [i for i, out in enumerate(chosen) if not out]
        self.held_out = [i for i, out in enumerate(chosen) if out] or self.train[:1]

    def __len__(self) -> int:
        return len(self.records)

    def spectrogram(self, index: int) -> NDArray[np.uint8]:
        """Return the quantised spectrogram ``(2, n_mels, frames)`` of a loop."""
        shard, start, stop = self._where[index]
        return np.ascontiguousarray(self._shards[shard][start:stop].transpose(1, 2, 0))

    def crop(self, index: int, start: int, frames: int) -> NDArray[np.uint8]:
        """Return ``(2, n_mels, frames)`` of the endless repetition of a loop, from frame ``start`` on."""
        shard, first, last = self._where[index]
        rows = first + (start + np.arange(frames)) % (last - first)
        return np.ascontiguousarray(self._shards[shard][rows].transpose(1, 2, 0))

    def __iter__(self) -> Iterator[LoopRecord]:
        return iter(self.records)
