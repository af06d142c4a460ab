from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from riffsidecar.diffusion.circular import make_circular

_STRIDE = 4


def _autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 16, 16),
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=4,
    )


def _unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16, 16),
        norm_num_groups=4,
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=2,
    )


def _case(name: str) -> tuple[nn.Module, Tensor, Callable[[Tensor], Tensor]]:
    """Return a net in float64, an input, and the net as a function of it."""
    torch.manual_seed(0)
    text = torch.randn(1, 3, 16, dtype=torch.float64)
    net: nn.Module
    if name == "unet":
        net = _unet().double().eval()
        return net, torch.randn(1, 4, 8, 24, dtype=torch.float64), lambda x: net(x, 500, text).sample
    net = _autoencoder().double().eval()
    if name == "encoder":
        return net, torch.randn(1, 3, 16, 40, dtype=torch.float64), lambda x: net.encode(x).latent_dist.mean
    return net, torch.randn(1, 4, 8, 10, dtype=torch.float64), lambda x: net.decode(x).sample


@torch.no_grad()
def _error(run: Callable[[Tensor], Tensor], x: Tensor, shift: int) -> float:
    """Return max |f(roll x) - roll f(x)| over max |f(x)|, rolling the output in proportion."""
    plain = run(x)
    rolled = run(torch.roll(x, shift, dims=-1))
    expected = torch.roll(plain, shift * plain.shape[-1] // x.shape[-1], dims=-1)
    return ((rolled - expected).abs().max() / plain.abs().max()).item()


@pytest.mark.parametrize(
    ("name", "shift"), [("unet", 4), ("unet", 12), ("encoder", 4), ("encoder", 16), ("decoder", 1)]
)
def test_a_roll_by_the_stride_commutes_with_the_net(name: str, shift: int) -> None:
    net, x, run = _case(name)
    assert _error(run, x, shift) > 1e-3, "the plain net must fail, or this proves nothing"
    make_circular(net)
    assert _error(run, x, shift) < 1e-12


@pytest.mark.parametrize("name", ["unet", "encoder", "decoder"])
def test_disabling_restores_the_net_exactly(name: str) -> None:
    net, x, run = _case(name)
    with torch.no_grad():
        before = run(x)
        keys = list(net.state_dict())
        make_circular(net)
        assert list(net.state_dict()) == keys
        assert not torch.equal(run(x), before)
        make_circular(net, enabled=False)
        assert torch.equal(run(x), before)
        make_circular(make_circular(net, enabled=False))
        assert not torch.equal(run(x), before)


@pytest.mark.parametrize("name", ["unet", "encoder", "decoder"])
def test_frequency_keeps_its_zeros(name: str) -> None:
    net, x, run = _case(name)
    make_circular(net)
    with torch.no_grad():
        plain = run(x)
        shift = _STRIDE if name != "decoder" else 1
        rolled = run(torch.roll(x, shift, dims=-2))
    expected = torch.roll(plain, shift * plain.shape[-2] // x.shape[-2], dims=-2)
    assert (rolled - expected).abs().max() / plain.abs().max() > 1e-3


def test_one_axis_padding_and_dilation_are_respected() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 2, (1, 5), padding=(0, 4), dilation=(1, 2)).double()
    x = torch.randn(1, 2, 3, 12, dtype=torch.float64)
    make_circular(conv)
    with torch.no_grad():
        wrapped = torch.cat([x[..., -4:], x, x[..., :4]], dim=-1)
        expected = nn.functional.conv2d(wrapped, conv.weight, conv.bias, dilation=(1, 2))
        torch.testing.assert_close(conv(x), expected)


def test_a_net_without_padding_in_time_is_left_alone() -> None:
    conv = nn.Conv2d(2, 2, 3, padding=(1, 0))
    assert make_circular(conv) is conv
    assert "_conv_forward" not in conv.__dict__
