"""sRGB <-> CIE Lab (D65), for arrays and for tensors, and the network's units.

Both halves follow the formulas of IEC 61966-2-1 (sRGB) and CIE 15 (Lab, 2 degree observer, D65 white): the tensors so
that they can be differentiated, the arrays because OpenCV's float conversion from sRGB goes through a table that
leaves 513 of the 65,536 lightnesses of a 16-bit ramp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from colorize.color.spaces import RGB_TO_XYZ, WHITE, XYZ_TO_RGB

if TYPE_CHECKING:
    from torch import Tensor
from colorize.color.lab import AB_MAX, DELTA, L_HALF


def rgb_tensor_to_lab(rgb: Tensor) -> Tensor:
    """Return Lab in network units.

    Args:
        rgb: (B, 3, H, W), sRGB 0..1.

    Returns:
        (B, 3, H, W): L / 50 - 1, a / 110, b / 110.
    """
    import torch

    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    x, y, z = _mix(linear, RGB_TO_XYZ, scale=tuple(1 / white for white in WHITE))
    fx, fy, fz = (
        torch.where(t > DELTA**3, t.clamp_min(DELTA**3) ** (1 / 3), t / (3 * DELTA**2) + 4 / 29) for t in (x, y, z)
    )
    lightness = (116 * fy - 16) / L_HALF - 1
    return torch.stack([lightness, 500 * (fx - fy) / AB_MAX, 200 * (fy - fz) / AB_MAX], dim=1)


def lab_tensor_to_rgb(lab: Tensor) -> Tensor:
    """Return sRGB, clamped to 0..1; differentiable inside the gamut.

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
    linear = torch.stack(_mix(torch.stack(xyz, dim=1), XYZ_TO_RGB), dim=1).clamp(0, 1)
    # The power's slope is infinite at 0; clamping its argument keeps the unused branch's gradient finite.
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def _mix(
    planes: Tensor, matrix: tuple[tuple[float, ...], ...], scale: tuple[float, ...] = (1.0, 1.0, 1.0)
) -> list[Tensor]:
    """Multiply the three planes of (B, 3, H, W) by a 3x3 matrix, row by row."""
    return [
        sum(weight * factor * planes[:, channel] for channel, weight in enumerate(row))  # type: ignore[misc]
        for row, factor in zip(matrix, scale, strict=True)
    ]
