"""Write the OSC protocol down for people, and in examples for tests; both come from the table."""

from __future__ import annotations

from riffsidecar.control.osc_codec import encode_message
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS

__all__ = ["osc_examples", "osc_reference_markdown"]


def osc_examples() -> tuple[bytes, ...]:
    """Return one valid packet for every address, for tests and fuzzing to begin from."""
    return tuple(encode_message(row.address, *row.example) for row in ADDRESSES.values())


def osc_reference_markdown() -> str:
    """Return the protocol as two Markdown tables: what riffsidecar takes, and what it sends.

    >>> print(osc_reference_markdown().splitlines()[0])
    | address | answer | what it does |
    """
    lines = ["| address | answer | what it does |", "|---|---|---|"]
    for row in ADDRESSES.values():
        ends = ("/riff/ack", *row.answers, "/riff/done") if row.build else (*row.answers, "/riff/done")
        answers = ", ".join(f"`{address}`" for address in ends)
        lines.append(f"| `{_cell(row.usage)}` | {answers} | {_cell(row.help)} |")
    lines += ["", "| answer | arguments | what it says |", "|---|---|---|"]
    lines += [f"| `{row.address}` | `{row.arguments}` | {_cell(row.help)} |" for row in ANSWERS.values()]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
