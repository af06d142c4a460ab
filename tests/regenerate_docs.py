"""Write the generated pages of docs/ anew: ``python -m tests.regenerate_docs`` at the repository's top."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from riffsidecar.control.osc_page import osc_page_markdown

__all__ = ["DOCS", "PAGES", "main"]

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES: Mapping[str, Callable[[], str]] = MappingProxyType({"OSC.md": osc_page_markdown})
"""What makes each page, by its name."""


def main() -> int:
    """Write the pages, and say where."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8", newline="\n")
        print(f"{DOCS / name} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
