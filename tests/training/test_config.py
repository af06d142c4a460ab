from __future__ import annotations

from pathlib import Path

import pytest

from riffsidecar.errors import TrainingError
from riffsidecar.training.config import AutoencoderConfig, load_config


@pytest.mark.parametrize("name", ["base", "tiny"])
def test_the_packaged_configurations_load(name: str) -> None:
    assert load_config(name).data.loops > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data = 3", "'data' is 3, a table"),
        ("seed = {}", "'seed' is a value, not a table"),
        ("held_out = 1.5", "'held_out' is 1.5, but must be from 0 to 1"),
        ("held_out = nan", "'held_out' is nan"),
        ("threads = -1", "'threads' is -1, but must be 0 or more"),
        ("[data]\nloops_per_shard = 0", r"\[data\]: 'loops_per_shard' is 0, but must be above 0"),
        ("[data]\nsoundfont = 1", "'soundfont' is 1, a bool"),
        ("[denoiser]\nlearning_rate = inf", "'learning_rate' is inf"),
        ("[autoencoder]\nwidths = [8, 8]", "three whole numbers"),
        ("[autoencoder]\nwidths = [8, 8, 'x']", "three whole numbers"),
        ("[autoencoder]\ncrop_columns = 2", "must be 3 or more"),
        ("[data", "not TOML"),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(TrainingError, match=message):
        load_config(str(path))


def test_settings_cannot_be_made_wrong_in_code_either() -> None:
    with pytest.raises(TrainingError, match="'batch' is 0"):
        AutoencoderConfig(batch=0)
    assert AutoencoderConfig(encoder_blocks=(0, 0, 0), kl_weight=0.0).batch > 0
