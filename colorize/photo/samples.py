"""``Samples``: what a decoder hands to the reader: pixels as they lie in the file, and what the file says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from colorize.color import Picture, strips
from colorize.photo.metadata import Metadata


@dataclass(frozen=True, eq=False)
class Samples:
    """The decoded pixels of a file with their metadata; the reader makes a ``Photo`` of them.

    Attributes:
        pixels: (H, W, n) uint8 or uint16 over their whole range; of CMYK, 0 is no ink.
        colors: What the first 1, 3 or 4 channels are.
        alpha: (H, W) of the pixels' dtype, 0 transparent; None: opaque.
        is_upright: Whether they are upright already, whatever EXIF says.
        profile: The ICC profile; None: none.
        exif: The EXIF block, as it begins with the byte order; None: none.
        xmp: The XMP packet; None: none.
        iptc: IPTC-IIM records; None: none.
        dpi: Horizontal and vertical resolution in pixels an inch; None: not stated.
        lossless: Whether the file's coding is lossless.
        words: The metadata, made upright already; None: those above.
        notes: Lines about what was left out, without the file's name.
    """

    pixels: Picture
    colors: Literal["GRAY", "RGB", "CMYK"]
    alpha: Picture | None = None
    is_upright: bool = False
    profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None
    lossless: bool = False
    words: Metadata | None = None
    notes: tuple[str, ...] = ()


def unnamed_channels(count: int, total: int) -> str:
    """Return the line about channels that are neither colour nor transparency."""
    were = "was" if count == 1 else "were"
    return f"{count} of its {total} channels, neither colour nor transparency, {were} left out"


def spread(values: npt.NDArray, bits: int) -> Picture:
    """Return unsigned samples (H, W, ...) of so many bits over the whole range of uint8 (up to 8 bits) or uint16."""
    return spread_values(values, (1 << bits) - 1)


def spread_values(values: npt.NDArray, highest: int) -> Picture:
    """Return unsigned samples (H, W, ...) of which one is white over the whole range of uint8 or uint16, rounded."""
    most = 255 if highest < 256 else 65535
    picture = np.empty(values.shape, np.uint8 if most == 255 else np.uint16)
    if highest == most:
        return values.astype(picture.dtype, copy=False)
    for rows in strips(values.shape[:2]):
        whole = np.minimum(values[rows].astype(np.uint64), highest)
        picture[rows] = (whole * most + highest // 2) // highest
    return picture
