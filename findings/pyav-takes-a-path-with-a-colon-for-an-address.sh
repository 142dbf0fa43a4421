#!/usr/bin/env bash
# PyAV takes a pathlib.Path with a colon for an address: another film is read, or written over.
#
# av.open gives FFmpeg the text of a path, and FFmpeg takes what stands before the first colon for a protocol. A film named
# 12:30.mp4, as recorders and phones name them by the time, cannot be opened from its own folder: "Protocol not found". One
# named file:a.mp4 is not the film that is opened, but a.mp4 beside it, without a word; and what is written to file:b.mp4
# replaces b.mp4. That the path is a pathlib.Path, and that it exists, changes nothing. An absolute path is always a file.
# The guess before it was run: a Path is a file; only a text with a scheme and two slashes is an address.
# Whom it hurts: who gives names of files on, as they come, from a command line, a folder or a visitor; http: is a protocol
# too.
# Seen with PyAV 18.1.0 (FFmpeg 8.1), Python 3.11.
#
# What we do: films are opened and written by their absolute path (file_address in colorize/film/names.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check "av==18.1.0" "numpy==2.4.2"
mkdir "$work/films"
cd "$work/films"
"$work/venv/bin/python" - <<'PYTHON' | tee "$work/found"
from pathlib import Path

import av
import numpy as np


def write(path, count):
    with av.open(path, "w", format="mp4") as film:
        stream = film.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p")
        for _ in range(count):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")))
        film.mux(stream.encode())


def frames(path):
    try:
        with av.open(path) as film:
            return sum(1 for _ in film.decode(video=0))
    except av.FFmpegError as error:
        return error.strerror


for name, count in (("a.mp4", 2), ("file:a.mp4", 5), ("12:30.mp4", 5), ("b.mp4", 2)):
    write(Path(name).absolute(), count)
for name in ("file:a.mp4", "12:30.mp4"):
    print(f"{name}, a film of 5 frames that {'is' if Path(name).exists() else 'is not'} there:")
    print(f"  by Path(name): {frames(Path(name))}; by its absolute path: {frames(Path(name).absolute())}")
write(Path("file:b.mp4"), 7)
print("after 7 frames were written to Path('file:b.mp4'):", "it is" if Path("file:b.mp4").exists() else "it is not", "there")
print(f"  b.mp4, which had 2, has {frames(Path('b.mp4'))}")
PYTHON
if [ "$(cat "$work/found")" != "file:a.mp4, a film of 5 frames that is there:
  by Path(name): 2; by its absolute path: 5
12:30.mp4, a film of 5 frames that is there:
  by Path(name): Protocol not found; by its absolute path: 5
after 7 frames were written to Path('file:b.mp4'): it is not there
  b.mp4, which had 2, has 7" ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
echo "a path with a colon is an address"
