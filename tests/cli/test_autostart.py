"""``riffsidecar autostart``: what each system is told, and that it is told and untold."""

from __future__ import annotations

import json
import plistlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from riffsidecar.cli import autostart, main
from riffsidecar.cli.autostart_entries import autostart_entry
from riffsidecar.cli.live_library import Machine
from riffsidecar.cli.probe import FoundDaemon
from riffsidecar.config import OscConfig
from riffsidecar.errors import ConfigError

PYTHON = "/opt/riff sidecar/bin/python"
COMMAND = (PYTHON, "-m", "riffsidecar", "run", "--out", '/home/kim/100% "loops" $x')


def test_launchd_gets_an_agent_that_runs_at_log_in_and_again_after_a_crash(tmp_path: Path) -> None:
    entry = autostart_entry(Machine("darwin", tmp_path), COMMAND, tmp_path / "config", 501)
    assert entry.path == tmp_path / "Library/LaunchAgents/io.github.riffsidecar.plist"
    agent = plistlib.loads(entry.text.encode("utf-8"))
    assert agent["ProgramArguments"] == list(COMMAND) and agent["Label"] == entry.path.stem
    assert agent["RunAtLoad"] is True and agent["KeepAlive"] == {"SuccessfulExit": False}
    assert entry.enable == (("launchctl", "bootstrap", "gui/501", str(entry.path)),)
    assert entry.disable == (("launchctl", "bootout", "gui/501/io.github.riffsidecar"),)
    assert entry.held == ("launchctl", "print", "gui/501/io.github.riffsidecar")


def test_systemd_gets_a_user_service_whose_words_are_quoted_its_way(tmp_path: Path) -> None:
    entry = autostart_entry(Machine("linux", tmp_path), COMMAND, tmp_path / ".config/riffsidecar")
    assert entry.path == tmp_path / ".config/systemd/user/riffsidecar.service"
    (line,) = (line for line in entry.text.splitlines() if line.startswith("ExecStart="))
    assert line == (
        'ExecStart="/opt/riff sidecar/bin/python" "-m" "riffsidecar" "run" "--out" '
        '"/home/kim/100%% \\"loops\\" $$x"'
    )
    assert "Restart=on-failure" in entry.text and "WantedBy=default.target" in entry.text
    assert entry.enable[-1] == ("systemctl", "--user", "enable", "--now", "riffsidecar.service")


def test_the_task_scheduler_gets_a_task_without_a_window_or_a_time_limit(tmp_path: Path) -> None:
    words = (r"C:\Program Files\Python312\python.exe", *COMMAND[1:5], r"C:\Kim & co\loops")
    entry = autostart_entry(Machine("win32", tmp_path), words, tmp_path / "riffsidecar")
    task = ElementTree.fromstring(entry.text.split("\n", 1)[1])
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    execution = task.find(f"{space}Actions/{space}Exec")
    assert execution is not None
    assert execution.findtext(f"{space}Command") == r"C:\Program Files\Python312\pythonw.exe"
    assert execution.findtext(f"{space}Arguments") == r'-m riffsidecar run --out "C:\Kim & co\loops"'
    assert task.find(f"{space}Triggers/{space}LogonTrigger") is not None
    settings = {each.tag.removeprefix(space): each.text for each in task.find(f"{space}Settings") or ()}
    # Left out, the priority is 7: below that of all that a person uses.
    assert (settings["ExecutionTimeLimit"], settings["Priority"]) == ("PT0S", "4")
    assert (entry.encoding, entry.path) == ("utf-16", tmp_path / "riffsidecar/autostart.xml")
    assert "UserId" not in entry.text
    assert entry.enable[0] == ("schtasks.exe", "/Create", "/TN", "riffsidecar", "/XML", str(entry.path), "/F")


