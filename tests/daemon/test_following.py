"""What the conductor promises when the tempo moves: the right renders, and none that a clock imagines."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.control.clock import CLOCKS_PER_QUARTER
from riffsidecar.control.midi_parse import MidiParser
from riffsidecar.control.osc_answers import event_answers
from riffsidecar.daemon.bars import BarKeeper
from riffsidecar.daemon.conductor import Conductor
from riffsidecar.daemon.follow import FOLLOW, Follower, Forecaster
from riffsidecar.music import Chords, Meter, Tempo
from riffsidecar.session.commands import (
    Command,
    Landed,
    SelectBank,
    SetChords,
    SetKnob,
    SetTempo,
    SetTransport,
    TriggerPad,
)
from riffsidecar.session.events import Envelope, Event, Finished, Origin, Previewed
from riffsidecar.session.loops import Loop
from riffsidecar.session.presets import load_banks, packaged_presets
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Session

BANKS = load_banks([packaged_presets()])
JITTER_S = 0.002
BASS = 2


def with_loop(session: Session, pad: int) -> Session:
    session = session.apply(TriggerPad(pad)).session
    return landed(session, pad)


def landed(session: Session, slot: int) -> Session:
    request = session.slot(slot).newest
    assert request is not None
    return session.apply(Landed(slot, Loop(request, f"loops/{slot}.wav", request.digest))).session


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([83.0, 90.0, 100.0, 120.0, 127.5, 174.0]), st.integers(0, 2**32))
def test_a_jittery_clock_is_known_to_a_twentieth_and_makes_no_spurious_render(bpm: float, seed: int) -> None:
    dice = random.Random(seed)
    session = with_loop(Session.start(BANKS, "house", tempo=Tempo.parse(120)), BASS)
    parser, follower, made = MidiParser(), Follower(), []
    parser.feed((0xFA,), 0.0)
    for clock in range(64 * CLOCKS_PER_QUARTER):
        now_s = 10.0 + clock * 60.0 / (bpm * CLOCKS_PER_QUARTER) + dice.uniform(-JITTER_S, JITTER_S)
        for command in parser.feed((0xF8,), now_s):
            before, session = session, session.apply(command).session
            follower.note(before, session, now_s)
        session, found = follower.take(session, now_s)
        made += [each.request for each in found]
        if found:
            session = landed(session, BASS)
    assert session.tempo_source == "clock"
    assert abs(float(session.tempo) - bpm) <= 0.05
    assert len(made) == (bpm != 120.0), made
    for request in made:
        assert request is not None and abs(float(request.tempo) - bpm) <= 0.05


def test_midi_clock_start_and_song_position_say_where_the_bars_are() -> None:
    now = [0.0]
    session = Session.start(BANKS, "house", tempo=Tempo.parse(120))
    keeper, parser = BarKeeper(session, lambda: now[0]), MidiParser()

    def feed(*data: int) -> None:
        for command in parser.feed(data, now[0]):
            keeper.take(session, command)

    feed(0xFA)
    assert keeper.ready_bar(now[0]) == 0, "the song begins with the first clock"
    now[0] = 5.0
    feed(0xF8)
    assert (keeper.ready_bar(5.0), keeper.ready_bar(5.1), keeper.ready_bar(9.1)) == (1, 2, 4)
    feed(0xFC)
    assert keeper.ready_bar(6.0) == 0
    feed(0xF2, 32, 0)
    feed(0xFB)
    now[0] = 20.0
    feed(0xF8)
    assert keeper.ready_bar(20.0) == 3


def test_a_loop_says_for_which_bar_it_is_ready() -> None:
    now = [0.0]
    session = Session.start(BANKS, "house", tempo=Tempo.parse(120))
    keeper = BarKeeper(session, lambda: now[0])
    loop = Finished(Origin("osc"), 1, "a.wav", 4.0, 120.0, "", 0, 1, 44100, 0.1, False)
    stamped = keeper.stamped(loop)
    assert isinstance(stamped, Finished) and stamped.bar == 0
    keeper.take(session, SetTransport(True, Fraction(0)))
    now[0] = 4.5
    for event in (loop, Previewed(loop)):
        told = keeper.stamped(event)
        come = told.loop if isinstance(told, Previewed) else told
        assert isinstance(come, Finished) and come.bar == 4
    keeper.take(session.apply(SetTempo(Tempo.parse(60))).session, SetTempo(Tempo.parse(60)))
    assert keeper.ready_bar(4.5 + 3.1) == 5
    assert keeper.transport.meter == Meter(4, 4)


class Bench:
    """A conductor whose service is a list."""

    def __init__(self) -> None:
        self.submitted: list[tuple[int, LoopRequest, list[Origin], Loop | None]] = []
        self.foreseen: list[Sequence[LoopRequest]] = []
        self._changed = threading.Condition()
        session = Session.start(BANKS, "house", tempo=Tempo.parse(120))
        self.conductor = Conductor(session, self, self._emit, forecaster=Forecaster(24))

    def submit(
        self, slot: int, request: LoopRequest, origins: list[Origin], base: Loop | None = None
    ) -> None:
        with self._changed:
            self.submitted.append((slot, request, origins, base))
            self._changed.notify_all()

    def foresee(self, requests: Sequence[LoopRequest]) -> None:
        with self._changed:
            self.foreseen.append(requests)
            self._changed.notify_all()

    def announce(self, announcement: object, origins: object) -> None:
        raise NotImplementedError

    def cancel(self, slot: int | None) -> None:
        raise NotImplementedError

    def _emit(self, event: Event) -> None:
        pass

    def send(self, command: Command) -> None:
        self.conductor.submit(Envelope(command, Origin("test", "me", "1")))

    def wait(self, submitted: int = 0, foreseen: int = 0) -> None:
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.submitted) >= submitted and len(self.foreseen) >= foreseen, timeout=60
            ), (self.submitted, self.foreseen)

    def play(self, pad: int) -> Loop:
        count = len(self.submitted)
        self.send(TriggerPad(pad))
        self.wait(count + 1)
        request = self.submitted[-1][1]
        loop = Loop(request, f"loops/{pad}.wav", request.digest)
        self.conductor.note_loop(pad, loop)
        return loop


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.conductor.start()
    yield bench
    bench.conductor.close()


def test_a_tempo_that_is_dragged_decodes_each_loop_once_at_its_newest_value(bench: Bench) -> None:
    loops = {pad: bench.play(pad) for pad in (1, 2)}
    for bpm in (121, 122, 123, 124):
        bench.send(SetTempo(Tempo.parse(bpm)))
    bench.wait(4)
    assert {slot for slot, _, _, _ in bench.submitted[2:4]} == {1, 2}
    for slot, request, origins, base in bench.submitted[2:4]:
        assert request == loops[slot].request.retuned(Tempo.parse(124))
        assert origins == [FOLLOW] and base == loops[slot]
    assert bench.submitted[2][0] == 2, "the slot played last comes first"


def test_chords_make_tonal_slots_anew(bench: Bench) -> None:
    for pad in (1, 2):
        bench.play(pad)
    bench.send(SetChords(Chords.parse("Dm G")))
    bench.wait(3)
    bench.send(TriggerPad(1))
    bench.wait(4)
    assert [slot for slot, _, _, _ in bench.submitted[2:]] == [2, 1]
    assert str(bench.submitted[2][1].chords) == "Dm G"
    assert bench.submitted[3][1].chords is None


def test_what_is_likely_is_told_when_it_is_quiet_and_comes_true(bench: Bench) -> None:
    bench.play(2)
    bench.send(SetKnob("energy", 0.5))
    bench.send(SetKnob("energy", 0.52))
    bench.wait(foreseen=1)
    likely = bench.foreseen[-1]
    assert 0 < len(likely) <= 24 and len(set(likely)) == len(likely)
    session = bench.conductor.session
    assert session.apply(SetKnob("energy", 0.54)).renders[0][1] in likely[:4], "on with the same stride"
    assert session.pad_request(3) in likely
    count = len(bench.foreseen)
    bench.send(SelectBank("ambient"))
    bench.wait(foreseen=count + 1)
    assert bench.conductor.session.pad_request(5) in bench.foreseen[-1]


def test_nothing_is_likely_before_anything_was_played() -> None:
    forecaster = Forecaster(24)
    session = Session.start(BANKS, "house")
    forecaster.note(SelectBank(2), 0.0)
    assert forecaster.take(session, 0.1) is None
    assert forecaster.take(session, 1.0) == ()
    assert forecaster.take(session, 2.0) is None


def test_a_draft_is_told_of_beside_the_end_of_its_request_and_not_as_that() -> None:
    loop = Finished(Origin("osc", "", "id:a"), 1, "a.wav", 4.0, 120.0, "", 0, 1, 44100, 0.1, False, bar=7)
    (preview,), (done,) = event_answers(Previewed(loop)), event_answers(loop)
    assert (preview.address, done.address) == ("/riff/preview", "/riff/done")
    assert preview.values == done.values and done.values[-1] == 7
