#!/usr/bin/env bash
# The log level of OpenCV has no name that all its versions have.
#
# OpenCV writes its decoders' warnings to the standard error; who wants them quiet sets the log level. The wheels of 4.8.0
# know cv2.setLogLevel, and no cv2.utils.logging; those of 5.0.0 know cv2.utils.logging.setLogLevel alone. A program that
# was tried with one of the two ends with an AttributeError in the other, before it has read a picture.
# The guess before it was run: what 5 has, 4 has too, and the short name stays for those that knew it.
# Seen with opencv-python-headless 4.8.0.76 and 5.0.0.93.
#
# What we do: whichever name is there is taken (colorize/batch/process.py); the command's tests run with the oldest and the
# newest packages (.ci/versions).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for version in "4.8.0.76 numpy<2" "5.0.0.93 numpy>=2"; do
    read -r opencv numpy <<< "$version"
    "$work/venv/bin/pip" install -q --disable-pip-version-check "opencv-python-headless==$opencv" "$numpy"
    "$work/venv/bin/python" - >> "$work/found" <<'PYTHON'
import cv2

names = ["cv2.setLogLevel"] if hasattr(cv2, "setLogLevel") else []
names += ["cv2.utils.logging.setLogLevel"] if hasattr(cv2.utils, "logging") else []
print(cv2.__version__, *names)
PYTHON
done
cat "$work/found"
if [ "$(cat "$work/found")" != "4.8.0 cv2.setLogLevel
5.0.0 cv2.utils.logging.setLogLevel" ]; then
    echo "the behaviour has changed: the log level has other names" >&2
    exit 1
fi
echo "no name is in both"
