"""Turn MIDI bytes into commands. Pure: bytes and times go in, commands come out, and no port is seen.

Statuses and data bytes follow the MIDI 1.0 detailed specification; a controller from 0 to 31 may be followed
by the fine half of its value on the controller 32 higher.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

import mido

from riffsidecar.control.clock import ClockFollower
from riffsidecar.control.controllers import GENERIC, Controller
from riffsidecar.control.learned import LearnedControl, Nrpn
from riffsidecar.control.relative import Relative, relative_steps
from riffsidecar.control.takeover import SoftTakeover
from riffsidecar.session.actions import BoundAction
from riffsidecar.session.commands import (
    Command,
    HearClock,
    Perform,
    ReleaseTempo,
    SelectBank,
    SetKnob,
    SetTempo,
    SetTransport,
    TriggerPad,
)
from riffsidecar.session.knobs import KNOBS, KnobValue
from riffsidecar.session.pads import MidiMap

__all__ = ["MAX_MESSAGE_BYTES", "MidiParser", "Relative", "relative_steps"]

MAX_MESSAGE_BYTES: Final = 3
"""Longer messages are system exclusive, which nothing here reads."""

_FINE_OFFSET = 32
_FINE_MAX = 16383
_MIDDLE = 0.5
_PRESSED = 64
"""From this value on a switch is on, as MIDI 1.0 has it for the controllers 64 to 69."""


class MidiParser:
    """Read the messages of one port: pads, controllers, program changes and clock.

    >>> parser = MidiParser()
    >>> parser.feed((0x90, 36, 100), 0.0)
    (TriggerPad(pad=1, velocity=100),)
    >>> parser.feed((0xC0, 2), 0.1)
    (SelectBank(bank=3),)
    """

    def __init__(
        self,
        *,
        channel: int | None = None,
        relative: Mapping[int, Relative] = MappingProxyType({}),
        takeover: bool = True,
    ) -> None:
        """Start with nothing heard.

        Args:
            channel: the only MIDI channel to listen to, 1 to 16; None for all.
            relative: the controllers that are endless encoders, and how they write their steps.
            takeover: whether absolute controllers wait until they meet the knob.
        """
        self._channel = channel
        self._relative = relative
        self._takeover = takeover
        self._knobs = {name: SoftTakeover(name) for name in KNOBS}
        self._coarse: dict[tuple[int, int], int] = {}
        self._has_fine: set[tuple[int, int]] = set()
        self._clock = ClockFollower()
        self._leads = False
        self._heard = HearClock(is_heard=False)
        self._controller = GENERIC
        self._ties: dict[tuple[str, int, int], LearnedControl] = {}
        self._nrpn = Nrpn()

    @property
    def clock(self) -> ClockFollower:
        """Return the clock that is followed: its transport and position."""
        return self._clock

    def use(self, controller: Controller, ties: Iterable[LearnedControl] = ()) -> None:
        """Take what is known of the controller, and what it was taught, which wins."""
        self._controller = controller
        self._ties = {(tie.kind, tie.channel, tie.number): tie for tie in ties}

    def observe(self, knobs: Mapping[str, KnobValue]) -> None:
        """Take the session's knobs, so that controllers know what they have to meet."""
        for name, value in knobs.items():
            if name in self._knobs:
                self._knobs[name].observe(value)

    def lost(self) -> tuple[Command, ...]:
        """Forget the clock and half-read values, because the port has gone, and with it whoever says stop."""
        ran = self._clock.running
        self._clock.forget()
        self._coarse.clear()
        self._has_fine.clear()
        led, self._leads = self._leads, False
        stopped = (SetTransport(False),) if ran else ()
        return (*stopped, *self._hearing(), *((ReleaseTempo("clock"),) if led else ()))

    def paused(self) -> tuple[Command, ...]:
        """Take note that no clock has come for a while, and return what that means."""
        self._clock.pause()
        return self._hearing()

    def feed(self, data: Sequence[int], now_s: float, midi_map: MidiMap | None = None) -> tuple[Command, ...]:
        """Return what one message asks for; nothing where it is malformed, or means nothing here.

        Args:
            data: the whole message, status first.
            now_s: when it came, in seconds of any monotonic clock.
            midi_map: the map of the current bank; None for the usual one.
        """
        if not _is_message(data):
            return ()
        message = mido.Message.from_bytes(list(data))
        if self._channel is not None and getattr(message, "channel", self._channel - 1) != self._channel - 1:
            return ()
        where = midi_map or MidiMap()
        match message.type:
            case "note_on":
                pad = self._pad_of(message.channel, message.note, where)
                if pad:
                    return (TriggerPad(pad, message.velocity),) if message.velocity else ()
                if self._has_own_notes or not message.velocity:
                    return ()
                return _performing(where.action_of_note(message.note))
            case "control_change":
                return self._control(message.channel, message.control, message.value, where)
            case "program_change":
                return (SelectBank(message.program + 1),)
            case "clock":
                return self._tick(now_s)
        return self._transport(message)

    @property
    def _has_own_notes(self) -> bool:
        """Whether the controller's pads are elsewhere than a bank has them."""
        return self._controller.notes != GENERIC.notes

    def _pad_of(self, channel: int, note: int, where: MidiMap) -> int | None:
        tie = self._ties.get(("note", channel + 1, note))
        if tie is not None:
            return tie.pad
        return self._controller.pad_of(note) if self._has_own_notes else where.pad_of(note)

    def _transport(self, message: mido.Message) -> tuple[Command, ...]:
        match message.type:
            case "start":
                self._clock.start()
            case "continue":
                self._clock.resume()
            case "stop":
                self._clock.stop()
                return (SetTransport(False),)
            case "songpos":
                self._clock.seek(message.pos)
        return ()

    def _tick(self, now_s: float) -> tuple[Command, ...]:
        tempo = self._clock.tick(now_s)
        # The first clock of a song says where its bars begin, and others now and then set that right.
        place = self._clock.mark_quarters
        told: tuple[Command, ...] = () if place is None else (SetTransport(True, place),)
        if tempo is not None:
            self._leads = True
            told = (*told, SetTempo(tempo, "clock"))
        return (*told, *self._hearing())

    def _hearing(self) -> tuple[Command, ...]:
        """Return what has changed about a clock that is still measured."""
        heard = HearClock(self._clock.is_measuring, self._clock.first_tempo)
        if heard == self._heard:
            return ()
        self._heard = heard
        return (heard,)

    def _control(self, channel: int, cc: int, value: int, where: MidiMap) -> tuple[Command, ...]:
        tie = self._ties.get(("cc", channel + 1, cc))
        if tie is not None:
            return self._tied(tie, channel, cc, value)
        coarse = self._ties.get(("cc", channel + 1, cc - _FINE_OFFSET)) if cc < 2 * _FINE_OFFSET else None
        if coarse is not None and coarse.knob is not None and not coarse.mode:
            return self._finely(coarse.knob, channel, cc - _FINE_OFFSET, value)
        if any(kind == "nrpn" for kind, _, _ in self._ties):
            parameter = self._nrpn.feed(channel, cc, value)
            tie = self._ties.get(("nrpn", channel + 1, parameter[0])) if parameter else None
            if tie is not None and tie.knob is not None and parameter is not None:
                return self._move(tie.knob, parameter[1] / _FINE_MAX)
        button = where.action_of_cc(cc)
        if button is not None:
            return _performing(button) if self._is_pressed(channel, cc, value) else ()
        own = self._controller.knobs.get(cc)
        if own is not None and self._controller.relative:
            return self._turn(own, relative_steps(value, cast(Relative, self._controller.relative)))
        name = where.knob_of(cc) if self._controller is GENERIC else own or where.knob_of(cc)
        if name is not None and cc in self._relative:
            return self._turn(name, relative_steps(value, self._relative[cc]))
        if name is not None:
            return self._coarsely(name, channel, cc, value)
        main = cc - _FINE_OFFSET
        name = where.knob_of(main) if 0 <= main < _FINE_OFFSET else None
        if name is None or main in self._relative:
            return ()
        return self._finely(name, channel, main, value)

    def _coarsely(self, name: str, channel: int, cc: int, value: int) -> tuple[Command, ...]:
        self._coarse[channel, cc] = value
        if (channel, cc) in self._has_fine:
            # The fine half follows; to move now would jump back and forth at every step of the coarse one.
            return ()
        return self._move(name, value / 127)

    def _finely(self, name: str, channel: int, cc: int, value: int) -> tuple[Command, ...]:
        self._has_fine.add((channel, cc))
        return self._move(name, (self._coarse.get((channel, cc), 0) * 128 + value) / _FINE_MAX)

    def _tied(self, tie: LearnedControl, channel: int, cc: int, value: int) -> tuple[Command, ...]:
        """Return what a learned controller asks for."""
        if tie.pad is not None:
            return (TriggerPad(tie.pad, value),) if self._is_pressed(channel, cc, value) else ()
        name = str(tie.knob)
        if tie.mode:
            return self._turn(name, relative_steps(value, cast(Relative, tie.mode)))
        return self._coarsely(name, channel, cc, value)

    def _is_pressed(self, channel: int, cc: int, value: int) -> bool:
        """Return whether a controller has just been pressed: a fader on its way up does so once."""
        before = self._coarse.get((channel, cc), 0)
        self._coarse[channel, cc] = value
        return before < _PRESSED <= value

    def _move(self, name: str, position: float) -> tuple[Command, ...]:
        knob = self._knobs[name]
        if self._takeover and not knob.takes(position):
            return ()
        return self._set(name, position)

    def _turn(self, name: str, steps: int) -> tuple[Command, ...]:
        at = self._knobs[name].position
        return self._set(name, (_MIDDLE if at is None else at) + steps / 127)

    def _set(self, name: str, position: float) -> tuple[Command, ...]:
        value = KNOBS[name].from_unit(position)
        self._knobs[name].sent(value)
        return (SetKnob(name, value),)


def _performing(bound: BoundAction | None) -> tuple[Command, ...]:
    return () if bound is None else (Perform(*bound),)


def _is_message(data: Sequence[int]) -> bool:
    """Return whether the bytes are one whole message of at most three bytes: a status, then data."""
    if not 1 <= len(data) <= MAX_MESSAGE_BYTES or not 0x80 <= data[0] <= 0xFF:
        return False
    status = data[0] if data[0] >= 0xF0 else data[0] & 0xF0
    return len(data) == _LENGTHS.get(status, 0) and all(0 <= byte < 0x80 for byte in data[1:])


_LENGTHS: Mapping[int, int] = MappingProxyType(
    {
        **dict.fromkeys((0x80, 0x90, 0xA0, 0xB0, 0xE0), 3),
        **dict.fromkeys((0xC0, 0xD0, 0xF1, 0xF3), 2),
        0xF2: 3,
        **dict.fromkeys((0xF6, 0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF), 1),
    }
)
