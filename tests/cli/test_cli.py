"""What the command line promises: results, notes, one-line errors and exit codes."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from riffsidecar import __version__
from riffsidecar.cli import checks, main
from riffsidecar.cli.context import Context
from riffsidecar.cli.main import build_parser
from riffsidecar.cli.probe import FoundDaemon
from riffsidecar.cli.terminal import Terminal, bar_line
from riffsidecar.config import Config
from riffsidecar.control.osc import OscSurface
from riffsidecar.errors import DropError
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.recipe import read_loop
from riffsidecar.render.settings import DEFAULT_FACTORY
from riffsidecar.session.knobs import KNOBS

DOUBLE = "support_pipeline:load_sounding"


@pytest.fixture(autouse=True)
def _clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def command(*words: str, factory: str = DOUBLE) -> int:
    return main(words, factory=factory)


def test_demo_ends_with_four_loops_and_says_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("demo", "--bpm", "174") == 0
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if ".wav" in line]
    assert len(lines) == 4
    for line in lines:
        path, bars, bpm, seconds = line.split("  ")
        assert Path(path).is_file() and Path(path).parent == Path("loops").resolve()
        assert bars.endswith(" bars") and bpm == "174 BPM" and seconds.endswith(" s")


def test_demo_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("demo", "--json", "--out", "elsewhere") == 0
    document = json.loads(capsys.readouterr().out)
    assert [loop["slot"] for loop in document["loops"]] == [1, 2, 3, 4]
    assert {loop["bpm"] for loop in document["loops"]} == {124.0}
    assert len(list(Path("elsewhere").glob("*.wav"))) == 4


def test_demo_without_a_checkpoint_ends_with_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("demo", factory="support_pipeline:no_checkpoint") == 3
    err = capsys.readouterr().err.strip().splitlines()
    assert err[-1].startswith("riffsidecar: error: ") and "reinstall riffsidecar" in err[-1]
    assert list(Path("loops").glob("*.wav")) == []


def test_render_makes_one_loop_for_each_seed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("render", "warm keys", "--bpm", "87.5", "--bars", "2", "--seed", "7", "--count", "3", "--json")
    assert command(*words, "--chords", "Am F", "--guidance", "3", "--rate", "48000", "--depth", "16") == 0
    loops = json.loads(capsys.readouterr().out)["loops"]
    assert [loop["seed"] for loop in loops] == [7, 8, 9]
    assert {loop["num_samples"] for loop in loops} == {round(8 * 60 * 48000 / 87.5)}
    assert len({loop["path"] for loop in loops}) == 3 and all(Path(loop["path"]).is_file() for loop in loops)


def test_render_tells_path_length_tempo_seed_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("render", "keys", "--bars", "1/2", "--seed", "3") == 0
    captured = capsys.readouterr()
    path, bars, bpm, seed, seconds = captured.out.strip().split("  ")
    assert Path(path).is_file()
    assert (bars, bpm, seed) == ("1/2 bar", "120 BPM", "seed 3") and seconds.endswith(" s")
    assert captured.err.splitlines() == ["loading the model", "loop 1 of 1"]


def test_render_keeps_bars_of_an_earlier_loop_at_its_tempo(capsys: pytest.CaptureFixture[str]) -> None:
    command("render", "keys", "--bpm", "99", "--bars", "2", "--key", "Am", "--json")
    earlier = json.loads(capsys.readouterr().out)["loops"][0]["path"]
    assert command("render", "strings", "--of", earlier, "--keep-bars", "1-1", "--json") == 0
    loop = json.loads(capsys.readouterr().out)["loops"][0]
    assert (loop["bpm"], loop["bars"], loop["key"]) == (99.0, "2", "Am")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--bpm", "1000"), "20 to 400"),
        (("--bars", "nine"), "bars"),
        (("--key", "H minor"), "H minor"),
        (("--guidance", "99"), "1 to 6"),
        (("--quality", "fien"), "did you mean 'fine'"),
        (("--strength", "0.5"), "--from"),
        (("--keep-bars", "1-2"), "--of"),
        (("--keep-band", "20-200"), "--of"),
        (("--of", "loop.wav"), "--keep-bars 1-2, --keep-band 20-200"),
        (("--morph", "0.5"), "name it with --to"),
        (("--negative", "drums", "--guidance", "1"), "raise --guidance"),
        (("--negative", "drums", "--guided", "0", "--model", "riffusion-v1"), "raise --guided"),
        (("--guided", "1.5"), "--guided is '1.5'"),
        (("--depth", "12"), "--depth is '12'"),
        (("--rate", "22050"), "--rate is 22050"),
        (("--lufs", "0"), "--lufs is 0"),
        (("--seed", "-1"), "--seed is"),
        (("--from", "gone.wav"), "cannot be read"),
        (("--of", "gone.wav", "--keep-bars", "1"), "gone.wav cannot be read"),
        (("--count", "0"), "1 to 999"),
        (("--bars", "64", "--bpm", "20"), "60"),
        (("--config", "gone.toml"), "gone.toml"),
        (("--threads", "-3"), "threads"),
    ],
)
def test_a_value_that_cannot_be_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str
) -> None:
    assert command("render", "keys", *words) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and err.startswith("riffsidecar: error: ") and text in err


@pytest.mark.parametrize("words", [(), ("sing",), ("render", "x", "--loud")])
def test_a_wrong_command_line_is_exit_code_2(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        command(*words)
    assert ended.value.code == 2


def test_a_worker_that_dies_is_exit_code_6(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("render", "die") == 6
    assert "exit code 9" in capsys.readouterr().err


def test_a_folder_that_is_a_file_is_exit_code_5() -> None:
    Path("taken").write_text("x")
    assert command("render", "keys", "--out", "taken") == 5


def test_a_taken_port_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert command("run", "--port", str(port), "--no-midi") == 4
    assert f"{port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("prompt", "code", "words"),
    [
        ("steady", 0, "identical samples; the same build"),
        ("shaky", 0, "within -60 dB"),
        ("other", 7, "NOT within -60 dB"),
    ],
)
def test_rerender_says_which_it_is(
    capsys: pytest.CaptureFixture[str], prompt: str, code: int, words: str
) -> None:
    command("render", prompt, "--bars", "1", "--json")
    path = json.loads(capsys.readouterr().out)["loops"][0]["path"]
    assert command("rerender", path) == code
    assert capsys.readouterr().out.startswith(words)
    assert len(list(Path("loops").glob("*.wav"))) == 1


def test_rerender_renders_with_the_threads_of_the_file_and_tells_what_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command("render", "steady", "--bars", "1", "--threads", "2", "--json")
    path = json.loads(capsys.readouterr().out)["loops"][0]["path"]
    assert command("rerender", path, "--json", "--out", "again") == 0
    same = json.loads(capsys.readouterr().out)
    assert same["identical"] and same["changed"] == {} and Path(same["path"]).is_file()
    assert command("rerender", path, "--threads", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["changed"] == {"threads": ["2", "1"]}


@pytest.mark.parametrize("content", [b"", b"not a wav", None])
def test_rerender_of_what_is_no_loop_is_exit_code_2(content: bytes | None) -> None:
    if content is not None:
        Path("x.wav").write_bytes(content)
    assert command("rerender", "x.wav") == 2


def test_knobs_and_presets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("knobs") == 0
    out = capsys.readouterr().out
    assert all(knob.osc in out and knob.help in out for knob in KNOBS.values())
    assert command("presets", "--json") == 0
    banks = json.loads(capsys.readouterr().out)["banks"]
    assert len(banks) >= 5 and all(len(bank["pads"]) == 16 for bank in banks)
    assert command("presets", banks[0]["name"]) == 0
    assert banks[0]["pads"][15]["prompt"] in capsys.readouterr().out
    assert command("presets", "no-such-bank") == 2
    assert command("knobs", "--json") == 0
    assert {knob["name"] for knob in json.loads(capsys.readouterr().out.split("\n", 0)[0])["knobs"]} == set(
        KNOBS
    )


def test_a_bank_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text("[[[", "utf-8")
    assert command("presets", "--presets", str(tmp_path)) == 0
    shown = capsys.readouterr()
    assert "mine.toml" in shown.err and "house" in shown.out


def test_every_knob_is_an_option_of_render() -> None:
    args = build_parser().parse_args(
        ["render", "x", *(word for name in KNOBS for word in (f"--{name}", "1"))]
    )
    assert all(getattr(args, name) == "1" for name in KNOBS)


def test_ports_are_listed_even_without_midi(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("ports", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["osc"]["port"] == 9123
    assert set(document["midi"]) == {"inputs", "outputs", "own", "hears", "lights", "problem"}


@pytest.mark.parametrize("words", [(), ("--no-render",)])
def test_doctor_finds_each_thing_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code = command("doctor", "--json", "--port", "0", *words, factory="support_pipeline:no_checkpoint")
    document = json.loads(capsys.readouterr().out)
    assert code == 8 and not document["healthy"]
    problems = [each for each in document["findings"] if each["status"] == "problem"]
    assert [each["name"] for each in problems] == ["checkpoint"] and "reinstall" in problems[0]["remedy"]
    assert all(each["remedy"] for each in problems)
    names = {each["name"] for each in document["findings"]}
    assert {"Python", "torch", "MIDI", "presets", "drop folder", "cores"} <= names


def test_doctor_says_in_windows_that_another_program_has_the_controller_and_names_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = Context(argparse.Namespace(), Config(), Terminal(), DEFAULT_FACTORY)
    monkeypatch.setattr(checks, "find_daemon", lambda osc: None)
    monkeypatch.setattr(checks, "midi_problem", lambda config: "MIDI port 'Pads' cannot be opened")
    taken = checks._midi_in_windows(context)
    assert (taken.status, taken.detail) == (checks.ABSENT, "MIDI port 'Pads' cannot be opened")
    assert "Riffsidecar Pads" in taken.remedy and "loopMIDI" in taken.remedy
    monkeypatch.setattr(checks, "find_daemon", lambda osc: FoundDaemon("0.1.0", "ready"))
    own = checks._midi_in_windows(context)
    assert own.status == checks.OK_STATUS and "Riffsidecar Pads" in own.detail


def test_doctor_draws_the_self_test(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("riffsidecar.spectrogram.image")
    assert command("doctor", "--port", "0", "--plot", "new/here.png") == 0
    assert capsys.readouterr().out.strip().endswith("all is well")
    assert Path("new/here.png").read_bytes().startswith(b"\x89PNG")


def test_doctor_draws_into_the_folder_for_the_loops_and_says_where(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("doctor", "--port", "0", "--out", "mine") == 0
    written = Path("mine/riffsidecar-doctor.png").resolve()
    assert written.read_bytes().startswith(b"\x89PNG") and f"written to {written}" in capsys.readouterr().out


def test_doctor_without_a_render_still_loads_the_model_and_names_the_devices(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("doctor", "--port", "0", "--no-render", "--json") == 0
    findings = {each["name"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["checkpoint"]["status"] == "ok" and findings["device"]["detail"] == "CPU, used"
    assert "self-test" not in findings and not Path("loops").exists()


def test_doctor_refuses_a_plot_of_no_render(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("doctor", "--no-render", "--plot", "x.png") == 2
    assert "--plot" in capsys.readouterr().err


def test_doctor_and_ports_know_a_running_daemon_from_another_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        taken = stranger.getsockname()[1]
        config.write_text(f"[osc]\nport = {taken}\n")
        assert command("doctor", "--no-render", "--config", str(config), "--json") == 8
        port = {each["name"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
        assert port[f"OSC port {taken}"]["remedy"] == "choose another with --port"
    surface = OscSurface("127.0.0.1", 0, version="9.9", status=lambda: "ready", token="a b")
    surface.start(lambda envelope: None)
    try:
        for token, told in (("a b", "riffsidecar 9.9, ready"), ("wrong", "riffsidecar with another token")):
            config.write_text(f"[osc]\nport = {surface.port}\ntoken = '{token}'\n")
            assert command("doctor", "--no-render", "--config", str(config), "--json") == 0
            findings = {each["name"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
            assert findings[f"OSC port {surface.port}"]["detail"] == f"a daemon listens on 127.0.0.1: {told}"
            assert command("ports", "--config", str(config)) == 0
            assert f"a daemon listens: {told}" in capsys.readouterr().out
    finally:
        surface.close()


def test_a_configuration_file_is_read_and_options_win(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("config") / "riffsidecar"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        "[session]\nbpm = 90\n[output]\nfolder = 'mine'\nsample_rate = 48000\n"
    )
    assert command("render", "keys", "--bars", "1", "--json") == 0
    loop = json.loads(capsys.readouterr().out)["loops"][0]
    assert (loop["bpm"], loop["sample_rate"], Path(loop["path"]).parent.name) == (90.0, 48000, "mine")
    assert command("render", "keys", "--bars", "1", "--bpm", "100", "--out", "other", "--json") == 0
    loop = json.loads(capsys.readouterr().out)["loops"][0]
    assert (loop["bpm"], Path(loop["path"]).parent.name) == (100.0, "other")


def test_render_begins_where_the_configuration_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(
        "[session]\nmeter = '3/4'\nbars = 2\nkey = 'Dm'\nchords = 'Dm Gm'\nseed = 77\nbpm = 96\n"
    )
    assert command("render", "keys", "--config", str(config), "--json") == 0
    loop = json.loads(capsys.readouterr().out)["loops"][0]
    assert (loop["meter"], loop["bars"], loop["key"], loop["seed"]) == ("3/4", "2", "Dm", 77)
    assert str(read_loop(Path(loop["path"])).request.chords) == "Dm Gm"
    words = ("--meter", "4/4", "--bars", "1", "--key", "none", "--chords", "none", "--seed", "5")
    assert command("render", "keys", "--config", str(config), *words, "--json") == 0
    loop = json.loads(capsys.readouterr().out)["loops"][0]
    assert (loop["meter"], loop["bars"], loop["key"], loop["seed"]) == ("4/4", "1", None, 5)


@pytest.mark.parametrize(("words", "morph"), [((), 0.5), (("--morph", "0.2"), 0.2), (("--morph", "0"), 0.0)])
def test_a_second_prompt_is_gone_to_halfway_unless_morph_says_otherwise(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], morph: float
) -> None:
    assert command("render", "keys", "--bars", "1", "--to", "bass", *words, "--json") == 0
    path = Path(json.loads(capsys.readouterr().out)["loops"][0]["path"])
    request = read_loop(path).request
    assert (request.prompt_b, request.morph) == ("bass", morph)


def test_options_of_osc_are_refused_where_the_configuration_switches_it_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[osc]\nenabled = false\n")
    assert command("run", "--config", str(config), "--port", "9999") == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["odd", "hous", "hiphop"])
def test_a_bank_half_named_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert command("presets", name) == 2
    assert "did you mean" in capsys.readouterr().err


def test_json_never_holds_what_json_lacks() -> None:
    out = io.StringIO()
    value = {"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": -float("inf")}, "e": (1, Path("x"))}
    Terminal(out=out, json_output=True).document(value)
    document = json.loads(out.getvalue(), parse_constant=pytest.fail)
    assert document == {"a": None, "b": [None, 1.5], "c": {"d": None}, "e": [1, "x"]}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_render_and_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    script = (
        "import sys\nfrom riffsidecar.cli import main\n"
        f"sys.exit(main(['render', 'slow'], factory={DOUBLE!r}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    )
    assert process.stderr is not None
    while "loop 1" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(number)
    rest = process.stderr.read()
    assert process.wait(timeout=5) == code
    process.stderr.close()
    assert "Traceback" not in rest
    assert list((tmp_path / "loops").iterdir()) == []


def test_output_that_nobody_reads_is_no_error() -> None:
    script = "import sys; from riffsidecar.cli import main; sys.exit(main(['presets', '--json']))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 0 and err == b""


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words, text in (
        (("--version",), __version__),
        (("--help",), "exit codes:"),
        (("render", "--help"), "--keep-bars"),
    ):
        with pytest.raises(SystemExit) as ended:
            command(*words)
        assert ended.value.code == 0 and text in capsys.readouterr().out


class _Tty:
    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_a_bar_is_drawn_only_on_a_terminal() -> None:
    tty = _Tty()
    terminal = Terminal(out=tty, err=tty)  # type: ignore[arg-type]
    terminal.progress("loop", 0.5, 1.0)
    terminal.line("done")
    assert tty.text.startswith("\rloop  [############............]  50 %  1.0 s\r")
    assert tty.text.endswith("\rdone\n")
    assert bar_line("x" * 200, 2.0, None, 50) == "x" * 50


def test_what_does_not_tell_how_far_it_is_shows_that_it_lives() -> None:
    tty = _Tty()
    terminal = Terminal(out=tty, err=tty)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt), terminal.waiting("loading the model"):
        while tty.text.count("\r") < 2:
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert tty.text.startswith("\rloading the model  [####....................]    0 s\r")
    shown = len(tty.text)
    assert tty.text.endswith(" \r")
    terminal.note("stopped")
    assert len(tty.text) == shown + len("stopped\n")


def test_loops_made_before_one_fails_are_told_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, stems = DropFolder.publish, []

    def full_after_one(self: DropFolder, stem: str, data: bytes) -> Path:
        stems.append(stem)
        if len(stems) > 1:
            raise DropError("the disk is full: free some space")
        return publish(self, stem, data)

    monkeypatch.setattr(DropFolder, "publish", full_after_one)
    assert command("render", "keys", "--bars", "1", "--count", "3", "--json") == 5
    shown = capsys.readouterr()
    (loop,) = json.loads(shown.out)["loops"]
    assert Path(loop["path"]).is_file() and "the disk is full" in shown.err


def test_the_package_runs_as_a_module(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-m", "riffsidecar", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=60,
    )
    assert run.stdout == f"riffsidecar {__version__}\n"


def test_where_there_is_nothing_to_write_to_as_in_pythonw_a_command_ends_as_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, None)
    assert (main(["knobs"]), main(["presets", "no-such-bank"])) == (0, 2)
