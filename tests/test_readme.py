"""README says what is so: its tables come from the code, its commands parse, its examples load."""

from __future__ import annotations

import dataclasses
import re
import shlex
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement
from regenerate_readme import README, SECTIONS, commands_of, refreshed
from support_control import finished

from riffsidecar.audio.chunks import split_riff_wave
from riffsidecar.audio.names import loop_name
from riffsidecar.audio.tags import LoopTags
from riffsidecar.audio.wav import encode_wav
from riffsidecar.audio.waveform import Waveform
from riffsidecar.cli.main import build_parser
from riffsidecar.config import Config, config_path, parse_config
from riffsidecar.control.leds import Light
from riffsidecar.control.osc import DEFAULT_PORT, OscSurface
from riffsidecar.control.osc_reference import osc_reference_markdown
from riffsidecar.music import Key, Meter
from riffsidecar.session import presets
from riffsidecar.session.commands import Command, SetTempo, TriggerPad
from riffsidecar.session.events import Acked, Envelope
from riffsidecar.session.knobs import default_ccs, knob_table
from riffsidecar.session.pads import NUM_PADS, MidiMap
from riffsidecar.training.cli import parser as training_parser

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")
FIRST_COMMAND = "python3 -m venv .venv && . .venv/bin/activate && pip install . && riffsidecar demo"
SECOND_COMMAND = 'python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[test]" && pytest'


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, those inside lists without their indent."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", TEXT, re.DOTALL | re.MULTILINE)
    return [
        "\n".join(line.removeprefix(indent) for line in body.splitlines()) + "\n" for indent, body in found
    ]


def only_block(language: str, beginning: str) -> str:
    (block,) = (each for each in blocks(language) if each.startswith(beginning))
    return block


def section(title: str) -> str:
    (_, _, rest) = TEXT.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def first_column(table: str) -> list[str]:
    """Return what stands in code in the first column of a Markdown table."""
    return [
        word
        for row in table.splitlines()
        if row.startswith("| `")
        for word in re.findall("`([^`]+)`", row.split("|")[1])
    ]


def shell_lines() -> Iterator[str]:
    for block in blocks("sh") + blocks("powershell"):
        for line in block.splitlines():
            yield from (part.strip() for part in re.split(r"&&|;", line))


def riffsidecar_commands() -> list[str]:
    return [line for line in shell_lines() if line.split(" ")[0] == "riffsidecar"]


@pytest.mark.parametrize("name", SECTIONS)
def test_every_generated_part_is_as_the_code_has_it(name: str) -> None:
    assert SECTIONS[name]().strip() in TEXT, "run: python -m tests.regenerate_readme"


def test_the_whole_readme_is_as_the_generator_leaves_it() -> None:
    assert refreshed(TEXT) == TEXT, "run: python -m tests.regenerate_readme"


def test_the_generator_mends_a_row_and_leaves_the_rest() -> None:
    row = knob_table().splitlines()[2]
    assert refreshed(TEXT.replace(row, "| wrong |")) == TEXT


def test_the_generator_refuses_a_readme_without_a_place_for_a_part() -> None:
    with pytest.raises(ValueError, match="0 places for <!-- generated: knobs -->"):
        refreshed(TEXT.replace("<!-- generated: knobs -->", ""))


def test_knobs_and_osc_stand_in_the_readme() -> None:
    assert knob_table() in TEXT
    assert osc_reference_markdown() in TEXT


def test_the_two_commands_stand_first_and_unchanged() -> None:
    assert [block.strip() for block in blocks("sh")[:2]] == [FIRST_COMMAND, SECOND_COMMAND]
    assert blocks("powershell")[0].strip().endswith("pip install .; riffsidecar demo")
    assert blocks("powershell")[1].strip().endswith('pip install -e ".[test]"; pytest')


def test_ci_calls_the_second_command() -> None:
    assert f"\nbash -c '{SECOND_COMMAND}'\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_has_commands_to_parse() -> None:
    assert len(riffsidecar_commands()) >= 7


def test_every_code_that_the_surface_answers_by_itself_is_told() -> None:
    source = (ROOT / "riffsidecar" / "control" / "osc.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'request_error\([^"]*"([a-z-]+)"', source))
    assert {"internal", "forbidden"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in section("OSC")] == []


@pytest.mark.parametrize("line", riffsidecar_commands())
def test_every_command_in_a_code_block_parses(line: str) -> None:
    _, *words = shlex.split(line)
    if words[0] == "train":
        training_parser().parse_args(words[1:])
    else:
        build_parser().parse_args(words)


def test_every_command_in_the_prose_exists() -> None:
    known = set(commands_of(build_parser()))
    named = {words.split()[0] for words in re.findall(r"`riffsidecar ([^`]+)`", TEXT)}
    assert named == known


def test_a_wrong_command_would_not_parse(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["render", "drums", "--tempo-of", "120"])
    assert "--tempo-of" in capsys.readouterr().err


@pytest.mark.parametrize("line", [line for line in shell_lines() if line.startswith("python -m ")])
def test_every_module_that_is_run_exists(line: str) -> None:
    module = line.split()[2]
    assert ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file()


def leads_somewhere(target: str) -> bool:
    """Tell whether a link leads to a file that is there and, after a ``#``, to a heading in it."""
    name, _, anchor = target.partition("#")
    path = ROOT / (name or "README.md")
    if not path.is_file() or not anchor:
        return path.is_file()
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_within_the_repository_leads_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in target]
    assert targets and [target for target in targets if not leads_somewhere(target)] == []
    assert not leads_somewhere("README.md#no-such-heading") and not leads_somewhere("NO_FILE.md")


