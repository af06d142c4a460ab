"""Preset files: one TOML file a bank of sixteen pads.

A file that cannot be read raises a :class:`PresetError` that names the file, the key, the value, what is
allowed and the nearest name; whoever reloads a file keeps the last bank that could be read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from riffsidecar.errors import PresetError, RiffError, nearest
from riffsidecar.music import Chords, Key, Meter, Tempo, parse_bars
from riffsidecar.music.shown import shown
from riffsidecar.session.actions import ACTIONS, BoundAction, read_action
from riffsidecar.session.checks import check_keys, located
from riffsidecar.session.knobs import KNOBS, default_ccs
from riffsidecar.session.library import BankLibrary
from riffsidecar.session.pads import FIRST_NOTE, NUM_PADS, Bank, MidiMap, Pad, keys_above
from riffsidecar.session.seeds import SeedChoice, SeedUse

__all__ = ["bank_name", "load_bank", "load_banks", "packaged_presets", "parse_bank", "preset_files"]

_MAX_BYTES: Final = 256 * 1024
_BANK_KEYS: Final = ("title", "tempo", "meter", "bars", "key", "chords", "midi", "pad")
_PAD_KEYS: Final = (
    "name", "prompt", "prompt_b", "negative", "color", "bars", "knobs", "key", "chords", "tonal",
    "seed_audio", "seed_use", "model", "lora", "anchor", "guided",
)  # fmt: skip
_AS_WRITTEN: Final = (
    "name", "prompt", "prompt_b", "negative", "color", "model", "lora", "anchor", "guided",
)  # fmt: skip
_MIDI_KEYS: Final = ("first_note", "velocity", "cc", "note")
_NOTHING: Final = "none"


def packaged_presets() -> Path:
    """Return the folder of the packaged presets: in the wheel, or beside an editable install.

    Raises:
        PresetError: if the installation has none.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_data" / "presets", package.parent / "presets"):
        if folder.is_dir():
            return folder
    raise PresetError(
        f"no presets beside {package}: the installation is incomplete, install riffsidecar again"
    )


def bank_name(path: Path) -> str:
    """Return the name of the bank that a file holds: its stem in lower case, with hyphens.

    >>> bank_name(Path("presets/Drum and Bass.toml"))
    'drum-and-bass'
    """
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")


