"""What the configuration promises: every key checked, every error says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.config import Config, config_path, load_config, parse_config
from riffsidecar.daemon.surfaces import learned_file
from riffsidecar.errors import ConfigError


def test_an_empty_file_is_the_defaults() -> None:
    assert parse_config("") == Config()


def test_every_kind_of_value_is_read() -> None:
    config = parse_config(
        """
        [session]
        bpm = 90
        chords = "Am F"
        [osc]
        bind = "0.0.0.0"
        allow = ["192.168.1.0/24"]
        [midi]
        enabled = false
        relative = ["71 offset"]
        [render]
        threads = 3
        """
    )
    assert (config.session.bpm, config.session.chords) == (90.0, "Am F")
    assert (config.osc.allow, config.midi.enabled, config.render.threads) == (("192.168.1.0/24",), False, 3)
    assert config.midi.encoders == {71: "offset"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sesion]", "did you mean 'session'"),
        ("[session]\nbpn = 90", "did you mean 'bpm'"),
        ("session = 3", r"\[session\]"),
        ("[session]\nbpm = 'fast'", "a number"),
        ("[session]\nbpm = 1000", "20 to 400"),
        ("[session]\nmeter = '4'", "session"),
        ("[session]\nbars = 0.1", "1/4"),
        ("[session]\nkey = 'H'", "session"),
        ("[session]\nseed = -1", "session.seed"),
        ("[session]\nseed = 1.5", "a whole number"),
        ("[session]\nseed = true", "a whole number"),
        ("[output]\nsample_rate = 22050", "44100"),
        ("[output]\nbit_depth = '8'", "16, 24, 32f"),
        ("[output]\nfolder = ''", "output.folder"),
        ("[osc]\nport = 99999", "osc.port"),
        ("[osc]\nbind = '0.0.0.0'", "osc.token"),
        ("[osc]\nallow = 'all'", "list of strings"),
        ("[osc]\nallow = [1]", "list of strings"),
        ("[midi]\nenabled = 1", "true or false"),
        ("[midi]\nchannel = 17", "midi.channel"),
        ("[midi]\nrelative = ['71']", "71 offset"),
        ("[render]\nnice = 99", "render.nice"),
        ("[log]\nlevel = 'loud'", "debug, info"),
        ("[log\n", "not TOML"),
    ],
)
def test_what_cannot_be_is_named_with_what_can(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_config(text, "my.toml")
    assert str(caught.value).startswith("my.toml")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("output", "folder"),
        ("presets", "folder"),
        ("seeds", "folder"),
        ("render", "cache_folder"),
        ("render", "checkpoint"),
    ],
)
def test_a_home_that_is_not_there_and_a_path_that_cannot_be_are_named(table: str, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{table}\.{key} is '~nobody-of-that-name/x'.*whole path"):
        parse_config(f"[{table}]\n{key} = '~nobody-of-that-name/x'")
    with pytest.raises(ConfigError, match=rf"{table}\.{key} .*zero character"):
        parse_config(f'[{table}]\n{key} = "a\\u0000b"')
    assert getattr(getattr(parse_config(f"[{table}]\n{key} = '~/x'"), table), key) == "~/x"


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "[session]\nseed = " + "9" * 5000])
def test_a_file_that_is_made_to_hurt_the_parser_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(text)


@given(st.text(max_size=80))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    try:
        parse_config(text)
    except ConfigError:
        pass


def test_a_named_file_has_to_exist_and_the_usual_one_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_config() == Config()
    with pytest.raises(ConfigError, match="there is no configuration file"):
        load_config(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(tmp_path / "bad.toml")
    (tmp_path / "riffsidecar").mkdir()
    (tmp_path / "riffsidecar" / "config.toml").write_text("[log]\nlevel = 'debug'")
    assert load_config().log.level == "debug"


def test_what_is_learned_lies_beside_the_file_that_was_read_unless_it_names_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "usual"))
    monkeypatch.chdir(tmp_path)
    assert learned_file(load_config()) == tmp_path / "usual" / "riffsidecar" / "learned.toml"
    named = tmp_path / "set" / "live.toml"
    named.parent.mkdir()
    named.write_text("[session]\nbpm = 90")
    for path in (named, Path("set/live.toml")):
        assert learned_file(load_config(path)) == tmp_path / "set" / "learned.toml"
    named.write_text("[midi]\nlearned = '/elsewhere/mine.toml'")
    assert learned_file(load_config(named)) == Path("/elsewhere/mine.toml")


def test_the_usual_place_is_that_of_the_system() -> None:
    assert config_path({"APPDATA": "C"}, "win32") == Path("C/riffsidecar/config.toml")
    assert config_path({}, "darwin").parts[-3:] == ("Application Support", "riffsidecar", "config.toml")
    assert config_path({}, "linux") == Path.home() / ".config" / "riffsidecar" / "config.toml"


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(parse_config("[osc]\ntoken = 'secret'"))
