"""The composition root: everything below, put together and kept running beside the DAW."""

from riffsidecar.daemon.core import (
    Daemon,
    preset_folders,
    read_banks,
    start_session,
    stop_signals,
    worker_settings,
)

__all__ = ["Daemon", "preset_folders", "read_banks", "start_session", "stop_signals", "worker_settings"]
