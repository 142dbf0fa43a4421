"""Previews: JPEGs of any photo that a browser can show, and the colour hints drawn on them."""

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

BROWSER_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".avif", ".bmp")
"""Suffixes of the photo formats that browsers can show."""
JPEG_QUALITY = 90
PREVIEW_SIDE = 1600  # longest side of the picture that colour hints are set on
CONVERSION_SLOTS = threading.Semaphore(2)  # a photo of 100 megapixels takes a gigabyte for a moment


@dataclass(frozen=True)
class Preview:
    """A JPEG of a photo, reduced for the screen; colour hints are set on it.

    Attributes:
        path: Of the JPEG.
        photo_size: (height, width) of the upright photo in pixels.
        scale: Pixels of the photo per pixel of the preview, 1 or more.
    """

    path: Path
    photo_size: tuple[int, int]
    scale: float

    def to_photo(self, column: float, row: float) -> tuple[int, int]:
        """Return the pixel (x, y) of the photo under a pixel of the preview; if that is outside, the nearest one."""
        height, width = self.photo_size
        x, y = (int((position + 0.5) * self.scale) for position in (column, row))
        return min(max(x, 0), width - 1), min(max(y, 0), height - 1)


def write_preview(source: Path, target: Path, max_side: int | None = None) -> Preview:
    """Write an upright JPEG of a photo's first page, with its colour profile and none of its metadata.

    Args:
        source: The photo, in any format that can be read.
        target: Path of the JPEG.
        max_side: Longest side of the JPEG in pixels; None: as large as the photo.

    Raises:
        ImageError: The photo cannot be read.
    """
    with CONVERSION_SLOTS:
        photo = next(read_photos(source))
        height, width = photo.picture.shape[:2]
        scale = 1.0 if max_side is None else max(1.0, max(height, width) / max_side)
        picture = _opaque(photo)
        if scale > 1:
            reduced = (max(1, round(width / scale)), max(1, round(height / scale)))
            picture = np.asarray(cv2.resize(picture, reduced, interpolation=cv2.INTER_AREA), np.uint8)
        shown = Photo(picture, format="JPEG", space=photo.space, profile=photo.profile)
        write_photo(target, shown, quality=JPEG_QUALITY)
    return Preview(target, (height, width), width / picture.shape[1])


def write_hinted(preview: Preview, hints: Sequence[Hint], target: Path) -> None:
    """Write a copy of a preview with the hints drawn on it: discs of their colours in a white and a black ring.

    Args:
        preview: From ``write_preview``.
        hints: In pixels of the photo.
        target: Path of the JPEG.
    """
    photo = next(read_photos(preview.path))
    picture = np.ascontiguousarray(photo.picture if photo.picture.ndim == 3 else np.dstack([photo.picture] * 3))
    radius = max(5, round(min(picture.shape[:2]) / 60))
    for hint in hints:
        center = (round(hint.x / preview.scale), round(hint.y / preview.scale))
        hint_color = tuple(bytes.fromhex(hint.color[1:]))
        for border, color in ((4, (0, 0, 0)), (2, (255, 255, 255)), (0, hint_color)):  # seen on dark and on bright
            cv2.circle(picture, center, radius + border, color, cv2.FILLED, cv2.LINE_AA)
    shown = replace(photo, picture=picture)
    if photo.picture.ndim == 2:
        shown = Photo(picture, format="JPEG")
    write_photo(target, shown, quality=JPEG_QUALITY)


def _opaque(photo: Photo) -> Picture:
    """Return a photo's picture in 8 bits, on a white ground where it is transparent: (h, w) or (h, w, 3) uint8."""
    picture = photo.picture
    if photo.alpha is not None:
        white = np.iinfo(photo.alpha.dtype).max
        alpha = (photo.alpha / np.float32(white)).astype(np.float32)
        alpha = alpha if picture.ndim == 2 else alpha[..., None]
        picture = (picture * alpha + white * (1 - alpha)).round().astype(picture.dtype)
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
