"""Contact sheets: a few frames spread over a film, or a photo's candidates; and whether a film is in colour already."""

from __future__ import annotations

from collections.abc import Sequence

from colorize.color import SRGB, Floats, Picture, lab_to_rgb, rgb_to_lab, shrink
from colorize.engine import Colorizer
from colorize.film import CELL_WIDTH, arrange
from colorize.photo import Photo


def candidate_sheet(colorizer: Colorizer, photo: Photo, painted: Sequence[Floats]) -> Picture:
    """Return a sheet of a photo's candidates, row by row.

    Args:
        colorizer: What painted them.
        photo: The photo.
        painted: The candidates' ab (h, w, 2), as ``Colorizer.compose`` takes them.

    Returns:
        (H, W, 3) uint8, sRGB.
    """
    height, width = photo.picture.shape[:2]
    scale = min(1.0, CELL_WIDTH / width, 2 * CELL_WIDTH / height)
    small = shrink(photo.picture, (max(1, round(height * scale)), max(1, round(width * scale))))
    space = photo.space if photo.picture.ndim == 3 else SRGB
    return arrange([lab_to_rgb(rgb_to_lab(colorizer.compose(small, ab, photo.space), space)) for ab in painted])
