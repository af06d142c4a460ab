"""Write the generated parts of README.md anew: ``python -m tests.regenerate_readme`` at the repository's top.

Each part stands between ``<!-- generated: NAME -->`` and ``<!-- end: NAME -->`` and comes from the tables in
the code, so that it cannot tell another story.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from riffsidecar import errors
from riffsidecar.cli.exit_codes import exit_code_table
from riffsidecar.cli.main import build_parser
from riffsidecar.control.controllers import controller_table
from riffsidecar.control.osc_reference import osc_reference_markdown
from riffsidecar.session.actions import action_table
from riffsidecar.session.knobs import knob_table
from riffsidecar.training.cli import parser as training_parser
from riffsidecar.training.evaluation.parts import PARTS

__all__ = ["README", "SECTIONS", "commands_of", "main", "refreshed"]

README = Path(__file__).resolve().parent.parent / "README.md"

_OFF_THE_WIRE = frozenset({"riff", "training", "bad-pack"})
"""Codes that no client is ever told."""


def commands_of(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Return the help and the parser of every sub-command, in their order."""
    (action,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    helps = {each.dest: each.help or "" for each in action._choices_actions}
    return {name: (helps[name], command) for name, command in action.choices.items()}


def command_table() -> str:
    """Return every sub-command in a line."""
    rows = [(f"`riffsidecar {name}`", text) for name, (text, _) in commands_of(build_parser()).items()]
    return _table(("command", "what it does"), rows)


def option_tables() -> str:
    """Return the options that every command has, then those of each command."""
    commands = {name: dict(_options(parser)) for name, parser in _with_actions(build_parser())}
    del commands["train"]
    shared = {
        option: text
        for option, text in commands["knobs"].items()
        if all(option in each for each in commands.values())
    }
    parts = [_table(("every command", "what it does"), list(shared.items()))]
    for name, options in commands.items():
        own = [(option, text) for option, text in options.items() if option not in shared]
        if own:
            parts.append(_table((f"`riffsidecar {name}`", "what it does"), own))
    return "\n".join(parts)


def _with_actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give every sub-command; in the place of one that has actions, each of them."""
    for name, (_, command) in commands_of(parser).items():
        if any(isinstance(each, argparse._SubParsersAction) for each in command._actions):
            for action, (_, deeper) in commands_of(command).items():
                yield f"{name} {action}", deeper
        else:
            yield name, command


def training_table() -> str:
    """Return every step of the training in a line."""
    rows = [
        (f"`riffsidecar train {name}`", text) for name, (text, _) in commands_of(training_parser()).items()
    ]
    return _table(("step", "what it does"), rows)


def evaluation_table() -> str:
    """Return every part of the evaluation in a line."""
    return _table(("part", "what is measured"), [(f"`{name}`", text) for name, text in PARTS.items()])


def exit_codes() -> str:
    """Return the exit codes with their meaning."""
    rows = [
        (code, text)
        for code, text in (line.strip().split(maxsplit=1) for line in exit_code_table().splitlines())
    ]
    return _table(("exit code", "what it says"), rows)


def error_codes() -> str:
    """Return the codes of ``/riff/error`` with what each stands for."""
    found: dict[str, list[str]] = {}
    for error in _tree(errors.RiffError):
        text = (error.__doc__ or "").strip().splitlines()[0].rstrip(".")
        found.setdefault(error.code, []).append(text[0].lower() + text[1:])
    rows = [
        (f"`{code}`", "; ".join(texts)) for code, texts in sorted(found.items()) if code not in _OFF_THE_WIRE
    ]
    return _table(("code", "what went wrong"), rows)


def _tree(root: type[errors.RiffError]) -> Iterator[type[errors.RiffError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child)


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        written = ", ".join(action.option_strings)
        value = str(action.metavar or action.dest) if action.nargs != 0 else ""
        usage = f"{written} {value}".strip()
        usage = usage.replace("|", "\\|")
        yield f"`{usage}`" if action.required or written else f"`[{usage}]`", action.help or ""


def _table(header: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    cells = [header, ("---", "---"), *((left, right.replace("|", "\\|")) for left, right in rows)]
    return "\n".join(f"| {left} | {right} |" for left, right in cells) + "\n"


SECTIONS: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "commands": command_table,
        "options": option_tables,
        "knobs": knob_table,
        "controllers": controller_table,
        "actions": action_table,
        "osc": osc_reference_markdown,
        "error codes": error_codes,
        "exit codes": exit_codes,
        "training": training_table,
        "evaluation": evaluation_table,
    }
)
"""What makes each generated part, by its name."""


def refreshed(text: str) -> str:
    """Return the README with every generated part as the code has it now.

    Raises:
        ValueError: a part has no place in the README, or more than one.
    """
    for name, make in SECTIONS.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        place = re.compile(f"(?<={re.escape(begin)}\n).*?(?=^{re.escape(end)}$)", re.DOTALL | re.MULTILINE)
        body = f"\n{make().strip()}\n\n"
        text, found = place.subn(lambda _, body=body: body, text)
        if found != 1:
            raise ValueError(
                f"README has {found} places for {begin}; it needs exactly one, with {end} after it"
            )
    return text


def main() -> int:
    """Write README.md anew where it differs, and say so."""
    before = README.read_text(encoding="utf-8")
    after = refreshed(before)
    if after == before:
        print("README.md is as the code has it")
        return 0
    partial = README.with_suffix(".md.part")
    partial.write_text(after, encoding="utf-8", newline="\n")
    partial.replace(README)
    print("README.md was written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
