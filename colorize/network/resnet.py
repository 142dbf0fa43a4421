"""The encoder: a ResNet (He et al. 2016) that keeps its features of every scale; tensors have torchvision's names."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around an identity (He et al. 2016, figure 5 left); torchvision's parameter names."""

    expansion = 1

    def __init__(self, channels_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        channels_out = width * self.expansion
        self.conv1 = nn.Conv2d(channels_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(channels_in, channels_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + identity)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 around an identity, the stride in the 3x3 (torchvision's "v1.5"); torchvision's names."""

    expansion = 4

    def __init__(self, channels_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        channels_out = width * self.expansion
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(channels_in, channels_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + identity)


def _projection(channels_in: int, channels_out: int, stride: int) -> nn.Sequential | None:
    """Return the 1x1 projection of a residual block's identity, or None where the shapes agree already."""
    if stride == 1 and channels_in == channels_out:
        return None
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out))


class Backbone(NamedTuple):
    """A ResNet's architecture.

    Attributes:
        block: The residual block.
        depths: Blocks of each stage.
        widths: Channels of each stage's blocks, before the block's expansion.
    """

    block: type[BasicBlock] | type[Bottleneck]
    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)


BACKBONES = {
    "resnet18": Backbone(BasicBlock, (2, 2, 2, 2)),
    "resnet34": Backbone(BasicBlock, (3, 4, 6, 3)),
    "resnet50": Backbone(Bottleneck, (3, 4, 6, 3)),
    "resnet101": Backbone(Bottleneck, (3, 4, 23, 3)),
}
"""Name -> architecture, He et al. 2016, table 1."""


class ResNetEncoder(nn.Module):
    """A ResNet without its classifier that returns the features at 1/2, 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, backbone: str, channels_in: int = 3) -> None:
        super().__init__()
        block, depths, widths = BACKBONES[backbone]
        self.conv1 = nn.Conv2d(channels_in, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        stages = []
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            blocks: list[nn.Module] = []
            for index in range(depth):
                blocks.append(block(channels, width, stride=2 if stage > 0 and index == 0 else 1))
                channels = width * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.channels = (64, *(width * block.expansion for width in widths))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> list[Tensor]:
        # x (B, C, H, W), H and W multiples of 32
        half = self.relu(self.bn1(self.conv1(x)))  # (B, 64, H/2, W/2)
        quarter = self.layer1(self.maxpool(half))
        eighth = self.layer2(quarter)
        sixteenth = self.layer3(eighth)
        return [half, quarter, eighth, sixteenth, self.layer4(sixteenth)]

    def load_rgb_weights(self, state: dict[str, Tensor]) -> None:
        """Take over the weights of a ResNet whose input is RGB.

        Its first convolution is summed over RGB into the lightness channel, because a grey picture has R = G = B; the
        hint channels start at zero, so that hints change nothing before they have been learned. A classifier
        (``fc.*``) is left out.

        Args:
            state: A torchvision ResNet's ``state_dict``.

        Raises:
            RuntimeError: A key is missing or foreign, or a shape differs (strict loading).
        """
        state = {key: value for key, value in state.items() if not key.startswith("fc.")}
        kernel = torch.zeros_like(self.conv1.weight)
        kernel[:, :1] = state["conv1.weight"].sum(dim=1, keepdim=True).to(kernel)
        self.load_state_dict({**state, "conv1.weight": kernel})


class _NarrowConv2d(nn.Conv2d):
    """A 3x3 convolution with a stride of 2 that never computes a map of one column alone, but two and drops one.

    With AMX, oneDNN's bfloat16 kernels (PyTorch 2.14) read memory that belongs to nobody where such a map is several
    rows high: NaN, or another answer each time. It happened with inputs 32 pixels wide (``--render-size 32``).
    """

    def forward(self, input: Tensor) -> Tensor:
        missing = 3 - input.shape[-1]
        if missing <= 0:
            return super().forward(input)
        return super().forward(F.pad(input, (0, missing)))[..., :1]  # zeros, as its own padding


def guard_narrow_maps(network: nn.Module) -> None:
    """Make a network's strided 3x3 convolutions safe in bfloat16 on narrow feature maps; the answers stay the same."""
    for module in network.modules():
        if type(module) is nn.Conv2d and (module.kernel_size, module.stride) == ((3, 3), (2, 2)):
            module.__class__ = _NarrowConv2d
