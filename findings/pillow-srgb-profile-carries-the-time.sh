#!/usr/bin/env bash
# Pillow's sRGB profile is another file each second.
#
# ImageCms.createProfile("sRGB") lets LittleCMS make a profile, and LittleCMS writes the moment of its making into the
# header (ICC.1:2022, 7.2.8: bytes 24 to 35). So a program that embeds it writes other bytes for the same picture each
# second: results cannot be compared by hash, and a cache by content never hits.
# Seen with Pillow 12.3.0 (LittleCMS 2): the two profiles differ in the header's date alone.
#
# What we do: give the profile a fixed date (srgb_profile in colorize/color/profiles.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==12.3.0
"$work/venv/bin/python" - <<'PYTHON'
import sys
import time

import PIL
from PIL import ImageCms


def make() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


first = make()
time.sleep(1.2)
second = make()
places = [place for place, (a, b) in enumerate(zip(first, second)) if a != b]
print(f"Pillow {PIL.__version__}, LittleCMS {ImageCms.core.littlecms_version}: {len(first)} bytes, different at {places}")
if len(first) != len(second) or not places or not all(24 <= place < 36 for place in places):
    sys.exit("the behaviour has changed: the profiles no longer differ in their date alone")
print("two profiles made 1.2 s apart differ in the header's date (bytes 24..35) alone")
PYTHON
