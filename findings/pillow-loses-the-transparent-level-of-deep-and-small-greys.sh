#!/usr/bin/env bash
# Pillow keeps the transparent grey level of an 8-bit PNG, and loses that of 2, 4 and 16 bits when it converts them.
#
# A grey PNG may name one level as transparent (tRNS; PNG, third edition, 11.3.1.1), in its own depth. Pillow spreads the
# pixels of 2 and 4 bits over 0..255 but leaves the level in image.info as it is stored, so that convert("RGBA") makes
# another level transparent, or none; from 16 bits (mode I;16) the conversion forgets it. No error, no warning.
# Seen with Pillow 12.3.0.
#
# What we do: spread the level like the pixels (colorize/photo/reader.py), and compare 16-bit levels ourselves
# (colorize/photo/png_colors.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==12.3.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys
import zlib

import PIL
from PIL import Image


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def make_png(bits: int, levels: list[int], transparent: int) -> bytes:
    """Return a grey PNG of one row, 16 pixels."""
    number = 0
    for level in levels:
        number = number << bits | level
    row = b"\0" + number.to_bytes(len(levels) * bits // 8, "big")
    header = struct.pack(">IIBBBBB", len(levels), 1, bits, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tRNS", struct.pack(">H", transparent)), (b"IDAT", zlib.compress(row)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


kept = {}
for bits in (2, 4, 8, 16):
    top = (1 << bits) - 1
    levels = [place * top // 15 for place in range(16)]
    expected = [place for place, level in enumerate(levels) if level == levels[5]]
    with Image.open(io.BytesIO(make_png(bits, levels, levels[5]))) as image:
        alpha = image.convert("RGBA").getchannel("A").tobytes()
    kept[bits] = [place for place, value in enumerate(alpha) if value == 0] == expected
print(f"Pillow {PIL.__version__}: transparent pixels right after convert('RGBA'), by depth: {kept}")
if kept != {2: False, 4: False, 8: True, 16: False}:
    sys.exit("the behaviour has changed: the transparent level is no longer kept in 8 bits alone")
print("the transparent level of 2, 4 and 16 bits is lost")
PYTHON
