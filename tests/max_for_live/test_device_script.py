"""The main device's script in Node, against a small Live and Max: what it sends, shows and makes of the set.

What it sends is read by the daemon's own table, and what it hears is what the daemon's own code writes.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from max_for_live.build import REPLY_PORT, make_script
from riffsidecar.control.osc_answers import (
    done_without_loop,
    event_answers,
    request_error,
    state_rows,
)
from riffsidecar.control.osc_ids import split_id
from riffsidecar.control.osc_table import find_address
from riffsidecar.music import Key, LoopLength, Meter, Tempo
from riffsidecar.session.commands import (
    Cancel,
    Command,
    Render,
    SelectBank,
    SetBars,
    SetKey,
    SetKnob,
    SetMeter,
    SetTempo,
    SetTransport,
    StartJourney,
    TriggerPad,
)
from riffsidecar.session.events import Acked, Finished, Origin, Progressed
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.pads import NUM_PADS
from riffsidecar.session.presets import load_bank, packaged_presets

FAKE = Path(__file__).parent / "fake" / "steps.js"
RED, GREEN = [0.9, 0.2, 0.15, 1], [0.3, 0.8, 0.35, 1]
AMBER = [0.98, 0.7, 0.2, 1]
FOLDER = "/Users/kim/Music/riff loops"
WAV = f"{FOLDER}/riff_120_drums.wav"
ME = "me"

Step = Sequence[Any]
Seen = dict[str, Any]
Play = Callable[..., Seen]

WELCOME: Step = ("message", "/riff/welcome", REPLY_PORT, "0.1.0", "ready", "live")
LOADED: list[Step] = [("message", "bang"), ("wait", 100)]
GREETED: list[Step] = [*LOADED, WELCOME, ("wait", 100), ("forget",)]


@pytest.fixture(scope="module")
def play(node: str) -> Iterator[Play]:
    """Give what carries out steps in a fresh device, and tells what it sent, showed and made of the set."""
    process = subprocess.Popen([node, str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdin is not None and process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def run(*steps: Step, live: dict[str, Any] | None = None) -> Seen:
            # A device has a random name in its ids; the tests know it.
            script = re.sub(r"Math\.random\(\)\.toString\(36\)\.slice\(2, 6\)", f'"{ME}"', make_script())
            stdin.write(json.dumps({"script": script, "live": live or a_set(), "steps": steps}) + "\n")
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
        "is_playing": 0,
        "current_song_time": 0,
        "tracks": [{"has_audio_input": 0, "clip_slots": []}, track],
    }
    return {"live_set": song, "this_device": "live_set tracks 1 devices 0 chains 0 devices 2", **extra}


def board(**shared: Any) -> dict[str, Any]:
    """Return what the devices of a set know of each other."""
    return {"riffsidecar": {"state": json.dumps(shared)}}


def on_board(seen: Seen) -> dict[str, Any]:
    return dict(json.loads(seen["globals"]["riffsidecar"]["state"]))


def mine(number: int = 7, quiet: str = "") -> str:
    return f"id:live-{ME}-{quiet}{number}"


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


def clips(seen: Seen) -> list[int]:
    """Return the slots that have a clip which the script made."""
    return [index for index, slot in enumerate(slots(seen)) if "clip" in slot]


def done(
    bars: int = 3, meter: str = "7/8", bpm: str = "120", slot: int = 1, request_id: str = "", path: str = WAV
) -> Step:
    """Return the message by which the daemon says that a loop is there."""
    length = LoopLength.parse(bars, meter, bpm)
    event = Finished(
        origin=Origin("osc", "127.0.0.1:50000", request_id or mine()),
        slot=slot,
        path=path,
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


def progress(slot: int = 3, request_id: str = "") -> Step:
    (answer,) = event_answers(Progressed(Origin("osc", "", request_id or mine()), slot, 0.42, 1.5, "denoise"))
    return ("message", answer.address, *answer.values)


def ack(slot: int = 3, request_id: str = "") -> Step:
    (answer,) = event_answers(Acked(Origin("osc", "", request_id or mine()), slot))
    return ("message", answer.address, *answer.values)


def bank_rows(name: str = "house") -> list[Step]:
    bank = load_bank(packaged_presets() / f"{name}.toml")
    pads = [
        {"pad": number, "name": pad.name, "prompt": pad.prompt, "color": pad.color, "tonal": pad.tonal}
        for number, pad in enumerate(bank.pads, 1)
    ]
    state = {"bank": name, "title": bank.title, "banks": ["ambient", "house"], "pads": pads}
    return [("message", "/riff/state", *row) for row in state_rows(state).values()]


def colour(seen: Seen, pad: int) -> list[float]:
    return list(seen["shown"][f"pad{pad}"]["activebgcolor"])


def seconds(bars: int, meter: str, bpm: str) -> float:
    return float(LoopLength.parse(bars, meter, bpm).duration_s)


THREE_BARS = {"*": seconds(3, "7/8", "120")}


def test_it_says_hello_with_its_reply_port_until_it_is_heard(play: Play) -> None:
    seen = play(*LOADED, ("wait", 3000))
    assert set(addresses(seen)) == {"/riff/hello"} and len(seen["sent"]) >= 2
    assert seen["sent"][0][1:3] == [REPLY_PORT, "live"] and seen["port"] == ["port", REPLY_PORT]
    assert seen["shown"]["light"]["textcolor"] == RED
    assert "does not answer" in status(seen) and "riffsidecar run" in status(seen)


def test_where_nobody_answers_the_next_port_is_tried_and_those_of_the_set_are_left_out(play: Play) -> None:
    alone = play(*LOADED, ("wait", 60_000))
    tried = [message[1] for message in alone["sent"]]
    assert tried[0] == REPLY_PORT and set(tried) >= {REPLY_PORT, REPLY_PORT + 1, REPLY_PORT + 2}
    shared = board(ports={"other": REPLY_PORT, "third": REPLY_PORT + 1})
    second = play(*LOADED, live=a_set(globals=shared))
    assert second["port"] == ["port", REPLY_PORT + 2]
    assert on_board(second)["ports"] == {
        "other": REPLY_PORT,
        "third": REPLY_PORT + 1,
        ME: REPLY_PORT + 2,
    }


def test_a_device_that_is_deleted_gives_its_port_back(play: Play) -> None:
    seen = play(*LOADED, ("message", "notifydeleted"))
    assert on_board(seen)["ports"] == {}


def test_the_welcome_of_another_program_at_the_same_port_is_not_taken_for_ones_own(play: Play) -> None:
    seen = play(*LOADED, (*WELCOME, "id:live-else-1"))
    assert seen["shown"]["light"]["textcolor"] == RED
    seen = play(*LOADED, (*WELCOME, mine(1)))
    assert seen["shown"]["light"]["textcolor"] == GREEN


def test_a_welcome_lights_green_and_asks_for_the_bank(play: Play) -> None:
    seen = play(*LOADED, ("forget",), WELCOME)
    assert seen["shown"]["light"]["textcolor"] == GREEN
    assert status(seen) == "riffsidecar 0.1.0 is ready"
    assert seen["sent"][0][:2] == ["/riff/query", "state"]


STANDS = SetTransport(False, Fraction(0))
SONG = [SetTempo(Tempo(Fraction(120)), "live"), SetMeter(Meter(4, 4)), STANDS]


def test_a_welcome_is_followed_by_what_live_plays(play: Play) -> None:
    assert commands(play(*LOADED, ("forget",), WELCOME)) == SONG


def test_a_song_that_starts_and_stops_is_told(play: Play) -> None:
    seen = play(*GREETED, ("set", "is_playing", 1), ("wait", 1000), ("set", "is_playing", 0), ("wait", 100))
    started, stopped = commands(seen)
    assert started == SetTransport(True, Fraction(0))
    assert isinstance(stopped, SetTransport) and not stopped.is_playing and stopped.position is not None
    assert float(stopped.position) == pytest.approx(2)


def places(seen: Seen) -> list[float]:
    """Return where the song was said to be while it played."""
    told = [each for each in commands(seen) if isinstance(each, SetTransport) and each.is_playing]
    return [float(each.position) for each in told if each.position is not None]


def test_a_jump_of_the_song_is_told_at_once_and_its_going_on_but_seldom(play: Play) -> None:
    playing = [*GREETED, ("set", "is_playing", 1)]
    jump = [("wait", 3000), ("set", "current_song_time", 64.0), ("wait", 200)]
    assert places(play(*playing, *jump)) == [0, 64]
    calm = places(play(*playing, *([("message", "/riff/pong", 0, "0.1.0", "ready"), ("wait", 4000)] * 7)))
    assert len(calm) == 4
    for before, after in itertools.pairwise(calm):
        assert after - before == pytest.approx(16, abs=0.5)
    faster = [("set", "tempo", 180), ("wait", 1000), ("set", "tempo", 60), ("wait", 1000)]
    assert places(play(*playing, *faster)) == [0]
    assert places(play(*GREETED, *jump)) == []


def test_what_is_not_followed_is_not_told_and_the_tempo_is_let_go(play: Play) -> None:
    off = [("message", "follow", what, 0) for what in ("tempo", "meter", "scale")]
    assert commands(play(*off, *LOADED, ("forget",), WELCOME))[1:] == [STANDS]
    changes = [("set", "tempo", 90), ("set", "signature_numerator", 3), ("set", "scale_mode", 1)]
    seen = play(*GREETED, *off, ("wait", 100), ("forget",), *changes, ("wait", 100))
    assert commands(seen) == []
    released = play(*GREETED, *off, ("wait", 100))
    assert released["sent"][0][:3] == ["/riff/tempo", "default", "live"]
    again = play(
        *GREETED, *off, *changes, ("wait", 100), ("forget",), ("message", "follow", "tempo", 1), ("wait", 100)
    )
    assert commands(again) == [SetTempo(Tempo(Fraction(90)), "live")]


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
    seen = play(*GREETED, ("message", "pad", 3), ack(), progress())
    assert commands(seen) == [TriggerPad(3)]
    assert seen["sent"][0][-1].startswith(mine(0)[:-1])
    assert status(seen) == "pad 3: denoise, 42 %, 2 s left"
    assert seen["shown"]["pad3"]["text"] == "42 %"


def test_a_pad_shows_its_state_in_its_colour(play: Play) -> None:
    hit = [*GREETED, *bank_rows(), ("message", "pad", 3)]
    own = [
        int(load_bank(packaged_presets() / "house.toml").pads[2].color[at : at + 2], 16) / 255
        for at in (1, 3, 5)
    ]
    faint = colour(play(*GREETED, *bank_rows()), 3)
    assert faint[:3] != pytest.approx(own, abs=0.05)
    assert colour(play(*hit, ack()), 3) == colour(play(*hit, ack(), progress()), 3) == AMBER
    ready = play(*hit, ack(), progress(), done(slot=3), ("wait", 500))
    assert colour(ready, 3)[:3] == pytest.approx(own) and ready["shown"]["pad3"]["text"] == "piano stabs"
    sent = play(*hit)["sent"][-1][-1]
    failed = request_error(sent, "model", "no")
    seen = play(*hit, ack(request_id=sent), ("message", failed.address, *failed.values))
    assert colour(seen, 3) == RED and status(seen) == "no"


def test_the_pads_get_the_names_of_the_bank_and_another_bank_is_empty_again(play: Play) -> None:
    bank = load_bank(packaged_presets() / "house.toml")
    seen = play(*GREETED, *bank_rows())
    assert (
        seen["shown"]["bank"]["heard"]
        == [["clear"], ["append", "ambient"], ["append", "house"], ["setsymbol", "house"]]
        or seen["shown"]["bank"]["setsymbol"] == "house"
    )
    for number in range(1, NUM_PADS + 1):
        assert seen["shown"][f"pad{number}"]["text"] == bank.pads[number - 1].name
    other = play(
        *GREETED, *bank_rows(), ("message", "pad", 3), done(slot=3), ("wait", 500), *bank_rows("ambient")
    )
    fresh = play(*GREETED, *bank_rows("ambient"))
    assert other["shown"]["pad3"]["activebgcolor"] == fresh["shown"]["pad3"]["activebgcolor"]


def test_a_chosen_bank_is_asked_for_remembered_and_asked_for_again(play: Play) -> None:
    seen = play(*GREETED, ("message", "bank", "ambient"))
    assert commands(seen) == [SelectBank("ambient")]
    assert seen["shown"]["bank-memory"]["heard"] == [["ambient"]]
    restored = play(("message", "remembered", "ambient"), *LOADED, ("forget",), WELCOME)
    assert commands(restored)[0] == SelectBank("ambient")


def test_a_bank_that_is_called_by_digits_is_asked_for_by_name_where_max_makes_a_number_of_it(
    play: Play,
) -> None:
    seen = play(*GREETED, ("message", "bank", 808))
    assert commands(seen) == [SelectBank("808")]
    assert seen["shown"]["bank-memory"]["heard"] == [["808"]]


def test_two_devices_keep_their_own_bank_and_dials(play: Play) -> None:
    shared = board(ports={"other": REPLY_PORT + 5}, senders={"/riff/knob/morph": "other"})
    elsewhere = ("message", "/riff/state", "bank", "ambient")
    steps = [("message", "remembered", "house"), *GREETED, *bank_rows(), elsewhere, ("message", "pad", 2)]
    seen = play(*steps, live=a_set(globals=shared))
    assert commands(seen) == [SelectBank("house"), SetKnob("morph", "default"), TriggerPad(2)]
    assert seen["shown"]["pad2"]["text"] == "offbeat bass"
    quiet = [message[-1] for message in seen["sent"][:2]]
    assert all(each.startswith(mine(0, "q")[:-1]) for each in quiet)
    late = play(*steps, done(slot=5, request_id=quiet[1]), ("wait", 500), live=a_set(globals=shared))
    assert clips(late) == []


def test_a_turned_dial_goes_out_and_its_default_lets_the_knob_go(play: Play) -> None:
    turned = play(*GREETED, ("message", "knob", "morph", 0.3), ("wait", 100))
    assert commands(turned) == [SetKnob("morph", 0.3)]
    default = KNOBS["guidance"].default
    steps = (("message", "knob", "guidance", value) for value in (2.0, float(default or 0) - 1e-8))
    off, back = steps
    seen = play(*GREETED, off, ("wait", 100), ("forget",), back, ("wait", 100))
    assert commands(seen) == [SetKnob("guidance", "default")]
    menu = play(*GREETED, ("message", "knob", "quality", 2), ("wait", 100))
    assert commands(menu) == [SetKnob("quality", "fine")]


def test_bars_are_told_and_given_back_to_the_pads(play: Play) -> None:
    seen = play(*GREETED, ("message", "bars", 6), ("wait", 100), ("message", "bars", 0), ("wait", 100))
    assert commands(seen) == [SetBars(Fraction(4)), SetBars(None)]
    untouched = play(("message", "bars", 0), *LOADED, ("forget",), WELCOME)
    assert commands(untouched) == SONG


def test_dials_that_a_set_restores_are_told_after_the_welcome_and_untouched_ones_are_not(play: Play) -> None:
    restored = [("message", "knob", "guidance", 4.5), ("message", "knob", "density", 0.5)]
    seen = play(*restored, *LOADED, ("forget",), WELCOME)
    assert [command for command in commands(seen) if isinstance(command, SetKnob)] == [
        SetKnob("guidance", 4.5)
    ]


def test_the_prompts_make_a_loop_in_the_first_empty_slot(play: Play) -> None:
    written = [("type", "prompt-a", "dusty drums, soft"), ("type", "prompt-b", "techno")]
    seen = play(*GREETED, *written, ("message", "make"))
    assert commands(seen) == [Render("dusty drums, soft", (("prompt_b", "techno"),))]
    made = done(slot=0, request_id=seen["sent"][0][-1])
    placed = play(
        *GREETED, *written, ("message", "make"), made, ("wait", 500), live=a_set((1, 0), seconds=THREE_BARS)
    )
    assert clips(placed) == [1] and slots(placed)[1]["clip"]["name"] == "prompt"
    empty = play(*GREETED, ("type", "prompt-a", ""), ("message", "make"))
    assert empty["sent"] == [] and "write a prompt" in status(empty)


WRITTEN: list[Step] = [("type", "prompt-a", "ambient pad"), ("type", "prompt-b", "acid techno")]
TRAVELLING: list[Step] = [*GREETED, *WRITTEN, ("message", "journey")]


def pieces(request_id: str, count: int = 8) -> list[Step]:
    """Return the loops of a journey as they come."""
    each = [done(4, "4/4", "120", 0, request_id, f"{FOLDER}/{number}.wav") for number in range(count)]
    return [step for piece in each for step in (piece, ("wait", 300))]


def test_a_journey_is_the_daemons_own_and_fills_consecutive_slots(play: Play) -> None:
    asked = play(*TRAVELLING)
    assert commands(asked) == [StartJourney(("ambient pad", "acid techno"), (("bars", 32), ("loops", 4)))]
    assert asked["shown"]["journey"]["text"] == "Stop journey"
    loops = pieces(asked["sent"][-1][-1])
    live = a_set((0, 0, 1, *[0] * 9), seconds={"*": 8.0})
    seen = play(*TRAVELLING, *loops, live=live)
    assert clips(seen) == list(range(3, 11)), "the first eight empty ones in a row"
    assert [slots(seen)[3 + place]["clip"]["name"] for place in (0, 7)] == ["journey 1", "journey 8"]
    assert seen["shown"]["journey"]["text"] == "Journey A-B"
    few = play(*TRAVELLING, *loops, live=a_set((1, 0, 0, 1, *[0] * 6), seconds={"*": 8.0}))
    assert clips(few) == [1, 2, *range(4, 10)]


def test_a_journey_has_loops_as_long_as_the_menu_says(play: Play) -> None:
    for index, bars in ((1, 1), (3, 1), (5, 3), (12, 16)):
        chosen: list[Step] = [("message", "bars", index), ("wait", 100), ("forget",)]
        seen = play(*GREETED, *chosen, *WRITTEN, ("message", "journey"))
        (journey,) = commands(seen)
        assert isinstance(journey, StartJourney)
        assert dict(journey.options) == {"bars": 8 * bars, "loops": bars}


def test_a_journey_lines_up_in_the_arrangement(play: Play) -> None:
    steps = [*GREETED, ("message", "to", 2), *TRAVELLING[len(GREETED) :]]
    live = a_set(seconds={"*": 8.0})
    live["live_set"]["current_song_time"] = 5.0
    seen = play(*steps, *pieces(play(*steps)["sent"][-1][-1]), live=live)
    made = seen["live"]["live_set"]["tracks"][1]["arrangement_clips"]
    assert [clip["start_time"] for clip in made] == [8 + 16 * place for place in range(8)]
    assert clips(seen) == []


def test_a_journey_that_fails_ends_and_the_next_one_begins_anew(play: Play) -> None:
    failed = request_error(play(*TRAVELLING)["sent"][-1][-1], "model", "no")
    ended = [*TRAVELLING, ("message", failed.address, *failed.values), ("forget",)]
    assert status(play(*ended)) == "no" and play(*ended)["shown"]["journey"]["text"] == "Journey A-B"
    (again,) = commands(play(*ended, ("message", "journey")))
    assert isinstance(again, StartJourney)


def test_a_journey_is_stopped_by_the_same_button_and_its_loops_stay(play: Play) -> None:
    first = pieces(play(*TRAVELLING)["sent"][-1][-1], 2)
    steps = [*TRAVELLING, *first, ("forget",), ("message", "journey")]
    seen = play(*steps, live=a_set([0] * 9, seconds={"*": 8.0}))
    assert commands(seen) == [Cancel(0)] and clips(seen) == [0, 1]
    assert "stopped" in status(seen) and seen["shown"]["journey"]["text"] == "Journey A-B"
    assert "write both" in status(play(*GREETED, ("type", "prompt-b", ""), ("message", "journey")))


def preview(*what: Any, **more: Any) -> Step:
    """Return the message by which the daemon says that a draft is there."""
    kind, _, *values = done(*what, **more)
    return (kind, "/riff/preview", *values)


DRAFT = f"{FOLDER}/draft.wav"
DRAFTED: list[Step] = [*GREETED, ("message", "pad", 2), preview(slot=2, path=DRAFT), ("wait", 500)]


def test_a_draft_is_a_clip_at_once_and_the_loop_takes_its_place(play: Play) -> None:
    early = play(*DRAFTED, live=a_set(seconds=THREE_BARS))
    assert clips(early) == [1] and slots(early)[1]["clip"]["file_path"] == DRAFT
    assert "activebgcolor" not in early["shown"].get("pad2", {}), "the loop is still to come"
    seen = play(*DRAFTED, done(slot=2), ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert clips(seen) == [1] and slots(seen)[1]["clip"]["file_path"] == WAV
    assert "fired" not in slots(seen)[1]
    failed = request_error(mine(), "model", "no")
    kept = play(*DRAFTED, ("message", failed.address, *failed.values), live=a_set(seconds=THREE_BARS))
    assert slots(kept)[1]["clip"]["file_path"] == DRAFT


def test_a_clip_that_somebody_put_in_place_of_a_draft_is_left_alone(play: Play) -> None:
    live = a_set((0, 1, 0), seconds=THREE_BARS)
    live["live_set"]["tracks"][1]["clip_slots"][1]["clip"] = {"file_path": "/Users/kim/take.wav"}
    # The draft goes to slot 3 because slot 2 is taken; then that of the draft is emptied by hand.
    seen = play(*DRAFTED, ("empty", 2), done(slot=2), ("wait", 500), live=live)
    assert clips(seen) == [1, 2] and slots(seen)[2]["clip"]["file_path"] == WAV
    assert slots(seen)[1]["clip"]["file_path"] == "/Users/kim/take.wav"


def test_a_draft_is_heard_first_where_loops_are_listened_to_and_the_arrangement_waits(play: Play) -> None:
    heard = play(*GREETED, ("message", "to", 4), preview(slot=2, path=DRAFT))
    assert heard["players"] == [["a", "replace", DRAFT]]
    arranged = [*GREETED, ("message", "to", 2), preview(path=DRAFT), done(), ("wait", 500)]
    (clip,) = play(*arranged, live=a_set(seconds=THREE_BARS))["live"]["live_set"]["tracks"][1][
        "arrangement_clips"
    ]
    assert clip["file_path"] == WAV


def sounding(path: str = DRAFT, quantization: int = 4) -> dict[str, Any]:
    """Return a set that plays a clip in slot 2."""
    live = a_set((0, 1, 0), seconds={"*": 8.0})
    live["live_set"] |= {"is_playing": 1, "clip_trigger_quantization": quantization}
    live["live_set"]["tracks"][1]["clip_slots"][1]["clip"] = {"file_path": path, "is_playing": 1}
    return live


def test_a_clip_that_sounds_stays_until_shortly_before_the_bar_at_which_its_successor_starts(
    play: Play,
) -> None:
    replacing = [*GREETED, ("message", "to", 1), done(4, "4/4", "120", 2)]
    # A bar lasts two seconds; 0.2 s of the first one have passed when the loop comes.
    waits = play(*replacing, ("wait", 1300), live=sounding())
    assert slots(waits)[1]["clip"]["file_path"] == DRAFT and "next launch" in status(waits)
    seen = play(*replacing, ("wait", 1750), live=sounding())
    assert slots(seen)[1]["clip"]["file_path"] == WAV and slots(seen)[1]["fired"] == 1
    assert seen["live"]["live_set"]["current_song_time"] < 4, "fired before the bar line"
    late = play(*GREETED, ("wait", 1600), *replacing[len(GREETED) :], ("wait", 1500), live=sounding())
    assert slots(late)[1]["clip"]["file_path"] == DRAFT
    at_once = play(*replacing, ("wait", 300), live=sounding(quantization=0))
    assert slots(at_once)[1]["clip"]["file_path"] == WAV


def test_of_two_successors_only_the_newest_takes_the_place_of_a_clip_that_sounds(play: Play) -> None:
    newest = done(4, "4/4", "120", 2, path=f"{FOLDER}/newest.wav")
    replacing = [*GREETED, ("message", "to", 1), done(4, "4/4", "120", 2), newest, ("wait", 3000)]
    seen = play(*replacing, live=sounding())
    assert clips(seen) == [1] and slots(seen)[1]["clip"]["file_path"] == f"{FOLDER}/newest.wav"


@pytest.mark.parametrize(
    "live", [{"seconds": THREE_BARS}, {"seconds": THREE_BARS, "warp_modes": [0, 1, 2, 3]}]
)
def test_three_bars_of_7_8_become_a_clip_of_ten_and_a_half_beats(play: Play, live: dict[str, Any]) -> None:
    seen = play(*GREETED, *bank_rows(), done(slot=3), ("wait", 500), live=a_set(**live))
    (clip,) = [slot["clip"] for slot in slots(seen) if slot["has_clip"]]
    pad = load_bank(packaged_presets() / "house.toml").pads[2]
    assert clip["file_path"] == WAV
    assert (clip["warping"], clip["looping"]) == (1, 1)
    assert (clip["loop_start"], clip["loop_end"]) == (0, 10.5)
    assert (clip["start_marker"], clip["end_marker"]) == (0, 10.5)
    assert (clip["name"], clip["color"]) == (pad.name, int(pad.color[1:], 16))
    assert clip.get("warp_mode") == (None if "warp_modes" in live else 4)
    assert status(seen) == f"{pad.name}: 10.5 beats in slot 3"


def test_drums_are_warped_in_beats_and_chords_as_complex(play: Play) -> None:
    seen = play(
        *GREETED, *bank_rows(), done(slot=1), done(slot=3), ("wait", 500), live=a_set(seconds=THREE_BARS)
    )
    assert [slots(seen)[index]["clip"]["warp_mode"] for index in (0, 2)] == [0, 4]


@pytest.mark.parametrize(
    ("bars", "meter", "bpm"),
    [(4, "4/4", "123.457"), (1, "3/4", "33.3"), (5, "5/4", "174"), (7, "15/16", "90"), (2, "4/4", "120")],
)
def test_a_clip_is_as_long_as_its_bars_for_any_meter_and_tempo(
    play: Play, bars: int, meter: str, bpm: str
) -> None:
    live = a_set(seconds={"*": seconds(bars, meter, bpm)})
    seen = play(*GREETED, done(bars, meter, bpm), ("wait", 500), live=live)
    clip, quarters = slots(seen)[0]["clip"], float(LoopLength.parse(bars, meter, bpm).quarters)
    assert clip["loop_end"] == quarters
    for marker in clip["warp_markers"]:
        assert marker["beat_time"] == pytest.approx(marker["sample_time"] * float(bpm) / 60, abs=2e-3)


def test_a_loop_goes_into_the_slot_of_its_pad_or_the_next_empty_one(play: Play) -> None:
    own = play(*GREETED, done(slot=2), ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert clips(own) == [1]
    taken = play(*GREETED, done(slot=3), ("wait", 500), live=a_set((1, 0, 1, 0), seconds=THREE_BARS))
    assert clips(taken) == [3] and "in slot 4" in status(taken)
    above = play(*GREETED, done(slot=3), ("wait", 500), live=a_set((1, 0, 1), seconds=THREE_BARS))
    assert clips(above) == [1]
    few = play(*GREETED, done(slot=16), ("wait", 500), live=a_set((1, 0, 1), seconds=THREE_BARS))
    assert clips(few) == [1]


def test_replace_puts_a_new_file_in_place_of_an_earlier_loop_and_of_nothing_else(play: Play) -> None:
    replace = [*GREETED, ("message", "to", 1)]
    first = [*replace, done(slot=2), ("wait", 500)]
    second = done(slot=2, path=f"{FOLDER}/riff_120_other.wav")
    seen = play(*first, second, ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert clips(seen) == [1] and slots(seen)[1]["clip"]["file_path"].endswith("riff_120_other.wav")
    live = a_set((0, 1, 0), seconds=THREE_BARS)
    live["live_set"]["tracks"][1]["clip_slots"][1]["clip"] = {
        "file_path": "/Users/kim/take 1.wav",
        "name": "mine",
    }
    kept = play(*first, live=live)
    assert slots(kept)[1]["clip"]["name"] == "mine" and clips(kept) == [1, 2]


def test_a_clip_is_fired_where_asked_and_a_playing_one_goes_on_as_its_successor(play: Play) -> None:
    asked = play(*GREETED, ("message", "launch", 1), done(), ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert slots(asked)[0]["fired"] == 1
    quiet = play(*GREETED, done(), ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert "fired" not in slots(quiet)[0]
    live = a_set((1, 0, 0), seconds=THREE_BARS)
    live["live_set"]["tracks"][1]["clip_slots"][0]["clip"] = {
        "file_path": f"{FOLDER}\\a.wav",
        "is_playing": 1,
    }
    playing = play(*GREETED, ("message", "to", 1), done(), ("wait", 500), live=live)
    assert slots(playing)[0]["fired"] == 1 and slots(playing)[0]["clip"]["file_path"] == WAV


def test_the_arrangement_gets_a_loop_at_the_next_bar(play: Play) -> None:
    live = a_set(seconds=THREE_BARS)
    live["live_set"] |= {"signature_numerator": 7, "signature_denominator": 8, "current_song_time": 4.1}
    seen = play(*GREETED, ("message", "to", 2), done(), ("wait", 500), live=live)
    (clip,) = seen["live"]["live_set"]["tracks"][1]["arrangement_clips"]
    assert clip["start_time"] == 7.0 and clip["loop_end"] == 10.5
    assert "the arrangement, bar 3" in status(seen)


def test_simpler_gets_a_loop_where_live_can_and_says_so_where_it_cannot(play: Play) -> None:
    def with_simpler(**extra: Any) -> dict[str, Any]:
        live = a_set(**extra)
        simpler = {"class_name": "OriginalSimpler", "sample": {"file_path": "/old.wav"}}
        live["live_set"]["tracks"][1] |= {"has_audio_input": 0, "devices": [{"class_name": "Eq8"}, simpler]}
        return live

    steps = [*GREETED, ("message", "to", 3), done(), ("wait", 500)]
    seen = play(*steps, live=with_simpler())
    assert seen["live"]["live_set"]["tracks"][1]["devices"][1]["sample"]["file_path"] == WAV
    assert status(seen) == "pad 1: in Simpler"
    assert "before Live 12.4" in status(play(*steps, live=with_simpler(without=["replace_sample"])))
    assert "no Simpler on this track" in status(play(*steps))


LISTENING: list[Step] = [*GREETED, ("message", "to", 4), done(slot=2)]


def test_a_loop_is_heard_before_any_clip_is_made_swapped_at_the_bar_and_kept_on_request(play: Play) -> None:
    read = play(*LISTENING)
    assert read["players"] == [["a", "replace", WAV]] and clips(read) == []
    stopped = play(*LISTENING, ("message", "loaded", "a"))
    assert stopped["players"][1:] == [["a", "rate", 1], ["a", "now"]]
    running = [*GREETED, ("set", "is_playing", 1), *LISTENING[len(GREETED) :], ("message", "loaded", "a")]
    other = [done(slot=3, path=f"{FOLDER}/b.wav"), ("message", "loaded", "b")]
    seen = play(*running, *other)
    assert seen["players"] == [
        ["a", "replace", WAV],
        ["a", "rate", 1],
        ["a", "arm"],
        ["b", "replace", f"{FOLDER}/b.wav"],
        ["b", "rate", 1],
        ["b", "arm"],
    ]
    faster = play(*running, ("set", "tempo", 150))
    assert faster["players"][-1] == ["a", "rate", 1.25]
    kept = play(*running, ("message", "keep"), ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert clips(kept) == [1] and kept["players"][-1] == ["off"]
    assert "nothing to keep" in status(play(*GREETED, ("message", "keep")))


def test_a_loop_that_is_overtaken_while_it_is_read_is_never_heard(play: Play) -> None:
    seen = play(*LISTENING, done(slot=3, path=f"{FOLDER}/b.wav"), ("message", "loaded", "b"))
    assert ["b", "now"] not in seen["players"]
    late = play(*LISTENING, ("message", "stop"), ("message", "loaded", "a"))
    assert late["players"][-1] == ["off"]


@pytest.mark.parametrize("posts", [False, True])
@pytest.mark.parametrize(
    ("live", "text"),
    [
        (a_set((1, 1)), "no empty slot"),
        (a_set(refuses={"create_audio_clip": "Invalid\n syntax"}), "Invalid syntax|Live takes no clip from"),
        (a_set(ignores=True), f"Live takes no clip from {WAV}"),
        (a_set(this_device="live_set tracks 0 devices 0"), "put this device on an audio track"),
        (a_set(this_device="live_set master_track devices 0"), "put this device on an audio track"),
    ],
)
def test_what_live_refuses_is_one_line_of_text_and_the_device_goes_on(
    play: Play, live: dict[str, Any], text: str, posts: bool
) -> None:
    live = json.loads(json.dumps({**live, "posts": posts}))
    seen = play(*GREETED, done(), ("wait", 500), ("message", "pad", 2), live=live)
    assert re.search(text, status(seen)) and "\n" not in status(seen)
    assert commands(seen) == [TriggerPad(2)]


def test_a_frozen_track_is_named_as_the_reason(play: Play) -> None:
    live = a_set()
    live["live_set"]["tracks"][1]["is_frozen"] = 1
    assert "frozen" in status(play(*GREETED, done(), ("wait", 500), live=live))


@pytest.mark.parametrize("posts", [False, True])
def test_a_clip_whose_warp_markers_cannot_be_moved_loops_all_the_same(play: Play, posts: bool) -> None:
    refuses = {"add_warp_marker": "Marker is fixed", "remove_warp_marker": "Marker is fixed"}
    live = a_set(seconds=THREE_BARS, refuses=refuses, posts=posts)
    seen = play(*GREETED, done(), ("wait", 500), live=live)
    clip = slots(seen)[0]["clip"]
    assert (clip["looping"], clip["loop_end"]) == (1, 10.5)
    assert re.search("Marker is fixed|set its Seg. BPM by hand", status(seen))


def test_an_empty_key_that_max_may_drop_changes_nothing(play: Play) -> None:
    whole = done()
    dropped = [value for value in whole if value != ""]
    assert len(dropped) == len(whole) - 1
    seen = play(*GREETED, dropped, ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert slots(seen)[0]["clip"]["loop_end"] == 10.5


def test_the_end_of_a_request_without_a_loop_makes_no_clip(play: Play) -> None:
    answer = done_without_loop(mine())
    seen = play(*GREETED, ("message", answer.address, *answer.values), ("wait", 500))
    assert clips(seen) == [] and status(seen) == "riffsidecar 0.1.0 is ready"


@pytest.mark.parametrize("request_id", ["id:live11-3-9164", "id:live-else-7"])
def test_loops_that_other_devices_asked_for_make_no_clip_and_no_noise(play: Play, request_id: str) -> None:
    seen = play(*GREETED, progress(request_id=request_id), done(request_id=request_id), ("wait", 500))
    assert clips(seen) == [] and status(seen) == "riffsidecar 0.1.0 is ready"


def test_loops_of_midi_pads_come_to_the_device_that_was_used_last_unless_it_will_not(play: Play) -> None:
    heard = [done(request_id="midi"), ("wait", 500)]
    assert clips(play(*GREETED, *heard, live=a_set(seconds=THREE_BARS))) == [0]
    off = [*GREETED, ("message", "catching", 0), *heard]
    assert clips(play(*off, live=a_set(seconds=THREE_BARS))) == []
    other = a_set(seconds=THREE_BARS, globals=board(catcher="other"))
    assert clips(play(*GREETED, *heard, live=other)) == []
    used = a_set(seconds=THREE_BARS, globals=board(catcher="other"))
    assert clips(play(*GREETED, ("message", "pad", 3), *heard, live=used)) == [0]


def test_an_error_of_the_daemon_is_shown_unless_a_newer_request_is_the_reason(play: Play) -> None:
    error, superseded = (
        ("message", answer.address, *answer.values)
        for answer in (
            request_error(mine(), "bad-value", "tempo is\n 500"),
            request_error(mine(), "superseded", "gone"),
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
    assert play(*GREETED, ("wait", 9000))["shown"]["light"]["textcolor"] == GREEN, "it may be busy"
    busy = play(*GREETED, *([progress(), ("wait", 4000)] * 8))
    assert busy["shown"]["light"]["textcolor"] == GREEN, "whatever it says, it lives"
    silent = [*GREETED, ("message", "knob", "morph", 0.3), ("message", "pad", 4), ack(4), ("wait", 14_000)]
    seen = play(*silent, ("forget",), ("message", "pad", 1), ("wait", 2000))
    assert seen["shown"]["light"]["textcolor"] == RED and set(addresses(seen)) == {"/riff/hello"}
    assert colour(seen, 4) == RED
    port = seen["port"][1]
    back = play(*silent, ("forget",), ("message", "/riff/welcome", port, "0.1.0", "ready", "live"))
    assert back["shown"]["light"]["textcolor"] == GREEN
    assert commands(back) == [*SONG[:2], SetKnob("morph", 0.3), STANDS]


def test_a_port_that_answers_came_in_at_is_kept_so_that_a_late_loop_is_not_lost(play: Play) -> None:
    away = [*GREETED, ("message", "pad", 1), ("wait", 60_000)]
    seen = play(*away, done(), ("wait", 500), live=a_set(seconds=THREE_BARS))
    assert seen["shown"]["light"]["textcolor"] == RED and seen["port"][1] == REPLY_PORT
    assert clips(seen) == [0]


def test_a_pad_that_is_called_off_shows_what_it_had(play: Play) -> None:
    stopped = request_error(mine(), "cancelled", "gone")
    off = [ack(), ("message", stopped.address, *stopped.values)]
    bank = [*GREETED, *bank_rows()]
    assert colour(play(*bank, *off), 3) == colour(play(*bank), 3)
    ready = [*bank, done(slot=3)]
    assert colour(play(*ready, *off), 3) == colour(play(*ready), 3)


def test_another_port_of_the_daemon_is_called_at_once(play: Play) -> None:
    seen = play(*LOADED, ("forget",), ("message", "daemon_port", 9200.0))
    assert seen["daemon"] == 9200 and addresses(seen) == ["/riff/hello"]


def test_messages_that_nobody_knows_do_nothing(play: Play) -> None:
    seen = play(
        *GREETED, ("message", "/riff/new", 1), ("message", "foo"), ("message", "/riff/ack", "id:x", -1)
    )
    assert seen["sent"] == []
