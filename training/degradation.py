"""The generator's input as a century-old photograph has it: film, curve, fading, blur, grain and JPEG."""

from __future__ import annotations

import math
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from colorize.color import lab_tensor_to_rgb, rgb_tensor_to_lab
from training.selection import on_a_part

JPEG_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""The luminance quantisation of JPEG quality 50 (ITU-T T.81, table K.1)."""


DISPLAY_GAMMA = 2.2  # sRGB's curve, nearly


def random_curve(lightness: Tensor, random: torch.Generator) -> Tensor:
    """Return lightness under a gamma curve drawn for each picture, since films and prints differ in contrast.

    Args:
        lightness: (B, 1, H, W) in -1..1.
        random: The source of randomness, on lightness's device.
    """
    gamma = torch.empty(len(lightness), 1, 1, 1, device=lightness.device).uniform_(-0.35, 0.35, generator=random).exp()
    return ((lightness + 1) / 2).clamp(1e-4, 1) ** gamma * 2 - 1


def degrade(lightness: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Return lightness with a share of its pictures degraded by fading, blur, grain and JPEG of random strengths.

    Args:
        lightness: (B, 1, H, W) in -1..1.
        share: Of the pictures that are degraded, 0..1; H and W are multiples of 8 unless it is 0.
        random: The source of randomness, on lightness's device.

    Returns:
        (B, 1, H, W) in -1..1.
    """
    host = Random(random.initial_seed())
    return on_a_part(lightness, share, host, lambda part: _degraded(part, random))


def early_film(lab: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Return the lightness of pictures, that of a share of them as film had it before about 1925.

    Orthochromatic film hardly sees red and sees much blue: lips and red cloth are dark, skies white. Here it is exposed
    longer too, so that the lights of skin and sky burn out, and it is stained in large spots.

    Args:
        lab: (B, 3, H, W) in network units.
        share: Of the pictures that are on such film, 0..1.
        random: The source of randomness, on lab's device.

    Returns:
        (B, 1, H, W) in -1..1.
    """
    if not share:
        return lab[:, :1]
    host = Random(random.initial_seed() + 2)  # hints draw from the seed + 1
    return on_a_part(lab, share, host, lambda part: _on_early_film(part, random), lambda rest: rest[:, :1])


def _on_early_film(lab: Tensor, random: torch.Generator) -> Tensor:
    """Return the lightness (B, 1, H, W) of pictures (B, 3, H, W) that are all on early film."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(len(lab), 1, 1, 1, device=lab.device).uniform_(low, high, generator=random)

    red, blue = uniform(0, 0.12), uniform(0.25, 0.6)
    sensitivity = torch.cat([red, 1 - red - blue, blue], dim=1)  # to linear light; grey stays as it is
    light = (lab_tensor_to_rgb(lab) ** DISPLAY_GAMMA * sensitivity).sum(1, keepdim=True)
    exposed = (light * uniform(1, 1.7)).clamp(1e-6, 1) ** (1 / DISPLAY_GAMMA)
    lightness = rgb_tensor_to_lab(exposed.expand(-1, 3, -1, -1))[:, :1]
    spots = torch.randn((len(lab), 1, 4, 4), generator=random, device=lab.device)
    spots = F.interpolate(spots, size=lab.shape[2:], mode="bicubic", align_corners=True)
    return (lightness + spots * uniform(0, 0.08)).clamp(-1, 1)


def _degraded(lightness: Tensor, random: torch.Generator) -> Tensor:
    """Return pictures (B, 1, H, W) that are all degraded."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(len(lightness), 1, 1, 1, device=lightness.device).uniform_(low, high, generator=random)

    degraded = uniform(0.5, 1) * lightness + uniform(-0.3, 0.3)  # fading: less contrast, another middle
    blurred = _blur(degraded, sigma=1.2)
    degraded = torch.lerp(degraded, blurred, uniform(0, 1))
    degraded = degraded + grain(lightness.shape, random) * uniform(0, 0.09)
    compressed = _jpeg(degraded, quality_scale=uniform(0.3, 3))
    return torch.where(uniform(0, 1) < 0.5, compressed, degraded).clamp(-1, 1)


def _blur(x: Tensor, sigma: float) -> Tensor:
    """Return pictures (B, 1, H, W) under a Gaussian of ``sigma`` pixels."""
    radius = math.ceil(3 * sigma)
    place = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-(place**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    x = F.pad(x, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


def grain(shape: torch.Size, random: torch.Generator) -> Tensor:
    """Return noise of unit deviation: a fine and a coarse layer, as grain clumps when a print is enlarged.

    Args:
        shape: Of the noise, (B, 1, H, W).
        random: The source of randomness; the noise is on its device.
    """
    batch, _, height, width = shape
    fine = torch.randn(shape, generator=random, device=random.device)
    coarse = torch.randn((batch, 1, (height + 1) // 2, (width + 1) // 2), generator=random, device=random.device)
    coarse = F.interpolate(coarse, size=(height, width), mode="nearest")
    return (fine + coarse) / math.sqrt(2)


def _jpeg(lightness: Tensor, quality_scale: Tensor) -> Tensor:
    """Return lightness after the quantisation of 8x8 DCT blocks; sizes are multiples of 8.

    Args:
        lightness: (B, 1, H, W) in -1..1.
        quality_scale: (B, 1, 1, 1), factor of the quality-50 table (3 is about quality 17, 0.3 about 85).
    """
    device = lightness.device
    k = torch.arange(8, device=device, dtype=lightness.dtype)
    dct = torch.cos(math.pi / 8 * (k[None, :] + 0.5) * k[:, None]) / 2
    dct[0] /= math.sqrt(2)
    batch, _, height, width = lightness.shape
    blocks = (lightness * 127.5).view(batch, height // 8, 8, width // 8, 8).transpose(2, 3)  # (B, h, w, 8, 8)
    table = torch.tensor(JPEG_LUMINANCE, device=device, dtype=lightness.dtype) * quality_scale[..., None]
    coefficients = torch.round(dct @ blocks @ dct.T / table) * table
    blocks = dct.T @ coefficients @ dct
    return blocks.transpose(2, 3).reshape(batch, 1, height, width) / 127.5
