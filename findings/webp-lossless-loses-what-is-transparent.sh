#!/usr/bin/env bash
# A lossless WebP is not the picture that was saved: where it is transparent, the colours are gone.
#
# Pillow's lossless=True keeps every pixel that can be seen; those with alpha 0 become (0, 0, 0, 0), unless exact=True is
# said too. A cut-out whose mask is to be changed later, or an atlas of textures, comes back black. PNG and TIFF, and even
# AVIF with its loss, keep the colours.
# The guess before it was run: lossless is lossless.
# Seen with Pillow 12.3.0 (libwebp).
#
# What we do: exact=True (colorize/photo/writer.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==12.3.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import PIL
from PIL import Image

picture = Image.new("RGBA", (32, 32), (200, 10, 20, 0))
picture.paste((1, 2, 3, 255), (0, 0, 8, 8))
kept = {}
for name, format, options in (
    ("PNG", "PNG", {}),
    ("TIFF", "TIFF", {}),
    ("WebP lossless", "WEBP", {"lossless": True}),
    ("WebP lossless, exact", "WEBP", {"lossless": True, "exact": True}),
):
    file = io.BytesIO()
    picture.save(file, format, **options)
    with Image.open(file) as image:
        kept[name] = (image.getpixel((20, 20)), image.getpixel((3, 3)))
print(f"Pillow {PIL.__version__}: a transparent (200, 10, 20, 0) and an opaque (1, 2, 3, 255) after a round trip: {kept}")
whole = ((200, 10, 20, 0), (1, 2, 3, 255))
if {name for name, pixels in kept.items() if pixels != whole} != {"WebP lossless"}:
    sys.exit("the behaviour has changed: not lossless WebP alone loses transparent colours")
print("lossless WebP keeps transparent colours only with exact=True")
PYTHON