def filled_preset() -> str:
    """Return the example with its last pad repeated until there are sixteen."""
    example = only_block("toml", "title")
    head, *pads = example.split("[[pad]]\n")
    return head + "".join(f"[[pad]]\n{pad}\n" for pad in pads + pads[-1:] * (16 - len(pads)))


def test_the_example_of_a_preset_loads() -> None:
    bank = presets.parse_bank(filled_preset(), "house", "README.md")
    assert bank.pad(1).knobs == {"energy": 0.7} and not bank.pad(1).tonal
    assert bank.pad(2).key == Key.parse("Dm") and bank.midi.knob_of(20) == "guidance"


def test_every_key_of_a_preset_is_explained() -> None:
    explained = set(first_column(section("Presets")))
    assert {*presets._BANK_KEYS, *presets._MIDI_KEYS, *presets._PAD_KEYS} - {"midi", "pad"} == explained


def test_the_example_of_the_configuration_is_all_keys_with_their_defaults() -> None:
    text = only_block("toml", "[session]")
    assert parse_config(text) == Config()
    written = {table: set(keys) for table, keys in tomllib.loads(text).items()}
    assert written == {
        table.name: {key.name for key in dataclasses.fields(getattr(Config(), table.name))}
        for table in dataclasses.fields(Config)
    }


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_places_of_the_configuration_are_right(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("~"))
    place = config_path({"APPDATA": "%APPDATA%"}, platform).as_posix()
    assert f"`{place}`" in TEXT.replace("\\", "/")


def test_every_chunk_of_a_wav_is_explained() -> None:
    tags: dict[str, Any] = {"title": "keys", "bpm": Fraction(120), "beats": Fraction(4), "meter": Meter(4, 4)}
    whole = LoopTags(**tags, recipe={"recipe": 1}, latents=np.zeros((8, 32, 16), np.float16), source=b"RIFF")
    wav = encode_wav(Waveform(np.zeros((2, 88200), np.float32), 44100), "32f", whole)
    written = {bytes(chunk.name).decode("ascii").strip() for chunk in split_riff_wave(memoryview(wav))}
    assert {*first_column(section("The WAV")), "fact"} == written
    assert "also `fact`" in TEXT


def test_the_example_of_a_file_name_is_one() -> None:
    stem = loop_name("Warm Rhodes chords", bpm=124, bars=4, meter=Meter(4, 4), key=Key.parse("Am"))
    assert re.search(rf"^{stem}_[b-z]{{5}}\.wav$", only_block("text", "riff_"), re.MULTILINE)


def test_the_python_example_triggers_a_pad_and_sees_its_loop(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[Command] = []

    def submit(envelope: Envelope) -> None:
        heard.append(envelope.command)
        slot = envelope.command.pad if isinstance(envelope.command, TriggerPad) else None
        surface.notify(Acked(envelope.origin, slot))
        if slot is not None:
            surface.notify(finished(envelope.origin))

    surface = OscSurface(port=0)
    surface.start(submit)
    example = compile(
        only_block("python", "from pythonosc").replace(str(DEFAULT_PORT), str(surface.port)),
        "README.md",
        "exec",
    )
    names: dict[str, Any] = {}
    try:
        exec(example, names)
    finally:
        surface.close()
        if "riff" in names:
            names["riff"]._sock.close()
    assert [type(command) for command in heard] == [SetTempo, TriggerPad]
    assert capsys.readouterr().out.splitlines()[-1].startswith("/riff/done ['id:bass', ")


def test_the_osc_tools_in_the_readme_speak_to_known_addresses() -> None:
    lines = [line.split() for line in shell_lines() if line.startswith("oscsend")]
    assert lines
    for _, host, port, address, *_ in lines:
        assert (host, int(port)) == ("127.0.0.1", DEFAULT_PORT)
        assert f"`{address} " in osc_reference_markdown()


def test_notes_controllers_and_lights_are_as_the_readme_says() -> None:
    assert (MidiMap().note_of(1), MidiMap().note_of(NUM_PADS)) == (36, 51) and "| note 36 to 51 |" in TEXT
    assert sorted(default_ccs()) == list(range(70, 78)) and "| controller 70 to 77 |" in TEXT
    midi = " ".join(section("MIDI").split())
    for light in Light:
        assert f"{int(light)} for {light.name.lower()}" in midi


def test_torch_is_declared_as_the_readme_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "torch>=2.9,<2.14" in project["dependencies"]
    assert 'pip install "torch>=2.9,<2.14" --index-url' in TEXT
    assert project["license"] == "MIT" and (ROOT / "LICENSE").read_text(encoding="utf-8").startswith(
        "MIT License"
    )


@pytest.mark.parametrize(
    ("python", "machine", "is_required"),
    [
        ("3.11", "x86_64", True), ("3.12", "aarch64", True), ("3.12", "arm64", True), ("3.12", "AMD64", True),
        ("3.13", "x86_64", False), ("3.12", "ARM64", False),
    ],
)  # fmt: skip
def test_python_rtmidi_is_required_where_it_has_wheels_alone(
    python: str, machine: str, is_required: bool
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (wanted,) = (each for each in project["dependencies"] if each.startswith("python-rtmidi"))
    marker = Requirement(wanted).marker
    assert marker is not None
    assert marker.evaluate({"python_version": python, "platform_machine": machine}) == is_required


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readme_tells_no_time_that_it_cannot_know() -> None:
    assert not re.search(r"\b\d+(\.\d+)? ?(ms|milliseconds|minutes)\b", TEXT)
