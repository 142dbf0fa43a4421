#!/usr/bin/env bash
# Pillow's AVIF writer takes the orientation out of the EXIF that it is given, which is the caller's own.
#
# AVIF holds the orientation in a property of its own, so the writer moves it there; but it removes it from the Exif object
# that was passed, not from a copy. A program that saves a picture in several formats with one Exif loses the orientation
# in all that are written after the AVIF: those pictures lie on their side. JPEG, PNG, WebP and TIFF leave the object alone.
# The guess before it was run: the object is the same afterwards, for every format.
# Seen with Pillow 12.3.0.
#
# What we do: pixels are turned upright first, and EXIF is passed as bytes without an orientation (colorize/photo/writer.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==12.3.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import PIL
from PIL import ExifTags, Image

picture = Image.new("RGB", (64, 48), (200, 90, 10))
left = {}
for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "words"
    picture.save(io.BytesIO(), format, exif=exif)
    left[format] = dict(exif)
after = io.BytesIO()
picture.save(after, "JPEG", exif=exif)  # the one that the AVIF was given
with Image.open(after) as image:
    orientation = image.getexif().get(ExifTags.Base.Orientation)
print(f"Pillow {PIL.__version__}: the caller's Exif after saving: {left}; orientation of a JPEG saved after the AVIF: {orientation}")
whole = {ExifTags.Base.Orientation: 6, ExifTags.Base.ImageDescription: "words"}
if {format for format, exif in left.items() if exif != whole} != {"AVIF"} or orientation is not None:
    sys.exit("the behaviour has changed: not AVIF alone changes the caller's Exif")
print("after an AVIF the caller's Exif has no orientation any more")
PYTHON
