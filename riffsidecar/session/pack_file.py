"""Pack recipes: one TOML file a pack.

A file that cannot be read raises a :class:`PackError` that names the file, the key, the value, what is
allowed and the nearest name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from riffsidecar.errors import PackError
from riffsidecar.music import Key, Tempo, parse_bars
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import MAX_SEED, check_int, check_keys, check_seed, located
from riffsidecar.session.drum_words import is_tonal
from riffsidecar.session.options import check_option
from riffsidecar.session.packs import PackPrompt, PackRecipe

__all__ = ["load_pack", "parse_pack"]

_MAX_BYTES: Final = 1024 * 1024
_MAX_SEEDS: Final = 1000
_GRID: Final[Mapping[str, tuple[str, Callable[[Any], Any], str]]] = {
    "bpm": ("tempi", Tempo.parse, "a tempo, or a list of tempi, such as [90, 120]"),
    "bars": ("bars", parse_bars, "a number of bars, or a list of them, such as [2, 4]"),
    "keys": ("keys", Key.parse, "a key, or a list of keys, such as ['Am', 'C']"),
}
_OPTIONS: Final = (
    "meter", "chords", "negative", "sample_rate", "bit_depth", "loudness_lufs", "lora", "anchor", "seam",
    "guided", "quality", "guidance", "brightness", "density", "energy",
)  # fmt: skip
_PACK_KEYS: Final = (
    "name", "label", "prompts", "prompt", *_GRID, "seeds", "seed", "tries", "likeness", *_OPTIONS,
)  # fmt: skip
_OF_PROMPT: Final = (
    "negative", "lora", "anchor", "guided", "quality", "guidance", "brightness", "density", "energy",
)  # fmt: skip
_PROMPT_KEYS: Final = ("prompt", "name", "group", "tonal", *_OF_PROMPT)


def load_pack(path: Path, defaults: Mapping[str, Any] | None = None) -> PackRecipe:
    """Read the recipe of a file; ``defaults`` are options for what it does not say.

    Raises:
        PackError: naming the file, the key, the value, what is allowed and the nearest name.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise PackError(
            f"{path}: cannot be read: {error.strerror or error}; name a recipe, a TOML file"
        ) from error
    if len(data) > _MAX_BYTES:
        raise PackError(f"{path}: larger than {_MAX_BYTES // 1024} KiB, which no recipe needs")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PackError(f"{path}: byte {error.start} is no UTF-8: save the file as UTF-8") from error
    return parse_pack(text, str(path), path.stem, defaults)


def parse_pack(
    text: str, where: str, name: str = "", defaults: Mapping[str, Any] | None = None
) -> PackRecipe:
    """Read a recipe from TOML.

    Args:
        text: the content of the file.
        where: the name of the file, for messages.
        name: the name of the pack where the file gives none.
        defaults: options for what the file does not say.

    Raises:
        PackError: naming the file, the key, the value, what is allowed and the nearest name.
    """
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise PackError(f"{where}: is no TOML: {error}") from error
    with located(where, PackError):
        check_keys(table, _PACK_KEYS, PackError)
        prompts = _prompts(table, where)
        values: dict[str, Any] = {"name": table.get("name", name), "prompts": prompts, "seeds": _seeds(table)}
        values |= {key: table[key] for key in ("label", "tries", "likeness") if key in table}
        if "bpm" not in table:
            raise PackError("lacks bpm: write bpm = 120, or a list such as bpm = [90, 120]")
        for key, (name_of, parse, allowed) in _GRID.items():
            if key in table:
                values[name_of] = tuple(_each(key, table[key], parse, allowed))
        recipe = PackRecipe(**values, options={**(defaults or {}), **_read(table, _OPTIONS)})
        recipe.cells()
        return recipe


def _prompts(table: Mapping[str, Any], where: str) -> tuple[PackPrompt, ...]:
    plain, rows = table.get("prompts", []), table.get("prompt", [])
    if not isinstance(plain, list) or not all(isinstance(each, str) for each in plain):
        raise PackError(f"prompts is {shown(plain)}, but must be a list of texts; tables are [[prompt]]")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PackError("prompt must be written as [[prompt]], once for each")
    if not plain and not rows:
        raise PackError("lacks prompts: write prompts = ['dusty boom bap drums'], or [[prompt]] tables")
    found = [PackPrompt(text, tonal=is_tonal(text)) for text in plain]
    for number, row in enumerate(rows, 1):
        with located(f"prompt {number}", PackError):
            found.append(_prompt(row))
    return tuple(found)


def _prompt(row: Mapping[str, Any]) -> PackPrompt:
    check_keys(row, _PROMPT_KEYS, PackError)
    if "prompt" not in row:
        raise PackError("lacks prompt: write prompt = 'warm rhodes chords'")
    for key in ("prompt", "name", "group"):
        if not isinstance(row.get(key, ""), str):
            raise PackError(f"{key} is {shown(row[key])}, but must be text")
    tonal = row.get("tonal", is_tonal(row["prompt"]))
    if not isinstance(tonal, bool):
        raise PackError(f"tonal is {shown(tonal)}, but must be true or false")
    texts = {key: row[key] for key in ("name", "group") if key in row}
    return PackPrompt(row["prompt"], **texts, tonal=tonal, options=_read(row, _OF_PROMPT))


def _seeds(table: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the seeds of a list, or so many from ``seed`` on."""
    written = table.get("seeds", 1)
    if isinstance(written, list):
        if "seed" in table:
            raise PackError(
                "seed is the first of a number of seeds, but seeds is a list: leave one of them out"
            )
        return tuple(_each("seeds", written, check_seed, "a number of seeds, or a list of them"))
    first = check_seed(table.get("seed", 1))
    count = check_int("seeds", written, 1, _MAX_SEEDS)
    return tuple((first + step) % (MAX_SEED + 1) for step in range(count))


def _each(key: str, written: Any, parse: Callable[[Any], Any], allowed: str) -> Iterator[Any]:
    values = written if isinstance(written, list) else [written]
    if not values:
        raise PackError(f"{key} is an empty list, but must be {allowed}")
    read: set[str] = set()
    for value in values:
        if isinstance(value, list | dict | bool):
            raise PackError(f"{key} holds {shown(value)}, but must be {allowed}")
        with located(key, PackError):
            found = parse(value)
        if str(found) in read:
            raise PackError(f"{key} names {shown(value)} twice, but each may stand there once")
        read.add(str(found))
        yield found


def _read(table: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        if name in table:
            with located(name, PackError):
                found[name] = check_option(name, table[name])
    return found
