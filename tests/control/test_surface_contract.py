"""What every surface keeps, whatever wire it is on. A new surface joins by adding a rig."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support_control import FakeMidi, OscProbe, Recorder, finished
from support_seeds import beat, write_audio

from riffsidecar.control.midi import MidiSurface
from riffsidecar.control.osc import OscSurface
from riffsidecar.control.seed_folder import SeedFolderSurface
from riffsidecar.control.surface import Surface
from riffsidecar.errors import ControlError, SessionError
from riffsidecar.session.commands import ReplaceSeeds, TriggerPad
from riffsidecar.session.events import Acked, Envelope, Event, Failed, Origin, Progressed, StateChanged


def heard_pad(recorder: Recorder, pad: int, velocity: int) -> Envelope:
    """Return the envelope of a pad that was hit."""
    envelope = recorder.next()
    assert envelope.command == TriggerPad(pad, velocity)
    return envelope


@dataclass
class SurfaceRig:
    """A surface, and a hand on it that hits pads; ``connect`` waits until it can be played.

    ``heard`` waits for what a hit has to become: a surface without pads makes another command of it.
    """

    surface: Surface
    connect: Callable[[], None]
    hit: Callable[[int, int], None]
    heard: Callable[[Recorder, int, int], Envelope] = heard_pad


def events(surface: str) -> list[Event]:
    origin = Origin(surface, "127.0.0.1:9", "id:1")
    return [
        Acked(origin, 3),
        Acked(origin, None),
        Progressed(origin, 3, 0.5, 1.0, "denoise"),
        Progressed(origin, 3, 0.5, float("nan"), "denoise"),
        finished(origin),
        finished(Origin("elsewhere"), 0),
        Failed(origin, 3, "render", "text"),
        Failed(origin, None, "bad-value", "a" * 5000),
        StateChanged({"bank": "house", "knobs": {"morph": 0.5, "density": None}, "pads": [], "slot": None}),
        StateChanged({}),
    ]


class SurfaceContract:
    """The tests; a class below gives them their surface."""

    @pytest.fixture
    def rig(self) -> Iterator[SurfaceRig]:
        raise NotImplementedError

    def test_it_is_a_surface_with_a_name(self, rig: SurfaceRig) -> None:
        assert isinstance(rig.surface, Surface)
        assert rig.surface.name

    def test_pads_are_submitted_in_order_and_say_where_they_come_from(self, rig: SurfaceRig) -> None:
        recorder = Recorder()
        rig.surface.start(recorder)
        rig.connect()
        for pad in range(1, 17):
            rig.hit(pad, 127 - pad)
        envelopes = [rig.heard(recorder, pad, 127 - pad) for pad in range(1, 17)]
        assert {envelope.origin.surface for envelope in envelopes} == {rig.surface.name}

    @pytest.mark.parametrize("problem", [SessionError("refused"), RuntimeError("a defect")])
    def test_an_exception_of_submit_does_not_end_it(self, rig: SurfaceRig, problem: Exception) -> None:
        recorder = Recorder()
        rig.surface.start(recorder)
        rig.connect()
        recorder.problem = problem
        rig.hit(1, 100)
        recorder.next()
        recorder.problem = None
        rig.hit(2, 100)
        rig.heard(recorder, 2, 100)

    def test_every_event_is_taken_before_the_start_while_it_runs_and_after_the_end(
        self, rig: SurfaceRig
    ) -> None:
        recorder = Recorder()
        for event in events(rig.surface.name):
            rig.surface.notify(event)
        rig.surface.start(recorder)
        rig.connect()
        for event in events(rig.surface.name):
            rig.surface.notify(event)
        rig.hit(5, 64)
        rig.heard(recorder, 5, 64)
        rig.surface.close()
        for event in events(rig.surface.name):
            rig.surface.notify(event)

    def test_events_may_come_from_several_threads(self, rig: SurfaceRig) -> None:
        recorder = Recorder()
        problems: list[Exception] = []

        def notify() -> None:
            try:
                for _ in range(50):
                    for event in events(rig.surface.name):
                        rig.surface.notify(event)
            except Exception as error:
                problems.append(error)

        rig.surface.start(recorder)
        rig.connect()
        threads = [threading.Thread(target=notify) for _ in range(4)]
        for thread in threads:
            thread.start()
        rig.hit(6, 1)
        for thread in threads:
            thread.join()
        rig.heard(recorder, 6, 1)
        assert problems == []

    def test_it_starts_once(self, rig: SurfaceRig) -> None:
        rig.surface.start(Recorder())
        with pytest.raises(ControlError, match="started before"):
            rig.surface.start(Recorder())

    def test_it_closes_as_often_as_anybody_likes_and_leaves_no_thread(self, rig: SurfaceRig) -> None:
        before = threading.active_count()
        rig.surface.start(Recorder())
        rig.connect()
        for _ in range(3):
            rig.surface.close()
        # Fewer is well: a thread of an earlier test may have ended meanwhile.
        assert threading.active_count() <= before

    def test_it_closes_without_a_start_and_does_not_start_afterwards(self, rig: SurfaceRig) -> None:
        rig.surface.close()
        rig.surface.close()
        with pytest.raises(ControlError):
            rig.surface.start(Recorder())


class TestOscSurface(SurfaceContract):
    @pytest.fixture
    def rig(self) -> Iterator[SurfaceRig]:
        surface = OscSurface(port=0)
        probes: list[OscProbe] = []

        def hit(pad: int, velocity: int) -> None:
            probes[0].send("/riff/pad", pad, velocity)

        yield SurfaceRig(surface, lambda: probes.append(OscProbe(surface.port)), hit)
        surface.close()
        for probe in probes:
            probe.close()


class TestMidiSurface(SurfaceContract):
    @pytest.fixture
    def rig(self) -> Iterator[SurfaceRig]:
        midi = FakeMidi()
        surface = MidiSurface(output_name="pads", backend=midi, poll_s=0.01)
        yield SurfaceRig(
            surface,
            lambda: midi.wait_for("Pads 20:0"),
            lambda pad, velocity: midi.play(0x90, 35 + pad, velocity),
        )
        surface.close()


class TestSeedFolderSurface(SurfaceContract):
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[SurfaceRig]:
        folder = tmp_path / "seeds"
        surface = SeedFolderSurface(folder, tmp_path / "fitted", settle_s=0.02)
        sound = beat(120.0, 1)

        def hit(pad: int, velocity: int) -> None:
            write_audio(folder / f"pad {pad}.wav", sound * (velocity / 127))

        def heard(recorder: Recorder, pad: int, velocity: int) -> Envelope:
            # Files that came together are told together.
            envelope = seen.get(pad) or recorder.next()
            while not isinstance(envelope.command, ReplaceSeeds) or f"pad-{pad}" not in {
                seed.name for seed in envelope.command.seeds
            }:
                envelope = recorder.next()
            seen.update({int(seed.name.removeprefix("pad-")): envelope for seed in envelope.command.seeds})
            return envelope

        seen: dict[int, Envelope] = {}
        yield SurfaceRig(surface, lambda: None, hit, heard)
        surface.close()
