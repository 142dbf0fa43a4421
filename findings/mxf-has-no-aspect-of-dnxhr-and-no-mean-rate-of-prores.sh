#!/usr/bin/env bash
# In MXF, DNxHR loses the pixels' aspect, and ProRes has no mean frame rate: each codec loses what the other keeps.
#
# Both are written from the same frames at 25 a second, with an aspect of 4:3, stated of the codec context. Read back, ProRes has
# aspect 4:3 but no average_rate, DNxHR 25 frames a second but square pixels; in MOV both have both. base_rate and guessed_rate are
# there for all.
# Hurt are anamorphic films (shown narrow), and programs that divide by average_rate (None).
# The guess before it was run: a container says of its pictures what it says, whichever codec they have.
# Seen with PyAV 18.1.0 (FFmpeg 8.1); the ffprobe command of 5.1 says the same of these files.
#
# What we do: a line says that the aspect is lost (aspect_lost_in in colorize/base/formats.py); rates are read by guessed_rate
# where average_rate is missing (colorize/film/video.py).
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


def read_back(encoder: str, profile: str, container: str) -> tuple[Fraction | None, Fraction | None]:
    """Return the mean rate and the aspect that a film of five black frames states."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=25, options={"profile": profile})
        stream.width, stream.height, stream.pix_fmt = 256, 128, "yuv422p10le"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for number in range(5):
            frame = av.VideoFrame(256, 128, "yuv422p10le")
            for plane, level in zip(frame.planes, (64, 512, 512), strict=True):
                plane.update(level.to_bytes(2, "little") * (plane.buffer_size // 2))
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as film:
        stream = film.streams.video[0]
        assert sum(1 for _ in film.decode(stream)) == 5
        assert stream.guessed_rate == 25
        return stream.average_rate, stream.sample_aspect_ratio


seen = {
    (name, container): read_back(encoder, profile, container)
    for name, encoder, profile in (("ProRes", "prores_ks", "hq"), ("DNxHR", "dnxhd", "dnxhr_hqx"))
    for container in ("mov", "mxf")
}
for (name, container), (rate, aspect) in seen.items():
    print(f"PyAV {av.__version__}: {name} in {container}: average_rate {rate}, aspect {aspect}")
stated = (Fraction(25), Fraction(4, 3))
if (seen["ProRes", "mov"], seen["DNxHR", "mov"]) != (stated, stated):
    sys.exit("the behaviour has changed: MOV does not state both either")
if seen["ProRes", "mxf"] != (None, stated[1]) or seen["DNxHR", "mxf"][0] != 25 or seen["DNxHR", "mxf"][1] == stated[1]:
    sys.exit("the behaviour has changed: MXF states other things")
PYTHON
