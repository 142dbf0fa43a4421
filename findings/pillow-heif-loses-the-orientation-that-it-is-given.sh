#!/usr/bin/env bash
# A picture that is saved as HEIF with its own EXIF loses its orientation; without it, it comes out upright.
#
# pillow-heif turns the pixels of a picture by the orientation of its EXIF, but only of the EXIF that it finds in the
# picture itself. Given as exif= (as Pillow's documents say, exif=image.getexif()), it is written as it is, and HEIF has
# its orientation elsewhere (ISO/IEC 23008-12, irot): the reader sets the EXIF's to 1, and the picture lies on its side for
# good. JPEG, PNG, WebP and AVIF show it upright after the same call.
# The guess before it was run: exif=image.getexif() keeps the orientation in every format.
# Seen with pillow-heif 1.8.1 (libheif 1.23.6) and Pillow 12.3.0.
#
# What we do: pixels are turned upright first, and EXIF is passed without an orientation (colorize/photo/writer.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow-heif==1.8.1 pillow==12.3.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import PIL
import pillow_heif
from PIL import ExifTags, Image, ImageOps

pillow_heif.register_heif_opener()
exif = Image.Exif()
exif[ExifTags.Base.Orientation] = 6
camera = io.BytesIO()
Image.new("RGB", (64, 48), (200, 90, 10)).save(camera, "JPEG", exif=exif)


def upright_size(format: str, is_given: bool) -> tuple[int, int]:
    """Return the size of the camera's picture as a viewer shows it after it was saved in a format."""
    file = io.BytesIO()
    with Image.open(camera) as image:
        image.save(file, format, **({"exif": image.getexif()} if is_given else {}))
    with Image.open(file) as image:
        return ImageOps.exif_transpose(image).size


given = {format: upright_size(format, True) for format in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")}
alone = upright_size("HEIF", False)
print(f"Pillow {PIL.__version__}, pillow-heif {pillow_heif.__version__}: an upright 48 x 64 with exif= {given}; HEIF without {alone}")
if {format for format, size in given.items() if size != (48, 64)} != {"HEIF"} or alone != (48, 64):
    sys.exit("the behaviour has changed: not HEIF with exif= alone loses the orientation")
print("with exif= the HEIF lies on its side, without it is upright")
PYTHON
