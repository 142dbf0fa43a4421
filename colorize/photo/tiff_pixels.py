"""The pixels of a TIFF page: what its samples mean, made a picture of 8 or 16 bits.

TIFF says by tags what the numbers are: how many bits they have, whether 0 is black or white, which of a pixel's
samples are colours, and of which kind. The decoder leaves all that to its caller, but for YCbCr inside JPEG.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tifffile

from colorize.base import ImageError
from colorize.color import (
    Floats,
    Picture,
    convert_by_profile,
    convert_d50_lab_to_srgb,
    srgb_profile,
    strips,
)
from colorize.photo.size_limit import check_size
from colorize.photo.tiff_decoder import LIBTIFF_COMPRESSIONS, Samples, decode_page
from colorize.photo.tiff_tags import (
    ACTIVE_AREA,
    ALPHA,
    BLACK_IS_ZERO,
    BLACK_LEVEL,
    CFA,
    CIELAB,
    CMYK_INKS,
    COLOR_MAP,
    CROP_ORIGIN,
    CROP_SIZE,
    ICCLAB,
    INK_SET,
    LINEAR_RAW,
    MASK,
    MAX_SAMPLE_VALUE,
    PALETTE,
    PREMULTIPLIED,
    REFERENCE_BLACK_WHITE,
    RGB,
    SEPARATED,
    WHITE_IS_ZERO,
    WHITE_LEVEL,
    YCBCR,
    YCBCR_COEFFICIENTS,
    all_numbers,
    check_numbers,
    first_number,
    quotients,
)

COLOR_SAMPLES = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    MASK: 1,
    SEPARATED: 4,
    YCBCR: 3,
    CIELAB: 3,
    ICCLAB: 3,
}
"""PhotometricInterpretation -> samples of a pixel that are colours; LinearRaw is grey or RGB."""

MAX_SAMPLES = 32  # of a pixel; what has more is a cube of spectra, or damaged
OUTSIDE_SHARE = 0.25  # of the values: more than that outside the range, and the range is another one


@dataclass(frozen=True, eq=False)
class PagePixels:
    """The pixels of a page, not turned yet.

    Attributes:
        picture: (H, W, 3) RGB or grey (H, W), uint8 or uint16.
        alpha: (H, W) of the picture's dtype, 0 transparent; None: opaque.
        profile: The ICC profile of the picture; None: none.
        notes: What was left out or changed, each as a part of a sentence.
    """

    picture: Picture
    alpha: Picture | None
    profile: bytes | None
    notes: tuple[str, ...] = ()


def read_pixels(page: tifffile.TiffPage, profile: bytes | None) -> PagePixels:
    """Return the pixels of a page as a picture.

    Args:
        page: The page, its file open.
        profile: The page's ICC profile.

    Raises:
        ImageError: The page is too large, damaged, or of a kind that no picture can be made of.
    """
    colors = _check_kind(page)
    bits = page.bitspersample if isinstance(page.bitspersample, int) else 8  # tifffile scales mixed ones
    samples, photometric, notes = decode_page(page)
    if samples.shape[2] < colors:
        raise ImageError(
            f"has {samples.shape[2]} samples a pixel where {colors} are needed; it is damaged, get it anew"
        )
    samples = samples[visible_area(page)]
    extras = page.extrasamples[: samples.shape[2] - colors]
    has_alpha = bool(extras) and extras[0] in (PREMULTIPLIED, ALPHA)
    if samples.shape[2] > colors + has_alpha:
        notes.append(_unused_samples(samples.shape[2] - colors - has_alpha))
    if photometric == PALETTE:
        picture: Picture = _apply_palette(page, samples[..., 0])
        alpha, _ = _to_levels(page, samples[..., 1:2], bits) if has_alpha else (None, [])
        alpha = None if alpha is None else _with_depth(alpha[..., 0], picture.dtype)
        picture, profile = convert_by_profile(picture, profile)
        return PagePixels(picture, alpha, profile, tuple(notes))
    levels, more = _to_levels(page, samples[..., : colors + has_alpha], bits)
    del samples
    alpha = np.ascontiguousarray(levels[..., colors]) if has_alpha else None
    if has_alpha and extras[0] == PREMULTIPLIED:
        levels = _divide_by_alpha(levels)
    levels = levels[..., 0] if colors == 1 else np.ascontiguousarray(levels[..., :colors])
    picture, profile = _to_picture(page, photometric, levels, profile)
    return PagePixels(picture, alpha, profile, (*notes, *more))


def visible_area(page: tifffile.TiffPage) -> tuple[slice, slice]:
    """Return the rows and columns of a page that are its picture: of a DNG's raw pixels without the margins.

    A margin that is not to be seen lies around DNG's ActiveArea (top, left, bottom, right); within that, DefaultCrop
    says where the picture begins and its size, both x first.
    """
    height, width = page.imagelength, page.imagewidth
    whole = slice(0, height), slice(0, width)
    if page.photometric != LINEAR_RAW:
        return whole
    top, left, bottom, right = all_numbers(page, ACTIVE_AREA, [0, 0, height, width])
    x, y = all_numbers(page, CROP_ORIGIN, [0, 0])
    wide, high = all_numbers(page, CROP_SIZE, [right - left - x, bottom - top - y])
    rows, columns = slice(top + y, top + y + high), slice(left + x, left + x + wide)
    fits = 0 <= rows.start < rows.stop <= height and 0 <= columns.start < columns.stop <= width
    return (rows, columns) if fits else whole


# --- what a page is --------------------------------------------------------------------------------------------------


def _check_kind(page: tifffile.TiffPage) -> int:
    """Return how many of a pixel's samples are colours.

    Raises:
        ImageError: The page is too large, or of a kind that no picture can be made of.
    """
    check_numbers(page)
    height, width, samples = page.imagelength, page.imagewidth, page.samplesperpixel
    if page.imagedepth != 1:
        raise ImageError(f"is a stack of {page.imagedepth} layers; save them as pages")
    if not (height > 0 and width > 0 and samples > 0):
        raise ImageError(f"says that it is {width} x {height} pixels of {samples} samples; it is damaged, get it anew")
    check_size(height, width)
    check_size(page.tilelength, page.tilewidth)
    if samples > MAX_SAMPLES:
        raise ImageError(f"has {samples} samples a pixel; save the three that are its colours")
    photometric = int(page.photometric)
    if photometric == LINEAR_RAW:
        return 3 if samples >= 3 else 1
    if photometric == CFA:
        raise ImageError("is a camera's raw picture, a mosaic; develop it and save it as TIFF or JPEG")
    if photometric not in COLOR_SAMPLES:
        raise ImageError(f"holds {_photometric_name(photometric)}, not grey nor colours; convert it to RGB")
    if photometric in (CIELAB, ICCLAB) and samples == 1:
        return 1
    if photometric == SEPARATED and page.tags.valueof(INK_SET, CMYK_INKS) != CMYK_INKS:
        raise ImageError("holds inks other than CMYK; convert it to RGB")
    return COLOR_SAMPLES[photometric]


def _photometric_name(number: int) -> str:
    try:
        return tifffile.PHOTOMETRIC(number).name
    except ValueError:
        return f"pixels of the kind {number}"


def _unused_samples(count: int) -> str:
    """Return the note about samples that are neither colours nor transparency."""
    what = "a channel beside the colours" if count == 1 else f"{count} channels beside the colours"
    return f"left out: {what}, such as a scanner's infrared"


# --- from samples to levels ------------------------------------------------------------------------------------------


def _to_levels(page: tifffile.TiffPage, samples: Samples, bits: int) -> tuple[Picture, list[str]]:
    """Return samples of so many bits as levels of 8 or 16 bits over the whole range, and what was changed.

    Raises:
        ImageError: They are of a range that nothing says.
    """
    if samples.dtype.kind == "f":
        return _from_floats(samples)
    if bits > 32:
        raise ImageError(f"has samples of {bits} bits; convert it to 16 bits")
    if bits > 16:
        return _from_wide_integers(samples, bits)
    if samples.dtype.kind == "i":
        return _from_integers(samples, 0, 2 ** (bits - 1) - 1)
    if samples.dtype == bool:
        return samples.astype(np.uint8) * np.uint8(255), []
    bits = max(bits, 8) if page.compression in LIBTIFF_COMPRESSIONS else bits  # libtiff has scaled them
    low, high = _stated_range(page, samples, bits)
    if (low, high) in ((0, 255), (0, 65535)):
        return samples, []
    return _from_integers(samples, low, high)


def _stated_range(page: tifffile.TiffPage, samples: Samples, bits: int) -> tuple[int, int]:
    """Return the values of black and white: of a DNG as it states them, else of all bits that are in use.

    MaxSampleValue may be a mere statistic, so it counts only where it is that of fewer bits, such as 4095.
    """
    high = 2**bits - 1
    if page.photometric == LINEAR_RAW:
        return first_number(page, BLACK_LEVEL, 0), first_number(page, WHITE_LEVEL, high) or high
    stated = first_number(page, MAX_SAMPLE_VALUE, high)
    is_of_fewer_bits = bits == 16 and 255 < stated < high and (stated + 1) & stated == 0
    return 0, stated if is_of_fewer_bits and int(samples.max()) <= stated else high


def _from_integers(samples: Samples, low: int, high: int) -> tuple[Picture, list[str]]:
    """Return integers of a range as levels of 8 or 16 bits; what is outside is clipped.

    Raises:
        ImageError: Much is outside, so the range is another one.
    """
    top = 255 if high < 256 else 65535
    info = np.iinfo(samples.dtype)
    values = np.arange(int(info.min), int(info.max) + 1, dtype=np.int64)
    levels = ((np.clip(values, low, high) - low) * top + (high - low) // 2) // max(1, high - low)
    table = levels.astype(np.uint8 if top == 255 else np.uint16)
    outside = int(np.count_nonzero(samples < low)) if low > info.min else 0
    outside += int(np.count_nonzero(samples > high)) if high < info.max else 0
    _check_share(outside, samples, f"values from {samples.min()} to {samples.max()} where {low} to {high} are read")
    return _look_up(table, samples, int(info.min)), _clipped(outside, samples)


def _look_up(table: Picture, samples: Samples, first: int = 0) -> Picture:
    """Return the entries of a table (n, ...) for samples of which ``first`` is the smallest, strip by strip."""
    picture = np.empty((*samples.shape, *table.shape[1:]), table.dtype)
    for rows in strips(samples.shape[:2]):
        picture[rows] = np.take(table, samples[rows].astype(np.intp) - first, axis=0)
    return picture


def _from_wide_integers(samples: Samples, bits: int) -> tuple[Picture, list[str]]:
    """Return integers of 17 to 32 bits as levels of 16 bits; those that 16 bits hold are taken as they stand.

    Raises:
        ImageError: Many are negative.
    """
    full = 2 ** (bits - 1 if samples.dtype.kind == "i" else bits) - 1
    outside = int(np.count_nonzero(samples < 0)) if samples.dtype.kind == "i" else 0
    _check_share(outside, samples, f"values from {samples.min()} to {samples.max()} where 0 to {full} are read")
    picture, stands = np.empty(samples.shape, np.uint16), int(samples.max()) <= 65535
    for rows in strips(samples.shape[:2]):
        values = np.maximum(samples[rows].astype(np.int64), 0)
        picture[rows] = values if stands else (values * 65535 + full // 2) // full
    return picture, _clipped(outside, samples)


def _from_floats(samples: Samples) -> tuple[Picture, list[str]]:
    """Return floating-point samples 0..1 as levels of 16 bits; what is outside is clipped.

    Raises:
        ImageError: Much is outside, so the range is another one.
    """
    picture = np.empty(samples.shape, np.uint16)
    outside = 0
    for rows in strips(samples.shape[:2]):
        values = samples[rows].astype(np.float32)
        outside += int(np.count_nonzero(~((values >= 0) & (values <= 1))))  # what is not a number too
        np.nan_to_num(values, copy=False, nan=0, posinf=1, neginf=0)
        picture[rows] = (np.clip(values, 0, 1) * np.float32(65535) + np.float32(0.5)).astype(np.uint16)
    if outside:
        span = f"from {np.nanmin(samples):g} to {np.nanmax(samples):g}"
        _check_share(outside, samples, f"floating-point values {span} where 0 to 1 are read")
    return picture, _clipped(outside, samples)


def _check_share(outside: int, samples: Samples, problem: str) -> None:
    """Check that few of the samples are outside their range.

    Raises:
        ImageError: They are many.
    """
    if outside > OUTSIDE_SHARE * samples.size:
        raise ImageError(f"has {problem}; convert it to 16 bits")


def _clipped(outside: int, samples: Samples) -> list[str]:
    """Return the note about samples outside the range, if there are any."""
    if not outside:
        return []
    return [f"{outside} of {samples.size} values outside the range were clipped"]


def _with_depth(alpha: Picture, dtype: npt.DTypeLike) -> Picture:
    """Return alpha in a picture's depth."""
    if alpha.dtype == dtype:
        return alpha
    return alpha.astype(np.uint16) * np.uint16(257) if dtype == np.uint16 else (alpha >> 8).astype(np.uint8)


