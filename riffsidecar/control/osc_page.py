"""Write the OSC protocol down as a page: every address with its arguments, answers and an example."""

from __future__ import annotations

from riffsidecar.control.osc_codec import OscValue
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS, OscAddress

__all__ = ["osc_page_markdown", "oscsend_words"]

_KINDS = {"whole": "whole number", "number": "number", "text": "text", "any": "number or text"}
_TAGS = {int: "i", float: "f", str: "s"}


def oscsend_words(row: OscAddress) -> list[str]:
    """Return the example of an address as the words of liblo's ``oscsend``.

    >>> oscsend_words(ADDRESSES["/riff/meter"])
    ['oscsend', '127.0.0.1', '9123', '/riff/meter', 'ii', '7', '8']
    """
    tags = "".join(_TAGS[type(value)] for value in row.example)
    return ["oscsend", "127.0.0.1", "9123", row.address, *([tags] if tags else []), *map(_word, row.example)]


def osc_page_markdown() -> str:
    """Return the page.

    >>> osc_page_markdown().splitlines()[0]
    '# The OSC protocol of riffsidecar'
    """
    lines = [
        "# The OSC protocol of riffsidecar",
        "",
        "This page is made from the tables that the daemon itself reads: `python -m tests.regenerate_docs`.",
        "",
        "UDP on 127.0.0.1, port 9123. The types are i, f and s; numbers may come as i or as f. A request may "
        "end in a string `id:...`, which every answer to it carries; where it has none the daemon makes one. "
        "Where the daemon wants a token, the first argument is the string `token:...`.",
        "",
        "## What riffsidecar takes",
        "",
    ]
    for row in ADDRESSES.values():
        lines += [*_address(row), ""]
    lines += ["## What riffsidecar sends", ""]
    for answer in ANSWERS.values():
        text = f"{answer.help[:1].upper()}{answer.help[1:]}."
        lines += [f"### `{answer.address}`", "", text, "", f"Arguments: `{answer.arguments}`", ""]
    return "\n".join(lines).rstrip() + "\n"


def _address(row: OscAddress) -> list[str]:
    ends = ("/riff/ack", *row.answers, "/riff/done") if row.build else (*row.answers, "/riff/done")
    lines = [f"### `{row.usage}`", "", f"{row.help[:1].upper()}{row.help[1:]}.", ""]
    if row.arguments:
        lines += ["| argument | is | needed |", "| --- | --- | --- |"]
        lines += [
            f"| `{item.name}` | {_KINDS[item.kind]} | {'yes' if item.required else 'no'} |"
            for item in row.arguments
        ]
        if row.rest:
            lines.append(f"| `{row.rest}` | more of them | no |")
        lines.append("")
    words = " ".join(f"'{word}'" if " " in word or "#" in word else word for word in oscsend_words(row))
    answers = ", ".join(f"`{address}`" for address in ends)
    return [*lines, f"Answers: {answers}; or `/riff/error`.", "", "```sh", words, "```"]


def _word(value: OscValue) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
