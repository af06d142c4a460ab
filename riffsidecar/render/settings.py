"""Say how the render worker runs: what it loads, how many cores it takes, how long it may be silent."""

from __future__ import annotations

import os
from dataclasses import dataclass

from riffsidecar.errors import ConfigError

__all__ = ["DEFAULT_FACTORY", "WorkerSettings", "available_cores", "default_threads"]

DEFAULT_FACTORY = "riffsidecar.render.render_loop:load_renderer"
"""What the worker calls to get its renderer: ``module:function``, taking the settings."""


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def default_threads(cores: int) -> int:
    """Return how many of ``cores`` the model takes: all but one, which belongs to the DAW.

    >>> default_threads(8), default_threads(2), default_threads(1)
    (7, 1, 1)
    """
    return max(1, cores - 1)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Hold what the worker process is started with.

    ``checkpoint`` is a directory, or empty for the embedded one; ``model`` is loaded beside it at the start
    where it is another installed one; ``threads`` 0 leaves one core to the DAW;
    ``silence_limit_s`` is how long a worker may say nothing before it counts as hung.
    """

    checkpoint: str = ""
    model: str = "embedded"
    threads: int = 0
    nice: int = 5
    log_level: int = 30
    silence_limit_s: float = 180.0
    factory: str = DEFAULT_FACTORY

    def __post_init__(self) -> None:
        """Refuse settings no worker can run with.

        Raises:
            ConfigError: a number is out of range or the factory is not ``module:function``.
        """
        if not 0 <= self.threads <= 256:
            raise ConfigError(f"threads is {self.threads}; give 1 to 256, or 0 for all cores but one")
        if not 0 <= self.nice <= 19:
            raise ConfigError(f"nice is {self.nice}; give 0 (as urgent as the DAW) to 19 (last in line)")
        if not self.silence_limit_s > 0:
            raise ConfigError(f"silence_limit_s is {self.silence_limit_s}; give a number of seconds above 0")
        module, colon, function = self.factory.partition(":")
        if not (module and colon and function):
            raise ConfigError(f"factory is {self.factory!r}; write it as 'module:function'")

    @property
    def resolved_threads(self) -> int:
        """The number of threads the model computes with."""
        return self.threads or default_threads(available_cores())
