"""The Link surface: tempo, start and stop, and the phase of the bar, shared with Ableton Link's other peers.

It needs the extra ``[link]``, whose library (aalink, with Ableton Link inside) is under the GPL; nothing of
it is imported where Link is not asked for. Link knows tempo and beats, and neither meter nor key.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from riffsidecar.control.surface import Submit
from riffsidecar.errors import ControlError, MusicError, RiffError
from riffsidecar.music import Meter, Tempo
from riffsidecar.session.commands import Command, ReleaseTempo, SetTempo, SetTransport
from riffsidecar.session.events import Envelope, Event, Origin, StateChanged

__all__ = ["LinkSurface"]

logger = logging.getLogger(__name__)

_START_BPM = 120.0
_SAME_BPM = 0.0015  # Link counts microseconds a beat: 133 comes back as 132.99995
_READY_S = 5.0
_JOIN_S = 5.0
_LEADERS = ("request", "live")  # who wins over Link, and so leads its other peers
_LIVE = "live"  # its device says itself where the song is, and a set knows its bars better than Link does
_LOOK_S = 0.5
_OFF_QUARTERS = 0.02  # 10 ms at 120 BPM: another peer has moved the beat, or clocks have drifted apart


class LinkSurface:
    """Be a peer of the Link session in this network.

    Args:
        make: makes the peer from a tempo; by default aalink's.
    """

    def __init__(self, make: Callable[[float], Any] | None = None) -> None:
        """Join nothing yet."""
        self._make = make
        self._submit: Submit | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._link: Any = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._problem = ""
        self._closed = False
        self._is_playing = False
        self._leads = False
        self._tempo_source = ""
        self._told: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """Return ``"link"``."""
        return "link"

    @property
    def peers(self) -> int:
        """Return how many others there are."""
        return 0 if self._link is None else int(self._link.num_peers)

    def start(self, submit: Submit) -> None:
        """Join the session.

        Raises:
            ControlError: the library is not installed, or the surface was started before.
        """
        if self._thread is not None or self._closed:
            raise ControlError("this Link surface was started before: make a new one")
        make = self._make or _library()
        self._submit = submit
        self._thread = threading.Thread(target=self._run, args=(make,), name="riffsidecar-link", daemon=True)
        self._thread.start()
        self._ready.wait(_READY_S)
        if self._problem:
            raise ControlError(f"Link cannot be joined: {self._problem}")

    def notify(self, event: Event) -> None:
        """Lead the others where the session's tempo is somebody's who wins over Link."""
        if isinstance(event, StateChanged):
            state = dict(event.state)
            self._later(lambda: self._follow(state))

    def close(self) -> None:
        """Leave the session."""
        self._closed = True
        loop = self._loop
        if loop is not None:
            self._later(loop.stop)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _later(self, action: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(action)
        except RuntimeError as error:
            logger.debug("Link is closing: %s", error)

    def _run(self, make: Callable[[float], Any]) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._join_session(make))
        except (OSError, RuntimeError) as error:
            self._problem = str(error)
            loop.close()
            self._ready.set()
            return
        self._loop = loop
        self._ready.set()
        self._watch_place(loop)
        try:
            loop.run_forever()
        finally:
            self._link.enabled = False
            self._link = None
            loop.close()

    async def _join_session(self, make: Callable[[float], Any]) -> None:
        self._link = link = make(_START_BPM)
        link.quantum = 4
        link.set_tempo_callback(self._heard_tempo)
        link.set_start_stop_callback(self._heard_playing)
        link.set_num_peers_callback(self._heard_peers)
        link.start_stop_sync_enabled = True
        link.enabled = True
        logger.info("Link is joined")

    def _heard_tempo(self, bpm: float) -> None:
        # A peer alone leads nobody, and its own first tempo is nobody's wish.
        if self.peers == 0 or self._link is None:
            return
        try:
            tempo = Tempo.parse(round(bpm, 3))
        except MusicError as error:
            logger.warning("Link's tempo is not followed: %s", error)
            return
        self._leads = True
        self._hand_over(SetTempo(tempo, "link"))
        self._tell_place()

    def _heard_playing(self, is_playing: bool) -> None:
        if is_playing != self._is_playing:
            self._is_playing = is_playing
            self._tell_place()

    def _heard_peers(self, peers: int) -> None:
        logger.info("Link has %d other peers", peers)
        if peers == 0 and self._leads:
            self._leads = False
            self._hand_over(ReleaseTempo("link"))
        elif peers:
            self._heard_tempo(self._link.tempo)

    def _tell_place(self) -> None:
        """Say where the song is; Link's beats are quarter notes, and its bars begin at whole quanta."""
        if self._link is None or self._tempo_source == _LIVE:
            return
        beat = self._link.beat
        self._told = (beat, time.monotonic())
        self._hand_over(SetTransport(self._is_playing, Fraction(round(beat, 3)).limit_denominator(1000)))

    def _watch_place(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look now and then whether the beat is where it was said to be, and say it anew if not."""
        loop.call_later(_LOOK_S, self._watch_place, loop)
        link = self._link
        if link is None or not self._is_playing or self.peers == 0:
            return
        if self._told is not None:
            beat, at_s = self._told
            expected = beat + (time.monotonic() - at_s) * link.tempo / 60
            if abs(link.beat - expected) <= _OFF_QUARTERS:
                return
        self._tell_place()

    def _follow(self, state: Mapping[str, object]) -> None:
        link = self._link
        if link is None:
            return
        meter, bpm = state.get("meter"), state.get("tempo")
        self._tempo_source = str(state.get("tempo_source", ""))
        if isinstance(meter, str) and meter:
            quantum = float(Meter.parse(meter).quarters_per_bar)
            if quantum != link.quantum:
                # Link counts the beat from another bar line then.
                link.quantum, self._told = quantum, None
        is_leader = self._tempo_source in _LEADERS
        if is_leader and isinstance(bpm, float) and abs(link.tempo - bpm) > _SAME_BPM:
            link.tempo = bpm
        is_playing = bool(state.get("playing", self._is_playing))
        if is_playing != self._is_playing:
            self._is_playing = is_playing
            self._told = None
            if is_playing:
                link.request_beat_at_start_playing_time(0)
            link.playing = is_playing

    def _hand_over(self, command: Command) -> None:
        submit = self._submit
        if submit is None or self._closed:
            return
        try:
            submit(Envelope(command, Origin(self.name)))
        except RiffError as error:
            logger.warning("Link: %s", error)


def _library() -> Callable[[float], Any]:
    try:
        from aalink import Link
    except ImportError as error:
        raise ControlError(
            "Link needs its library, which is under the GPL: pip install 'riffsidecar[link]', or switch "
            "[link] off in the configuration"
        ) from error
    make: Callable[[float], Any] = Link
    return make
