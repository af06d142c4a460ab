"""Packs, made by worker processes: the same with any number of them, after a kill, and through Ray."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support_packs import SETTINGS, InlinePool, made, recipe, sound, tree

from riffsidecar.audio import Waveform
from riffsidecar.audio.loudness import integrated_lufs, normalise, true_peak_dbtp
from riffsidecar.errors import RiffError, WorkerError
from riffsidecar.render.messages import Ready, RenderedLoop
from riffsidecar.render.pack_facts import _fault, measured
from riffsidecar.render.pack_names import pack_folder_name, pack_paths
from riffsidecar.render.pack_pool import LocalPool, check_same
from riffsidecar.render.pack_store import work_folder
from riffsidecar.render.packs import PackMade
from riffsidecar.render.recipe import read_loop
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.requests import LoopRequest


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PackMade]:
    """A pack that was made in this process."""
    folder = tmp_path_factory.mktemp("alone")
    done, _ = made(folder, InlinePool())
    return folder, done


def test_a_pack_holds_every_loop_of_its_grid_without_faults_or_twins(alone: tuple[Path, PackMade]) -> None:
    folder, done = alone
    assert (done.loops, done.given_up) == (recipe().size, ())
    # Of two twins one is made again, and of "torn" and "rhodes" every first try.
    assert done.made_again["duplicate"] == 1
    assert done.made_again["seam"] == 4
    assert sum(done.made_again.values()) == 9
    manifest = json.loads((done.folder / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["loops"]) == done.loops
    for row in manifest["loops"]:
        loop = read_loop(done.folder / row["file"])
        facts = measured((done.folder / row["file"]).read_bytes(), loop.request, "")
        assert (facts.fault, facts.sha256) == ("", row["sha256"])
        at_ceiling = true_peak_dbtp(loop.waveform) >= -1.2
        assert row["lufs"] <= -13.5 and (row["lufs"] >= -14.5 or (at_ceiling and row["lufs"] >= -23.0))
    assert done.folder == folder / "Night_Drive"


@pytest.mark.parametrize(
    ("below_lu", "peak_dbtp", "fault"),
    [
        (0.2, -6.0, ""),
        (2.0, -6.0, "level"),
        (2.0, -1.05, ""),
        (10.0, -1.05, "level"),
        (8.0, -1.05, ""),
        (-2.0, -1.05, "level"),
    ],
)
def test_a_loop_is_level_with_its_pack_or_as_near_as_its_peaks_allow(
    below_lu: float, peak_dbtp: float, fault: str
) -> None:
    request = replace(next(iter(recipe().cells())).request, prompt="plain drums")
    samples = normalise(sound(request), -20.0).samples.copy()
    # One sample stands for the hit of a drum: too short to be heard in the loudness.
    samples[:, 1000] = 10 ** (peak_dbtp / 20) * np.sign(samples[:, 1000])
    waveform = Waveform(samples, request.sample_rate)
    wanted = replace(request, loudness_lufs=integrated_lufs(waveform) + below_lu)
    assert _fault(waveform, wanted, integrated_lufs(waveform), True, False) == fault


def test_names_and_folders_are_those_of_a_sample_library(alone: tuple[Path, PackMade]) -> None:
    files = [name for name in tree(alone[1].folder) if name.endswith(".wav")]
    assert len(files) == len(set(files)) == recipe().size
    for name in files:
        _, group, file = name.split("/")
        assert re.fullmatch(r"[a-z0-9_]+", group)
        assert re.fullmatch(r"TEST_ND_124_[a-z_]+_1b(_[A-Za-z]+)?_[bcdfghj-np-tv-z]{5}\.wav", file), file
    assert {name.split("/")[1] for name in files} == {"house_drums", "twin_drums", "torn_bass", "keys"}


def test_manifest_sheet_and_licence_go_with_it(alone: tuple[Path, PackMade]) -> None:
    folder = alone[1].folder
    rows = list(csv.DictReader((folder / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert [row["file"] for row in rows] == [row["file"] for row in manifest["loops"]]
    sheet = (folder / "contact_sheet.html").read_text(encoding="utf-8")
    assert sheet.count("data:image/png;base64,") == len(rows)
    assert not re.findall(r'(?:src|href)="(?!data:|loops/)', sheet), "the sheet needs nothing but the loops"
    assert "MIT License" in (folder / "LICENSE.txt").read_text(encoding="utf-8")


def test_any_number_of_workers_makes_the_same_pack_byte_for_byte(
    alone: tuple[Path, PackMade], tmp_path: Path
) -> None:
    done, progress = made(tmp_path, LocalPool(SETTINGS, 3))
    assert tree(done.folder) == tree(alone[1].folder)
    assert [each.fit for each in progress] == sorted(each.fit for each in progress)
    assert progress[-1].fit == progress[-1].size
    assert progress[0].eta_s is None and any(each.eta_s for each in progress)


def test_a_lost_journal_a_lost_loop_and_half_a_line_cost_no_more_than_themselves(
    alone: tuple[Path, PackMade], tmp_path: Path
) -> None:
    shutil.copytree(alone[0], tmp_path, dirs_exist_ok=True)
    done = replace(alone[1], folder=tmp_path / alone[1].folder.name)
    journal = work_folder(done.folder) / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    victim = next(path for path in done.folder.rglob("*house*.wav"))
    victim.unlink()
    mended, _ = made(tmp_path, InlinePool())
    assert 1 <= mended.made <= 2
    assert tree(done.folder) == tree(alone[1].folder)
    journal.unlink()
    again, _ = made(tmp_path, InlinePool())
    assert again.made == sum(again.made_again.values()), "without the journal only the refused are made again"
    assert tree(done.folder) == tree(alone[1].folder)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import support_packs
from riffsidecar.cli import main
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], factory=support_packs.FACTORY))
"""


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    text = "name = 'Night Drive'\nbpm = 124\nbars = 1\nseeds = 5\nprompts = ['slow twin drums']"
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    script = tmp_path / "cli.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent.parent)), encoding="utf-8")
    root = str(Path(__file__).parent.parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, str(script), "pack", "r.toml", "--workers", "2", "--out", "killed"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for _ in range(2):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    killed = tmp_path / "killed" / "Night_Drive"
    left = len(list(killed.rglob("*.wav"))) + len(list(work_folder(killed).glob("*.wav")))
    assert left >= 2 and not (killed / "manifest.json").exists()
    done = subprocess.run(
        [*command, "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["found"] >= left
    whole, _ = made(tmp_path / "whole", InlinePool(), recipe(text))
    assert tree(killed) == tree(whole.folder)
    assert told["made"] + left <= whole.made, "nothing that lay there was made again"


def test_a_worker_that_dies_costs_only_its_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIFF_TEST_DIED", str(tmp_path / "died"))
    text = "name = 'D'\nbpm = 120\nbars = 1\nseeds = 3\nprompts = ['die drums']"
    done, _ = made(tmp_path, LocalPool(SETTINGS, 2), recipe(text))
    assert (tmp_path / "died").exists()
    assert (done.loops, done.made) == (3, 3)


def test_a_cell_that_no_try_mends_is_given_up_and_told(tmp_path: Path) -> None:
    text = "name = 'N'\nbpm = 120\nbars = 1\ntries = 3\nprompts = ['never drums', 'drums']"
    done, _ = made(tmp_path, InlinePool(), recipe(text))
    manifest = json.loads((done.folder / "manifest.json").read_text(encoding="utf-8"))
    assert (done.loops, done.made_again) == (1, {"silence": 3})
    assert [row["faults"] for row in manifest["given_up"]] == [["silence"] * 3]
    assert done.given_up == (manifest["given_up"][0]["file"],)


def test_a_larger_recipe_goes_on_from_the_smaller_one(tmp_path: Path) -> None:
    text = "name = 'G'\nbpm = 120\nbars = 1\nseeds = {}\nprompts = ['drums']"
    made(tmp_path, InlinePool(), recipe(text.format(2)))
    done, _ = made(tmp_path, InlinePool(), recipe(text.format(4)))
    assert (done.loops, done.made, done.found) == (4, 2, 2)
    done, _ = made(tmp_path, InlinePool(), recipe(text.format(4)))
    assert (done.loops, done.made, done.found) == (4, 0, 4)


def test_what_cannot_be_rendered_ends_the_run_with_its_error(tmp_path: Path) -> None:
    broken = WorkerSettings(factory="support_pipeline:no_checkpoint", threads=1)
    with pytest.raises(RiffError, match="no checkpoint"):
        made(tmp_path, LocalPool(broken, 2))


def test_what_goes_wrong_beside_a_worker_ends_the_pack_and_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(worker: RenderWorker, job_id: int, request: LoopRequest) -> RenderedLoop:
        raise MemoryError("there is no more memory")

    monkeypatch.setattr(RenderWorker, "render", render)
    with pytest.raises(WorkerError, match=r"no more memory.*same command"):
        made(tmp_path, LocalPool(SETTINGS, 1))


def test_workers_that_would_make_other_samples_are_refused() -> None:
    one = Ready("c" * 64, {"torch": "2.13"}, 0.1)
    check_same(one, Ready("c" * 64, {"torch": "2.13"}, 0.9), "Ray")
    with pytest.raises(WorkerError, match=r"torch 2\.13 and 2\.12"):
        check_same(one, Ready("c" * 64, {"torch": "2.12"}, 0.1), "Ray")


def test_names_of_packs_are_safe_folders() -> None:
    assert pack_folder_name("../../etc/passwd") == "Etc_Passwd"
    paths = pack_paths(recipe(), recipe().cells())
    assert len({path.lower() for path in paths}) == len(paths)
    assert paths == pack_paths(recipe(), recipe().cells())


def test_the_double_makes_what_its_words_say() -> None:
    asked = recipe("bpm = 120\nbars = 1\nprompts = ['late drums']").cells()[0].request
    assert sound(asked).num_samples == asked.num_samples
