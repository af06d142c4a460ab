"""The devices of plain objects, run by a very small Max: what they send, show and make of the set."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from max_for_live.build import DEVICES, FOLDER
from riffsidecar.control.osc_answers import event_answers, request_error, state_rows
from riffsidecar.control.osc_ids import split_id
from riffsidecar.control.osc_table import find_address
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.session.commands import Command, SetKnob, SetMeter, SetTempo, SetTransport, TriggerPad
from riffsidecar.session.events import Acked, Finished, Origin, Progressed
from riffsidecar.session.knobs import KNOBS

sys.path.insert(0, str(Path(__file__).parent))
from read_amxd import read_patcher
from tiny_max import TinyMax

_, LIVE11, PADS, _ = DEVICES
WAV = "/Users/kim/Music/riff loops/riff_90_drums.wav"
PORT = 9164
WAITING = ["activebgcolor", 0.98, 0.7, 0.2, 1.0]
READY = ["activebgcolor", 0.3, 0.8, 0.35, 1.0]
FAILED = ["activebgcolor", 0.9, 0.2, 0.15, 1.0]
EMPTY = ["activebgcolor", 0.3, 0.3, 0.3, 1.0]


def mine(pad: int, port: int = PORT) -> str:
    """Return the name of the request that a pad of the device for Live 11 makes."""
    return f"id:live11-{pad}-{port}"


@pytest.fixture(autouse=True, params=[False, True], ids=["", "backwards"])
def no_cord_has_to_come_first(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in both orders of the cords that leave one outlet."""
    monkeypatch.setattr(TinyMax, "is_backwards", request.param)


def open_device(name: str, taken: tuple[int, ...] = (0, 0, 0), **lom: Any) -> TinyMax:
    slots = [{"has_clip": each} for each in taken]
    song = {
        "tempo": 90.0,
        "signature_numerator": 7,
        "signature_denominator": 8,
        "is_playing": 0,
        "current_song_time": 14.0,
        "tracks": [{"clip_slots": slots}],
    }
    device = TinyMax(read_patcher((FOLDER / name).read_bytes()), {"live_set": song, **lom})
    device.load()
    return device


def commands(device: TinyMax) -> list[Command]:
    """Return what the daemon makes of what was sent, hellos left out, and forget it."""
    found = []
    for address, *values in device.sent:
        row = find_address(str(address))
        if row.build is not None:
            command = row.command(split_id(tuple(values))[0])
            assert command is not None
            found.append(command)
    device.sent.clear()
    return found


def tell(device: TinyMax, event: Any) -> None:
    for answer in event_answers(event):
        device.hear(answer.address, *answer.values)


def ask(device: TinyMax, pad: int) -> None:
    """Click a pad and let the daemon take the request, under the name that was sent."""
    device.click(f"pad{pad}")
    tell(device, Acked(Origin("osc", "", str(device.sent[-1][-1])), pad))


def fail(device: TinyMax, request_id: str, code: str, text: str) -> None:
    answer = request_error(request_id, code, text)
    device.hear(answer.address, *answer.values)


def finished(slot: int, request_id: str = "") -> Finished:
    length = LoopLength.parse(3, "7/8", "90")
    return Finished(
        origin=Origin("osc", "", request_id or mine(slot)),
        slot=slot,
        path=WAV,
        bars=3.0,
        bpm=90.0,
        key="",
        seed=1,
        num_samples=length.num_samples(44100),
        sample_rate=44100,
        render_s=1.0,
        cached=False,
    )


def slots(device: TinyMax) -> list[dict[str, Any]]:
    return list(device.lom["live_set"]["tracks"][0]["clip_slots"])


def status(device: TinyMax) -> str:
    return " ".join(str(word) for word in device.shown["status"][-1][1:])


