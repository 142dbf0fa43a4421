#!/usr/bin/env bash
# A decoded frame that was asked for its side data stays in memory until Python's garbage collector comes.
#
# frame.side_data is a container that refers to the frame, and the frame keeps it: a circle. So the frame's pixels are not
# given back when the last name for it goes, but at some later collection, which counts objects, not bytes: a loop that
# looks at each frame's side data (captions, rotation, a film's light levels) holds hundreds of megabytes of frames.
# Seen with PyAV 18.1.0: 60 frames of 640 x 480 (27.6 MB) all stay; a collection gives them back.
#
# What we do: ask a copy of 16 x 16 pixels, which has the same side data (has_captions in colorize/film/captions.py).
set -euo pipefail
[ "$(uname)" = Linux ] || { echo "to be run on Linux" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0
"$work/venv/bin/python" - "$work/film.mkv" <<'PYTHON'
import gc
import os
import sys

import av

FRAMES, WIDTH, HEIGHT = 60, 640, 480

with av.open(sys.argv[1], "w") as film:
    stream = film.add_stream("ffv1", rate=25)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    for number in range(FRAMES):
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        frame.pts = number
        film.mux(stream.encode(frame))
    film.mux(stream.encode(None))


def resident() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def growth(is_asked: bool) -> tuple[float, float]:
    """Return by how many megabytes the process grew after all frames were dropped, and after a collection."""
    gc.collect()
    gc.disable()
    before = resident()
    with av.open(sys.argv[1]) as film:
        for frame in film.decode(video=0):
            if is_asked:
                frame.side_data
    del frame
    dropped = resident() - before
    gc.collect()
    gc.enable()
    return dropped, resident() - before


growth(False)  # what a first run takes once and for all
plain, asked = growth(False), growth(True)
size = FRAMES * WIDTH * HEIGHT * 1.5 / 1e6
print(f"PyAV {av.__version__}: {size:.1f} MB of frames decoded and dropped; MB more than before, and after a collection:")
print(f"not asked {plain[0]:.1f}, {plain[1]:.1f}; asked for side data {asked[0]:.1f}, {asked[1]:.1f}")
if not (plain[0] < 0.2 * size and asked[0] > 0.8 * size and asked[1] < 0.2 * size):
    sys.exit("the behaviour has changed: frames asked for their side data no longer stay until a collection")
print("frames that were asked for their side data stay until a collection")
PYTHON
