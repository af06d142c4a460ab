"""The tables of the configuration, each a frozen value that cannot be built wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from riffsidecar.errors import ConfigError, MusicError
from riffsidecar.music import SAMPLE_RATES, Chords, Key, Meter, Tempo, parse_bars

__all__ = [
    "TABLES",
    "Config",
    "LibraryConfig",
    "LinkConfig",
    "LogConfig",
    "MidiConfig",
    "OscConfig",
    "OutputConfig",
    "PresetsConfig",
    "RenderConfig",
    "SeedsConfig",
    "SessionConfig",
]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LOG_LEVELS = ("debug", "info", "warning", "error")
_RELATIVE_MODES = ("twos-complement", "offset", "sign-magnitude")
_FOLLOW_POLICIES = ("follow", "decode", "hold")
_BIT_DEPTHS = ("16", "24", "32f")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; give {low:g} to {high:g}")


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(str(each) for each in allowed)
        raise ConfigError(f"{name} is {value!r}; give one of {choices}")


def _folder(name: str, value: str) -> None:
    if "\0" in value:
        raise ConfigError(f"{name} is {value!r}, but no path holds a zero character")
    try:
        Path(value).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{name} is {value!r}, but there is no home folder of that name here; write the whole path"
        ) from error


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Where the session starts: tempo in quarter notes a minute, meter, bars, key, chords, bank and seed.

    What is left empty, or 0, is what the bank suggests. ``follow`` is what loops do when tempo or meter
    change.
    """

    bpm: float = 0.0
    meter: str = ""
    bars: float = 0.0
    key: str = ""
    chords: str = ""
    bank: str = ""
    seed: int = 0
    follow: str = "follow"

    def __post_init__(self) -> None:
        """Refuse what music cannot be.

        Raises:
            ConfigError: a value does not parse or is out of range.
        """
        try:
            if self.bpm:
                Tempo.parse(self.bpm)
            if self.meter:
                Meter.parse(self.meter)
            if self.bars:
                parse_bars(self.bars)
            if self.key:
                Key.parse(self.key)
            if self.chords:
                Chords.parse(self.chords)
        except MusicError as error:
            raise ConfigError(f"session: {error}") from error
        _within("session.seed", self.seed, 0, 2**31 - 1)
        _one_of("session.follow", self.follow, _FOLLOW_POLICIES)


@dataclass(frozen=True, slots=True)
class OutputConfig:
    """Where loops go and what the files are like."""

    folder: str = "loops"
    sample_rate: int = 44_100
    bit_depth: str = "24"
    loudness_lufs: float = -14.0

    def __post_init__(self) -> None:
        """Refuse formats no WAV is written in.

        Raises:
            ConfigError: a value is not among the allowed ones.
        """
        if not self.folder:
            raise ConfigError("output.folder is empty; name the folder that the DAW watches")
        _folder("output.folder", self.folder)
        _one_of("output.sample_rate", self.sample_rate, SAMPLE_RATES)
        _one_of("output.bit_depth", self.bit_depth, _BIT_DEPTHS)
        _within("output.loudness_lufs", self.loudness_lufs, -40, -6)


@dataclass(frozen=True, slots=True)
class OscConfig:
    """Where OSC listens; anything but loopback needs a token or a list of allowed addresses.

    ``query_port`` is the TCP port of its description over HTTP (OSCQuery), 0 for none.
    """

    enabled: bool = True
    bind: str = "127.0.0.1"
    port: int = 9123
    token: str = field(default="", repr=False)
    allow: tuple[str, ...] = ()
    query_port: int = 0

    def __post_init__(self) -> None:
        """Refuse to listen to the world without a check.

        Raises:
            ConfigError: the port is out of range, or the address is not loopback and nothing guards it.
        """
        _within("osc.port", self.port, 0, 65_535)
        _within("osc.query_port", self.query_port, 0, 65_535)
        if self.bind not in _LOOPBACK and not (self.token or self.allow):
            raise ConfigError(
                f"osc.bind is {self.bind!r}, which others on the network can reach; set osc.token (--token) "
                "or osc.allow too, or bind 127.0.0.1"
            )