@pytest.mark.parametrize(("name", "port", "who"), [(LIVE11, 9164, "live11"), (PADS, 9184, "pads")])
def test_it_greets_until_it_is_heard_turns_green_and_red_again_when_the_daemon_goes(
    name: str, port: int, who: str
) -> None:
    device = open_device(name)
    assert ["/riff/hello", port, who] in device.sent and device.port == port
    device.wait(13_000)
    assert device.shown["light"][-1] == ["textcolor", 0.9, 0.2, 0.15, 1]
    assert "does not answer" in status(device)
    device.hear("/riff/welcome", port, "0.1.0", "ready", who)
    assert device.shown["light"][-1] == ["textcolor", 0.3, 0.8, 0.35, 1]
    assert status(device) == "riffsidecar is there"
    for _ in range(4):
        device.wait(2000)
        device.hear("/riff/welcome", port, "0.1.0", "ready", who)
    assert device.shown["light"][-1] == ["textcolor", 0.3, 0.8, 0.35, 1]
    device.wait(11_000)
    assert device.shown["light"][-1] == ["textcolor", 0.3, 0.8, 0.35, 1], "it may be busy"
    device.wait(2000)
    assert device.shown["light"][-1] == ["textcolor", 0.9, 0.2, 0.15, 1]


@pytest.mark.parametrize("name", [LIVE11, PADS])
def test_another_reply_port_is_listened_at_and_named(name: str) -> None:
    device = open_device(name)
    device.turn("port", 9300.0)
    device.wait(2000)
    assert device.port == 9300 and device.sent[-1][:2] == ["/riff/hello", 9300]


@pytest.mark.parametrize(("name", "port", "who"), [(LIVE11, 9164, "live11"), (PADS, 9184, "pads")])
def test_where_another_device_has_the_port_the_next_one_is_tried_and_the_one_that_answers_is_kept(
    name: str, port: int, who: str
) -> None:
    device = open_device(name)
    tried = [device.port]
    while len(tried) < 18:
        device.wait(12_000)
        tried.append(device.port)
    assert tried == [port + place % 16 for place in range(18)]
    device.sent.clear()
    device.wait(2000)
    assert ["/riff/hello", device.port, who] in device.sent
    device.hear("/riff/welcome", device.port, "0.1.0", "ready", who)
    device.wait(60_000)
    assert device.port == tried[-1] and device.shown["light"][-1] == ["textcolor", 0.9, 0.2, 0.15, 1]
    device.turn("port", 9300.0)
    assert device.port == 9300
    device.wait(13_000)
    assert device.port == 9301


def test_live_11_asks_under_the_name_of_the_port_that_it_found() -> None:
    device = open_device(LIVE11)
    device.wait(13_000)
    device.hear("/riff/welcome", PORT + 1, "0.1.0", "ready", "live11")
    device.click("pad3")
    assert device.sent[-1] == ["/riff/pad", 3, mine(3, PORT + 1)]
    for request_id in (mine(1), mine(1, PORT + 1)):
        tell(device, finished(1, request_id))
    device.wait(500)
    assert [each["has_clip"] for each in slots(device)] == [1, 0, 0]


def test_live_11_tells_the_song_as_it_is_and_as_it_changes() -> None:
    device = open_device(LIVE11)
    loaded = commands(device)
    assert SetTempo(Tempo(Fraction(90)), "live") in loaded and SetMeter(Meter(7, 8)) in loaded
    for name, value in (("tempo", 133.0), ("signature_numerator", 5), ("is_playing", 1)):
        device.change(name, value)
    plays = SetTransport(True, Fraction(14))
    told = [SetTempo(Tempo(Fraction(133)), "live"), SetMeter(Meter(5, 8)), plays]
    assert commands(device) == told
    device.wait(13_000)
    commands(device)
    device.hear("/riff/welcome", PORT, "0.1.0", "ready", "live11")
    device.wait(100)
    assert set(told) <= set(commands(device))


def test_live_11_says_where_the_song_is_while_it_plays_and_is_quiet_while_it_stands() -> None:
    device = open_device(LIVE11)
    device.wait(10_000)
    transports = [each for each in commands(device) if isinstance(each, SetTransport)]
    assert transports == [SetTransport(False, Fraction(14))]
    device.change("is_playing", 1)
    device.lom["live_set"]["current_song_time"] = 64.0
    device.wait(4000)
    told = [each for each in commands(device) if isinstance(each, SetTransport)]
    assert told == [SetTransport(True, Fraction(14)), *[SetTransport(True, Fraction(64))] * 2]


