"""Colour hints of a user: drawn as the generator's input, and kept to the objects that they lie on.

A hint map is what the generator is given of hints: (1, 3, h, w), or (3, h, w) as an array, a / 110 and b / 110 where a
colour is given, 0 elsewhere, then the 0/1 mask of these places.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import AB_MAX, Floats, rgb_to_lab

DEFAULT_RADIUS = 2.5  # pixels of the network's grid; training draws 0.5 to 6
Distance: TypeAlias = Callable[[Floats, npt.NDArray[np.bool_]], npt.NDArray[np.float64]]
HINT_REACH = 2.2  # geodesic distance at which 37 % of a hint's colour is left; at 1.4 times as much it is 2 %
FARTHEST = 4 * HINT_REACH  # geodesic distance from which on no hint counts, so it is not followed further
SETTLED = 1e-3  # of a geodesic distance: what is too little to be passed on
PATH_COST = 1.28  # of a path as long as the picture's short side
EDGE_COST = 0.12  # of a step in lightness, per unit of L
DISTANCE_SIDE = 256  # short side in pixels on which distances are computed; a larger grid gets them enlarged


@dataclass(frozen=True)
class Hint:
    """A disc of the photo, or a brush's stroke, of a known colour; only hue and chroma count, the lightness stays.

    Attributes:
        x: Pixels from the left edge of the upright photo, 0 is the first column.
        y: Pixels from the top edge.
        color: ``#rrggbb``, sRGB.
        radius: Pixels of the photo; None: 2.5 pixels of the network's grid.
        path: Further points (x, y) that a brush has gone through from the first; empty: a disc alone.

    Raises:
        ValueError: The colour is not ``#rrggbb``, or a number is not finite or the radius not above 0.
    """

    x: float
    y: float
    color: str
    radius: float | None = None
    path: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.color, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", self.color):
            raise ValueError(f"hint colour {self.color!r:.40} is not #rrggbb, such as #c03020")
        for point in self.points:
            if len(point) != 2 or not all(map(_is_finite, point)):
                raise ValueError(f"hint position {','.join(map(repr, point))} is not two numbers")
        if self.radius is not None and not (_is_finite(self.radius) and self.radius > 0):
            raise ValueError(f"hint radius {self.radius!r:.40} is not above 0 pixels")

    @classmethod
    def parse(cls, text: str) -> Hint:
        """Return the hint of ``x,y,#rrggbb[,radius]``, or of a stroke, ``x,y,x,y,...,#rrggbb[,radius]``.

        Raises:
            ValueError: The text has another form, or a value is out of range.
        """
        parts = [part.strip() for part in text.split(",")]
        place = next((index for index, part in enumerate(parts) if part.startswith("#")), 2)
        try:
            numbers, radius = [float(part) for part in parts[:place]], [float(part) for part in parts[place + 1 :]]
        except ValueError as error:
            raise ValueError(f"hint {text!r:.80} is not x,y,#rrggbb or x,y,#rrggbb,radius") from error
        if not numbers or len(numbers) % 2 or len(radius) > 1 or place >= len(parts):
            raise ValueError(f"hint {text!r:.80} is not x,y,#rrggbb or x,y,#rrggbb,radius")
        (x, y), *path = zip(numbers[::2], numbers[1::2], strict=True)
        return cls(x, y, parts[place], *(radius or [None]), path=tuple(path))

    def __str__(self) -> str:
        """Return the text that ``parse`` reads."""
        points = ",".join(f"{x:.10g},{y:.10g}" for x, y in self.points)
        radius = "" if self.radius is None else f",{self.radius:.10g}"
        return f"{points},{self.color}{radius}"

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """All points (x, y) of the stroke; of a disc its one."""
        return ((self.x, self.y), *self.path)

    @property
    def ab(self) -> tuple[float, float]:
        """The colour's a and b, in Lab units."""
        rgb = np.frombuffer(bytes.fromhex(self.color[1:]), np.uint8).reshape(1, 1, 3)
        _, a, b = rgb_to_lab(rgb)[0, 0].tolist()
        return a, b


