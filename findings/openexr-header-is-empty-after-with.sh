#!/usr/bin/env bash
# What OpenEXR's header() and channels() returned is empty once the "with" block of its file has ended.
#
# Both give the file's own dictionaries, which leaving the block clears: no error, no warning, but a header without
# attributes, and a picture without channels.
# The guess before it was run: dictionaries are read when they are returned; only pixels might need the open file.
# Seen with OpenEXR 3.5.3.
#
# What we do: all that is wanted of a frame is taken within the block (colorize/film/exr.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check OpenEXR==3.5.3 numpy==2.2.6
cd "$work"
venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import OpenEXR

header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
OpenEXR.File(header, {"Y": np.ones((4, 4), np.float32)}).write("grey.exr")
with OpenEXR.File("grey.exr") as file:
    header, channels = file.header(), file.channels()
    within = (len(header), list(channels))
after = (len(header), list(channels))
print(f"OpenEXR {OpenEXR.__version__}: attributes and channels within the block {within}, behind it {after}")
if within[1] != ["Y"] or after != (0, []):
    sys.exit("the behaviour has changed: what was returned stays")
PYTHON
