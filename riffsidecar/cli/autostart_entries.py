"""Write down how each system starts a program at log-in: launchd, systemd and the Task Scheduler. Pure."""

from __future__ import annotations

import plistlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PureWindowsPath
from typing import Final
from xml.sax.saxutils import escape

from riffsidecar.cli.live_library import Machine
from riffsidecar.errors import ConfigError

__all__ = ["LABEL", "Entry", "autostart_entry"]

LABEL: Final = "riffsidecar"

_LAUNCHD_LABEL = "io.github.riffsidecar"
_SYSTEMD_SPECIALS = str.maketrans({"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"})


@dataclass(frozen=True, slots=True)
class Entry:
    """Say what starts the daemon at log-in.

    Attributes:
        system: whose entry it is, in words.
        path: the file that holds it.
        text: what the file holds.
        encoding: how.
        enable: the commands that make the system heed it, and ``disable`` those that make it forget.
        held: a command that succeeds until the system has forgotten it, where ``disable`` does not wait.
    """

    system: str
    path: Path
    text: str
    encoding: str
    enable: tuple[tuple[str, ...], ...]
    disable: tuple[tuple[str, ...], ...]
    held: tuple[str, ...] = ()


def autostart_entry(
    machine: Machine, command: Sequence[str], config_folder: Path, user_id: int = 0, user: str = ""
) -> Entry:
    """Return the entry of a machine's system.

    Args:
        machine: the system and the home folder.
        command: the daemon's program and its arguments, all paths absolute.
        config_folder: riffsidecar's own; systemd looks beside it, and the Task Scheduler's file lies in it.
        user_id: of the user, for launchd.
        user: the user's name with the domain, for the Task Scheduler.

    Raises:
        ConfigError: the system has no known way.
    """
    if not PurePath(command[0]).is_absolute() and not PureWindowsPath(command[0]).is_absolute():
        raise ConfigError(f"the program is {command[0]!r}, but must be a whole path")
    if machine.platform == "darwin":
        return _launchd(machine, command, user_id)
    if machine.platform == "win32":
        return _task(command, config_folder, user)
    if machine.platform.startswith("linux"):
        return _systemd(command, config_folder)
    raise ConfigError(
        f"autostart does not know {machine.platform}; start 'riffsidecar run' at log-in by hand"
    )


def _launchd(machine: Machine, command: Sequence[str], user_id: int) -> Entry:
    path = machine.home / "Library" / "LaunchAgents" / f"{_LAUNCHD_LABEL}.plist"
    log = str(machine.home / "Library" / "Logs" / "riffsidecar.log")
    text = plistlib.dumps(
        {
            "Label": _LAUNCHD_LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            # A daemon that was told to stop ends with 0, and stays so.
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 30,
            "ProcessType": "Interactive",
            "WorkingDirectory": str(machine.home),
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
    ).decode("utf-8")
    domain = f"gui/{user_id}"
    return Entry(
        "launchd",
        path,
        text,
        "utf-8",
        (("launchctl", "bootstrap", domain, str(path)),),
        (("launchctl", "bootout", f"{domain}/{_LAUNCHD_LABEL}"),),
        ("launchctl", "print", f"{domain}/{_LAUNCHD_LABEL}"),
    )


def _systemd(command: Sequence[str], config_folder: Path) -> Entry:
    unit = f"{LABEL}.service"
    path = config_folder.parent / "systemd" / "user" / unit
    words = " ".join(f'"{word.translate(_SYSTEMD_SPECIALS)}"' for word in command)
    text = (
        "[Unit]\n"
        "Description=riffsidecar, loops beside the DAW\n"
        "StartLimitIntervalSec=300\n"
        "StartLimitBurst=5\n"
        "\n"
        "[Service]\n"
        f"ExecStart={words}\n"
        "WorkingDirectory=%h\n"
        "Restart=on-failure\n"
        "RestartSec=10\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )
    systemctl = ("systemctl", "--user")
    return Entry(
        "systemd",
        path,
        text,
        "utf-8",
        ((*systemctl, "daemon-reload"), (*systemctl, "enable", "--now", unit)),
        ((*systemctl, "disable", "--now", unit),),
    )


def _task(command: Sequence[str], config_folder: Path, user: str) -> Entry:
    path = config_folder / "autostart.xml"
    program = PureWindowsPath(command[0])
    # The program with a w opens no window of its own.
    quiet = program.with_name("pythonw.exe") if program.name.lower() == "python.exe" else program
    arguments = subprocess.list2cmdline(command[1:])
    # Without a name it is for the log-in of anybody, which only an administrator may ask for.
    whose = f"<UserId>{escape(user)}</UserId>" if user else ""
    text = (
        '<?xml version="1.0" encoding="UTF-16"?>\n'
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n'
        "  <RegistrationInfo><Description>Loops beside the DAW</Description></RegistrationInfo>\n"
        f"  <Triggers><LogonTrigger><Enabled>true</Enabled>{whose}</LogonTrigger></Triggers>\n"
        f'  <Principals><Principal id="Author">{whose}<LogonType>InteractiveToken</LogonType>'
        "<RunLevel>LeastPrivilege</RunLevel></Principal></Principals>\n"
        "  <Settings>\n"
        "    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n"
        "    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n"
        "    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n"
        "    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n"
        "    <Priority>4</Priority>\n"
        "    <RestartOnFailure><Interval>PT1M</Interval><Count>5</Count></RestartOnFailure>\n"
        "  </Settings>\n"
        '  <Actions Context="Author"><Exec>\n'
        f"    <Command>{escape(str(quiet))}</Command>\n"
        f"    <Arguments>{escape(arguments)}</Arguments>\n"
        "  </Exec></Actions>\n"
        "</Task>\n"
    )
    schtasks = ("schtasks.exe",)
    return Entry(
        "Task Scheduler",
        path,
        text,
        "utf-16",
        (
            (*schtasks, "/Create", "/TN", LABEL, "/XML", str(path), "/F"),
            (*schtasks, "/Run", "/TN", LABEL),
        ),
        ((*schtasks, "/End", "/TN", LABEL), (*schtasks, "/Delete", "/TN", LABEL, "/F")),
    )
