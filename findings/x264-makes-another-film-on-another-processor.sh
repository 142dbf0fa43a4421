#!/usr/bin/env bash
# x264 makes another film on another processor: its pictures depend on the instruction set.
#
# The same frames, one thread, the same settings: with SSE2 the stream has other bytes than with AVX2, and so have the
# decoded pictures. The encoder is deterministic on one machine; results cannot be compared by hash between two, nor a
# film begun on one and continued on another be expected to be the same.
# The guess before it was run: SIMD is a matter of speed; x264 is bit-exact by its own tests of each routine.
# Seen with PyAV 18.1.0 (FFmpeg 8.1, x264); needs a processor with AVX2.
#
# What we do: x264-params cpu-independent=1, for .2 to .5% more bytes, and a fixed number of threads.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo || { echo "to be run on a processor with AVX2, on Linux" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import hashlib
import io
import sys

import av
import numpy as np

rows, columns, numbers = np.ogrid[:120, :160, :40]
waves = 100 + 60 * np.sin(columns / 9 + numbers / 3) * np.cos(rows / 7 - numbers / 5) + 40 * np.sin(rows * columns / 300)
noise = np.random.default_rng(0).normal(0, 4, waves.shape)
frames = [np.repeat(frame[..., None], 3, 2) for frame in np.moveaxis(np.clip(waves + noise, 0, 255).astype(np.uint8), 2, 0)]


def encode(codec: str, options: dict[str, str]) -> tuple[str, str]:
    """Return a hash of a film's packets and one of its decoded pictures."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as film:
        stream = film.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for array in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(array, "rgb24")))
        film.mux(stream.encode(None))
    hashes = []
    for is_decoded in (False, True):
        file.seek(0)
        with av.open(file) as film:
            parts = film.decode(video=0) if is_decoded else film.demux(video=0)
            data = b"".join(part.to_ndarray().tobytes() if is_decoded else bytes(part) for part in parts)
        hashes.append(hashlib.sha256(data).hexdigest()[:8])
    return hashes[0], hashes[1]


sets = ("SSE2", "AVX2")
films = {each: encode("libx264", {"x264-params": f"threads=1:no-info=1:asm={each}"}) for each in sets}
again = encode("libx264", {"x264-params": "threads=1:no-info=1:asm=AVX2"})
print(f"PyAV {av.__version__}: hashes of packets and of pictures by instruction set: {films}; AVX2 again: {again}")
if again != films["AVX2"] or films["SSE2"][0] == films["AVX2"][0] or films["SSE2"][1] == films["AVX2"][1]:
    sys.exit("the behaviour has changed: the instruction set no longer changes the pictures")
print("each instruction set gives its own film, the same each time")
PYTHON
