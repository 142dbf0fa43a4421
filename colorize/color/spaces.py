"""RGB colour spaces: which light the three numbers of a pixel stand for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
"""A float32 array of any shape."""

RGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
"""Linear sRGB -> XYZ, D65 (Lindbloom)."""
XYZ_TO_RGB = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)
WHITE = tuple(sum(row) for row in RGB_TO_XYZ)  # so that R = G = B has a = b = 0 exactly
CURVE_SAMPLES = 65536  # one for each 16-bit level


@dataclass(frozen=True, eq=False)
class ColorSpace:
    """An RGB colour space: ``SRGB``, or that of an ICC profile.

    Attributes:
        matrix: (3, 3) linear RGB -> XYZ / D65 white; each row sums to 1, so that R = G = B has a = b = 0.
        curves: (3, CURVE_SAMPLES) linear light 0..1 of evenly spaced encoded values, rising, for R, G and B.
    """

    matrix: npt.NDArray[np.float64]
    curves: npt.NDArray[np.float64]

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle the space without its tables; where it is unpickled, equal ones share theirs."""
        return "SRGB" if self is SRGB else (_shared_space, (self.matrix.tobytes(), self.curves.tobytes()))

    @cached_property
    def inverse(self) -> npt.NDArray[np.float64]:
        """(3, 3) XYZ / D65 white -> linear RGB."""
        return np.linalg.inv(self.matrix).astype(np.float64)

    @cached_property
    def shared_curve(self) -> bool:
        """Whether R, G and B have the same curve."""
        return bool(np.array_equal(self.curves[0], self.curves[1]) and np.array_equal(self.curves[0], self.curves[2]))

    @cached_property
    def range(self) -> tuple[tuple[float, float], ...]:
        """The least and the most light of R, G and B: 0 and 1, but of scanners' and monitors' profiles perhaps less."""
        return tuple((float(curve[0]), float(curve[-1])) for curve in self.curves)

    @cached_property
    def decoders(self) -> dict[str, Floats]:
        """Linear light of every level, (3, levels), by dtype name."""
        return {"uint8": self.curves[:, ::257].astype(np.float32), "uint16": self.curves.astype(np.float32)}

    @cached_property
    def encoders(self) -> dict[str, npt.NDArray]:
        """Levels (3, CURVE_SAMPLES) of evenly spaced *square roots* of linear light, by dtype name.

        The root spreads the dark levels, where an even spacing of linear light would skip some of a pure gamma.
        For uint8 the levels are rounded; for uint16 they are floats to interpolate.
        """
        light = np.linspace(0, 1, CURVE_SAMPLES) ** 2
        encoded = np.stack([np.interp(light, curve, np.linspace(0, 1, CURVE_SAMPLES)) for curve in self.curves])
        return {"uint8": (encoded * 255 + 0.5).astype(np.uint8), "uint16": (encoded * 65535).astype(np.float32)}

    @cached_property
    def encoder_steps(self) -> Floats:
        """From each level of ``encoders["uint16"]`` to the next one, (3, CURVE_SAMPLES); from the last one 0."""
        levels = self.encoders["uint16"]
        return np.diff(levels, axis=1, append=levels[:, -1:])


@lru_cache(maxsize=8)  # the photographs of a run have few profiles
def _shared_space(matrix: bytes, curves: bytes) -> ColorSpace:
    return ColorSpace(np.frombuffer(matrix).reshape(3, 3), np.frombuffer(curves).reshape(3, -1))


def _srgb() -> ColorSpace:
    level = np.linspace(0, 1, CURVE_SAMPLES)
    curve = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    matrix = np.array(RGB_TO_XYZ)
    return ColorSpace(matrix / matrix.sum(axis=1, keepdims=True), np.stack([curve] * 3))


SRGB = _srgb()
