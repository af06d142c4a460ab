from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support_diffusion import TEXT_FOLDER

from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.text import MAX_TOKENS, TextEncoder, load_tokenizer, tokenize
from riffsidecar.errors import CheckpointError, DiffusionError


def _hidden(pipeline: LoopPipeline, *prompts: str) -> torch.Tensor:
    with torch.inference_mode():
        return pipeline.text_encoder(*tokenize(pipeline.tokenizer, list(prompts)))


def test_an_empty_prompt_is_two_special_tokens(pipeline: LoopPipeline) -> None:
    ids, mask, weights = tokenize(pipeline.tokenizer, ["", "   "])
    expected = [pipeline.tokenizer.cls_token_id, pipeline.tokenizer.sep_token_id]
    assert ids.tolist() == [expected, expected]
    assert mask.all()
    assert (weights == 1.0).all()


def test_music_words_are_whole_tokens(pipeline: LoopPipeline) -> None:
    words = "marimba dubstep reverb snare sitar kalimba arpeggio 808 hihat lofi".split()
    assert pipeline.tokenizer.tokenize(" ".join(words)) == words


def test_every_ascii_word_can_be_spelled(pipeline: LoopPipeline) -> None:
    ids, _, _ = tokenize(pipeline.tokenizer, ["qzxvk wqpj9x! ~#$%&*+<=>?@^_`{|} é ñ"])
    assert pipeline.tokenizer.unk_token_id not in ids.tolist()[0]


def test_weights_follow_the_words_they_were_put_on(pipeline: LoopPipeline) -> None:
    ids, _, weights = tokenize(pipeline.tokenizer, ["warm (marimba:1.5) and [snare]"])
    tokens = pipeline.tokenizer.convert_ids_to_tokens(ids[0].tolist())
    by_token = dict(zip(tokens, weights[0].tolist(), strict=True))
    assert by_token == pytest.approx(
        {"[CLS]": 1.0, "warm": 1.0, "marimba": 1.5, "and": 1.0, "snare": 1 / 1.1, "[SEP]": 1.0}
    )


def test_a_long_prompt_keeps_its_beginning(pipeline: LoopPipeline) -> None:
    ids, mask, _ = tokenize(pipeline.tokenizer, ["snare " * 500, "kick"])
    assert ids.shape == (2, MAX_TOKENS)
    assert ids[0, -1] == pipeline.tokenizer.sep_token_id
    assert mask.sum(1).tolist() == [MAX_TOKENS, 3]
    assert _hidden(pipeline, "snare " * 500).isfinite().all()


def test_padding_changes_nothing(pipeline: LoopPipeline) -> None:
    alone = _hidden(pipeline, "warm bass")
    beside = _hidden(pipeline, "warm bass", "a much longer prompt about strings and a piano")
    torch.testing.assert_close(beside[:1, : alone.shape[1]], alone, atol=1e-5, rtol=1e-5)
    assert (beside[0, alone.shape[1] :] == 0.0).all()


def test_weight_one_is_no_weight_and_any_other_is_heard(pipeline: LoopPipeline) -> None:
    plain = _hidden(pipeline, "warm bass")
    torch.testing.assert_close(_hidden(pipeline, "(warm:1.0) bass"), plain)
    small = (_hidden(pipeline, "(warm:1.1) bass") - plain).norm()
    large = (_hidden(pipeline, "(warm:1.6) bass") - plain).norm()
    assert 0.0 < small < large


def test_a_word_of_weight_zero_is_not_looked_at(pipeline: LoopPipeline) -> None:
    with_snare = _hidden(pipeline, "warm bass (snare:0)")[:, :3]
    with_choir = _hidden(pipeline, "warm bass (choir:0)")[:, :3]
    torch.testing.assert_close(with_snare, with_choir, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(_hidden(pipeline, "warm bass snare")[:, :3], with_snare, atol=1e-3)


def test_a_weight_of_two_counts_like_a_second_copy_in_attention() -> None:
    from riffsidecar.diffusion.text import attention_bias

    scores = torch.tensor([[0.3, -0.2, 0.7]])
    bias = attention_bias(torch.ones(1, 3), torch.tensor([[1.0, 2.0, 1.0]]), torch.float32)[:, 0, 0]
    weighted = (scores + bias).softmax(-1)
    doubled = torch.tensor([[0.3, -0.2, -0.2, 0.7]]).softmax(-1)
    torch.testing.assert_close(weighted[0, 1], doubled[0, 1] + doubled[0, 2])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_it_works_in_every_dtype_and_the_table_stays_int8(dtype: torch.dtype) -> None:
    encoder = TextEncoder.from_table(TEXT_FOLDER, num_layers=1).to(dtype)
    hidden = encoder(*tokenize(load_tokenizer(TEXT_FOLDER), ["warm bass"]))
    assert hidden.dtype == dtype
    assert hidden.isfinite().all()
    assert encoder.table.dtype == torch.int8


def test_it_trains_under_autocast_and_the_table_does_not() -> None:
    encoder = TextEncoder.from_table(TEXT_FOLDER, num_layers=1)
    with torch.autocast("cpu", torch.bfloat16):
        loss = encoder(*tokenize(load_tokenizer(TEXT_FOLDER), ["warm bass", ""])).float().square().sum()
    loss.backward()
    assert all(p.grad is not None for p in encoder.parameters())
    assert not any(p.shape == encoder.table.shape for p in encoder.parameters())


def test_related_words_are_near_in_the_table(pipeline: LoopPipeline) -> None:
    encoder = pipeline.text_encoder

    def vector(text: str) -> torch.Tensor:
        ids = tokenize(pipeline.tokenizer, [text])[0][0, 1:-1]
        mean = (encoder.table[ids].float() * encoder.table_scale[ids, None]).mean(0)
        return mean / mean.norm()

    captions = ["drum loop", "bass line", "string orchestra", "acoustic guitar"]
    table = torch.stack([vector(caption) for caption in captions])
    pairs = {"snare and cymbals": 0, "sub bass growl": 1, "violins and cellos": 2, "ukulele picking": 3}
    assert {query: int((table @ vector(query)).argmax()) for query in pairs} == pairs


def test_more_tokens_than_positions_are_refused(pipeline: LoopPipeline) -> None:
    ids = torch.zeros((1, MAX_TOKENS + 1), dtype=torch.int64)
    with pytest.raises(DiffusionError, match="at most 64"):
        pipeline.text_encoder(ids, torch.ones_like(ids))
    with pytest.raises(DiffusionError, match="at least one"):
        tokenize(pipeline.tokenizer, [])


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no tokenizer at"):
        load_tokenizer(tmp_path)
    with pytest.raises(CheckpointError, match="no token table at"):
        TextEncoder.from_table(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="not a tokenizer"):
        load_tokenizer(tmp_path)
    (tmp_path / "table.safetensors").write_bytes(b"short")
    with pytest.raises(CheckpointError, match="no token table at"):
        TextEncoder.from_table(tmp_path)
