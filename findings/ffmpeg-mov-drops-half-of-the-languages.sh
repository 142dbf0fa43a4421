#!/usr/bin/env bash
# QuickTime's muxer of FFmpeg writes "ger" and drops "deu", though it writes "fra" and drops "fre": silently.
#
# ISO 639-2 has two codes for twenty languages, one from the English name (B: ger, fre, dut) and one from the own (T: deu, fra,
# nld). Matroska asks for the first, MP4 keeps any three letters. A QuickTime file (.mov) has a number for each of some hundred
# languages, and FFmpeg's table names each by one code alone, now by the one kind and now by the other. A stream whose code is
# not in the table ("swe" too, for which it has "sve") is written without a language; nothing is raised or logged as a warning.
# The guess before it was run: .mov keeps what .mp4 keeps; or else the codes of one of the two kinds.
# Seen with PyAV 18.1.0 (FFmpeg 8.1) on Linux.
#
# What we do: the language of a copied stream is written as the code that QuickTime's table has for it, and a line names one that
# it has not (colorize/film/streams.py); a test walks through the table of what each container keeps.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check "av==18.1.0" "numpy==2.4.2"
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import av
import numpy as np

av.logging.set_level(av.logging.WARNING)
PAIRS = [("ger", "deu"), ("fre", "fra"), ("dut", "nld"), ("swe", "swe"), ("chi", "zho"), ("cze", "ces"), ("ice", "isl")]


def language_kept(name, code):
    with av.open(name, "w") as film:
        stream = film.add_stream("pcm_s16le" if name.endswith(".mov") else "aac", rate=48000, layout="mono")
        stream.metadata["language"] = code
        for number in range(4):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), "s16", "mono")
            sound.sample_rate, sound.pts = 48000, 1024 * number
            film.mux(stream.encode(sound))
        film.mux(stream.encode())
    with av.open(name) as film:
        return film.streams.audio[0].metadata.get("language")


print(f"PyAV {av.__version__}, libavformat {'.'.join(map(str, av.library_versions['libavformat']))}")
kept = {}
for pair in PAIRS:
    for code in dict.fromkeys(pair):
        kept[code] = language_kept("a.mov", code), language_kept("a.mp4", code)
        print(f"  {code}: in .mov {kept[code][0]}, in .mp4 {kept[code][1]}")
in_mov = {code for code, (mov, _) in kept.items() if mov == code}
dropped = {code for code, (mov, mp4) in kept.items() if mov != code and mp4 == code}
if not ({"ger", "fra", "dut"} <= in_mov and {"deu", "fre", "nld"} <= dropped):
    print("the behaviour has changed", file=sys.stderr)
    sys.exit(1)
PYTHON
echo "QuickTime's muxer keeps one code of each language, of either kind, and drops the other without a word"
