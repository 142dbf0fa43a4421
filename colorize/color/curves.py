"""Curves of scanned frames: how code values stand for light, where that is not as a screen shows them.

The network sees frames as a screen shows them, and colours are made there; ``recolored`` brings them into a frame's own
values, which stay what they are wherever nothing was coloured, also beyond the screen's black and white.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from colorize.color.spaces import SRGB, Floats

CINEON_BLACK, CINEON_WHITE = 95, 685  # code values of 1023: the densest and the clearest that a screen shows
CINEON_STEP = 0.002 / 0.6  # decades of light in a code value: density of a step, over the negative's gamma
"""Kodak, Conversion of 10-bit Log Film Data to 8-bit Linear or Video Data (1995)."""


@dataclass(frozen=True)
class Curve:
    """A curve of code values.

    Attributes:
        is_log: Whether they are Cineon's densities, 0..1 for 0..1023; else they are light, of which 1 is white.
    """

    is_log: bool

    def to_screen(self, values: Floats) -> npt.NDArray[np.uint16]:
        """Return values as sRGB levels; what is darker than black or lighter than white is cut off."""
        light = values
        if self.is_log:
            black = 10 ** ((CINEON_BLACK - CINEON_WHITE) * CINEON_STEP)
            light = (10 ** ((np.minimum(values * 1023, CINEON_WHITE) - CINEON_WHITE) * CINEON_STEP) - black) / (
                1 - black
            )
        light = np.clip(np.nan_to_num(light, nan=0, posinf=1, neginf=0), 0, 1)
        level = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        return (level * 65535 + 0.5).astype(np.uint16)

    def from_screen(self, levels: npt.NDArray[np.uint16]) -> Floats:
        """Return the values of sRGB levels, of any shape."""
        return np.take(self._values, levels)

    def recolored(self, values: Floats, screen: npt.NDArray[np.uint16], colored: npt.NDArray[np.uint16]) -> Floats:
        """Return a frame's own values in colour, (H, W, 3) float32.

        Args:
            values: (H, W) or (H, W, 3), the frame's own values.
            screen: They as sRGB levels, of the same shape.
            colored: (H, W, 3), these in colour.
        """
        beyond = values - np.take(self._values, screen)  # what a screen does not show, and what its levels round off
        if beyond.ndim == 3:
            beyond = beyond @ SRGB.matrix[1]
        return np.asarray(np.take(self._values, colored) + beyond[..., None], np.float32)

    @cached_property
    def _values(self) -> Floats:
        """The value of each sRGB level."""
        light = SRGB.curves[0]
        if not self.is_log:
            return light.astype(np.float32)
        black = 10 ** ((CINEON_BLACK - CINEON_WHITE) * CINEON_STEP)
        codes = CINEON_WHITE + np.log10(light * (1 - black) + black) / CINEON_STEP
        return (codes / 1023).astype(np.float32)


LOG, LINEAR = Curve(is_log=True), Curve(is_log=False)
