from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from riffsidecar.errors import SpectrogramError
from riffsidecar.music import LoopLength
from riffsidecar.music.groove import GROOVES, Groove
from riffsidecar.spectrogram.codec import denormalise
from riffsidecar.spectrogram.downbeat import downbeat_frame
from riffsidecar.spectrogram.formats import BEAT_GRID, RIFFUSION
from riffsidecar.spectrogram.groove import groove_spectrogram

_TWO_BARS = LoopLength.parse(2, "4/4", 120)


@pytest.mark.parametrize("name", GROOVES)
@pytest.mark.parametrize(
    ("bars", "meter", "bpm"), [(2, "4/4", 120), (4, "7/8", 93), (4, "3/4", 174), (1, "4/4", 75)]
)
def test_hits_lie_on_the_beats_of_any_tempo_and_meter(name: str, bars: Any, meter: str, bpm: float) -> None:
    length = LoopLength.parse(bars, meter, bpm)
    frames = round(float(length.duration_s) * 100)
    groove = Groove.parse(f"{name} 60%")
    picture = groove_spectrogram(groove, length, frames, RIFFUSION)
    assert picture.shape == (1, 512, frames) and picture.max() == pytest.approx(1.0)
    loud = denormalise(picture, RIFFUSION)[0].sum(axis=0)
    places = [float(hit.at_quarters / length.quarters) * frames for hit in groove.hits(length)]
    for place in places:
        near = [round(place) + offset for offset in range(-6, 7)]
        around = [loud[index % frames] for index in near]
        assert max(around) > 0.01 * loud.max()
    before_first = min(loud[(round(places[0]) - 7) % frames], loud[(round(places[0]) - 8) % frames])
    assert before_first < 0.5 * loud[round(places[0]) % frames]


def test_a_groove_is_drawn_on_a_circle() -> None:
    picture = groove_spectrogram(Groove("four"), _TWO_BARS, 400, RIFFUSION)
    np.testing.assert_allclose(np.roll(picture, 200, -1), picture, atol=1e-5)


def test_a_groove_is_drawn_in_any_format_and_number_of_channels() -> None:
    picture = groove_spectrogram(Groove("four"), _TWO_BARS, 512, BEAT_GRID, 2)
    assert picture.shape == (2, 256, 512)
    np.testing.assert_array_equal(picture[0], picture[1])
    with pytest.raises(SpectrogramError, match="1 or 2 channels"):
        groove_spectrogram(Groove("four"), _TWO_BARS, 512, BEAT_GRID, 3)


def test_kicks_are_low_and_hats_are_high() -> None:
    picture = denormalise(groove_spectrogram(Groove("off-beat"), _TWO_BARS, 400, RIFFUSION), RIFFUSION)[0]
    low, high = picture[:40].sum(axis=0), picture[-60:].sum(axis=0)
    assert low.argmax() % 200 < 5
    assert high.argmax() % 50 in range(23, 30)


@pytest.mark.parametrize("name", ["boom-bap", "half-time", "breakbeat"])
@pytest.mark.parametrize("turned", [0, 5, 33, 100, 133])
def test_the_downbeat_is_found_wherever_it_is(name: str, turned: int) -> None:
    picture = groove_spectrogram(Groove(name), _TWO_BARS, 400, RIFFUSION)
    found = downbeat_frame(np.roll(picture, turned, -1), _TWO_BARS)
    assert (found - turned) % 200 == 0


@pytest.mark.parametrize("turned", range(0, 50, 7))
def test_even_a_groove_whose_bars_are_all_alike_begins_on_a_beat(turned: int) -> None:
    picture = groove_spectrogram(Groove("four"), _TWO_BARS, 400, RIFFUSION)
    assert (downbeat_frame(np.roll(picture, turned, -1), _TWO_BARS) - turned) % 50 == 0


def test_a_loop_without_onsets_stays() -> None:
    assert downbeat_frame(np.zeros((1, 64, 400), np.float32), _TWO_BARS) == 0
    noise = np.random.default_rng(0).uniform(-1e-5, 1e-5, (1, 64, 400)).astype(np.float32)
    assert downbeat_frame(noise, _TWO_BARS) == 0
