"""The ICC file format: tags and look-up tables (ICC.1:2022)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from colorize.color.spaces import CURVE_SAMPLES, Floats

D50 = (0.9642, 1.0, 0.8249)
"""The white of a profile's connection space."""
LEGACY_LAB = 65535 / 65280  # 10.10: the 16-bit Lab of version 2 gives 100 to 0xff00
XYZ_RANGE = 1 + 32767 / 32768  # 6.3.4.2
TABLE_TAGS = (b"A2B1", b"A2B0")  # relative colorimetric, then perceptual
MAX_NODES = 1 << 24  # 64 nodes along each of four axes; more is a damaged file


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a profile: device values -> XYZ.

    Attributes:
        first: Curve of each device channel.
        sides: Nodes along each channel's axis; empty: there is no grid.
        grid: (nodes, 3), the first channel changing slowest.
        middle: Curves of the three values between grid and matrix; empty: none.
        matrix: (3, 4), the last column is added.
        last: Curves of the three values at the end.
        scale: Encoded 0..1 -> connection space, the factor.
        offset: What is added then.
        is_lab: The connection space is Lab, else XYZ.
    """

    first: list[Curve]
    sides: tuple[int, ...]
    grid: Floats
    middle: list[Curve]
    matrix: npt.NDArray[np.float64]
    last: list[Curve]
    scale: float | npt.NDArray[np.float64]
    offset: float | npt.NDArray[np.float64]
    is_lab: bool

    def xyz(self, levels: npt.NDArray[np.uint16]) -> Floats:
        """Return XYZ relative to the D50 white, so that white is (1, 1, 1).

        Args:
            levels: (N, channels), 0..65535.

        Returns:
            (N, 3) float32.
        """
        values = np.stack([curve[levels[:, axis]] for axis, curve in enumerate(self.first)], axis=1)
        if self.sides:
            values = self._interpolate(values)
        if self.middle:
            values = apply_curves(self.middle, values)
        values = apply_curves(self.last, values @ self.matrix[:, :3].T + self.matrix[:, 3])
        values = values * self.scale + self.offset
        if not self.is_lab:
            return (values / np.array(D50)).astype(np.float32)
        fy = (values[:, :1] + 16) / 116
        f = np.concatenate([fy + values[:, 1:2] / 500, fy, fy - values[:, 2:] / 200], axis=1)
        return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)).astype(np.float32)

    def black(self) -> float:
        """Return Y of the darkest of the device's extreme colours, such as all inks or no light; at most 0.5."""
        corners = np.array(np.meshgrid(*[[0, 65535]] * len(self.first), indexing="ij"), np.uint16)
        return float(np.clip(self.xyz(corners.reshape(len(self.first), -1).T)[:, 1].min(), 0, 0.5))

    def _interpolate(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the grid between its nodes, linear in the simplex around each value (a tetrahedron for RGB)."""
        sides = np.array(self.sides)
        strides = np.array([math.prod(self.sides[axis + 1 :]) for axis in range(len(sides))])
        position = values * (sides - 1)
        base = np.minimum(position.astype(np.int64), sides - 2)
        order = np.argsort(base - position, axis=1)  # the axis with the largest fraction first
        fraction = np.take_along_axis(position - base, order, axis=1)
        share = -np.diff(fraction, axis=1, prepend=1, append=0)
        index = base @ strides
        result = self.grid[index] * share[:, :1]
        for step in range(len(sides)):
            index = index + strides[order[:, step]]
            result += self.grid[index] * share[:, step + 1 : step + 2]
        return result


def read_tags(profile: bytes) -> dict[bytes, bytes]:
    """Return the content of a profile's tags by name."""
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for index in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = profile[offset : offset + size]
    return tags


def read_xyz(tag: bytes) -> list[float]:
    """Return the first triple of an XYZ tag."""
    return [value / S15_FIXED_16 for value in struct.unpack_from(">3i", tag, 8)]


def read_table(profile: bytes) -> Table:
    """Return the table that leads from a profile's device values to XYZ.

    Raises:
        ValueError, KeyError, struct.error: There is none, or it is damaged.
    """
    tags = read_tags(profile)
    tag = tags[TABLE_TAGS[0]] if TABLE_TAGS[0] in tags else tags[TABLE_TAGS[1]]
    is_lab = profile[20:24] == b"Lab "
    if tag[:4] in (b"mft1", b"mft2"):
        table = _read_lut(tag, is_lab)
    elif tag[:4] == b"mAB ":
        table = _read_lut_a_to_b(tag, is_lab)
    else:
        raise ValueError(f"table of type {tag[:4]!r}")
    if not is_lab and profile[20:24] != b"XYZ ":
        raise ValueError(f"connection space {profile[20:24]!r}")
    return table


def _read_lut(tag: bytes, is_lab: bool) -> Table:
    """Return a lut8Type or lut16Type (10.10, 10.11); its matrix is for XYZ devices only."""
    wide = tag[:4] == b"mft2"
    channels, outputs, side = struct.unpack_from(">3B", tag, 8)
    count_in, count_out = struct.unpack_from(">2H", tag, 48) if wide else (256, 256)
    sizes = (channels * count_in, _count_nodes((side,) * channels, outputs) * 3, 3 * count_out)
    kind, start = (">u2", 52) if wide else ("u1", 48)
    numbers = np.frombuffer(tag, kind, sum(sizes), start) / (65535 if wide else 255)
    first, grid, last = np.split(numbers, np.cumsum(sizes)[:2])
    return Table(
        [resample(curve) for curve in first.reshape(channels, -1)],
        (side,) * channels,
        grid.reshape(-1, 3).astype(np.float32),
        [],
        np.eye(3, 4),
        [resample(curve) for curve in last.reshape(3, -1)],
        *_encoding(is_lab, LEGACY_LAB if wide else 1.0),
        is_lab,
    )


def _read_lut_a_to_b(tag: bytes, is_lab: bool) -> Table:
    """Return a lutAToBType (10.12): A curves, grid, M curves, matrix, B curves."""
    channels, outputs = struct.unpack_from(">2B", tag, 8)
    at_b, at_matrix, at_m, at_grid, at_a = struct.unpack_from(">5I", tag, 12)
    sides: tuple[int, ...] = ()
    grid = np.zeros((0, 3), np.float32)
    matrix = np.eye(3, 4)
    if at_grid:
        sides = struct.unpack_from(f">{channels}B", tag, at_grid)
        count, width = _count_nodes(sides, outputs) * 3, tag[at_grid + 16]
        numbers = np.frombuffer(tag, ">u2" if width == 2 else "u1", count, at_grid + 20)
        grid = (numbers / (65535 if width == 2 else 255)).reshape(-1, 3).astype(np.float32)
    elif channels != 3:
        raise ValueError(f"{channels} channels without a grid")
    if at_matrix:
        values = np.array(struct.unpack_from(">12i", tag, at_matrix)) / S15_FIXED_16
        matrix = np.concatenate([values[:9].reshape(3, 3), values[9:, None]], axis=1)
    identity = [np.linspace(0, 1, CURVE_SAMPLES)] * channels
    return Table(
        read_curves(tag, at_a, channels) if at_a else identity,
        sides,
        grid,
        read_curves(tag, at_m, 3) if at_m else [],
        matrix,
        read_curves(tag, at_b, 3),
        *_encoding(is_lab, 1.0),
        is_lab,
    )


def _count_nodes(sides: tuple[int, ...], outputs: int) -> int:
    count = math.prod(sides)
    if not 1 <= len(sides) <= 4 or outputs != 3 or min(sides) < 2 or count > MAX_NODES:
        raise ValueError(f"grid of {sides} nodes and {outputs} values")
    return count


def _encoding(is_lab: bool, factor: float) -> tuple[float | npt.NDArray[np.float64], float | npt.NDArray[np.float64]]:
    """Return scale and offset from encoded 0..1 to the connection space."""
    if is_lab:
        return np.array([100.0, 255.0, 255.0]) * factor, np.array([0.0, -128.0, -128.0])
    return XYZ_RANGE, 0.0


S15_FIXED_16 = 65536.0

Curve = npt.NDArray[np.float64]
"""(CURVE_SAMPLES,) 0..1 of evenly spaced 0..1."""


def read_curve(tag: bytes) -> Curve:
    """Return a curve tag (10.6, 10.18), rising.

    Raises:
        ValueError: Another type, or a curve that does not rise.
    """
    level = np.linspace(0, 1, CURVE_SAMPLES)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return level
        if count == 1:
            return level ** (struct.unpack_from(">H", tag, 12)[0] / 256)
        curve = resample(np.array(struct.unpack_from(f">{count}H", tag, 12)) / 65535)
    elif tag[:4] == b"para":
        curve = _parametric(struct.unpack_from(">H", tag, 8)[0], tag, level)
    else:
        raise ValueError(f"curve of type {tag[:4]!r}")
    curve = np.maximum.accumulate(np.clip(curve, 0, 1))
    if curve[-1] <= curve[0]:
        raise ValueError("curve that does not rise")
    return curve


def read_curves(tag: bytes, start: int, count: int) -> list[Curve]:
    """Return curves that follow each other, each filled up to four bytes.

    Args:
        tag: That holds them.
        start: Byte at which the first begins.
        count: How many.

    Raises:
        ValueError: Another type, or a curve that does not rise.
    """
    curves = []
    for _ in range(count):
        part = tag[start:]
        if part[:4] == b"curv":
            size = 12 + 2 * struct.unpack_from(">I", part, 8)[0]
        else:
            size = 12 + 4 * _parameter_count(struct.unpack_from(">H", part, 8)[0])
        curves.append(read_curve(part[:size]))
        start += size + -size % 4
    return curves


def _parameter_count(kind: int) -> int:
    counts = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
    if kind not in counts:
        raise ValueError(f"parametric curve {kind}")
    return counts[kind]


def _parametric(kind: int, tag: bytes, level: Curve) -> Curve:
    """Return a curve of table 68: (a x + b)^g + e above d, c x + f below."""
    g, *rest = (value / S15_FIXED_16 for value in struct.unpack_from(f">{_parameter_count(kind)}i", tag, 12))
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b, *offset = rest
        d = -b / a
        e = f = offset[0] if offset else 0.0
    elif kind == 3:
        a, b, c, d = rest
    elif kind == 4:
        a, b, c, d, e, f = rest
    return np.where(level >= d, np.maximum(a * level + b, 0) ** g + e, c * level + f)


def resample(samples: npt.NDArray[np.float64]) -> Curve:
    """Return a curve of evenly spaced samples, linear between them."""
    return np.interp(np.linspace(0, 1, CURVE_SAMPLES), np.linspace(0, 1, len(samples)), samples)


def apply_curves(curves: list[Curve], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values (N, 3) after a curve each, linear between its samples: rounding would cost 16-bit levels."""
    position = np.clip(values, 0, 1) * (CURVE_SAMPLES - 1)
    index = np.minimum(position.astype(np.int64), CURVE_SAMPLES - 2)
    fraction = position - index
    columns = [
        curve[index[:, axis]] * (1 - fraction[:, axis]) + curve[index[:, axis] + 1] * fraction[:, axis]
        for axis, curve in enumerate(curves)
    ]
    return np.stack(columns, axis=1)
