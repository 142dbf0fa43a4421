"""The layers of the DeOldify networks; their parameters are named as in the published files."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ATTENTION_SHARE = 8  # queries and keys have an eighth of the channels


class _Spectral(nn.Module):
    """A kernel divided by its largest singular value, which two stored vectors give (Miyato et al. 2018).

    Parameters and buffers have the names of ``torch.nn.utils.spectral_norm``.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, shape: tuple[int, ...], bias: bool = False) -> None:
        super().__init__()
        self.weight_orig = nn.Parameter(torch.empty(shape))
        self.register_buffer("weight_u", torch.empty(shape[0]))
        self.register_buffer("weight_v", torch.empty(self.weight_orig[0].numel()))
        self.bias = nn.Parameter(torch.empty(shape[0])) if bias else None

    @property
    def weight(self) -> Tensor:
        if self.weight_orig.is_meta:  # only the shape counts; arithmetic on meta tensors makes torch import for seconds
            return self.weight_orig
        return self.weight_orig / torch.dot(self.weight_u, self.weight_orig.flatten(1) @ self.weight_v)


class SpectralConv(_Spectral):
    """A convolution with spectral norm, padded to keep the size."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, bias: bool = False) -> None:
        super().__init__((channels_out, channels_in, kernel, kernel), bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=self.weight_orig.shape[-1] // 2)


class SpectralLinear(_Spectral):
    """A linear projection of tokens (B, N, C) with spectral norm; stored as a convolution of length 1."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__((channels_out, channels_in, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.flatten(1))


class WeightNormConv(nn.Module):
    """A 1x1 convolution with weight norm: its kernel is a direction and a length (Salimans and Kingma 2016).

    Parameters have the names of ``torch.nn.utils.weight_norm``.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.empty(channels_out, 1, 1, 1))
        self.weight_v = nn.Parameter(torch.empty(channels_out, channels_in, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels_out))

    @property
    def weight(self) -> Tensor:
        if self.weight_v.is_meta:
            return self.weight_v
        return self.weight_v * (self.weight_g / self.weight_v.flatten(1).norm(dim=1)[:, None, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias)


class SelfAttention(nn.Module):
    """Self-attention over all positions of a feature map, added to it (Zhang et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = SpectralLinear(channels, channels // ATTENTION_SHARE)
        self.key = SpectralLinear(channels, channels // ATTENTION_SHARE)
        self.value = SpectralLinear(channels, channels)
        self.gamma = nn.Parameter(torch.empty(1))

    def forward(self, x: Tensor) -> Tensor:
        # x (B, C, H, W)
        tokens = x.flatten(2).transpose(1, 2)  # (B, N, C)
        # The published network takes the softmax over what it calls the queries, so the roles are exchanged here.
        query, key = (project(tokens)[:, None] for project in (self.key, self.query))  # (B, 1, N, C / 8)
        # Values are cut into heads as wide as the queries, which all heads share: only then do the kernels run that
        # never hold all N x N weights.
        value = self.value(tokens).unflatten(2, (ATTENTION_SHARE, -1)).transpose(1, 2)  # (B, 8, N, C / 8)
        shape = (-1, ATTENTION_SHARE, -1, -1)
        attended = F.scaled_dot_product_attention(query.expand(shape), key.expand(shape), value, scale=1.0)
        attended = attended.transpose(1, 2).flatten(2).transpose(1, 2).unflatten(2, x.shape[2:])
        return torch.addcmul(x, self.gamma[:, None, None].to(x.dtype), attended)


class Shuffle(nn.Module):
    """Doubling of the size by pixel shuffle: a 1x1 convolution makes four phases, which are interleaved.

    Batch norm stands before the ReLU here, and a mean over 2x2 pixels takes the grid away.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(SpectralConv(channels_in, 4 * channels_out, 1), nn.BatchNorm2d(4 * channels_out))

    def forward(self, x: Tensor) -> Tensor:
        # (B, C, h, w) -> (B, C_out, 2h, 2w)
        return blur(F.pixel_shuffle(F.relu_(self.conv(x)), 2))


def blur(x: Tensor) -> Tensor:
    """Return the mean of each pixel and its neighbours above and to the left, of the same size."""
    return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)
