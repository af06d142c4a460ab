"""The page about OSC says what the tables say, and its examples are taken by the daemon."""

from __future__ import annotations

import doctest
import re
import shlex

import pytest
from regenerate_docs import DOCS, PAGES

from riffsidecar.control import osc_page
from riffsidecar.control.osc_page import osc_page_markdown
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS, find_address

KINDS = {"i": int, "f": float, "s": str}


@pytest.mark.parametrize("name", PAGES)
def test_every_generated_page_is_as_the_code_has_it(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: python -m tests.regenerate_docs"


def test_every_address_has_its_arguments_answers_and_example() -> None:
    page = osc_page_markdown()
    for address, row in ADDRESSES.items():
        part = page.partition(f"### `{row.usage}`\n")[2].partition("\n### ")[0]
        assert all(f"| `{item.name}` |" in part for item in row.arguments), address
        assert all(f"`{answer}`" in part for answer in row.answers), address
        assert f"oscsend 127.0.0.1 9123 {address}" in part
    assert all(f"### `{answer}`" in page for answer in ANSWERS)


def test_every_example_is_what_the_daemon_takes() -> None:
    lines = re.findall(r"^oscsend .*$", osc_page_markdown(), re.MULTILINE)
    assert len(lines) == len(ADDRESSES)
    for line in lines:
        _, _, _, address, *rest = shlex.split(line)
        tags, values = (rest[0], rest[1:]) if rest else ("", [])
        given = tuple(KINDS[tag](value) for tag, value in zip(tags, values, strict=True))
        row = find_address(address)
        row.check(given)
        if row.build is not None:
            row.command(given)


def test_doctests() -> None:
    assert doctest.testmod(osc_page).failed == 0
