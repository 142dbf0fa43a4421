"""Curves of the ICC file format (ICC.1:2022, 10.6 and 10.18)."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from colorize.spaces import CURVE_SAMPLES

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
