#!/usr/bin/env bash
# ProRes 4444 that is copied by add_stream_from_template into MOV is called ProRes 422 HQ.
#
# The stream's tag (ap4h) is not taken over into a template of it, and the MOV muxer writes its first tag for ProRes, apch.
# The packets are the same to the byte, so FFmpeg decodes 4:4:4 all the same; whatever goes by the sample entry's name
# (editors, archives' checks by MediaInfo or ffprobe) reads 422 HQ, 10 bits without alpha.
# The guess before it was run: a copy keeps the name, as ffmpeg -c copy from MOV to MOV does.
# Seen with PyAV 18.1.0 (FFmpeg 8.1).
#
# What we do: the tag is written by the profile's own name (the profiles in colorize/base/formats.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0
"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import av

film, copy = io.BytesIO(), io.BytesIO()
with av.open(film, "w", format="mov") as output:
    stream = output.add_stream("prores_ks", rate=25, options={"profile": "4444"})
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p10le"
    for number in range(3):
        frame = av.VideoFrame(64, 48, "yuv444p10le")
        frame.pts = number
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
film.seek(0)
with av.open(film) as source, av.open(copy, "w", format="mov") as output:
    stream = source.streams.video[0]
    template = output.add_stream_from_template(stream)
    packets = []
    for packet in source.demux(stream):
        if packet.dts is not None:
            packets.append(bytes(packet))
            packet.stream = template
            output.mux(packet)
tags = []
for file in (film, copy):
    file.seek(0)
    with av.open(file) as source:
        stream = source.streams.video[0]
        tags.append((stream.codec_context.codec_tag, stream.profile))
        assert [bytes(packet) for packet in source.demux(stream) if packet.size] == packets
print(f"PyAV {av.__version__}: the film and its copy: {tags}; their packets are equal")
if tags != [("ap4h", "4444"), ("apch", "HQ")]:
    sys.exit("the behaviour has changed: copies of ProRes are called otherwise")
PYTHON
