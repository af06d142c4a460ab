"""The page about hosts has five steps for each, says what was tested, and names only what is there."""

from __future__ import annotations

import re
import shlex

import pytest

from hosts.build import FOLDER
from hosts.open_stage_control import OSC_PORT
from hosts.pure_data import REPLY_PORT
from hosts.touch_osc import TOKEN
from riffsidecar.cli.main import build_parser

TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0]: part.partition("\n")[2]
    for part in TEXT.split("\n## ")[1:]
    if "Build" not in part[:9]
}


def test_the_hosts_that_musicians_use_are_there() -> None:
    wanted = {"Pure Data", "REAPER", "Bitwig Studio", "FL Studio", "Logic", "Live without Max for Live"}
    assert wanted | {"TouchOSC", "Open Stage Control"} == set(SECTIONS)


@pytest.mark.parametrize("name", SECTIONS)
def test_each_host_has_five_steps_to_first_sound_and_says_what_was_tested(name: str) -> None:
    text = SECTIONS[name]
    assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert re.match(r"\n\*\*(Tested|Tested in part|Untested)\*\*", text)
    assert text.count("\n1. `riffsidecar run --out ") == 1


def test_every_command_parses_and_every_file_is_there() -> None:
    commands = [words for words in re.findall(r"`(riffsidecar [^`]*)`", TEXT) if words != "riffsidecar ports"]
    assert len(commands) >= len(SECTIONS)
    for words in commands:
        build_parser().parse_args(shlex.split(words.replace("\\", "/"))[1:])
    for path in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (FOLDER / path).exists(), path


def test_ports_and_token_are_those_of_the_files() -> None:
    assert f"UDP port {REPLY_PORT}" in TEXT and f"--osc-port {OSC_PORT}" in TEXT
    assert f"--token {TOKEN}" in TEXT and f"`token:{TOKEN}`" in TEXT
