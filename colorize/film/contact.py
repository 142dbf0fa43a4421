"""Contact sheets: frames spread evenly over a film, in colour, side by side on one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, sqrt

import cv2
import numpy as np

from colorize.base import VideoError
from colorize.color import Picture
from colorize.engine import Colorizer
from colorize.film.pixels import read_luma, rgb_picture
from colorize.film.sources import Source
from colorize.film.video import WHOLE_VIDEO, Span

CELL_WIDTH = 480  # pixels, at most
MARGIN = 8  # pixels
BACKGROUND = 24  # the sheet's grey level: as dark as a cinema


def contact_sheet(colorizer: Colorizer, source: Source, count: int, span: Span = WHOLE_VIDEO) -> Picture:
    """Return frames spread evenly over a film, in colour, row by row on one sheet.

    Args:
        colorizer: Colours each frame by itself.
        source: The film.
        count: How many frames.
        span: The part of the film that they are spread over.

    Returns:
        (H, W, 3) uint8.

    Raises:
        FileNotFoundError: The film has vanished.
        VideoError: The film cannot be opened any more, or no frame of it can be decoded.
    """
    pictures = list(_colorized_samples(colorizer, source, count, span))
    if not pictures:
        raise VideoError(f"{source.video.path}: no frame of it can be decoded; get it anew")
    return arrange_sheet(pictures)


def arrange_sheet(pictures: Sequence[Picture]) -> Picture:
    """Return pictures of one size row by row on one sheet that is about as wide as a screen.

    Args:
        pictures: At least one, each (H, W, 3) uint8.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = pictures[0].shape[:2]
    columns = min(len(pictures), ceil(sqrt(len(pictures) * height / width * 16 / 9)) or 1)
    rows = ceil(len(pictures) / columns)
    sheet = np.full((rows * (height + MARGIN) + MARGIN, columns * (width + MARGIN) + MARGIN, 3), BACKGROUND, np.uint8)
    for number, picture in enumerate(pictures):
        top = MARGIN + number // columns * (height + MARGIN)
        left = MARGIN + number % columns * (width + MARGIN)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _colorized_samples(colorizer: Colorizer, source: Source, count: int, span: Span) -> Iterator[Picture]:
    """Yield sampled frames in colour with square pixels, at most ``CELL_WIDTH`` wide."""
    video = source.video
    height, width = video.upright_size
    display_width = width * float(video.upright_aspect or 1)
    cell_width = min(CELL_WIDTH, round(display_width))
    size = cell_width, max(1, round(height * cell_width / display_width))
    for frame in source.sample(count, span):
        if colorizer.settings.strength < 1:
            picture = colorizer(_as_uint8(rgb_picture(video, frame)))
        else:
            picture = colorizer(read_luma(video, frame).picture())
        yield np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _as_uint8(picture: Picture) -> Picture:
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
