#!/usr/bin/env bash
# Pillow turns the pixels of a TIFF by its orientation when it loads them, and those of no other format.
#
# TIFF, PNG and JPEG with the same orientation say the same before they are loaded (getexif() gives 6), but Image.size of
# the TIFF is already that of the turned picture, and once it is loaded the orientation is gone from its EXIF. So pixels
# that are taken from a TIFF are upright while those of the same picture as JPEG are not, and a program that turns them by
# the number it read before turns TIFFs twice.
# The guess before it was run: all formats alike, and ImageOps.exif_transpose turns them.
# Seen with Pillow 12.3.0.
#
# What we do: TIFFs are decoded by tifffile and turned by us, once (colorize/photo/tiff_reader.py, orientation.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==12.3.0 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import numpy as np
import PIL
from PIL import ExifTags, Image

exif = Image.Exif()
exif[ExifTags.Base.Orientation] = 6
seen = {}
for format in ("TIFF", "PNG", "JPEG"):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 90, 10)).save(file, format, exif=exif)
    with Image.open(file) as image:
        size, before = image.size, image.getexif().get(ExifTags.Base.Orientation)
        shape = np.asarray(image).shape[:2]
        seen[format] = (size, before, shape, image.getexif().get(ExifTags.Base.Orientation))
print(f"Pillow {PIL.__version__}: size and orientation when opened, rows and columns and orientation when loaded: {seen}")
others = ((64, 48), 6, (48, 64), 6)
if seen != {"TIFF": ((48, 64), 6, (64, 48), None), "PNG": others, "JPEG": others}:
    sys.exit("the behaviour has changed: TIFFs are not turned alone")
print("the TIFF comes upright, the others as they are stored")
PYTHON
