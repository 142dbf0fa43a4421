"""Picture files: read and write, with all that belongs to the photo.

Pillow reads and writes; OpenCV and tifffile take the 16-bit RGB that Pillow cannot hold (``colorize.deep``).
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from colorize import deep
from colorize.errors import ImageError, naming
from colorize.lab import Picture
from colorize.photo import FORMATS, Photo
from colorize.reader import SAME_FORMAT, format_of, open_image, read_page
from colorize.writer import encode

__all__ = ["FORMATS", "ImageError", "Photo", "read_image", "read_photo", "read_photos", "write_photo", "write_photos"]

DEFAULT_QUALITY = 95
REDUCED_COPY = 1  # TIFF 6.0, NewSubfileType: a smaller copy of another page, such as a thumbnail
NEW_SUBFILE_TYPE = 254


def read_image(path: Path | str) -> Picture:
    """Return a picture file's upright picture alone, in the file's own RGB; see ``read_photo``."""
    return read_photo(path).picture


def read_photo(path: Path | str) -> Photo:
    """Return the photo of a file that holds one.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: Not a picture, damaged, too large, of a kind that cannot be kept whole, or with several pages.
    """
    photos = read_photos(path)
    photo = next(photos)
    if next(photos, None) is not None:
        raise ImageError(f"{path}: holds several pages; read_photos reads them all")
    return photo


def read_photos(path: Path | str) -> Iterator[Photo]:
    """Yield the photos of a file, one at a time: the pages of a TIFF, one of any other.

    Reduced copies of a page (thumbnails) inside a TIFF are left out.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: See ``read_photo``.
    """
    path = Path(path)
    with naming(path), open_image(path) as image:
        if image.format == "TIFF":
            yield from _read_pages(path, image)
        elif format_of(image) not in FORMATS.values():
            raise ImageError(f"{path}: {image.format} is not supported; convert it to PNG, JPEG or TIFF")
        elif image.format not in SAME_FORMAT and (count := getattr(image, "n_frames", 1)) > 1:
            raise ImageError(f"{path}: an animation of {count} pictures; save its pictures one by one")
        else:
            yield read_page(path, image, 0)


def photo_size(path: Path | str) -> tuple[int, int]:
    """Return (height, width) as a file's header states them, before orientation, without reading its pixels.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: Not a picture, or too large.
    """
    with naming(Path(path)), open_image(Path(path)) as image:
        return image.height, image.width


def write_photo(
    path: Path | str,
    photo: Photo,
    *,
    format: str | None = None,
    quality: int = DEFAULT_QUALITY,
    overwrite: bool = False,
) -> None:
    """Write a photo; the file takes its name only when it is complete.

    Args:
        path: The file.
        photo: The photo.
        format: As ``Photo.format``; None: of the path's suffix.
        quality: 1..100, of lossy formats.
        overwrite: Replace an existing file.

    Raises:
        FileExistsError: There is such a file, and ``overwrite`` is off.
        ImageError: The format cannot hold the photo.
        OSError: The file cannot be written.
    """
    write_photos(path, [photo], format=format, quality=quality, overwrite=overwrite)


def write_photos(
    path: Path | str,
    photos: Iterable[Photo],
    *,
    format: str | None = None,
    quality: int = DEFAULT_QUALITY,
    overwrite: bool = False,
) -> None:
    """Write the pages of a TIFF, or one photo of any format; see ``write_photo``.

    Args:
        path: The file.
        photos: Taken one at a time.
        format: As ``Photo.format``; None: of the path's suffix.
        quality: 1..100, of lossy formats.
        overwrite: Replace an existing file.
    """
    path = Path(path)
    format = format or FORMATS.get(path.suffix.lower())
    if format is None:
        raise ImageError(f"{path}: the suffix names no format; use one of {', '.join(FORMATS)}")
    with replacing(path, overwrite) as file:
        if format == "TIFF":
            deep.write_tiff(file, ((photo.picture, photo.alpha, _tiff_metadata(photo)) for photo in photos))
            return
        pages = iter(photos)
        photo = next(pages)
        if next(pages, None) is not None:
            raise ImageError(f"{path}: {format} holds one page; write a TIFF")
        with naming(path, f"cannot be written as {format}", "choose png or tiff"):
            encode(path, file, photo, format, quality)


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Give a file that takes the name ``path`` when the block ends well, and vanishes when it does not.

    Raises:
        FileExistsError: There is such a file, and ``overwrite`` is off.
        OSError: The file cannot be written.
    """
    if not overwrite and path.exists():
        raise FileExistsError(f"{path}: exists already; --overwrite replaces it")
    temporary = path.with_name(f".colorize-{uuid.uuid4().hex[:12]}.tmp")
    file = open(temporary, "x+b")  # noqa: SIM115 - closed before the file is renamed, which Windows wants
    try:
        with file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read_pages(path: Path, image: Image.Image) -> Iterator[Photo]:
    for page in range(getattr(image, "n_frames", 1)):
        image.seek(page)
        if page == 0 or not image.tag_v2.get(NEW_SUBFILE_TYPE, 0) & REDUCED_COPY:  # type: ignore[attr-defined]
            yield read_page(path, image, page)


def _tiff_metadata(photo: Photo) -> deep.TiffMetadata:
    return deep.TiffMetadata(photo.exif, photo.xmp, photo.profile, photo.dpi)
