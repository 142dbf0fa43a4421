"""JPEG's marker segments (ITU-T T.81, B.1): read from a file, and put into an encoded one."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import NamedTuple

SOI, EOI, SOS, DHT, DQT = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB
APP0, APP1, APP2, APP11, APP13, COM = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xFE
WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD8), SOI)
MAX_CONTENT = 65533  # bytes of a segment beside its length
EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
MULTI_PICTURE = b"MPF\0"
JUMBF = b"JP"
SOF55, LSE = 0xF7, 0xF8  # JPEG-LS's frame and parameters
_NEXT_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # of JPEG-LS's pixels any byte up to 0x7f may follow 0xff


class JpegFile(NamedTuple):
    """What lies in a JPEG beside its pixels.

    Attributes:
        segments: Marker and content of each segment, in order.
        trailer: What lies behind the picture's end.
    """

    segments: tuple[tuple[int, bytes], ...]
    trailer: bytes

    def contents(self, marker: int, head: bytes) -> list[bytes]:
        """Return what follows a head in each segment of a marker that begins with it."""
        found = (content for name, content in self.segments if name == marker and content.startswith(head))
        return [content[len(head) :] for content in found]


def read_jpeg(data: bytes) -> JpegFile:
    """Return the segments of a JPEG and what lies behind it; of a damaged one those before the damage."""
    segments: list[tuple[int, bytes]] = []
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # fill bytes may come before any marker
            place += 1
            continue
        if marker == EOI:
            return JpegFile(tuple(segments), data[place + 2 :])
        if marker in WITHOUT_LENGTH:
            place += 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        if marker >= APP0 and marker not in (SOF55, LSE):
            segments.append((marker, data[place + 4 : place + 2 + length]))
        place += 2 + max(2, length)
        if marker == SOS:
            following = _NEXT_MARKER.search(data, place)
            place = following.start() if following else len(data)
    return JpegFile(tuple(segments), b"")


def make_segments(marker: int, head: bytes, content: bytes) -> bytes:
    """Return content as segments that each begin with a head: as many as it takes."""
    room = MAX_CONTENT - len(head)
    parts = [head + content[place : place + room] for place in range(0, max(1, len(content)), room)]
    return b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(part) + 2) + part for part in parts)


def extension_segments(guid: bytes, extension: bytes) -> bytes:
    """Return an extension of an XMP packet as segments (ISO 16684-3, 1.1.3.1)."""
    parts: list[bytes] = []
    room = MAX_CONTENT - len(XMP_EXTENSION) - 40
    for place in range(0, len(extension), room):
        head = XMP_EXTENSION + guid + struct.pack(">II", len(extension), place)
        parts.append(make_segments(APP1, b"", head + extension[place : place + room]))
    return b"".join(parts)


def read_extension(parts: Iterable[bytes], guid: str | None) -> bytes | None:
    """Return the extension of an XMP packet; None: a part of it is missing.

    Args:
        parts: What follows the head in each of its segments, in any order.
        guid: That the packet names.
    """
    whole, length = b"", None
    named = [part for part in parts if len(part) >= 40 and part[:32].decode("latin-1").upper() == guid]
    for part in sorted(named, key=lambda part: part[36:40]):
        length, place = struct.unpack_from(">II", part, 32)
        if place > len(whole):
            return None
        whole = whole[:place] + part[40:]
    return whole if whole and length == len(whole) else None


def insert_segments(jpeg: bytes, segments: bytes) -> bytes:
    """Return a JPEG with segments behind its JFIF segment, or at its beginning where it has none."""
    place = 2
    if jpeg[2:4] == bytes([0xFF, APP0]):
        place += 2 + struct.unpack_from(">H", jpeg, 4)[0]
    return jpeg[:place] + segments + jpeg[place:]
