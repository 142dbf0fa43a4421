"""What the numbers of a film's planes mean: Y, Cb and Cr of BT.709, BT.601 and others, limited or full range."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from colorize.spaces import Floats

BLACK, WHITE = 16, 235  # of limited-range luma, 8 bits (BT.709, 3.4)
RANGE = WHITE - BLACK
NEUTRAL = 128
LUMA_WEIGHTS = (0.2126, 0.7152, 0.0722)  # BT.709
CB_SCALE, CR_SCALE = 1.8556, 1.5748  # 2 (1 - weight of blue), 2 (1 - weight of red)
CHROMA_RANGE = 224


@dataclass(frozen=True)
class YuvSystem:
    """What the numbers of Y, Cb and Cr mean.

    Attributes:
        red: Weight of red in luma.
        blue: Weight of blue in luma.
        bits: Of a level.
        full_range: 0 is black and the highest level white; else 16 and 235 of 256 are.
    """

    red: float
    blue: float
    bits: int = 8
    full_range: bool = False

    def to_rgb(self) -> Floats:
        """Return (3, 4): Y, Cb, Cr -> R'G'B' 0..65535."""
        unit = 1 << (self.bits - 8)
        black, luma_range = (0, (1 << self.bits) - 1) if self.full_range else (BLACK * unit, RANGE * unit)
        color_range = luma_range if self.full_range else CHROMA_RANGE * unit
        green = 1 - self.red - self.blue
        red, blue = 2 * (1 - self.red), 2 * (1 - self.blue)
        rows = np.array([[1, 0, red], [1, -blue * self.blue / green, -red * self.red / green], [1, blue, 0]])
        rows /= [luma_range, color_range, color_range]
        return (np.hstack([rows, -rows @ [[black], [NEUTRAL * unit], [NEUTRAL * unit]]]) * 65535).astype(np.float32)


@cache
def rgb_to_yuv() -> Floats:
    """Return (3, 4): 16-bit R'G'B' -> 8-bit limited-range Y, Cb, Cr."""
    red, green, blue = LUMA_WEIGHTS
    luma = np.array([red, green, blue])
    rows = np.stack(
        [
            luma * RANGE,
            (np.array([0, 0, 1]) - luma) / CB_SCALE * CHROMA_RANGE,
            (np.array([1, 0, 0]) - luma) / CR_SCALE * CHROMA_RANGE,
        ]
    )
    return np.hstack([rows / 65535, [[BLACK], [NEUTRAL], [NEUTRAL]]]).astype(np.float32)