def test_the_task_is_for_the_log_in_of_its_own_user_as_for_anybodys_an_administrator_has_to_ask(
    tmp_path: Path,
) -> None:
    words = (r"C:\Python312\python.exe", *COMMAND[1:])
    entry = autostart_entry(Machine("win32", tmp_path), words, tmp_path, user=r"STUDIO\Kim & co")
    task = ElementTree.fromstring(entry.text.split("\n", 1)[1])
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    trigger = task.find(f"{space}Triggers/{space}LogonTrigger")
    # The schema wants what all triggers have before what this one has.
    assert trigger is not None and [each.tag for each in trigger] == [f"{space}Enabled", f"{space}UserId"]
    assert trigger.findtext(f"{space}UserId") == r"STUDIO\Kim & co"
    assert task.findtext(f"{space}Principals/{space}Principal/{space}UserId") == r"STUDIO\Kim & co"


def test_an_unknown_system_and_a_program_without_a_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="autostart does not know plan9"):
        autostart_entry(Machine("plan9", tmp_path), COMMAND, tmp_path)
    with pytest.raises(ConfigError, match="must be a whole path"):
        autostart_entry(Machine("linux", tmp_path), ("python", "-m"), tmp_path)


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Let nothing reach the system, and note what would have."""
    words: list[tuple[str, ...]] = []

    def run(command: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        words.append(tuple(command))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(autostart.subprocess, "run", run)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.chdir(tmp_path)
    return words


def unit(tmp_path: Path) -> Path:
    return tmp_path / ".config/systemd/user/riffsidecar.service"


def test_it_is_installed_shown_and_removed(
    ran: list[tuple[str, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["autostart"]) == 0
    out = capsys.readouterr().out
    assert f"not installed; {unit(tmp_path)} is not there" in out and "install would write:" in out
    assert "ExecStart=" in out and ran == []
    assert main(["autostart", "install", "--out", "loops"]) == 0
    assert str(tmp_path / "loops") in unit(tmp_path).read_text(encoding="utf-8")
    assert [words[2] for words in ran] == ["daemon-reload", "enable"]
    assert "systemd starts the daemon now, and at every log-in" in capsys.readouterr().out
    assert main(["autostart", "remove"]) == 0
    assert not unit(tmp_path).exists() and ran[-1][2] == "disable"
    assert main(["autostart", "remove"]) == 0


def test_a_daemon_that_has_the_port_already_is_told_of(
    ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stops = False

    def find_daemon(osc: OscConfig) -> FoundDaemon | None:
        is_stopped = stops and any("disable" in words for words in ran)
        return None if is_stopped else FoundDaemon("0.1.0", "ready")

    monkeypatch.setattr(autostart, "find_daemon", find_daemon)
    for _ in range(2):
        assert main(["autostart", "install"]) == 0
        told = capsys.readouterr().err
        assert "UDP port 9123 is taken (riffsidecar 0.1.0, ready): stop that daemon" in told
    stops = True
    assert main(["autostart", "install"]) == 0
    assert "taken" not in capsys.readouterr().err, "the older entry's own is stopped first"


def test_show_tells_what_is_installed_and_what_install_would_change(
    ran: list[tuple[str, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["autostart", "install", "--out", "loops"])
    capsys.readouterr()
    assert main(["autostart", "show", "--out", "loops"]) == 0
    same = capsys.readouterr().out
    assert same.splitlines()[0] == f"systemd: installed, {unit(tmp_path)}" and "ExecStart=" in same
    assert main(["autostart", "show", "--out", "elsewhere"]) == 0
    other = capsys.readouterr().out
    assert "other than install would write it now" in other.splitlines()[0]
    changed = [line for line in other.splitlines() if line.startswith(("-Exec", "+Exec"))]
    assert f'"{tmp_path}/loops"' in changed[0] and f'"{tmp_path}/elsewhere"' in changed[1]
    assert main(["autostart", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["installed"], shown["current"], shown["path"]) == (True, False, str(unit(tmp_path)))
    assert "loops" in shown["found"]
    unit(tmp_path).write_bytes(b"\xff\xfe\xff")
    assert main(["autostart", "show"]) == 0
    assert "+[Service]" in capsys.readouterr().out


def test_an_older_entry_is_let_go_before_a_new_one_is_made(
    ran: list[tuple[str, ...]], tmp_path: Path
) -> None:
    main(["autostart", "install"])
    ran.clear()
    main(["autostart", "install", "--out", "elsewhere"])
    assert [words[2] for words in ran] == ["disable", "daemon-reload", "enable"]
    assert "elsewhere" in unit(tmp_path).read_text(encoding="utf-8")


def test_launchd_gets_a_new_entry_when_it_has_let_the_older_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def run(command: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        said.append(command[1])
        # It forgets when the daemon has ended, a while after it was told to.
        is_held = said[-2:] in (["bootout", "print"], ["print", "print"]) and said.count("print") < 3
        is_early = command[1] == "bootstrap" and said[-2:] == ["bootout", "bootstrap"]
        refused = is_early or (command[1] == "print" and not is_held)
        return subprocess.CompletedProcess(command, int(refused), "", "5: Input/output error")

    monkeypatch.setattr(autostart.subprocess, "run", run)
    monkeypatch.setattr(autostart, "_POLL_S", 0.0)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["autostart", "install"]) == 0
    assert main(["autostart", "install", "--out", "elsewhere"]) == 0
    assert said == ["bootstrap", "bootout", "print", "print", "print", "bootstrap"]


def test_what_a_system_says_in_letters_of_its_own_is_read_all_the_same() -> None:
    code = r"import sys; sys.stderr.buffer.write(b'Zugriff f\x81r Kim verweigert'); sys.exit(1)"
    assert "r Kim verweigert" in autostart._try((sys.executable, "-c", code))


def refuse(monkeypatch: pytest.MonkeyPatch, problem: str | None) -> None:
    def run(command: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        if problem is None:
            raise FileNotFoundError("no systemctl")
        return subprocess.CompletedProcess(command, 1, "", f"{problem}\n")

    monkeypatch.setattr(autostart.subprocess, "run", run)
    there = None if problem is None else "/usr/bin/systemctl"
    monkeypatch.setattr(autostart.shutil, "which", lambda name: there)


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        ("Failed to connect to bus: No medium found", "loginctl enable-linger"),
        ("Unit is masked", "Look at 'systemctl --user status'"),
        (None, "There is no systemd here"),
    ],
)
def test_a_system_that_refuses_leaves_nothing_behind_and_the_next_command_is_named(
    problem: str | None,
    advice: str,
    ran: list[tuple[str, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    refuse(monkeypatch, problem)
    assert main(["autostart", "install", "--out", "my loops"]) == 2
    err = capsys.readouterr().err
    assert (problem or "no systemctl") in err and advice in err
    assert f"nothing was installed, {unit(tmp_path)} is gone again" in err
    assert ("riffsidecar autostart install --out 'my loops'" in err) == (problem is not None)
    assert "start the daemon by hand: " in err and f"-m riffsidecar run --out '{tmp_path}/my loops'" in err
    assert not (tmp_path / ".config").exists()


def test_an_older_entry_stays_where_the_new_one_is_refused(
    ran: list[tuple[str, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["autostart", "install", "--out", "old"])
    before = unit(tmp_path).read_text(encoding="utf-8")
    refuse(monkeypatch, "no bus")
    assert main(["autostart", "install", "--out", "new"]) == 2
    assert "is the older one again" in capsys.readouterr().err
    assert unit(tmp_path).read_text(encoding="utf-8") == before


def test_removing_what_the_system_will_not_stop_says_that_it_may_still_run(
    ran: list[tuple[str, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["autostart", "install"])
    refuse(monkeypatch, "no bus")
    assert main(["autostart", "remove"]) == 0
    assert not unit(tmp_path).exists() and "may run until you log out" in capsys.readouterr().err
    assert main(["autostart", "remove"]) == 0
    assert "may run" not in capsys.readouterr().err
