#!/usr/bin/env bash
# x264 makes another film of the same frames each time, on a processor with AVX-512, with a single thread.
#
# One process, one thread, the same 60 frames of 160 x 96 (10 macroblocks wide) and the same settings, 24 times: several
# different streams. With asm=AVX2, or without macroblock trees (mbtree=0), all 24 are the same; so they are in a width
# of 16 macroblocks, as if the AVX-512 code, which works on 16 of them at once, took the rest of a row from memory that
# nothing was written to. With cpu-independent=1, which computes part of it without such code, they were the same here.
# The guess before it was run: an encoder with one thread is a function of its input.
# Seen with PyAV 18.1.0 (FFmpeg 8.1, x264 build 165), on an Intel Xeon with AVX-512: 16 to 21 streams of 24; 1 with
# asm=AVX2, with mbtree=0, with cpu-independent=1, and in a width of 256. How many there are depends on what else the
# process has in memory: here the frames are made one by one; where all are made beforehand, there are 1 or 2.
#
# What we do: x264-params cpu-independent=1, and asm=AVX2 where the processor has AVX-512, so that a film that was stopped
# and goes on equals one that was not; the films of tests and benchmarks are made without macroblock trees.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] && grep -qw avx512bw /proc/cpuinfo || { echo "to be run on a processor with AVX-512, on Linux" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import hashlib
import sys
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

TIMES = 24


def frames(width: int) -> Iterator[np.ndarray]:
    """Yield grey frames with soft waves, through which a square and a disc move."""
    rows, columns = np.mgrid[:96, :width]
    for number in range(60):
        light = 70 + columns * 0.6 + 25 * np.sin(rows / 9) if number < 30 else 190 - rows - 20 * np.cos(columns / 12)
        light[30:50, 2 * number : 2 * number + 20] = 210
        light[np.hypot(rows - 70, columns - 130 + 2 * number) < 14] = 40
        yield np.clip(np.roll(light, number, 1), 16, 235).astype(np.uint8)


def streams(width: int, parameters: str = "") -> int:
    """Return how many different streams come from encoding the same frames again and again."""
    hashes = set()
    for _ in range(TIMES):
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt, context.time_base = width, 96, "yuv420p", Fraction(1, 25)
        context.options = {"crf": "16", "threads": "1"} | ({"x264-params": parameters} if parameters else {})
        digest = hashlib.sha256()
        for number, luma in enumerate(frames(width)):
            planes = np.concatenate([luma, np.full((48, width), 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            digest.update(b"".join(map(bytes, context.encode(frame))))
        digest.update(b"".join(map(bytes, context.encode(None))))
        hashes.add(digest.hexdigest())
    return len(hashes)


counts = {"plain": streams(160), "asm=AVX2": streams(160, "asm=AVX2"), "mbtree=0": streams(160, "mbtree=0")}
counts |= {"cpu-independent=1": streams(160, "cpu-independent=1"), "256 wide": streams(256)}
print(f"PyAV {av.__version__}: different streams of {TIMES} times the same frames: {counts}")
if counts.pop("plain") == 1 or set(counts.values()) != {1}:
    sys.exit("the behaviour has changed")
PYTHON
