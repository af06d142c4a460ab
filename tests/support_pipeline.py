"""Stand in for the model in tests of what surrounds it: quick, obedient, and able to fail on demand.

The words of the prompt choose what happens: ``slow`` takes 200 steps of 10 ms, ``die`` ends the process,
``broken`` raises what nothing of ours raises, ``hang`` says nothing for ever, ``poisoned`` fails as a lost
GPU does.
"""

from __future__ import annotations

import io
import os
import time
import wave
from collections.abc import Mapping, Sequence

from riffsidecar.errors import AudioError, CheckpointError
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker_main import Progress
from riffsidecar.session.requests import LoopRequest

__all__ = [
    "DIGEST",
    "DoubleRenderer",
    "SoundingRenderer",
    "broken_factory",
    "load_double",
    "load_sounding",
    "no_checkpoint",
    "wav_bytes",
]

DIGEST = "d" * 64
STEP_S = 0.01


def wav_bytes(request: LoopRequest) -> bytes:
    """Return a WAV of silence as long as ``request`` asks for."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(request.sample_rate)
        out.writeframes(bytes(2 * request.num_samples))
    return buffer.getvalue()


class DoubleRenderer:
    """Render silence."""

    checkpoint = DIGEST
    devices = ("CPU, used",)

    def __init__(self, settings: WorkerSettings) -> None:
        """Note what the environment held when the model would have been loaded."""
        self.environment: Mapping[str, str] = {
            "threads": os.environ["OMP_NUM_THREADS"],
            "wait": os.environ["OMP_WAIT_POLICY"],
            "nice": str(os.nice(0)),
        }

    def render(
        self,
        request: LoopRequest,
        progress: Progress,
        again: Again | None = None,
        beside: Sequence[LoopRequest] = (),
    ) -> RenderedLoop:
        """Do what the words of the prompt say."""
        words = request.prompt.split()
        progress("text", 0.01)
        if "die" in words:
            os._exit(9)
        if "broken" in words:
            raise ZeroDivisionError("a defect")
        if "poisoned" in words:
            raise RuntimeError("CUDA error: device-side assert triggered")
        if "refused" in words:
            raise AudioError("refused on purpose")
        while "hang" in words:
            time.sleep(0.05)
        steps = 200 if "slow" in words else 4
        for step in range(steps):
            progress("denoise", 0.05 + 0.9 * step / steps)
            time.sleep(STEP_S if "slow" in words else 0)
        progress("finish", 1.0)
        return RenderedLoop(
            wav=self.wav(request),
            stem="riff_test",
            num_samples=request.num_samples,
            sample_rate=request.sample_rate,
            lufs=-14.0,
            seam={"jump": 0.0},
            timings={"denoise": 0.0},
            environment=dict(self.environment),
        )

    def wav(self, request: LoopRequest) -> bytes:
        """Return the file of the loop."""
        return wav_bytes(request)


class SoundingRenderer(DoubleRenderer):
    """Render seeded noise with its recipe and latents; ``shaky`` and ``other`` make it differ each time."""

    def wav(self, request: LoopRequest) -> bytes:
        """Return a file as the real renderer writes it."""
        import numpy as np

        from riffsidecar.audio import LoopTags, Waveform, encode_wav
        from riffsidecar.render.recipe import pack_recipe

        size = (2, request.num_samples)
        samples = np.random.default_rng(request.seed).uniform(-0.5, 0.5, size).astype(np.float32)
        shake = {"shaky": 1e-4, "other": 0.3}.get(request.prompt.split()[0], 0.0)
        samples += shake * np.random.default_rng().uniform(-1, 1, size).astype(np.float32)
        tags = LoopTags(
            title="double",
            bpm=request.tempo.bpm,
            beats=request.bars * request.meter.numerator,
            meter=request.meter,
            recipe=pack_recipe(request, self.environment),
            latents=np.zeros((8, 32, request.length.columns), np.float16),
        )
        return encode_wav(Waveform(samples, request.sample_rate), request.bit_depth, tags)


def load_sounding(settings: WorkerSettings) -> SoundingRenderer:
    """Return the double that makes sound."""
    return SoundingRenderer(settings)


def load_double(settings: WorkerSettings) -> DoubleRenderer:
    """Return the double at once."""
    return DoubleRenderer(settings)


def no_checkpoint(settings: WorkerSettings) -> DoubleRenderer:
    """Fail as a missing checkpoint does."""
    raise CheckpointError("there is no checkpoint; reinstall riffsidecar")


def broken_factory(settings: WorkerSettings) -> DoubleRenderer:
    """Fail as a missing library does."""
    raise ImportError("no torch")
