"""Contact sheets: frames spread evenly over a film, in colour, side by side on one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil, sqrt
from typing import NamedTuple

import cv2
import numpy as np

from colorize.base import VideoError
from colorize.color import Picture
from colorize.engine import Colorizer
from colorize.film.film_references import FilmReferences
from colorize.film.own_colors import Sample, judge_frame, summarize
from colorize.film.pixels import read_luma, rgb_picture
from colorize.film.sources import Source
from colorize.film.video import WHOLE_VIDEO, Span

CELL_WIDTH = 480  # pixels, at most
MARGIN = 8  # pixels
BACKGROUND = 24  # the sheet's grey level: as dark as a cinema


class ContactSheet(NamedTuple):
    """A contact sheet.

    Attributes:
        picture: (H, W, 3) uint8.
        own: How many of its frames are in colour already, and shown so.
    """

    picture: Picture
    own: int


def contact_sheet(
    colorizer: Colorizer,
    source: Source,
    count: int,
    span: Span = WHOLE_VIDEO,
    force: bool = False,
    references: FilmReferences | None = None,
) -> ContactSheet:
    """Return frames spread evenly over a film, in colour, row by row on one sheet.

    Args:
        colorizer: Colours each frame by itself.
        source: The film.
        count: How many frames.
        span: The part of the film that they are spread over.
        force: Colour those too that are in colour already.
        references: Photographs whose colours they take; None: there are none.

    Raises:
        FileNotFoundError: The film has vanished.
        VideoError: The film cannot be opened any more, or no frame of it can be decoded.
    """
    color = colorizer if references is None else references.color
    cells = list(_cells(color, colorizer.settings.strength < 1, source, count, span, force))
    if not cells:
        raise VideoError(f"{source.video.path}: no frame of it can be decoded; get it anew")
    threshold = summarize(cell.sample for cell in cells).threshold
    keeps_own = [cell.sample is not None and cell.sample.measure.ratio > threshold for cell in cells]
    pictures = [cell.own if is_own else cell.colored for cell, is_own in zip(cells, keeps_own, strict=True)]
    return ContactSheet(arrange_sheet(pictures), sum(keeps_own))


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


class _Cell(NamedTuple):
    """A frame of a sheet.

    Attributes:
        colored: (h, w, 3) uint8, with the network's colours.
        own: The same as it is.
        sample: Whether it is in colour; None: it does not tell, or it is not asked.
    """

    colored: Picture
    own: Picture
    sample: Sample | None


def _cells(
    color: Callable[[Picture], Picture], needs_tone: bool, source: Source, count: int, span: Span, force: bool
) -> Iterator[_Cell]:
    """Yield sampled frames with square pixels, at most ``CELL_WIDTH`` wide."""
    video = source.video
    height, width = video.upright_size
    display_width = width * float(video.upright_aspect or 1)
    cell_width = min(CELL_WIDTH, max(1, round(display_width)))
    size = cell_width, max(1, round(height * cell_width / display_width))
    for frame in source.sample(count, span):
        sample = None if force else judge_frame(video, frame)
        own = _as_uint8(rgb_picture(video, frame))
        is_noisy = summarize([sample]).is_noisy
        colored = color(own if needs_tone else read_luma(video, frame, False, is_noisy).picture())
        yield _Cell(_resized(colored, size), _resized(own, size), sample)


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _as_uint8(picture: Picture) -> Picture:
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
