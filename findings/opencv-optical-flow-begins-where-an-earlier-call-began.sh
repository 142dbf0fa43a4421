#!/usr/bin/env bash
# OpenCV's DIS optical flow, given no motion to begin with, begins with the one that an earlier call was given.
#
# DISOpticalFlow.calc(before, now, flow) takes an estimate of the motion, or None. An object is made once and used for every
# pair of frames, since that spares its buffers. What it was given as an estimate stays in it: a later call with None, of two
# other frames, starts its search from there, and finds another motion than a new object does, by many pixels where the picture
# has no clear texture. A call with None after calls with None is right, and so is one with an array of zeros; nothing is said,
# and the shape of an answer is always right.
# The guess before it was run: None means no estimate, whatever was asked before.
# Seen with opencv-python-headless 4.13.0.92 and 5.0.0.93, NumPy 2.4.2.
#
# What we do: colorize/motion/flow.py keeps two objects, one that is never given an estimate and one that always is; a test
# compares a search that was used with a new one (tests/motion/test_temporal.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for version in 4.13.0.92 5.0.0.93; do
    "$work/venv/bin/pip" install -q --disable-pip-version-check "opencv-python-headless==$version" "numpy==2.4.2"
    "$work/venv/bin/python" - >> "$work/found" <<'PYTHON'
import cv2
import numpy as np

before, now, other = np.random.default_rng(0).integers(0, 256, (3, 96, 128), dtype=np.uint8)
estimate = np.full((96, 128, 2), 5, np.float32)  # five pixels to the right and down


def search():
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


def compare(given):
    """Tell whether a used search finds what a new one does, when neither is given an estimate."""
    used = search()
    used.calc(other, now, given)
    difference = np.abs(used.calc(before, now, None) - search().calc(before, now, None)).max()
    return "the same motion" if difference == 0 else "another motion" + (", by pixels" if difference > 1 else "")


print(f"{cv2.__version__}: after None {compare(None)}; after an estimate {compare(estimate.copy())}")
PYTHON
done
cat "$work/found"
if [ "$(cat "$work/found")" != "4.13.0: after None the same motion; after an estimate another motion, by pixels
5.0.0: after None the same motion; after an estimate another motion, by pixels" ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
echo "a search remembers the estimate of an earlier call"
