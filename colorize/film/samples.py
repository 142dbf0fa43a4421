"""What the numbers of a film's frames stand for: their depth, range and chroma, and whether there is alpha."""

from __future__ import annotations

import re
from dataclasses import dataclass

import av
from av.video.reformatter import ColorRange

GREY = re.compile(r"gray|y[0-9]+")
CHROMA = {"410": "420", "411": "422", "420": "420", "422": "422", "440": "444", "444": "444"}
"""Chroma in the name of a pixel format -> that of ours which holds as much."""
SUBSAMPLED = {"nv12": "420", "nv21": "420", "p0": "420", "nv16": "422", "nv20": "422", "y21": "422", "yuyv": "422"}
"""Beginning of the name of a pixel format that does not tell its chroma -> that."""


@dataclass(frozen=True)
class Samples:
    """How a film's frames are stored.

    Attributes:
        bits: Bits of a sample.
        chroma: ``420``, ``422`` or ``444``, of colour differences or RGB; None: the film is stored as grey.
        full_range: Whether 0 is black, and not 16 (of 256).
        alpha: Whether frames are decoded with their transparency.
    """

    bits: int = 8
    chroma: str | None = "420"
    full_range: bool = False
    alpha: bool = False

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Samples:
        """Return how a decoded frame is stored."""
        return cls(bits_of(frame), _chroma(frame), is_full_range(frame), has_alpha(frame))


def bits_of(frame: av.VideoFrame) -> int:
    """Return the bits of a frame's samples."""
    return frame.format.components[0].bits


def is_full_range(frame: av.VideoFrame) -> bool:
    """Tell whether a frame's levels are of full range: whether 0 is black, and not 16 (of 256)."""
    if frame.format.is_rgb or frame.format.name.startswith("yuvj"):
        return True
    if frame.color_range == ColorRange.UNSPECIFIED:
        return bool(GREY.match(frame.format.name))
    return frame.color_range == ColorRange.JPEG


def has_alpha(frame: av.VideoFrame) -> bool:
    """Tell whether a decoded frame has an alpha plane or channel."""
    return any(component.is_alpha for component in frame.format.components)


def _chroma(frame: av.VideoFrame) -> str | None:
    name = frame.format.name
    if GREY.match(name) or name.startswith(("ya", "mono")):
        return None
    stated = re.match(r"yuv[aj]?(4\d\d)", name)
    if stated:
        return CHROMA[stated[1]]
    return next((chroma for beginning, chroma in SUBSAMPLED.items() if name.startswith(beginning)), "444")
