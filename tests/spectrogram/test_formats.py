from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.formats import BEAT_GRID, FORMATS, RIFFUSION, SpectrogramFormat, format_named


def test_the_embedded_format_is_frozen() -> None:
    assert BEAT_GRID.to_dict() == {
        "name": "beat-grid",
        "sample_rate": 44100,
        "n_fft": 2048,
        "win_length": 2048,
        "n_mels": 256,
        "fmin_hz": 0.0,
        "fmax_hz": 20000.0,
        "mel_scale": "slaney",
        "scale": "decibels",
        "time": "beats",
        "floor_db": -80.0,
        "ceiling_db": 0.0,
        "exponent": 0.25,
        "frames_per_quarter": 64,
        "hop_ms": 10.0,
        "reference_lufs": -20.0,
    }


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=str)
def test_a_format_survives_json(fmt: SpectrogramFormat) -> None:
    assert SpectrogramFormat.from_dict(json.loads(json.dumps(fmt.to_dict()))) == fmt


def test_riffusion_pads_its_window_fourfold() -> None:
    assert RIFFUSION.n_fft == 4 * RIFFUSION.win_length
    assert RIFFUSION.num_bins == 8821


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("sample_rate", 0),
        ("win_length", 2047),
        ("n_fft", 3000),
        ("n_mels", 0),
        ("fmax_hz", 30000.0),
        ("fmax_hz", -1.0),
        ("fmin_hz", -1.0),
        ("mel_scale", "bark"),
        ("scale", "log"),
        ("time", "bars"),
        ("floor_db", 3.0),
        ("exponent", 0.0),
        ("frames_per_quarter", 0),
        ("hop_ms", 0.0),
        ("fmax_hz", float("nan")),
    ],
)
def test_a_format_that_cannot_be_is_refused_by_field(field: str, value: Any) -> None:
    with pytest.raises(SpectrogramError, match=field):
        replace(BEAT_GRID, **{field: value})


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(SpectrogramError, match="did you mean 'n_mels'"):
        SpectrogramFormat.from_dict(BEAT_GRID.to_dict() | {"nmels": 3})


def test_a_missing_field_is_an_error_of_ours() -> None:
    values = BEAT_GRID.to_dict()
    del values["n_fft"]
    with pytest.raises(SpectrogramError, match="n_fft"):
        SpectrogramFormat.from_dict(values)


def test_an_unknown_format_names_the_nearest() -> None:
    assert format_named("riffusion") is RIFFUSION
    with pytest.raises(SpectrogramError, match="did you mean 'beat-grid'"):
        format_named("beatgrid")
