#!/usr/bin/env bash
# The grey that OpenCV reads from a file in colour depends on the format of the file.
#
# The same pixels, saved without loss: imread(..., IMREAD_GRAYSCALE) of a PNG is one level darker for half of all pixels
# than cvtColor(..., COLOR_BGR2GRAY) of the same PNG, that of BMP and TIFF a level off for a few in a thousand, that of WebP
# equal. libpng converts for OpenCV, and cuts where OpenCV rounds. A threshold, a hash or a data set of greys is another by
# the format it came in.
# The guess before it was run: without loss, reading grey equals converting to grey.
# Seen with opencv-python-headless 5.0.0.93.
#
# What we do: pictures are read in colour and made lightness by colorize/color/lab.py.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import sys

import cv2
import numpy as np

colors = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
expected = cv2.cvtColor(colors, cv2.COLOR_BGR2GRAY).astype(int)
shares = {}
for suffix, options in ((".png", []), (".bmp", []), (".tiff", []), (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101])):
    _, code = cv2.imencode(suffix, colors, options)
    assert np.array_equal(cv2.imdecode(code, cv2.IMREAD_COLOR), colors), "no loss"
    grey = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE).astype(int)
    shares[suffix] = (round(float((grey < expected).mean()), 3), round(float((grey > expected).mean()), 3))
print(f"OpenCV {cv2.__version__}: shares of pixels read darker and lighter than converted: {shares}")
if not (0.4 < shares[".png"][0] < 0.6 and shares[".png"][1] == 0 and shares[".webp"] == (0, 0)):
    sys.exit("the behaviour has changed: PNG is no longer read darker by half")
if not all(0 < sum(shares[suffix]) < 0.02 for suffix in (".bmp", ".tiff")):
    sys.exit("the behaviour has changed: BMP and TIFF are no longer read a little otherwise")
print("half of the pixels of a PNG are read a level darker than its colours convert to")
PYTHON
