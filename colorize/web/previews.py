"""Previews: JPEGs of any photo that a browser can show, alone or beside its result."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from colorize.color import Picture
from colorize.photo import Photo, read_photos, write_photo
from colorize.web.file_store import FileStore
from colorize.web.service import ColorizeService

BROWSER_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".avif", ".bmp")
"""Suffixes of the photo formats that browsers can show."""
JPEG_QUALITY = 90
PREVIEW_SIDE = 1280  # longest side in pixels of the picture that colour hints are set on
GAP = 8  # pixels between two pictures
CONVERSION_SLOTS = threading.Semaphore(2)  # a photo of 100 megapixels takes a gigabyte for a moment


def write_preview(service: ColorizeService, source: Path, target: Path, max_side: int | None = None) -> Path:
    """Write an upright JPEG of a photo's first page, with its colour profile and none of its metadata.

    Args:
        service: Has the processes in which files are read.
        source: The photo, in any format that can be read.
        target: Path of the JPEG.
        max_side: Longest side of the JPEG in pixels; None: as large as the photo.

    Returns:
        ``target``.

    Raises:
        ImageError: The photo cannot be read.
    """
    with CONVERSION_SLOTS:
        service.read(source, _convert, source, target, max_side)
    return target


def _convert(source: Path, target: Path, max_side: int | None) -> None:
    photo = read_first_photo(source)
    picture = opaque_picture(photo)
    if max_side is not None:
        picture = reduced(picture, max_side)
    shown = Photo(picture, format="JPEG", space=photo.space, profile=photo.profile)
    write_photo(target, shown, quality=JPEG_QUALITY)


def read_first_photo(path: Path) -> Photo:
    """Return the first photo of a file.

    Raises:
        ImageError: It cannot be read.
    """
    return next(read_photos(path))


def before_and_after(service: ColorizeService, store: FileStore, photo: Path, result: Path) -> tuple[Path, Path]:
    """Return paths of a photo and its result at full resolution, in formats that browsers can show.

    Args:
        service: Has the processes in which files are read.
        store: Gets what has to be made.
        photo: The photo.
        result: It in colour.

    Raises:
        ImageError: One cannot be read.
    """
    before = write_preview(service, photo, store.new_path("before.jpg"))
    if result.suffix.lower() in BROWSER_SUFFIXES:
        return before, result
    return before, write_preview(service, result, store.new_path("after.jpg"))


def write_pair(service: ColorizeService, before: Path, after: Path, target: Path, max_side: int) -> None:
    """Write a JPEG with a photo's first page and its result side by side.

    Args:
        service: Has the processes in which files are read.
        before: The photo.
        after: Its result, of the same size.
        target: Path of the JPEG.
        max_side: Longest side of each of the two in pixels.

    Raises:
        ImageError: One cannot be read.
    """
    with CONVERSION_SLOTS:
        service.read(before, _join, before, after, target, max_side)


def _join(before: Path, after: Path, target: Path, max_side: int) -> None:
    photos = [read_first_photo(path) for path in (before, after)]
    pictures = [reduced(opaque_picture(photo), max_side) for photo in photos]
    pictures = [picture if picture.ndim == 3 else np.dstack([picture] * 3) for picture in pictures]
    gap = np.full((len(pictures[0]), GAP, 3), 255, np.uint8)
    joined = np.ascontiguousarray(np.hstack([pictures[0], gap, pictures[1]]))
    shown = Photo(joined, format="JPEG", space=photos[1].space, profile=photos[1].profile)
    write_photo(target, shown, quality=JPEG_QUALITY)


def reduced(picture: Picture, max_side: int) -> Picture:
    """Return a picture of 8 bits whose longest side is ``max_side`` pixels at most."""
    scale = max(picture.shape[:2]) / max_side
    if scale <= 1:
        return picture
    height, width = (max(1, round(side / scale)) for side in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def opaque_picture(photo: Photo) -> Picture:
    """Return a photo's picture in 8 bits, on a white ground where it is transparent: (h, w) or (h, w, 3) uint8."""
    picture = photo.picture
    if photo.alpha is not None:
        white = np.iinfo(photo.alpha.dtype).max
        alpha = (photo.alpha / np.float32(white)).astype(np.float32)
        alpha = alpha if picture.ndim == 2 else alpha[..., None]
        picture = (picture * alpha + white * (1 - alpha)).round().astype(picture.dtype)
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
