#!/usr/bin/env bash
# Matroska keeps a film of 23.976 or 29.97 frames a second, and makes 59.94 a rate that does not exist.
#
# Its time stamps are whole milliseconds, and FFmpeg's muxer writes the length of a frame in nanoseconds beside them. Read
# again, 24000/1001 and 30000/1001 are recognised, but 60000/1001 is 19001/317 and 120000/1001 is 29011/242: near them, but
# every program that compares rates, or makes time stamps of frame numbers by the rate, sees another film. MP4 and MOV give
# back what they were given.
# The guess before it was run: the rate of a film is kept by every container, and 23.976 suffers as 59.94 does.
# Seen with PyAV 18.1.0 (FFmpeg 8.1).
#
# What we do: a rate that is so near a usual one is taken for that (MAX_APPROXIMATION in colorize/film/video.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys
from fractions import Fraction

import av

RATES = [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(120000, 1001), Fraction(50)]


def read_again(format: str, rate: Fraction) -> Fraction | None:
    """Return the average rate that a film of a rate, 60 frames, has after it was written."""
    file = io.BytesIO()
    with av.open(file, "w", format=format) as film:
        stream = film.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(60):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = number, 1 / rate
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as film:
        return film.streams.video[0].average_rate


rates = {format: {str(rate): str(read_again(format, rate)) for rate in RATES} for format in ("matroska", "mp4", "mov")}
wrong = {format: [rate for rate, again in each.items() if rate != again] for format, each in rates.items()}
print(f"PyAV {av.__version__}: rates of Matroska read again: {rates['matroska']}; wrong in: {wrong}")
if wrong != {"matroska": ["60000/1001", "120000/1001"], "mp4": [], "mov": []}:
    sys.exit("the behaviour has changed: not Matroska's 59.94 and 119.88 alone are other rates")
print("Matroska gives 59.94 and 119.88 back as other rates, 23.976 and 29.97 as they were")
PYTHON
