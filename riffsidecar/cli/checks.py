"""The checks of ``riffsidecar doctor``. None of them raises: what goes wrong is what they are for."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from riffsidecar import __version__
from riffsidecar.cli.context import Context
from riffsidecar.cli.midi_view import look_at_midi
from riffsidecar.cli.probe import find_daemon
from riffsidecar.cli.rendering import plot_loop, render_with_progress, started_worker
from riffsidecar.control.midi_ports import OWN_INPUT, VIRTUAL
from riffsidecar.control.osc_socket import open_udp_socket
from riffsidecar.daemon import preset_folders, read_banks
from riffsidecar.daemon.surfaces import midi_problem
from riffsidecar.errors import CheckpointError, PortTakenError, RiffError
from riffsidecar.music import Tempo
from riffsidecar.render.messages import Ready
from riffsidecar.render.settings import available_cores
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.presets import load_banks
from riffsidecar.session.requests import LoopRequest

__all__ = ["ABSENT", "CHECKS", "OK_STATUS", "PROBLEM", "Check", "Finding"]

OK_STATUS: Final = "ok"
ABSENT: Final = "absent"
PROBLEM: Final = "problem"

_NEEDED = (
    "numpy",
    "scipy",
    "numba",
    "torch",
    "diffusers",
    "transformers",
    "safetensors",
    "python-osc",
    "mido",
    "watchdog",
)
_OPTIONAL = ("python-rtmidi",)
_SHARING = (
    "one program alone can hold a port: where Live or another DAW has the controller, put Riffsidecar Pads "
    "on a MIDI track, or let the DAW send on to a virtual port (loopMIDI, or Windows MIDI Services)"
)
_OWN_PORT = ", a port of its own that others send to"
_NO_PORT = (
    "plug it in, which the daemon sees while it runs, or name a part of another's name under [midi] in the "
    "configuration; 'riffsidecar ports' lists them"
)
_LOW_DISK_BYTES = 500_000_000
_PLOT_NAME = "riffsidecar-doctor.png"


@dataclass(frozen=True, slots=True)
class Finding:
    """Tell how one thing is, and with a problem what to do about it."""

    name: str
    status: str
    detail: str
    remedy: str = ""


Check = Callable[[Context], Iterator[Finding]]


def _system(context: Context) -> Iterator[Finding]:
    """Tell Python, the system, its cores and what the model takes of them."""
    threads = context.worker_settings.resolved_threads
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("Python", OK_STATUS, detail)
    cores = available_cores()
    yield Finding("cores", OK_STATUS, f"{cores}, of which the model takes {min(threads, cores)}")
    yield Finding("riffsidecar", OK_STATUS, __version__)


def _packages(context: Context) -> Iterator[Finding]:
    """Tell the version of every library, without loading it."""
    for name in (*_NEEDED, *_OPTIONAL):
        try:
            yield Finding(name, OK_STATUS, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            if name in _OPTIONAL:
                yield Finding(
                    name,
                    ABSENT,
                    "not installed, so there is no MIDI",
                    f"pip install {name}, or go on with OSC",
                )
            else:
                yield Finding(name, PROBLEM, "not installed", "pip install --force-reinstall riffsidecar")


def _osc_port(context: Context) -> Iterator[Finding]:
    """Tell whether the daemon could have its port, or has it."""
    osc = context.config.osc
    name = f"OSC port {osc.port}"
    if not osc.enabled:
        yield Finding(name, ABSENT, "switched off", "set enabled = true under [osc] in the configuration")
        return
    try:
        open_udp_socket(osc.bind, osc.port).close()
    except PortTakenError as error:
        found = find_daemon(osc)
        if found is not None:
            yield Finding(name, OK_STATUS, f"a daemon listens on {osc.bind}: {found}")
        else:
            yield Finding(name, PROBLEM, *_cause_and_remedy(error, "choose another with --port"))
    except RiffError as error:
        yield Finding(name, PROBLEM, *_cause_and_remedy(error, "mend [osc] in the configuration"))
    else:
        yield Finding(name, OK_STATUS, f"free on {osc.bind}")


def _midi(context: Context) -> Iterator[Finding]:
    """Tell the MIDI ports of others, which of them the daemon hears, and which is wanted and not there."""
    midi = context.config.midi
    if not midi.enabled:
        yield Finding("MIDI", ABSENT, "switched off", "set enabled = true under [midi] in the configuration")
        return
    try:
        view = look_at_midi(context.config)
    except RiffError as error:
        is_missed = any(name not in ("", VIRTUAL) for name in (midi.input, midi.output))
        yield Finding(
            "MIDI",
            PROBLEM if is_missed else ABSENT,
            str(error),
            "go on with OSC, or install what is missing",
        )
        return
    daemon = "the daemon hears" if view.is_running else "by the configuration the daemon hears"
    heard = f"{daemon} {view.hears or 'none'}{_OWN_PORT if view.hears == OWN_INPUT else ''}"
    if view.inputs or view.outputs or view.hears:
        names = f"in: {', '.join(view.inputs) or 'none'}; out: {', '.join(view.outputs) or 'none'}"
        yield Finding("MIDI", OK_STATUS, f"{names}; {heard}")
    elif not view.problems:
        yield Finding("MIDI", ABSENT, "no ports", "plug a controller in; it is found while the daemon runs")
    for problem in view.problems:
        yield Finding("MIDI", PROBLEM, problem, _NO_PORT)
    if sys.platform == "win32":
        yield _midi_in_windows(context)


def _midi_in_windows(context: Context) -> Finding:
    """Tell whether somebody else has the controller: in Windows a port belongs to one program."""
    name = "MIDI in Windows"
    problem = ""
    # A daemon that runs holds its port itself.
    if context.config.midi.enabled and find_daemon(context.config.osc) is None:
        try:
            problem = midi_problem(context.config)
        except RiffError as error:
            problem = str(error)
    return Finding(name, ABSENT, problem, _SHARING) if problem else Finding(name, OK_STATUS, _SHARING)


def _presets(context: Context) -> Iterator[Finding]:
    """Tell the banks, and every preset that cannot be read."""
    problems: list[str] = []
    try:
        folders = preset_folders(context.config)
        banks = read_banks(folders)
        load_banks(folders, lambda error: problems.append(str(error)))
    except RiffError as error:
        yield Finding("presets", PROBLEM, *_cause_and_remedy(error, "reinstall riffsidecar"))
        return
    yield Finding("presets", OK_STATUS, f"{len(banks)} banks: {', '.join(banks.names)}")
    for problem in problems:
        yield Finding("preset", PROBLEM, problem, "mend the file; until then its bank is left out")


def _folder(context: Context) -> Iterator[Finding]:
    """Tell whether loops can be written, and how much space is left."""
    folder = context.folder
    try:
        folder = folder.expanduser().resolve()
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except (OSError, RuntimeError) as error:  # RuntimeError: no home for ~, or links in a circle
        cause = getattr(error, "strerror", None) or error
        yield Finding("drop folder", PROBLEM, f"{folder}: {cause}", "choose another folder with --out")
        return
    text = f"{folder}, {free / 1e9:.1f} GB free"
    if free < _LOW_DISK_BYTES:
        yield Finding("drop folder", PROBLEM, text, "free some space: an 8 s loop takes about 2 MB")
    else:
        yield Finding("drop folder", OK_STATUS, text)


def _model(context: Context) -> Iterator[Finding]:
    """Load the model, tell what it computes on, and with it render two bars and draw them."""
    try:
        with started_worker(context) as worker:
            yield from _loaded(worker.start())
            if not context.args.no_render:
                yield from _self_test(context, worker)
    except RiffError as error:
        name = "checkpoint" if error.code == CheckpointError.code else "model"
        yield Finding(name, PROBLEM, *_cause_and_remedy(error, "run again with -v for the details"))


def _loaded(ready: Ready) -> Iterator[Finding]:
    made_with = ", ".join(f"{name} {value}" for name, value in ready.environment.items())
    yield Finding(
        "checkpoint", OK_STATUS, f"{ready.checkpoint[:12]}, loaded in {ready.load_s:.1f} s; {made_with}"
    )
    for device in ready.devices:
        yield Finding("device", ABSENT if device.startswith("no ") else OK_STATUS, device)


def _self_test(context: Context, worker: RenderWorker) -> Iterator[Finding]:
    request = LoopRequest(prompt="drums", tempo=Tempo.parse(120), bars=Fraction(2), seed=1, quality="draft")
    try:
        loop, render_s = render_with_progress(context, worker, 1, request, "self-test")
    except RiffError as error:
        remedy = "run again with -v for the details"
        yield Finding("self-test", PROBLEM, *_cause_and_remedy(error, remedy))
        return
    stages = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in loop.timings.items())
    yield Finding(
        "self-test", OK_STATUS, f"{request.length.duration_s} s of sound in {render_s:.2f} s ({stages})"
    )
    wanted = context.args.plot
    try:
        path = Path(wanted) if wanted is not None else context.folder.expanduser() / _PLOT_NAME
        plot = plot_loop(loop.wav, request, path.resolve())
    except (RiffError, RuntimeError) as error:  # RuntimeError: no home for ~, or links in a circle
        yield Finding("spectrogram", PROBLEM, str(error), "name a file that can be written with --plot")
    else:
        yield Finding("spectrogram", OK_STATUS, f"written to {plot}")


def _cause_and_remedy(error: Exception, otherwise: str = "") -> tuple[str, str]:
    """Return the two halves of an error: what is wrong, and behind the first semicolon what to do.

    >>> _cause_and_remedy(ValueError("the disk is full; free some space"))
    ('the disk is full', 'free some space')
    """
    cause, _, remedy = str(error).partition("; ")
    return cause, remedy or otherwise


CHECKS: Final[tuple[Check, ...]] = (_system, _packages, _osc_port, _midi, _presets, _folder, _model)
