"""Grey or colour? A sepia, faded or toned picture counts as grey: its colour follows from its lightness."""

from __future__ import annotations

import numpy as np

from colorize.color.lab import Picture, check_picture, rgb_to_lab
from colorize.color.resample import shrink
from colorize.color.spaces import SRGB, ColorSpace

LOOK_SIZE = 96  # short side in pixels; grain and JPEG's colour noise average out
CURVE_DEGREE = 3
PERCENTILE = 95  # a stamp, a stain or a colour chart at the border may be anything
OWN_CHROMA = 2.5
TONE_SHARE = 0.25


def is_grey(picture: Picture, space: ColorSpace = SRGB) -> bool:
    """Tell whether a picture is grey or toned, and so wants colours.

    In a toned picture a and b follow from L: black is neutral, the middle tones brown, the paper cream. So a cubic
    curve ab(L) is fitted, and the distance from it in 95 % of the pixels must be at most 2.5 plus a quarter of the mean
    chroma (stains and uneven fading grow with the tone). On 16 scans of old photographs, of which 4 are stained sepias,
    the distance is at most 0.72 of this limit; of 724 colour photographs 4 lie below it.

    Args:
        picture: (H, W, 3) or grey (H, W), uint8 or uint16.
        space: What its numbers mean.
    """
    check_picture(picture)
    if picture.ndim == 2:
        return True
    height, width = picture.shape[:2]
    scale = min(1.0, LOOK_SIZE / min(height, width))
    size = (min(LOOK_SIZE * 10, max(1, round(height * scale))), min(LOOK_SIZE * 10, max(1, round(width * scale))))
    lab = rgb_to_lab(shrink(picture, size), space).reshape(-1, 3)
    powers = np.vander(lab[:, 0] / 50 - 1, CURVE_DEGREE + 1)
    coefficients, *_ = np.linalg.lstsq(powers, lab[:, 1:], rcond=None)
    distance = np.linalg.norm(lab[:, 1:] - powers @ coefficients, axis=1)
    limit = OWN_CHROMA + TONE_SHARE * float(np.linalg.norm(lab[:, 1:], axis=1).mean())
    return float(np.percentile(distance, PERCENTILE)) <= limit
