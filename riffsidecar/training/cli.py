"""``riffsidecar train``: build the data, train the nets, write the checkpoint, evaluate it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from riffsidecar.errors import RiffError
from riffsidecar.training.config import TrainingConfig, load_config
from riffsidecar.training.evaluation.parts import PARTS

__all__ = ["main", "parser"]


def parser() -> argparse.ArgumentParser:
    """Return the argument parser of ``riffsidecar train``."""
    root = argparse.ArgumentParser(
        prog="riffsidecar train", description="Make the embedded model, step by step."
    )
    commands = root.add_subparsers(dest="command", required=True)
    for name, text in {
        "text-table": "distil the token table from an Apache-2.0 sentence encoder",
        "data": "compose and render the loops that are still missing",
        "captions": "write the captions of the loops anew, as after words were added; sound and latents stay",
        "autoencoder": "train the autoencoder, or go on where it stopped",
        "denoiser": "train the denoiser and the text encoder, or go on where they stopped",
        "distill": "solve trajectories with the denoiser and learn its flow map, or go on where it stopped",
        "export": "write the checkpoint directory from the last saved state",
        "average": "average the weights of two checkpoints, as of a model before and after a fine-tune",
        "evaluate": "measure a checkpoint beside its references",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", default="base", help="base, tiny or a TOML file (default: base)")
        command.add_argument("--data", type=Path, default=Path("data"), help="folder of the shards")
        command.add_argument(
            "--run", type=Path, default=Path("runs/base"), help="folder of the training state"
        )
        command.add_argument(
            "--text", type=Path, help="folder of tokenizer and token table (default: RUN/text)"
        )
        command.add_argument("--out", type=Path, help="export, average, evaluate: the checkpoint directory")
        command.add_argument(
            "--workers",
            type=int,
            default=max(1, (os.cpu_count() or 2) - 1),
            help="data, evaluate: processes that compose",
        )
        if name in ("autoencoder", "denoiser", "distill"):
            command.add_argument(
                "--start-from",
                type=Path,
                metavar="DIR",
                help="a new run begins with the nets of this checkpoint instead of random ones",
            )
        if name == "average":
            command.add_argument("checkpoints", type=Path, nargs=2, metavar="DIR", help="what to average")
            command.add_argument(
                "--share", type=float, default=0.5, help="how much of the second (default: 0.5)"
            )
        if name == "evaluate":
            command.add_argument("--json", type=Path, help="write the figures to this file")
            command.add_argument(
                "--only",
                type=lambda text: tuple(text.split(",")),
                default=(),
                metavar="PARTS",
                help=f"parts to run, separated by commas (default: all): {', '.join(PARTS)}",
            )
            command.add_argument(
                "--release",
                action="store_true",
                help="open the sealed prompts as well, for weights to be released; it is written down",
            )
    return root


class _Progress:
    """One line a second at most: step, figures, samples per second, time left."""

    def __init__(self, unit: str) -> None:
        self._unit, self._begin, self._last, self._first = unit, time.perf_counter(), 0.0, -1

    def __call__(self, step: int, steps: int, figures: dict[str, float], rate: float) -> None:
        now = time.perf_counter()
        if self._first < 0:
            self._first, self._begin = step, now
        if now - self._last < 1 and step < steps:
            return
        self._last = now
        done = step - self._first
        left = (now - self._begin) / done * (steps - step) if done else 0.0
        shown = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(f"{step}/{steps}  {shown}  {rate:.2f} {self._unit}/s  {left / 60:.1f} min left", flush=True)


def _captions(arguments: argparse.Namespace, config: TrainingConfig) -> None:
    from riffsidecar.training.dataset import rewrite_captions

    rewrite_captions(arguments.data, config.data, lambda done: _say(f"{done} loops"))


def _threads(config: TrainingConfig) -> None:
    import torch

    if config.threads:
        torch.set_num_threads(config.threads)


def _data(arguments: argparse.Namespace, config: TrainingConfig) -> None:
    from riffsidecar.training.dataset import build_data

    progress = _Progress("loops")
    build_data(
        arguments.data,
        config.data,
        workers=arguments.workers,
        report=lambda done, total, rate: progress(done, total, {}, rate),
    )


def _text_folder(arguments: argparse.Namespace) -> Path:
    folder: Path = arguments.text or arguments.run / "text"
    return folder


def _train(arguments: argparse.Namespace, config: TrainingConfig) -> None:
    from riffsidecar.training.autoencoder import (
        train_autoencoder,
        trained_autoencoder,
        validation_error_db,
    )
    from riffsidecar.training.dataset import LoopSet
    from riffsidecar.training.denoiser import train_denoiser
    from riffsidecar.training.run import device
    from riffsidecar.training.start import adopt_autoencoder

    _threads(config)
    loops = LoopSet(arguments.data, held_out=config.held_out)
    print(f"{len(loops.train)} loops to train on, {len(loops.held_out)} held out", flush=True)
    if arguments.command == "autoencoder":
        autoencoder = train_autoencoder(
            loops,
            arguments.run / "autoencoder",
            config,
            _Progress("crops"),
            start_from=arguments.start_from,
        )
        print(f"held-out error {validation_error_db(autoencoder, loops):.3f} dB")
        return
    if arguments.start_from is not None:
        adopt_autoencoder(arguments.start_from, arguments.run / "autoencoder")
    vae = trained_autoencoder(arguments.run / "autoencoder").to(device())
    train_denoiser(
        loops,
        vae,
        _text_folder(arguments),
        arguments.run / "denoiser",
        config,
        _Progress("loops"),
        start_from=arguments.start_from,
    )


def _distill(arguments: argparse.Namespace, config: TrainingConfig) -> None:
    from riffsidecar.training.autoencoder import trained_autoencoder
    from riffsidecar.training.dataset import LoopSet
    from riffsidecar.training.denoiser import Batches, averaged_nets
    from riffsidecar.training.distill import distil
    from riffsidecar.training.latents import LatentSet
    from riffsidecar.training.run import device

    _threads(config)
    loops = LoopSet(arguments.data, held_out=config.held_out)
    vae = trained_autoencoder(arguments.run / "autoencoder").to(device())
    latents = LatentSet(loops, vae, arguments.run / "denoiser" / "latents.npz")
    denoiser, text_encoder = averaged_nets(vae, _text_folder(arguments), arguments.run / "denoiser", config)
    distil(
        denoiser,
        text_encoder,
        _text_folder(arguments),
        arguments.run,
        Batches(latents, loops.train, config.denoiser),
        config,
        _Progress("loops"),
        _Progress("loops"),
        start_from=arguments.start_from,
    )


def _export(arguments: argparse.Namespace, config: TrainingConfig) -> None:
    from riffsidecar.training.export import export_checkpoint

    out = arguments.out or arguments.run / "checkpoint"
    size = export_checkpoint(arguments.run, _text_folder(arguments), out, config, _say)
    print(f"{out}: {size / 1e6:.1f} MB")


def _average(arguments: argparse.Namespace) -> None:
    from riffsidecar.training.average import average_checkpoints

    first, second = arguments.checkpoints
    out = arguments.out or arguments.run / "checkpoint"
    size = average_checkpoints(first, second, out, arguments.share)
    print(f"{out}: {size / 1e6:.1f} MB")


def _evaluate(arguments: argparse.Namespace, config: TrainingConfig) -> int:
    from riffsidecar.training.evaluation.run import evaluate

    _threads(config)
    checkpoint = arguments.out or arguments.run / "checkpoint"
    return evaluate(
        checkpoint,
        arguments.run,
        arguments.data,
        config,
        say=lambda text: print(text, flush=True),
        only=arguments.only,
        release=arguments.release,
        json_path=arguments.json,
        workers=arguments.workers,
    )


def _say(text: str) -> None:
    print(text, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run ``riffsidecar train``; return the exit code."""
    arguments = parser().parse_args(argv)
    try:
        config = load_config(arguments.config)
        if arguments.command == "text-table":
            from riffsidecar.training.text_table import distil

            distil(_text_folder(arguments))
        elif arguments.command == "data":
            _data(arguments, config)
        elif arguments.command == "captions":
            _captions(arguments, config)
        elif arguments.command == "distill":
            _distill(arguments, config)
        elif arguments.command == "export":
            _export(arguments, config)
        elif arguments.command == "average":
            _average(arguments)
        elif arguments.command == "evaluate":
            return _evaluate(arguments, config)
        else:
            _train(arguments, config)
    except RiffError as error:
        print(f"riffsidecar: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
