"""Segments of films for tests, encoded by this process, or by another one on a single core.

``python -m support.encoding FOLDER`` prints the hash of the segment of each codec.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from colorize.base import CODECS, sha256
from colorize.color import PlaneFormat
from colorize.film import EncoderSettings, PictureFormat, SegmentEncoder

SIZE, RATE = (128, 256), Fraction(25)


def picture_format(codec: str) -> PictureFormat:
    """Return the format of frames in the least depth and the coarsest chroma that a codec takes."""
    planes = PlaneFormat(CODECS[codec].depths[0], CODECS[codec].chromas[0], own_luma=True)
    return PictureFormat(SIZE, 1 / RATE, RATE, planes=planes)


def moving_planes(index: int, format: PlaneFormat) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the Y, Cb and Cr of a frame of coarse noise that moves."""
    height, width = SIZE
    light = np.random.default_rng(0).integers(16, 236, (height // 4, width // 4), np.uint8).repeat(4, 0).repeat(4, 1)
    luma = np.roll(light, (index, 3 * index), (0, 1))
    if format.bits > 8:
        luma = luma.astype(np.uint16) << (format.bits - 8)
    chroma = np.roll(luma, 20, 1)[:: 2 if format.chroma == "420" else 1, :: 1 if format.chroma == "444" else 2]
    return luma, chroma, chroma[::-1]


def segment_hash(codec: str, folder: Path) -> str:
    """Encode a segment into a folder; return its SHA-256."""
    path, format = folder / codec, picture_format(codec)
    encoder = SegmentEncoder(path, format, EncoderSettings(codec))
    for index in range(16):
        encoder.write(moving_planes(index, format.planes), index, 1)
    encoder.close()
    return sha256(path)


def segment_hashes(folder: Path) -> dict[str, str]:
    """Return the hashes of the segments of all codecs."""
    return {codec: segment_hash(codec, folder) for codec in CODECS}


def hashes_on_one_core(folder: Path) -> dict[str, str]:
    """Return what ``segment_hashes`` gives in a process that may use one core alone."""
    command = [sys.executable, "-m", "support.encoding", str(folder)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(root / "tests")))}
    return json.loads(subprocess.run(command, capture_output=True, check=True, env=environment, timeout=120).stdout)


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before FFmpeg counts them
    print(json.dumps(segment_hashes(Path(sys.argv[1]))))
