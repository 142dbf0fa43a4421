"""Colour encodings that a file names by numbers: code points (ITU-T H.273), a gamma, or chromaticities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from colorize.color.lab import Picture, lab_to_rgb, rgb_to_lab, strips
from colorize.color.spaces import CURVE_SAMPLES, SRGB, ColorSpace

D65 = (0.3127, 0.3290)
PRIMARIES = {
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),  # BT.709, sRGB
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
}
"""ColourPrimaries (H.273, table 2) -> x, y of red, green and blue; all with the white D65."""
LINEAR, SRGB_CURVE, BT709_CURVES = 8, 13, (1, 6, 14, 15)  # TransferCharacteristics (H.273, table 3)
GAMMAS = {4: 2.2, 5: 2.8}
UNSPECIFIED = 2


def space_of_code_points(primaries: int, transfer: int) -> ColorSpace | None:
    """Return the colour space of H.273's code points; None: it is of high dynamic range, or not known."""
    corners = PRIMARIES.get(1 if primaries == UNSPECIFIED else primaries)
    level = np.linspace(0, 1, CURVE_SAMPLES)
    if transfer == LINEAR:
        curve = level
    elif transfer in (SRGB_CURVE, UNSPECIFIED):
        curve = SRGB.curves[0]
    elif transfer in BT709_CURVES:
        curve = np.where(level < 0.081, level / 4.5, ((level + 0.099) / 1.099) ** (1 / 0.45))
    elif transfer in GAMMAS:
        curve = level ** GAMMAS[transfer]
    else:
        return None
    return None if corners is None else ColorSpace(_matrix(corners, D65), np.stack([curve] * 3))


def space_of_gamma(gamma: float, corners: Sequence[float] = PRIMARIES[1], white: Sequence[float] = D65) -> ColorSpace:
    """Return the colour space of one gamma, in which light is level ** gamma.

    Args:
        gamma: Over 0.
        corners: x, y of red, green and blue.
        white: x, y of the white, which is shown as D65.

    Raises:
        ValueError: The chromaticities make no colour space.
    """
    return ColorSpace(_matrix(corners, white), np.stack([np.linspace(0, 1, CURVE_SAMPLES) ** gamma] * 3))


def _matrix(corners: Sequence[float], white: Sequence[float]) -> np.ndarray:
    """Return (3, 3) linear RGB -> XYZ / white, from chromaticities x, y (Lindbloom)."""
    if tuple(corners) == PRIMARIES[1] and tuple(white) == D65:
        return SRGB.matrix
    points = np.array([*corners, *white], np.float64).reshape(4, 2)
    if np.any(points[:, 1] <= 0):
        raise ValueError(f"the chromaticities {points.tolist()} make no colour space")
    xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(axis=1)]) / points[:, 1]
    columns = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
    return columns / columns.sum(axis=1, keepdims=True)


def convert_to_srgb(picture: Picture, space: ColorSpace) -> Picture:
    """Return a grey (H, W) or RGB (H, W, 3) picture of a colour space as sRGB of the same dtype, its lightness kept."""
    if picture.ndim == 3:
        converted = np.empty_like(picture)
        for rows in strips(picture.shape[:2]):
            converted[rows] = lab_to_rgb(rgb_to_lab(picture[rows], space), picture.dtype)
        return converted
    levels = np.arange(np.iinfo(picture.dtype).max + 1, dtype=picture.dtype)
    light = space.curves[0][np.round(np.linspace(0, CURVE_SAMPLES - 1, len(levels))).astype(int)]
    encoded = np.interp(light, SRGB.curves[0], np.linspace(0, 1, CURVE_SAMPLES)) * (len(levels) - 1)
    return np.round(encoded).astype(picture.dtype)[picture]
