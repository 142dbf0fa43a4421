"""The chain of a TIFF's pages, followed before its decoder reads any of them, with limits that no sound file reaches.

Each page says where the next one is. Where damage leads it back, or lets tags have millions of values, the decoder
would read for hours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from colorize.base import ImageError
from colorize.photo.exif import LONG, SHORT, TYPE_BYTES, DirectoryReader, ExifError

SUB_IFDS = 330
READ_AT_ONCE = (258, 270, 273, 277, 279, 305, 324, 325, SUB_IFDS, 338, 339, 347, 513, 514, 530, 42113, 50838, 50839)
"""Tags whose values the decoder reads with the page, numbers each as an object: places in the file, depths, texts."""
OFFSET_TYPES = {SHORT: "H", LONG: "I", 13: "I", 16: "Q", 18: "Q"}  # field type -> its numbers, as in ``struct``

MAX_PAGES = 10_000  # of a file, with the pictures inside its pages; each takes 0.2 ms to list
MAX_FIELDS = 4096  # of a page
MAX_ALL_FIELDS = 300_000  # of all pages, of which each has 12 to 20, few of them up to 60
MAX_BYTES = 1 << 25  # of the values read at once, of all pages: 8 to 16 for each strip or tile, and some texts
SHARED_BYTES = 1 << 30  # by which all values together may be longer than the file, since pages may share some


def page_offsets(file: BinaryIO) -> list[int]:
    """Return where the pages of an open TIFF are; none where the first one cannot be found.

    Raises:
        ImageError: A page is missing, the pages lead in a circle, or there is more in them than a sound file has.
    """
    try:
        reader = DirectoryReader.of_file(file)
    except ExifError:
        return []
    numbers: dict[int, int] = {}  # offset -> number of its page
    cost = _Cost(file, reader)
    offset = reader.first
    while offset:
        if offset in numbers:
            raise ImageError(f"damaged: after page {len(numbers)} comes page {numbers[offset]} again; get it anew")
        try:
            fields, following = reader.raw_entries(offset)
            if len(fields) > MAX_FIELDS:
                raise ExifError("a damaged directory")
        except ExifError as error:
            if not numbers:
                return []
            raise ImageError(f"damaged or cut off after page {len(numbers)}; get it anew") from error
        numbers[offset] = len(numbers) + 1
        cost.add(fields)
        for inner in cost.inner_pages(fields):
            try:
                cost.add(reader.raw_entries(inner)[0])
            except ExifError:
                break  # where the decoder stops too
        offset = following
    return list(numbers)


Field = tuple[int, int, int, bytes, int]
"""Tag, type, count, the bytes of the value or of its offset, and the field's place."""


class _Cost:
    """What the decoder would have to read of the pages met so far.

    Args:
        file: The TIFF.
        reader: Of its directories.
    """

    def __init__(self, file: BinaryIO, reader: DirectoryReader) -> None:
        self._file = file
        self._order = reader.order
        self._length = file.seek(0, 2)
        self._pages = self._fields = self._bytes = self._all_bytes = 0

    def add(self, fields: list[Field]) -> None:
        """Add a page.

        Raises:
            ImageError: A limit is exceeded.
        """
        self._pages += 1
        self._fields += len(fields)
        lengths = [(field[0], self._extent(field)[1]) for field in fields]
        self._bytes += sum(length for tag, length in lengths if tag in READ_AT_ONCE)
        self._all_bytes += sum(length for _, length in lengths)
        if self._pages > MAX_PAGES:
            raise ImageError(f"more than {MAX_PAGES} pages; split it, or get it anew if it should have fewer")
        if self._fields > MAX_ALL_FIELDS:
            pages = f"{self._pages} pages"
            raise ImageError(f"more than {MAX_ALL_FIELDS} tags in {pages}; split it, or get it anew if it has fewer")
        if self._bytes > MAX_BYTES:
            raise ImageError(f"damaged: more than {MAX_BYTES >> 20} MiB of tags in {self._pages} pages; get it anew")
        if self._all_bytes > self._length + SHARED_BYTES:
            size = f"{self._all_bytes >> 20} MiB of tags in {self._pages} pages"
            raise ImageError(f"damaged: {size}, more than the file has bytes; get it anew")

    def inner_pages(self, fields: list[Field]) -> Iterator[int]:
        """Yield the offsets of the pages inside a page."""
        for field in fields:
            tag, type, *_ = field
            if tag == SUB_IFDS and type in OFFSET_TYPES:
                place, length = self._extent(field)
                count = min(length // TYPE_BYTES[type], MAX_PAGES)
                self._file.seek(place)
                data = self._file.read(count * TYPE_BYTES[type])
                yield from struct.unpack(f"{self._order}{count}{OFFSET_TYPES[type]}", data)

    def _extent(self, field: Field) -> tuple[int, int]:
        """Return the offset and the length of a field's values; (0, 0): not in the file, where none are read."""
        _, type, count, inline, place = field
        length = TYPE_BYTES.get(type, 0) * count
        at = place + (8 if len(inline) == 4 else 12)
        if length > len(inline):
            at = int.from_bytes(inline, "little" if self._order == "<" else "big")
        return (at, length) if at + length <= self._length else (0, 0)