def test_live_11_tells_a_daemon_that_has_come_back_how_its_dials_stand() -> None:
    device = open_device(LIVE11)
    device.turn("morph", 0.25)
    device.wait(13_000)
    commands(device)
    device.hear("/riff/welcome", PORT, "0.1.0", "ready", "live11")
    assert SetKnob("morph", 0.25) in commands(device)


def test_live_11_dials_turn_their_knobs_and_let_them_go_at_their_default() -> None:
    device = open_device(LIVE11)
    knobs = [each for each in commands(device) if isinstance(each, SetKnob)]
    assert knobs == [SetKnob(name, "default") for name in KNOBS]
    device.turn("morph", 0.25)
    device.turn("quality", 2)
    device.turn("quality", 1)
    assert commands(device) == [
        SetKnob("morph", 0.25),
        SetKnob("quality", "fine"),
        SetKnob("quality", "default"),
    ]


def test_live_11_pads_ask_for_their_loops_and_show_what_becomes_of_them() -> None:
    device = open_device(LIVE11)
    commands(device)
    device.click("pad3")
    assert device.sent[-1] == ["/riff/pad", 3, mine(3)]
    assert commands(device) == [TriggerPad(3)]
    tell(device, Acked(Origin("osc", "", mine(3)), 3))
    assert device.shown["pad3"][-1] == WAITING
    tell(device, Progressed(Origin("osc", "", mine(3)), 3, 0.42, 2.0, "denoise"))
    assert status(device) == "pad 3: 42 %"
    fail(device, mine(3), "superseded", "gone")
    assert device.shown["pad3"][-1] == WAITING
    fail(device, mine(3), "model", "no way")
    assert device.shown["pad3"][-1] == FAILED and status(device) == "no way"


def test_live_11_marks_the_pad_that_failed_and_not_the_one_that_was_clicked_last() -> None:
    device = open_device(LIVE11)
    for pad in (3, 16, 5):
        ask(device, pad)
    fail(device, mine(16), "model", "no way")
    assert [device.shown[f"pad{pad}"][-1] for pad in (3, 16, 5)] == [WAITING, FAILED, WAITING]
    for request_id in ("", "midi", mine(3, PORT + 1), "id:live-else-7"):
        fail(device, request_id, "model", "another's")
    assert [device.shown[f"pad{pad}"][-1] for pad in (3, 16, 5)] == [WAITING, FAILED, WAITING]
    assert status(device) == "no way"
    tell(device, finished(16))
    assert device.shown["pad16"][-1] == READY


def test_live_11_shows_a_pad_that_was_cancelled_as_it_was_before() -> None:
    device = open_device(LIVE11)
    tell(device, finished(3))
    device.wait(500)
    for pad in (3, 4):
        ask(device, pad)
    told = status(device)
    for pad, before in ((3, READY), (4, EMPTY)):
        assert device.shown[f"pad{pad}"][-1] == WAITING
        fail(device, mine(pad), "cancelled", "stopped")
        assert device.shown[f"pad{pad}"][-1] == before
    assert status(device) == told
    device.hear("/riff/state", "bank", "my own")
    ask(device, 3)
    fail(device, mine(3), "cancelled", "stopped")
    assert device.shown["pad3"][-1] == EMPTY, "the loop was one of another bank"


def overtaken(device: TinyMax, pad: int, port: int = PORT) -> str:
    """Click a pad, turn a dial before its loop is there, and return the name of the dial's request."""
    ask(device, pad)
    device.turn("morph", 0.25)
    dial = str(device.sent[-1][-1])
    fail(device, mine(pad, port), "superseded", "a newer one")
    assert device.shown[f"pad{pad}"][-1] == WAITING
    return dial


def test_live_11_takes_the_loop_of_a_dial_that_was_turned_while_a_pad_was_made_as_the_pads() -> None:
    device = open_device(LIVE11)
    dial = overtaken(device, 2)
    fail(device, dial, "superseded", "turned on")
    tell(device, finished(3, dial))
    device.wait(500)
    assert device.shown["pad2"][-1] == WAITING and not any(each["has_clip"] for each in slots(device))
    tell(device, finished(2, dial))
    device.wait(500)
    assert device.shown["pad2"][-1] == READY
    assert [each["has_clip"] for each in slots(device)] == [0, 1, 0]
    tell(device, finished(2, dial))
    device.wait(500)
    assert [each["has_clip"] for each in slots(device)] == [0, 1, 0], "no clip for each move"


