"""Training configuration: one TOML file, every key with a default, unknown keys refused."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from riffsidecar.errors import TrainingError, nearest

__all__ = [
    "HELD_OUT_BATCHES",
    "AutoencoderConfig",
    "DataConfig",
    "DenoiserConfig",
    "DistillConfig",
    "EvaluationConfig",
    "TrainingConfig",
    "load_config",
]

HELD_OUT_BATCHES = 4
"""Batches of trajectories that no flow map is trained on."""

_SHARES = frozenset(
    (
        "held_out",
        "decay_share",
        "ema",
        "caption_dropout",
        "harmony_dropout",
        "control_dropout",
        "roll_share",
        "free_share",
    )
)
_LEAST = {
    # The first and the last column of a crop are not looked at.
    "crop_columns": 3,
    **dict.fromkeys(("seed", "judge_seed", "threads", "checkpoint_minutes", "warmup_steps"), 0),
    **dict.fromkeys(("encoder_blocks", "decoder_blocks", "kl_weight", "gradient_weight"), 0),
    **dict.fromkeys(("peak_weight", "anchor_weight", "caption_weight", "guidance"), 0),
}
"""The least value of a setting; others are above 0."""


def _check(settings: Any) -> None:
    """Refuse numbers that no training can be done with."""
    for setting in dataclasses.fields(settings):
        name, value = setting.name, getattr(settings, setting.name)
        numbers = value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and (len(value) != 3 or any(type(number) is not int for number in value)):
            raise TrainingError(f"'{name}' is {value!r}, three whole numbers are needed")
        for number in numbers:
            if isinstance(number, bool) or not isinstance(number, int | float):
                continue
            least = _LEAST.get(name)
            if name in _SHARES:
                fits, allowed = 0 <= number <= 1, "from 0 to 1"
            elif least is None:
                fits, allowed = 0 < number, "above 0"
            else:
                fits, allowed = least <= number, f"{least} or more"
            if not (fits and math.isfinite(number)):
                raise TrainingError(f"'{name}' is {value!r}, but must be {allowed}")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which loops are composed and rendered."""

    seed: int = 1
    loops: int = 4000
    loops_per_shard: int = 64
    captions_per_loop: int = 8
    soundfont: bool = True
    max_columns: int = 160

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        _check(self)


@dataclass(frozen=True, slots=True)
class AutoencoderConfig:
    """The autoencoder and its training."""

    widths: tuple[int, int, int] = (64, 128, 224)
    encoder_blocks: tuple[int, int, int] = (0, 1, 2)
    decoder_blocks: tuple[int, int, int] = (0, 2, 3)
    latent_channels: int = 8
    steps: int = 6000
    batch: int = 8
    crop_columns: int = 32
    learning_rate: float = 6e-4
    warmup_steps: int = 100
    decay_share: float = 0.35
    kl_weight: float = 1e-3
    gradient_weight: float = 0.5
    peak_weight: float = 0.0
    anchor_weight: float = 0.0
    ema: float = 0.998

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        _check(self)


@dataclass(frozen=True, slots=True)
class DenoiserConfig:
    """The denoiser with its text encoder, and their training."""

    width: int = 384
    depth: int = 7
    heads: int = 6
    text_layers: int = 2
    steps: int = 20_000
    batch_columns: int = 2048
    learning_rate: float = 5e-4
    warmup_steps: int = 200
    decay_share: float = 0.3
    ema: float = 0.9985
    caption_dropout: float = 0.12
    harmony_dropout: float = 0.5
    control_dropout: float = 0.4
    roll_share: float = 0.25
    caption_weight: float = 0.0

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        _check(self)


@dataclass(frozen=True, slots=True)
class DistillConfig:
    """The flow map, and the trajectories that it is taught with.

    The solver takes ``num_inference_steps``, a multiple of four, under ``guidance_scale``; ``free_share`` of
    the loops are told nothing. The last `HELD_OUT_BATCHES` are not trained on.
    """

    trajectory_batches: int = 400
    batch_columns: int = 1024
    num_inference_steps: int = 16
    guidance_scale: float = 4.0
    free_share: float = 0.1
    rank: int = 20
    steps: int = 3000
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    decay_share: float = 0.6
    ema: float = 0.995

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        _check(self)
        if self.trajectory_batches <= HELD_OUT_BATCHES:
            raise TrainingError(
                f"'trajectory_batches' is {self.trajectory_batches}, but must be above {HELD_OUT_BATCHES}"
            )
        if self.num_inference_steps % 4:
            raise TrainingError(
                f"'num_inference_steps' is {self.num_inference_steps}, but must be a multiple of 4"
            )


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """How much is evaluated.

    ``adherence_loops`` composed loops are what adherence, pitch, sound and distances are measured beside;
    the other sizes are of the part that they name. Loops are made in ``quality``, under ``guidance``.
    """

    judge_seed: int = 900_001
    judge_loops: int = 1850
    judge_steps: int = 1000
    tagger_seed: int = 900_002
    tagger_loops: int = 450
    tagger_steps: int = 1500
    seeds_per_family: int = 20
    adherence_loops: int = 64
    knob_pairs: int = 16
    morph_pairs: int = 4
    pad_pairs: int = 6
    diversity_prompts: int = 8
    diversity_seeds: int = 4
    neighbour_loops: int = 1500
    quality: str = "normal"
    guidance: float = 4.0

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        _check(self)


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The whole chain.

    ``held_out`` is the share of loops, by seed, that no net is trained on.
    """

    seed: int = 7
    held_out: float = 0.03
    checkpoint_minutes: float = 4.0
    threads: int = 0
    data: DataConfig = field(default_factory=DataConfig)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        _check(self)


def _build(cls: type, table: dict[str, Any], where: str) -> Any:
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in fields:
            raise TrainingError(
                f"{where}: no setting '{name}'{nearest(name, fields)}; known: {', '.join(fields)}"
            )
        default = fields[name].default
        if isinstance(value, dict):
            nested = fields[name].default_factory
            if nested is dataclasses.MISSING:
                raise TrainingError(f"{where}: '{name}' is a value, not a table")
            values[name] = _build(type(nested()), value, f"{where} [{name}]")
            continue
        if default is dataclasses.MISSING:
            raise TrainingError(f"{where}: '{name}' is {value!r}, a table [{name}] is needed")
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        elif isinstance(default, float) and type(value) is int:
            value = float(value)
        if type(value) is not type(default):
            raise TrainingError(f"{where}: '{name}' is {value!r}, a {type(default).__name__} is needed")
        values[name] = value
    try:
        return cls(**values)
    except TrainingError as error:
        raise TrainingError(f"{where}: {error}") from error


def load_config(name: str) -> TrainingConfig:
    """Read a configuration: the name of a packaged one (``base``, ``tiny``) or the path of a TOML file.

    Raises:
        TrainingError: the file is missing, is no TOML or holds an unknown or ill-typed setting.
    """
    packaged = resources.files("riffsidecar.training") / "configs" / f"{name}.toml"
    try:
        text = packaged.read_text("utf-8") if packaged.is_file() else Path(name).read_text("utf-8")
    except OSError as error:
        raise TrainingError(
            f"no training configuration {name!r}: give base, tiny or the path of a TOML file"
        ) from error
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{name}: not TOML: {error}") from error
    config = _build(TrainingConfig, table, name)
    if not isinstance(config, TrainingConfig):
        raise TrainingError(f"{name}: not a training configuration")
    return config
