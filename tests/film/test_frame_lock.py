"""Several threads may read the pixels of one frame, as where it stands in for a lost one."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from support.videos import VideoRecipe, make_video

from colorize.film import decode_frames, probe
from colorize.film.captions import has_captions
from colorize.film.pixels import read_own_planes, rgb_picture


def test_one_frame_is_read_in_several_threads(tmp_path: Path) -> None:
    video = probe(make_video(tmp_path / "a.mkv", VideoRecipe(3, (240, 320), "ffv1", "yuv420p")))
    frames = [frame.image for frame in decode_frames(video)]
    expected = [(rgb_picture(video, frame), read_own_planes(video, frame)) for frame in frames]

    def read(number: int) -> bool:
        frame, (rgb, planes) = frames[number % 3], expected[number % 3]
        if number % 2:
            return not has_captions(frame)
        pairs = zip(read_own_planes(video, frame), planes, strict=True)
        return np.array_equal(rgb_picture(video, frame), rgb) and all(np.array_equal(*pair) for pair in pairs)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(read, range(600)))
    finally:
        sys.setswitchinterval(interval)
