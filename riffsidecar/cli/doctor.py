"""``riffsidecar doctor``: look at everything that a render needs, and say what to do about each problem."""

from __future__ import annotations

import argparse

from riffsidecar.cli.checks import ABSENT, CHECKS, OK_STATUS, PROBLEM, Finding
from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK, PROBLEMS
from riffsidecar.errors import SessionError

__all__ = ["add_parser", "run"]

_MARKS = {OK_STATUS: "ok", ABSENT: "--", PROBLEM: "!!"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "doctor",
        help="find out what is missing or broken",
        description="Look at what is installed, the ports, the presets, the folder, the checkpoint and the "
        "devices, render two bars and draw their spectrogram; each problem comes with what to do about it.",
    )
    parser.add_argument("--out", metavar="DIR", help="the folder for the loops; default ./loops")
    parser.add_argument("--port", type=int, metavar="N", help="UDP port of OSC; default 9123")
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="PNG of the self-test's spectrogram; default riffsidecar-doctor.png in the folder for the loops",
    )
    parser.add_argument(
        "--no-render", action="store_true", help="load the model, but leave the self-test and its PNG out"
    )
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Make every check and print what it found."""
    if context.args.no_render and context.args.plot is not None:
        raise SessionError("--plot draws the self-test, which --no-render leaves out; give one of them")
    findings: list[Finding] = []
    for check in CHECKS:
        for finding in check(context):
            findings.append(finding)
            context.terminal.line(f"{_MARKS[finding.status]}  {finding.name}: {finding.detail}")
            if finding.remedy:
                context.terminal.line(f"      -> {finding.remedy}")
    problems = [finding for finding in findings if finding.status == PROBLEM]
    context.terminal.line("all is well" if not problems else f"{len(problems)} to mend")
    context.terminal.document(
        {
            "healthy": not problems,
            "findings": [
                {"name": each.name, "status": each.status, "detail": each.detail, "remedy": each.remedy}
                for each in findings
            ],
        }
    )
    return PROBLEMS if problems else OK
