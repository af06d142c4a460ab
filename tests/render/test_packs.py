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

import pytest
from support_packs import FACTORY, PackRenderer, sound

from riffsidecar.errors import RiffError, WorkerError
from riffsidecar.render.messages import Ready
from riffsidecar.render.pack_facts import measured
from riffsidecar.render.pack_ledger import Job
from riffsidecar.render.pack_names import pack_folder_name, pack_paths
from riffsidecar.render.pack_pool import Done, LocalPool, Pool, check_same
from riffsidecar.render.pack_ray import RayPool, ray_address
from riffsidecar.render.pack_store import PackStore, work_folder
from riffsidecar.render.packs import PackMade, PackProgress, make_pack, pack_path
from riffsidecar.render.recipe import read_loop
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.session.pack_file import parse_pack
from riffsidecar.session.packs import PackRecipe

RECIPE = """
name = "Night Drive"
label = "test"
bpm = 124
bars = 1
keys = ["Am", "C"]
seeds = [1, 2]
prompts = ["house drums", "twin drums", "torn bass"]
[[prompt]]
prompt = "late quiet silent rhodes"
name = "rhodes, soft"
group = "keys"
"""
SETTINGS = WorkerSettings(factory=FACTORY, threads=1, nice=0)
Tree = dict[str, bytes]


def recipe(text: str = RECIPE) -> PackRecipe:
    return parse_pack(text, "a.toml", "a")


class InlinePool:
    """Make loops in this process, the newest first."""

    size = 3

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.renderer = PackRenderer(SETTINGS)

    def start(self) -> Ready:
        return Ready(self.renderer.checkpoint, dict(self.renderer.environment), 0.0)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def next_done(self) -> Done:
        job = self.jobs.pop()
        return Done(job, self.renderer.render(job.request, lambda stage, fraction: None))

    def close(self) -> None:
        self.jobs.clear()


def made(folder: Path, pool: Pool, what: PackRecipe | None = None) -> tuple[PackMade, list[PackProgress]]:
    what = what or recipe()
    place, progress = pack_path(what, folder), []
    try:
        ready = pool.start()
        done = make_pack(what, PackStore(place), place, pool, ready, on_progress=progress.append)
    finally:
        pool.close()
    return done, progress


def tree(folder: Path) -> Tree:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


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
        assert abs(row["lufs"] + 23.0) <= 0.5
    assert done.folder == folder / "Night_Drive"


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


@pytest.mark.parametrize("written", ["10.0.0.1", "ray://", "http://x", "ray://a b"])
def test_an_address_that_is_none_is_told_what_one_is(written: str) -> None:
    with pytest.raises(WorkerError, match="ray://HOST:PORT"):
        ray_address(written)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(WorkerError, match=r"riffsidecar\[ray\]"):
        RayPool("ray://local", SETTINGS, 1)


def ray_is_wanted() -> bool:
    if os.environ.get("RIFFSIDECAR_REQUIRE_CLIENTS"):
        return True
    from importlib.util import find_spec

    return find_spec("ray") is not None


@pytest.mark.skipif(not ray_is_wanted(), reason="Ray is not installed; pip install 'riffsidecar[ray]'")
@pytest.mark.filterwarnings("ignore")
def test_a_ray_cluster_makes_the_same_pack_and_a_lost_actor_costs_only_its_loop(
    alone: tuple[Path, PackMade], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests, root = Path(__file__).parent.parent, Path(__file__).parent.parent.parent
    monkeypatch.setenv("PYTHONPATH", f"{tests}{os.pathsep}{root}")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RIFF_TEST_DIED", str(tmp_path / "died"))
    pool = RayPool("ray://local", SETTINGS, 2)
    what = recipe()
    place, killed = pack_path(what, tmp_path), []

    def kill_one(progress: PackProgress) -> None:
        if progress.made == 3 and not killed:
            actor = next(iter(pool._running.values()))[2]
            killed.append(actor)
            pool._ray.kill(actor)

    try:
        ready = pool.start()
        done = make_pack(what, PackStore(place), place, pool, ready, on_progress=kill_one)
    finally:
        pool.close()
    assert killed and done.loops == what.size
    assert done.made == alone[1].made, "what the lost actor had made before it was lost stays"
    assert tree(done.folder) == tree(alone[1].folder)
