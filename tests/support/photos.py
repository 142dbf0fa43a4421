"""Photographs for tests, cut from scikit-image's bundled ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image


def write_photos(folder: Path, count: int = 12, side: int = 96) -> list[Path]:
    """Write small colour photographs, every third one in portrait format, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    sources = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea()]
    paths = []
    for index in range(count):
        source = sources[index % len(sources)]
        height, width = (side * 4 // 3, side) if index % 3 == 0 else (side, side * 4 // 3)
        top = random.integers(source.shape[0] - height)
        left = random.integers(source.shape[1] - width)
        paths.append(folder / f"{index:03d}.png")
        Image.fromarray(source[top : top + height, left : left + width]).save(paths[-1])
    return paths
