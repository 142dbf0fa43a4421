#!/usr/bin/env bash
# A timecode that is given to a film's picture is another key by container, and a stream of its own in MOV.
#
# stream.metadata["timecode"] of a picture makes FFmpeg's MOV and MP4 muxers add a data stream (tmcd), which nobody added;
# read again, both streams say "timecode". Matroska writes a tag, which is read as "TIMECODE", and adds no stream. And a
# stream made with add_stream_from_template takes over no metadata: a copy of a film's picture has lost its timecode.
# The guess before it was run: one stream in, one stream out, and the word comes back as it was given.
# Seen with PyAV 18.1.0 (FFmpeg 8.1).
#
# What we do: timecodes are read under either key and written anew (colorize/film/streams.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import av

found = {}
for format in ("mov", "mp4", "matroska"):
    file, copy = io.BytesIO(), io.BytesIO()
    with av.open(file, "w", format=format) as film:
        stream = film.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["timecode"] = "01:00:00:00"
        for number in range(5):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as film, av.open(copy, "w", format=format) as other:
        kept = [(each.type, [key for key in each.metadata if key.lower() == "timecode"]) for each in film.streams]
        stream = other.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(film.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                other.mux(packet)
    copy.seek(0)
    with av.open(copy) as film:
        copied = [(each.type, [key for key in each.metadata if key.lower() == "timecode"]) for each in film.streams]
    found[format] = (kept, copied)
print(f"PyAV {av.__version__}: streams with their keys of the timecode, written and then copied: {found}")
tracks = ([("video", ["timecode"]), ("data", ["timecode"])], [("video", [])])
if found != {"mov": tracks, "mp4": tracks, "matroska": ([("video", ["TIMECODE"])], [("video", [])])}:
    sys.exit("the behaviour has changed: timecodes are kept otherwise")
print("MOV and MP4 add a stream, Matroska another key, and the copy has no timecode")
PYTHON
