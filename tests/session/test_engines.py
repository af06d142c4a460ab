from __future__ import annotations

from fractions import Fraction

import pytest

from riffsidecar.errors import PresetError, SessionError
from riffsidecar.music import Tempo
from riffsidecar.session.commands import SetModel, TriggerPad
from riffsidecar.session.engines import (
    check_air,
    check_anchor,
    check_guided,
    check_lora,
    check_model,
    check_seam,
)
from riffsidecar.session.library import BankLibrary
from riffsidecar.session.presets import parse_bank
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Session

_PADS = (
    '[[pad]]\nname = "a"\nprompt = "dusty drums"\nmodel = "riffusion-v1"\nlora = "dusty: 0.5"\n'
    'anchor = "boom-bap swing 58%"\nguided = 0.75\n' + '[[pad]]\nname = "b"\nprompt = "warm bass"\n' * 15
)


def _session(text: str = _PADS) -> Session:
    return Session.start(
        BankLibrary((parse_bank(text.replace("dusty: 0.5", "dusty:0.5"), "mine", "mine.toml"),))
    )


def test_a_pad_has_its_own_model_and_the_others_that_of_the_session() -> None:
    session = _session()
    ((_, request),) = session.apply(TriggerPad(1)).renders
    assert (request.model, request.lora, request.anchor) == ("riffusion-v1", "dusty:0.5", "boom-bap 58%")
    assert request.guided == 0.75
    ((_, request),) = session.apply(TriggerPad(2)).renders
    assert (request.model, request.lora, request.anchor) == ("embedded", "", "")
    assert request.guided == 1.0
    session = session.apply(SetModel("small")).session
    assert session.state_dict()["model"] == "small"
    ((_, request),) = session.apply(TriggerPad(2)).renders
    assert (request.model, request.guided) == ("small", 0.5)
    ((_, request),) = session.apply(TriggerPad(1)).renders
    assert request.model == "riffusion-v1"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('model = "../x"', "model is"),
        ("model = 3", "model is"),
        ('lora = "a b"', "lora is"),
        ('anchor = "waltz"', "anchor"),
        ("guided = 1.5", "guided is"),
    ],
)
def test_a_preset_with_a_bad_engine_is_refused_by_pad(line: str, message: str) -> None:
    text = _PADS.replace('model = "riffusion-v1"', line) if line.startswith("model") else _PADS + f"{line}\n"
    with pytest.raises(PresetError, match=message):
        _session(text)


def test_recipes_from_before_there_were_engines_read_as_they_are() -> None:
    request = LoopRequest(prompt="x", tempo=Tempo.parse(120), bars=Fraction(1))
    recipe = request.to_recipe()
    assert not {"lora", "anchor", "seam", "guided"} & recipe.keys()
    assert LoopRequest.from_recipe(recipe) == request
    other = LoopRequest(
        prompt="x",
        tempo=Tempo.parse(120),
        bars=Fraction(1),
        model="m",
        lora="a:0.5,b",
        anchor="four 60%",
        seam="roll",
    )
    assert LoopRequest.from_recipe(other.to_recipe()) == other
    assert other.digest != request.digest


def test_a_recipe_from_before_steps_went_without_guidance_guides_all_of_them() -> None:
    def asked(**options: object) -> LoopRequest:
        given = {"prompt": "x", "tempo": Tempo.parse(120), "bars": Fraction(1), "model": "m", **options}
        return LoopRequest(**given)  # type: ignore[arg-type]

    half, whole = asked(), asked(guided=1.0)
    assert half.guided == asked(guided="auto").guided == 0.5 and half.to_recipe()["guided"] == 0.5
    assert LoopRequest.from_recipe(half.to_recipe()) == half
    assert "guided" not in whole.to_recipe() and whole.digest != half.digest
    assert LoopRequest.from_recipe(whole.to_recipe()) == whole
    assert asked(model="embedded").guided == 1.0


@pytest.mark.parametrize("value", ["", "../x", "a/b", "a\\b", ".x", 3, None, "x" * 65])
def test_a_model_is_a_name_and_never_a_path(value: object) -> None:
    with pytest.raises(SessionError, match="model is"):
        check_model(value)
    with pytest.raises(SessionError):
        SetModel(value)  # type: ignore[arg-type]


def test_loras_are_written_shortest() -> None:
    assert check_lora(" a:1.0 , b:0.50,") == "a,b:0.5"
    assert check_lora("") == ""
    for bad in ("a b", "a:x", "a:9", "../a", "a,b,c,d,e", 3):
        with pytest.raises(SessionError, match="lora"):
            check_lora(bad)


def test_anchors_and_seams_are_named() -> None:
    assert (check_anchor("auto"), check_anchor(" None "), check_anchor("four")) == ("", "none", "four")
    with pytest.raises(SessionError, match=r"did you mean 'four'.*or none"):
        check_anchor("foru")
    with pytest.raises(SessionError, match="did you mean 'circular'"):
        check_seam("circle")
    assert (check_air(0.25), check_air("1"), check_air(0)) == (0.25, 1.0, 0.0)
    for bad in (True, -0.1, 1.1, "much", None, float("nan")):
        with pytest.raises(SessionError, match="air is"):
            check_air(bad)
    assert (check_guided("0.25"), check_guided(1), check_guided(0.30000001192)) == (0.25, 1.0, 0.3)
    for bad in (True, -0.1, 1.1, "much", None, float("nan")):
        with pytest.raises(SessionError, match="guided is"):
            check_guided(bad)