def _is_finite(value: object) -> bool:
    """Tell whether a value is a number, and finite."""
    return isinstance(value, Real) and math.isfinite(value)


def draw_hints(hints: Sequence[Hint], photo_size: tuple[int, int], grid_size: tuple[int, int]) -> Floats:
    """Return the hint map (3, h, w) of hints, which gives their colours inside their discs and strokes.

    Every hint covers at least one pixel of the grid; a later hint lies on top of an earlier one.

    Args:
        hints: In pixels of the photo.
        photo_size: (height, width) of the photo.
        grid_size: (h, w) of the network's grid.

    Raises:
        ValueError: A hint lies outside the photo.
    """
    rows, columns = grid_size
    hint_map = np.zeros((3, rows, columns), np.float32)
    for hint in hints:
        check_inside(hint, photo_size)
        a, b = hint.ab
        hint_map[:, _covered(hint, photo_size, grid_size)] = np.array([[a / AB_MAX], [b / AB_MAX], [1]], np.float32)
    return hint_map


def check_inside(hint: Hint, photo_size: tuple[int, int]) -> None:
    """Check that a hint lies in a photo of (height, width).

    Raises:
        ValueError: A point of it lies outside.
    """
    height, width = photo_size
    for x, y in hint.points:
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"hint at {x:g},{y:g} lies outside the photo, which is {width} x {height} pixels; "
                f"x goes from 0 to {width - 1}, y from 0 to {height - 1}"
            )


