"""TIFFs that libraries do not write: any tags, samples of any number of bits."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

BYTE, ASCII, SHORT, LONG = 1, 2, 3, 4  # field types
SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4}
STRIP_OFFSETS, STRIP_BYTE_COUNTS = 273, 279


def write_tiff_by_hand(
    path: Path, data: bytes, size: tuple[int, int], tags: dict[int, tuple[int, list[int]]], order: str = "<"
) -> Path:
    """Write a TIFF of one page in one strip, and return its path.

    Args:
        path: The file.
        data: The strip as it is stored.
        size: (height, width).
        tags: Tag -> field type and values, beside the size, the strip's place and its length.
        order: Byte order, as in ``struct``.
    """
    height, width = size
    start = 8
    tags = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        278: (LONG, [height]),
        STRIP_OFFSETS: (LONG, [start]),
        STRIP_BYTE_COUNTS: (LONG, [len(data)]),
    } | tags
    body = data + b"\0" * (len(data) % 2)
    entries = b""
    for tag, (kind, values) in sorted(tags.items()):
        code = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I"}[kind]
        packed = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(packed) > 4:
            place = struct.pack(order + "I", start + len(body))
            body += packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start + len(body))
    path.write_bytes(head + body + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0")
    return path


def packed(samples: np.ndarray, bits: int) -> bytes:
    """Return samples (H, W) as rows of so many bits each, the most significant first, each row filled to a byte."""
    places = np.arange(bits - 1, -1, -1, dtype=np.uint32)
    rows = ((samples.astype(np.uint32)[..., None] >> places) & 1).astype(np.uint8).reshape(len(samples), -1)
    return np.packbits(rows, axis=1).tobytes()


def grey_tags(bits: int, photometric: int = 1, compression: int = 1) -> dict[int, tuple[int, list[int]]]:
    """Return the tags of a grey page."""
    return {
        258: (SHORT, [bits]),
        259: (SHORT, [compression]),
        262: (SHORT, [photometric]),
        277: (SHORT, [1]),
    }
