"""The generator: a U-Net on a ResNet encoder that turns lightness into ab.

Only ``nn.Module``s and tensors live here; pictures, files and devices are the business of other modules.

Units (see ``colorize.color.lab``): ``lightness`` is L / 50 - 1, ``ab`` is ab / 110; ``hints`` are ab / 110 where a
colour is given, and a 0/1 mask of these places.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.base import DEFAULT_RENDER_SIZE
from colorize.network.bins import BINS, Expectation
from colorize.network.config import AB_CHANNELS, HINT_CHANNELS, LIGHTNESS_CHANNELS, STRIDE, GeneratorConfig
from colorize.network.folding import fold_batch_norm
from colorize.network.resnet import BACKBONES, ResNetEncoder, guard_narrow_maps
from colorize.network.semantic import SEMANTIC_NETWORKS, SemanticBranch

HEADS: dict[str, int] = {"regression": AB_CHANNELS, "classification": BINS}
"""Name -> channels of the last convolution: ab before a tanh, or logits of the bins (``colorize.network.bins``)."""


class UpBlock(nn.Module):
    """Double the size by a transposed convolution, then merge the skip connection by a 3x3 convolution.

    Kernel 2 with stride 2: a kernel that its stride divides covers every output pixel equally often, so there is no
    checkerboard by construction (Odena et al. 2016).
    """

    def __init__(self, channels_in: int, skip_channels: int, channels_out: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels_in, channels_out, kernel_size=2, stride=2, bias=False)
        self.bn_up = nn.BatchNorm2d(channels_out)
        self.merge = nn.Conv2d(channels_out + skip_channels, channels_out, 3, padding=1, bias=False)
        self.bn_merge = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU(inplace=True)
        # ICNR (Aitken et al. 2017): all four phases start equal, which is nearest-neighbour enlargement.
        phase = torch.empty(channels_in, channels_out, 1, 1)
        nn.init.kaiming_normal_(phase, mode="fan_out", nonlinearity="relu")
        with torch.no_grad():
            self.up.weight.copy_(phase.expand_as(self.up.weight))
        nn.init.kaiming_normal_(self.merge.weight, nonlinearity="relu")

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        # x (B, C_in, h, w), skip (B, C_skip, 2h, 2w) -> (B, C_out, 2h, 2w)
        x = self.relu(self.bn_up(self.up(x)))
        return self.relu(self.bn_merge(self.merge(torch.cat([x, skip], dim=1))))


class Generator(nn.Module):
    """A network that predicts ab from lightness, optional colour hints and an optional latent vector.

    Any size from 1x1 is taken: the input is padded by replication to a multiple of 32 (reflection fails at 1x1) and
    the result cropped. In train mode batch norm needs more than one value per channel, so a batch of at least two.

    Attributes:
        config: The architecture.
        render_size: Short side in pixels at which these weights work best.
    """

    stride = STRIDE

    def __init__(self, config: GeneratorConfig | None = None, render_size: int = DEFAULT_RENDER_SIZE) -> None:
        super().__init__()
        self.config = config or GeneratorConfig()
        _check_names(self.config)
        self.render_size = render_size
        self.encoder = ResNetEncoder(self.config.backbone, LIGHTNESS_CHANNELS + HINT_CHANNELS)
        *skips, channels = self.encoder.channels
        if self.config.semantic_branch:
            self.semantic_branch = SemanticBranch(self.config.semantic_branch, channels)
        if self.config.latent_dim:
            # Without a bias a latent of zero changes nothing: it is the one deterministic answer.
            self.latent = nn.Linear(self.config.latent_dim, channels, bias=False)
        skips = [*reversed(skips), LIGHTNESS_CHANNELS + HINT_CHANNELS]  # at 1/1 the input itself is the skip
        blocks = []
        for skip_channels, width in zip(skips, self.config.decoder_widths, strict=True):
            blocks.append(UpBlock(channels, skip_channels, width))
            channels = width
        self.decoder = nn.ModuleList(blocks)
        self.head = nn.Conv2d(channels, HEADS[self.config.head], 3, padding=1)
        if self.config.head == "classification":
            self.expectation = Expectation(self.config.hue_agreement_power)
        nn.init.normal_(self.head.weight, std=1e-3)  # starts grey, where tanh is steepest
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, lightness: Tensor, hints: Tensor | None = None, latent: Tensor | None = None) -> Tensor:
        """Return ab (B, 2, H, W) in -1..1.

        Args:
            lightness: (B, 1, H, W), L / 50 - 1.
            hints: (B, 3, H, W): ab / 110 where a colour is given, else 0, then the 0/1 mask. None: no hints.
            latent: (B, latent_dim), standard normal; None or zero: the deterministic answer.

        Raises:
            ValueError: A shape is wrong, or a latent is given to a generator without one.
        """
        batch, channels, height, width = lightness.shape
        if channels != LIGHTNESS_CHANNELS:
            raise ValueError(f"lightness must be (B, 1, H, W), not {tuple(lightness.shape)}")
        if hints is None:
            hints = lightness.new_zeros(batch, HINT_CHANNELS, height, width)
        elif hints.shape != (batch, HINT_CHANNELS, height, width):
            raise ValueError(f"hints must be {(batch, HINT_CHANNELS, height, width)}, not {tuple(hints.shape)}")
        x = torch.cat([lightness, hints], dim=1)
        return self.decode(x, self.encode(x), latent)

    @property
    def encoders(self) -> nn.ModuleList:
        """The encoder and, if there is one, the semantic branch; everything else belongs to the decoder."""
        return nn.ModuleList([self.encoder, *([self.semantic_branch] if self.config.semantic_branch else [])])

    @property
    def takes_hints(self) -> bool:
        """Whether it has learned to follow hints: its first convolution gives them some weight."""
        return bool(self.encoder.conv1.weight[:, LIGHTNESS_CHANNELS:].any())

    @property
    def latent_dim(self) -> int:
        """Length of the latent vector; 0: there is none, or it has not learned to use it."""
        return self.config.latent_dim if self.config.latent_dim and bool(self.latent.weight.any()) else 0

    @property
    def description(self) -> str:
        """What, beside its tensors, its answers depend on: the hue agreement's power is none of them."""
        return repr(self.config)

    def prepared(self, device: torch.device, precision: torch.dtype) -> Generator:
        """Return a copy that runs faster and cannot be trained any more.

        Batch norm is folded into the convolutions, memory is channels-last, and the numbers have ``precision`` except
        in the last convolution and what follows it, because bfloat16's steps of 1/256 would show as bands in a smooth
        sky.
        """
        other = copy.deepcopy(self).eval().requires_grad_(False)
        fold_batch_norm(other)
        guard_narrow_maps(other.encoder)
        other.to(device, precision).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        other.head.float()
        if other.config.head == "classification":
            other.expectation.float()
        other.head.register_forward_pre_hook(lambda _module, inputs: (inputs[0].float(),))
        return other

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the features at 1/2, 1/4, 1/8, 1/16 and 1/32; the semantic branch's are added to the last.

        Args:
            x: (B, 4, H, W), lightness and hints; or (B, 1, H, W), lightness alone.
        """
        x = self._padded(x)
        *skips, last = self.encoder(x)
        if self.config.semantic_branch:
            last = last + self.semantic_branch(x[:, :LIGHTNESS_CHANNELS])
        return [*skips, last]

    def decode(self, x: Tensor, features: list[Tensor], latent: Tensor | None = None) -> Tensor:
        """Return ab (B, 2, H, W) in -1..1 from features.

        Args:
            x: (B, 4, H, W), lightness and hints; or (B, 1, H, W), lightness alone.
            features: ``self.encode(x)``.
            latent: (B, latent_dim), or None.

        Raises:
            ValueError: A latent of a wrong shape, or for a generator without one.
        """
        return self.to_ab(self.logits(self._padded(x), features, latent))[:, :, : x.shape[2], : x.shape[3]]

    def logits(self, x: Tensor, features: list[Tensor], latent: Tensor | None = None) -> Tensor:
        """Return the head's output, (B, HEADS[config.head], H, W).

        Arguments and errors are those of ``decode``, but ``x`` has both lightness and hints, and H and W are multiples
        of 32.
        """
        *skips, last = features
        if latent is not None:
            last = last + self._latent_bias(latent, x.shape[0])  # len() would fix the number for an export
        for block, skip in zip(self.decoder, [*reversed(skips), x], strict=True):
            last = block(last, skip)
        return self.head(last)

    def to_ab(self, logits: Tensor) -> Tensor:
        """Return ab (B, 2, H, W) in -1..1 from ``logits``'s result."""
        return self.expectation(logits) if self.config.head == "classification" else torch.tanh(logits)

    def _padded(self, x: Tensor) -> Tensor:
        """Return lightness and hints as the convolutions take them, (B, 4, H', W'); hints that are not there are 0."""
        missing = LIGHTNESS_CHANNELS + HINT_CHANNELS - x.shape[1]
        pad_bottom, pad_right = -x.shape[2] % STRIDE, -x.shape[3] % STRIDE
        x = x.to(self.encoder.conv1.weight.dtype)
        if missing:
            x = F.pad(x, (0, 0, 0, 0, 0, missing))
        if pad_bottom or pad_right:
            x = F.pad(x, (0, pad_right, 0, pad_bottom), mode="replicate")
        return x

    def _latent_bias(self, latent: Tensor, batch: int) -> Tensor:
        if not self.config.latent_dim:
            raise ValueError("these weights have no latent vector (latent_dim is 0); leave latent out")
        if latent.shape != (batch, self.config.latent_dim):
            raise ValueError(f"latent must be {(batch, self.config.latent_dim)}, not {tuple(latent.shape)}")
        return self.latent(latent.to(self.latent.weight.dtype))[:, :, None, None]  # (B, C, 1, 1)


def _check_names(config: GeneratorConfig) -> None:
    """Raise a ValueError where a part of an architecture is unknown."""
    for what, name, known in (
        ("backbone", config.backbone, BACKBONES),
        ("semantic branch", config.semantic_branch, {"": "none", **SEMANTIC_NETWORKS}),
        ("head", config.head, HEADS),
    ):
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}; choose one of {', '.join(filter(None, known))}")
