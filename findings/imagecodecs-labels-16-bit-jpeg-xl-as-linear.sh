#!/usr/bin/env bash
# imagecodecs' jpegxl_encode says of 16-bit pixels that they are linear light, and of 8-bit ones that they are sRGB.
#
# The same picture, encoded as uint8 and as uint16 without any word about its colours, gets two colour spaces: the 16-bit
# file is shown far too bright by every program that manages colours. jpegxl_decode gives the numbers back as they were,
# so a round trip with the package itself shows nothing.
# Seen with imagecodecs 2026.3.6; the profiles were read by pillow-jxl-plugin 1.3.8 (both bring their own libjxl).
#
# What we do: put the header right in what is written (colorize/photo/jpeg_xl.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check \
    imagecodecs==2026.3.6 numpy==2.2.6 pillow==12.3.0 pillow-jxl-plugin==1.3.8
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import imagecodecs
import numpy as np
import pillow_jxl  # noqa: F401 - makes Pillow read JPEG XL
from PIL import Image, ImageCms


def curve(code: bytes) -> tuple[str, float]:
    """Return the name of a file's profile, and the light of half the code values by it, 0..1."""
    with Image.open(io.BytesIO(code)) as image:
        data = image.info["icc_profile"]
    profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
    to_lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    grey = Image.new("RGB", (1, 1), (128, 128, 128))
    lab = ImageCms.profileToProfile(grey, profile, to_lab, outputMode="LAB")
    return ImageCms.getProfileDescription(profile).strip(), lab.getpixel((0, 0))[0] / 255 * 100


eight = np.full((16, 16, 3), 128, np.uint8)
sixteen = eight.astype(np.uint16) * 257
codes = [imagecodecs.jpegxl_encode(array, lossless=True) for array in (eight, sixteen)]
for array, code in zip((eight, sixteen), codes):
    np.testing.assert_array_equal(imagecodecs.jpegxl_decode(code), array)
names = [curve(code) for code in codes]
print(f"imagecodecs {imagecodecs.__version__}: profile, and lightness of half the code values: uint8 {names[0]}, uint16 {names[1]}")
if not (52 < names[0][1] < 55 and 74 < names[1][1] < 78):
    sys.exit("the behaviour has changed: 8 and 16 bits are labelled alike")
print("the same picture is sRGB in 8 bits (lightness 54) and linear in 16 (lightness 76)")
PYTHON
