"""Watch over the render worker: what keeps every loop from being rendered, told once and until it is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from riffsidecar.errors import RiffError
from riffsidecar.render.protocols import Worker

__all__ = ["WorkerHealth"]

logger = logging.getLogger(__name__)

_DOWN = "the render worker died too often: nothing new is rendered"


class WorkerHealth:
    """Know whether the worker works; ``tell`` hears of what keeps it from doing so, and "" when it is over.

    Attributes:
        load_problem: why nothing can be rendered yet; empty where something was.
    """

    def __init__(self, worker: Worker, tell: Callable[[str], None], is_closing: Callable[[], bool]) -> None:
        """Know of no problem."""
        self._worker = worker
        self._tell = tell
        self._is_closing = is_closing
        self._told = ""
        self.load_problem = ""

    def look_after(self, action: Callable[[], object]) -> None:
        """Start or tend the worker; what keeps it from working is shown until it works."""
        try:
            if action():
                self.load_problem = ""
        except RiffError as error:
            # A worker that is ended while it loads has not failed.
            if not self._is_closing():
                self.load_problem = f"no loop can be rendered yet: {error}"
                logger.error("%s", self.load_problem)
        except Exception as error:
            logger.exception("the render worker could not be looked after")
            self.load_problem = f"no loop can be rendered: {type(error).__name__}: {error}"
        self.note()

    def note(self) -> None:
        """Tell what keeps every loop from being rendered, once; an empty text when it is over."""
        rest_s = self._worker.rest_s
        if rest_s <= 0:
            problem = self.load_problem
        elif self._told.startswith(_DOWN):
            problem = self._told
        else:
            again = time.strftime("%H:%M:%S", time.localtime(time.time() + rest_s))
            problem = f"{_DOWN}, and is started again at {again}; run 'riffsidecar doctor' to find the cause"
            logger.error("%s", problem)
        if problem != self._told and not self._is_closing():
            self._told = problem
            self._tell(problem)
