"""Pixels, EXIF and XMP for the picture files of tests."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'dc:source="album 3"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
DATE = "1999:01:02 03:04:05"


def make_exif(orientation: int = 1, thumbnail: bool = False) -> bytes:
    """Return an EXIF block with an orientation 1..8, a description, a date, a place and, if asked for, a thumbnail."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.ImageDescription] = "Aunt Meta"
    exif[ExifTags.Base.Software] = "scanner 1.0"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = DATE
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = 40
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageHeight] = 30
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    if not thumbnail:
        return exif.tobytes()
    small = io.BytesIO()
    Image.new("L", (8, 6), 77).save(small, "JPEG")
    body = bytearray(exif.tobytes()[6:])
    order = "<" if body[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", body, 4)
    (count,) = struct.unpack_from(order + "H", body, first)
    body += bytes(len(body) % 2)
    struct.pack_into(order + "I", body, first + 2 + 12 * count, len(body))
    data = len(body) + 2 + 12 * 2 + 4
    body += struct.pack(order + "HHHIIHHIII", 2, 0x201, 4, 1, data, 0x202, 4, 1, len(small.getvalue()), 0)
    return b"Exif\0\0" + bytes(body) + small.getvalue()


def noise(shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    """Return random pixels over the whole range of an integer dtype."""
    return np.random.default_rng(0).integers(0, int(np.iinfo(dtype).max) + 1, shape).astype(dtype)


def smooth(height: int = 30, width: int = 40) -> np.ndarray:
    """Return smooth gradients in colour, uint8 (H, W, 3), that compression hardly changes."""
    y, x = np.mgrid[:height, :width]
    return np.dstack([x * 5, y * 7, 200 - x * 2 - y]).astype(np.uint8)


def boxes_picture(height: int, width: int, seed: int) -> np.ndarray:
    """Return a picture of a few coloured boxes with a little grain, uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), random.integers(40, 200, 3), np.float32)
    for _ in range(6):
        top, left = random.integers(0, height - 12), random.integers(0, width - 12)
        picture[top : top + 12, left : left + 12] = random.integers(0, 256, 3)
    return np.clip(picture + random.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def save_picture(path: Path, value: int | np.ndarray = 100) -> Path:
    """Write pixels, or one grey level everywhere in (20, 30), and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 30), value, np.uint8) if isinstance(value, int) else value).save(path)
    return path
