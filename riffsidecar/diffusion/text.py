"""Turn prompts into hidden states: wordpieces, a frozen static table, a small trained transformer.

The table holds one vector per wordpiece, distilled once from a sentence encoder (see
`riffsidecar.training.text_table`) and stored as int8 rows with one scale each, so that meaning which was
never trained on ("fiddle" beside "violin") costs four megabytes and a lookup. What is learned together with
the denoiser is a linear map and a pre-norm transformer over the at most `MAX_TOKENS` tokens of a prompt.

A token's weight counts like repetitions of that token: it adds log(weight) to the attention scores of every
query that looks at it, so weight 2 is what two copies would give and weight 0 is absence, and it scales the
token's vector.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from riffsidecar.diffusion.prompts import parse_prompt
from riffsidecar.errors import CheckpointError, DiffusionError

__all__ = [
    "MAX_TOKENS",
    "TABLE_FILE",
    "TextEncoder",
    "attention_bias",
    "load_tokenizer",
    "tokenize",
]

MAX_TOKENS = 64
TABLE_FILE = "table.safetensors"

_SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerFast:
    """Load the WordPiece tokenizer whose ``tokenizer.json`` lies in ``folder``.

    Raises:
        CheckpointError: The file is missing or is no tokenizer.
    """
    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(f"no tokenizer at {path}: expected a tokenizer.json, reinstall riffsidecar")
    try:
        return PreTrainedTokenizerFast(
            tokenizer_file=str(path),
            model_max_length=MAX_TOKENS,
            clean_up_tokenization_spaces=False,
            **_SPECIAL_TOKENS,
        )
    except Exception as error:  # the Rust tokenizer raises bare Exception
        raise CheckpointError(f"{path} is not a tokenizer ({error}): reinstall riffsidecar") from error


def tokenize(tokenizer: PreTrainedTokenizerFast, prompts: list[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Split weighted prompts into wordpieces, padded to the longest of them.

    The markup of `riffsidecar.diffusion.prompts` is taken off first; a wordpiece weighs what its first
    character weighs. An empty prompt is [CLS][SEP], which is the unconditional prompt the model was trained
    with. Prompts over `MAX_TOKENS` wordpieces keep their beginning.

    Args:
        tokenizer: The checkpoint's tokenizer.
        prompts: At least one prompt.

    Returns:
        ``input_ids`` int64, ``attention_mask`` bool and ``token_weights`` float32, each (batch, num_tokens).
    """
    if not prompts:
        raise DiffusionError("no prompt to tokenize: give at least one string, which may be empty")
    head, tail = tokenizer.cls_token_id, tokenizer.sep_token_id
    rows: list[tuple[list[int], list[float]]] = []
    for prompt in prompts:
        parts = parse_prompt(prompt)
        encoded = tokenizer(
            "".join(part.text for part in parts), add_special_tokens=False, return_offsets_mapping=True
        )
        by_character = [part.weight for part in parts for _ in part.text]
        ids = list(encoded["input_ids"])[: MAX_TOKENS - 2]
        weights = [by_character[start] for start, _ in encoded["offset_mapping"]][: MAX_TOKENS - 2]
        rows.append(([head, *ids, tail], [1.0, *weights, 1.0]))
    longest = max(len(ids) for ids, _ in rows)
    input_ids = torch.full((len(rows), longest), tokenizer.pad_token_id, dtype=torch.int64)
    attention_mask = torch.zeros((len(rows), longest), dtype=torch.bool)
    token_weights = torch.ones((len(rows), longest), dtype=torch.float32)
    for row, (ids, weights) in enumerate(rows):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        attention_mask[row, : len(ids)] = True
        token_weights[row, : len(ids)] = torch.tensor(weights)
    return input_ids, attention_mask, token_weights


