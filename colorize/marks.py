"""Colour marks: what a user says about colours, and how it is drawn for the generator."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from colorize.lab import AB_MAX, Floats, rgb_to_lab

DEFAULT_RADIUS = 2.5
"""In pixels of the network's grid; training draws 0.5 to 6."""


@dataclass(frozen=True)
class Mark:
    """A disc of the photo that has a known colour; only hue and chroma count, the photo keeps its lightness.

    Attributes:
        x: Pixels from the left edge of the upright photo, 0 is the first column.
        y: Pixels from the top edge.
        color: ``#rrggbb``, sRGB.
        radius: Pixels of the photo; None: 2.5 pixels of the picture that the network sees.
    """

    x: float
    y: float
    color: str
    radius: float | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.color):
            raise ValueError(f"mark colour {self.color!r} is not #rrggbb, such as #c03020")
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise ValueError(f"mark position {self.x},{self.y} is not two numbers")
        if self.radius is not None and not (math.isfinite(self.radius) and self.radius > 0):
            raise ValueError(f"mark radius {self.radius} is not above 0 pixels")

    @classmethod
    def parse(cls, text: str) -> Mark:
        """Return the mark of ``x,y,#rrggbb[,radius]``.

        Raises:
            ValueError: It is written in another way.
        """
        parts = [part.strip() for part in text.split(",")]
        if len(parts) not in (3, 4):
            raise ValueError(f"mark {text!r} is not x,y,#rrggbb or x,y,#rrggbb,radius")
        try:
            x, y, *radius = (float(part) for part in (*parts[:2], *parts[3:]))
        except ValueError as error:
            raise ValueError(f"mark {text!r} is not x,y,#rrggbb or x,y,#rrggbb,radius") from error
        return cls(x, y, parts[2], *radius)

    @property
    def ab(self) -> tuple[float, float]:
        """Return a and b of the colour, in Lab units."""
        rgb = np.frombuffer(bytes.fromhex(self.color[1:]), np.uint8).reshape(1, 1, 3)
        _, a, b = rgb_to_lab(rgb)[0, 0].tolist()
        return a, b


def draw_hints(marks: Sequence[Mark], photo_size: tuple[int, int], grid_size: tuple[int, int]) -> Floats:
    """Return the hints (3, h, w) of marks: a / 110 and b / 110 inside their discs, 0 elsewhere, then the 0/1 mask.

    Every mark covers at least one pixel of the grid; a later mark lies on top of an earlier one.

    Args:
        marks: In pixels of the photo.
        photo_size: (height, width) of the photo.
        grid_size: (h, w) of what the network sees.

    Raises:
        ValueError: A mark lies outside the photo.
    """
    height, width = photo_size
    rows, columns = grid_size
    hints = np.zeros((3, rows, columns), np.float32)
    y_grid, x_grid = np.mgrid[:rows, :columns]
    for mark in marks:
        if not (0 <= mark.x < width and 0 <= mark.y < height):
            raise ValueError(
                f"mark at {mark.x:g},{mark.y:g} lies outside the photo, which is {width} x {height} pixels; "
                f"x goes from 0 to {width - 1}, y from 0 to {height - 1}"
            )
        scale = math.sqrt(rows / height * columns / width)
        radius = DEFAULT_RADIUS if mark.radius is None else mark.radius * scale
        x = min((mark.x + 0.5) * columns / width - 0.5, columns - 1)
        y = min((mark.y + 0.5) * rows / height - 0.5, rows - 1)
        disc = (x_grid - x) ** 2 + (y_grid - y) ** 2 <= radius**2
        disc[max(0, round(y)), max(0, round(x))] = True
        a, b = mark.ab
        hints[:, disc] = np.array([[a / AB_MAX], [b / AB_MAX], [1]], np.float32)
    return hints
