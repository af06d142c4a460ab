"""Write the checkpoint directory that the pipeline loads: components in half precision, safetensors only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from riffsidecar.diffusion.pipeline import build_pipeline
from riffsidecar.diffusion.text import load_tokenizer
from riffsidecar.training.autoencoder import trained_autoencoder
from riffsidecar.training.config import TrainingConfig
from riffsidecar.training.denoiser import averaged_nets
from riffsidecar.training.distill import matching_adapter

__all__ = ["export_checkpoint"]


def export_checkpoint(
    run: Path, text_folder: Path, out: Path, config: TrainingConfig, say: Callable[[str], None]
) -> int:
    """Write ``out`` from the averaged weights of ``run``; return its size in bytes.

    A flow map is written as well where one was distilled from this very denoiser; ``say`` is told if not.
    The old checkpoint, if there is one, is replaced only when the new one is complete.
    """
    vae = trained_autoencoder(run / "autoencoder")
    denoiser, text_encoder = averaged_nets(vae, text_folder, run / "denoiser", config)
    flow_map = matching_adapter(denoiser, text_encoder, text_folder, run, config)
    if flow_map is None:
        say("no flow map: none was distilled from this denoiser, so drafts will be solved as usual")
    pipeline = build_pipeline(
        vae.half(),
        denoiser.half(),
        text_encoder.half(),
        load_tokenizer(text_folder),
        None if flow_map is None else flow_map.half(),
    )
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    pipeline.save_pretrained(partial, safe_serialization=True)
    for path in partial.glob("*/config.json"):
        _forget_origin(path)
    shutil.rmtree(out, ignore_errors=True)
    partial.replace(out)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _forget_origin(path: Path) -> None:
    """Leave out where a component was loaded from: a folder of the machine that trained it."""
    settings = json.loads(path.read_text("utf-8"))
    settings.pop("_name_or_path", None)
    path.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", "utf-8")
