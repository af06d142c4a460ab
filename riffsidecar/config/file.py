"""Read the configuration: one TOML file, every key checked, an unknown one answered with the nearest known.

The file is data: nothing in it is expanded from the environment or evaluated.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from riffsidecar.config.tables import TABLES, Config
from riffsidecar.errors import ConfigError, nearest

__all__ = ["LEARNED_FILE", "config_path", "load_config", "parse_config"]

Table = TypeVar("Table")

LEARNED_FILE: Final = "learned.toml"
"""The name of the file that learn mode keeps beside the configuration."""


def config_path(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return where the configuration lies when no other file is named; it need not exist.

    >>> config_path({"XDG_CONFIG_HOME": "/c"}, "linux").as_posix()
    '/c/riffsidecar/config.toml'
    """
    if platform == "win32":
        base = Path(environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "riffsidecar" / "config.toml"


def load_config(path: Path | None = None) -> Config:
    """Read the configuration from ``path``, or from its usual place where a missing file means the defaults.

    What learn mode has learned lies beside the file, where the file names no other place.

    Raises:
        ConfigError: the file is missing where it was named, is not TOML, or holds an unknown key or a bad
            value.
    """
    where = path if path is not None else config_path()
    try:
        text = where.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if path is None:
            return Config()
        raise ConfigError(
            f"there is no configuration file {where}; name one that exists or leave --config out"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the configuration file {where} cannot be read: {error}; it has to be UTF-8 text"
        ) from error
    config = parse_config(text, str(where))
    if config.midi.learned:
        return config
    beside = where.absolute().with_name(LEARNED_FILE)
    return replace(config, midi=replace(config.midi, learned=str(beside)))


def parse_config(text: str, name: str = "configuration") -> Config:
    r"""Return the configuration that ``text`` holds; ``name`` is the file in messages.

    >>> parse_config("[session]\nbpm = 87.5").session.bpm
    87.5

    Raises:
        ConfigError: the text is not TOML, or holds an unknown key or a bad value.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not TOML: {error}; mend the line or leave the file out") from error
    tables: dict[str, Any] = {}
    for key, value in document.items():
        if key not in TABLES:
            raise ConfigError(
                f"{name}: unknown table [{key}]{nearest(key, TABLES)}; known are {', '.join(TABLES)}"
            )
        if not isinstance(value, dict):
            raise ConfigError(f"{name}: {key} is {value!r}; write it as a table [{key}]")
        try:
            tables[key] = _build(TABLES[key], key, value)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from error
    return Config(**tables)


def _build(table: type[Table], name: str, values: Mapping[str, object]) -> Table:
    defaults = {each.name: each.default for each in fields(table)}  # type: ignore[arg-type]
    checked: dict[str, object] = {}
    for key, value in values.items():
        if key not in defaults:
            known = ", ".join(defaults)
            raise ConfigError(f"unknown key {name}.{key}{nearest(key, defaults)}; known are {known}")
        checked[key] = _as_kind_of(f"{name}.{key}", value, defaults[key])
    return table(**checked)


def _as_kind_of(name: str, value: object, default: object) -> object:
    """Return ``value`` as the kind of the default: an int counts as a float, a list of strings as a tuple."""
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise ConfigError(f"{name} is {value!r}; give a list of strings")
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ConfigError(f"{name} is {value!r}; give {_KINDS[type(default)]}")
    return value


_KINDS: Mapping[type, str] = MappingProxyType(
    {str: "a string in quotes", int: "a whole number", float: "a number", bool: "true or false"}
)
