"""The contact sheet of a photo's candidates."""

from __future__ import annotations

from collections.abc import Sequence

from colorize.color import SRGB, Floats, Picture, lab_to_rgb, rgb_to_lab, shrink
from colorize.engine import Colorizer
from colorize.film import CELL_WIDTH, arrange_sheet
from colorize.photo import Photo


def candidate_sheet(colorizer: Colorizer, photo: Photo, candidates: Sequence[Floats]) -> Picture:
    """Return a contact sheet of a photo's candidates, row by row.

    Args:
        colorizer: The colorizer that predicted them.
        photo: The photo.
        candidates: ab (h, w, 2) of each, as ``Colorizer.compose`` takes it.

    Returns:
        (H, W, 3) uint8, sRGB.
    """
    height, width = photo.picture.shape[:2]
    scale = min(1.0, CELL_WIDTH / width, 2 * CELL_WIDTH / height)
    small = shrink(photo.picture, (max(1, round(height * scale)), max(1, round(width * scale))))
    space = photo.space if photo.picture.ndim == 3 else SRGB
    pictures = [colorizer.compose(small, ab, photo.space) for ab in candidates]
    return arrange_sheet([lab_to_rgb(rgb_to_lab(picture, space)) for picture in pictures])
