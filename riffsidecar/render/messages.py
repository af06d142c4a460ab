"""Say what passes between the daemon and its render worker, and how an error survives the passage.

Everything here is frozen and plain, so that it pickles small and means the same on both sides of the pipe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from riffsidecar.audio.content import content_digest
from riffsidecar.errors import RenderError, RiffError
from riffsidecar.session.journeys import JourneyPart
from riffsidecar.session.requests import LoopRequest

__all__ = [
    "STAGES",
    "Again",
    "FromWorker",
    "Ready",
    "RenderDone",
    "RenderFailed",
    "RenderJob",
    "RenderProgress",
    "RenderedLoop",
    "ToWorker",
    "error_from_code",
]

STAGES = ("text", "denoise", "decode", "phase", "finish")
"""The stages of a render in their order, as they appear in progress and in timings."""


@dataclass(frozen=True, slots=True)
class RenderedLoop:
    """Hold one finished loop: the whole WAV in memory and what was measured on the way.

    ``seam`` is the measure at the wrap, ``timings`` are seconds by stage and ``cpu_s`` those that the
    worker's threads computed in each, ``environment`` names the build
    that made the samples (package, checkpoint, torch, dtype, threads): two loops of one recipe and one
    environment hold identical samples. ``latents_db`` is how far the latents of a loop made again lie from
    the earlier ones, in dB, -inf for equal ones; None for a new loop. ``sha256`` is the `content_digest` of
    the WAV.
    """

    wav: bytes = field(repr=False)
    stem: str
    num_samples: int
    sample_rate: int
    lufs: float
    seam: Mapping[str, float]
    timings: Mapping[str, float]
    environment: Mapping[str, str]
    latents_db: float | None = None
    sha256: str = ""
    cpu_s: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a loop without samples or without a name; digest the WAV where nobody has yet.

        Raises:
            RenderError: the WAV is empty, the name is empty or the sample count is not positive.
        """
        if not self.wav or not self.stem or self.num_samples < 1:
            raise RenderError(
                f"a rendered loop needs a WAV, a name and samples, got {len(self.wav)} bytes, {self.stem!r} "
                f"and {self.num_samples} samples; this is a defect of the model's code"
            )
        if not self.sha256:
            object.__setattr__(self, "sha256", content_digest(self.wav))


@dataclass(frozen=True, slots=True)
class Again:
    """Name the loop, a whole WAV, that is made again.

    Without ``denoise`` its latents are decoded. With it they are denoised anew and compared; where the two
    agree within -60 dB the loop's own are decoded. Another number of threads rounds the steps of the
    denoiser otherwise, and the phase reconstruction makes another waveform of even the last bit.
    """

    wav: bytes = field(repr=False)
    denoise: bool = True


@dataclass(frozen=True, slots=True)
class RenderJob:
    """Ask the worker for one loop, or for one made again; or, of a worker of journeys, for a part of one.

    ``beside`` are the requests that will follow, which may be denoised in the same run.
    """

    job_id: int
    request: LoopRequest | JourneyPart
    again: Again | None = None
    beside: tuple[LoopRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """Tell the daemon that the model is loaded, which checkpoint it is and what it runs on.

    ``devices`` is a line for each device that could compute here, for people to read.
    """

    checkpoint: str
    environment: Mapping[str, str]
    load_s: float
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderProgress:
    """Tell how far a job is: ``fraction`` in [0, 1] of the whole render."""

    job_id: int
    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class RenderDone:
    """Hand a finished loop over."""

    job_id: int
    loop: RenderedLoop


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """Say why a job, or with ``job_id`` None the loading of the model, came to nothing.

    ``fatal`` means the process cannot go on: a new one is needed.
    """

    job_id: int | None
    code: str
    text: str
    fatal: bool = False


ToWorker = RenderJob | None
"""What goes to the worker: a job, or None for "end now"."""

FromWorker = Ready | RenderProgress | RenderDone | RenderFailed
"""What comes from the worker."""


def _tree(kind: type[RiffError]) -> Iterator[type[RiffError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def error_from_code(code: str, text: str) -> RiffError:
    """Return the error that carries ``code``, so that a failure in the worker keeps its class in the daemon.

    >>> type(error_from_code("checkpoint", "no weights")).__name__
    'CheckpointError'
    >>> error_from_code("brand-new", "text").code
    'brand-new'
    """
    for kind in _tree(RiffError):
        if kind.code == code:
            return kind(text)
    error = RenderError(text)
    error.code = code
    return error