@pytest.mark.parametrize("other", ["midi", "id:auto-7"])
def test_live_11_takes_the_loop_of_whoever_overtook_the_pad(other: str) -> None:
    device = open_device(LIVE11)
    overtaken(device, 2)
    tell(device, finished(2, other))
    assert device.shown["pad2"][-1] == READY


def test_live_11_pads_fail_and_are_cancelled_with_the_dial_that_overtook_them() -> None:
    device = open_device(LIVE11)
    fail(device, overtaken(device, 2), "model", "no way")
    assert device.shown["pad2"][-1] == FAILED and status(device) == "no way"
    fail(device, overtaken(device, 3), "cancelled", "stopped")
    assert device.shown["pad3"][-1] == EMPTY and device.shown["pad2"][-1] == FAILED
    for pad in (2, 3):
        tell(device, finished(pad, "id:auto-9"))
    device.wait(500)
    assert not any(each["has_clip"] for each in slots(device))


def test_live_11_pads_care_for_no_dial_of_another_device_of_the_set() -> None:
    device = open_device(LIVE11)
    dial = overtaken(device, 2)
    assert dial == f"id:live11-dial-{PORT}"
    for other in (f"id:live11-dial-{PORT + 1}", "id:live11-dial"):
        fail(device, other, "model", "another's")
        fail(device, other, "cancelled", "another's")
    assert device.shown["pad2"][-1] == WAITING and "status" not in device.shown
    device.turn("port", PORT + 1.0)
    dial = overtaken(device, 3, PORT + 1)
    fail(device, dial, "model", "no way")
    assert dial == f"id:live11-dial-{PORT + 1}" and device.shown["pad3"][-1] == FAILED


def test_live_11_pads_wait_for_no_loop_of_a_daemon_that_is_gone() -> None:
    device = open_device(LIVE11)
    tell(device, finished(1))
    overtaken(device, 1)
    overtaken(device, 2)
    ask(device, 3)
    device.wait(13_000)
    device.hear("/riff/welcome", PORT, "0.1.0", "ready", "live11")
    assert [device.shown[f"pad{pad}"][-1] for pad in (1, 2, 3)] == [READY, EMPTY, EMPTY]
    tell(device, finished(2, "id:auto-9"))
    device.wait(500)
    assert [each["has_clip"] for each in slots(device)] == [1, 0, 0]


def test_live_11_owes_no_loop_to_a_pad_that_was_clicked_twice_or_of_another_bank() -> None:
    device = open_device(LIVE11)
    overtaken(device, 2)
    ask(device, 2)
    tell(device, finished(2))
    device.wait(500)
    overtaken(device, 3)
    device.hear("/riff/state", "bank", "my own")
    for pad in (2, 3):
        tell(device, finished(pad, "id:auto-9"))
    device.wait(500)
    assert [each["has_clip"] for each in slots(device)] == [0, 1, 0]


def test_live_11_pads_get_the_names_of_the_bank() -> None:
    device = open_device(LIVE11)
    pad = {"pad": 5, "name": "deep drums", "prompt": "drums", "color": "#ff0000", "tonal": False}
    for row in state_rows({"tempo": 90.0, "pads": [pad]}).values():
        device.hear("/riff/state", *row)
    assert device.shown["pad5"] == [["text", "deep drums"]]
    tell(device, finished(5))
    device.wait(500)
    assert slots(device)[0]["clip"]["name"] == "deep drums"


def test_live_11_asks_for_the_bank_and_empties_the_pads_when_it_changes() -> None:
    device = open_device(LIVE11)
    assert ["/riff/query", "state"] not in device.sent
    device.hear("/riff/welcome", PORT, "0.1.0", "ready", "live11")
    assert ["/riff/query", "state"] in device.sent
    device.hear("/riff/state", "bank", "house")
    tell(device, finished(5))
    device.hear("/riff/state", "bank", "house")
    assert device.shown["pad5"][-1] == READY
    device.hear("/riff/state", "bank", "my own")
    assert device.shown["pad5"][-1] == EMPTY


