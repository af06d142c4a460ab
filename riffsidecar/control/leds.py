"""Lights on a pad controller: a note-on to the pad's note, its velocity the state of the slot."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import mido

from riffsidecar.session.events import Acked, Event, Failed, Finished, Progressed, StateChanged
from riffsidecar.session.pads import NUM_PADS, MidiMap

__all__ = ["STOPPED", "Light", "PadLights"]

STOPPED = ("cancelled", "superseded")
"""The codes of failures that somebody wanted."""


class Light(IntEnum):
    """The velocity that stands for a state. Velocity 0 is a note off, so it puts the light out everywhere."""

    OFF = 0
    WAITING = 32
    RENDERING = 64
    FAILED = 96
    READY = 127


class PadLights:
    """Remember the light of every pad and return what has to be sent to change it.

    >>> from riffsidecar.session.events import Origin
    >>> [list(message) for message in PadLights().show(Acked(Origin("midi"), 1), MidiMap())]
    [[144, 36, 32]]
    """

    def __init__(self) -> None:
        """Start with every light out."""
        self._lights = dict.fromkeys(range(1, NUM_PADS + 1), Light.OFF)
        self._notes: dict[int, int] = {}
        self._ready: set[int] = set()
        self._bank: object = None
        self._write: Callable[[int, Light], bytes] | None = None

    def use(self, write: Callable[[int, Light], bytes] | None) -> None:
        """Let ``write`` make the message for a pad and its light; None writes the notes of the bank."""
        self._write = write

    def show(self, event: Event, midi_map: MidiMap) -> tuple[bytes, ...]:
        """Return the messages that show an event; none where nothing changes."""
        match event:
            case StateChanged():
                return self._enter(event.state.get("bank"))
            case Acked(slot=int(slot)):
                return self._set(slot, Light.WAITING, midi_map)
            case Progressed(slot=slot):
                return self._set(slot, Light.RENDERING, midi_map)
            case Finished(slot=slot):
                self._ready.add(slot)
                return self._set(slot, Light.READY, midi_map)
            case Failed(slot=int(slot), code=code):
                calm = Light.READY if slot in self._ready else Light.OFF
                return self._set(slot, calm if code in STOPPED else Light.FAILED, midi_map)
        return ()

    def all(self, midi_map: MidiMap) -> tuple[bytes, ...]:
        """Return the messages that show every pad, for a controller that has just come."""
        self._notes = {pad: midi_map.note_of(pad) for pad in self._lights}
        return tuple(self._message(pad, light) for pad, light in self._lights.items())

    def off(self) -> tuple[bytes, ...]:
        """Return the messages that put out every light that is on, where it was lit."""
        return tuple(
            self._message(pad, Light.OFF)
            for pad, light in self._lights.items()
            if light and pad in self._notes
        )

    def _enter(self, bank: object) -> tuple[bytes, ...]:
        if bank == self._bank:
            return ()
        first, self._bank = self._bank is None, bank
        messages = () if first else self.off()
        if not first:
            self._lights = dict.fromkeys(self._lights, Light.OFF)
            self._ready.clear()
        return messages

    def _set(self, slot: int, light: Light, midi_map: MidiMap) -> tuple[bytes, ...]:
        if self._lights.get(slot, light) is light:
            return ()
        self._lights[slot] = light
        self._notes[slot] = midi_map.note_of(slot)
        return (self._message(slot, light),)

    def _message(self, pad: int, light: Light) -> bytes:
        return _note_on(self._notes[pad], light) if self._write is None else self._write(pad, light)


def _note_on(note: int, light: Light) -> bytes:
    message = mido.Message("note_on", note=note, velocity=int(light))
    return bytes(message.bytes())
