"""Every error that riffsidecar raises on purpose.

RiffError                     code: what a client reads in /riff/error
+-- MusicError                bad-value       a tempo, meter, length, key or chord that cannot be
+-- SessionError              bad-value       a knob, pad or request that cannot be
|   +-- UnknownNameError      unknown-name    no knob, bank, pad or address of that name
|   +-- PresetError           bad-preset      a preset file that cannot be read
|   +-- PackError             bad-pack        a recipe of a pack that cannot be read
+-- AudioError                bad-audio       samples that cannot be used
|   +-- WavError              bad-wav         a WAV that cannot be read
+-- SpectrogramError          bad-spectrogram shapes or formats that do not fit
+-- DiffusionError            model           the model cannot do what was asked
|   +-- CheckpointError       checkpoint      no checkpoint, or a broken one
|   |   +-- ModelError          checkpoint      a model that is not installed, or not what was installed
|   +-- CancelledError        cancelled       a render that was told to stop
+-- RenderError               render          a render that failed
|   +-- DropError             drop-folder     the drop folder cannot take a file
|   +-- WorkerError           worker          the render worker died or does not answer
|   +-- SupersededError       superseded      a newer request for the same slot took its place
|   +-- BusyError             busy            more requests at once than the daemon takes
|   +-- LibraryError          library         the library cannot be used
+-- ControlError              control         a surface cannot do its work
|   +-- OscError              bad-osc         a datagram that is not OSC as we accept it
|   +-- MidiError             midi            a MIDI port that is missing or refused
|   +-- PortTakenError        port-taken      the UDP port belongs to somebody else
+-- ConfigError               bad-config      a configuration that cannot be read
+-- TrainingError             training        a training run that cannot go on
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AudioError",
    "BusyError",
    "CancelledError",
    "CheckpointError",
    "ConfigError",
    "ControlError",
    "DiffusionError",
    "DropError",
    "LibraryError",
    "MidiError",
    "ModelError",
    "MusicError",
    "OscError",
    "PackError",
    "PortTakenError",
    "PresetError",
    "RenderError",
    "RiffError",
    "SessionError",
    "SpectrogramError",
    "SupersededError",
    "TrainingError",
    "UnknownNameError",
    "WavError",
    "WorkerError",
    "nearest",
]


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the choice nearest to ``name``, or an empty string.

    Where none is near, the shortest that begins with ``name`` is meant.

    >>> nearest("morhp", ["morph", "drift"])
    ", did you mean 'morph'?"
    >>> nearest("odd", ["house", "odd-time"])
    ", did you mean 'odd-time'?"
    >>> nearest("zzz", ["morph", "drift"])
    ''
    """
    known = list(choices)
    begun = sorted((each for each in known if len(name) > 1 and each.startswith(name)), key=len)
    close = difflib.get_close_matches(name, known, n=1) or begun
    return f", did you mean '{close[0]}'?" if close else ""


class RiffError(Exception):
    """Base of every error that riffsidecar raises on purpose."""

    code = "riff"


class MusicError(RiffError, ValueError):
    """A tempo, meter, length, key or chord that cannot be."""

    code = "bad-value"


class SessionError(RiffError, ValueError):
    """A knob, pad or request that cannot be."""

    code = "bad-value"


class UnknownNameError(SessionError):
    """No knob, bank, pad or address of that name."""

    code = "unknown-name"


class PresetError(SessionError):
    """A preset file that cannot be read."""

    code = "bad-preset"


class PackError(SessionError):
    """A recipe of a pack that cannot be read."""

    code = "bad-pack"


class AudioError(RiffError, ValueError):
    """Samples that cannot be used."""

    code = "bad-audio"


class WavError(AudioError):
    """A WAV that cannot be read."""

    code = "bad-wav"


class SpectrogramError(RiffError, ValueError):
    """Shapes or formats that do not fit."""

    code = "bad-spectrogram"


class DiffusionError(RiffError):
    """The model cannot do what was asked."""

    code = "model"


class CheckpointError(DiffusionError):
    """No checkpoint, or a broken one."""

    code = "checkpoint"


class ModelError(CheckpointError):
    """A model that is not installed, or not what was installed."""


class CancelledError(DiffusionError):
    """A render that was told to stop."""

    code = "cancelled"


class RenderError(RiffError):
    """A render that failed."""

    code = "render"


class DropError(RenderError):
    """The drop folder cannot take a file."""

    code = "drop-folder"


class WorkerError(RenderError):
    """The render worker died or does not answer."""

    code = "worker"


class SupersededError(RenderError):
    """A newer request for the same slot took its place."""

    code = "superseded"


class BusyError(RenderError):
    """More requests at once than the daemon takes."""

    code = "busy"


class LibraryError(RenderError):
    """The library cannot be used."""

    code = "library"


class ControlError(RiffError):
    """A surface cannot do its work."""

    code = "control"


class OscError(ControlError, ValueError):
    """A datagram that is not OSC as we accept it."""

    code = "bad-osc"


class MidiError(ControlError):
    """A MIDI port that is missing or refused."""

    code = "midi"


class PortTakenError(ControlError):
    """The UDP port belongs to somebody else."""

    code = "port-taken"


class ConfigError(RiffError, ValueError):
    """A configuration that cannot be read."""

    code = "bad-config"


class TrainingError(RiffError):
    """A training run that cannot go on."""

    code = "training"
