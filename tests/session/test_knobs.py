"""The table of knobs."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import SessionError, UnknownNameError
from riffsidecar.session import FREE, KNOBS, Knob, LoopRequest, check_knob, default_ccs, find_knob, knob_table

names = st.sampled_from(sorted(KNOBS))
numeric = st.sampled_from(sorted(name for name, knob in KNOBS.items() if not knob.choices))


def test_the_table_has_the_rows_that_the_model_honours() -> None:
    rows = {name: (knob.minimum, knob.maximum, knob.default) for name, knob in KNOBS.items()}
    assert rows == {
        "morph": (0, 1, 0.0),
        "drift": (0, 1, 0.0),
        "strength": (0, 1, 1.0),
        "guidance": (1, 6, 4.0),
        "density": (0, 1, None),
        "brightness": (0, 1, None),
        "energy": (0, 1, None),
        "quality": (0, 2, "normal"),
    }


def test_every_knob_is_a_field_of_the_request_and_so_can_do_something() -> None:
    assert set(KNOBS) <= set(LoopRequest.__dataclass_fields__)


def test_no_two_knobs_share_a_controller_or_an_address() -> None:
    assert len({knob.osc for knob in KNOBS.values()}) == len(KNOBS)
    assert len(default_ccs()) == len(KNOBS)


@given(numeric, st.floats(0, 1, width=32))
def test_a_value_and_its_32_bit_copy_are_one_value(name: str, place: float) -> None:
    knob = KNOBS[name]
    value = knob.check(knob.minimum + place * (knob.maximum - knob.minimum))
    assert isinstance(value, float)
    (wire,) = struct.unpack("<f", struct.pack("<f", value))
    assert knob.check(wire) == value
    assert knob.check(str(value)) == value


@given(names, st.floats(0, 1))
def test_every_position_of_a_controller_is_a_value_and_comes_back(name: str, place: float) -> None:
    knob = KNOBS[name]
    value = knob.from_unit(place)
    assert knob.check(value) == value
    back = knob.to_unit(value)
    assert back is not None
    assert abs(back - place) <= (0.51 if knob.choices else 1e-5)
    assert knob.from_unit(back) == value


@pytest.mark.parametrize("name", sorted(KNOBS))
@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, 7, -0.01, "loud", "", [], True, pytest.param(10**5000, id="huge"), 1e300],
)
def test_a_value_out_of_range_is_refused_with_the_range(name: str, value: object) -> None:
    with pytest.raises(SessionError, match=f"{name} is .*, but must be "):
        check_knob(name, value)


def test_only_a_knob_without_a_default_can_be_free() -> None:
    assert check_knob("density", FREE) is None
    assert check_knob("density", None) is None
    with pytest.raises(SessionError):
        check_knob("morph", None)
    with pytest.raises(SessionError):
        check_knob("morph", FREE)


def test_a_choice_may_be_a_word_or_its_number() -> None:
    assert [check_knob("quality", value) for value in ("Draft", 0, 1.0, "fine")] == [
        "draft",
        "draft",
        "normal",
        "fine",
    ]
    with pytest.raises(SessionError, match="did you mean 'normal'"):
        check_knob("quality", "norml")
    with pytest.raises(SessionError):
        check_knob("quality", 0.5)


def test_a_knob_that_is_nearly_one_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'morph'"):
        find_knob("morhp")


def test_negative_zero_is_zero() -> None:
    assert math.copysign(1, check_knob("morph", -0.0)) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "row",
    [
        {"minimum": 1, "maximum": 0},
        {"default": 2.0},
        {"cc": 120},
        {"choices": ("a", "b", "c")},
    ],
)
def test_a_row_that_contradicts_itself_is_refused(row: dict[str, object]) -> None:
    fields = {"name": "x", "minimum": 0, "maximum": 1, "default": 0.0, "unit": "", "cc": None, "help": ""}
    with pytest.raises(SessionError):
        Knob(**{**fields, **row})  # type: ignore[arg-type]


def test_the_markdown_table_has_a_row_for_each_knob() -> None:
    lines = knob_table().splitlines()
    assert len(lines) == 2 + len(KNOBS)
    for knob, line in zip(KNOBS.values(), lines[2:], strict=True):
        assert line.count("|") == 7
        assert (
            f"| {knob.name} |" in line
            and f"`{knob.osc}`" in line
            and f" {knob.cc} " in line
            and knob.help in line
        )
