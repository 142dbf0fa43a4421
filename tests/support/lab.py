"""Lab pictures for tests: of one colour, and checkerboards of two."""

from __future__ import annotations

import numpy as np


def flat_lab(lightness: float, a: float, b: float, height: int = 24, width: int = 32) -> np.ndarray:
    """Return a Lab picture (height, width, 3) float32 of one colour."""
    return np.tile(np.float32([lightness, a, b]), (height, width, 1))


def checker(first: tuple[float, float], second: tuple[float, float], cell: int = 4) -> np.ndarray:
    """Return a checkerboard (24, 32, 3) of L 60 and two colours (a, b), its cells of ``cell`` pixels a side."""
    y, x = np.mgrid[:24, :32] // cell
    lab = flat_lab(60, *first)
    lab[(x + y) % 2 == 1, 1:] = second
    return lab
