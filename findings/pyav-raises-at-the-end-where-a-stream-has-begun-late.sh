#!/usr/bin/env bash
# PyAV reads an MPEG-TS to its last frame and then raises an IndexError, if a stream has begun within it.
#
# A transport stream may gain streams while it runs: a recording of television in which sound in a second language, or any
# sound at all, comes with one programme and is gone with the next. FFmpeg learns of such a stream when it gets there, long
# after the film was opened; with probing of seven seconds and a look at the end of the file it may not know it before. PyAV
# passes the new stream's packets over, all frames of the others come, the decoder is emptied, and then, instead of the end,
# there is "IndexError: list index out of range", which is no FFmpegError: demux() gives each stream of FFmpeg's list an empty
# packet at the end, and looks streams up in its own list, which is that of the opening.
# The guess before it was run: new streams are left out, as a comment in demux() says, and the film ends as any other.
# Whom it hurts: who decodes recordings of television; hours of work end in an error after the last frame.
# Seen with PyAV 18.1.0, 16.1.0 and 14.0.0 (FFmpeg 8.1, 8.0, 7.1), Python 3.11, each time in five runs and more of
# each version.
#
# What we do: read_packets in colorize/film/video.py takes it for the end, and a film's result says that a stream was left
# out (tests/film/test_late_streams.py). Damaged films (benchmarks/reliability) had shown it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check "av==18.1.0" "numpy==2.4.2"
cd "$work"
"$work/venv/bin/python" - <<'PYTHON' | tee "$work/found"
import io
from fractions import Fraction

import av
import numpy as np

NULL_PACKET = b"\x47\x1f\xff\x10" + b"\xff" * 184  # ISO/IEC 13818-1, 2.4.3.3: stuffing, as recordings of a constant rate have


def part(first, count, with_sound):
    """Return frames of a transport stream, with sound or without."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as film:
        video = film.add_stream("mpeg2video", rate=25, width=64, height=48, pix_fmt="yuv420p")
        sound = film.add_stream("mp2", rate=48000, layout="mono") if with_sound else None
        for number in range(first, first + count):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            film.mux(video.encode(frame))
        film.mux(video.encode(None))
        for number in range(count * 1920 // 1152 if sound else 0):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
            samples.sample_rate, samples.pts, samples.time_base = 48000, first * 1920 + number * 1152, Fraction(1, 48000)
            film.mux(sound.encode(samples))
        if sound:
            film.mux(sound.encode(None))
    return file.getvalue()


stuffing = NULL_PACKET * 4000
silent, loud, last = part(0, 300, False), part(300, 50, True), part(350, 50, False)
for name, data in (("silent.ts", silent), ("sound for two seconds.ts", silent + stuffing + loud + stuffing + last)):
    with open(name, "wb") as file:
        file.write(data)
    with av.open(name) as film:
        frames, end = 0, "the end"
        try:
            for _ in film.decode(video=0):
                frames += 1
        except Exception as error:
            end = f"{type(error).__name__}: {error}"
        print(f"{name}: {len(film.streams)} stream, {frames} frames, then {end}")
PYTHON
if [ "$(cat "$work/found")" != "silent.ts: 1 stream, 300 frames, then the end
sound for two seconds.ts: 1 stream, 400 frames, then IndexError: list index out of range" ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
echo "after the last frame comes an IndexError"
