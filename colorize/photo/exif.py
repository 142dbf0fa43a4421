"""EXIF blocks and TIFF directories as they lie in a file: read, and changed in place, so that all else stays put.

A block is ``Exif\\0\\0`` and a TIFF of directories alone (CIPA DC-008, 4.5). Offsets in it count from behind those six
bytes, also the ones inside a camera's MakerNote, which only the camera's maker knows: so a block is never built anew
where it can be changed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal

HEAD = b"Exif\0\0"
Order = Literal["<", ">"]  # little-endian, big-endian, as in ``struct``
ORDERS: dict[bytes, Order] = {b"II": "<", b"MM": ">"}
CLASSIC, BIG = 42, 43  # versions of a TIFF: BigTIFF has offsets of 64 bits

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7  # field types, TIFF 6.0
LONG8 = 16  # BigTIFF's
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
TYPE_BYTES |= {16: 8, 17: 8, 18: 8, 129: 1}
"""Field type -> bytes of a value; 129 is EXIF 3's UTF-8, 16 to 18 are BigTIFF's."""
_SWAPPED_BYTES = {5: 4, 10: 4}  # a rational's bytes are swapped in each of its halves

EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY = 34665, 34853, 40965  # tags that point to directories
POINTERS = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY)
ORIENTATION, SOFTWARE = 274, 305
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
MAKER_NOTE, USER_COMMENT = 37500, 37510
SIZE_TAGS = ((256, 257), (40962, 40963))  # width and height, in the first and in the EXIF directory
RESOLUTION_TAGS = ((X_RESOLUTION, Y_RESOLUTION), (41486, 41487))  # across and down; the latter of the focal plane
THUMBNAIL_START, THUMBNAIL_LENGTH = 513, 514
MAX_FIELD_BYTES = 1 << 26
UPRIGHT = 1
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height


class ExifError(ValueError):
    """A directory that is damaged."""


@dataclass(frozen=True)
class Entry:
    """A field of a directory.

    Attributes:
        type: A key of ``TYPE_BYTES``.
        count: Number of its values.
        data: The values' bytes, as they lie in the file.
        order: The file's byte order.
    """

    type: int
    count: int
    data: bytes = field(repr=False)
    order: Order = "<"

    @classmethod
    def text(cls, text: bytes) -> Entry:
        """Return a text field; it ends in a NUL, as it must."""
        text = text.rstrip(b"\0") + b"\0"
        return cls(ASCII, len(text), text)

    @classmethod
    def numbers(cls, type: int, *values: int) -> Entry:
        """Return a field of SHORTs or LONGs, or of RATIONALs given as numerator and denominator by turns."""
        data = struct.pack(f"<{len(values)}{'H' if type == SHORT else 'I'}", *values)
        return cls(type, len(data) // TYPE_BYTES[type], data)

    @property
    def values(self) -> tuple[int, ...]:
        """The values of SHORTs and LONGs; of any other type none."""
        code = {SHORT: "H", LONG: "I"}.get(self.type)
        return struct.unpack(f"{self.order}{self.count}{code}", self.data) if code else ()

    def in_order(self, order: Order) -> Entry:
        """Return the field in a byte order."""
        if order == self.order:
            return self
        data, size = self.data, _SWAPPED_BYTES.get(self.type, TYPE_BYTES[self.type])
        if self.type == UNDEFINED and data.startswith(b"UNICODE\0") and len(data) % 2 == 0:
            data = data[:8] + _swapped(data[8:], 2)  # a comment's letters are in the block's order
        return replace(self, data=_swapped(data, size), order=order)


@dataclass(frozen=True)
class Directory:
    """A directory of fields, and the directories that fields of it point to.

    Attributes:
        entries: Fields by tag, without the pointers.
        below: Directories by the tag that points to them.
    """

    entries: dict[int, Entry] = field(default_factory=dict)
    below: dict[int, Directory] = field(default_factory=dict)


def _swapped(data: bytes, size: int) -> bytes:
    """Return numbers of so many bytes in the other byte order."""
    if size == 1:
        return data
    swapped = bytearray(len(data))
    for place in range(size):
        swapped[place::size] = data[size - 1 - place :: size]
    return bytes(swapped)


class DirectoryReader:
    """Reads the directories of a TIFF file, or of an EXIF block.

    Args:
        read: Returns so many bytes at an offset, or fewer where there are no more.

    Raises:
        ExifError: There is no head of a TIFF.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        head = read(0, 16)
        order = ORDERS.get(head[:2])
        if order is None or len(head) < 8:
            raise ExifError("no byte order")
        self.order: Order = order
        self.is_big = struct.unpack_from(f"{order}H", head, 2)[0] == BIG
        if self.is_big and len(head) < 16:
            raise ExifError("cut off")
        self.first: int = struct.unpack_from(f"{order}Q", head, 8)[0] if self.is_big else self._number(head[4:8])
        self._counts, self._entry = ("Q", "HHQ8s") if self.is_big else ("H", "HHI4s")
        self._offset = "Q" if self.is_big else "I"

    @classmethod
    def of_file(cls, file: BinaryIO) -> DirectoryReader:
        """Return the reader of an open TIFF."""

        def read(offset: int, size: int) -> bytes:
            if offset >= 1 << 63:
                return b""  # no file reaches so far, and seeking there is an error
            file.seek(offset)
            return file.read(size)

        return cls(read)

    @classmethod
    def of_block(cls, block: bytes) -> DirectoryReader:
        """Return the reader of an EXIF block."""
        body = block.removeprefix(HEAD)
        return cls(lambda offset, size: body[offset : offset + size])

    def _number(self, data: bytes) -> int:
        return struct.unpack(f"{self.order}I", data)[0]

    def raw_entries(self, offset: int) -> tuple[list[tuple[int, int, int, bytes, int]], int]:
        """Return a directory's fields as they stand, and the offset of the next directory (0: none).

        Returns:
            Of each field tag, type, count, the bytes of its value or of the value's offset, and its own place.

        Raises:
            ExifError: The directory does not lie in the file.
        """
        size = struct.calcsize(f"<{self._counts}")
        head = self._read(offset, size) if offset else b""
        if len(head) < size:
            raise ExifError("no directory")
        (count,) = struct.unpack(self.order + self._counts, head)
        each = struct.calcsize(f"<{self._entry}")
        width = struct.calcsize(f"<{self._offset}")
        if count > 1 << 16:
            raise ExifError("a damaged directory")
        data = self._read(offset + size, count * each + width)
        if len(data) < count * each:
            raise ExifError("a directory that is cut off")
        fields = struct.iter_unpack(self.order + self._entry, data[: count * each])
        rest = data[count * each :]
        following = struct.unpack(self.order + self._offset, rest)[0] if len(rest) == width else 0
        return [(*each_field, offset + size + place * each) for place, each_field in enumerate(fields)], following

    def directory(self, offset: int, wanted: Collection[int] | None = None) -> Directory:
        """Return a directory and those that it points to; fields that are damaged are left out.

        Args:
            offset: Of the directory.
            wanted: The tags to take of it; None: all.

        Raises:
            ExifError: The directory does not lie in the file.
        """
        return self._directory(offset, wanted, ())

    def _directory(self, offset: int, wanted: Collection[int] | None, above: tuple[int, ...]) -> Directory:
        found = Directory()
        for tag, type, count, inline, _ in self.raw_entries(offset)[0]:
            if wanted is not None and tag not in wanted and tag not in POINTERS:
                continue
            size = TYPE_BYTES.get(type, 0) * count
            if not 0 < size <= MAX_FIELD_BYTES:
                continue
            at = struct.unpack(self.order + self._offset, inline)[0]
            data = inline[:size] if size <= len(inline) else self._read(at, size)
            if len(data) < size:
                continue
            if tag in POINTERS:
                (target,) = struct.unpack(f"{self.order}{'Q' if size == 8 else 'I'}", data) if size in (4, 8) else (0,)
                if target not in above and len(above) < len(POINTERS):
                    try:
                        found.below[tag] = self._directory(target, None, (*above, offset))
                    except ExifError:
                        continue  # one that lies outside the file holds nothing
            else:
                found.entries[tag] = Entry(type, count, data, self.order)
        return found

    def chain(self) -> list[int]:
        """Return the offsets of the directories that follow each other, as a TIFF's pages do."""
        offsets: list[int] = []
        offset = self.first
        while offset and offset not in offsets:
            try:
                _, following = self.raw_entries(offset)
            except ExifError:
                break
            offsets.append(offset)
            offset = following
        return offsets


