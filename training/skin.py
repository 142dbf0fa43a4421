"""Metrics of skin: where it may be in the true picture, how blue it has become and how its hue has turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize.color import Picture
from training.metrics import Floats

MIN_CHROMA = 5.0  # a pixel of at most this chroma looks grey and has no hue
BLUE_HUES = (180.0, 300.0)  # degrees of h_ab


def skin_mask(truth: Picture, truth_lightness: Floats) -> NDArray[np.bool_]:
    """Return where the true picture shows skin, (H, W): a box in full-range CbCr (Chai and Ngan 1999).

    Sand, wood and brick can fall into the box too: it says where skin may be, at the price of no face detector.
    """
    _, cr, cb = np.moveaxis(cv2.cvtColor(truth, cv2.COLOR_RGB2YCrCb), 2, 0)
    return in_skin_box(cb, cr, truth_lightness)


def in_skin_box(cb: Any, cr: Any, lightness: Any) -> Any:
    """Return where full-range Cb and Cr and the lightness L may be skin's, as bool; takes arrays or tensors."""
    mask = (cb >= 77) & (cb <= 127) & (cr >= 133) & (cr <= 173)
    return mask & (lightness > 20) & (lightness < 95)


@dataclass(frozen=True)
class SkinTally:
    """The colours of skin, summed over pixels; tallies of pictures can be added.

    Attributes:
        pixels: Number of skin pixels.
        blue: Number of those with a hue in 180..300 degrees and a chroma above 5.
        hue: Sum of the unit vectors a + bi of those that have a hue (a chroma above 5).
    """

    pixels: int = 0
    blue: int = 0
    hue: complex = 0j

    def __add__(self, other: SkinTally) -> SkinTally:
        return SkinTally(self.pixels + other.pixels, self.blue + other.blue, self.hue + other.hue)

    def blue_share(self) -> float:
        """Return the share of the skin that is blue, 0..1; NaN if there is no skin."""
        return self.blue / self.pixels if self.pixels else float("nan")

    def hue_drift(self, truth: SkinTally) -> float:
        """Return by how many degrees the mean hue differs from the truth's, -180..180: above 0 yellower, below pinker.

        It is NaN if either has no hue, as grey skin has none.
        """
        if not (abs(self.hue) and abs(truth.hue)):
            return float("nan")
        return float(np.degrees(np.angle(self.hue * truth.hue.conjugate())))


def tally_skin(lab: Floats, mask: NDArray[np.bool_]) -> SkinTally:
    """Count the colours of a Lab picture under a skin mask."""
    a, b = lab[mask][:, 1:].astype(np.float64).T
    chroma = np.hypot(a, b)
    has_hue = chroma > MIN_CHROMA
    vectors = (a[has_hue] + 1j * b[has_hue]) / chroma[has_hue]
    degrees = np.degrees(np.angle(vectors)) % 360
    blue = (degrees >= BLUE_HUES[0]) & (degrees <= BLUE_HUES[1])
    return SkinTally(int(mask.sum()), int(blue.sum()), complex(vectors.sum()))
