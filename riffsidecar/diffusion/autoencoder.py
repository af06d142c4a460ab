"""The beat-grid autoencoder: stereo mel spectrogram <-> latents, one latent column every 16 frames.

Everything is periodic in time: convolutions see the last column to the left of the first. Normalisation and
attention work inside one column, so a shift by whole columns commutes with encoding and with decoding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

__all__ = ["BeatGridAutoencoder"]

_UNSHUFFLE = 4


class _ChannelNorm(nn.Module):
    """Root-mean-square norm over channels, ``(batch, channels, rows, columns)`` (Zhang, Sennrich 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        last = x.permute(0, 2, 3, 1)
        return F.rms_norm(last, (last.shape[-1],), self.weight.to(last.dtype), 1e-6).permute(0, 3, 1, 2)


class _CircularConv(nn.Conv2d):
    """Convolution that is circular along the last axis (time) and zero-padded along rows (frequency)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__(inputs, outputs, kernel, padding=(kernel // 2, 0))
        self._reach = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        if self._reach:
            x = torch.cat([x[..., -self._reach :], x, x[..., : self._reach]], dim=-1)
        return super().forward(x)


class _ResBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _ChannelNorm(channels)
        self.conv_in = _CircularConv(channels, channels)
        self.conv_out = _CircularConv(channels, channels)
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_out(F.silu(self.conv_in(F.silu(self.norm(x)))))


class _RowAttention(nn.Module):
    """Self-attention over the rows of one column: partials of one note see each other."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _ChannelNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, rows, columns = x.shape
        tokens = self.norm(x).permute(0, 3, 2, 1).reshape(batch * columns, rows, channels)
        heads = self.qkv(tokens).view(batch * columns, rows, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])
        mixed = self.out(mixed.transpose(1, 2).reshape(batch * columns, rows, channels))
        return x + mixed.view(batch, columns, rows, channels).permute(0, 3, 2, 1)


class _RowEmbedding(nn.Module):
    """A learned vector for each row: a convolution alone cannot tell a low band from a high one."""

    def __init__(self, channels: int, rows: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, channels, rows, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight.to(x.dtype)


def _stage(channels: int, rows: int, blocks: int, *, attention: bool = False) -> list[nn.Module]:
    stage: list[nn.Module] = [_RowEmbedding(channels, rows)]
    for index in range(blocks):
        stage.append(_ResBlock(channels))
        if attention and index == 0:
            stage.append(_RowAttention(channels))
    return stage


def _fold(x: Tensor, rows: int, columns: int) -> Tensor:
    """Move patches into channels: ``(b, c, h, w) -> (b, c*rows*columns, h/rows, w/columns)``."""
    batch, channels, height, width = x.shape
    x = x.view(batch, channels, height // rows, rows, width // columns, columns)
    return x.permute(0, 1, 3, 5, 2, 4).reshape(batch, -1, height // rows, width // columns)


def _unfold(x: Tensor, rows: int, columns: int) -> Tensor:
    """Undo :func:`_fold`."""
    batch, channels, height, width = x.shape
    x = x.view(batch, channels // (rows * columns), rows, columns, height, width)
    return x.permute(0, 1, 4, 2, 5, 3).reshape(batch, -1, height * rows, width * columns)


class _Fold(nn.Module):
    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns

    def forward(self, x: Tensor) -> Tensor:
        return _fold(x, self.rows, self.columns)


class _Unfold(_Fold):
    def forward(self, x: Tensor) -> Tensor:
        return _unfold(x, self.rows, self.columns)


class BeatGridAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Variational autoencoder of ``(batch, 2, n_mels, frames)`` spectrograms in [-1, 1].

    Latents are ``(batch, latent_channels, n_mels / 8, frames / 16)``, shifted and scaled by the statistics
    of the training set so that the denoiser sees zero mean and unit variance.

    Args:
        channels: audio channels.
        n_mels: rows of the spectrogram, a multiple of 8.
        latent_channels: channels of a latent.
        widths: channels at 1/4, 1/8 and 1/16 of the frame rate.
        encoder_blocks: residual blocks of the encoder at those three rates.
        decoder_blocks: the same for the decoder.
        latents_mean: mean of each latent channel over the training set.
        latents_std: standard deviation of each latent channel over the training set.
    """

    @register_to_config
    def __init__(
        self,
        channels: int = 2,
        n_mels: int = 256,
        latent_channels: int = 8,
        widths: tuple[int, int, int] = (64, 128, 224),
        encoder_blocks: tuple[int, int, int] = (0, 1, 2),
        decoder_blocks: tuple[int, int, int] = (0, 2, 3),
        latents_mean: tuple[float, ...] | None = None,
        latents_std: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__()
        w1, w2, w3 = widths
        patch = channels * _UNSHUFFLE * _UNSHUFFLE
        self.encoder = nn.Sequential(
            _Fold(_UNSHUFFLE, _UNSHUFFLE),
            _CircularConv(patch, w1),
            *_stage(w1, n_mels // 4, encoder_blocks[0]),
            _Fold(2, 2),
            _CircularConv(4 * w1, w2, kernel=1),
            *_stage(w2, n_mels // 8, encoder_blocks[1]),
            _Fold(1, 2),
            _CircularConv(2 * w2, w3, kernel=1),
            *_stage(w3, n_mels // 8, encoder_blocks[2], attention=True),
            _ChannelNorm(w3),
            _CircularConv(w3, 2 * latent_channels),
        )
        self.decoder = nn.Sequential(
            _CircularConv(latent_channels, w3),
            *_stage(w3, n_mels // 8, decoder_blocks[2], attention=True),
            _CircularConv(w3, 2 * w2, kernel=1),
            _Unfold(1, 2),
            *_stage(w2, n_mels // 8, decoder_blocks[1]),
            _CircularConv(w2, 4 * w1, kernel=1),
            _Unfold(2, 2),
            *_stage(w1, n_mels // 4, decoder_blocks[0]),
            _ChannelNorm(w1),
            nn.SiLU(),
            _CircularConv(w1, patch),
            _Unfold(_UNSHUFFLE, _UNSHUFFLE),
        )

    @property
    def device(self) -> torch.device:
        """Return where the net is; diffusers' own walks every module, several times a loop."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Return the precision of the net."""
        return next(self.parameters()).dtype

    def statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the latent channels, to go with ``like``."""
        count = self.config.latent_channels
        mean = like.new_tensor(self.config.latents_mean or [0.0] * count)
        std = like.new_tensor(self.config.latents_std or [1.0] * count)
        return mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)

    def moments(self, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the raw latents of ``(batch, channels, n_mels, frames)``."""
        mean, log_variance = self.encoder(spectrogram).chunk(2, dim=1)
        return mean, log_variance.clamp(-12.0, 4.0)

    def encode(self, spectrogram: Tensor) -> Tensor:
        """Return normalised latents ``(batch, latent_channels, n_mels / 8, frames / 16)``."""
        raw, _ = self.moments(spectrogram)
        mean, std = self.statistics(raw)
        return (raw - mean) / std

    def decode(self, latents: Tensor) -> Tensor:
        """Return the spectrogram ``(batch, channels, n_mels, frames)`` of normalised latents."""
        mean, std = self.statistics(latents)
        return self.decode_raw(latents * std + mean)

    def decode_raw(self, latents: Tensor) -> Tensor:
        """Return the spectrogram of latents that are not normalised (training)."""
        return self.decoder(latents)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Return ``spectrogram`` through encoder and decoder."""
        return self.decode(self.encode(spectrogram))