def directory_bytes(directory: Directory, start: int, order: Order, is_big: bool = False) -> bytes:
    """Return a directory as it lies at an even offset of a TIFF, with its values and directories behind it.

    Args:
        directory: The directory.
        start: Its offset.
        order: The file's byte order.
        is_big: Whether the file is a BigTIFF.
    """
    count, entry, offset, pointer = ("Q", "HHQ8s", "Q", LONG8) if is_big else ("H", "HHI4s", "I", LONG)
    room = struct.calcsize(f"<{offset}")
    tags = sorted({*directory.entries, *directory.below})
    end = start + struct.calcsize(f"<{count}") + struct.calcsize(f"<{entry}") * len(tags) + room
    fields, behind = [struct.pack(order + count, len(tags))], bytearray()
    for tag in tags:
        if tag in directory.below:
            behind += bytes((end + len(behind)) % 2)
            place = end + len(behind)
            behind += directory_bytes(directory.below[tag], place, order, is_big)
            fields.append(struct.pack(order + entry, tag, pointer, 1, struct.pack(order + offset, place)))
            continue
        found = directory.entries[tag].in_order(order)
        value = found.data
        if len(value) > room:
            behind += bytes((end + len(behind)) % 2)
            value = struct.pack(order + offset, end + len(behind))
            behind += found.data
        fields.append(struct.pack(order + entry, tag, found.type, found.count, value.ljust(room, b"\0")))
    return b"".join(fields) + bytes(room) + bytes(behind)


