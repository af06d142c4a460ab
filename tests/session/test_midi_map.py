"""Notes and controllers that do actions, as presets write them."""

from __future__ import annotations

import pytest

from riffsidecar.errors import PresetError, SessionError
from riffsidecar.session import MidiMap, parse_bank
from riffsidecar.session.actions import default_keys

PADS = "\n".join(f'[[pad]]\nname = "pad {number}"\nprompt = "sound {number}"' for number in range(1, 17))


def midi(text: str) -> MidiMap:
    return parse_bank(f"[midi]\n{text}\n{PADS}", "mine", "mine.toml").midi


def test_the_notes_above_the_pads_do_actions_wherever_the_pads_are() -> None:
    for first in (0, 36, 60):
        where = midi(f"first_note = {first}")
        for key, bound in default_keys().items():
            assert where.action_of_note(first + 15 + key) == bound
        assert where.action_of_note(first + 32) is None
    assert len(midi("first_note = 112").keys or {}) == 0


def test_a_preset_gives_notes_and_controllers_to_actions() -> None:
    where = midi(
        'note = { 52 = "undo", 0 = "change 3", 53 = "none" }\ncc = { 20 = "like 0.25", 70 = "redo" }'
    )
    assert where.action_of_note(52) == ("undo", ())
    assert where.action_of_note(0) == ("change", (3, 3))
    assert where.action_of_note(53) is None
    assert where.action_of_note(54) == ("keep", (1,))
    assert where.action_of_cc(20) == ("like", (0.25,))
    assert (where.action_of_cc(70), where.knob_of(70)) == (("redo", ()), None)
    assert where.knob_of(71) == "drift"
    assert midi('note = "none"').action_of_note(52) is None
    assert midi('cc = { 70 = "none" }').knob_of(70) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('note = { 52 = "agian" }', "mine.toml: midi: note 52 is 'agian', .*did you mean 'again'"),
        ('note = { 52 = "change" }', "note 52: change has 0 values, .* change bar"),
        ('note = { 52 = "change 0" }', "note 52: bar is '0', but must be a whole number from 1 to 64"),
        ('note = { 40 = "again" }', "note 40 is pad 5"),
        ('note = { 128 = "again" }', "note is 128, but must be a whole number from 0 to 127"),
        ('note = { x = "again" }', "note has the key 'x'"),
        ("note = { 52 = 1 }", "note 52 is 1, but must be an action"),
        ("note = 5", "note is 5, but must be a table"),
        ('note = { 52 = "" }', "note 52 is ''"),
        ('cc = { 20 = "unod" }', "cc 20 is 'unod', .*did you mean 'undo'"),
        ('cc = { 20 = "morf" }', "did you mean 'morph'"),
        ('cc = { 120 = "undo" }', "controller is 120"),
        ('velocity = "again"', "no knob 'again'"),
    ],
)
def test_a_map_that_cannot_be_names_the_file_the_key_and_the_nearest(text: str, words: str) -> None:
    with pytest.raises(PresetError, match=words):
        midi(text)


def test_a_controller_does_one_thing() -> None:
    with pytest.raises(SessionError, match="turns morph"):
        MidiMap(ccs={1: "morph"}, buttons={1: ("again", ())})
