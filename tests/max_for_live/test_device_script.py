"""The device's script in Node, against a small Live and Max: what it sends, shows and makes of the set.

What it sends is read by the daemon's own table, and what it hears is what the daemon's own code writes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from max_for_live.build import PORTS, make_script
from riffsidecar.control.osc_answers import (
    done_without_loop,
    event_answers,
    request_error,
    state_rows,
)
from riffsidecar.control.osc_ids import split_id
from riffsidecar.control.osc_table import find_address
from riffsidecar.music import Key, LoopLength, Meter, Tempo
from riffsidecar.session.commands import Command, SetKey, SetKnob, SetMeter, SetTempo, TriggerPad
from riffsidecar.session.events import Finished, Origin, Progressed
from riffsidecar.session.pads import NUM_PADS
from riffsidecar.session.presets import load_bank, packaged_presets

FAKE = Path(__file__).with_name("fake_live.js")
REQUIRE_VARIABLE = "RIFFSIDECAR_REQUIRE_CLIENTS"
MINE = f"id:live{PORTS.reply}-7"
RED, GREEN = [0.9, 0.2, 0.15, 1], [0.3, 0.8, 0.35, 1]
WAV = "/Users/kim/Music/riff loops/riff_120_drums.wav"

Step = Sequence[Any]
Seen = dict[str, Any]
Play = Callable[..., Seen]

WELCOME: Step = ("message", "/riff/welcome", PORTS.reply, "0.1.0", "ready", "live", MINE)
LOADED: list[Step] = [("message", "bang"), ("wait", 100)]
GREETED: list[Step] = [*LOADED, WELCOME, ("wait", 100), ("forget",)]


@pytest.fixture(scope="session")
def node() -> str:
    path = shutil.which("node")
    if path is not None:
        return path
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"node is not installed, and {REQUIRE_VARIABLE}=1 asks for it")
    pytest.skip("node is not installed")


@pytest.fixture(scope="module")
def play(node: str) -> Iterator[Play]:
    """Give what carries out steps in a fresh device, and tells what it sent, showed and made of the set."""
    process = subprocess.Popen([node, str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdin is not None and process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def run(*steps: Step, live: dict[str, Any] | None = None) -> Seen:
            given = {"script": make_script(), "live": live or a_set(), "steps": steps}
            stdin.write(json.dumps(given) + "\n")
            stdin.flush()
            seen = json.loads(stdout.readline())
            assert "crash" not in seen, seen["crash"]
            return dict(seen)

        yield run


def a_set(taken: Sequence[int] = (0, 0, 0), **extra: Any) -> dict[str, Any]:
    """Return a set whose second track carries the device in a rack; ``taken`` says where it has clips."""
    track = {"has_audio_input": 1, "is_frozen": 0, "clip_slots": [{"has_clip": each} for each in taken]}
    song = {
        "tempo": 120,
        "signature_numerator": 4,
        "signature_denominator": 4,
        "root_note": 0,
        "scale_name": "Major",
        "scale_mode": 0,
        "tracks": [{"has_audio_input": 0, "clip_slots": []}, track],
    }
    return {"live_set": song, "this_device": "live_set tracks 1 devices 0 chains 0 devices 2", **extra}


def commands(seen: Seen) -> list[Command | None]:
    """Return what the daemon makes of the messages, those that it answers itself left out."""
    rows = [(find_address(address), split_id(tuple(values))[0]) for address, *values in seen["sent"]]
    return [row.command(values) for row, values in rows if row.build is not None]


def addresses(seen: Seen) -> list[str]:
    return [message[0] for message in seen["sent"]]


def status(seen: Seen) -> str:
    return str(seen["shown"]["status"]["set"])


def slots(seen: Seen) -> list[dict[str, Any]]:
    return list(seen["live"]["live_set"]["tracks"][1]["clip_slots"])


def done(bars: int = 3, meter: str = "7/8", bpm: str = "120", slot: int = 3, request_id: str = MINE) -> Step:
    """Return the message by which the daemon says that a loop is there."""
    length = LoopLength.parse(bars, meter, bpm)
    event = Finished(
        origin=Origin("osc", "127.0.0.1:50000", request_id),
        slot=slot,
        path=WAV,
        bars=float(bars),
        bpm=float(Tempo.parse(bpm)),
        key="",
        seed=1,
        num_samples=length.num_samples(44100),
        sample_rate=44100,
        render_s=1.0,
        cached=False,
    )
    (answer,) = event_answers(event)
    return ("message", answer.address, *answer.values)


def bank_rows() -> list[Step]:
    bank = load_bank(packaged_presets() / "house.toml")
    pads = [
        {"pad": number, "name": pad.name, "prompt": pad.prompt, "color": pad.color, "tonal": pad.tonal}
        for number, pad in enumerate(bank.pads, 1)
    ]
    rows = state_rows({"title": bank.title, "pads": pads, "knobs": {"density": None}})
    return [("message", "/riff/state", *row) for row in rows.values()]


def seconds(bars: int, meter: str, bpm: str) -> float:
    return float(LoopLength.parse(bars, meter, bpm).duration_s)


def test_it_says_hello_with_its_reply_port_until_it_is_heard(play: Play) -> None:
    seen = play(*LOADED, ("wait", 5000))
    assert set(addresses(seen)) == {"/riff/hello"} and len(seen["sent"]) >= 3
    assert seen["sent"][0][1:3] == [PORTS.reply, "live"] and seen["port"] == ["port", PORTS.reply]
    assert seen["shown"]["light"]["textcolor"] == RED
    assert "does not answer" in status(seen) and "riffsidecar run" in status(seen)


def test_a_welcome_lights_green_and_asks_for_the_bank(play: Play) -> None:
    seen = play(*LOADED, ("forget",), WELCOME)
    assert seen["shown"]["light"]["textcolor"] == GREEN
    assert status(seen) == "riffsidecar 0.1.0 is ready"
    assert seen["sent"][0][:2] == ["/riff/query", "state"]


def test_a_welcome_is_followed_by_what_live_plays(play: Play) -> None:
    seen = play(*LOADED, ("forget",), WELCOME)
    assert commands(seen) == [SetTempo(Tempo(Fraction(120)), "live"), SetMeter(Meter(4, 4))]


def test_a_change_of_tempo_and_of_meter_goes_out_once(play: Play) -> None:
    changes = [
        ("set", "tempo", 87.4999969),
        ("set", "signature_numerator", 7),
        ("set", "signature_denominator", 8),
    ]
    seen = play(*GREETED, *changes, ("wait", 100))
    assert commands(seen) == [SetTempo(Tempo(Fraction(175, 2)), "live"), SetMeter(Meter(7, 8))]


def test_a_tempo_that_is_automated_is_followed_without_a_flood(play: Play) -> None:
    ramp = [step for bpm in range(60, 160) for step in (("set", "tempo", bpm), ("wait", 10))]
    seen = play(*GREETED, *ramp, ("wait", 100))
    assert 15 <= len(seen["sent"]) <= 22
    assert commands(seen)[-1] == SetTempo(Tempo(Fraction(159)), "live")


@pytest.mark.parametrize(
    ("root", "scale", "key"),
    [
        (9, "Minor", "Am"),
        (0, "Major", "C"),
        (2, "Dorian", "D dorian"),
        (1, "Harmonic Minor", "C# harmonic-minor"),
        (4, "Minor Blues", "E blues"),
        (10, "Major Pentatonic", "Bb major-pentatonic"),
    ],
)
def test_lives_scale_is_sent_while_scale_mode_is_on(play: Play, root: int, scale: str, key: str) -> None:
    off = [("set", "root_note", root), ("set", "scale_name", scale), ("wait", 100)]
    assert commands(play(*GREETED, *off)) == []
    on = [*off, ("set", "scale_mode", 1), ("wait", 100)]
    assert commands(play(*GREETED, *on)) == [SetKey(Key.parse(key))]
    assert commands(play(*GREETED, *on, ("set", "scale_mode", 0), ("wait", 100)))[-1] == SetKey(None)


def test_a_pad_is_triggered_and_its_progress_shown(play: Play) -> None:
    (progress,) = event_answers(Progressed(Origin("osc", "", MINE), 3, 0.42, 2.0, "denoising"))
    seen = play(*GREETED, ("message", "pad", 3), ("message", progress.address, *progress.values))
    assert commands(seen) == [TriggerPad(3)]
    assert seen["sent"][0][-1].startswith("id:")
    assert status(seen) == "pad 3: denoising, 42 %"


def test_the_pads_get_the_names_and_colours_of_the_bank(play: Play) -> None:
    bank = load_bank(packaged_presets() / "house.toml")
    seen = play(*GREETED, *bank_rows())
    assert seen["shown"]["bank"]["set"] == bank.title
    for number in range(1, NUM_PADS + 1):
        pad, shown = bank.pads[number - 1], seen["shown"][f"pad{number}"]
        assert shown["text"] == pad.name
        assert "#" + bytes(round(255 * part) for part in shown["activebgcolor"][:3]).hex() == pad.color


def test_a_turned_dial_goes_out_and_its_default_lets_the_knob_go(play: Play) -> None:
    turned = play(*GREETED, ("message", "knob", "morph", 0.3), ("wait", 100))
    assert commands(turned) == [SetKnob("morph", 0.3)]
    off, default = (("message", "knob", "strength", value) for value in (0.2, 0.699999988))
    back = play(*GREETED, off, ("wait", 100), ("forget",), default, ("wait", 100))
    assert commands(back) == [SetKnob("strength", "default")]
    menu = play(*GREETED, ("message", "knob", "quality", 2), ("wait", 100))
    assert commands(menu) == [SetKnob("quality", "fine")]


def test_dials_that_a_set_restores_are_told_after_the_welcome_and_untouched_ones_are_not(play: Play) -> None:
    restored = [("message", "knob", "guidance", 4.5), ("message", "knob", "density", 0.5)]
    seen = play(*restored, *LOADED, ("forget",), WELCOME)
    assert [command for command in commands(seen) if isinstance(command, SetKnob)] == [
        SetKnob("guidance", 4.5)
    ]


def test_three_bars_of_7_8_become_a_clip_of_ten_and_a_half_beats(play: Play) -> None:
    live = a_set(seconds=seconds(3, "7/8", "120"))
    seen = play(*GREETED, *bank_rows(), done(), ("wait", 500), live=live)
    (clip,) = [slot["clip"] for slot in slots(seen) if slot["has_clip"]]
    pad = load_bank(packaged_presets() / "house.toml").pads[2]
    assert clip["file"] == WAV
    assert (clip["warping"], clip["looping"]) == (1, 1)
    assert (clip["loop_start"], clip["loop_end"]) == (0, 10.5)
    assert (clip["start_marker"], clip["end_marker"]) == (0, 10.5)
    assert (clip["name"], clip["color"]) == (pad.name, int(pad.color[1:], 16))
    assert status(seen) == f"{pad.name}: 10.5 beats in slot 1"


@pytest.mark.parametrize(
    ("bars", "meter", "bpm"),
    [(4, "4/4", "123.457"), (1, "3/4", "33.3"), (5, "5/4", "174"), (7, "15/16", "90")],
)
def test_a_clip_is_as_long_as_its_bars_for_any_meter_and_tempo(
    play: Play, bars: int, meter: str, bpm: str
) -> None:
    live = a_set(seconds=seconds(bars, meter, bpm))
    seen = play(*GREETED, done(bars, meter, bpm), ("wait", 500), live=live)
    clip, quarters = slots(seen)[0]["clip"], float(LoopLength.parse(bars, meter, bpm).quarters)
    assert clip["loop_end"] == quarters
    first, last = clip["warp_markers"]
    assert (first["beat_time"], last["beat_time"]) == (0, pytest.approx(quarters))


def test_a_taken_slot_is_left_alone_and_the_next_empty_one_used(play: Play) -> None:
    seen = play(*GREETED, done(), done(), ("wait", 500), live=a_set((1, 0, 1, 0), seconds=5.25))
    assert [slot["has_clip"] for slot in slots(seen)] == [1, 1, 1, 1]
    assert ["clip" in slot for slot in slots(seen)] == [False, True, False, True]
    assert "in slot 4" in status(seen)


@pytest.mark.parametrize(
    ("live", "text"),
    [
        (a_set((1, 1)), "no empty slot"),
        (a_set(refuses="Invalid\n syntax", seconds=5.25), "Invalid syntax"),
        (a_set(ignores=True, seconds=5.25), f"Live takes no clip from {WAV}"),
        (a_set(this_device="live_set tracks 0 devices 0"), "put this device on an audio track"),
        (a_set(this_device="live_set master_track devices 0"), "put this device on an audio track"),
    ],
)
def test_what_live_refuses_is_one_line_of_text_and_the_device_goes_on(
    play: Play, live: dict[str, Any], text: str
) -> None:
    seen = play(*GREETED, done(), ("wait", 500), live=live)
    assert text in status(seen) and "\n" not in status(seen)
    again = play(*GREETED, done(), ("wait", 500), ("message", "pad", 2), live=live)
    assert commands(again) == [TriggerPad(2)]


def test_a_frozen_track_is_named_as_the_reason(play: Play) -> None:
    live = a_set()
    live["live_set"]["tracks"][1]["is_frozen"] = 1
    assert "frozen" in status(play(*GREETED, done(), ("wait", 500), live=live))


def test_a_clip_whose_warp_markers_cannot_be_moved_loops_all_the_same(play: Play) -> None:
    seen = play(*GREETED, done(), ("wait", 500), live=a_set(seconds=5.25, keeps_markers="Marker is fixed"))
    clip = slots(seen)[0]["clip"]
    assert (clip["looping"], clip["loop_end"]) == (1, 10.5) and status(seen) == "Marker is fixed"


def test_an_empty_key_that_max_may_drop_changes_nothing(play: Play) -> None:
    whole = done()
    dropped = [value for value in whole if value != ""]
    assert len(dropped) == len(whole) - 1
    seen = play(*GREETED, dropped, ("wait", 500), live=a_set(seconds=5.25))
    assert slots(seen)[0]["clip"]["loop_end"] == 10.5


def test_the_end_of_a_request_without_a_loop_makes_no_clip(play: Play) -> None:
    answer = done_without_loop(MINE)
    seen = play(*GREETED, ("message", answer.address, *answer.values), ("wait", 500))
    assert not any(slot["has_clip"] for slot in slots(seen))
    assert status(seen) == "riffsidecar 0.1.0 is ready"


@pytest.mark.parametrize("request_id", ["midi", "id:live9999-7", f"{MINE.split('-')[0]}1-7"])
def test_loops_that_others_asked_for_make_no_clip_and_no_noise(play: Play, request_id: str) -> None:
    (progress,) = event_answers(Progressed(Origin("osc", "", request_id), 3, 0.42, 2.0, "denoising"))
    heard = [("message", progress.address, *progress.values), done(request_id=request_id)]
    seen = play(*GREETED, *heard, ("wait", 500))
    assert not any(slot["has_clip"] for slot in slots(seen))
    assert status(seen) == "riffsidecar 0.1.0 is ready"


def test_an_error_of_the_daemon_is_shown_unless_a_newer_request_is_the_reason(play: Play) -> None:
    error, superseded = (
        ("message", answer.address, *answer.values)
        for answer in (
            request_error(MINE, "bad-value", "tempo is\n 500"),
            request_error(MINE, "superseded", "gone"),
        )
    )
    assert status(play(*GREETED, error, superseded)) == "tempo is 500"


def test_a_daemon_that_falls_silent_turns_the_light_red_and_one_that_returns_is_told_everything(
    play: Play,
) -> None:
    answered = [("message", "/riff/pong", 0, "0.1.0", "ready"), ("wait", 2000)]
    alive = play(*GREETED, *(answered * 5))
    assert alive["shown"]["light"]["textcolor"] == GREEN
    assert set(addresses(alive)) == {"/riff/ping"}
    silent = [*GREETED, ("message", "knob", "morph", 0.3), ("wait", 8000)]
    seen = play(*silent, ("forget",), ("message", "pad", 1), ("wait", 2000))
    assert seen["shown"]["light"]["textcolor"] == RED and set(addresses(seen)) == {"/riff/hello"}
    back = play(*silent, ("forget",), WELCOME)
    assert back["shown"]["light"]["textcolor"] == GREEN
    assert commands(back) == [
        SetKnob("morph", 0.3) if part == "morph" else part
        for part in (SetTempo(Tempo(Fraction(120)), "live"), SetMeter(Meter(4, 4)), "morph")
    ]


def test_another_reply_port_is_listened_at_and_announced(play: Play) -> None:
    seen = play(*GREETED, ("message", "port", 9200))
    assert seen["port"] == ["port", 9200]
    assert seen["sent"][0][:2] == ["/riff/hello", 9200]
    assert seen["sent"][0][-1].startswith("id:live9200-")


def test_messages_that_nobody_knows_do_nothing(play: Play) -> None:
    seen = play(*GREETED, ("message", "/riff/new", 1), ("message", "foo"), ("message", "/riff/ack", MINE, 3))
    assert seen["sent"] == []
