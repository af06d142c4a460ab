"""The configuration. Only the daemon and the command line read it; everything below is handed values."""

from riffsidecar.config.file import LEARNED_FILE, config_path, load_config, parse_config
from riffsidecar.config.tables import (
    Config,
    LibraryConfig,
    LinkConfig,
    LogConfig,
    MidiConfig,
    OscConfig,
    OutputConfig,
    PresetsConfig,
    RenderConfig,
    SeedsConfig,
    SessionConfig,
)

__all__ = [
    "LEARNED_FILE",
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
    "config_path",
    "load_config",
    "parse_config",
]
