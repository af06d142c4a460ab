"""What is published of a journey is whole, whatever stops it."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from support_journey import made

from riffsidecar.audio.wav import decode_wav
from riffsidecar.errors import CancelledError, DropError, RenderError, WavError
from riffsidecar.music import Tempo
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.journeys import Published, check_space, publish_journey
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.render.recipe import parse_journey, parse_loop
from riffsidecar.session.journeys import JourneyPart, JourneyRequest


def journey(**values: object) -> JourneyRequest:
    given = {"prompts": ("a", "b"), "tempo": Tempo.parse("123.45"), "bars": 20, **values}
    return JourneyRequest(**given)  # type: ignore[arg-type]


def visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


class Ask:
    """Make parts until something stops it."""

    def __init__(self, stop_at: int = 10**9, stop: BaseException | None = None) -> None:
        self.stop_at, self.stop = stop_at, stop

    def __call__(self, part: JourneyPart) -> RenderedLoop:
        if part.index >= self.stop_at and self.stop is not None:
            raise self.stop
        return made(part)


def test_one_file_holds_all_pieces_to_the_sample(tmp_path: Path) -> None:
    tour = journey()
    (done,) = publish_journey(Ask(), DropFolder(tmp_path), tour)
    data = done.path.read_bytes()
    file = parse_journey(data, "file")
    assert file is not None and file.journey == tour and file.piece is None and file.bars == 20
    assert file.waveform.num_samples == tour.num_samples == done.num_samples
    parts = [decode_wav(made(JourneyPart(tour, index)).wav).waveform.samples for index in range(3)]
    assert np.array_equal(file.waveform.samples, np.concatenate(parts, axis=1))
    assert file.latents is not None and file.latents.shape == (8, 32, 20 * 16)
    assert b"smpl" not in data[-100_000:]


def test_a_long_file_carries_its_latents_as_far_as_they_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tour = journey(bars=72, sample_rate=44100, bit_depth="16")
    (done,) = publish_journey(Ask(), DropFolder(tmp_path), tour)
    file = parse_journey(done.path.read_bytes(), "file")
    assert file is not None and file.latents is not None and file.latents.shape[-1] == 72 * 16
    monkeypatch.setattr("riffsidecar.render.journeys._MAX_LATENTS_BYTES", file.latents.size * 2 - 1)
    (bare,) = publish_journey(Ask(), DropFolder(tmp_path), tour)
    file = parse_journey(bare.path.read_bytes(), "file")
    assert file is not None and file.latents is None and file.bars == 72, "latents of a part would mislead"


def test_pieces_are_published_one_by_one(tmp_path: Path) -> None:
    run = publish_journey(Ask(), DropFolder(tmp_path), journey(form="pieces"))
    first = next(run)
    assert visible(tmp_path) == [first.path]
    rest = list(run)
    assert [piece.first_bar for piece in (first, *rest)] == [0, 8, 16]
    assert sum(piece.num_samples for piece in (first, *rest)) == journey().num_samples


@pytest.mark.parametrize(
    "stop", [CancelledError("x"), KeyboardInterrupt(), RenderError("x"), SystemExit(143)]
)
def test_what_stops_a_long_file_leaves_the_finished_bars_as_a_whole_file(
    tmp_path: Path, stop: BaseException
) -> None:
    found: list[Published] = []
    with pytest.raises(type(stop)):
        found.extend(_collected(publish_journey(Ask(2, stop), DropFolder(tmp_path), journey()), found))
    (path,) = visible(tmp_path)
    file = parse_journey(path.read_bytes(), "file")
    assert file is not None and file.bars == 16
    assert "_16b_" in path.name
    assert file.waveform.num_samples == journey().start_sample(16)


def _collected(run, found):  # type: ignore[no-untyped-def]
    for each in run:
        found.append(each)
    return ()


def test_a_full_disk_is_told_and_keeps_what_is_finished(tmp_path: Path) -> None:
    ask = Ask(1, OSError(errno.ENOSPC, "No space left"))
    with pytest.raises(DropError, match="the disk is full"):
        list(publish_journey(ask, DropFolder(tmp_path), journey()))
    assert len(visible(tmp_path)) == 1


def test_what_stops_before_the_first_piece_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        list(publish_journey(Ask(0, CancelledError("x")), DropFolder(tmp_path), journey()))
    assert [path.name for path in tmp_path.iterdir()] == []


def test_what_no_wav_can_hold_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for bars, text in ((100_000, "at most .* bars"), (17_000, "beats")):
        depth = "16" if bars == 17_000 else "32f"
        with pytest.raises(WavError, match=text):
            list(
                publish_journey(
                    Ask(), DropFolder(tmp_path), journey(bars=bars, bit_depth=depth, tempo=Tempo.parse(400))
                )
            )


def test_a_disk_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DropError, match="MB left"):
        check_space(tmp_path, 2**62)


def test_a_journey_can_begin_with_a_later_piece(tmp_path: Path) -> None:
    run = publish_journey(Ask(), DropFolder(tmp_path), journey(form="loops", piece_bars=4), first_piece=3)
    assert [piece.piece for piece in run] == [3, 4]


def test_a_file_of_a_journey_is_no_loop_to_keep_parts_of(tmp_path: Path) -> None:
    with pytest.raises(WavError, match="it is of a journey"):
        parse_loop(made(JourneyPart(journey(), 0)).wav, "it")
