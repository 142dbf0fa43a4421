#!/usr/bin/env bash
# PyAV answers no question about the side data of a frame that carries EXIF, not even one about something else.
#
# FFmpeg 8.1 gives frames decoded from JPEG and PNG their EXIF as side data of a kind (number 31) that PyAV's table of
# kinds does not hold; building the container of a frame's side data then raises, whichever kind is asked for. So every
# motion-JPEG film joined from a camera's pictures, and every PNG with eXIf, ends a loop that looks for captions.
# Seen with PyAV 18.1.0 (FFmpeg 8.1): ValueError: 31 is not a valid Type. frame.rotation can be read.
#
# What we do: take the error for "it has none" (has_captions in colorize/film/captions.py, read_side_data in
# colorize/base/compat.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 pillow==12.3.0
"$work/venv/bin/python" - "$work" <<'PYTHON'
import sys

import av
from PIL import ExifTags, Image

picture = Image.new("L", (64, 48), 90)
exif = Image.Exif()
exif[ExifTags.Base.Orientation] = 6
picture.save(f"{sys.argv[1]}/plain.jpg")
picture.save(f"{sys.argv[1]}/camera.jpg", exif=exif)


def ask(name: str) -> tuple[str, int]:
    with av.open(f"{sys.argv[1]}/{name}") as file:
        frame = next(file.decode(video=0))
    try:
        answer = repr(frame.side_data.get("A53_CC"))
    except ValueError as error:
        answer = f"ValueError: {error}"
    return answer, frame.rotation


plain, camera = ask("plain.jpg"), ask("camera.jpg")
print(f"PyAV {av.__version__}: captions and rotation of a frame without EXIF {plain}, with EXIF {camera}")
if plain != ("None", 0) or "is not a valid Type" not in camera[0] or camera[1] == 0:
    sys.exit("the behaviour has changed: frames with EXIF can be asked for their side data")
print("a frame that carries EXIF cannot be asked for any side data")
PYTHON
