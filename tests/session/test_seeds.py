"""Seed audio by name: how a slot or a pad uses it, and what that makes of a request."""

from __future__ import annotations

import doctest
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_session import make_bank

import riffsidecar.session.seeds
from riffsidecar.errors import PresetError, SessionError, UnknownNameError
from riffsidecar.music import Meter
from riffsidecar.session import (
    Bank,
    BankLibrary,
    Render,
    ReplaceSeeds,
    SeedChoice,
    SeedSource,
    SeedUse,
    Session,
    SetKnob,
    SetSeedAudio,
    TriggerPad,
)
from riffsidecar.session.presets import load_bank, packaged_presets, parse_bank
from riffsidecar.session.seeds import seed_name


def source(name: str = "break") -> SeedSource:
    return SeedSource(name, f"/seeds/{name}.wav", f"{len(name):064x}", 92.0, Fraction(2), Meter(4, 4))


def session(*names: str, bank: Bank | None = None) -> Session:
    start = Session.start(BankLibrary((bank or make_bank(),)))
    return start.apply(ReplaceSeeds(tuple(source(name) for name in names))).session


def test_a_slot_with_seed_audio_begins_from_it_and_one_without_does_not() -> None:
    seeded = session("break").apply(SetSeedAudio(2, SeedChoice("Break"))).session
    request = seeded.pad_request(2)
    assert (request.source_path, request.source_use, request.strength) == ("/seeds/break.wav", "sound", 0.7)
    assert not seeded.pad_request(3).has_source
    taken = seeded.apply(SetSeedAudio(2, None)).session
    assert not taken.pad_request(2).has_source


def test_strength_is_that_of_the_knob_once_it_is_turned() -> None:
    turned = session("break").apply(SetKnob("strength", 0.35)).session
    assert turned.apply(SetSeedAudio(1, SeedChoice("break"))).session.pad_request(1).strength == 0.35


@pytest.mark.parametrize(
    ("use", "fields"),
    [
        ("groove", {"source_use": "groove", "is_locked": False}),
        ("bars 1-2", {"is_locked": True, "has_source": False, "strength": 1.0}),
        ("band 20-200", {"is_locked": True, "keep_bands_hz": (20.0, 200.0)}),
    ],
)
def test_a_seed_is_used_for_its_groove_or_for_what_is_kept_of_it(use: str, fields: dict[str, object]) -> None:
    seeded = session("break").apply(SetSeedAudio(4, SeedChoice("break", SeedUse.parse(use)))).session
    request = seeded.pad_request(4)
    assert {name: getattr(request, name) for name in fields} == fields


def test_giving_a_slot_a_seed_makes_its_loop_anew() -> None:
    played = session("break").apply(TriggerPad(2)).session
    ((slot, request),) = played.apply(SetSeedAudio(2, SeedChoice("break"))).renders
    assert slot == 2 and request.has_source
    assert played.apply(SetSeedAudio(5, SeedChoice("break"))).renders == ()


def test_a_prompt_begins_from_the_seed_of_slot_0() -> None:
    seeded = session("break").apply(SetSeedAudio(0, SeedChoice("break"))).session
    ((_, request),) = seeded.apply(Render("drums")).renders
    assert request.source_path == "/seeds/break.wav"


def test_a_seed_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'break'"):
        session("break").apply(SetSeedAudio(1, SeedChoice("braek")))
    with pytest.raises(UnknownNameError, match="has none yet"):
        session().apply(SetSeedAudio(1, SeedChoice("break")))


def test_a_seed_that_goes_takes_the_pad_down_until_it_is_back_or_taken_away() -> None:
    seeded = session("break").apply(SetSeedAudio(1, SeedChoice("break"))).session
    gone = seeded.apply(ReplaceSeeds((), "break.wav: broken")).session
    with pytest.raises(UnknownNameError):
        gone.pad_request(1)
    assert not gone.apply(SetSeedAudio(1, None)).session.pad_request(1).has_source
    assert gone.apply(ReplaceSeeds((source(),))).session.pad_request(1).has_source


def test_the_state_tells_seeds_problems_and_users() -> None:
    seeded = session("break", "loop").apply(SetSeedAudio(3, SeedChoice("loop", SeedUse.parse("groove"))))
    state = seeded.session.apply(ReplaceSeeds((source("loop"),), "x.wav: broken")).session.state_dict()
    assert state["seed_problem"] == "x.wav: broken"
    assert state["seeds"] == [
        {"name": "loop", "bpm": 92.0, "bars": 2.0, "meter": "4/4", "told": 0, "slots": "3:groove"}
    ]


def test_a_pad_may_name_its_seed_and_a_slot_wins_over_it() -> None:
    bank = make_bank()
    pads = (replace(bank.pads[0], seed_audio=SeedChoice("break")), *bank.pads[1:])
    seeded = session("break", "loop", bank=replace(bank, pads=pads))
    assert seeded.pad_request(1).source_path == "/seeds/break.wav"
    other = seeded.apply(SetSeedAudio(1, SeedChoice("loop"))).session
    assert other.pad_request(1).source_path == "/seeds/loop.wav"


def preset(line: str) -> str:
    text = (packaged_presets() / "house.toml").read_text(encoding="utf-8")
    return text.replace("[[pad]]\n", f"[[pad]]\n{line}\n", 1)


def test_a_preset_names_seed_audio_and_its_use() -> None:
    bank = parse_bank(preset('seed_audio = "My Break"\nseed_use = "bars 1"'), "house", "house.toml")
    choice = bank.pad(1).seed_audio
    assert choice is not None and (choice.name, str(choice.use)) == ("my-break", "bars 1")
    assert load_bank(packaged_presets() / "house.toml").pad(1).seed_audio is None


@pytest.mark.parametrize(
    "line", ['seed_use = "groove"', "seed_audio = 3", 'seed_audio = "a"\nseed_use = "all"']
)
def test_a_preset_with_a_wrong_seed_is_refused(line: str) -> None:
    with pytest.raises(PresetError, match=r"pad 1.*seed"):
        parse_bank(preset(line), "house", "house.toml")


@pytest.mark.parametrize("use", ["", "sounds", "bars", "bars x", "band 5", "band 200-20", "groove 1", 7])
def test_a_use_that_is_none_is_refused(use: object) -> None:
    with pytest.raises(SessionError, match="seed use"):
        SeedUse.parse(use)


@given(st.text(max_size=80))
def test_every_file_name_makes_a_name_that_stays(stem: str) -> None:
    name = seed_name(stem)
    assert 1 <= len(name) <= 64 and seed_name(name) == name


def test_seeds_of_one_name_are_refused() -> None:
    with pytest.raises(SessionError, match="its own name"):
        ReplaceSeeds((source(), source()))


def test_the_examples_are_true(tmp_path: Path) -> None:
    assert doctest.testmod(riffsidecar.session.seeds).failed == 0
