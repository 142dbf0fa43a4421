"""The memory that reading a photo takes: a few times its pixels, whatever their depth and kind."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from support.photo_files import noise

from colorize.color import convert_to_srgb, space_of_gamma
from colorize.photo import read_image
from colorize.photo.jpeg2000 import divide_by_alpha
from colorize.photo.samples import spread

SIZE = (2048, 1536)  # many strips of them


def peak(action: Callable[[], np.ndarray]) -> float:
    """Return the most memory that an action takes, in sizes of its result, which counts too."""
    tracemalloc.start()
    try:
        size = action().nbytes
        return tracemalloc.get_traced_memory()[1] / size
    finally:
        tracemalloc.stop()


def test_samples_are_converted_strip_by_strip() -> None:
    picture = noise((*SIZE, 3), np.uint16)
    assert peak(lambda: spread(picture >> 4, 12)) < 4  # the shifted ones count too
    assert peak(lambda: divide_by_alpha(picture, picture[..., 0])) < 3
    assert peak(lambda: convert_to_srgb(picture, space_of_gamma(1))) < 2.5


@pytest.mark.parametrize(("kind", "limit"), [("12 bits", 4.5), ("signed", 4.5), ("palette", 2), ("8-bit palette", 2.5)])
def test_samples_of_a_tiff_are_converted_strip_by_strip(tmp_path: Path, kind: str, limit: float) -> None:
    options: dict[str, Any] = {"photometric": "minisblack", "rowsperstrip": 64}
    samples = noise(SIZE, np.uint16) >> 4
    if kind == "12 bits":
        options["extratags"] = [(281, 3, 1, 4095, True)]
    elif kind == "signed":
        samples = samples.astype(np.int16)
    else:
        samples = noise(SIZE)
        colors = noise((3, 256), np.uint16) if kind == "palette" else noise((3, 256)).astype(np.uint16) * 257
        options |= {"photometric": "palette", "colormap": colors}
    tifffile.imwrite(tmp_path / "a.tif", samples, **options)
    assert peak(lambda: read_image(tmp_path / "a.tif")) < limit


def test_a_netpbm_of_16_bits_is_converted_strip_by_strip(tmp_path: Path) -> None:
    head = b"P6 %d %d 4095\n" % SIZE[::-1]
    (tmp_path / "a.ppm").write_bytes(head + (noise((*SIZE, 3), np.uint16) >> 4).astype(">u2").tobytes())
    assert peak(lambda: read_image(tmp_path / "a.ppm")) < 4.5
