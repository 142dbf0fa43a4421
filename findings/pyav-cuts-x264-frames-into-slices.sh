#!/usr/bin/env bash
# PyAV makes x264 cut each frame into slices, so that films become larger the more processors there are.
#
# FFmpeg's own default is frame threads, which x264 was made for; a stream that PyAV makes has thread_type SLICE. With
# one thread nothing is to be seen; with four the same film at the same quality takes an eighth more bytes, and its frames
# are others. thread_type = "AUTO" before the encoder opens gives what FFmpeg gives.
# The guess before it was run: PyAV leaves the threads to FFmpeg and x264; more threads, about the same size.
# Seen with PyAV 18.1.0 (FFmpeg 8.1, x264): 81 KB with one thread, 91 KB with four.
#
# What we do: ask for threads that have a frame each (SegmentEncoder in colorize/film/encoder.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import sys
from fractions import Fraction

import av
import numpy as np

noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
picture = av.VideoFrame.from_ndarray(noise, "rgb24").reformat(640, 480, interpolation="BICUBIC").to_ndarray()
frames = [np.roll(picture, 3 * number, 1) for number in range(24)]


def encode(threads: int, kind: str | None) -> int:
    """Return the bytes of the film by the number and the kind of threads; None: PyAV's own."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 640, 480, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.options = Fraction(1, 25), Fraction(25), {"crf": "23"}
    encoder.thread_count = threads
    if kind is not None:
        encoder.thread_type = kind
    size = 0
    for number, array in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(array, "rgb24")
        frame.pts = number
        size += sum(packet.size for packet in encoder.encode(frame))
    return size + sum(packet.size for packet in encoder.encode(None))


sizes = {(threads, kind): encode(threads, kind) for threads in (1, 4) for kind in (None, "AUTO")}
print(f"PyAV {av.__version__}: bytes by threads and their kind: {sizes}")
if not (sizes[4, None] > 1.05 * sizes[1, None] and sizes[4, "AUTO"] < 1.01 * sizes[1, "AUTO"]):
    sys.exit("the behaviour has changed: threads no longer cost bytes with PyAV's own kind of them alone")
print("with PyAV's own kind of threads four cost more bytes, with FFmpeg's they do not")
PYTHON
