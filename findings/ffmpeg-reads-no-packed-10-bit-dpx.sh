#!/usr/bin/env bash
# FFmpeg reads DPX of 10 bits only where words are padded; samples that run on from word to word are "not permitted".
#
# SMPTE 268M knows three ways to pack 10-bit samples into words of 32 bits (field 21.10): 0, they follow each other without
# a gap; 1, three a word, two bits left below; 2, the same with the bits above. Film scanners write 0 for grey to save a
# sixteenth. FFmpeg decodes 1, and answers 0 with EPERM, which PyAV raises as PermissionError, as if the file were locked.
# The guess before it was run: all three are read, or "not implemented" is said.
# Seen with PyAV 18.1.0 (FFmpeg 8.1).
#
# What we do: 10-bit words without a gap are refused by their own name (colorize/film/dpx.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import av
import numpy as np

WIDTH, HEIGHT = 8, 4
LEVELS = np.arange(WIDTH * HEIGHT * 3).reshape(HEIGHT, -1) * 7 % 1024


def dpx(packing: int) -> bytes:
    """An RGB picture of 10 bits, big-endian, by SMPTE 268M."""
    pixels = b""
    for row in LEVELS:
        if packing == 1:
            red, green, blue = row.reshape(-1, 3).T
            pixels += (red << 22 | green << 12 | blue << 2).astype(">u4").tobytes()
        else:
            bits = sum(int(level) << 10 * place for place, level in enumerate(row))
            words = -(-10 * len(row) // 32)
            pixels += b"".join(struct.pack(">I", bits >> 32 * place & 0xFFFFFFFF) for place in range(words))
    head = bytearray(2048)
    struct.pack_into(">4sI8sII", head, 0, b"SDPX", 2048, b"V1.0", 2048 + len(pixels), 1)
    struct.pack_into(">III", head, 20, 1664, 384, 0)
    struct.pack_into(">HHII", head, 768, 0, 1, WIDTH, HEIGHT)
    struct.pack_into(">IIfIfBBBBHHIII", head, 780, 0, 0, 0.0, 1023, 2.0, 50, 2, 2, 10, packing, 0, 2048, 0, 0)
    return bytes(head) + pixels


found = {}
for packing in (1, 0):
    try:
        with av.open(io.BytesIO(dpx(packing)), format="dpx_pipe") as file:
            frame = next(file.decode(video=0))
            green = np.frombuffer(frame.planes[0], np.uint16).reshape(HEIGHT, -1)[:, :WIDTH]
            found[packing] = "read" if np.array_equal(green, LEVELS[:, 1::3]) else "wrong"
    except Exception as error:
        found[packing] = type(error).__name__
print(f"PyAV {av.__version__}: {found}")
if found != {1: "read", 0: "PermissionError"}:
    sys.exit("the behaviour has changed: 10-bit DPX is read otherwise")
PYTHON
