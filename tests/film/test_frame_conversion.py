"""Frames are converted as PyAV does it, and threads may read one frame, as where it stands in for another."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange
from support.videos import VideoRecipe, make_video

from colorize.film import decode_frames, probe
from colorize.film.captions import has_captions
from colorize.film.frame_conversion import convert_frame
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


def test_frames_of_any_size_are_converted_as_each_by_itself() -> None:
    random = np.random.default_rng(5)
    for width, height, own in 2 * [(64, 48, "rgb24"), (34, 90, "rgb24"), (64, 48, "yuv420p"), (64, 48, "rgb24")]:
        rows = height * 3 // 2 if own == "yuv420p" else height
        shape = (rows, width) if own == "yuv420p" else (rows, width, 3)
        frame = av.VideoFrame.from_ndarray(random.integers(0, 256, shape, np.uint8), format=own)
        for options in ({"format": "gbrp"}, {"format": "yuv444p", "dst_color_range": ColorRange.JPEG}):
            expected = frame.reformat(**options).to_ndarray()
            np.testing.assert_array_equal(convert_frame(frame, **options).to_ndarray(), expected)
    assert convert_frame(frame, format=own) is frame
