"""``riffsidecar library``: list, search and mark the loops of the drop folder, and copy them out."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.errors import SessionError
from riffsidecar.music import Key, parse_bars
from riffsidecar.music.shown import shown

if TYPE_CHECKING:
    from riffsidecar.render.library import Library, Scan, Wanted
    from riffsidecar.render.library_files import Entry

__all__ = ["add_parser"]

_RANGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)(?:-([0-9]{1,3}(?:\.[0-9]{1,3})?))?", re.ASCII)
_SAME_TEMPO = 0.005


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command, its actions and their options."""
    library = subparsers.add_parser(
        "library",
        help="list, search, mark and copy out the loops of the drop folder",
        description="Every loop that lands in the drop folder is in its library; files that are moved or "
        "deleted are noticed, and never put back.",
    )
    actions = library.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text, run in (
        ("list", "list the loops, the newest first", _list),
        ("search", "find loops by words of their prompt, name or tags", _list),
        ("similar", "list the loops that sound most like one", _similar),
        ("star", "mark loops", _star),
        ("unstar", "take the marks away", _star),
        ("export", "copy loops to a folder, with a manifest; nothing there is replaced", _export),
        ("rescan", "look at all files again", _rescan),
    ):
        parser = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        _add_arguments(parser, name)
        parser.add_argument("--out", metavar="DIR", help="the drop folder; default ./loops")
        add_common_options(parser)
        parser.set_defaults(run=run)


def _add_arguments(parser: argparse.ArgumentParser, action: str) -> None:
    if action == "search":
        parser.add_argument("words", nargs="+", metavar="WORD", help="what a word has to begin with")
    if action == "similar":
        parser.add_argument("name", metavar="NAME|FILE", help="a loop of the library")
        parser.add_argument("--count", type=int, default=10, metavar="N", help="how many; default 10")
    if action in ("star", "unstar"):
        parser.add_argument("names", nargs="+", metavar="NAME|FILE", help="loops of the library")
    if action == "export":
        parser.add_argument("target", type=Path, metavar="DIR", help="where the copies go")
        parser.add_argument(
            "names", nargs="*", metavar="NAME|FILE", help="loops; without any, all that match"
        )
        parser.add_argument(
            "--words", default="", metavar="WORDS", help="words of their prompt, name or tags"
        )
    if action in ("list", "search", "export"):
        parser.add_argument("--bpm", metavar="A-B", help="tempo, such as 120 or 118-124")
        parser.add_argument("--key", metavar="KEY", help="key such as Am")
        parser.add_argument("--bars", metavar="N", help="length in bars")
        parser.add_argument("--starred", action="store_true", help="only those that are marked")
    if action in ("list", "search"):
        parser.add_argument("--missing", action="store_true", help="also those whose file is gone")
        parser.add_argument("--limit", type=int, default=0, metavar="N", help="how many at most")


def _opened(context: Context) -> Library:
    """Return the library, up to date with the folder: a look at names and sizes costs little."""
    from riffsidecar.render.library import Library

    library = Library(context.folder, left_out=(context.config.seed_folder,))
    if library.open():
        context.terminal.note("the library is made from the loops in the folder; this happens once")
    _scanned(context, library)
    return library


def _scanned(context: Context, library: Library) -> Scan:
    def show(number: int, of: int) -> None:
        context.terminal.progress("reading loops", number / max(of, 1))

    scan = library.rescan(show)
    context.terminal.clear_bar()
    return scan


def _wanted(args: argparse.Namespace) -> Wanted:
    from riffsidecar.render.library import Wanted

    words = " ".join(args.words) if isinstance(getattr(args, "words", None), list) else ""
    return Wanted(
        words=words or (args.words if isinstance(getattr(args, "words", None), str) else ""),
        bpm=_bpm_range(args.bpm),
        key="" if args.key is None else str(Key.parse(args.key)),
        bars=None if args.bars is None else float(parse_bars(args.bars)),
        starred=args.starred,
        missing=getattr(args, "missing", False),
        limit=getattr(args, "limit", 0),
    )


