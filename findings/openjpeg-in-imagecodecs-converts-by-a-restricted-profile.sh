#!/usr/bin/env bash
# imagecodecs' jpeg2k_decode converts the pixels by some ICC profiles of a JP2, and leaves others to the caller.
#
# A JP2 holds its profile by method 2 ("restricted", ISO 15444-1, I.5.3.3) or, in JPX, by method 3 ("any"). With method 2
# the pixels come out converted to sRGB, with method 3 as they are stored; nothing that the caller gets tells which. A
# reader that reads the profile from the file and applies it, as is right for all other formats, applies it twice. Pillow,
# with the same OpenJPEG, gives the stored pixels of both files.
# Seen with imagecodecs 2026.3.6 (OpenJPEG 2.5.4) and Pillow 12.3.0.
#
# What we do: hand over the file with an enumerated colour space in place of the profile, and apply the profile once
# (colorize/photo/jpeg2000.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check imagecodecs==2026.3.6 numpy==2.2.6 pillow==12.3.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import imagecodecs
import numpy as np
from PIL import Image


def xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def make_profile(gamma: float) -> bytes:
    """Return an ICC profile of sRGB's primaries and a power curve (ICC.1:2001-04)."""
    name = b"power curve\0"
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, begin = b"", b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", begin + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI", begin + len(body), b"none", 0x02400000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


picture = np.full((16, 16, 3), (200, 100, 50), np.uint8)
plain = imagecodecs.jpeg2k_encode(picture, level=0, reversible=True, codecformat="jp2")
header, color = plain.index(b"jp2h") - 4, plain.index(b"colr") - 4
sizes = [struct.unpack_from(">I", plain, place)[0] for place in (header, color)]


def with_profile(method: int) -> bytes:
    profile = make_profile(1.8)
    box = struct.pack(">I4s3B", 11 + len(profile), b"colr", method, 0, 0) + profile
    size = struct.pack(">I", sizes[0] - sizes[1] + len(box))
    return plain[:header] + size + plain[header + 4 : color] + box + plain[color + sizes[1] :]


restricted, any_ = with_profile(2), with_profile(3)
pixels = {
    name: [imagecodecs.jpeg2k_decode(code)[0, 0].tolist(), list(Image.open(io.BytesIO(code)).getpixel((0, 0)))]
    for name, code in (("none", plain), ("restricted", restricted), ("any", any_))
}
print(f"imagecodecs {imagecodecs.__version__}, {imagecodecs.jpeg2k_version()}: [imagecodecs, Pillow] by profile: {pixels}")
stored = picture[0, 0].tolist()
others = [pixels["none"][0], pixels["any"][0], *(each[1] for each in pixels.values())]
if pixels["restricted"][0] == stored or any(each != stored for each in others):
    sys.exit("the behaviour has changed: a restricted profile no longer alone converts the pixels")
print("with a restricted profile jpeg2k_decode gives converted pixels, else the stored ones")
PYTHON