@pytest.mark.parametrize(
    ("taken", "slot", "index"),
    [((0, 0, 0), 2, 1), ((0, 1, 0), 2, 2), ((0, 1, 1), 2, 0), ((0, 0, 0), 16, 0)],
)
def test_live_11_makes_a_clip_in_the_pads_slot_or_the_next_empty_one(
    taken: tuple[int, ...], slot: int, index: int
) -> None:
    device = open_device(LIVE11, taken)
    tell(device, finished(slot))
    device.wait(500)
    clip = slots(device)[index]["clip"]
    assert [each["has_clip"] for each in slots(device)].count(1) == sum(taken) + 1
    assert clip["file_path"] == WAV
    assert (clip["warping"], clip["looping"]) == (1, 1) and clip["order"].index("warping") == 0
    assert (clip["loop_start"], clip["loop_end"]) == (0, 10.5)
    assert (clip["start_marker"], clip["end_marker"]) == (0, 10.5)
    assert status(device) == "a clip of 10.5 beats"
    assert device.shown[f"pad{slot}"][-1] == READY


def test_live_11_makes_two_clips_of_two_loops() -> None:
    device = open_device(LIVE11)
    for slot in (2, 2):
        tell(device, finished(slot))
        device.wait(500)
    assert [each["has_clip"] for each in slots(device)] == [0, 1, 1]
    assert slots(device)[2]["clip"]["loop_end"] == 10.5


@pytest.mark.parametrize("gap_ms", [0, 100])
def test_live_11_keeps_loops_apart_that_come_at_once(gap_ms: int) -> None:
    device = open_device(LIVE11)
    for slot in (1, 2, 3):
        tell(device, replace(finished(slot), path=f"/loop {slot}.wav", bpm=90.0 / slot))
        device.wait(gap_ms)
    device.wait(500)
    clips = [each["clip"] for each in slots(device)]
    assert [clip["file_path"] for clip in clips] == ["/loop 1.wav", "/loop 2.wav", "/loop 3.wav"]
    assert [clip["loop_end"] for clip in clips] == [10.5, 5.25, 3.5]
    assert all(clip["looping"] == clip["warping"] == 1 for clip in clips)


def test_live_11_says_why_there_is_no_clip_and_leaves_the_loops_of_others_alone() -> None:
    full = open_device(LIVE11, (1, 1))
    tell(full, finished(1))
    full.wait(500)
    assert "no empty slot" in status(full)
    refused = open_device(LIVE11, refuses=True)
    tell(refused, finished(1))
    refused.wait(500)
    assert status(refused) == "Live takes no clip here: is the track frozen or no audio track?"
    other = open_device(LIVE11)
    for request_id in ("midi", "id:live9124-abcd-3"):
        tell(other, finished(1, request_id))
    tell(other, Acked(Origin("osc", "", mine(1)), None))
    other.wait(500)
    assert not any(each["has_clip"] for each in slots(other))


def test_an_empty_key_that_max_may_drop_changes_nothing_in_live_11() -> None:
    device = open_device(LIVE11)
    (answer,) = event_answers(finished(1))
    device.hear(answer.address, *[value for value in answer.values if value != ""])
    device.wait(500)
    assert slots(device)[0]["clip"]["loop_end"] == 10.5


def test_notes_and_controllers_of_a_track_play_pads_and_knobs() -> None:
    device = open_device(PADS)
    commands(device)
    for pitch, velocity in ((36, 100), (51, 1), (35, 90), (52, 90)):
        device.note(pitch, velocity)
    assert commands(device) == [TriggerPad(1, 100), TriggerPad(16, 1)]
    for number, value in ((70, 127), (73, 0), (77, 127), (77, 64), (77, 0), (7, 64)):
        device.controller(number, value)
    guidance = KNOBS["guidance"]
    assert commands(device) == [
        SetKnob("morph", 1.0),
        SetKnob("guidance", guidance.minimum),
        SetKnob("quality", "fine"),
        SetKnob("quality", "normal"),
        SetKnob("quality", "draft"),
    ]
    device.note(36, 0)
    assert device.sent == [["/riff/pad", 1, 0]] and find_address("/riff/pad").command((1, 0)) is None


def test_the_midi_effect_shows_errors() -> None:
    device = open_device(PADS)
    device.hear("/riff/error", "id:x", "model", "no way")
    assert status(device) == "no way"
