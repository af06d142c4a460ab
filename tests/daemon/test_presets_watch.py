"""What the watcher of presets promises."""

from __future__ import annotations

from pathlib import Path

from riffsidecar.daemon.presets_watch import PresetWatcher
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
