#!/usr/bin/env bash
# imagecodecs flips a JPEG XR as its container asks, and refuses one that is to be turned.
#
# The container of a JPEG XR says how its picture is to be shown (ITU-T T.832, A.7.20: SPATIAL_XFRM_PRIMARY, tag 0xBC02): 0 as
# it is, 1 to 3 flipped, 4 to 7 turned by a quarter and flipped, as scans and pictures of phones held upright are. imagecodecs
# returns 0 to 3 as they are to be shown, so no reader has to know the tag, and a reader that follows it flips twice; 4 to 7 it
# refuses ("PKFormatConverter_Copy returned WMP_errFail"), which sounds like a damaged file.
# The guess before it was run: the tag is ignored like the orientation in a TIFF, or followed, but for all its values.
# Seen with imagecodecs 2026.3.6, NumPy 2.4.2.
#
# What we do: the decoder is given a container without the tag, and the picture is turned and flipped by us
# (colorize/photo/jpeg_xr.py; tests/photo/test_jpeg_xr.py shows them).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check "imagecodecs==2026.3.6" "numpy==2.4.2"
"$work/venv/bin/python" - <<'PYTHON'
import struct
import sys

import imagecodecs
import numpy as np

picture = np.arange(48, dtype=np.uint8).reshape(6, 8) * 4
file = bytearray(imagecodecs.jpegxr_encode(picture, level=1.0))  # without loss
(directory,) = struct.unpack_from("<I", file, 4)
(count,) = struct.unpack_from("<H", file, directory)
places = [directory + 2 + 12 * index for index in range(count)]
(place,) = [place for place in places if struct.unpack_from("<H", file, place)[0] == 0xBC02]
found = []
for value in range(8):
    struct.pack_into("<I", file, place + 8, value)
    try:
        shown = imagecodecs.jpegxr_decode(bytes(file))
        ways = {"as it is": picture, "upside down": picture[::-1], "mirrored": picture[:, ::-1], "both": picture[::-1, ::-1]}
        found.append(next(name for name, way in ways.items() if np.array_equal(way, shown)))
    except imagecodecs.JpegxrError:
        found.append("refused")
print(f"imagecodecs {imagecodecs.__version__}:", *[f"{value}: {what};" for value, what in enumerate(found)])
if found != ["as it is", "upside down", "mirrored", "both", *["refused"] * 4]:
    print("the behaviour has changed", file=sys.stderr)
    sys.exit(1)
PYTHON
echo "the four that turn are refused"
