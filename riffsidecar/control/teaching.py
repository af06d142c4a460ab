"""What a MIDI surface knows of its controller: its row of the table, what it was taught, what it awaits."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from riffsidecar.control.controllers import GENERIC, Controller, find_controller, guess_controller
from riffsidecar.control.learned import LearnedControl, Learner, read_learned, with_learned, write_learned
from riffsidecar.control.leds import PadLights
from riffsidecar.control.midi_parse import MidiParser
from riffsidecar.errors import MidiError
from riffsidecar.session.events import StateChanged
from riffsidecar.session.learning import FORGET, Learned

__all__ = ["ControllerDesk"]

logger = logging.getLogger(__name__)


class ControllerDesk:
    """Keep parser and lights in step with the controller that is there and with what it was taught.

    Args:
        parser: reads its messages.
        lights: writes its lights.
        controller: the name of a row; empty to go by the port's name.
        file: where what was learned is kept; None keeps it until the end.
    """

    def __init__(
        self, parser: MidiParser, lights: PadLights, controller: str = "", file: Path | None = None
    ) -> None:
        """Read what was learned; a file that cannot be read is told of and left as it is.

        Raises:
            UnknownNameError: there is no controller of that name.
        """
        self._parser = parser
        self._lights = lights
        self._named = find_controller(controller) if controller else None
        self._file = file
        self._ties: tuple[LearnedControl, ...] = ()
        self._controller = self._named or GENERIC
        self._learner: Learner | None = None
        self._armed: tuple[object, object] = ("", "auto")
        self._is_readable = True
        if file is not None:
            try:
                self._ties = read_learned(file)
            except MidiError as error:
                logger.warning("%s", error)
                self._is_readable = False
        self._apply()

    @property
    def controller(self) -> Controller:
        """Return the row that is in force."""
        return self._controller

    def meet(self, port: str) -> None:
        """Take the controller that a port's name tells, where none was named."""
        if self._named is None:
            self._controller = guess_controller(port)
            if self._controller is not GENERIC:
                logger.info("the MIDI controller is a %s", self._controller.title)
            self._apply()

    def watch(self, event: StateChanged) -> Learned | None:
        """Begin or end to learn as the session says; return what is learned at once, which is to forget."""
        armed = (event.state.get("learning", ""), event.state.get("learn_mode", "auto"))
        if armed == self._armed:
            return None
        self._armed = armed
        target, mode = str(armed[0]), str(armed[1])
        self._learner = None
        if not target:
            return None
        if mode == FORGET:
            self._keep(tie for tie in self._ties if tie.target != target)
            return Learned(f"{target}: forgotten")
        self._learner = Learner(target, mode)
        return None

    def hear(self, data: Sequence[int]) -> tuple[bool, Learned | None]:
        """Return whether a message is taken for learning, and what was learned by it."""
        if self._learner is None or (data and data[0] >= 0xF0):
            return False, None
        tie = self._learner.feed(data)
        if tie is None:
            return True, None
        self._learner = None
        self._keep(with_learned(self._ties, tie))
        return True, Learned(tie.said)

    def _keep(self, ties: Iterable[LearnedControl]) -> None:
        self._ties = tuple(ties)
        self._apply()
        if self._file is None:
            return
        if not self._is_readable:
            logger.warning("what was learned is not kept, because %s cannot be read", self._file)
            return
        write_learned(self._file, self._ties)

    def _apply(self) -> None:
        self._parser.use(self._controller, self._ties)
        is_plain = self._controller.notes == GENERIC.notes and self._controller.colors == GENERIC.colors
        self._lights.use(None if is_plain else self._controller.lit)
