"""A DeOldify network (Antic 2019) behind our own generator's contract."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.color import lab_tensor_to_rgb, rgb_tensor_to_lab
from colorize.network.deoldify.folding import fold
from colorize.network.deoldify.unet import UNet
from colorize.network.resnet import guard_narrow_maps

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of sRGB 0..1
STRIDE = 16  # render sizes are multiples of it, DeOldify's render factor; the network itself only needs even sides
RENDER_SIZE = 560  # 16 x 35, DeOldify's default for photographs


class DeOldifyGenerator(nn.Module):
    """A DeOldify network behind our generator's contract: lightness in, ab out; no hints, no latent, no features.

    DeOldify puts the photo's luma back in 8-bit YUV; here only the ab of its colours is used, and the caller composes
    it with the photo's own lightness.

    Attributes:
        network: The published network, grey RGB in and RGB out.
        kind: ``deep`` (artistic) or ``wide`` (stable, video).
        render_size: Short side in pixels for which these weights are meant.
    """

    stride = STRIDE
    takes_hints = False
    latent_dim = 0
    description = ""
    mean: Tensor
    deviation: Tensor

    def __init__(self, network: UNet, kind: str, render_size: int = RENDER_SIZE) -> None:
        super().__init__()
        self.network = network
        self.kind = kind
        self.render_size = render_size
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return no features: the network runs as a whole, in ``decode``."""
        return []

    def decode(self, x: Tensor, features: list[Tensor], latent: Tensor | None = None) -> Tensor:
        """Return ab (B, 2, H, W) in -1..1, float32; see ``forward``.

        Args:
            x: Lightness alone: DeOldify was not trained with hints.
            features: Those of ``encode``.
            latent: Must be None.

        Raises:
            ValueError: A shape is wrong, or a latent is given.
        """
        if latent is not None:
            raise ValueError("DeOldify weights have no latent vector; leave latent out")
        return self(x)

    def forward(self, lightness: Tensor) -> Tensor:
        """Return ab (B, 2, H, W) in -1..1, float32.

        Args:
            lightness: (B, 1, H, W), L / 50 - 1, any size from 1x1; odd sides are padded by replication.

        Raises:
            ValueError: The shape is wrong.
        """
        if lightness.ndim != 4 or lightness.shape[1] != 1:
            raise ValueError(f"DeOldify weights take lightness (B, 1, H, W), no hints, not {tuple(lightness.shape)}")
        height, width = lightness.shape[2:]
        lightness = F.pad(lightness.float(), (0, width % 2, 0, height % 2), mode="replicate")
        grey = lab_tensor_to_rgb(F.pad(lightness, (0, 0, 0, 0, 0, 2)))  # a = b = 0
        rgb = self.network((grey - self.mean) / self.deviation) * self.deviation + self.mean
        return rgb_tensor_to_lab(rgb.clamp(0, 1))[:, 1:, :height, :width]

    def prepared(self, device: torch.device, precision: torch.dtype) -> DeOldifyGenerator:
        """Return a folded, channels-last copy; in float32 on the CPU it shares what folding leaves as it is."""
        # New parameters over the same memory: a deep copy would hold 870 MB twice.
        memo = {id(value): nn.Parameter(value.detach(), requires_grad=False) for value in self.parameters()}
        other = copy.deepcopy(self, memo).eval()
        fold(other.network)
        guard_narrow_maps(other.network)
        other.network.to(device, precision)
        other.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        other.network.memory_format = torch.channels_last
        other.network.layers[-1].float()
        return other.to(device)
