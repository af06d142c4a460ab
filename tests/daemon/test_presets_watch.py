"""What the watcher of presets promises."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from riffsidecar.daemon.presets_watch import PresetWatcher
from riffsidecar.errors import BusyError
from riffsidecar.session.pads import NUM_PADS, Bank
from riffsidecar.session.presets import load_banks

BANK = "title = '{title}'\n" + "[[pad]]\nname = 'a'\nprompt = 'drums'\n" * NUM_PADS


def test_a_broken_edit_of_a_bank_does_not_bring_the_packaged_one_of_its_name_back(tmp_path: Path) -> None:
    folders = tmp_path / "packaged", tmp_path / "own"
    for folder in folders:
        folder.mkdir()
        (folder / "house.toml").write_text(BANK.format(title=folder.name))
    banks: list[Bank] = []
    problems: list[str] = []
    watcher = PresetWatcher(folders, load_banks(folders), banks.append, problems.append)
    (folders[1] / "house.toml").write_text("title = 'broken")
    watcher.reload()
    assert banks == []
    assert "own" in problems[-1]
    (folders[1] / "house.toml").unlink()
    watcher.reload()
    assert [bank.title for bank in banks] == ["packaged"]
    assert problems[-1] == ""


WAIT_S = 60.0


class Watched:
    """A watcher of one folder with one bank, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mine.toml"
        self.path.write_text(BANK.format(title="Mine"))
        self.titles: list[str] = []
        self.problems: list[str] = []
        self.told = Event()
        self.watcher = PresetWatcher([folder], load_banks([folder]), self._bank, self._problem)

    def _bank(self, bank: Bank) -> None:
        self.titles.append(bank.title)

    def _problem(self, problem: str) -> None:
        self.problems.append(problem)
        self.told.set()

    def after(self, action: Callable[[], object]) -> None:
        self.told.clear()
        action()
        assert self.told.wait(WAIT_S)


def test_a_bank_that_is_saved_as_it_was_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watched = Watched(tmp_path)
    watched.watcher.start()
    watched.after(lambda: watched.path.write_text(BANK.format(title="Mine")))
    watched.watcher.close()
    assert "bank mine was reloaded, and is as it was" in caplog.text
    assert watched.titles == []


def test_a_bank_whose_file_is_gone_stays_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    watched.watcher.start()
    watched.after(watched.path.unlink)
    watched.watcher.close()
    watched.watcher.reload()
    assert [record.getMessage() for record in caplog.records if "is gone" in record.getMessage()] == [
        f"the preset {watched.path} is gone; its bank stays until the daemon starts again"
    ]


def test_a_folder_that_is_put_in_the_place_of_the_watched_one_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riffsidecar.daemon.presets_watch._LOOK_S", 0.05)
    folder = tmp_path / "presets"
    folder.mkdir()
    watched = Watched(folder)
    watched.watcher.start()
    watched.after(lambda: folder.rename(tmp_path / "old") and folder.mkdir())
    while "Anew" not in watched.titles:
        watched.after(lambda: watched.path.write_text(BANK.format(title="Anew")))
    while "Again" not in watched.titles:
        watched.after(lambda: watched.path.write_text(BANK.format(title="Again")))
    watched.watcher.close()


def test_a_defect_while_reading_does_not_end_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    watched.watcher.start()
    failed = Event()

    def broken() -> None:
        failed.set()
        raise ZeroDivisionError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(watched.watcher, "reload", broken)
        watched.path.write_text(BANK.format(title="Lost"))
        assert failed.wait(WAIT_S)
    while "Found" not in watched.titles:
        watched.after(lambda: watched.path.write_text(BANK.format(title="Found")))
    watched.watcher.close()
    assert "ZeroDivisionError" in caplog.text


def test_a_bank_that_is_refused_for_now_is_offered_again(tmp_path: Path) -> None:
    watched, refusals = Watched(tmp_path), [BusyError("too much"), BusyError("too much")]
    take, taken = watched.watcher._on_bank, Event()

    def busy(bank: Bank) -> None:
        if refusals:
            raise refusals.pop()
        take(bank)
        taken.set()

    watched.watcher._on_bank = busy
    watched.watcher.start()
    watched.path.write_text(BANK.format(title="At last"))
    assert taken.wait(WAIT_S)
    watched.watcher.close()
    assert watched.titles == ["At last"]
