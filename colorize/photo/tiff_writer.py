"""Every TIFF that is written: pages of 8 or 16 bits with their metadata, by tifffile."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from colorize.color import Picture
from colorize.photo.exif import (
    ASCII,
    BYTE,
    LONG,
    LONG8,
    TYPE_BYTES,
    UNDEFINED,
    Directory,
    directory_bytes,
    read_block,
)
from colorize.photo.metadata import (
    DESCRIPTIVE_TAGS,
    GEOGRAPHIC_TAGS,
    IPTC_TAG,
    PHOTOSHOP_TAG,
    XMP_TAG,
    Metadata,
)

PROFILE_TAG = 34675
UTF_8 = 129  # EXIF 3's type of texts; older readers want ASCII, and take UTF-8 in it
CLASSIC_BYTES = (1 << 32) - (1 << 26)  # of pixels; with the words the offsets of a classic TIFF reach no further
PLACEHOLDER_OFFSET = -1
"""Added to the number of a tag that tifffile does not write (it points to a directory), until the file is written; no
other tag that we write lies between the two numbers, so the order of the tags stays right."""


@dataclass(frozen=True)
class TiffPage:
    """A page of a TIFF; the attributes are those of ``Photo``, the words as ``metadata.fit`` gives them."""

    picture: Picture
    alpha: Picture | None
    words: Metadata
    profile: bytes | None
    dpi: tuple[float, float] | None


def write_tiff(file: BinaryIO, pages: Iterable[TiffPage], total_bytes: int = 0) -> None:
    """Write pages to an open file as a deflated TIFF, or as a BigTIFF where they might be too large for that.

    Args:
        file: Open for reading and writing.
        pages: The pages; taken one at a time.
        total_bytes: Those of all pages, before they are deflated.
    """
    import tifffile  # brings imagecodecs, which is slow to import

    directories: list[dict[int, Directory]] = []
    is_big = total_bytes > CLASSIC_BYTES
    with tifffile.TiffWriter(file, byteorder="<", bigtiff=is_big) as writer:
        for page in pages:
            tags, below = _tags(page.words, page.profile, is_big)
            directories.append(below)
            picture, alpha = page.picture, page.alpha
            writer.write(
                picture if alpha is None else np.dstack([picture, alpha]),
                photometric="rgb" if picture.ndim == 3 else "minisblack",
                extrasamples=None if alpha is None else ["unassalpha"],
                compression="zlib",
                compressionargs={"level": 4},
                predictor=True,
                rowsperstrip=max(1, (1 << 20) // max(1, picture.shape[1] * picture.itemsize * 3)),
                resolution=page.dpi,
                resolutionunit="inch" if page.dpi else None,
                software=False,
                metadata=None,
                extratags=tags,
            )
    _append_directories(file, directories)


def _tags(
    words: Metadata, profile: bytes | None, is_big: bool
) -> tuple[list[tuple[int, int, int, bytes, bool]], dict[int, Directory]]:
    """Return words and profile as a TIFF's own tags, and the directories by tag, whose place is not known yet."""
    tags: list[tuple[int, int, int, bytes, bool]] = []
    exif = read_block(words.exif)
    for tag, entry in exif.entries.items():
        if tag in DESCRIPTIVE_TAGS or tag in GEOGRAPHIC_TAGS:
            type = ASCII if entry.type == UTF_8 else entry.type
            tags.append((tag, type, entry.count, entry.in_order("<").data, True))
    for tag, type, data in (
        (XMP_TAG, BYTE, words.xmp),
        (IPTC_TAG, UNDEFINED, words.iptc),
        (PHOTOSHOP_TAG, BYTE, words.photoshop),
        (PROFILE_TAG, UNDEFINED, profile),  # as an argument only later versions of tifffile take it
    ):
        if data:
            tags.append((tag, type, len(data) // TYPE_BYTES[type], data, True))
    type, room = (LONG8, 8) if is_big else (LONG, 4)
    tags += [(tag + PLACEHOLDER_OFFSET, type, 1, bytes(room), True) for tag in exif.below]
    return tags, exif.below


def _append_directories(file: BinaryIO, directories: list[dict[int, Directory]]) -> None:
    """Append the EXIF directories of each page to a written TIFF and set the tags that point to them."""
    import tifffile

    if not any(directories):
        return
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        for page, below in zip(tiff.pages, directories, strict=True):
            assert isinstance(page, tifffile.TiffPage | tifffile.TiffFrame)
            for name, directory in below.items():
                end = file.seek(0, 2)
                start = end + end % 2  # a directory begins at an even offset
                file.write(b"\0" * (start - end) + directory_bytes(directory, start, "<", tiff.is_bigtiff))
                tag = page.aspage().tags[name + PLACEHOLDER_OFFSET]
                file.seek(tag.valueoffset)
                file.write(struct.pack("<Q" if tiff.is_bigtiff else "<I", start))
                file.seek(tag.offset)
                file.write(struct.pack("<H", name))