def _bpm_range(written: str | None) -> tuple[float, float] | None:
    """Return the slowest and the fastest tempo; one alone is that tempo.

    >>> _bpm_range("118-124"), _bpm_range(None)
    ((118.0, 124.0), None)
    """
    if written is None:
        return None
    match = _RANGE.fullmatch(written.strip())
    if match is None:
        raise SessionError(f"--bpm is {shown(written)}, but must be a tempo or two, such as 120 or 118-124")
    low = float(match[1])
    return (low, float(match[2])) if match[2] else (low - _SAME_TEMPO, low + _SAME_TEMPO)


def _list(context: Context) -> int:
    """List the loops that match."""
    wanted = _wanted(context.args)
    library = _opened(context)
    entries = library.find(wanted)
    _show(context, entries)
    context.terminal.document({"loops": [entry.document(library.folder) for entry in entries]})
    return OK


def _similar(context: Context) -> int:
    """List the loops that sound most like one."""
    if context.args.count < 1:
        raise SessionError(f"--count is {context.args.count}, but must be at least 1")
    library = _opened(context)
    entry = library.named(context.args.name)
    found = library.similar(entry, context.args.count)
    _show(context, [other for other, _ in found], [f"{likeness:.2f}" for _, likeness in found])
    documents = [{**other.document(library.folder), "likeness": round(score, 4)} for other, score in found]
    context.terminal.document({"of": entry.document(library.folder), "loops": documents})
    return OK


def _star(context: Context) -> int:
    """Mark loops, or take the marks away."""
    starred = context.args.action == "star"
    library = _opened(context)
    entries = [library.named(name) for name in context.args.names]
    library.star(entries, starred)
    for entry in entries:
        context.terminal.line(f"{'marked' if starred else 'not marked any more'}: {entry.name}")
    context.terminal.document({"starred": starred, "loops": [entry.name for entry in entries]})
    return OK


def _export(context: Context) -> int:
    """Copy loops to a folder, with a manifest."""
    from riffsidecar.render.library_export import export_loops

    wanted = _wanted(context.args)
    library = _opened(context)
    matching = library.find(wanted)
    if context.args.names:
        chosen = {library.named(name).path for name in context.args.names}
        matching = [entry for entry in matching if entry.path in chosen]
    if not matching:
        raise SessionError("no loop matches, so nothing was exported; see 'riffsidecar library list'")
    done = export_loops(matching, library.folder, context.args.target)
    for path in done.copied:
        context.terminal.line(str(path))
    context.terminal.note(
        f"{len(done.copied)} copied, {len(done.present)} were there already; see {done.manifest}"
    )
    context.terminal.document(
        {
            "copied": [str(path) for path in done.copied],
            "present": [str(path) for path in done.present],
            "manifest": str(done.manifest),
        }
    )
    return OK


def _rescan(context: Context) -> int:
    """Look at all files again, and say what is other than it was."""
    from riffsidecar.render.library import Library

    library = Library(context.folder, left_out=(context.config.seed_folder,))
    library.open()
    scan = _scanned(context, library)
    counts = {
        "new": scan.added,
        "changed": scan.changed,
        "moved": scan.moved,
        "missing": scan.missing,
        "unchanged": scan.unchanged,
        "unreadable": scan.unreadable,
    }
    context.terminal.line(", ".join(f"{count} {word}" for word, count in counts.items()))
    context.terminal.document(counts)
    return OK


def _show(context: Context, entries: list[Entry], scores: list[str] | None = None) -> None:
    rows = []
    for index, entry in enumerate(entries):
        first = ([scores[index]] if scores is not None else []) + ["*" if entry.starred else ""]
        lufs = "" if entry.lufs is None else f"{entry.lufs:.1f}"
        day = time.strftime("%Y-%m-%d", time.localtime(entry.created))
        gone = "  (gone)" if entry.missing else ""
        row = (entry.name + gone, f"{entry.bpm:g}", entry.bars_text, entry.meter, entry.key, lufs, day)
        rows.append((*first, *row, entry.prompt))
    header = (["like"] if scores is not None else []) + [
        "",
        "loop",
        "BPM",
        "bars",
        "meter",
        "key",
        "LUFS",
        "made",
    ]
    context.terminal.table((*header, "prompt"), rows)
