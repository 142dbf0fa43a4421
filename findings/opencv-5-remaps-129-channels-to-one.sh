#!/usr/bin/env bash
# OpenCV 5 makes one plane of a picture of more than 128 channels, and says nothing.
#
# Feature maps of a network are moved or enlarged like pictures, height x width x channels: 256 and 512 channels are usual.
# Up to 4.13 that works with up to 512 channels. In 5.0 the limit is 128, and the Python binding takes an array beyond it for
# one plane with three dimensions. cv2.remap then answers with a plane of height x width, made of numbers that lie next to each
# other in memory (here: channels of the first column), without an error; cv2.split answers with the whole array in a list of
# one; cv2.resize and cv2.GaussianBlur fail with "m->dims <= 2", which names no channels.
# The guess before it was run: what 4 does with 256 channels 5 does too, or an error says how many are too many.
# Seen with opencv-python-headless 4.13.0.92 and 5.0.0.93, NumPy 2.4.2.
#
# What we do: maps of features are resized in groups of at most 128 channels (colorize/engine/references.py), and moved along
# the motion by NumPy (colorize/motion/aggregation.py); cv2.remap is given colours, confidences and motion alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for version in 4.13.0.92 5.0.0.93; do
    "$work/venv/bin/pip" install -q --disable-pip-version-check "opencv-python-headless==$version" "numpy==2.4.2"
    "$work/venv/bin/python" - >> "$work/found" <<'PYTHON'
import cv2
import numpy as np

x, y = np.meshgrid(np.arange(9, dtype=np.float32), np.arange(8, dtype=np.float32))
for channels in (128, 129):
    maps = np.arange(8 * 9 * channels, dtype=np.float32).reshape(8, 9, channels)
    moved = cv2.remap(maps, x, y, cv2.INTER_LINEAR)  # to where they are
    same = moved.shape == maps.shape and bool((moved == maps).all())
    try:
        resized = str(cv2.resize(maps, (18, 16)).shape)
    except cv2.error as error:
        resized = "an error" + (" about channels" if "channel" in str(error) else "")
    print(f"{cv2.__version__}, {channels} channels: remap {moved.shape}, {'the same' if same else 'another'}; "
          f"split {len(cv2.split(maps))}; resize {resized}")
PYTHON
done
cat "$work/found"
if [ "$(cat "$work/found")" != "4.13.0, 128 channels: remap (8, 9, 128), the same; split 128; resize (16, 18, 128)
4.13.0, 129 channels: remap (8, 9, 129), the same; split 129; resize (16, 18, 129)
5.0.0, 128 channels: remap (8, 9, 128), the same; split 128; resize (16, 18, 128)
5.0.0, 129 channels: remap (8, 9), another; split 1; resize an error" ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
echo "with OpenCV 5 the 129th channel makes one plane of all"
