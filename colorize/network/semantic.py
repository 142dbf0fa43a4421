"""The semantic branch: a small ImageNet classifier that looks at the lightness and tells the decoder what things are.

Which colour a thing has depends on what it is, and an encoder that is trained on some ten thousand photographs knows
few things. So the last feature map of an EfficientNet-Lite (Tan and Le 2019, without squeeze-and-excitation and with
ReLU6), which has seen a million photographs, is added to the U-Net's bottleneck, place by place and as its mean over
the picture (the global features of Iizuka et al. 2016).

The installed package does without timm and torchvision, so the network is written out here; modules and tensors have
timm's names (``tf_efficientnet_lite0``), so that its weights load as they are.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

STAGES = (
    # expansion, channels, stride, kernel
    (1, 16, 1, 3),
    (6, 24, 2, 3),
    (6, 40, 2, 5),
    (6, 80, 2, 3),
    (6, 112, 1, 5),
    (6, 192, 2, 5),
    (6, 320, 1, 3),
)
"""The stages of every EfficientNet-Lite."""
STEM_CHANNELS, HEAD_CHANNELS = 32, 1280

SEMANTIC_NETWORKS: dict[str, tuple[int, ...]] = {
    "efficientnet_lite0": (1, 2, 2, 3, 3, 4, 1),
    "efficientnet_lite1": (1, 3, 3, 4, 4, 5, 1),
}
"""Name -> number of blocks in each stage."""


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: with a stride of 2, one pixel more after than before."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        before, more = divmod(kernel - stride, 2)  # of sizes that the stride divides
        super().__init__(channels_in, channels_out, kernel, stride, 0 if more else before, groups=groups, bias=False)
        self._uneven_padding = (before, before + 1) * 2 if more else ()

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self._uneven_padding) if self._uneven_padding else input)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)  # TensorFlow's


class DepthwiseSeparable(nn.Module):
    """A depthwise convolution, then a 1x1 one to the stage's channels."""

    folded_pairs = (("conv_dw", "bn1"), ("conv_pw", "bn2"))

    def __init__(self, channels_in: int, channels_out: int, stride: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw = SameConv2d(channels_in, channels_in, kernel, stride, channels_in)
        self.bn1 = _norm(channels_in)
        self.conv_pw = SameConv2d(channels_in, channels_out, 1)
        self.bn2 = _norm(channels_out)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv_pw(self.act(self.bn1(self.conv_dw(x)))))


class InvertedResidual(nn.Module):
    """A 1x1 convolution up, a depthwise one, a 1x1 one down, around an identity where the shapes agree.

    Sandler et al. 2018.
    """

    folded_pairs = (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3"))

    def __init__(self, channels_in: int, channels_out: int, stride: int, kernel: int, expansion: int) -> None:
        super().__init__()
        width = channels_in * expansion
        self.conv_pw = SameConv2d(channels_in, width, 1)
        self.bn1 = _norm(width)
        self.conv_dw = SameConv2d(width, width, kernel, stride, width)
        self.bn2 = _norm(width)
        self.conv_pwl = SameConv2d(width, channels_out, 1)
        self.bn3 = _norm(channels_out)
        self.act = nn.ReLU6(inplace=True)
        self.has_identity = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv_pw(x)))
        y = self.bn3(self.conv_pwl(self.act(self.bn2(self.conv_dw(y)))))
        return x + y if self.has_identity else y


class EfficientNetLite(nn.Module):
    """An EfficientNet-Lite without its classifying layer, for an input of one channel."""

    folded_pairs = (("conv_stem", "bn1"), ("conv_head", "bn2"))

    def __init__(self, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv_stem = SameConv2d(1, STEM_CHANNELS, 3, 2)
        self.bn1 = _norm(STEM_CHANNELS)
        self.act = nn.ReLU6(inplace=True)
        channels = STEM_CHANNELS
        stages = []
        for (expansion, width, stride, kernel), depth in zip(STAGES, depths, strict=True):
            blocks: list[nn.Module] = []
            for index in range(depth):
                step = stride if index == 0 else 1
                if expansion == 1:
                    blocks.append(DepthwiseSeparable(channels, width, step, kernel))
                else:
                    blocks.append(InvertedResidual(channels, width, step, kernel, expansion))
                channels = width
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = SameConv2d(channels, HEAD_CHANNELS, 1)
        self.bn2 = _norm(HEAD_CHANNELS)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, lightness: Tensor) -> Tensor:
        # (B, 1, H, W), H and W multiples of 32 -> (B, 1280, H/32, W/32)
        x = self.blocks(self.act(self.bn1(self.conv_stem(lightness))))
        return self.act(self.bn2(self.conv_head(x)))

    def load_rgb_weights(self, state: dict[str, Tensor]) -> None:
        """Take over the weights of timm's classifier.

        Its first convolution is summed over RGB, because a grey picture has R = G = B; its last layer is left out.

        Args:
            state: ``state_dict`` of timm's ``tf_efficientnet_lite0`` or the like.

        Raises:
            RuntimeError: A key is missing or foreign, or a shape differs (strict loading).
        """
        state = {name: value for name, value in state.items() if not name.startswith("classifier.")}
        if "conv_stem.weight" in state:
            state["conv_stem.weight"] = state["conv_stem.weight"].sum(dim=1, keepdim=True)
        self.load_state_dict(state)


class SemanticBranch(nn.Module):
    """A classifier's feature extractor, and the two projections by which its features are added to the bottleneck."""

    def __init__(self, name: str, channels_out: int) -> None:
        """Build the branch; what it adds is zero until it has been trained.

        Args:
            name: A name in ``SEMANTIC_NETWORKS``.
            channels_out: Channels of the bottleneck.
        """
        super().__init__()
        self.body = EfficientNetLite(SEMANTIC_NETWORKS[name])
        self.spatial_proj = nn.Conv2d(HEAD_CHANNELS, channels_out, 1)
        self.global_proj = nn.Linear(HEAD_CHANNELS, channels_out, bias=False)
        nn.init.zeros_(self.spatial_proj.weight)
        nn.init.zeros_(self.spatial_proj.bias)  # type: ignore[arg-type]
        nn.init.zeros_(self.global_proj.weight)

    def forward(self, lightness: Tensor) -> Tensor:
        """Return what is added to the bottleneck, (B, channels_out, H / 32, W / 32).

        Args:
            lightness: (B, 1, H, W), L / 50 - 1, H and W multiples of 32. EfficientNet-Lite was trained on RGB in
                -1..1; a grey's sRGB value lies within .034 of L / 100.
        """
        features = self.body(lightness)
        return self.spatial_proj(features) + self.global_proj(features.mean(dim=(2, 3)))[:, :, None, None]
