"""Every TIFF that is written: pages of 8 or 16 bits with their metadata, by tifffile."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from colorize.color import Picture
from colorize.photo.metadata import RESOLUTION_UNIT, SUB_DIRECTORIES, X_RESOLUTION, Y_RESOLUTION

XMP_TAG = 700
ASCII, BYTE, LONG = 2, 1, 4  # TIFF field types
PLACEHOLDER_OFFSET = -1
"""Added to the number of a tag that tifffile does not write (it points to a directory), until the file is written; no
other tag that we write lies between the two numbers, so the order of the tags stays right."""


@dataclass(frozen=True)
class TiffMetadata:
    """The metadata of a TIFF page; the attributes are those of ``Photo``."""

    exif: bytes | None
    xmp: bytes | None
    profile: bytes | None
    dpi: tuple[float, float] | None


def write_tiff(file: BinaryIO, pages: Iterable[tuple[Picture, Picture | None, TiffMetadata]]) -> None:
    """Write pages to an open file as a deflated TIFF.

    Args:
        file: Open for reading and writing.
        pages: Picture, alpha and metadata of each page, as in ``Photo``; taken one at a time.
    """
    directories: list[dict[int, ImageFileDirectory_v2]] = []
    with tifffile.TiffWriter(file, byteorder="<") as writer:
        for picture, alpha, metadata in pages:
            tags, sub_directories = _exif_tags(metadata.exif)
            if metadata.xmp:
                tags.append((XMP_TAG, BYTE, len(metadata.xmp), metadata.xmp, True))
            directories.append(sub_directories)
            writer.write(
                picture if alpha is None else np.dstack([picture, alpha]),
                photometric="rgb" if picture.ndim == 3 else "minisblack",
                extrasamples=None if alpha is None else ["unassalpha"],
                compression="zlib",
                compressionargs={"level": 4},
                predictor=True,
                rowsperstrip=max(1, (1 << 20) // max(1, picture.shape[1] * picture.itemsize * 3)),
                resolution=metadata.dpi,
                resolutionunit="inch" if metadata.dpi else None,
                iccprofile=metadata.profile,
                software=False,
                metadata=None,
                extratags=tags,
            )
    _append_directories(file, directories)


def _exif_tags(
    exif: bytes | None,
) -> tuple[list[tuple[int, int, int, object, bool]], dict[int, ImageFileDirectory_v2]]:
    """Return EXIF as a TIFF's own tags, and its sub-directories by tag, whose place in the file is not known yet."""
    source = Image.Exif()
    source.load(exif or b"")
    tags: list[tuple[int, int, int, object, bool]] = []
    for name, value in source.items():
        if isinstance(value, str) and name not in (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT):
            text = value.encode("utf-8") + b"\0"
            tags.append((name, ASCII, len(text), text, True))
        elif isinstance(value, bytes):
            tags.append((name, BYTE, len(value), value, True))
    sub_directories: dict[int, ImageFileDirectory_v2] = {}
    for name in SUB_DIRECTORIES:
        values = source.get_ifd(name)
        if values:
            directory = ImageFileDirectory_v2(b"II\x2a\0\x08\0\0\0")
            for tag, value in values.items():
                directory[tag] = value
            sub_directories[int(name)] = directory
            tags.append((name + PLACEHOLDER_OFFSET, LONG, 1, 0, True))
    return tags, sub_directories


def _append_directories(file: BinaryIO, directories: list[dict[int, ImageFileDirectory_v2]]) -> None:
    """Append the EXIF directories of each page to a written TIFF and set the tags that point to them."""
    if not any(directories):
        return
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        for page, sub_directories in zip(tiff.pages, directories, strict=True):
            assert isinstance(page, tifffile.TiffPage | tifffile.TiffFrame)
            for name, directory in sub_directories.items():
                end = file.seek(0, 2)
                start = end + end % 2  # a directory begins at an even offset
                file.write(b"\0" * (start - end) + directory.tobytes(start))
                tag = page.aspage().tags[name + PLACEHOLDER_OFFSET]
                file.seek(tag.valueoffset)
                file.write(struct.pack("<I", start))
                file.seek(tag.offset)
                file.write(struct.pack("<H", name))
