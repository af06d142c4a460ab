"""Ableton Link with a second real peer: tempo, start and stop, and the bar's phase, both ways."""

from __future__ import annotations

import asyncio
import builtins
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support_control import WAIT_S, Recorder

from riffsidecar.control.link import LinkSurface
from riffsidecar.errors import ControlError
from riffsidecar.session.commands import Command, ReleaseTempo, SetTempo, SetTransport
from riffsidecar.session.events import StateChanged

QUIET_S = 1.8  # the surface looks three times where the beat is


class Peer:
    """Be another program in the Link session, with an event loop of its own."""

    def __init__(self, bpm: float) -> None:
        aalink = pytest.importorskip("aalink")
        self._ready = threading.Event()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(aalink.Link, bpm))
        self._thread.start()
        self._ready.wait(WAIT_S)

    def _run(self, make: Callable[[float], Any], bpm: float) -> None:
        asyncio.set_event_loop(self._loop)

        async def join() -> None:
            self.link = make(bpm)
            self.link.quantum = 4
            self.link.start_stop_sync_enabled = True
            for add in ("set_tempo_callback", "set_start_stop_callback", "set_num_peers_callback"):
                getattr(self.link, add)(self._wake)
            self.link.enabled = True

        self._loop.run_until_complete(join())
        self._ready.set()
        self._loop.run_forever()

    def _wake(self, _: object) -> None:
        with self._changed:
            self._changed.notify_all()

    def do(self, action: Callable[[Any], None]) -> None:
        self._loop.call_soon_threadsafe(lambda: action(self.link))

    def until(self, is_so: Callable[[Any], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: is_so(self.link), WAIT_S)

    def close(self) -> None:
        self.do(lambda link: setattr(link, "enabled", False))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()


@pytest.fixture
def rig() -> Iterator[tuple[LinkSurface, Recorder, Peer]]:
    peer, surface, recorder = Peer(133), LinkSurface(), Recorder()
    surface.start(recorder)
    try:
        peer.until(lambda link: link.num_peers == 1)
        yield surface, recorder, peer
    finally:
        surface.close()
        peer.close()


def until(recorder: Recorder, is_it: Callable[[Command], bool]) -> Command:
    while not is_it(command := recorder.command()):
        continue
    return command


def is_tempo(bpm: float) -> Callable[[Command], bool]:
    return lambda command: (
        isinstance(command, SetTempo) and command.source == "link" and float(command.tempo) == bpm
    )


def state(**changes: object) -> StateChanged:
    return StateChanged({"tempo": 120.0, "tempo_source": "bank", "meter": "4/4", "playing": 0, **changes})


def test_a_peers_tempo_becomes_the_sessions_to_a_thousandth(rig: tuple[LinkSurface, Recorder, Peer]) -> None:
    _, recorder, peer = rig
    peer.do(lambda link: setattr(link, "tempo", 97.5))
    until(recorder, is_tempo(97.5))


def test_a_start_is_told_with_the_place_in_the_bar_that_the_peer_has(
    rig: tuple[LinkSurface, Recorder, Peer],
) -> None:
    _, recorder, peer = rig
    peer.do(lambda link: setattr(link, "playing", True))
    command = until(recorder, lambda each: isinstance(each, SetTransport) and each.is_playing)
    assert isinstance(command, SetTransport) and command.position is not None
    # Both count the same beats, up to what passes between two looks.
    apart = (peer.link.phase - float(command.position)) % 4
    assert min(apart, 4 - apart) < 1.0
    peer.do(lambda link: setattr(link, "playing", False))
    until(recorder, lambda each: isinstance(each, SetTransport) and not each.is_playing)


def place_of(recorder: Recorder) -> float:
    """Return where a song that plays is said to be next."""
    command = until(recorder, lambda each: isinstance(each, SetTransport) and each.is_playing)
    assert isinstance(command, SetTransport) and command.position is not None
    return float(command.position)


def started(recorder: Recorder, peer: Peer) -> None:
    """Let the peer start, and wait until the two have agreed where the beat is, and nothing more is told."""
    peer.do(lambda link: setattr(link, "playing", True))
    place_of(recorder)
    until_s = time.monotonic() + WAIT_S
    time.sleep(QUIET_S)
    while recorder.rest():
        assert time.monotonic() < until_s, "a beat that goes on is told again and again"
        time.sleep(QUIET_S)


def test_a_beat_that_a_peer_moves_is_told_anew_and_one_that_goes_on_is_not(
    rig: tuple[LinkSurface, Recorder, Peer],
) -> None:
    surface, recorder, peer = rig
    surface.notify(state(tempo_source="link"))
    started(recorder, peer)
    peer.do(lambda link: link.force_beat(link.beat + 1.5))
    place = place_of(recorder)
    apart = (peer.link.phase - place) % 4
    assert min(apart, 4 - apart) < 0.5


def test_another_meter_is_told_with_the_place_by_its_own_bars(
    rig: tuple[LinkSurface, Recorder, Peer],
) -> None:
    surface, recorder, peer = rig
    surface.notify(state(tempo_source="link"))
    peer.do(lambda link: setattr(link, "quantum", 3.5))
    started(recorder, peer)
    surface.notify(state(meter="7/8", playing=1, tempo_source="link"))
    place = place_of(recorder)
    apart = (peer.link.phase - place) % 3.5
    assert min(apart, 3.5 - apart) < 0.5


def test_where_lives_device_leads_it_says_itself_where_the_song_is(
    rig: tuple[LinkSurface, Recorder, Peer],
) -> None:
    surface, recorder, peer = rig
    surface.notify(state(tempo=120.0, tempo_source="live", playing=1))
    peer.until(lambda link: bool(link.playing))
    peer.do(lambda link: link.force_beat(link.beat + 1.5))
    time.sleep(1.5)
    peer.do(lambda link: setattr(link, "tempo", 99))
    seen: list[Command] = []
    until(recorder, lambda each: seen.append(each) or is_tempo(99)(each))  # type: ignore[func-returns-value]
    assert not [each for each in seen if isinstance(each, SetTransport) and each.is_playing]


def test_a_tempo_that_wins_over_link_leads_the_peer_and_a_start_starts_it(
    rig: tuple[LinkSurface, Recorder, Peer],
) -> None:
    surface, _, peer = rig
    surface.notify(state(tempo=174.0, tempo_source="live"))
    peer.until(lambda link: abs(link.tempo - 174) < 0.01)
    surface.notify(state(tempo=90.0, tempo_source="bank"))
    surface.notify(state(tempo=150.0, tempo_source="request", playing=1))
    peer.until(lambda link: abs(link.tempo - 150) < 0.01 and link.playing)


def test_when_the_last_peer_leaves_link_leads_no_longer(rig: tuple[LinkSurface, Recorder, Peer]) -> None:
    _, recorder, peer = rig
    until(recorder, lambda each: isinstance(each, SetTempo))
    peer.do(lambda link: setattr(link, "enabled", False))
    until(recorder, lambda each: each == ReleaseTempo("link"))


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "aalink":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ControlError, match=r"GPL.*riffsidecar\[link\]"):
        LinkSurface().start(lambda envelope: None)


def test_a_surface_that_is_closed_or_started_twice_says_so() -> None:
    pytest.importorskip("aalink")
    surface = LinkSurface()
    surface.notify(state())
    surface.start(lambda envelope: None)
    with pytest.raises(ControlError, match="started before"):
        surface.start(lambda envelope: None)
    surface.close()
    surface.close()
    surface.notify(state(tempo=99.0, tempo_source="request"))
    assert surface.peers == 0