def attention_bias(attention_mask: Tensor, token_weights: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Return what to add to attention scores: log(weight) for tokens, a large negative number for padding.

    Args:
        attention_mask: (batch, num_tokens), true or nonzero where there is a token.
        token_weights: (batch, num_tokens) not below 0, or None for all ones.
        dtype: Of the result.

    Returns:
        (batch, 1, 1, num_tokens), ready for `scaled_dot_product_attention`. Finite everywhere, because -inf
        turns into NaN in a row where nothing is left to attend to.
    """
    weights = attention_mask.to(torch.float32)
    if token_weights is not None:
        weights = weights * token_weights.to(torch.float32)
    return weights.clamp_min(1e-12).log().to(dtype)[:, None, None, :]


class _Block(nn.Module):
    """One pre-norm transformer block over tokens."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        batch, tokens, width = hidden.shape
        heads = self.qkv(self.norm1(hidden)).view(batch, tokens, 3, self.num_heads, width // self.num_heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        hidden = hidden + self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        changed: Tensor = hidden + self.contract(functional.gelu(self.expand(self.norm2(hidden))))
        return changed


class TextEncoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Map wordpieces to hidden states through a frozen int8 table and a two-layer transformer.

    Args:
        vocab_size: Rows of the table; the tokenizer's ids index it.
        table_width: Columns of the table.
        width: Of the hidden states.
        num_layers: Transformer blocks.
        num_heads: Attention heads; divides ``width``.
        max_tokens: Longest prompt, [CLS] and [SEP] included.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        vocab_size: int,
        table_width: int = 256,
        width: int = 256,
        num_layers: int = 2,
        num_heads: int = 4,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        super().__init__()
        if width % num_heads:
            raise DiffusionError(f"text encoder: width {width} is not a multiple of num_heads {num_heads}")
        self.register_buffer("table", torch.zeros((vocab_size, table_width), dtype=torch.int8))
        self.register_buffer("table_scale", torch.ones(vocab_size))
        self.project = nn.Linear(table_width, width)
        self.positions = nn.Embedding(max_tokens, width)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.blocks = nn.ModuleList(_Block(width, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)

    @classmethod
    def from_table(cls, folder: str | Path, **config: int) -> TextEncoder:
        """Build an untrained encoder around the distilled table in ``folder`` (`TABLE_FILE`).

        Raises:
            CheckpointError: The table is missing or unreadable.
        """
        path = Path(folder) / TABLE_FILE
        try:
            tensors = load_file(path)
            table, scale = tensors["table"], tensors["scale"]
        except (OSError, SafetensorError, KeyError) as error:
            raise CheckpointError(f"no token table at {path} ({error}): make one with text_table") from error
        encoder: TextEncoder = cls(vocab_size=table.shape[0], table_width=table.shape[1], **config)
        encoder.table.copy_(table)
        encoder.table_scale.copy_(scale)
        return encoder

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_weights: Tensor | None = None
    ) -> Tensor:
        """Return hidden states (batch, num_tokens, width); padding is zero and never looked at.

        Args:
            input_ids: (batch, num_tokens) int64.
            attention_mask: (batch, num_tokens), true where there is a token.
            token_weights: (batch, num_tokens) not below 0; None weighs every token 1.

        Raises:
            DiffusionError: More tokens than ``max_tokens``.
        """
        tokens = input_ids.shape[1]
        if tokens > self.config.max_tokens:
            raise DiffusionError(f"{tokens} tokens: the text encoder takes at most {self.config.max_tokens}")
        dtype = self.project.weight.dtype
        vectors = self.table[input_ids].to(dtype) * self.table_scale[input_ids, None].to(dtype)
        if token_weights is not None:
            vectors = vectors * token_weights[..., None].to(dtype)
        hidden = self.project(vectors) + self.positions.weight[:tokens]
        bias = attention_bias(attention_mask, token_weights, dtype)
        for block in self.blocks:
            hidden = block(hidden, bias)
        seen: Tensor = self.norm(hidden) * attention_mask[..., None].to(dtype)
        return seen
