"""Photographs for tests: cut from scikit-image's bundled ones, or plain, so that each can be told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image
from torch import Tensor

from colorize.color import lab_tensor_to_rgb
from training.photos import Photos


def plain_photos(folders: Sequence[str]) -> Photos:
    """Return photographs of 32 x 43 pixels, each of one grey of its own, in these folders."""
    levels = np.linspace(0, 255, len(folders)).round().astype(np.uint8)
    pixels = np.broadcast_to(levels[:, None, None, None], (len(folders), 32, 43, 3)).copy()
    return Photos(pixels, np.full(len(folders), 43), np.zeros(len(folders), bool), folders=tuple(folders))


def plain_indices(photos: Photos, lab: Tensor) -> list[int]:
    """Return which of ``plain_photos`` are on a batch's true pictures (B, 3, S, S)."""
    levels = lab_tensor_to_rgb(lab).mean(dim=(1, 2, 3)).numpy() * 255
    return np.abs(photos.pixels[:, 0, 0, 0].astype(float) - levels[:, None]).argmin(axis=1).tolist()


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
