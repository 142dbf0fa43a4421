"""The ICC file format (ICC.1:2022): tags, tone curves and look-up tables; numbers in brackets are its sections."""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from colorize.color.spaces import CURVE_SAMPLES, Floats

D50 = (0.9642, 1.0, 0.8249)
"""XYZ of the white of the profile connection space."""
S15_FIXED_16 = 65536.0  # the number that an s15Fixed16Number of 1 is stored as
LEGACY_LAB = 65535 / 65280  # 10.10: the 16-bit Lab of version 2 gives 100 to 0xff00
XYZ_RANGE = 1 + 32767 / 32768  # 6.3.4.2
TABLE_TAGS = (b"A2B1", b"A2B0")  # relative colorimetric, then perceptual
PRIMARY_TAGS, CURVE_TAGS = (b"rXYZ", b"gXYZ", b"bXYZ"), (b"rTRC", b"gTRC", b"bTRC")
MAX_CLUT_NODES = 1 << 24  # 64 nodes along each of four axes; more is a damaged file

Curve = npt.NDArray[np.float64]
"""A tone curve: (CURVE_SAMPLES,) values 0..1 at evenly spaced inputs 0..1."""


def read_tags(profile: bytes) -> dict[bytes, bytes]:
    """Return the content of a profile's tags by signature.

    Raises:
        struct.error: The profile is cut off.
    """
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for index in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = profile[offset : offset + size]
    return tags


def read_xyz(tag: bytes) -> list[float]:
    """Return the first X, Y, Z of an XYZType tag."""
    return [value / S15_FIXED_16 for value in struct.unpack_from(">3i", tag, 8)]


def read_curve(tag: bytes) -> Curve:
    """Return the tone curve of a curveType (10.6) or parametricCurveType (10.18), made to rise everywhere.

    Raises:
        ValueError: It is of another type, or does not rise.
    """
    level = np.linspace(0, 1, CURVE_SAMPLES)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return level
        if count == 1:
            return level ** (struct.unpack_from(">H", tag, 12)[0] / 256)
        curve = resample_curve(np.array(struct.unpack_from(f">{count}H", tag, 12)) / 65535)
    elif tag[:4] == b"para":
        curve = _parametric(struct.unpack_from(">H", tag, 8)[0], tag, level)
    else:
        raise ValueError(f"curve of type {tag[:4]!r}")
    curve = np.maximum.accumulate(np.clip(curve, 0, 1))
    if curve[-1] <= curve[0]:
        raise ValueError("curve that does not rise")
    return curve


def read_curves(tag: bytes, offset: int, count: int) -> list[Curve]:
    """Return tone curves that follow each other in a tag, each filled up to four bytes.

    Args:
        tag: The tag that holds them.
        offset: Byte of the tag at which the first begins.
        count: Number of curves.

    Raises:
        ValueError: One is of another type, or does not rise.
    """
    curves = []
    for _ in range(count):
        rest = tag[offset:]
        if rest[:4] == b"curv":
            size = 12 + 2 * struct.unpack_from(">I", rest, 8)[0]
        else:
            size = 12 + 4 * _parameter_count(struct.unpack_from(">H", rest, 8)[0])
        curves.append(read_curve(rest[:size]))
        offset += size + -size % 4
    return curves


def _parameter_count(kind: int) -> int:
    """Return the number of parameters of a parametric curve of a function type (table 68)."""
    counts = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
    if kind not in counts:
        raise ValueError(f"parametric curve {kind}")
    return counts[kind]


def _parametric(kind: int, tag: bytes, level: Curve) -> Curve:
    """Return a parametric curve (table 68): (a x + b)^g + e from d on, c x + f below.

    Raises:
        ValueError: Of an unknown kind, or with an exponent or a slope that no tone curve has.
    """
    g, *rest = (value / S15_FIXED_16 for value in struct.unpack_from(f">{_parameter_count(kind)}i", tag, 12))
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b, *offset = rest
        if a == 0:
            raise ValueError("parametric curve without a slope")
        d = -b / a
        e = f = offset[0] if offset else 0.0
    elif kind == 3:
        a, b, c, d = rest
    elif kind == 4:
        a, b, c, d, e, f = rest
    if g <= 0:
        raise ValueError(f"parametric curve with an exponent of {g:g}")
    with np.errstate(over="ignore"):  # what is beyond all bounds is cut to 1
        return np.where(level >= d, np.maximum(a * level + b, 0) ** g + e, c * level + f)


def resample_curve(samples: npt.NDArray[np.float64]) -> Curve:
    """Return a tone curve of any number of evenly spaced samples, linear between them."""
    return np.interp(np.linspace(0, 1, CURVE_SAMPLES), np.linspace(0, 1, len(samples)), samples)


