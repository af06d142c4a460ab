"""``riffsidecar doctor``: look at everything that a render needs, and say what to do about each problem."""

from __future__ import annotations

import argparse

from riffsidecar.cli.checks import ABSENT, CHECKS, OK_STATUS, PROBLEM, Finding, self_test
from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK, PROBLEMS

__all__ = ["add_parser", "run"]

_MARKS = {OK_STATUS: "ok", ABSENT: "--", PROBLEM: "!!"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "doctor",
        help="find out what is missing or broken",
        description="Look at what is installed, the ports, the presets, the folder and the checkpoint, "
        "and render one bar; each problem comes with what to do about it.",
    )
    parser.add_argument("--out", metavar="DIR", help="the folder for the loops; default ./loops")
    parser.add_argument("--port", type=int, metavar="N", help="UDP port of OSC; default 9123")
    parser.add_argument(
        "--plot", default="riffsidecar-doctor.png", metavar="FILE", help="PNG of the self-test's spectrogram"
    )
    parser.add_argument("--no-render", action="store_true", help="leave the self-test render out")
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Make every check and print what it found."""
    findings: list[Finding] = []
    checks = (*CHECKS, *(() if context.args.no_render else (self_test,)))
    for check in checks:
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
