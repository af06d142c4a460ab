"""The data set as the denoiser sees it: latents and controls of every loop, kept between runs."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.spectrogram import uint8_to_mel
from riffsidecar.training.controls import FIGURES_VERSION, control_figures, ranked_within
from riffsidecar.training.dataset import LoopSet
from riffsidecar.training.precision import autocast

__all__ = ["LatentSet"]

Encoded = tuple[list[NDArray[np.float16]], NDArray[np.float64]]
"""The latents of every loop, and its figures ``(loops, 3)`` of :func:`control_figures`."""


class LatentSet:
    """The normalised latents of every loop, encoded once: ``(latent_channels, rows, columns)`` float16 each.

    Beside them lie the ``controls``, ``(loops, 3)``: density, brightness and energy, each 0 to 1 within the
    loop's family. Latents and the figures under the controls are kept in ``cache`` for as long as autoencoder
    and data set stay the same.
    """

    def __init__(self, loops: LoopSet, autoencoder: BeatGridAutoencoder, cache: Path) -> None:
        self.records = loops.records
        key = _fingerprint(loops, autoencoder)
        found = _cached(cache, key)
        if found is None:
            found = _encoded(loops, autoencoder)
            arrays: dict[str, Any] = {str(i): latent for i, latent in enumerate(found[0])}
            arrays |= {"key": np.array(key), "figures": found[1]}
            cache.parent.mkdir(parents=True, exist_ok=True)
            with cache.with_suffix(".part").open("wb") as file:
                np.savez(file, **arrays)
            cache.with_suffix(".part").replace(cache)
        self.latents = found[0]
        self.controls = ranked_within(found[1], [record.family for record in loops.records])

    def by_columns(self, indices: list[int]) -> dict[int, NDArray[np.int64]]:
        """Group loops by their number of columns."""
        groups: dict[int, list[int]] = defaultdict(list)
        for index in indices:
            groups[self.latents[index].shape[-1]].append(index)
        return {columns: np.asarray(group) for columns, group in groups.items()}


def _fingerprint(loops: LoopSet, autoencoder: BeatGridAutoencoder) -> str:
    """Return a digest of all that latents and figures come from: encoder, statistics, shards, measures.

    Captions are not among it: they may be written anew.
    """
    loop = [record.to_json() | {"captions": None} for record in loops.records]
    digest = hashlib.sha256(json.dumps(loop).encode())
    digest.update(repr((autoencoder.config.latents_mean, autoencoder.config.latents_std)).encode())
    digest.update(repr((FIGURES_VERSION, loops.written)).encode())
    for name, value in autoencoder.encoder.state_dict().items():
        digest.update(name.encode() + value.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _cached(cache: Path, key: str) -> Encoded | None:
    if not cache.exists():
        return None
    with np.load(cache, allow_pickle=False) as stored:
        if str(stored["key"]) != key:
            return None
        return [stored[str(index)] for index in range(len(stored.files) - 2)], stored["figures"]


def _encoded(loops: LoopSet, autoencoder: BeatGridAutoencoder) -> Encoded:
    autoencoder = autoencoder.to(memory_format=torch.channels_last)
    encoded, figures = [], []
    with torch.no_grad():
        for index, record in enumerate(loops):
            spectrogram = uint8_to_mel(loops.spectrogram(index))
            figures.append(control_figures(spectrogram, record.length))
            with autocast(autoencoder.device):
                latents = autoencoder.encode(torch.from_numpy(spectrogram)[None].to(autoencoder.device))
            encoded.append(latents[0].float().cpu().numpy().astype(np.float16))
    return encoded, np.asarray(figures)