def _covered(hint: Hint, photo_size: tuple[int, int], grid_size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the 0/1 mask (h, w) of the grid's pixels within a hint's radius of its points and of the lines between."""
    (height, width), (rows, columns) = photo_size, grid_size
    radius = DEFAULT_RADIUS if hint.radius is None else hint.radius * math.sqrt(rows / height * columns / width)
    points = [
        (min((x + 0.5) * columns / width - 0.5, columns - 1), min((y + 0.5) * rows / height - 0.5, rows - 1))
        for x, y in hint.points
    ]
    covered = np.zeros(grid_size, bool)
    for (x, y), (end_x, end_y) in itertools.pairwise([points[0], *points]):
        low_y, low_x = (max(0, math.floor(min(pair) - radius)) for pair in ((y, end_y), (x, end_x)))
        box = (
            slice(low_y, math.ceil(max(y, end_y) + radius) + 1),
            slice(low_x, math.ceil(max(x, end_x) + radius) + 1),
        )
        covered[box] |= _near_line((x, y), (end_x, end_y), radius, low_y, low_x, covered[box].shape)
        covered[max(0, round(end_y)), max(0, round(end_x))] = True
    return covered


def _near_line(
    start: tuple[float, float],
    end: tuple[float, float],
    radius: float,
    low_y: int,
    low_x: int,
    size: tuple[int, ...],
) -> npt.NDArray[np.bool_]:
    """Return the mask of the pixels of a box within a radius of a line; ``low_y`` and ``low_x`` are its corner."""
    y_grid, x_grid = np.mgrid[low_y : low_y + size[0], low_x : low_x + size[1]]
    (x, y), (step_x, step_y) = start, (end[0] - start[0], end[1] - start[1])
    length = step_x**2 + step_y**2
    if not length:
        return (x_grid - x) ** 2 + (y_grid - y) ** 2 <= radius**2
    share = np.clip(((x_grid - x) * step_x + (y_grid - y) * step_y) / length, 0, 1)  # along the line, of the nearest
    return (x_grid - x - share * step_x) ** 2 + (y_grid - y - share * step_y) ** 2 <= radius**2


def resize_hint_map(hint_map: Floats, size: tuple[int, int]) -> Floats:
    """Return a hint map (1, 3, h, w) at another size; a pixel has a hint where any of its source pixels has one.

    Raises:
        ValueError: The map is not (1, 3, h, w).
    """
    if hint_map.ndim != 4 or hint_map.shape[:2] != (1, 3):
        raise ValueError(f"a hint map must be (1, 3, h, w), not {tuple(hint_map.shape)}")
    hint_map = np.asarray(hint_map, np.float32)
    if hint_map.shape[2:] == size:
        return hint_map
    colors, share = _cell_means(hint_map[:, :2] * hint_map[:, 2:], size), _cell_means(hint_map[:, 2:], size)
    # The mean over the hinted pixels alone: holes are not grey.
    mean = colors / np.maximum(share, np.float32(1e-6))
    return np.concatenate([mean, share > 0], axis=1, dtype=np.float32)


def _cell_means(planes: Floats, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return planes (..., h, w) at another size; a pixel is the mean of all source pixels that it covers in part."""
    result = planes.astype(np.float64)
    for axis, count in zip((-2, -1), size, strict=True):
        length = result.shape[axis]
        sums = np.insert(np.cumsum(result, axis=axis), 0, 0, axis=axis)
        cells = np.arange(count)
        first, last = cells * length // count, -(-(cells + 1) * length // count)  # rounded down, and up
        lengths = (last - first).reshape((-1, 1) if axis == -2 else (-1,))
        result = (np.take(sums, last, axis=axis) - np.take(sums, first, axis=axis)) / lengths
    return result


def blend_by_distance(
    lightness: Floats,
    hint_map: Floats,
    plain: Floats,
    hinted: Floats,
    saturation: float = 1.0,
    distance: Distance | None = None,
) -> Floats:
    """Return ab (h, w, 2) in which hints colour the objects that they lie on, and nothing else has changed.

    The network alone spreads a hint like a drop of ink: across edges, and thinner from pixel to pixel. So its answer to
    the hints is blended in by each pixel's geodesic distance to a hint, along paths that avoid steps in lightness (as
    in Yatziv and Sapiro 2006), and near a hint the colour is the hint's own.

    Args:
        lightness: (h, w), L 0..100, of the network's grid.
        hint_map: (3, h, w), ``draw_hints``'s result.
        plain: (h, w, 2), Lab units: the network's ab without the hints.
        hinted: (h, w, 2), Lab units: its ab with them.
        saturation: Factor that ``plain`` and ``hinted`` have been scaled by.
        distance: Returns what ``geodesic_distance`` does, perhaps from memory; None: that itself.
    """
    hint_ab, share = _near_colors(lightness, hint_map, saturation, distance or geodesic_distance)
    limited = plain + share * (hinted - plain)
    return (limited + share * (hint_ab - limited)).astype(np.float32)


def spread_hints(
    lightness: Floats, hint_map: Floats, plain: Floats, hinted: Floats, saturation: float = 1.0
) -> tuple[Floats, Floats]:
    """Return the ab (h, w, 2) that hints say, and how far they say it, (h, w), 0..1.

    The arguments are those of ``blend_by_distance``, whose result is ``plain`` with these in its place, as far as they
    say it.
    """
    hint_ab, share = _near_colors(lightness, hint_map, saturation, geodesic_distance)
    ab = hinted + hint_ab - plain - share * (hinted - plain)
    return ab.astype(np.float32), share[..., 0].astype(np.float32)


def _near_colors(
    lightness: Floats, hint_map: Floats, saturation: float, distance: Distance
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the ab (h, w, 2) of the hints near each pixel, and how near they are, (h, w, 1), 0..1."""
    colors = np.unique(hint_map[:2, hint_map[2] > 0].T, axis=0)
    nearest, weights = np.full(lightness.shape, np.inf), np.zeros(lightness.shape)
    weighted = np.zeros((*lightness.shape, 2))
    for color in colors:  # one after the other, for there may be a thousand
        found = distance(lightness, (hint_map[2] > 0) & (np.moveaxis(hint_map[:2], 0, -1) == color).all(axis=-1))
        # A pixel between two hints belongs to the nearer one; the fourth power leaves a seam as wide as the doubt.
        weight = 1 / (found**4 + 1e-6)
        weights += weight
        weighted += weight[..., None] * color
        np.minimum(nearest, found, out=nearest)
    hint_ab = weighted / weights[..., None] * (AB_MAX * saturation)
    share = np.exp(-((nearest / HINT_REACH) ** 4))[..., None]  # flat within an object, steep at its edge
    return hint_ab, share


def geodesic_distance(lightness: Floats, start: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the cost (h, w) of the cheapest path from ``start`` to each pixel.

    A path as long as the short side costs 1.28, and each unit of L that it climbs or falls 0.12. What is further away
    than ``FARTHEST`` is said to be as far as that.

    Args:
        lightness: (h, w), L 0..100.
        start: (h, w), at least one pixel of it set.
    """
    size = lightness.shape
    scale = min(1.0, DISTANCE_SIDE / min(size))
    if scale < 1:
        small = (max(1, round(size[1] * scale)), max(1, round(size[0] * scale)))
        small_start = cv2.resize(start.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0
        small_lightness = np.asarray(cv2.resize(lightness, small, interpolation=cv2.INTER_AREA), np.float32)
        distances = geodesic_distance(small_lightness, small_start)
        return np.where(start, 0, np.maximum(cv2.resize(distances, size[::-1], interpolation=cv2.INTER_LINEAR), 0))
    smooth = cv2.bilateralFilter(np.asarray(lightness, np.float32), 5, 8, 2).astype(np.float64)  # grain is no edge
    step = PATH_COST / min(size)
    horizontal = np.abs(np.diff(smooth, axis=1)) * EDGE_COST + step
    from_left = np.concatenate([np.zeros((size[0], 1)), horizontal.cumsum(axis=1)], axis=1)  # along each row
    vertical = np.abs(np.diff(smooth, axis=0)) * EDGE_COST + step
    down_right = np.abs(smooth[1:, 1:] - smooth[:-1, :-1]) * EDGE_COST + step * math.sqrt(2)
    down_left = np.abs(smooth[1:, :-1] - smooth[:-1, 1:]) * EDGE_COST + step * math.sqrt(2)
    distances = np.where(start, 0.0, FARTHEST)
    begun = np.flatnonzero(start.any(axis=1)).tolist()
    for y in begun:
        _relax_along_row(distances[y], from_left[y])

    def relax(y: int, neighbour: int, straight: npt.NDArray, rightwards: npt.NDArray, leftwards: npt.NDArray) -> bool:
        before = distances[y].copy()
        _relax_from_row(distances[y], distances[neighbour], straight, rightwards, leftwards)
        _relax_along_row(distances[y], from_left[y])
        return (before - distances[y]).max() > SETTLED

    # Sweeps down and up, in which only those rows pass on anything that have changed since they last did so.
    downwards, upwards = set(begun), set(begun)
    while downwards or upwards:
        for y in range(1, size[0]):
            if y - 1 in downwards and relax(y, y - 1, vertical[y - 1], down_right[y - 1], down_left[y - 1]):
                downwards.add(y)
                upwards.add(y)
        downwards.clear()
        for y in range(size[0] - 2, -1, -1):
            if y + 1 in upwards and relax(y, y + 1, vertical[y], down_left[y], down_right[y]):
                downwards.add(y)
                upwards.add(y)
        upwards.clear()
    return distances


def _relax_from_row(
    row: npt.NDArray[np.float64],
    neighbour: npt.NDArray[np.float64],
    straight: npt.NDArray[np.float64],
    rightwards: npt.NDArray[np.float64],
    leftwards: npt.NDArray[np.float64],
) -> None:
    """Shorten a row's distances by paths from a neighbouring row, straight and diagonally; the others are costs."""
    np.minimum(row, neighbour + straight, out=row)
    np.minimum(row[1:], neighbour[:-1] + rightwards, out=row[1:])
    np.minimum(row[:-1], neighbour[1:] + leftwards, out=row[:-1])


def _relax_along_row(row: npt.NDArray[np.float64], from_left: npt.NDArray[np.float64]) -> None:
    """Shorten a row's distances by paths within it, given the cost from its left end to each pixel."""
    np.minimum(row, from_left + np.minimum.accumulate(row - from_left), out=row)
    np.minimum(row, np.minimum.accumulate((row + from_left)[::-1])[::-1] - from_left, out=row)
