"""Keep loaded models at hand: the embedded one always, and of the installed ones the one used last."""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.utils.hooks import RemovableHandle

from riffsidecar.diffusion.checkpoints import EMBEDDED, load_pipeline
from riffsidecar.diffusion.lora import attach, read_adapters
from riffsidecar.diffusion.memory import MemoryLadder
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.placement import Placement, choose_placement
from riffsidecar.diffusion.spectrogram_image import SpectrogramImageKind
from riffsidecar.errors import CheckpointError, ModelError
from riffsidecar.models import ModelStore
from riffsidecar.session.engines import LoraUse, parse_lora

__all__ = ["DRAFT_LORA", "PREVIEW_DECODER", "ModelShelf", "Shelved"]

logger = logging.getLogger(__name__)

DRAFT_LORA = "lcm-lora"
"""Where this LoRA is installed, drafts of models that know no tempo take four steps."""

PREVIEW_DECODER = "taesd"
"""Where this decoder is installed, drafts of such models are decoded by it."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """Hold a model as a request wants it.

    Attributes:
        digest: of its files and those of its LoRAs.
        steps: of denoising, for the quality that was asked for.
        guidance: what takes the place of the asked guidance; None leaves it.
        ladder: what helps when memory runs out; None for a model that is small.
    """

    pipeline: LoopPipeline
    digest: str
    steps: int
    guidance: float | None = None
    ladder: MemoryLadder | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Return what of the model decides the samples, beside its files."""
        net = self.pipeline.denoiser
        return {
            "checkpoint": self.digest[:16],
            "dtype": str(net.dtype).removeprefix("torch."),
            "device": str(net.device),
        }


@dataclass(slots=True)
class _Other:
    """An installed model that is loaded, and what is switched on in it."""

    name: str
    digest: str
    pipeline: LoopPipeline
    ladder: MemoryLadder
    worn: tuple[str, ...] = ()
    worn_digest: str = ""
    handles: list[RemovableHandle] = field(default_factory=list)


class ModelShelf:
    """Load models by their names as they are asked for.

    Args:
        default: the model called `EMBEDDED`, which stays.
        digest: of its files.
        store: where the others lie.
        placement: where the others compute; None for where they are quickest.
    """

    def __init__(
        self,
        default: LoopPipeline,
        digest: str,
        store: ModelStore | None = None,
        placement: Placement | None = None,
    ) -> None:
        self._default = default
        self._digest = digest
        self._store = ModelStore() if store is None else store
        self._placement = placement
        self._other: _Other | None = None

    @property
    def digest(self) -> str:
        """Return a digest of all that could make a loop: it changes when a model is installed or removed."""
        installed = sorted(f"{manifest.name}:{manifest.digest}" for manifest in self._store)
        if not installed:
            return self._digest
        return hashlib.sha256("\n".join([self._digest, *installed]).encode()).hexdigest()

    def take(
        self,
        model: str = EMBEDDED,
        *,
        lora: str = "",
        seam: str = "circular",
        quality: str = "normal",
        leaps: bool = True,
    ) -> Shelved:
        """Return a model with its LoRAs on, ready to render.

        A model with a flow map makes drafts and usual loops by it, where ``leaps`` allows it.

        Raises:
            ModelError: it is not installed, or not what was installed.
            CheckpointError: it cannot be loaded, or a LoRA does not fit it.
        """
        if model == EMBEDDED:
            if lora:
                raise CheckpointError(
                    f"the embedded model takes no LoRA, but {lora!r} was asked for: leave it out"
                )
            return _shelved(self._default, self._digest, quality, leaps)
        other = self._loaded(model)
        kind = other.pipeline.kind
        other.pipeline.set_seam(seam)
        if not isinstance(kind, SpectrogramImageKind):
            if lora:
                raise CheckpointError(
                    f"model {model} takes no LoRA, but {lora!r} was asked for: leave it out"
                )
            return _shelved(other.pipeline, other.digest, quality, leaps)
        uses = parse_lora(lora)
        draft = quality == "draft" and self._store.has(DRAFT_LORA)
        if draft and DRAFT_LORA not in {use.name for use in uses}:
            uses = (*uses, LoraUse(DRAFT_LORA))
        self._wear(other, uses)
        consistent = any(use.name == DRAFT_LORA for use in uses)
        kind.set_distilled(consistent)
        self._choose_decoder(kind, quality, seam)
        digest = hashlib.sha256(f"{other.digest}{other.worn_digest}".encode()).hexdigest()
        if consistent:
            steps = kind.distilled_steps["draft"]
            return Shelved(other.pipeline, digest, steps, 1.0, other.ladder)
        return Shelved(other.pipeline, digest, kind.quality_steps[quality], None, other.ladder)

    def _loaded(self, name: str) -> _Other:
        """Return an installed model; the one that was loaded before goes first, for two do not fit."""
        if self._other is not None and self._other.name == name:
            return self._other
        self._store.find_maker(name)
        folder, manifest = self._store.checked(name)
        self._other = None
        gc.collect()
        logger.info("loading the model %s", name)
        pipeline = load_pipeline(folder)
        ladder = MemoryLadder(pipeline)
        if isinstance(pipeline.kind, SpectrogramImageKind):
            placement = choose_placement() if self._placement is None else self._placement
            ladder.run(lambda: placement.put(pipeline))
            ladder.run(lambda: placement.warm_up(pipeline))
        self._other = _Other(name, manifest.digest, pipeline, ladder)
        return self._other

    def _wear(self, other: _Other, uses: tuple[LoraUse, ...]) -> None:
        """Switch these LoRAs on, and all others off."""
        wanted = tuple(str(use) for use in uses)
        if wanted == other.worn:
            return
        for handle in other.handles:
            handle.remove()
        other.handles, other.worn, other.worn_digest = [], (), ""
        nets: Mapping[str, torch.nn.Module] = {
            "unet": other.pipeline.denoiser,
            "text_encoder": other.pipeline.text_encoder,
        }
        digests = []
        for use in uses:
            folder, manifest = self._store.checked(use.name)
            if manifest.kind != "lora":
                raise ModelError(f"{use.name} is a {manifest.kind} and no LoRA: name a LoRA")
            other.handles += attach(nets, read_adapters(_weights(folder)), use.scale)
            digests.append(f"{manifest.digest}:{use.scale:g}")
        other.worn, other.worn_digest = wanted, ",".join(digests)

    def _choose_decoder(self, kind: SpectrogramImageKind, quality: str, seam: str) -> None:
        if quality != "draft" or not self._store.has(PREVIEW_DECODER):
            kind.preview_vae = None
        elif kind.preview_vae is None:
            from diffusers import AutoencoderTiny

            folder, _ = self._store.checked(PREVIEW_DECODER)
            try:
                net = AutoencoderTiny.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
                )
            except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
                raise CheckpointError(f"the decoder {PREVIEW_DECODER} cannot be loaded: {error}") from error
            kind.preview_vae = net.requires_grad_(False).eval()
        kind.set_seam(seam)


def _shelved(pipeline: LoopPipeline, digest: str, quality: str, leaps: bool) -> Shelved:
    """Return a model that knows the tempo; it leaps to this quality where it has a flow map and may."""
    kind = pipeline.kind
    steps = kind.distilled_steps.get(quality) if leaps and pipeline.flow_map is not None else None
    kind.set_distilled(steps is not None)
    return Shelved(pipeline, digest, steps or kind.quality_steps[quality])


def _weights(folder: Path) -> Path:
    return sorted(folder.glob("*.safetensors"))[0]
