"""Contact sheets: a few frames spread over a film, or a photo's candidates; and whether a film is in colour already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, sqrt

import cv2
import numpy as np

from colorize.base import VideoError
from colorize.color import Picture, is_grey
from colorize.engine import Colorizer
from colorize.film.decoding import sample_frames
from colorize.film.pixels import read_luma, rgb_picture
from colorize.film.video import WHOLE, Span, Video

CELL_WIDTH = 480
MARGIN = 8
PAPER = 24  # the sheet's grey, dark as a cinema


COLOR_SAMPLES = 12
FLAT = 6.0  # levels of standard deviation: a picture of less (black, a fade) does not say whether a film is grey


def is_in_color(video: Video, span: Span = WHOLE) -> bool:
    """Tell whether a film is in colour already: whether half of 12 frames spread over it are.

    Each is judged as a photograph is (``is_grey``: sepia, tints and fading count as grey). Flat frames, such as black
    ones, do not count.
    """
    pictures = [rgb_picture(video, frame) for frame in sample_frames(video, COLOR_SAMPLES, span)]
    told = [picture for picture in pictures if picture.std() > FLAT * (257 if picture.dtype == np.uint16 else 1)]
    return bool(told) and sum(not is_grey(picture) for picture in told) * 2 >= len(told)


def contact_sheet(colorizer: Colorizer, video: Video, count: int, span: Span = WHOLE) -> Picture:
    """Return a sheet of frames spread evenly over a film, in colour, row by row.

    Args:
        colorizer: Colours each frame on its own.
        video: The film.
        count: How many frames.
        span: The part of it.

    Returns:
        (H, W, 3) uint8.

    Raises:
        VideoError: No frame could be decoded.
    """
    pictures = list(_colored(colorizer, video, count, span))
    if not pictures:
        raise VideoError(f"{video.path}: no frame of it can be decoded; get it anew")
    return arrange(pictures)


def arrange(pictures: Sequence[Picture]) -> Picture:
    """Return pictures of one size side by side and row by row, on a sheet about as wide as a screen."""
    height, width = pictures[0].shape[:2]
    columns = min(len(pictures), ceil(sqrt(len(pictures) * height / width * 16 / 9)) or 1)
    rows = ceil(len(pictures) / columns)
    sheet = np.full((rows * (height + MARGIN) + MARGIN, columns * (width + MARGIN) + MARGIN, 3), PAPER, np.uint8)
    for number, picture in enumerate(pictures):
        top = MARGIN + number // columns * (height + MARGIN)
        left = MARGIN + number % columns * (width + MARGIN)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _colored(colorizer: Colorizer, video: Video, count: int, span: Span) -> Iterator[Picture]:
    height, width = video.upright_size
    shown = width * float(video.upright_aspect or 1)
    size = (min(CELL_WIDTH, round(shown)), max(1, round(height * min(CELL_WIDTH, round(shown)) / shown)))
    for frame in sample_frames(video, count, span):
        if colorizer.strength < 1:
            picture = colorizer(_eight_bits(rgb_picture(video, frame)))
        else:
            picture = colorizer(read_luma(video, frame).picture())
        yield np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _eight_bits(picture: Picture) -> Picture:
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
