"""Pictures for the screen: what a browser can show of any photo, and the colour hints on it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from colorize.color import Picture
from colorize.engine import Hint
from colorize.photo import Photo, read_photos, write_photo

SHOWN_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".avif", ".bmp")
"""Of files that browsers show themselves."""
QUALITY = 90
HINTING_SIDE = 1600  # longest side of the picture that colour hints are set on
AT_ONCE = threading.Semaphore(2)  # a photo of 100 megapixels takes a gigabyte for a moment


@dataclass(frozen=True)
class Sheet:
    """The reduced picture that colour hints are set on.

    Attributes:
        path: Its file.
        size: (height, width) of the upright photo.
        scale: Pixels of the photo per pixel of the picture.
    """

    path: Path
    size: tuple[int, int]
    scale: float

    def locate(self, column: float, row: float) -> tuple[int, int]:
        """Return the photo's x and y of a place in the picture."""
        height, width = self.size
        x, y = (int((place + 0.5) * self.scale) for place in (column, row))
        return min(max(x, 0), width - 1), min(max(y, 0), height - 1)


def write_sheet(source: Path, target: Path, longest: int | None = None) -> Sheet:
    """Write an upright JPEG of a photo's first page, with its colour profile and nothing else of it.

    Args:
        source: Any photo.
        target: The JPEG.
        longest: Longest side in pixels; None: as large as the photo.

    Raises:
        ImageError: It cannot be read.
    """
    with AT_ONCE:
        photo = next(read_photos(source))
        height, width = photo.picture.shape[:2]
        scale = 1.0 if longest is None else max(1.0, max(height, width) / longest)
        picture = _opaque(photo)
        if scale > 1:
            reduced = (max(1, round(width / scale)), max(1, round(height / scale)))
            picture = np.asarray(cv2.resize(picture, reduced, interpolation=cv2.INTER_AREA), np.uint8)
        shown = Photo(picture, format="JPEG", space=photo.space, profile=photo.profile)
        write_photo(target, shown, quality=QUALITY)
    return Sheet(target, (height, width), width / picture.shape[1])


def write_hinted(sheet: Sheet, hints: Sequence[Hint], target: Path) -> None:
    """Write a sheet with hints on it: discs of their colours, in rings that show on dark and on bright.

    Args:
        sheet: From ``write_sheet``.
        hints: In pixels of the photo.
        target: The JPEG.
    """
    photo = next(read_photos(sheet.path))
    picture = np.ascontiguousarray(photo.picture if photo.picture.ndim == 3 else np.dstack([photo.picture] * 3))
    radius = max(5, round(min(picture.shape[:2]) / 60))
    for hint in hints:
        place = (round(hint.x / sheet.scale), round(hint.y / sheet.scale))
        color = tuple(bytes.fromhex(hint.color[1:]))
        for grown, ink in ((4, (0, 0, 0)), (2, (255, 255, 255)), (0, color)):
            cv2.circle(picture, place, radius + grown, ink, cv2.FILLED, cv2.LINE_AA)
    shown = replace(photo, picture=picture)
    if photo.picture.ndim == 2:
        shown = Photo(picture, format="JPEG")
    write_photo(target, shown, quality=QUALITY)


def _opaque(photo: Photo) -> Picture:
    """Return the picture in 8 bits, on white where it is transparent."""
    picture = photo.picture
    if photo.alpha is not None:
        most = np.iinfo(photo.alpha.dtype).max
        share = (photo.alpha / np.float32(most)).astype(np.float32)
        share = share if picture.ndim == 2 else share[..., None]
        picture = (picture * share + most * (1 - share)).round().astype(picture.dtype)
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
