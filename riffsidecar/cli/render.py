"""``riffsidecar render``: make loops from a prompt, without a daemon."""

from __future__ import annotations

import argparse

from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.cli.rendering import describe, loop_document, plot_loop, render_with_progress, started_worker
from riffsidecar.cli.requests import add_request_options, requests_from
from riffsidecar.render.drop import DropFolder

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "render",
        help="make loops from a prompt",
        description="Make loops from a prompt and drop them into a folder.",
        epilog='example: riffsidecar render "warm rhodes chords" --bpm 87.5 --bars 4 --chords "Am F C G" '
        "--count 3",
    )
    add_request_options(parser)
    parser.add_argument("--out", metavar="DIR", help="the folder for the loops; default ./loops")
    parser.add_argument(
        "--plot", action="store_true", help="write the spectrogram with bar lines beside each loop as PNG"
    )
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Render every request and publish each as soon as it is done."""
    requests = requests_from(context.args, context.config)
    drop = DropFolder(context.folder)
    documents: list[dict[str, object]] = []
    try:
        with started_worker(context) as worker:
            for job_id, request in enumerate(requests, 1):
                label = f"loop {job_id} of {len(requests)}"
                loop, render_s = render_with_progress(
                    context, worker, job_id, request, label, beside=requests[job_id:]
                )
                path = drop.publish(loop.stem, loop.wav)
                context.terminal.line(describe(path, request, render_s))
                documents.append(loop_document(path, request, loop, render_s))
                if context.args.plot:
                    plot = plot_loop(loop.wav, request, path.with_suffix(".png"))
                    context.terminal.line(str(plot))
                    documents[-1]["plot"] = str(plot)
    finally:
        # What lies in the folder already is told of even when a later loop fails or is stopped.
        context.terminal.document({"loops": documents})
    return OK
