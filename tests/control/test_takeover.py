"""A knob is picked up where it passes by, and never jumps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.control.takeover import SoftTakeover
from riffsidecar.session.knobs import KNOBS

POSITIONS = st.floats(0, 1)


def test_the_echo_of_ones_own_values_does_not_loosen_the_hold() -> None:
    takeover = SoftTakeover("morph")
    takeover.observe(0.5)
    assert takeover.takes(0.5)
    for position in (0.5, 0.6, 0.7):
        takeover.sent(position)
    takeover.observe(0.5)
    takeover.observe(0.6)
    assert takeover.takes(0.9)


def test_a_value_from_elsewhere_loosens_the_hold() -> None:
    takeover = SoftTakeover("morph")
    takeover.observe(0.5)
    assert takeover.takes(0.5)
    takeover.sent(0.5)
    takeover.observe(0.1)
    assert not takeover.takes(0.9)


@pytest.mark.parametrize("name", KNOBS)
def test_before_the_first_state_a_knob_stands_at_its_default(name: str) -> None:
    takeover, knob = SoftTakeover(name), KNOBS[name]
    assert takeover.position == knob.to_unit(knob.default)
    is_met_anywhere = bool(knob.choices) or knob.default is None
    assert takeover.takes(0.5) == is_met_anywhere, "nothing jumps"


def test_a_free_knob_and_one_with_choices_are_taken_at_once() -> None:
    density, quality = SoftTakeover("density"), SoftTakeover("quality")
    density.observe(None)
    quality.observe("fine")
    assert density.takes(0.9)
    assert quality.takes(0.0)


@given(st.floats(0, 1), st.lists(POSITIONS, min_size=1, max_size=50))
def test_before_the_meeting_every_position_lies_on_one_side(value: float, positions: list[float]) -> None:
    takeover = SoftTakeover("morph")
    takeover.observe(KNOBS["morph"].check(value))
    at = takeover.position
    assert at is not None
    waiting = []
    for position in positions:
        if takeover.takes(position):
            break
        waiting.append(position)
    assert len({position > at for position in waiting}) <= 1
    assert all(abs(position - at) > 3 / 127 for position in waiting)
