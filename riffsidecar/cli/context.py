"""Hold what every command is handed besides its own options."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from riffsidecar.cli.terminal import Terminal
from riffsidecar.config import Config, load_config
from riffsidecar.daemon import worker_settings
from riffsidecar.render.settings import WorkerSettings

__all__ = ["Context", "add_common_options", "add_model_options", "configured"]


@dataclass(frozen=True, slots=True)
class Context:
    """The options, the configuration with them laid over it, the terminal and the worker's factory."""

    args: argparse.Namespace
    config: Config
    terminal: Terminal
    factory: str

    @property
    def worker_settings(self) -> WorkerSettings:
        """The settings of the render worker."""
        return worker_settings(self.config, self.factory)

    @property
    def folder(self) -> Path:
        """The folder that loops go to, as it was written."""
        return Path(self.config.output.folder)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration file (TOML) instead of the usual one"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("-v", "--verbose", action="store_true", help="say more on stderr")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that render."""
    parser.add_argument("--model", metavar="NAME", help="an installed model; see 'riffsidecar model list'")
    parser.add_argument("--checkpoint", metavar="DIR", help="a checkpoint instead of the embedded one")
    parser.add_argument("--threads", type=int, metavar="N", help="cores the model takes; default all but one")


def configured(args: argparse.Namespace) -> Config:
    """Return the configuration with the options of the command line laid over it.

    Raises:
        ConfigError: the file or an option cannot be.
    """
    config = load_config(args.config)
    overrides = {
        "output": {"folder": "out"},
        "osc": {"bind": "bind", "port": "port", "token": "token", "query_port": "osc_query"},
        "render": {"checkpoint": "checkpoint", "model": "model", "threads": "threads"},
        "presets": {"folder": "presets"},
    }
    for table, names in overrides.items():
        given = {key: getattr(args, option, None) for key, option in names.items()}
        changed = {key: value for key, value in given.items() if value is not None}
        if changed:
            config = replace(config, **{table: replace(getattr(config, table), **changed)})
    return config
