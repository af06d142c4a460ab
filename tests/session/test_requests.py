"""Requests and recipes."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import MusicError, SessionError
from riffsidecar.music import MODES, BarSpans, Chords, Key, LoopLength, Meter, Tempo
from riffsidecar.session import BIT_DEPTHS, MAX_SEED, LoopRequest

SHA = "0123456789abcdef" * 4
unit = st.floats(0, 1)
texts = st.text(max_size=60)


@st.composite
def requests(draw: st.DrawFn) -> LoopRequest:
    tempo = Tempo(Fraction(draw(st.integers(60_000, 200_000)), 1000))
    meter = draw(st.builds(Meter, st.integers(2, 12), st.sampled_from([4, 8])))
    bars = LoopLength.nearest(draw(st.fractions(1, 8, max_denominator=4)), meter, tempo)[0]
    locked = draw(st.booleans())
    return LoopRequest(
        prompt=draw(texts.map(lambda text: "x" + text)),
        prompt_b=draw(texts),
        negative=draw(texts),
        morph=draw(unit),
        drift=draw(unit),
        strength=draw(unit),
        guidance=draw(st.floats(1, 6)),
        quality=draw(st.sampled_from(["draft", "normal", "fine"])),
        seed=draw(st.integers(0, MAX_SEED)),
        source_path="kick.wav" if draw(st.booleans()) else None,
        source_sha256=SHA,
        of_path="loop.wav" if locked else None,
        of_sha256=SHA if locked else "",
        keep_bars=draw(st.sampled_from([BarSpans.parse(text) for text in ("1", "1+1/4", "1-0+1/2")]))
        if locked
        else None,
        keep_bands_hz=draw(st.none() | st.just((20.0, 200.0))) if locked else None,
        density=draw(st.none() | unit),
        brightness=draw(st.none() | unit),
        energy=draw(st.none() | unit),
        tempo=tempo,
        meter=meter,
        bars=bars,
        key=draw(st.none() | st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))),
        chords=draw(
            st.none() | st.sampled_from(["Am F C G", "Am F | C/E G7", "| Bbmaj7 F#dim |"]).map(Chords.parse)
        ),
        sample_rate=draw(st.sampled_from([44100, 48000, 88200, 96000])),
        bit_depth=draw(st.sampled_from(BIT_DEPTHS)),
        loudness_lufs=draw(st.floats(-40, -6)),
        label=draw(texts),
    )


def make(**changes: Any) -> LoopRequest:
    return LoopRequest(**{"prompt": "dusty drums", "tempo": Tempo.parse(120), **changes})


@given(requests())
def test_a_recipe_is_plain_json_and_reads_back_as_the_request(request: LoopRequest) -> None:
    recipe = json.loads(json.dumps(request.to_recipe()))
    back = LoopRequest.from_recipe(recipe)
    assert back == request
    assert back.digest == request.digest
    assert hash(back) == hash(request)


@given(requests())
def test_a_request_crosses_to_another_process_unchanged(request: LoopRequest) -> None:
    assert pickle.loads(pickle.dumps(request)) == request


def test_every_field_decides_the_digest() -> None:
    changes: dict[str, Any] = {
        "prompt": "other", "prompt_b": "b", "morph": 0.5, "negative": "n", "seed": 1, "drift": 0.5,
        "guidance": 3.0,
        "quality": "fine", "strength": 0.5, "source_sha256": SHA, "source_use": "groove", "density": 0.5,
        "brightness": 0.5,
        "energy": 0.5,
        "tempo": Tempo.parse(121), "meter": Meter(3, 4), "bars": Fraction(2), "key": Key(0),
        "model": "riffusion", "lora": "dusty", "anchor": "four", "seam": "roll", "air": 0.5,
        "guided": 0.5,
        "chords": Chords.parse("C"), "sample_rate": 48000, "bit_depth": "16", "loudness_lufs": -9.0,
        "label": "kick",
    }  # fmt: skip
    lock = {"of_sha256": SHA, "keep_bars": (1, 2)}
    made = [make(), *(make(**{name: value}) for name, value in changes.items()), make(**lock)]
    made += [make(**{**lock, "keep_bars": (1, 3)}), make(of_sha256=SHA, keep_bands_hz=(0.0, 100.0))]
    made += [make(source_sha256=SHA, source_path="a.wav"), make(**lock, of_path="b.wav")]
    made += [make(latents_tempo=Tempo.parse(119))]
    assert len({request.digest for request in made}) == len(made)
    fields = {"source_path", "of_path", "of_sha256", "keep_bars", "keep_bands_hz", "latents_tempo", *changes}
    assert fields == set(LoopRequest.__dataclass_fields__)


def test_a_recipe_names_files_but_no_folders() -> None:
    request = make(source_path="/home/ann/secret/kick.wav", source_sha256=SHA)
    assert request.to_recipe()["source"] == "kick.wav"
    assert "secret" not in json.dumps(request.to_recipe())


def test_the_length_in_samples_is_that_of_the_bars() -> None:
    assert make().num_samples == 352800
    assert make(sample_rate=96000, bars=Fraction(1, 2)).num_samples == 96000


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\r\nb\tc", "a b c"),
        ("x\x00\x1b[31my\x7f", "x[31my"),
        ("left\u202eright\u200b", "leftright"),
        ("\ud800 drums", "drums"),
        ("e\u0301toile", "étoile"),
        ("../../etc", "../../etc"),
        ("🥁 drums", "🥁 drums"),
        ("a\x1b b", "a b"),
    ],
)
def test_a_prompt_is_one_visible_line(text: str, kept: str) -> None:
    assert make(prompt=text).prompt == kept


@given(st.text(st.characters(codec=None), min_size=1, max_size=80))
def test_no_prompt_carries_control_characters_and_cleaning_twice_changes_nothing(text: str) -> None:
    try:
        request = make(prompt=text)
    except SessionError:
        return
    assert request.prompt.isprintable() or not any(
        ord(char) < 32 or char == "\x7f" for char in request.prompt
    )
    request.prompt.encode("utf-8")
    assert make(prompt=request.prompt) == request


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "\n\x00"}, "prompt is empty"),
        ({"prompt": "x" * 1001}, "1001 characters"),
        ({"prompt": 3}, "prompt is 3, but must be text"),
        ({"negative": "x" * 1001}, "negative has 1001"),
        ({"label": "x" * 65}, "label has 65"),
        ({"morph": 1.1}, "morph is 1.1"),
        ({"guidance": 0}, "guidance is 0"),
        ({"quality": "best"}, "quality is 'best'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**31}, "seed is 2147483648"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": 10**6000}, "seed is a number of too many digits"),
        ({"tempo": 120}, "tempo is 120"),
        ({"meter": "4/4"}, "meter is '4/4'"),
        ({"key": "Am"}, "key is 'Am'"),
        ({"chords": "Am"}, "chords is 'Am'"),
        ({"bit_depth": 24}, "bit depth is 24"),
        ({"loudness_lufs": 0.0}, "loudness is 0.0"),
        ({"loudness_lufs": float("nan")}, "loudness is nan"),
        ({"model": "../x"}, "model is"),
        ({"model": ""}, "model is"),
        ({"source_sha256": "abc"}, "64 hexadecimal"),
        ({"source_path": "kick.wav"}, "source_path is given without"),
        ({"source_path": "", "source_sha256": SHA}, "source_path is ''"),
        ({"of_sha256": SHA}, "go together"),
        ({"keep_bars": (1, 2)}, "go together"),
        ({"of_sha256": SHA, "keep_bars": (0, 1)}, "counted from 1"),
        ({"of_sha256": SHA, "keep_bars": (2, 1)}, "counted from 1"),
        ({"of_sha256": SHA, "keep_bars": (1, 5)}, "from 1 to 4"),
        ({"of_sha256": SHA, "keep_bars": (1.5, 2)}, "counted from 1"),
        ({"of_sha256": SHA, "keep_bars": (1,)}, "counted from 1"),
        ({"of_sha256": SHA, "keep_bars": ("1", "2")}, "counted from 1"),
        ({"of_sha256": SHA, "keep_bands_hz": (200.0, 20.0)}, "must rise"),
        ({"of_sha256": SHA, "keep_bands_hz": (0.0, 30000.0)}, "must rise"),
    ],
)
def test_what_cannot_be_rendered_cannot_be_built(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SessionError, match=words):
        make(**changes)


def test_a_length_that_cannot_be_is_refused_when_the_request_is_built() -> None:
    with pytest.raises(MusicError, match="60 s"):
        make(bars=Fraction(64))
    with pytest.raises(MusicError, match="sample rate"):
        make(sample_rate=22050)


def test_replacing_a_field_checks_it_again() -> None:
    with pytest.raises(SessionError):
        replace(make(), drift=2.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": 2}, "of version 2, but"),
        ({"recipe": True}, "version"),
        ({"promt": "x"}, "did you mean 'prompt'"),
        ({"bpm": 120}, "bpm is 120, but"),
        ({"bpm": None}, "tempo is ''"),
        ({"bpm": "9" * 5000}, "tempo is"),
        ({"bars": "1/0"}, "bars is"),
        ({"keep_bars": "1-2"}, "go together"),
        ({"of_sha256": SHA, "keep_bars": [1, 2, 3]}, "counted from 1"),
        ({"prompt": ["x"]}, "prompt is a list"),
        ({"prompt": None}, "prompt is None"),
        ({"seed": "x"}, "seed is"),
        ({"morph": "loud"}, "morph is"),
        ({"key": 4}, "key is"),
        ({"source": 4}, "source is"),
        ({"sample_rate": "44100"}, "sample rate"),
        ({"loudness_lufs": "loud"}, "loudness is"),
        ({"model": 3}, "model is"),
        ({"label": 3}, "label is"),
        ({"source_sha256": 3}, "source_sha256 is"),
    ],
)
def test_a_recipe_that_was_tampered_with_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(SessionError, match=words):
        LoopRequest.from_recipe({**make().to_recipe(), **change})


@pytest.mark.parametrize("missing", sorted(make().to_recipe()))
def test_a_recipe_that_lacks_a_key_is_refused(missing: str) -> None:
    recipe = make().to_recipe()
    del recipe[missing]
    with pytest.raises(SessionError, match="recipe"):
        LoopRequest.from_recipe(recipe)


@pytest.mark.parametrize("recipe", [None, [], "x", 3, {}])
def test_what_is_no_recipe_is_refused(recipe: object) -> None:
    with pytest.raises(SessionError, match="recipe is"):
        LoopRequest.from_recipe(recipe)