def preset_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Give the files among ``paths``, and the ``*.toml`` files of folders in the order of their names."""
    for path in paths:
        yield from sorted(path.glob("*.toml")) if path.is_dir() else [path]


def load_banks(paths: Iterable[Path], on_error: Callable[[PresetError], None] | None = None) -> BankLibrary:
    """Read the banks of files, and of the ``*.toml`` files of folders in the order of their names.

    A later bank takes the place of an earlier one of the same name, so that one's own folder wins over the
    packaged one.

    Args:
        paths: files and folders.
        on_error: called with what is wrong with a file, which is then left out; without it, that is raised.

    Raises:
        PresetError: for the first file that cannot be read, or if there is none that can.
    """
    banks: dict[str, Bank] = {}
    for file in preset_files(paths):
        try:
            bank = load_bank(file)
        except PresetError as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            banks[bank.name] = bank
    if not banks:
        raise PresetError(
            "no bank could be read: put at least one preset file (*.toml) into the folder of presets"
        )
    return BankLibrary(tuple(banks.values()))


def load_bank(path: Path) -> Bank:
    """Read the bank of one file.

    Raises:
        PresetError: naming the file, the key, the value, what is allowed and the nearest name.
    """
    if path.exists() and not path.is_file():
        # To open a pipe or a device could wait for ever.
        raise PresetError(f"{path}: cannot be read: it is no file; move it out of the folder of presets")
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise PresetError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > _MAX_BYTES:
        raise PresetError(f"{path}: larger than {_MAX_BYTES // 1024} KiB, which no bank needs")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PresetError(f"{path}: byte {error.start} is no UTF-8: save the file as UTF-8") from error
    return parse_bank(text, bank_name(path), str(path))


def parse_bank(text: str, name: str, where: str) -> Bank:
    """Read a bank from TOML.

    Args:
        text: the content of the file.
        name: the name of the bank.
        where: the name of the file, for messages.

    Raises:
        PresetError: naming the file, the key, the value, what is allowed and the nearest name.
    """
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise PresetError(f"{where}: is no TOML: {error}") from error
    with located(where, PresetError):
        check_keys(table, _BANK_KEYS, PresetError)
        rows = table.get("pad", [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PresetError("pad must be written as [[pad]], once for each pad")
        if len(rows) != NUM_PADS:
            raise PresetError(f"has {len(rows)} [[pad]] tables, but must have {NUM_PADS}, one for each pad")
    pads = []
    for number, row in enumerate(rows, 1):
        label = f" ({row['name'][:32]})" if isinstance(row.get("name"), str) else ""
        with located(f"{where}: pad {number}{label}", PresetError):
            pads.append(_pad(row))
    with located(f"{where}: midi", PresetError):
        midi = _midi(_table(table, "midi"))
    with located(where, PresetError):
        return Bank(
            name=name,
            title=table.get("title", name),
            pads=tuple(pads),
            midi=midi,
            tempo=_parsed(table, "tempo", Tempo.parse),
            meter=_parsed(table, "meter", Meter.parse),
            bars=_parsed(table, "bars", parse_bars),
            key=_parsed(table, "key", Key.parse),
            chords=_parsed(table, "chords", Chords.parse),
        )


def _pad(row: Mapping[str, Any]) -> Pad:
    check_keys(row, _PAD_KEYS, PresetError)
    for needed in ("name", "prompt"):
        if needed not in row:
            raise PresetError(f"lacks {needed}: write {needed} = '...'")
    tonal = row.get("tonal", True)
    if not isinstance(tonal, bool):
        raise PresetError(f"tonal is {shown(tonal)}, but must be true or false")
    written = {part: row[part] for part in _AS_WRITTEN if part in row}
    return Pad(
        **written,
        bars=_parsed(row, "bars", parse_bars),
        knobs=_table(row, "knobs"),
        key=_parsed(row, "key", Key.parse),
        chords=_parsed(row, "chords", Chords.parse),
        tonal=tonal,
        seed_audio=_seed_audio(row),
    )


def _seed_audio(row: Mapping[str, Any]) -> SeedChoice | None:
    name, use = row.get("seed_audio"), row.get("seed_use")
    if name is None and use is not None:
        raise PresetError("seed_use says how seed audio is used: name it with seed_audio")
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip():
        raise PresetError(f"seed_audio is {shown(name)}, but must be the name of a file in the seed folder")
    return SeedChoice(name) if use is None else SeedChoice(name, SeedUse.parse(use))


def _midi(table: Mapping[str, Any]) -> MidiMap:
    check_keys(table, _MIDI_KEYS, PresetError)
    ccs = default_ccs()
    buttons: dict[int, BoundAction] = {}
    for cc, text in _numbered(table, "cc", "controller numbers from 0 to 119"):
        if text in KNOBS:
            ccs[cc] = text
            continue
        ccs.pop(cc, None)
        if text != _NOTHING:
            buttons[cc] = _action(f"cc {cc}", text, (*KNOBS, *ACTIONS))
    first_note = table.get("first_note", FIRST_NOTE)
    keys: dict[int, BoundAction] | None = {} if table.get("note") == _NOTHING else None
    if "note" in table and keys is None:
        keys = keys_above(first_note) if isinstance(first_note, int) else {}
        for note, text in _numbered(table, "note", "notes from 0 to 127"):
            keys.pop(note, None)
            if text != _NOTHING:
                keys[note] = _action(f"note {note}", text, ACTIONS)
    velocity = table.get("velocity")
    if velocity is not None and not isinstance(velocity, str):
        raise PresetError(f"velocity is {shown(velocity)}, but must be the name of a knob")
    return MidiMap(first_note, ccs, velocity, keys, buttons)


def _numbered(table: Mapping[str, Any], key: str, allowed: str) -> Iterator[tuple[int, str]]:
    """Give the rows of a table whose keys are numbers and whose values are text."""
    for written, text in _table(table, key).items():
        if not re.fullmatch(r"[0-9]{1,3}", written, re.ASCII):
            raise PresetError(f"{key} has the key {shown(written)}, but must have {allowed}")
        if not isinstance(text, str):
            what = "the name of a knob, or an action" if key == "cc" else "an action"
            raise PresetError(f"{key} {written} is {shown(text)}, but must be {what}")
        yield int(written), text.strip()


def _action(where: str, text: str, names: Collection[str]) -> BoundAction:
    name = text.split()[0] if text else ""
    if name not in ACTIONS:
        raise PresetError(
            f"{where} is {shown(text)}, but must be one of {', '.join(names)}, or {_NOTHING}"
            f"{nearest(name[:32], names)}"
        )
    try:
        return read_action(text)
    except RiffError as error:
        raise PresetError(f"{where}: {error}") from error


def _parsed(table: Mapping[str, Any], key: str, parse: Callable[[Any], Any]) -> Any:
    return None if key not in table else parse(table[key])


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise PresetError(f"{key} is {shown(value)}, but must be a table")
    return value
