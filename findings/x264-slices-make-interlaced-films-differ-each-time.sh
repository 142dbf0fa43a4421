#!/usr/bin/env bash
# x264 gives other bytes each time for the same interlaced frames, where its threads share a frame by slices.
#
# x264 is known to give the same film for the same frames, settings and number of threads. So it does for progressive
# frames; and for interlaced ones where each thread has a frame of its own. With slices side by side, which is how PyAV
# opens it, the same program gives several different films. A render that is stopped and resumed, or a test that compares
# hashes, sees it; an eye does not.
# Seen with PyAV 18.1.0 (FFmpeg 8.1, x264 build 165) on two cores, x86-64.
#
# What we do: ask for threads that have a frame each (SegmentEncoder in colorize/film/encoder.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import hashlib
import sys
from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags

HEIGHT, WIDTH, FRAMES, REPEATS = 288, 352, 8, 12
light = np.random.default_rng(0).integers(16, 236, (HEIGHT, WIDTH), np.uint8)


def encode(is_interlaced: bool, threads: str) -> str:
    """Return the hash of the packets of some frames of moving noise."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.framerate = WIDTH, HEIGHT, "yuv420p", 25
    context.time_base = Fraction(1, 25)
    context.options = {"preset": "veryfast", "crf": "18", "threads": "4"}
    if is_interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        context.options = {**context.options, "x264-params": "tff=1"}
    context.thread_type = threads
    packets = []
    for number in range(FRAMES):
        luma = np.roll(light, 5 * number, 1)
        planes = np.concatenate([plane.ravel() for plane in (luma, luma[::2, ::2], luma[1::2, 1::2])])
        frame = av.VideoFrame.from_ndarray(planes.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")
        frame.pts = number
        packets += context.encode(frame)
    return hashlib.sha256(b"".join(bytes(packet) for packet in [*packets, *context.encode(None)])).hexdigest()


films = {
    (kind, threads): len({encode(kind == "interlaced", threads) for _ in range(REPEATS)})
    for kind in ("progressive", "interlaced")
    for threads in ("SLICE", "FRAME")
}
print(f"PyAV {av.__version__}: different films of {REPEATS}, by frames and threads: {films}")
several = films.pop(("interlaced", "SLICE"))
if several == 1 or set(films.values()) != {1}:
    sys.exit("the behaviour has changed: interlaced frames in slices no longer alone differ each time")
print("interlaced frames, coded in slices side by side, give another film each time")
PYTHON
