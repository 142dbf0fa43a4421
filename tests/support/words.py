"""Words of photographs as files carry them, made by hand: IPTC, image resources, EXIF, JPEG segments, PNG chunks."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from colorize.base import PHOTO_FORMATS
from colorize.photo import Photo, write_photo

GREY = np.tile(np.arange(40, dtype=np.uint8) * 5, (30, 1))
IPTC = b"".join(
    struct.pack(">BBBH", 0x1C, record, number, len(value)) + value
    for record, number, value in (
        (1, 90, b"\x1b%G"),  # the texts are UTF-8
        (2, 120, "Am See, 1931 – Größe".encode()),
        (2, 25, b"family"),
        (2, 25, b"lake"),
        (2, 90, b"Como"),
    )
)
MAKER_NOTE = b"MAKER\0" + struct.pack("<IIII", 11, 22, 33, 44) * 3


def resource(number: int, data: bytes) -> bytes:
    """Return an image resource of Photoshop without a name."""
    return struct.pack(">4sHHI", b"8BIM", number, 0, len(data)) + data + bytes(len(data) % 2)


def segment(marker: int, content: bytes) -> bytes:
    """Return a JPEG's segment."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a PNG's chunk."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg(*segments: bytes, trailer: bytes = b"") -> bytes:
    """Return a grey JPEG with segments behind its first, and something behind its end."""
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, "JPEG", quality=90)
    plain = file.getvalue()
    return plain[:20] + b"".join(segments) + plain[20:] + trailer


def png(*chunks: bytes) -> bytes:
    """Return a grey PNG with chunks behind its head."""
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, "PNG")
    plain = file.getvalue()
    return plain[:33] + b"".join(chunks) + plain[33:]


def boxes(path: Path, suffix: str, box: bytes) -> None:
    """Write a grey AVIF, HEIC, JPEG 2000 or JPEG XL with a box behind its others."""
    write_photo(path, Photo(GREY), format=PHOTO_FORMATS[suffix])
    path.write_bytes(path.read_bytes() + box)


def webp(path: Path, name: bytes, content: bytes) -> None:
    """Write a grey WebP with a chunk behind its others."""
    Image.fromarray(GREY).save(path, "WEBP")
    body = path.read_bytes()[8:] + struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)


def exif_block(order: str, *, maker_note: bool = False, thumbnail: bytes = b"", orientation: int = 1) -> bytes:
    """Return an EXIF block of one byte order with letters outside ASCII, a comment and what else is asked for."""
    utf_16 = "utf-16-le" if order == "<" else "utf-16-be"
    below = [
        (36867, 2, b"1931:07:04 10:11:12\0"),
        (37510, 7, b"UNICODE\0" + "Žofie am Strand – été".encode(utf_16)),
    ]
    if maker_note:
        below.append((37500, 7, MAKER_NOTE))
    first = [
        (270, 2, "Tante Größe, 湖".encode() + b"\0"),
        (274, 3, struct.pack(order + "H", orientation)),
        (315, 2, "Žofie".encode() + b"\0"),
        (40091, 1, "Über den See\0".encode("utf-16-le")),  # always so (Windows)
    ]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    behind = 8 + 2 + 12 * (len(first) + 1) + 4
    packed, data = _directory(order, first, behind, [(34665, 0)])
    start = behind + len(data)
    exif, exif_data = _directory(order, sorted(below), start + 2 + 12 * len(below) + 4, [])
    packed = packed[:-4]
    second = start + len(exif) + len(exif_data)
    packed = packed.replace(
        struct.pack(order + "HHII", 34665, 4, 1, 0), struct.pack(order + "HHII", 34665, 4, 1, start)
    )
    small = b""
    if thumbnail:
        fields = [(513, 4, struct.pack(order + "I", second + 30)), (514, 4, struct.pack(order + "I", len(thumbnail)))]
        small = _directory(order, fields, 0, [])[0] + thumbnail
    return (
        b"Exif\0\0" + head + packed + struct.pack(order + "I", second if small else 0) + data + exif + exif_data + small
    )


def _directory(
    order: str, fields: list[tuple[int, int, bytes]], behind: int, pointers: list[tuple[int, int]]
) -> tuple[bytes, bytes]:
    """Return a directory, and the values that lie behind it at an offset."""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
    rows, data = [], b""
    for tag, type, value in fields:
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline = struct.pack(order + "I", behind + len(data))
            data += value + bytes(len(value) % 2)
        rows.append((tag, struct.pack(order + "HHI4s", tag, type, len(value) // sizes[type], inline)))
    rows += [(tag, struct.pack(order + "HHII", tag, 4, 1, place)) for tag, place in pointers]
    packed = b"".join(row for _, row in sorted(rows))
    return struct.pack(order + "H", len(rows)) + packed + bytes(4), data


def packet(*descriptions: str) -> bytes:
    """Return an XMP packet of descriptions."""
    rdf = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{"".join(descriptions)}</rdf:RDF>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}</x:xmpmeta>'.encode()


def extended_xmp(main: str, extension: bytes, parts: int) -> bytes:
    """Return the segments of a packet of one description, and of its extension in parts, the last one first."""
    guid = hashlib.md5(extension).hexdigest().upper()
    note = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{guid}"'
    segments = [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(main % note))]
    size = -(-len(extension) // parts)
    for place in reversed(range(0, len(extension), size)):
        head = guid.encode() + struct.pack(">II", len(extension), place)
        part = head + extension[place : place + size]
        segments.append(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + part))
    return b"".join(segments)
