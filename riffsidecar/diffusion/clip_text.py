"""Encode weighted prompts of any length with CLIP, as Stable Diffusion's front ends do.

A prompt is cut into chunks of 75 tokens, each is put between CLIP's own marks and encoded by itself, and the
hidden states stand one after the other ("long prompt weighting"). A weight multiplies the hidden state of its
token; the whole is then scaled so that its mean stays what it was. All prompts of a run are padded to the
same number of chunks: they share a batch, and two of them can be blended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from riffsidecar.diffusion.prompts import parse_prompt
from riffsidecar.errors import DiffusionError

__all__ = ["MAX_CHUNKS", "TokenChunks", "chunked_tokens", "encode_prompts"]

MAX_CHUNKS = 8
"""What is beyond 600 tokens is not heard; a prompt of 1,000 characters never comes there."""


@dataclass(frozen=True, slots=True)
class TokenChunks:
    """Hold the tokens of a prompt without CLIP's marks, and the weight of each."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse tokens without weights.

        Raises:
            DiffusionError: as many of the one as of the other are needed.
        """
        if len(self.ids) != len(self.weights):
            raise DiffusionError(f"{len(self.ids)} tokens have {len(self.weights)} weights: give one each")

    def count(self, size: int) -> int:
        """Return how many chunks of ``size`` tokens the prompt takes: at least 1, at most `MAX_CHUNKS`."""
        return min(max(1, -(-len(self.ids) // size)), MAX_CHUNKS)

    def rows(self, chunks: int, size: int, begin: int, end: int, pad: int) -> tuple[Tensor, Tensor]:
        """Return ids int64 and weights float32, each (chunks, size + 2), between CLIP's marks and padded."""
        ids = torch.full((chunks, size + 2), pad, dtype=torch.int64)
        weights = torch.ones((chunks, size + 2), dtype=torch.float32)
        ids[:, 0] = begin
        for chunk in range(chunks):
            part = self.ids[chunk * size : (chunk + 1) * size]
            ids[chunk, 1 : 1 + len(part)] = torch.tensor(part, dtype=torch.int64)
            ids[chunk, 1 + len(part)] = end
            weights[chunk, 1 : 1 + len(part)] = torch.tensor(self.weights[chunk * size :][: len(part)])
        return ids, weights


def chunked_tokens(tokenizer: Any, prompt: str) -> TokenChunks:
    """Split a weighted prompt into tokens; each part of equal weight is tokenised by itself."""
    ids: list[int] = []
    weights: list[float] = []
    for part in parse_prompt(prompt):
        found = tokenizer(part.text, add_special_tokens=False, truncation=False, verbose=False).input_ids
        ids += found
        weights += [part.weight] * len(found)
    return TokenChunks(tuple(ids), tuple(weights))


def encode_prompts(text_encoder: Any, tokenizer: Any, prompts: list[str]) -> Tensor:
    """Return hidden states (prompts, tokens, width); tokens is 77 times the chunks of the longest prompt.

    Args:
        text_encoder: a ``CLIPTextModel``.
        tokenizer: a ``CLIPTokenizer``.
        prompts: at least one, in the notation of `riffsidecar.diffusion.prompts`.
    """
    size = int(text_encoder.config.max_position_embeddings) - 2
    found = [chunked_tokens(tokenizer, prompt) for prompt in prompts]
    chunks = max(each.count(size) for each in found)
    begin, end, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    states = []
    for each in found:
        ids, weights = each.rows(chunks, size, begin, end, end if pad is None else pad)
        hidden = text_encoder(ids.to(text_encoder.device)).last_hidden_state
        states.append(_weighted(hidden.reshape(1, -1, hidden.shape[-1]), weights.reshape(1, -1)))
    return torch.cat(states)


def _weighted(hidden: Tensor, weights: Tensor) -> Tensor:
    """Return (1, tokens, width) times (1, tokens), with its mean as before."""
    if bool((weights == 1.0).all()):
        return hidden
    weighted = hidden * weights[..., None].to(hidden.device, hidden.dtype)
    before, after = hidden.float().mean(), weighted.float().mean()
    if abs(after.item()) < 1e-12:
        return weighted
    return weighted * (before / after).to(hidden.dtype)