def apply_curves(curves: list[Curve], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the values of curves, linear between samples: rounding to the next sample would cost 16-bit levels.

    Args:
        curves: One for each column of ``values``.
        values: (N, 3), clipped to 0..1.

    Returns:
        (N, 3), 0..1.
    """
    position = np.clip(values, 0, 1) * (CURVE_SAMPLES - 1)
    index = np.minimum(position.astype(np.int64), CURVE_SAMPLES - 2)
    fraction = position - index
    columns = [
        curve[index[:, axis]] * (1 - fraction[:, axis]) + curve[index[:, axis] + 1] * fraction[:, axis]
        for axis, curve in enumerate(curves)
    ]
    return np.stack(columns, axis=1)


class LookupTable(NamedTuple):
    """A look-up table of a profile, from device values to XYZ: A curves, CLUT, M curves, matrix, B curves (10.12).

    Attributes:
        a_curves: Curve of each device channel.
        clut_sides: Nodes along each channel's axis; empty: there is no CLUT.
        clut: (nodes, 3), the first channel changing slowest.
        m_curves: Curves of the three values between CLUT and matrix; empty: none.
        matrix: (3, 4), the last column is added.
        b_curves: Curves of the three values at the end.
        pcs_scale: Factor from encoded 0..1 to the profile connection space.
        pcs_offset: Summand after the factor.
        is_lab: Whether the profile connection space is Lab; else it is XYZ.
    """

    a_curves: list[Curve]
    clut_sides: tuple[int, ...]
    clut: Floats
    m_curves: list[Curve]
    matrix: npt.NDArray[np.float64]
    b_curves: list[Curve]
    pcs_scale: float | npt.NDArray[np.float64]
    pcs_offset: float | npt.NDArray[np.float64]
    is_lab: bool

    def xyz(self, levels: npt.NDArray[np.uint16]) -> Floats:
        """Return the XYZ of device values.

        Args:
            levels: (N, channels), 0..65535.

        Returns:
            (N, 3) float32, relative to the D50 white, so that white is (1, 1, 1).
        """
        values = np.stack([curve[levels[:, axis]] for axis, curve in enumerate(self.a_curves)], axis=1)
        if self.clut_sides:
            values = self._interpolate(values)
        if self.m_curves:
            values = apply_curves(self.m_curves, values)
        values = apply_curves(self.b_curves, values @ self.matrix[:, :3].T + self.matrix[:, 3])
        values = values * self.pcs_scale + self.pcs_offset
        if not self.is_lab:
            return (values / np.array(D50)).astype(np.float32)
        fy = (values[:, :1] + 16) / 116
        f = np.concatenate([fy + values[:, 1:2] / 500, fy, fy - values[:, 2:] / 200], axis=1)
        return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)).astype(np.float32)

    def black_luminance(self) -> float:
        """Return Y, 0..0.5, of the darkest of the device's extreme colours, such as all inks or no light."""
        channels = len(self.a_curves)
        corners = np.array(np.meshgrid(*[[0, 65535]] * channels, indexing="ij"), np.uint16)
        return float(np.clip(self.xyz(corners.reshape(channels, -1).T)[:, 1].min(), 0, 0.5))

    def _interpolate(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the CLUT between its nodes, linear in the simplex around each value (a tetrahedron for RGB)."""
        sides = np.array(self.clut_sides)
        strides = np.array([math.prod(self.clut_sides[axis + 1 :]) for axis in range(len(sides))])
        position = values * (sides - 1)
        base = np.minimum(position.astype(np.int64), sides - 2)
        order = np.argsort(base - position, axis=1)  # the axis with the largest fraction first
        fraction = np.take_along_axis(position - base, order, axis=1)
        weights = -np.diff(fraction, axis=1, prepend=1, append=0)
        index = base @ strides
        result = self.clut[index] * weights[:, :1]
        for step in range(len(sides)):
            index = index + strides[order[:, step]]
            result += self.clut[index] * weights[:, step + 1 : step + 2]
        return result


def read_lookup_table(profile: bytes) -> LookupTable:
    """Return the look-up table that leads from a profile's device values to XYZ.

    An RGB profile without tables gives one of its curves and primaries, whatever these add up to.

    Raises:
        ValueError, KeyError, struct.error: There is none, or it is damaged.
    """
    tags = read_tags(profile)
    if PRIMARY_TAGS[0] in tags and not any(name in tags for name in TABLE_TAGS):
        return _table_of_primaries(tags)
    tag = tags[TABLE_TAGS[0]] if TABLE_TAGS[0] in tags else tags[TABLE_TAGS[1]]
    is_lab = profile[20:24] == b"Lab "
    if tag[:4] in (b"mft1", b"mft2"):
        table = _read_lut_8_or_16(tag, is_lab)
    elif tag[:4] == b"mAB ":
        table = _read_lut_a_to_b(tag, is_lab)
    else:
        raise ValueError(f"table of type {tag[:4]!r}")
    if not is_lab and profile[20:24] != b"XYZ ":
        raise ValueError(f"connection space {profile[20:24]!r}")
    return table


def _table_of_primaries(tags: dict[bytes, bytes]) -> LookupTable:
    """Return the look-up table, without a grid, that curves and primaries amount to."""
    columns = np.array([read_xyz(tags[name]) for name in PRIMARY_TAGS])
    curves = [read_curve(tags[name]) for name in CURVE_TAGS]
    matrix = np.concatenate([columns.T / XYZ_RANGE, np.zeros((3, 1))], axis=1)
    identity = [np.linspace(0, 1, CURVE_SAMPLES)] * 3
    return LookupTable(curves, (), np.zeros((0, 3), np.float32), [], matrix, identity, XYZ_RANGE, 0.0, False)


def _read_lut_8_or_16(tag: bytes, is_lab: bool) -> LookupTable:
    """Return the look-up table of a lut8Type or lut16Type (10.10, 10.11); its matrix is for XYZ devices only."""
    is_16_bit = tag[:4] == b"mft2"
    channels, outputs, side = struct.unpack_from(">3B", tag, 8)
    samples_in, samples_out = struct.unpack_from(">2H", tag, 48) if is_16_bit else (256, 256)
    sizes = (channels * samples_in, _count_nodes((side,) * channels, outputs) * 3, 3 * samples_out)
    dtype, start = (">u2", 52) if is_16_bit else ("u1", 48)
    values = np.frombuffer(tag, dtype, sum(sizes), start) / (65535 if is_16_bit else 255)
    inputs, clut, output = np.split(values, np.cumsum(sizes)[:2])
    return LookupTable(
        [resample_curve(curve) for curve in inputs.reshape(channels, -1)],
        (side,) * channels,
        clut.reshape(-1, 3).astype(np.float32),
        [],
        np.eye(3, 4),
        [resample_curve(curve) for curve in output.reshape(3, -1)],
        *_pcs_encoding(is_lab, LEGACY_LAB if is_16_bit else 1.0),
        is_lab,
    )


def _read_lut_a_to_b(tag: bytes, is_lab: bool) -> LookupTable:
    """Return the look-up table of a lutAToBType (10.12)."""
    channels, outputs = struct.unpack_from(">2B", tag, 8)
    b_offset, matrix_offset, m_offset, clut_offset, a_offset = struct.unpack_from(">5I", tag, 12)
    sides: tuple[int, ...] = ()
    clut = np.zeros((0, 3), np.float32)
    matrix = np.eye(3, 4)
    if clut_offset:
        sides = struct.unpack_from(f">{channels}B", tag, clut_offset)
        count, precision = _count_nodes(sides, outputs) * 3, tag[clut_offset + 16]  # bytes of a value
        values = np.frombuffer(tag, ">u2" if precision == 2 else "u1", count, clut_offset + 20)
        clut = (values / (65535 if precision == 2 else 255)).reshape(-1, 3).astype(np.float32)
    elif channels != 3:
        raise ValueError(f"{channels} channels without a grid")
    if matrix_offset:
        numbers = np.array(struct.unpack_from(">12i", tag, matrix_offset)) / S15_FIXED_16
        matrix = np.concatenate([numbers[:9].reshape(3, 3), numbers[9:, None]], axis=1)
    identity = [np.linspace(0, 1, CURVE_SAMPLES)] * channels
    return LookupTable(
        read_curves(tag, a_offset, channels) if a_offset else identity,
        sides,
        clut,
        read_curves(tag, m_offset, 3) if m_offset else [],
        matrix,
        read_curves(tag, b_offset, 3),
        *_pcs_encoding(is_lab, 1.0),
        is_lab,
    )


def _count_nodes(sides: tuple[int, ...], outputs: int) -> int:
    """Return the number of nodes of a CLUT with so many along each axis.

    Raises:
        ValueError: It has more than four axes or fewer than two nodes on one, is too large, or holds no three values.
    """
    count = math.prod(sides)
    if not 1 <= len(sides) <= 4 or outputs != 3 or min(sides) < 2 or count > MAX_CLUT_NODES:
        raise ValueError(f"grid of {sides} nodes and {outputs} values")
    return count


def _pcs_encoding(
    is_lab: bool, factor: float
) -> tuple[float | npt.NDArray[np.float64], float | npt.NDArray[np.float64]]:
    """Return scale and offset from encoded 0..1 to the profile connection space.

    Args:
        is_lab: Whether that is Lab, else XYZ.
        factor: Of encoded Lab, ``LEGACY_LAB`` or 1.
    """
    if is_lab:
        return np.array([100.0, 255.0, 255.0]) * factor, np.array([0.0, -128.0, -128.0])
    return XYZ_RANGE, 0.0
