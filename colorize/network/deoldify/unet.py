"""The two DeOldify networks (Antic 2019), for inference.

``deep`` is the artistic one (ResNet-34, two convolutions in each up block), ``wide`` the stable and the video one
(ResNet-101, one wide convolution). Submodules are numbered and named as the published files number and name their
tensors, so that these load strictly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.network.deoldify.layers import SelfAttention, Shuffle, SpectralConv, WeightNormConv, blur
from colorize.network.resnet import BACKBONES

OUTPUT_LIMIT = 3.0  # the output lies within +-3 deviations
SKIP_LAYERS = (2, 4, 5, 6)  # the encoder's layers whose outputs, at 1/2, 1/4, 1/8 and 1/16, are skip connections
STRIP_ROWS = 96  # height of the strips in which the last layers run
HALO = 2  # rows that two 3x3 convolutions see beyond a strip


@dataclass(frozen=True)
class Architecture:
    """The architecture of a DeOldify network, as far as the two differ.

    Attributes:
        backbone: The encoder, one of ``colorize.network.resnet.BACKBONES``.
        decoder_width: Channels of the up blocks, of which the last has half; None: each block has two convolutions,
            with 1.5 times the sum of its skip's channels and half of those that enter it.
        stem: Channels of the encoder's first convolution.
    """

    backbone: str
    decoder_width: int | None
    stem: int = 64


KINDS: dict[str, Architecture] = {
    "deep": Architecture("resnet34", decoder_width=None),
    "wide": Architecture("resnet101", decoder_width=512),
}


def _conv_block(channels_in: int, channels_out: int, attention: bool = False) -> nn.Sequential:
    """Return a 3x3 convolution, ReLU, then batch norm, in the published order."""
    block = nn.Sequential(SpectralConv(channels_in, channels_out), nn.ReLU(inplace=True), nn.BatchNorm2d(channels_out))
    if attention:
        block.append(SelfAttention(channels_out))
    return block


class UpBlock(nn.Module):
    """An up block: doubles the size and merges the skip connection."""

    def __init__(self, channels_in: int, skip: int, width: int | None, last: bool, attention: bool) -> None:
        super().__init__()
        up = channels_in // 2 if width is None else width // (2 if last else 1)
        merged = up + skip
        self.shuf = Shuffle(channels_in, up)
        self.bn = nn.BatchNorm2d(skip)
        if width is None:
            self.channels = int((merged // 2 if last else merged) * 1.5)
            self.conv1 = _conv_block(merged, self.channels)
            self.conv2 = _conv_block(self.channels, self.channels, attention)
        else:
            self.channels = up
            self.conv = _conv_block(merged, up, attention)

    @property
    def last_block(self) -> nn.Sequential:
        """The convolution that makes the block's output."""
        block = self.conv2 if hasattr(self, "conv2") else self.conv
        assert isinstance(block, nn.Sequential)
        return block

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        # x (B, C_in, h, w), skip (B, C_skip, H, W) -> (B, C_out, H, W); H is 2h, or 2h - 1 where h was rounded up
        x = self.shuf(x)
        if x.shape[2:] != skip.shape[2:]:
            x = F.interpolate(x, skip.shape[2:], mode="nearest")
        x = torch.cat([x, F.relu_(self.bn(skip))], dim=1)  # the first half has been through a ReLU already
        return self.last_block(self.conv1(x) if hasattr(self, "conv1") else x)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions at full size around an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(SpectralConv(channels, channels, bias=True), nn.ReLU(inplace=True)) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.layers
        return second(first(x)).add_(x)


