"""A picture's own lightness and a network's colours -> the picture in colour, strip by strip in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from colorize.chroma import Enlarger
from colorize.lab import SRGB, ColorSpace, Floats, Picture, join, rgb_to_lab, rgb_to_lightness, strips


def join_picture(
    picture: Picture, ab: Floats, strength: float, space: ColorSpace, threads: ThreadPoolExecutor
) -> Picture:
    """Return a picture's own lightness with new colours, as RGB of the same dtype.

    Args:
        picture: (H, W, 3) or grey (H, W), uint8 or uint16.
        ab: (h, w, 2) in Lab units, enlarged to the picture.
        strength: 0..1: 1 these colours, 0 the picture's own tone.
        space: What the picture's numbers mean; a grey picture's result is sRGB.
        threads: In which the strips are joined.
    """
    result = np.empty((*picture.shape[:2], 3), picture.dtype)
    result_space = space if picture.ndim == 3 else SRGB  # a grey profile has no colours to write
    if strength == 0 and result_space is space:
        result[:] = picture if picture.ndim == 3 else picture[:, :, None]
        return result
    enlarger = Enlarger(ab, picture.shape[:2])

    def join_strip(rows: slice) -> None:
        chroma = enlarger.rows(rows.start, rows.stop) * np.float32(strength)
        part = picture[rows]
        if strength < 1 and part.ndim == 3:
            lab = rgb_to_lab(part, space)
            lightness = lab[..., 0]
            chroma += lab[..., 1:] * np.float32(1 - strength)
        else:
            lightness = rgb_to_lightness(part, space)
        join(lightness, chroma[..., 0], chroma[..., 1], result[rows], result_space)

    for _ in threads.map(join_strip, strips(picture.shape[:2])):
        pass  # passes on what a thread raised
    return result
