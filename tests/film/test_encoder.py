"""The encoder of segments: every processor and number of cores gives the same bytes; a film can go on anywhere."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from support.encoding import hashes_on_one_core, moving_planes, picture_format, segment_hashes

from colorize.base import sha256
from colorize.film import EncoderSettings, SegmentEncoder


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux")
def test_the_bytes_do_not_depend_on_the_number_of_cores(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    assert hashes_on_one_core(tmp_path / "one") == segment_hashes(tmp_path)


def encoded_with(instructions: str) -> list[bytes]:
    """Return the packets of H.264 that x264 gives where it may use some of the processor's instructions alone."""
    format = picture_format("h264")
    options = EncoderSettings("h264").options(format)
    options["x264-params"] += f":asm={instructions}"
    context = av.CodecContext.create("libx264", "w")
    context.height, context.width = format.size
    context.pix_fmt, context.time_base, context.framerate = format.pixel_format, format.time_base, format.rate
    context.options = options
    packets = []
    for index in range(16):
        frame = av.VideoFrame(context.width, context.height, format.pixel_format)
        for target, plane in zip(frame.planes, moving_planes(index, format.planes), strict=True):
            target.update(plane.tobytes())
        frame.pts, frame.time_base = index, format.time_base
        packets += context.encode(frame)
    return [bytes(packet) for packet in [*packets, *context.encode(None)]]


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="names of x86's instructions")
def test_x264_gives_the_same_whatever_instructions_a_processor_has() -> None:
    assert encoded_with("SSE4.2") == encoded_with("SSE2")


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_frames_give_the_same_bytes_each_time(tmp_path: Path, order: str) -> None:
    size = 288, 352
    format = replace(picture_format("h264"), size=size, field_order=order)
    light = np.random.default_rng(0).integers(16, 236, size, np.uint8)
    found = set()
    for _ in range(6):
        encoder = SegmentEncoder(tmp_path / "a", format, EncoderSettings("h264"))
        for index in range(8):
            luma = np.roll(light, 5 * index, 1)
            encoder.write((luma, luma[::2, ::2], luma[1::2, 1::2]), index, 1, order)
        encoder.close()
        found.add(sha256(tmp_path / "a"))
    assert len(found) == 1
