"""What a PNG says of its colours beside an ICC profile: a curve, primaries, and the one colour that is transparent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from colorize.base import ImageError
from colorize.color import SRGB, ColorSpace, Picture, space_of_code_points, space_of_gamma
from colorize.photo.boxes import map_file

FIRST_CHUNK = 8  # after the signature
GREY, RGB = 0, 2  # colour types
SRGB_GAMMAS = (0.44, 0.47)  # of gAMA: 1/2.2, with which programs mean sRGB
CODE_POINTS = struct.Struct(">4B")  # cICP: primaries, transfer, matrix, range
HUNDRED_THOUSAND = 1e5  # gAMA's and cHRM's unit


@dataclass(frozen=True)
class PngColors:
    """What the chunks before a PNG's pixels say.

    Attributes:
        depth: Bits of a sample.
        color_type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        space: The colour space, where it is not sRGB; None: sRGB, or a profile says it.
        transparent: The samples of the colour that is transparent, of grey and RGB; None: there is none.
    """

    depth: int
    color_type: int
    space: ColorSpace | None
    transparent: tuple[int, ...] | None


def read_png_colors(path: Path) -> PngColors:
    """Return what a PNG says of its colours.

    Raises:
        ImageError: They are of high dynamic range, or it is damaged.
    """
    chunks = dict(_chunks_before_pixels(map_file(path)))
    try:
        depth, color_type = chunks[b"IHDR"][8:10]
        samples = {GREY: 1, RGB: 3}.get(color_type, 0)
        transparent = struct.unpack_from(f">{samples}H", chunks.get(b"tRNS", b"")) if b"tRNS" in chunks else ()
        return PngColors(depth, color_type, _space(chunks), transparent or None)
    except (KeyError, ValueError, struct.error) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError("damaged (its header is wrong); get it anew") from error


def _chunks_before_pixels(png: memoryview) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk before the first one of pixels."""
    place = FIRST_CHUNK
    while place + 8 <= len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        if name == b"IDAT":
            return
        yield name, bytes(png[place + 8 : place + 8 + length])
        place += 12 + length


def _space(chunks: dict[bytes, bytes]) -> ColorSpace | None:
    """Return the colour space by the chunk that counts most (PNG, third edition, 4.3); None: sRGB, or a profile's."""
    if b"cICP" in chunks:
        primaries, transfer, _, _ = CODE_POINTS.unpack_from(chunks[b"cICP"])
        space = space_of_code_points(primaries, transfer)
        if space is None:
            raise ImageError("its light has no upper limit, so save it as a 16-bit TIFF or PNG of sRGB first")
        is_srgb = space.matrix is SRGB.matrix and space.curves[0] is SRGB.curves[0]
        return None if is_srgb else space
    if b"iCCP" in chunks or b"sRGB" in chunks or b"gAMA" not in chunks:
        return None
    gamma = struct.unpack_from(">I", chunks[b"gAMA"])[0] / HUNDRED_THOUSAND
    if gamma <= 0 or SRGB_GAMMAS[0] <= gamma <= SRGB_GAMMAS[1]:
        return None
    if b"cHRM" not in chunks:
        return space_of_gamma(1 / gamma)
    numbers = [value / HUNDRED_THOUSAND for value in struct.unpack_from(">8I", chunks[b"cHRM"])]
    try:
        return space_of_gamma(1 / gamma, numbers[2:], numbers[:2])
    except ValueError:  # such as all 0, which other programs pass over
        return space_of_gamma(1 / gamma)


def transparency(pixels: npt.NDArray, transparent: tuple[int, ...]) -> Picture:
    """Return the alpha (H, W) uint16 of 16-bit pixels (H, W, n) of which one colour is transparent."""
    opaque = np.any(pixels != np.array(transparent, pixels.dtype), axis=-1)
    return np.where(opaque, np.uint16(65535), np.uint16(0))