@dataclass(frozen=True, slots=True)
class MidiConfig:
    """Which MIDI ports to use, by a part of their names.

    ``input`` empty is the first that is there, ``output`` empty is none; ``channel`` 0 listens to all; with
    ``takeover`` a fader waits until it meets its knob. ``relative`` names endless encoders and how they write
    their steps, as ``"71 offset"``. ``controller`` is a known controller by its name, empty to go by the
    port's; ``learned`` is the file of what learn mode has learned, empty for the usual one.
    """

    enabled: bool = True
    input: str = ""
    output: str = ""
    channel: int = 0
    takeover: bool = True
    relative: tuple[str, ...] = ()
    controller: str = ""
    learned: str = ""

    def __post_init__(self) -> None:
        """Refuse a channel and encoders that are none.

        Raises:
            ConfigError: the channel is out of range, or an encoder is not written as a controller and a mode.
        """
        _within("midi.channel", self.channel, 0, 16)
        for entry in self.relative:
            cc, _, mode = entry.partition(" ")
            if not cc.isdecimal() or int(cc) > 119 or mode not in _RELATIVE_MODES:
                modes = " or ".join(_RELATIVE_MODES)
                raise ConfigError(
                    f"midi.relative has {entry!r}; write a controller and its mode, {modes}: '71 offset'"
                )

    @property
    def encoders(self) -> dict[int, str]:
        """The mode of each endless encoder, by its controller."""
        return {int(cc): mode for cc, _, mode in (entry.partition(" ") for entry in self.relative)}


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Whether to join the Ableton Link session of this network; it needs the extra ``[link]``."""

    enabled: bool = False


@dataclass(frozen=True, slots=True)
class RenderConfig:
    """How renders run: ``threads`` 0 leaves a core to the DAW, no ``cache_folder`` keeps loops in memory.

    ``model`` is an installed model by its name; ``checkpoint`` is a directory in place of the embedded one.
    ``ahead`` is how many loops are made in idle time that are likely to be asked for next, 0 for none.
    """

    checkpoint: str = ""
    model: str = "embedded"
    threads: int = 0
    nice: int = 5
    cache_mb: int = 256
    cache_folder: str = ""
    cache_folder_mb: int = 1024
    ahead: int = 24

    def __post_init__(self) -> None:
        """Refuse numbers no render can run with.

        Raises:
            ConfigError: a number is out of range, or a folder cannot be.
        """
        _within("render.threads", self.threads, 0, 256)
        _within("render.nice", self.nice, 0, 19)
        _within("render.cache_mb", self.cache_mb, 0, 65_536)
        _within("render.cache_folder_mb", self.cache_folder_mb, 0, 1_048_576)
        _within("render.ahead", self.ahead, 0, 256)
        _folder("render.cache_folder", self.cache_folder)
        _folder("render.checkpoint", self.checkpoint)


@dataclass(frozen=True, slots=True)
class PresetsConfig:
    """A folder of the musician's own banks beside the packaged ones; reloaded when a file changes."""

    folder: str = ""

    def __post_init__(self) -> None:
        """Refuse a path that cannot be.

        Raises:
            ConfigError: it begins with the home of somebody who is not there.
        """
        _folder("presets.folder", self.folder)


@dataclass(frozen=True, slots=True)
class SeedsConfig:
    """The folder that seed audio is dropped into; empty is ``seeds`` inside the drop folder."""

    enabled: bool = True
    folder: str = ""

    def __post_init__(self) -> None:
        """Refuse a path that cannot be.

        Raises:
            ConfigError: it begins with the home of somebody who is not there.
        """
        _folder("seeds.folder", self.folder)


@dataclass(frozen=True, slots=True)
class LibraryConfig:
    """Whether every loop of the drop folder is kept in an index there."""

    enabled: bool = True


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How much the daemon says."""

    level: str = "info"

    def __post_init__(self) -> None:
        """Refuse an unknown level.

        Raises:
            ConfigError: the level is not one of debug, info, warning and error.
        """
        _one_of("log.level", self.level, _LOG_LEVELS)


@dataclass(frozen=True, slots=True)
class Config:
    """Hold the whole configuration, one table of the file each."""

    session: SessionConfig = field(default_factory=SessionConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    osc: OscConfig = field(default_factory=OscConfig)
    midi: MidiConfig = field(default_factory=MidiConfig)
    link: LinkConfig = field(default_factory=LinkConfig)
    render: RenderConfig = field(default_factory=RenderConfig)
    presets: PresetsConfig = field(default_factory=PresetsConfig)
    seeds: SeedsConfig = field(default_factory=SeedsConfig)
    library: LibraryConfig = field(default_factory=LibraryConfig)
    log: LogConfig = field(default_factory=LogConfig)

    @property
    def seed_folder(self) -> Path:
        """The folder that seed audio is dropped into."""
        return Path(self.seeds.folder or Path(self.output.folder) / "seeds").expanduser()


TABLES: Mapping[str, type[Any]] = MappingProxyType(
    {
        "session": SessionConfig,
        "output": OutputConfig,
        "osc": OscConfig,
        "midi": MidiConfig,
        "link": LinkConfig,
        "render": RenderConfig,
        "presets": PresetsConfig,
        "seeds": SeedsConfig,
        "library": LibraryConfig,
        "log": LogConfig,
    }
)
"""The class of each table by its name in the file."""