def _divide_by_alpha(levels: Picture) -> Picture:
    """Return premultiplied levels (H, W, n), alpha last, with straight alpha."""
    top = np.iinfo(levels.dtype).max
    result = levels.copy()
    for rows in strips(levels.shape[:2]):
        alpha = levels[rows, :, -1:].astype(np.uint64)
        colors = (levels[rows, :, :-1].astype(np.uint64) * top + alpha // 2) // np.maximum(alpha, 1)
        result[rows, :, :-1] = np.where(alpha, np.minimum(colors, top), levels[rows, :, :-1])
    return result


# --- from levels to a picture ----------------------------------------------------------------------------------------


def _to_picture(
    page: tifffile.TiffPage, photometric: int, levels: Picture, profile: bytes | None
) -> tuple[Picture, bytes | None]:
    """Return the colours of a page as a grey or RGB picture, and its profile."""
    if photometric == WHITE_IS_ZERO:
        return np.iinfo(levels.dtype).max - levels, profile
    if photometric in (CIELAB, ICCLAB):
        return _from_lab(levels, photometric), srgb_profile()
    if photometric == YCBCR:
        levels = _from_ycbcr(page, levels)
    return convert_by_profile(levels, profile) if levels.ndim == 3 else (levels, profile)


def _apply_palette(page: tifffile.TiffPage, indices: Samples) -> Picture:
    """Return the colours of a palette page, (H, W, 3): of 8 bits where its palette holds no more.

    Raises:
        ImageError: There is no palette, or it is too short.
    """
    stored = page.tags.valueof(COLOR_MAP)
    colors: npt.NDArray[np.uint16] = np.array(() if stored is None else stored, np.uint16).reshape(3, -1)
    size = colors.size // 3
    if not size or int(indices.max()) >= size:
        raise ImageError("its palette is missing or too short; it is damaged, get it anew")
    if int(colors.max()) < 256:  # as written by programs that take its numbers for bytes
        table = colors.astype(np.uint8)
    elif not (colors % 257).any() or not (colors % 256).any():
        table = (colors >> 8).astype(np.uint8)
    else:
        table = colors
    return _look_up(np.ascontiguousarray(table.T), indices)


def _from_lab(levels: Picture, photometric: int) -> Picture:
    """Return Lab as sRGB; of lightness alone (H, W) as grey.

    CIELab stores a and b as signed numbers, ICCLab as unsigned ones (TIFF 6.0, section 23; Adobe's technical notes of
    2002); 16 bits hold 256ths, and ICCLab's lightness of 100 is then 0xff00.
    """
    scale = 1 if levels.dtype == np.uint8 else 256
    white = 255.0 * scale if photometric == ICCLAB else float(np.iinfo(levels.dtype).max)
    picture = np.empty((*levels.shape[:2], 3), levels.dtype)
    for rows in strips(levels.shape[:2]):
        lab: Floats = np.zeros(picture[rows].shape, np.float32)
        lab[..., 0] = np.minimum(levels[rows].reshape(*lab.shape[:2], -1)[..., 0] * np.float32(100 / white), 100)
        if levels.ndim == 3:
            stored = levels[rows, :, 1:]
            if photometric == CIELAB:
                lab[..., 1:] = stored.astype(np.int8 if scale == 1 else np.int16) / np.float32(scale)
            else:
                lab[..., 1:] = stored / np.float32(scale) - 128
        picture[rows] = convert_d50_lab_to_srgb(lab, levels.dtype)
    return picture if levels.ndim == 3 else np.ascontiguousarray(picture[..., 0])


def _from_ycbcr(page: tifffile.TiffPage, levels: Picture) -> Picture:
    """Return YCbCr as RGB (TIFF 6.0, section 21)."""
    top = int(np.iinfo(levels.dtype).max)
    red, green, blue = quotients(page, YCBCR_COEFFICIENTS, [0.299, 0.587, 0.114])
    half = (top + 1) // 2
    black_white = quotients(page, REFERENCE_BLACK_WHITE, [0, top, half, top, half, top])
    black, white = np.array(black_white[::2], np.float32), np.array(black_white[1::2], np.float32)
    scale = np.array([top, top - half, top - half], np.float32) / np.maximum(white - black, 1)
    picture = np.empty(levels.shape, levels.dtype)
    for rows in strips(levels.shape[:2]):
        y, cb, cr = np.moveaxis((levels[rows] - black) * scale, -1, 0)
        r, b = y + cr * np.float32(2 - 2 * red), y + cb * np.float32(2 - 2 * blue)
        g = (y - np.float32(red) * r - np.float32(blue) * b) / np.float32(green)
        picture[rows] = np.clip(np.stack([r, g, b], axis=-1) + np.float32(0.5), 0, top)
    return picture
