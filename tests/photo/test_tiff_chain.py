"""The chain of a TIFF's pages: circles, counts and tags that no sound file has are refused at once."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import tifffile
from support.photo_files import noise
from support.profiles import grey_profile
from support.tiff_files import BYTE, LONG, SHORT

from colorize.base import ImageError
from colorize.photo import photo_size, read_photos

MAX_SECONDS = 5  # of computing; each takes less than one
SUB_IFDS, STRIP_OFFSETS, STRIP_BYTE_COUNTS, DESCRIPTION = 330, 273, 279, 270
XMP, PROFILE, COLOR_MAP, UNDEFINED = 700, 34675, 320, 7
PIXELS = bytes(range(16))
START = 8 + len(PIXELS)
GREY = {256: (LONG, 1, 4), 257: (LONG, 1, 4), 258: (SHORT, 1, 8), 259: (SHORT, 1, 1), 262: (SHORT, 1, 1)} | {
    STRIP_OFFSETS: (LONG, 1, 8),
    277: (SHORT, 1, 1),
    278: (LONG, 1, 4),
    STRIP_BYTE_COUNTS: (LONG, 1, len(PIXELS)),
}
"""Tag -> field type, count, and the value or its offset, of a page of 4 x 4 pixels."""


def directory(tags: dict[int, tuple[int, int, int]], following: int) -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, *field) for tag, field in sorted(tags.items()))
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)


def write_chain(path: Path, count: int, tags: dict[int, tuple[int, int, int]], behind: bytes = b"") -> Path:
    """Write so many equal pages after each other, and bytes behind them."""
    size = len(directory(tags, 0))
    places = [START + size * number for number in range(1, count)]
    pages = b"".join(directory(tags, place) for place in (*places, 0))
    path.write_bytes(b"II*\0" + struct.pack("<I", START) + PIXELS + pages + behind)
    return path


def assert_refused(path: Path, *words: str) -> None:
    """Check that a file is refused soon, by each way in, in a line that holds some words."""
    begin = time.process_time()
    for read in (lambda: list(read_photos(path)), lambda: photo_size(path)):
        with pytest.raises(ImageError) as caught:
            read()
        line = str(caught.value)
        assert str(path) in line
        assert all(word in line for word in words), line
        assert "\n" not in line
    assert time.process_time() - begin < MAX_SECONDS


@pytest.mark.parametrize(("count", "target"), [(1, 1), (3, 2), (150, 20)])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_circle_of_pages_is_refused(
    tmp_path: Path, count: int, target: int, order: Literal["<", ">"], big: bool
) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff=big, byteorder=order) as writer:
        for _ in range(count):
            writer.write(noise((4, 4)), photometric="minisblack", contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as tiff:
        place, offset = tiff.pages.next_page_offset, tiff.pages[target - 1].offset
    data = bytearray(path.read_bytes())
    struct.pack_into(order + ("Q" if big else "I"), data, place, offset)
    path.write_bytes(data)
    assert_refused(path, f"page {count}", f"page {target} again")


def test_more_pages_than_a_sound_file_has_are_refused(tmp_path: Path) -> None:
    assert_refused(write_chain(tmp_path / "a.tif", 10_001, GREY), "10000 pages")


def test_more_pictures_inside_a_page_than_a_sound_file_has_are_refused(tmp_path: Path) -> None:
    inner = START + len(directory(GREY | {SUB_IFDS: (LONG, 1, 0)}, 0))
    behind = directory(GREY, 0) + struct.pack("<I", inner) * 20_000
    offsets = inner + len(directory(GREY, 0))
    path = write_chain(tmp_path / "a.tif", 1, GREY | {SUB_IFDS: (LONG, 20_000, offsets)}, behind)
    assert_refused(path, "10000 pages")


def test_more_tags_than_sound_files_have_are_refused(tmp_path: Path) -> None:
    tags = {40_000 + number: (LONG, 1, 0) for number in range(4000)}
    assert_refused(write_chain(tmp_path / "a.tif", 130, GREY | tags), "300000 tags")


@pytest.mark.parametrize(
    ("tag", "type"), [(STRIP_OFFSETS, LONG), (STRIP_BYTE_COUNTS, SHORT), (SUB_IFDS, LONG), (DESCRIPTION, BYTE)]
)
def test_more_values_of_tags_than_sound_files_have_are_refused(tmp_path: Path, tag: int, type: int) -> None:
    count = 200_000 // {BYTE: 1, SHORT: 2, LONG: 4}[type]
    path = write_chain(tmp_path / "a.tif", 400, GREY | {tag: (type, count, 8)}, bytes(200_000))  # the same for all
    assert_refused(path, "MiB of tags")


@pytest.mark.parametrize(("tag", "type"), [(PROFILE, UNDEFINED), (XMP, BYTE), (COLOR_MAP, SHORT)])
def test_values_that_all_pages_share_are_not_read_for_each(tmp_path: Path, tag: int, type: int) -> None:
    size = 10_000_000  # and 120 pages: 1.2 GB, were they read
    path = write_chain(
        tmp_path / "a.tif", 120, GREY | {tag: (type, size // (2 if type == SHORT else 1), 8)}, bytes(size)
    )
    assert_refused(path, "MiB of tags", "than the file")


def test_pages_may_share_a_profile(tmp_path: Path) -> None:
    behind = grey_profile()
    place = START + 100 * len(directory(GREY | {PROFILE: (UNDEFINED, 1, 0)}, 0))
    path = write_chain(tmp_path / "a.tif", 100, GREY | {PROFILE: (UNDEFINED, len(behind), place)}, behind)
    assert [photo.profile for photo in read_photos(path)] == [behind] * 100


def test_more_strips_than_sound_pictures_have_are_refused(tmp_path: Path) -> None:
    count, end = 250_001, START + len(directory(GREY, 0))
    tags = GREY | {256: (LONG, 1, 1), 257: (LONG, 1, count), 278: (LONG, 1, 1), 259: (SHORT, 1, 8)}
    tags |= {STRIP_OFFSETS: (LONG, count, end), STRIP_BYTE_COUNTS: (LONG, count, end)}
    path = write_chain(tmp_path / "a.tif", 1, tags, struct.pack("<I", 8) * count)
    begin = time.process_time()
    with pytest.raises(ImageError, match=r"a\.tif: .*250001 strips"):
        list(read_photos(path))
    assert time.process_time() - begin < MAX_SECONDS


def test_a_count_that_reaches_beyond_the_file_is_no_reason_to_refuse_it(tmp_path: Path) -> None:
    path = write_chain(tmp_path / "a.tif", 2, GREY | {SUB_IFDS: (LONG, 1 << 31, START)})
    assert len(list(read_photos(path))) == 2


def test_a_thousand_pages_are_read(tmp_path: Path) -> None:
    path = write_chain(tmp_path / "a.tif", 1000, GREY)
    photos = list(read_photos(path))
    assert len(photos) == 1000
    np.testing.assert_array_equal(photos[-1].picture.reshape(-1), list(PIXELS))