def make_block(directory: Directory, order: Order = "<") -> bytes | None:
    """Return a directory as an EXIF block; None: there is nothing in it."""
    if not directory.entries and not directory.below:
        return None
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return HEAD + mark + struct.pack(f"{order}I", 8) + directory_bytes(directory, 8, order)


def read_block(block: bytes | None) -> Directory:
    """Return the first directory of an EXIF block; an empty one of no block, or of a damaged one."""
    try:
        reader = DirectoryReader.of_block(block or b"")
        return reader.directory(reader.first)
    except ExifError:
        return Directory()


def set_fields(block: bytes | None, fields: dict[int, Entry], directory: int = 0) -> bytes:
    """Return an EXIF block with fields set; all else in it keeps its place.

    The directory is written anew behind the block, and so are the values.

    Args:
        block: The block; None, or a damaged one: a new one is made.
        fields: By tag.
        directory: The tag that points to their directory; 0: the first.
    """
    try:
        reader = DirectoryReader.of_block(block or b"")
        first, _ = reader.raw_entries(reader.first)
    except ExifError:
        made = Directory(dict(fields)) if not directory else Directory(below={directory: Directory(dict(fields))})
        return make_block(made) or b""
    body = bytearray((block or b"").removeprefix(HEAD))
    if not directory:
        place = _append_directory(body, reader, first, fields)
        struct.pack_into(f"{reader.order}I", body, 4, place)
        return HEAD + bytes(body)
    try:
        (inline,) = (inline for tag, _, _, inline, _ in first if tag == directory)
        kept, _ = reader.raw_entries(struct.unpack(f"{reader.order}I", inline)[0])
    except (ExifError, ValueError):
        kept = []
    place = _append_directory(body, reader, kept, fields)
    return set_fields(HEAD + bytes(body), {directory: Entry.numbers(LONG, place)})


def _append_directory(
    body: bytearray, reader: DirectoryReader, kept: list[tuple[int, int, int, bytes, int]], fields: dict[int, Entry]
) -> int:
    """Append a directory of fields as ``raw_entries`` gives them, and of others in their place; return its offset."""
    order = reader.order
    packed = {
        tag: struct.pack(f"{order}HHI4s", tag, type, count, inline)
        for tag, type, count, inline, _ in kept
        if _lies_within(body, order, type, count, inline)
    }
    body += bytes(len(body) % 2)
    for tag, entry in fields.items():
        entry = entry.in_order(order)
        value = entry.data
        if len(value) > 4:
            value = struct.pack(f"{order}I", len(body))
            body += entry.data + bytes(len(entry.data) % 2)
        packed[tag] = struct.pack(f"{order}HHI4s", tag, entry.type, entry.count, value.ljust(4, b"\0"))
    place = len(body)
    body += struct.pack(f"{order}H", len(packed)) + b"".join(packed[tag] for tag in sorted(packed)) + bytes(4)
    return place


def _lies_within(body: bytearray, order: Order, type: int, count: int, inline: bytes) -> bool:
    """Return whether a field's value lies in the block."""
    size = TYPE_BYTES.get(type, 0) * count
    return size <= 4 or struct.unpack(f"{order}I", inline)[0] + size <= len(body)


