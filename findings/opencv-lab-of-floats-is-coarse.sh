#!/usr/bin/env bash
# OpenCV's Lab of float32 pixels is off by up to half a unit, though nothing is rounded to 8 bits.
#
# cvtColor(float32, COLOR_RGB2LAB) takes its values from a coarse table: L, a and b are off by up to 0.5, and the way back
# gives colours that differ by a whole level of 8 bits. One would expect the error of float32, ten thousand times less.
# Programs that take OpenCV's floats for exact measure colour differences (CIEDE2000) that are not there.
# The guess before it was run: equal to the formula (CIE 15) within 0.01.
# Seen with opencv-python-headless 5.0.0.93 and NumPy 2.2.6.
#
# What we do: Lab is computed by its formula (colorize/color/lab.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import sys

import cv2
import numpy as np

TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])


def lab_by_formula(rgb: np.ndarray) -> np.ndarray:
    """Return CIE Lab of sRGB 0..1, (..., 3), against the white of the same matrix."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / TO_XYZ.sum(1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


rgb = np.random.default_rng(0).random((256, 256, 3), np.float32)
lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
off = np.abs(lab - lab_by_formula(rgb.astype(np.float64))).reshape(-1, 3)
back = float(np.abs(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) - rgb).max() * 255)
largest = off.max(0).round(3).tolist()
print(f"OpenCV {cv2.__version__}: float32 Lab is off by at most {largest} (L, a, b), on average {off.mean(0).round(4).tolist()}")
print(f"there and back: up to {back:.2f} of a level of 8 bits")
if not (off.max() > 0.2 and back > 0.3):
    sys.exit("the behaviour has changed: the Lab of floats is exact")
print("the Lab of floats is not exact")
PYTHON
