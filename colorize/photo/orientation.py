"""Orientation: a picture is turned upright when it is read, and stays so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from colorize.photo.exif import SIDEWAYS


def turn_upright(array: npt.NDArray, orientation: int) -> npt.NDArray:
    """Return an array (H, W) or (H, W, C) of an EXIF orientation, 1..8, turned upright (CIPA DC-008, 4.6.5.1)."""
    if orientation in SIDEWAYS:
        array = np.swapaxes(array, 0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def turn_dpi(dpi: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Return the horizontal and vertical resolution of an upright picture, given those of an EXIF orientation."""
    return (dpi[1], dpi[0]) if dpi and orientation in SIDEWAYS else dpi
