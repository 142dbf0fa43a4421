"""Lab pictures for tests: of one colour, and of two by turns."""

from __future__ import annotations

import numpy as np


def flat_lab(lightness: float, a: float, b: float, height: int = 24, width: int = 32) -> np.ndarray:
    """Return a Lab picture of one colour."""
    return np.tile(np.float32([lightness, a, b]), (height, width, 1))


def checker(first: tuple[float, float], second: tuple[float, float], cell: int = 4) -> np.ndarray:
    """Return a Lab picture (24, 32, 3) of L 60 whose cells have two colours by turns."""
    y, x = np.mgrid[:24, :32] // cell
    lab = flat_lab(60, *first)
    lab[(x + y) % 2 == 1, 1:] = second
    return lab
