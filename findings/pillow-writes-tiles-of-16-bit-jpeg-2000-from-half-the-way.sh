#!/usr/bin/env bash
# Pillow saves a 16-bit grey picture as JPEG 2000 in tiles with the wrong pixels in all but the leftmost tiles.
#
# Guess: `image.save("a.jp2", tile_size=(64, 64), irreversible=False)` is without loss in mode I;16 as it is in mode L.
# What happens: a tile that begins at column x holds the pixels from column x / 2 on (as if x counted bytes). No error; 8 bits,
# and 16 bits in one tile, are right. Reading is not concerned. Seen with Pillow 12.3.0.
#
# Whom it hurts: who makes masters, or tests of a reader of masters, by Pillow.
# What we do: nothing needs doing, for JPEG 2000 is written by imagecodecs here (colorize/photo/jpeg2000.py), in one tile.
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

SIDE = 128


def wrong_columns(mode: str, tile: int) -> list[int]:
    """Return the columns that a lossless file of one row's ramp gives back otherwise than they were."""
    levels = [column % 256 for column in range(SIDE)] * SIDE
    data = bytes(levels) if mode == "L" else b"".join(level.to_bytes(2, "little") for level in levels)
    file = io.BytesIO()
    Image.frombytes(mode, (SIDE, SIDE), data).save(file, "JPEG2000", irreversible=False, tile_size=(tile, tile))
    with Image.open(file) as image:
        back = [image.getpixel((column, 0)) for column in range(SIDE)]
    return [column for column in range(SIDE) if back[column] != levels[column]]


wrong = {(mode, tile): len(wrong_columns(mode, tile)) for mode in ("L", "I;16") for tile in (64, 128)}
print(f"Pillow {PIL.__version__}: columns of {SIDE} that differ, by mode and side of a tile: {wrong}")
if wrong != {("L", 64): 0, ("L", 128): 0, ("I;16", 64): 64, ("I;16", 128): 0}:
    sys.exit("the behaviour has changed: 16-bit tiles are no longer alone in being wrong")
print("the right half of the 16-bit picture in tiles of 64 is another one")
PYTHON
