"""Beginnings of files of kinds that are not read, as their specifications say, and tiny files put together by bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

FOREIGN = {
    "a.psd": (b"8BPS\0\1" + bytes(100), "Photoshop"),
    "scan.pdf": (b"%PDF-1.4\n", "PDF"),
    "drawing.svg": (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "page.jpg": (b"<!DOCTYPE html><html></html>", "web page"),
    "x.dcm": (bytes(128) + b"DICM" + bytes(40), "DICOM"),
    "x.fits": (b"SIMPLE  =                    T", "FITS"),
    "x.exr": (b"\x76\x2f\x31\x01\2\0\0\0", "OpenEXR"),
    "x.hdr": (b"#?RADIANCE\n", "Radiance HDR"),
    "x.djvu": (b"AT&TFORM\0\0\0\x10DJVUINFO", "DjVu"),
    "x.dpx": (b"SDPX\0\0\x20\0V1.0", "DPX"),
    "IMG_1.CR2": (b"II*\0\x10\0\0\0CR\2\0", "camera raw"),
    "IMG_1.CR3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "camera raw"),
    "DSCF1.RAF": (b"FUJIFILMCCD-RAW 0201", "camera raw"),
    "P1.RW2": (b"IIU\0\x18\0\0\0", "camera raw"),
    "P1.ORF": (b"IIRO\x08\0\0\0", "camera raw"),
    "x.jpm": (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjpm \0\0\0\0jpm ", "JPM"),
    "film.jpg": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "film"),
    "clip.png": (b"RIFF\x10\0\0\0AVI LIST", "film"),
    "clip.tif": (b"\x1aE\xdf\xa3\x01\0\0\0", "film"),
    "clip": (b"\0\0\1\xba\x44\0\4\0", "film"),
}
"""Name of a file -> how it begins, and a word of its true name."""


def png_chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def make_png(
    size: tuple[int, int], depth: int, color_type: int, rows: bytes, chunks: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """Return a PNG.

    Args:
        size: (height, width).
        depth: Bits of a sample.
        color_type: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA.
        rows: The rows of samples one after another, as they are stored, without filter bytes.
        chunks: Name and content of chunks before the pixels.
    """
    height, width = size
    length = len(rows) // height
    filtered = b"".join(b"\0" + rows[place : place + length] for place in range(0, len(rows), length))
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    middle = b"".join(png_chunk(name, content) for name, content in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + middle + png_chunk(b"IDAT", zlib.compress(filtered)) + png_chunk(b"IEND", b"")