def without_field(block: bytes, tag: int) -> bytes:
    """Return an EXIF block without a field of its first directory; all else in it keeps its place."""
    reader = DirectoryReader.of_block(block)
    kept, _ = reader.raw_entries(reader.first)
    places = [place for name, *_, place in kept if name == tag]
    if not places:
        return block
    body = bytearray(block.removeprefix(HEAD))
    end = reader.first + 2 + 12 * len(kept) + 4  # of the directory, with the next one's offset
    body[places[0] : end] = body[places[0] + 12 : end] + bytes(12)
    struct.pack_into(f"{reader.order}H", body, reader.first, len(kept) - 1)
    return HEAD + bytes(body)


def without_maker_note(block: bytes) -> bytes | None:
    """Return an EXIF block that is built anew without the camera's MakerNote; None: nothing is left."""
    directory = read_block(block)
    for below in directory.below.values():
        below.entries.pop(MAKER_NOTE, None)
    return make_block(directory, DirectoryReader.of_block(block).order)


def make_upright(block: bytes, size: tuple[int, int]) -> tuple[bytes, int]:
    """Return an EXIF block for the upright picture, and the orientation, 1..8, that it stated.

    The orientation becomes 1, a stated size and resolution those of the upright picture, and the second directory, a
    thumbnail of the old picture, goes. All else keeps its place.

    Args:
        block: The block.
        size: (height, width) of the picture as it lies in the file.

    Raises:
        ExifError: It has no directory.
    """
    reader = DirectoryReader.of_block(block)
    body = bytearray(block.removeprefix(HEAD))
    fields, following = reader.raw_entries(reader.first)
    orientation = UPRIGHT
    pointed: list[int] = []
    for tag, type, count, inline, place in fields:
        (number,) = struct.unpack(f"{reader.order}I", inline)
        if tag == ORIENTATION:
            if type in (SHORT, LONG) and count == 1:
                stated = struct.unpack_from(f"{reader.order}{'H' if type == SHORT else 'I'}", inline)[0]
                orientation = stated if 1 <= stated <= 8 else UPRIGHT
            _put(body, reader.order, place, tag, SHORT, 1)
        elif tag == EXIF_DIRECTORY:
            pointed.append(number)
    if orientation in SIDEWAYS:
        size = (size[1], size[0])
    for offset in (reader.first, *pointed):
        try:
            below, _ = reader.raw_entries(offset)
        except ExifError:
            continue
        for tag, *_, place in below:
            for tags in SIZE_TAGS:
                if tag in tags:
                    _put(body, reader.order, place, tag, LONG, size[1 - tags.index(tag)])
        if orientation in SIDEWAYS:
            _swap_resolutions(body, {tag: place for tag, *_, place in below})
    if following:
        struct.pack_into(f"{reader.order}I", body, reader.first + 2 + 12 * len(fields), 0)
        _wipe_thumbnail(body, reader, following)
    return HEAD + bytes(body), orientation


def _put(body: bytearray, order: Order, place: int, tag: int, type: int, value: int) -> None:
    """Write a field of one SHORT or LONG into a block."""
    packed = struct.pack(f"{order}{'H' if type == SHORT else 'I'}", value).ljust(4, b"\0")
    struct.pack_into(f"{order}HHI4s", body, place, tag, type, 1, packed)


def _swap_resolutions(body: bytearray, places: dict[int, int]) -> None:
    """Give the resolutions across and down each other's values; ``places`` are those of a directory's fields by tag."""
    for across, down in RESOLUTION_TAGS:
        if across in places and down in places:
            one, other = (slice(places[tag] + 2, places[tag] + 12) for tag in (across, down))  # all behind the tag
            body[one], body[other] = body[other], body[one]


def _wipe_thumbnail(body: bytearray, reader: DirectoryReader, offset: int) -> None:
    """Remove the second directory's thumbnail: cut it off where it ends the block, else overwrite it with zeros."""
    try:
        fields, _ = reader.raw_entries(offset)
    except ExifError:
        return
    numbers = {tag: struct.unpack(f"{reader.order}I", inline)[0] for tag, _, _, inline, _ in fields}
    start, length = numbers.get(THUMBNAIL_START, 0), numbers.get(THUMBNAIL_LENGTH, 0)
    if bytes(body[start : start + 2]) != b"\xff\xd8" or start + length > len(body) + 1:
        return  # not where it is said to be: nothing is known of what lies there
    if start + length >= len(body) - 1:
        del body[start:]
    else:
        body[start : start + length] = bytes(length)
