"""The keys of a computer as pads of a player: what they start and stop, and how new loops come to sound."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from riffsidecar.audio.player import Deck, PlayedLoop, prepared
from riffsidecar.control.sound_output import DeckPlayer
from riffsidecar.control.surface import Submit
from riffsidecar.errors import ControlError, RiffError
from riffsidecar.render.recipe import LoopFile, read_loop
from riffsidecar.session.commands import Command, Perform, TriggerPad
from riffsidecar.session.events import Envelope, Event, Failed, Finished, Origin, Previewed

__all__ = ["KEYS", "STOP_KEY", "KeyPads", "loaded", "pad_of_key"]

logger = logging.getLogger(__name__)

KEYS: Final = "zxcvasdfqwer1234"
"""The keys of pads 1 to 16, in rows as on a pad controller: pad 1 is below on the left."""

STOP_KEY: Final = " "
_SHIFTED: Final[Mapping[str, str]] = MappingProxyType({"!": "1", "@": "2", '"': "2", "#": "3", "$": "4"})


def pad_of_key(key: str) -> tuple[int, bool] | None:
    """Return the pad of a key, and whether it was shifted; None for other keys.

    >>> pad_of_key("z"), pad_of_key("A"), pad_of_key("p")
    ((1, False), (5, True), None)
    """
    plain = _SHIFTED.get(key, key.lower())
    at = KEYS.find(plain) if len(plain) == 1 else -1
    return None if at < 0 else (at + 1, plain != key)


def loaded(loop: LoopFile, deck: Deck, sample_rate: int, gain: float, name: str) -> PlayedLoop:
    """Return a loop as the deck plays it.

    Raises:
        ControlError: it is of another tempo, meter or sample rate than the deck.
    """
    length = loop.request.length
    bar = length.meter.quarters_per_bar * 60 * sample_rate / length.tempo.bpm
    if loop.waveform.sample_rate != sample_rate or bar != deck.samples_per_bar:
        raise ControlError(
            f"{name} has {length.tempo} BPM, {length.meter} and {loop.waveform.sample_rate} Hz, unlike what "
            "plays; play loops of one tempo, meter and sample rate"
        )
    return prepared(loop.waveform, loop.request.bars, gain, name)


class KeyPads:
    """A surface of sixteen keys that plays what it asks for.

    A key plays its pad's loop from the next bar on, or stops it there. A pad that has none yet asks the
    session for one; a shifted key asks for another, which takes the place of the one that sounds at a bar
    line.
    """

    name = "keys"

    def __init__(
        self, player: DeckPlayer, sample_rate: int, gain: float, tell: Callable[[str], None]
    ) -> None:
        """Play on ``player``; ``tell`` is told in a line what happens."""
        self._player, self._sample_rate, self._gain, self._tell = player, sample_rate, gain, tell
        self._loops: dict[int, PlayedLoop] = {}
        self._sounding: set[int] = set()
        self._asked: set[int] = set()
        self._submit: Submit | None = None
        self._lock = threading.Lock()

    def start(self, submit: Submit) -> None:
        """Ask ``submit`` for loops from now on."""
        self._submit = submit

    def close(self) -> None:
        """Ask nobody any more."""
        self._submit = None

    def load(self, pad: int, loop: PlayedLoop) -> None:
        """Give a pad its loop."""
        with self._lock:
            self._loops[pad] = loop

    def press(self, key: str) -> bool:
        """Do what a key says; False where it says nothing."""
        if key == STOP_KEY:
            with self._lock:
                self._sounding.clear()
                self._asked.clear()
            self._player.change(Deck.stop)
            self._tell("all pads stop")
            return True
        found = pad_of_key(key)
        if found is None:
            return False
        self._play(*found)
        return True

    def notify(self, event: Event) -> None:
        """Take a loop that has come, and let it sound from the next bar line on where it was asked for."""
        come = event.loop if isinstance(event, Previewed) else event
        if isinstance(come, Failed) and come.origin.surface == self.name:
            self._asked.discard(come.slot or 0)
            self._tell(f"pad {come.slot}: {come.text}" if come.slot else come.text)
        if not isinstance(come, Finished) or not come.path or not 1 <= come.slot <= len(KEYS):
            return
        try:
            file = read_loop(Path(come.path))
            loop = loaded(file, self._player.deck, self._sample_rate, self._gain, Path(come.path).name)
        except RiffError as error:
            self._tell(f"pad {come.slot}: {error}")
            return
        with self._lock:
            self._loops[come.slot] = loop
            plays = come.slot in self._asked or come.slot in self._sounding
            self._asked.discard(come.slot)
        if plays:
            self._cue(come.slot, loop)

    def _play(self, pad: int, another: bool) -> None:
        with self._lock:
            loop = self._loops.get(pad)
            stops = pad in self._sounding and not another
        if stops:
            self._sounding.discard(pad)
            self._player.change(lambda deck: deck.cue(pad, None))
            self._tell(f"pad {pad} stops at the bar")
        elif loop is not None and not (another and self._submit is not None):
            self._cue(pad, loop)
        else:
            self._ask(pad, another and loop is not None)

    def _cue(self, pad: int, loop: PlayedLoop) -> None:
        with self._lock:
            self._sounding.add(pad)
        self._player.change(lambda deck: deck.cue(pad, loop))
        self._tell(f"pad {pad} plays {loop.name} from the next bar on")

    def _ask(self, pad: int, another: bool) -> None:
        submit = self._submit
        if submit is None:
            self._tell(f"pad {pad} has no loop")
            return
        command: Command = Perform("again", slot=pad) if another else TriggerPad(pad)
        with self._lock:
            self._asked.add(pad)
        try:
            submit(Envelope(command, Origin(self.name)))
            self._tell(f"pad {pad} is being made")
        except RiffError as error:
            self._asked.discard(pad)
            self._tell(f"pad {pad}: {error}")
