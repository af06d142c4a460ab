"""Preset files, those that are shipped and those that are broken."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.errors import PresetError
from riffsidecar.music import LoopLength, Tempo
from riffsidecar.session import (
    KNOBS,
    Bank,
    BankLibrary,
    SelectBank,
    Session,
    SetTempo,
    bank_name,
    load_bank,
    load_banks,
    packaged_presets,
    parse_bank,
)

PADS = "\n".join(f'[[pad]]\nname = "pad {number}"\nprompt = "sound {number}"' for number in range(1, 17))
SHIPPED = sorted(packaged_presets().glob("*.toml"))


@pytest.fixture(scope="module")
def library() -> BankLibrary:
    return load_banks([packaged_presets()])


def test_the_banks_that_a_beatmaker_wants_are_shipped(library: BankLibrary) -> None:
    assert {"house", "hiphop-lofi", "drum-and-bass", "ambient", "live-band"} <= set(library.names)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
class TestShipped:
    """What holds for every bank that is shipped."""

    def test_every_pad_has_two_prompts_a_name_of_its_own_and_renders_at_its_own_length(
        self, path: Path
    ) -> None:
        bank = load_bank(path)
        session = Session.start(BankLibrary((bank,)))
        assert len({pad.name for pad in bank.pads}) == 16
        assert len({pad.prompt for pad in bank.pads}) == 16
        for number, pad in enumerate(bank.pads, 1):
            request = session.pad_request(number)
            assert pad.prompt_b and pad.prompt_b != pad.prompt
            assert request.bars in (1, 2, 4, 8)
            assert request.bars == (pad.bars or bank.bars)
            assert (request.key is None) == (not pad.tonal)

    def test_it_suggests_a_tempo_and_a_harmony_that_fill_its_bars(self, path: Path) -> None:
        bank = load_bank(path)
        assert bank.tempo is not None and 70 <= bank.tempo.bpm <= 175
        assert bank.key is not None and bank.chords is not None and bank.bars is not None
        assert bank.bars % len(bank.chords.bars) == 0
        scale = set(bank.key.pitch_classes)
        for bar in bank.chords.bars:
            for chord in bar:
                assert chord.root in scale
        assert all((pad.bars or bank.bars) % len(bank.chords.bars) == 0 for pad in bank.pads if pad.tonal)

    def test_it_covers_drums_bass_harmony_melody_and_a_whole_groove(self, path: Path) -> None:
        prompts = " / ".join(pad.prompt for pad in load_bank(path).pads)
        for words in (
            "drum",
            "bass",
            "piano|rhodes|organ|guitar",
            "string|choir|pad",
            "synth|bell|lead|melody|horn",
            "groove|beat",
        ):
            assert re.search(words, prompts), words
        assert any(not pad.tonal for pad in load_bank(path).pads)

    def test_its_midi_map_has_sixteen_pads_and_every_knob(self, path: Path) -> None:
        midi = load_bank(path).midi
        assert [midi.pad_of(note) for note in range(35, 53)] == [None, *range(1, 17), None]
        assert set(midi.ccs.values()) == set(KNOBS)
        assert midi.velocity_knob in KNOBS


def test_every_bank_can_be_selected_and_its_pads_last_under_a_minute_at_any_tempo(
    library: BankLibrary,
) -> None:
    session = Session.start(library)
    for bpm in (20, 45, 79.999, 120, 160, 333, 400):
        session = session.apply(SetTempo(Tempo.parse(bpm))).session
        for number in range(1, len(library) + 1):
            session = session.apply(SelectBank(number)).session
            for pad in range(1, 17):
                assert isinstance(session.pad_request(pad).length, LoopLength)


def test_a_bank_says_what_it_needs_and_no_more() -> None:
    bank = parse_bank(PADS, "mine", "mine.toml")
    assert (bank.name, bank.title, bank.tempo, bank.key, bank.chords) == ("mine", "mine", None, None, None)
    assert bank.midi.first_note == 36 and bank.midi.velocity_knob is None
    assert bank.pad(16).prompt == "sound 16"


def test_a_midi_map_adds_to_the_default_controllers() -> None:
    bank = parse_bank(
        '[midi]\nfirst_note = 60\nvelocity = "energy"\ncc = { 1 = "morph", 70 = "drift" }\n' + PADS, "x", "x"
    )
    assert bank.midi.pad_of(60) == 1 and bank.midi.note_of(16) == 75
    assert (
        bank.midi.knob_of(1) == "morph"
        and bank.midi.knob_of(70) == "drift"
        and bank.midi.knob_of(74) == "brightness"
    )


def first(line: str) -> str:
    return PADS.replace('prompt = "sound 1"\n', f'prompt = "sound 1"\n{line}\n', 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("= 3", ["is no TOML", "line 1"]),
        ("x = " + "[" * 100_000, ["is no TOML"]),
        ("seed = " + "9" * 10_000, ["is no TOML"]),
        ("", ["0 [[pad]]", "must have 16"]),
        ("pad = 3", ["[[pad]]"]),
        (PADS + '\n[[pad]]\nname="x"\nprompt="x"', ["17 [[pad]]", "must have 16"]),
        ("tempoo = 3\n" + PADS, ["'tempoo'", "did you mean 'tempo'"]),
        ("tempo = 500\n" + PADS, ["tempo is 500", "20 to 400"]),
        ('tempo = "fast"\n' + PADS, ["tempo is 'fast'"]),
        ("tempo = true\n" + PADS, ["tempo is True"]),
        ('meter = "4/5"\n' + PADS, ["1/5", "1, 2, 4, 8 and 16"]),
        ("bars = 65\n" + PADS, ["bars is 65", "1/4 to 64"]),
        ('key = "A minr"\n' + PADS, ["'A minr'", "did you mean 'minor'"]),
        ('chords = "Am Fo$"\n' + PADS, ["bar 2", "'Fo$'"]),
        ('title = ""\n' + PADS, ["title is empty"]),
        ("title = 3\n" + PADS, ["title is 3", "text"]),
        ("midi = 3\n" + PADS, ["midi", "table"]),
        ("[midi]\nfirst_note = 120\n" + PADS, ["midi", "first_note is 120", "0 to 112"]),
        ('[midi]\nvelocity = "energie"\n' + PADS, ["midi", "'energie'", "did you mean 'energy'"]),
        ("[midi]\nvelocity = 3\n" + PADS, ["velocity is 3"]),
        ('[midi]\ncc = { x = "morph" }\n' + PADS, ["cc has the key 'x'", "0 to 119"]),
        ('[midi]\ncc = { 120 = "morph" }\n' + PADS, ["controller is 120", "0 to 119"]),
        ('[midi]\ncc = { 1 = "mroph" }\n' + PADS, ["'mroph'", "did you mean 'morph'"]),
        ("[midi]\ncc = { 1 = 3 }\n" + PADS, ["cc 1 is 3"]),
        ("[midi]\nccs = { }\n" + PADS, ["'ccs'", "did you mean 'cc'"]),
        (first('colour = "#ffffff"'), ["pad 1 (pad 1)", "'colour'", "did you mean 'color'"]),
        (first('color = "red"'), ["pad 1 (pad 1)", "color is 'red'", "#ff8800"]),
        (first("color = 3"), ["pad 1 (pad 1)", "color is 3"]),
        (first("bars = 0"), ["pad 1 (pad 1)", "bars is 0", "1/4 to 64"]),
        (first("bars = true"), ["pad 1 (pad 1)", "bars is True"]),
        (first("tonal = 1"), ["pad 1 (pad 1)", "tonal is 1", "true or false"]),
        (first('knobs = "loud"'), ["pad 1 (pad 1)", "knobs is 'loud'", "table"]),
        (first("knobs = { mroph = 0 }"), ["pad 1 (pad 1)", "'mroph'", "did you mean 'morph'"]),
        (first("knobs = { morph = 3 }"), ["pad 1 (pad 1)", "morph is 3", "0 to 1"]),
        (first('knobs = { quality = "fin" }'), ["pad 1 (pad 1)", "quality is 'fin'", "did you mean 'fine'"]),
        (first('key = "H"'), ["pad 1 (pad 1)", "key is 'H'"]),
        (first('chords = "H"'), ["pad 1 (pad 1)", "'H'"]),
        (first("prompt_b = 3"), ["pad 1 (pad 1)", "prompt_b is 3"]),
        (PADS.replace('prompt = "sound 3"', "", 1), ["pad 3 (pad 3)", "lacks prompt"]),
        (PADS.replace('name = "pad 3"', "", 1), ["pad 3: ", "lacks name"]),
        (PADS.replace('"sound 3"', '""', 1), ["pad 3 (pad 3)", "prompt is empty"]),
        (PADS.replace('"pad 3"', "3", 1), ["pad 3: ", "name is 3"]),
    ],
)
def test_a_broken_preset_names_file_key_value_and_what_is_allowed(text: str, words: list[str]) -> None:
    with pytest.raises(PresetError) as caught:
        parse_bank(text, "mine", "folder/mine.toml")
    message = str(caught.value)
    assert message.startswith("folder/mine.toml: ")
    for word in words:
        assert word in message, message
    assert len(message) < 600


@settings(max_examples=150)
@given(st.data())
def test_no_damage_to_a_preset_brings_a_foreign_error(data: st.DataObject) -> None:
    text = SHIPPED[0].read_text("utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    damaged = text[:start] + data.draw(st.text(max_size=12)) + text[end:]
    try:
        assert isinstance(parse_bank(damaged, "mine", "mine.toml"), Bank)
    except PresetError as error:
        assert str(error).startswith("mine.toml: ")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(PresetError, match=r"missing\.toml: cannot be read"):
        load_bank(missing)
    with pytest.raises(PresetError, match="cannot be read"):
        load_bank(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"title = '\xe9'")
    with pytest.raises(PresetError, match=r"latin\.toml: byte 9 is no UTF-8"):
        load_bank(latin)
    large = tmp_path / "large.toml"
    large.write_text("#" * 300_000)
    with pytest.raises(PresetError, match="256 KiB"):
        load_bank(large)
    nameless = tmp_path / "!.toml"
    nameless.write_text(PADS)
    with pytest.raises(PresetError, match="name is ''"):
        load_bank(nameless)


def test_ones_own_folder_wins_over_the_packaged_one_and_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "House.toml").write_text('title = "My house"\n' + PADS)
    (tmp_path / "notes.txt").write_text("not a bank")
    shipped = load_banks([packaged_presets()])
    library = load_banks([packaged_presets(), tmp_path])
    assert library.names == shipped.names
    assert library.find("house").title == "My house"


def test_a_broken_file_is_reported_and_left_out_where_somebody_listens(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("= 3")
    (tmp_path / "good.toml").write_text(PADS)
    errors: list[PresetError] = []
    assert load_banks([tmp_path], errors.append).names == ("good",)
    assert len(errors) == 1 and "broken.toml" in str(errors[0])
    with pytest.raises(PresetError, match=r"broken\.toml"):
        load_banks([tmp_path])


def test_no_bank_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match="no bank"):
        load_banks([tmp_path])


@pytest.mark.parametrize(
    ("stem", "name"), [("My Bank!", "my-bank"), ("dub_techno", "dub-techno"), ("Été", "t")]
)
def test_a_bank_is_named_after_its_file(stem: str, name: str) -> None:
    assert bank_name(Path(f"/somewhere/{stem}.toml")) == name


def test_the_shipped_files_are_plain_toml_that_others_can_read() -> None:
    for path in SHIPPED:
        assert len(tomllib.loads(path.read_text("utf-8"))["pad"]) == 16


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    for name in ("pipe.toml", "folder.toml"):
        with pytest.raises(PresetError, match="is no file"):
            load_bank(tmp_path / name)
