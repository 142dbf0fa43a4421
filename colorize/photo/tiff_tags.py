"""The tags of a TIFF page that say what its pixels are: their numbers, the values they can have, and how they are read.

The numbers are those of TIFF 6.0 and of DNG.
"""

from __future__ import annotations

import math

import numpy as np
import tifffile

from colorize.base import ImageError

MAX_SAMPLE_VALUE, COLOR_MAP, INK_SET = 281, 320, 332
YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, REFERENCE_BLACK_WHITE = 529, 530, 532
BLACK_LEVEL, WHITE_LEVEL, CROP_ORIGIN, CROP_SIZE, ACTIVE_AREA = 50714, 50717, 50719, 50720, 50829  # of DNG

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, SEPARATED, YCBCR = range(7)  # PhotometricInterpretation
CIELAB, ICCLAB, CFA, LINEAR_RAW = 8, 9, 32803, 34892
PREMULTIPLIED, ALPHA = 1, 2  # ExtraSamples
CMYK_INKS = 1  # InkSet

ONE_NUMBER = {
    "imagewidth": "ImageWidth",
    "imagelength": "ImageLength",
    "imagedepth": "ImageDepth",
    "compression": "Compression",
    "photometric": "PhotometricInterpretation",
    "samplesperpixel": "SamplesPerPixel",
    "planarconfig": "PlanarConfiguration",
    "predictor": "Predictor",
    "tilewidth": "TileWidth",
    "tilelength": "TileLength",
}
"""tifffile's attribute of a page -> the tag, which has to be one number."""


def check_numbers(page: tifffile.TiffPage) -> None:
    """Check that the tags that say what a page is are one number each.

    Raises:
        ImageError: One of them has several.
    """
    for name, tag in ONE_NUMBER.items():
        value = getattr(page, name)
        if not isinstance(value, int):
            stated = f"{len(value)} values" if isinstance(value, tuple) else f"{value!r:.40}"
            raise ImageError(f"its tag {tag} holds {stated} where one number is needed; it is damaged, get it anew")


def first_number(page: tifffile.TiffPage, tag: int, default: int) -> int:
    """Return the first number of a tag, a rational one rounded."""
    return next(iter(_stated_numbers(page, tag)), default)


def all_numbers(page: tifffile.TiffPage, tag: int, default: list[int]) -> list[int]:
    """Return the numbers of a tag, rational ones rounded; the default where there are not as many."""
    numbers = _stated_numbers(page, tag)
    return numbers if len(numbers) == len(default) else default


def _stated_numbers(page: tifffile.TiffPage, tag: int) -> list[int]:
    """Return the numbers of a tag, rational ones rounded; of a tag that is missing or holds something else none."""
    value = page.tags.valueof(tag, ())
    numbers = list(value) if isinstance(value, tuple | list | np.ndarray) else [value]
    if not numbers or isinstance(numbers[0], str | bytes):
        return []
    if int(page.tags[tag].dtype) in (5, 10):
        return [round(above / (below or 1)) for above, below in zip(numbers[::2], numbers[1::2], strict=False)]
    return [int(number) for number in numbers if math.isfinite(number)]


def quotients(page: tifffile.TiffPage, tag: int, default: list[float]) -> list[float]:
    """Return the rational numbers of a tag, or those that count where it is missing or damaged."""
    value = page.tags.valueof(tag)
    if not isinstance(value, tuple) or len(value) != 2 * len(default) or not all(value[1::2]):
        return default
    return [numerator / denominator for numerator, denominator in zip(value[::2], value[1::2], strict=True)]