class UNet(nn.Module):
    """A DeOldify network: grey in, colour out, both RGB in ImageNet's deviations; layers have the published numbers.

    0 encoder, 1-2 batch norm and ReLU, 3 two convolutions at 1/32, 4-7 up blocks to 1/2, 8 the last doubling, 9 joins
    the input, 10 two convolutions at full size, 11 the head.

    Attributes:
        memory_format: Memory format of the input; channels last is faster where the kernels have it too.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.memory_format = torch.contiguous_format
        encoder, widths = _encoder(architecture)
        *skips, channels = widths
        layers: list[nn.Module] = [encoder, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        layers.append(nn.Sequential(_conv_block(channels, 2 * channels), _conv_block(2 * channels, channels)))
        for index, skip in enumerate(reversed(skips)):
            block = UpBlock(channels, skip, architecture.decoder_width, last=index == 3, attention=index == 1)
            layers.append(block)
            channels = block.channels
        last = nn.ModuleDict({"conv": nn.Sequential(WeightNormConv(channels, 4 * channels))})
        head = nn.Sequential(SpectralConv(channels + 3, 3, 1, bias=True))
        self.layers = nn.ModuleList([*layers, last, nn.Identity(), ResidualBlock(channels + 3), head])

    @property
    def dtype(self) -> torch.dtype:
        """The number format of everything but the head."""
        return next(self.parameters()).dtype

    @property
    def middle(self) -> nn.Sequential:
        """The two convolutions at 1/32."""
        middle = self.layers[3]
        assert isinstance(middle, nn.Sequential)
        return middle

    @property
    def last_conv(self) -> nn.Sequential:
        """The 1x1 convolution of the last doubling."""
        last = self.layers[8]
        assert isinstance(last, nn.ModuleDict)
        conv = last["conv"]
        assert isinstance(conv, nn.Sequential)
        return conv

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 3, H, W) float32 in ImageNet's deviations, within +-3.

        Args:
            x: (B, 3, H, W), grey repeated, in ImageNet's deviations; H and W even.

        Raises:
            ValueError: A side is odd, or the shape is another.
        """
        if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] % 2 or x.shape[3] % 2:
            raise ValueError(f"the input must be (B, 3, H, W) with even H and W, not {tuple(x.shape)}")
        x = y = x.to(self.dtype, memory_format=self.memory_format)
        encoder, norm, relu, _middle, *ups, _last, _join, _residual, _head = self.layers
        skips = []
        for index, layer in enumerate(encoder.children()):
            y = layer(y)
            if index in SKIP_LAYERS:
                skips.append(y)
        y = self.middle(relu(norm(y)))
        for up in ups:
            y = up(y, skips.pop())
        strips = [self._strip(x, y, top) for top in range(0, x.shape[2], STRIP_ROWS)]
        return torch.sigmoid(torch.cat(strips, dim=2)) * (2 * OUTPUT_LIMIT) - OUTPUT_LIMIT

    def _strip(self, x: Tensor, y: Tensor, top: int) -> Tensor:
        """Return ``STRIP_ROWS`` rows of what the last layers (8-11) make of the features at 1/2, before the sigmoid.

        Four tensors of 303 channels at full size would need more memory than all the rest.
        """
        # x (B, 3, H, W), y (B, C, H/2, W/2)
        *_, residual, head = self.layers
        bottom = min(top + STRIP_ROWS, x.shape[2])
        start, end = max(0, top - HALO), min(bottom + HALO, x.shape[2])
        first = max(0, start - 1) // 2  # the mean needs the row above
        strip = F.pixel_shuffle(F.relu_(self.last_conv(y[:, :, first : (end + 1) // 2])), 2)
        strip = blur(strip)[:, :, start - 2 * first : end - 2 * first]
        strip = residual(torch.cat([strip, x[:, :, start:end]], dim=1))[:, :, top - start : bottom - start]
        return head(strip.float())  # in float32, because bfloat16's steps would show as bands in a smooth sky


def _encoder(architecture: Architecture) -> tuple[nn.Sequential, list[int]]:
    """Return a ResNet without its classifier, numbered, and its channels at 1/2 .. 1/32."""
    block, depths, _ = BACKBONES[architecture.backbone]
    channels = architecture.stem
    layers: list[nn.Module] = [
        nn.Conv2d(3, channels, 7, 2, 3, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    widths = [channels]
    for stage, depth in enumerate(depths):
        width = architecture.stem << stage
        blocks: list[nn.Module] = []
        for index in range(depth):
            blocks.append(block(channels, width, stride=2 if stage > 0 and index == 0 else 1))
            channels = width * block.expansion
        layers.append(nn.Sequential(*blocks))
        widths.append(channels)
    return nn.Sequential(*layers), widths


def build_unet(kind: str) -> UNet:
    """Return a network of a kind, on torch's meta device: ``load_state_dict(..., assign=True)`` gives it tensors."""
    with torch.device("meta"):
        return UNet(KINDS[kind]).eval().requires_grad_(False)
