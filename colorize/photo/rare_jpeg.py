"""JPEGs that Pillow does not read: JPEG-LS, lossless JPEG, and 12 bits, as medical and film scanners write them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from colorize.base import ImageError
from colorize.photo.boxes import map_file
from colorize.photo.metadata import jpeg_metadata

if TYPE_CHECKING:
    from colorize.photo.samples import Samples

JPEG_LS, LOSSLESS = 0xF7, 0xC3  # SOF markers (ISO/IEC 14495-1; 10918-1, B.1.1.3)
FRAMES = frozenset((*range(0xC0, 0xD0), JPEG_LS)) - {0xC4, 0xC8, 0xCC}
PLAIN_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)  # baseline, extended, progressive, and the last two arithmetic
START_OF_SCAN = 0xDA
WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
ICC = b"ICC_PROFILE\0"
COLORS = {1: "GRAY", 3: "RGB"}


class Frame(NamedTuple):
    """What a JPEG's frame header says (10918-1, B.2.2): the SOF marker's number, bits of a sample, size, components."""

    marker: int
    bits: int
    height: int
    width: int
    components: int


def read_frame(path: Path) -> Frame | None:
    """Return the frame header of a JPEG; None: there is none before the pixels."""
    for marker, content in _segments(map_file(path)):
        if marker in FRAMES and len(content) >= 6:
            return Frame(marker, *struct.unpack_from(">BHHB", content))
    return None


def is_rare(path: Path) -> bool:
    """Tell whether a JPEG is of a kind that Pillow does not read."""
    frame = read_frame(path)
    return frame is not None and (frame.marker not in PLAIN_FRAMES or frame.bits > 8)


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width), before orientation.

    Raises:
        ImageError: The file is damaged.
    """
    frame = read_frame(path)
    if frame is None:
        raise ImageError("damaged or cut off (it holds no picture); get it anew")
    return frame.height, frame.width


END_OF_IMAGE, MOST_BEHIND_END = b"\xff\xd9", 4096  # bytes that may follow the picture


def read_rare_jpeg(path: Path) -> Samples:
    """Return the picture of a JPEG of those kinds.

    Raises:
        ImageError: It is damaged, or of a kind that no decoder reads.
    """
    from imagecodecs import jpeg8_decode, jpegls_decode  # slow to import, and seldom wanted

    from colorize.photo.samples import Samples, spread

    data, frame = path.read_bytes(), read_frame(path)
    if frame is None:
        raise ImageError("damaged or cut off (it holds no picture); get it anew")
    if frame.marker not in (*PLAIN_FRAMES, LOSSLESS, JPEG_LS):
        raise ImageError("a JPEG of the hierarchical kind; convert it to TIFF or PNG first")
    if frame.components not in COLORS:
        raise ImageError(f"a JPEG of {frame.components} channels in {frame.bits} bits; convert it to RGB as TIFF first")
    if frame.marker == JPEG_LS and END_OF_IMAGE not in data[-MOST_BEHIND_END:]:  # its decoder would not end either
        raise ImageError("damaged or cut off (its JPEG-LS data have no end); get it anew")
    pixels = np.asarray(jpegls_decode(data) if frame.marker == JPEG_LS else jpeg8_decode(data))
    blocks = list(_segments(data))
    parts = sorted(content[len(ICC) :] for marker, content in blocks if marker == 0xE2 and content.startswith(ICC))
    return Samples(
        spread(pixels if pixels.ndim == 3 else pixels[..., None], frame.bits),
        COLORS[frame.components],  # type: ignore[arg-type]
        profile=b"".join(part[2:] for part in parts) or None,
        dpi=next((_jfif_dpi(content) for marker, content in blocks if marker == 0xE0), None),
        lossless=frame.marker in (JPEG_LS, LOSSLESS),
        words=jpeg_metadata(data, (frame.height, frame.width)),
    )


def _segments(data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of a JPEG's segments up to its pixels."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF or marker in WITHOUT_LENGTH:
            place += 1 if marker == 0xFF else 2
            continue
        if marker == START_OF_SCAN:
            return
        (length,) = struct.unpack_from(">H", data, place + 2)
        yield marker, bytes(data[place + 4 : place + 2 + length])
        place += 2 + length


def _jfif_dpi(content: bytes) -> tuple[float, float] | None:
    """Return the resolution of a JFIF segment; None: it states none."""
    if not content.startswith(b"JFIF\0") or len(content) < 12:
        return None
    unit, x, y = struct.unpack_from(">BHH", content, 7)
    scale = {1: 1.0, 2: 2.54}.get(unit, 0)
    return (x * scale, y * scale) if x and y and scale else None
