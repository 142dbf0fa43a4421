"""Folding of the DeOldify networks' normalisations into plain convolutions, which is exact and faster to run."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from colorize.network.deoldify.layers import SpectralConv, SpectralLinear, WeightNormConv
from colorize.network.deoldify.unet import UNet, UpBlock


def fold(network: UNet) -> None:
    """Turn every spectral and weight norm into a plain kernel, and batch norm into the convolution beside it.

    A batch norm goes into the convolution before it, or, where a ReLU stands between, into the 1x1 convolution after
    it. Those in front of a padded 3x3 convolution, of the attention, and of the skips' ReLU stay: the padding's zeros
    are zeros after the norm, so that no kernel equals both at the border. Folding twice changes nothing.
    """
    # Only modules that have children are listed: a list of all would keep every former kernel alive to the end.
    for parent in _containers(network):
        for name, module in list(parent.named_children()):
            if isinstance(module, SpectralLinear):
                setattr(parent, name, _plain_linear(module))
            elif isinstance(module, SpectralConv | WeightNormConv):
                setattr(parent, name, _plain_conv(module.weight, module.bias))
    for module in _containers(network):
        for conv, norm in (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1")):
            _fold_into_previous(module, conv, norm)
    ups = [layer for layer in network.layers if isinstance(layer, UpBlock)]
    blocks = [network.middle[1], *(up.last_block for up in ups)]
    following = [*(up.shuf.conv for up in ups), network.last_conv]
    for block, conv in zip(blocks, following, strict=True):
        assert isinstance(block, nn.Sequential)
        if isinstance(block[-1], nn.BatchNorm2d):  # the attention comes between in one of them
            _fold_into_next(block, conv)


def _containers(network: UNet) -> list[nn.Module]:
    return [module for module in network.modules() if next(module.children(), None) is not None]


def _plain_conv(weight: Tensor, bias: Tensor | None, like: nn.Conv2d | None = None) -> nn.Conv2d:
    """Return a convolution of a kernel, padded to keep the size, with the stride of ``like``, else 1."""
    channels_out, channels_in, kernel, _ = weight.shape
    stride = like.stride[0] if like else 1
    conv = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=bias is not None, device="meta")
    conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
    conv.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)
    return conv.eval()


def _plain_linear(module: SpectralLinear) -> nn.Linear:
    weight = module.weight.detach().flatten(1)
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    linear.weight = nn.Parameter(weight, requires_grad=False)
    return linear.eval()


def _fold_into_previous(module: nn.Module, conv_name: str, norm_name: str) -> None:
    """Fold a module's batch norm into the convolution before it; both are given by attribute name."""
    conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
    if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
        mean, variance = _statistics(norm)
        statistics = mean, variance, norm.eps, norm.weight, norm.bias
        weight, bias = conv.weight, mean
        if not weight.is_meta:
            weight, bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
        setattr(module, conv_name, _plain_conv(weight, bias, conv))
        setattr(module, norm_name, nn.Identity())


def _fold_into_next(block: nn.Sequential, following: nn.Sequential) -> None:
    """Fold the batch norm that ends a block into the 1x1 convolution that begins the next one."""
    norm, conv = block[-1], following[0]
    assert isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d)
    mean, variance = _statistics(norm)
    block[-1] = nn.Identity()
    if conv.weight.is_meta:
        return  # the convolution has a bias already, from the batch norm after it or of its own
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    shift = conv.weight.flatten(1) @ (norm.bias - mean * scale)
    bias = shift if conv.bias is None else conv.bias + shift
    following[0] = _plain_conv(conv.weight * scale[None, :, None, None], bias)


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None and norm.running_var is not None
    return norm.running_mean, norm.running_var
