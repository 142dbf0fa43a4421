#!/usr/bin/env bash
# SVT-AV1 makes its caller a real-time thread of the highest priority, for good.
#
# Opening the encoder as root on Linux (so in most containers) sets the policy of the calling thread, and of the encoder's
# own threads, to SCHED_FIFO with priority 99. Nothing else on the machine gets those processors while they compute, and
# the caller keeps the priority after the encoder is closed: it hands it on to every thread and process that it starts.
# libx264, libx265 and libvpx, opened in the same way, leave the scheduling alone.
# Seen with PyAV 18.1.0 (FFmpeg 8.1, SVT-AV1 4.1.0).
#
# What we do: give all threads their ordinary scheduling back once the encoder is open (scheduling_kept in
# colorize/base/compat.py).
set -euo pipefail
[ "$(uname)" = Linux ] && [ "$(id -u)" = 0 ] || { echo "to be run as root on Linux" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0
SVT_LOG=1 "$work/venv/bin/python" - "$work" <<'PYTHON'
import os
import sys

import av


def scheduling() -> tuple[int, int]:
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def encode(name: str) -> tuple[int, int]:
    options = {"x265-params": "log-level=none"} if name == "libx265" else {}
    with av.open(f"{sys.argv[1]}/{name}.mkv", "w") as film:
        stream = film.add_stream(name, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        film.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        film.mux(stream.encode(None))
    return scheduling()


ordinary = (os.SCHED_OTHER, 0)
if scheduling() != ordinary:
    sys.exit("to be run with ordinary scheduling")
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
except PermissionError:
    sys.exit("this root may not set real-time priorities, so SVT-AV1 may not either")
os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
after = {name: encode(name) for name in ("libx264", "libx265", "libvpx-vp9", "libsvtav1")}
print(f"PyAV {av.__version__}: (policy, priority) of the caller after each encoder was closed: {after}")
svt = after.pop("libsvtav1")
if svt != (os.SCHED_FIFO, 99) or set(after.values()) != {ordinary}:
    sys.exit("the behaviour has changed: SVT-AV1 no longer alone leaves its caller with SCHED_FIFO, 99")
print("after SVT-AV1 the caller is a real-time thread of priority 99")
PYTHON
