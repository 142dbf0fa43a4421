"""Boxes: what JPEG 2000 and JPEG XL files are made of (ISO/IEC 15444-1, I.4; 18181-2, 5): a length, a name, content.

WebP's chunks are their like (RFC 9649, 2.3).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

HEAD = struct.Struct(">I4s")
LONG_LENGTH = struct.Struct(">Q")
RIFF_HEAD, CHUNK_HEAD = 12, struct.Struct("<4sI")


def map_file(path: Path) -> memoryview:
    """Return a file's bytes, which the system reads as they are needed."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def read_boxes(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield name and content of each box that stands whole or in part in some bytes.

    Raises:
        ValueError: A box states a length that cannot be.
    """
    view, place = memoryview(data), 0
    while place + HEAD.size <= len(view):
        length, name = HEAD.unpack_from(view, place)
        start = place + HEAD.size
        if length == 1 and start + LONG_LENGTH.size <= len(view):
            (length,) = LONG_LENGTH.unpack_from(view, start)
            start += LONG_LENGTH.size
        end = len(view) if length == 0 else place + length  # 0: to the end of the file
        if end < start:
            raise ValueError(f"a box {name!r} of {length} bytes")
        yield name, view[start:end]
        place = end


def webp_chunks(data: bytes | memoryview) -> Iterator[bytes]:
    """Yield the name of each chunk of a WebP."""
    place = RIFF_HEAD
    while place + CHUNK_HEAD.size <= len(data):
        name, size = CHUNK_HEAD.unpack_from(data, place)
        yield name
        place += CHUNK_HEAD.size + size + size % 2


def make_box(name: bytes, content: bytes | memoryview) -> bytes:
    """Return a box."""
    length = HEAD.size + len(content)
    if length < 1 << 32:
        return HEAD.pack(length, name) + content
    return HEAD.pack(1, name) + LONG_LENGTH.pack(length + LONG_LENGTH.size) + content
