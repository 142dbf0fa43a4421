"""sRGB (IEC 61966-2-1) <-> CIE Lab (CIE 15, D65 white) in network units for tensors, differentiable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from colorize.color.lab import AB_MAX, DELTA, L_HALF
from colorize.color.spaces import RGB_TO_XYZ, WHITE, XYZ_TO_RGB

if TYPE_CHECKING:
    from torch import Tensor


def rgb_tensor_to_lab(rgb: Tensor) -> Tensor:
    """Return sRGB pictures in Lab, in network units.

    Args:
        rgb: (B, 3, H, W), sRGB 0..1.

    Returns:
        (B, 3, H, W): L / 50 - 1, a / 110, b / 110.
    """
    import torch

    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    x, y, z = _matmul_planes(linear, RGB_TO_XYZ, scale=tuple(1 / white for white in WHITE))
    fx, fy, fz = (
        torch.where(t > DELTA**3, t.clamp_min(DELTA**3) ** (1 / 3), t / (3 * DELTA**2) + 4 / 29) for t in (x, y, z)
    )
    lightness = (116 * fy - 16) / L_HALF - 1
    return torch.stack([lightness, 500 * (fx - fy) / AB_MAX, 200 * (fy - fz) / AB_MAX], dim=1)


def lab_tensor_to_rgb(lab: Tensor) -> Tensor:
    """Return Lab pictures as sRGB, each channel clamped to 0..1; differentiable inside the gamut.

    Args:
        lab: (B, 3, H, W) in network units.

    Returns:
        (B, 3, H, W), sRGB 0..1.
    """
    import torch

    fy = ((lab[:, 0] + 1) * L_HALF + 16) / 116
    fx = fy + lab[:, 1] * (AB_MAX / 500)
    fz = fy - lab[:, 2] * (AB_MAX / 200)
    xyz = [
        torch.where(f > DELTA, f.clamp_min(DELTA) ** 3, 3 * DELTA**2 * (f - 4 / 29)) * white
        for f, white in zip((fx, fy, fz), WHITE, strict=True)
    ]
    linear = torch.stack(_matmul_planes(torch.stack(xyz, dim=1), XYZ_TO_RGB), dim=1).clamp(0, 1)
    # The power's slope is infinite at 0; clamping its argument keeps the unused branch's gradient finite.
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def _matmul_planes(
    planes: Tensor, matrix: tuple[tuple[float, ...], ...], scale: tuple[float, ...] = (1.0, 1.0, 1.0)
) -> list[Tensor]:
    """Return the three planes (B, H, W) of (B, 3, H, W) multiplied by a 3x3 matrix, and each by its ``scale``."""
    return [
        sum(weight * factor * planes[:, channel] for channel, weight in enumerate(row))  # type: ignore[misc]
        for row, factor in zip(matrix, scale, strict=True)
    ]
