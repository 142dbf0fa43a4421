"""The pixels of a TIFF page: decoded by tifffile with imagecodecs, and made a picture of 8 or 16 bits.

TIFF says by tags what the numbers mean: how many bits they have, whether 0 is black or white, which of a pixel's
samples are colours, and of which kind. tifffile leaves all that to its caller, but for YCbCr inside JPEG.

Fax coding and the JPEG of 1992 ("old-style") go through libtiff, from memory and as a page by themselves, because
imagecodecs has the former only since its versions for Python 3.11, and not the latter.
"""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from colorize.base import ImageError, reason
from colorize.color import (
    Floats,
    Picture,
    convert_8_bit_to_srgb,
    convert_16_bit_to_srgb,
    convert_d50_lab_to_srgb,
    is_matrix_based,
    profile_color_space,
    srgb_profile,
    strips,
)
from colorize.photo import jpeg2000, jpeg_xl
from colorize.photo.fax import FAX_COMPRESSIONS, REVERSED, decode_fax, is_fax
from colorize.photo.size_limit import check_size

Samples = npt.NDArray[Any]
"""(H, W, n), the samples of each pixel as they are stored."""

IMAGE_WIDTH, IMAGE_LENGTH, STRIP_OFFSETS, ORIENTATION, STRIP_BYTE_COUNTS = 256, 257, 273, 274, 279  # tags of TIFF 6.0
MAX_SAMPLE_VALUE, COLOR_MAP, INK_SET = 281, 320, 332
YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, REFERENCE_BLACK_WHITE = 529, 530, 532
BLACK_LEVEL, WHITE_LEVEL, CROP_ORIGIN, CROP_SIZE, ACTIVE_AREA = 50714, 50717, 50719, 50720, 50829  # of DNG
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, SEPARATED, YCBCR = range(7)  # PhotometricInterpretation
CIELAB, ICCLAB, CFA, LINEAR_RAW = 8, 9, 32803, 34892
PREMULTIPLIED, ALPHA = 1, 2  # ExtraSamples
SIGNED, FLOATING = 2, 3  # SampleFormat
CMYK_INKS = 1  # InkSet
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
NO_COMPRESSION = 1
LIBTIFF_COMPRESSIONS = (*FAX_COMPRESSIONS, 6)  # and old-style JPEG
JPEG_COMPRESSIONS = (6, 7, 34892, 33007)
JPEG_END = b"\xff\xd9"
RGB_INSIDE = (*JPEG_COMPRESSIONS, 34712, 50001, 50002)  # YCbCr is how they store RGB, and is undone by their decoders
COMPRESSIONS = {
    2: "fax coding (CCITT RLE)",
    3: "fax coding (CCITT G3)",
    4: "fax coding (CCITT G4)",
    6: "old-style JPEG",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT's coding",
    32771: "fax coding (CCITT RLE)",
    32809: "ThunderScan's coding",
    34661: "JBIG",
    34676: "SGI's LogLuv",
    34677: "SGI's LogLuv",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    50000: "Zstandard",
    50002: "JPEG XL",
    65535: "a camera's own coding",
}
"""Names of Compression that tifffile's own names do not say as well."""
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
    _check_segments(page)
    bits = page.bitspersample if isinstance(page.bitspersample, int) else 8  # tifffile scales mixed ones
    notes = []
    if is_fax(page):
        samples, is_damaged = decode_fax(page)
        photometric = int(page.photometric)
        notes += [f"its {compression_name(page)} data are damaged: some rows may be wrong"] * is_damaged
    else:
        samples, photometric = _decode(page)
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
    top, left, bottom, right = _all_numbers(page, ACTIVE_AREA, [0, 0, height, width])
    x, y = _all_numbers(page, CROP_ORIGIN, [0, 0])
    wide, high = _all_numbers(page, CROP_SIZE, [right - left - x, bottom - top - y])
    rows, columns = slice(top + y, top + y + high), slice(left + x, left + x + wide)
    fits = 0 <= rows.start < rows.stop <= height and 0 <= columns.start < columns.stop <= width
    return (rows, columns) if fits else whole


def compression_name(page: tifffile.TiffPage) -> str:
    """Return the name of a page's compression for a message."""
    number = int(page.compression)
    if number in COMPRESSIONS:
        return COMPRESSIONS[number]
    try:
        return tifffile.COMPRESSION(number).name.replace("_", " ")
    except ValueError:
        return f"a scheme of the number {number}"


# --- what a page is --------------------------------------------------------------------------------------------------


def _check_kind(page: tifffile.TiffPage) -> int:
    """Return how many of a pixel's samples are colours.

    Raises:
        ImageError: The page is too large, or of a kind that no picture can be made of.
    """
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


def _check_segments(page: tifffile.TiffPage) -> None:
    """Check that all strips or tiles of a page lie in the file.

    Raises:
        ImageError: One is missing or cut off.
    """
    count = math.prod(page.chunked)
    offsets, sizes = (np.array(values[:count], np.int64) for values in (page.dataoffsets, page.databytecounts))
    if page.compression == NO_COMPRESSION:
        if page.is_contiguous and not _is_subsampled(page):  # is read as one piece, whatever the sizes say
            offsets, sizes, count = offsets[:1], np.array([page.nbytes], np.int64), 1
        elif not _is_subsampled(page):
            sizes = np.minimum(sizes, _segment_bytes(page))
    if min(len(offsets), len(sizes)) < count or not (offsets.all() and sizes.all()):
        raise ImageError(f"some of its {count} strips are missing: damaged; get it anew")
    cut = int((offsets + sizes > page.parent.filehandle.size).sum())
    if cut:
        raise ImageError(f"cut off: of its {count} strips {cut} are not whole; get it anew")


def _segment_bytes(page: tifffile.TiffPage) -> int:
    """Return how many bytes a whole strip or tile of an uncompressed page has."""
    width, rows = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    bits = max(page.bitspersample) if isinstance(page.bitspersample, tuple) else page.bitspersample
    return rows * (-(-width * samples * max(bits, 16 if bits > 8 else bits) // 8))


# --- decoding --------------------------------------------------------------------------------------------------------


def _decode(page: tifffile.TiffPage) -> tuple[Samples, int]:
    """Return the samples of a page, (H, W, n), and the PhotometricInterpretation that they have once decoded.

    Raises:
        ImageError: They are damaged, or no decoder is installed.
    """
    compression, photometric = int(page.compression), int(page.photometric)
    if compression in LIBTIFF_COMPRESSIONS:
        return _decode_by_libtiff(page)
    if compression != NO_COMPRESSION and compression not in tifffile.TIFF.DECOMPRESSORS:
        name = compression_name(page)
        raise ImageError(f"is compressed by {name}, which cannot be decoded here; save it with LZW or uncompressed")
    if page.dtype is None:
        raise ImageError(f"has samples of {_bits_text(page)}, which are not read; convert it to 16 bits")
    if photometric == YCBCR and _is_subsampled(page):
        return _decode_subsampled(page), photometric
    if compression in CODESTREAM_SIZES:
        _check_codestreams(page)
    samples = _decode_by_tifffile(page)
    if photometric == YCBCR and compression in RGB_INSIDE:
        photometric = RGB
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        return np.moveaxis(samples[:, 0, :, :, 0], 0, -1), photometric
    return samples[0, 0], photometric


def _is_subsampled(page: tifffile.TiffPage) -> bool:
    """Return whether a page's colours are stored at a lower resolution, by TIFF's own means and not by JPEG's."""
    return page.photometric == YCBCR and page.compression not in RGB_INSIDE and _subsampling(page) != (1, 1)


def _subsampling(page: tifffile.TiffPage) -> tuple[int, int]:
    """Return how many rows and columns of a YCbCr page share their colours (TIFF 6.0, section 21)."""
    stated = page.tags.valueof(YCBCR_SUBSAMPLING)
    columns, rows = stated if isinstance(stated, tuple) and len(stated) == 2 else (2, 2)
    return int(rows), int(columns)


def _decode_subsampled(page: tifffile.TiffPage) -> Samples:
    """Return the samples of a YCbCr page whose colours are stored at a lower resolution; each holds for its block.

    A block's lightness comes row by row, its two colours follow.

    Raises:
        ImageError: They are damaged, or of a form that is not read.
    """
    from imagecodecs import bitorder_decode  # slow to import, and wanted for what is decoded here

    rows, columns = _subsampling(page)
    if page.planarconfig != 1 or page.bitspersample != 8 or page.predictor != 1 or not {rows, columns} <= {1, 2, 4}:
        raise ImageError("stores its colours at a lower resolution, in a form that is not read; convert it to RGB")
    height, width = page.imagelength, page.imagewidth
    part_height, part_width = (
        (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
    )
    samples = np.zeros((height, width, 3), np.uint8)
    file, across = page.parent.filehandle, -(-width // part_width)
    for index, (offset, size) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=False)):
        top, left = index // across * part_height, index % across * part_width
        count = part_height if page.is_tiled else min(part_height, height - top)
        if count <= 0:
            break
        file.seek(offset)
        try:
            data = file.read(size)
            data = bitorder_decode(data) if page.fillorder == REVERSED else data
            data = data if page.compression == NO_COMPRESSION else tifffile.TIFF.DECOMPRESSORS[page.compression](data)
            blocks = np.frombuffer(data, np.uint8, -(-count // rows) * -(-part_width // columns) * (rows * columns + 2))
        except Exception as error:  # decoders raise whatever they like at a damaged file
            raise ImageError(f"damaged or cut off ({reason(error)}); get it anew") from error
        blocks = blocks.reshape(-(-count // rows), -(-part_width // columns), -1)
        lightness = blocks[..., :-2].reshape(*blocks.shape[:2], rows, columns).swapaxes(1, 2)
        part = np.empty((blocks.shape[0] * rows, blocks.shape[1] * columns, 3), np.uint8)
        part[..., 0] = lightness.reshape(part.shape[:2])
        part[..., 1:] = blocks[..., -2:].repeat(rows, axis=0).repeat(columns, axis=1)
        samples[top : top + count, left : left + part_width] = part[: height - top, : width - left][:count, :part_width]
    return samples


def _bits_text(page: tifffile.TiffPage) -> str:
    bits = page.bitspersample
    return " and ".join(map(str, bits)) + " bits" if isinstance(bits, tuple) else f"{bits} bits"


def _decode_by_tifffile(page: tifffile.TiffPage) -> Samples:
    """Return the samples of a page in tifffile's five dimensions.

    Raises:
        ImageError: They are damaged.
    """
    try:
        if _has_loose_words(page):
            page.bitspersample = 16
        return page.asarray(squeeze=False)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever they like at a damaged file
        name = "" if page.compression == NO_COMPRESSION else f"its {compression_name(page)} data "
        raise ImageError(f"damaged or cut off ({name}{reason(error)}); get it anew") from error


def _has_loose_words(page: tifffile.TiffPage) -> bool:
    """Return whether samples of 9 to 15 bits each fill a word of 16, as some programs write them, though TIFF packs."""
    bits = page.bitspersample
    if not (isinstance(bits, int) and 8 < bits < 16) or page.compression in RGB_INSIDE:
        return False
    rows = page.imagelength * page.imagewidth * page.samplesperpixel * 2
    if page.compression == NO_COMPRESSION:
        return sum(page.databytecounts) == rows
    file = page.parent.filehandle
    file.seek(page.dataoffsets[0])
    data = file.read(page.databytecounts[0])
    return len(tifffile.TIFF.DECOMPRESSORS[page.compression](data)) == _segment_bytes(page)


def _check_codestreams(page: tifffile.TiffPage) -> None:
    """Check the strips or tiles of a page that are pictures by themselves, each with a size of its own.

    Raises:
        ImageError: One is too large, or is a JPEG without an end, which its decoder would fill up with grey.
    """
    read_size = CODESTREAM_SIZES[int(page.compression)]
    file = page.parent.filehandle
    for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(offset)
        data = file.read(size)
        if page.compression in JPEG_COMPRESSIONS and data.rfind(JPEG_END) < 0:
            raise ImageError("cut off: its JPEG data have no end; get it anew")
        check_size(*read_size(memoryview(data)))


def _jpeg_size(data: memoryview) -> tuple[int, int]:
    """Return (height, width) in the frame header of a JPEG, (0, 0) if there is none (ITU-T T.81, B.2.2)."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack_from(">HH", data, position + 5)
        position += 2 + length
    return 0, 0


def _png_size(data: memoryview) -> tuple[int, int]:
    """Return (height, width) in the first chunk of a PNG, (0, 0) if it is cut off before."""
    if len(data) < 24:
        return 0, 0
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


CODESTREAM_SIZES = {
    **dict.fromkeys(JPEG_COMPRESSIONS, _jpeg_size),
    **dict.fromkeys((33003, 33004, 33005, 34712), jpeg2000.size_of),
    **dict.fromkeys((50002, 52546), jpeg_xl.size_of),
    34933: _png_size,
}
"""Compression -> what reads (height, width) of a strip or tile in it; a WebP has at most 16383 x 16383 pixels."""


def _decode_by_libtiff(page: tifffile.TiffPage) -> tuple[Samples, int]:
    """Return the samples of a page by Pillow's libtiff, upright as they are stored, and what they are then.

    Pillow is given the file in memory, since by its name it can take a turned page for one of another size, and with
    this page as the first one and without its orientation.

    Raises:
        ImageError: They are damaged, or of a kind that it does not know.
    """
    file, tiff = page.parent.filehandle, page.parent.tiff
    file.seek(0)
    data = bytearray(file.read())
    struct.pack_into(tiff.offsetformat, data, 8 if tiff.version == 43 else 4, page.offset)
    if ORIENTATION in page.tags:
        tag = page.tags[ORIENTATION]
        struct.pack_into(tiff.byteorder + "H", data, tag.valueoffset, 1)
    try:
        with Image.open(io.BytesIO(data)) as image:
            mode = "L" if image.mode in ("1", "L") else "RGB"
            samples = np.asarray(image.convert(mode))
    except MemoryError:
        raise
    except Exception as error:
        name = compression_name(page)
        raise ImageError(
            f"its {name} data cannot be decoded ({reason(error)}); save it with LZW or uncompressed"
        ) from error
    if samples.shape[:2] != (page.imagelength, page.imagewidth):
        raise ImageError(f"its {compression_name(page)} data are of another size than it says; get it anew")
    return samples.reshape(*samples.shape[:2], -1), BLACK_IS_ZERO if mode == "L" else RGB


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
        return _first_number(page, BLACK_LEVEL, 0), _first_number(page, WHITE_LEVEL, high) or high
    stated = _first_number(page, MAX_SAMPLE_VALUE, high)
    is_of_fewer_bits = bits == 16 and 255 < stated < high and (stated + 1) & stated == 0
    return 0, stated if is_of_fewer_bits and int(samples.max()) <= stated else high


def _first_number(page: tifffile.TiffPage, tag: int, default: int) -> int:
    """Return the first number of a tag, a rational one rounded."""
    return next(iter(_stated_numbers(page, tag)), default)


def _all_numbers(page: tifffile.TiffPage, tag: int, default: list[int]) -> list[int]:
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
    picture = np.take(table, samples.astype(np.int64) - info.min if info.min else samples)
    return picture, _clipped(outside, samples)


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
    if photometric == SEPARATED:
        return _from_cmyk(levels, profile)
    if photometric == YCBCR:
        levels = _from_ycbcr(page, levels)
    if levels.ndim == 3 and profile and profile_color_space(profile) == "RGB" and not is_matrix_based(profile):
        if levels.dtype == np.uint16:
            return convert_16_bit_to_srgb(levels, profile), srgb_profile()
        return np.asarray(convert_8_bit_to_srgb(Image.fromarray(levels), profile)), srgb_profile()
    return levels, profile


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
    return np.take(np.ascontiguousarray(table.T), indices.astype(np.intp, copy=False), axis=0)


def _from_cmyk(levels: Picture, profile: bytes | None) -> tuple[Picture, bytes | None]:
    """Return CMYK, 0 no ink, as RGB, by its profile or else simply, and the RGB's profile."""
    is_profiled = bool(profile) and profile_color_space(profile or b"") == "CMYK"
    if levels.dtype == np.uint16:
        if is_profiled:
            return convert_16_bit_to_srgb(levels, profile or b""), srgb_profile()
        picture = np.empty((*levels.shape[:2], 3), np.uint16)
        for rows in strips(levels.shape[:2]):
            ink = levels[rows].astype(np.uint64)
            light = (65535 - ink[..., :3]) * (65535 - ink[..., 3:])  # as Pillow does in 8 bits
            picture[rows] = (light + 32767) // 65535
        return picture, None
    image = Image.frombuffer("CMYK", (levels.shape[1], levels.shape[0]), levels, "raw", "CMYK", 0, 1)
    if is_profiled:
        return np.asarray(convert_8_bit_to_srgb(image, profile or b"")), srgb_profile()
    return np.asarray(image.convert("RGB")), None


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
    red, green, blue = _numbers(page, YCBCR_COEFFICIENTS, [0.299, 0.587, 0.114])
    half = (top + 1) // 2
    black_white = _numbers(page, REFERENCE_BLACK_WHITE, [0, top, half, top, half, top])
    black, white = np.array(black_white[::2], np.float32), np.array(black_white[1::2], np.float32)
    scale = np.array([top, top - half, top - half], np.float32) / np.maximum(white - black, 1)
    picture = np.empty(levels.shape, levels.dtype)
    for rows in strips(levels.shape[:2]):
        y, cb, cr = np.moveaxis((levels[rows] - black) * scale, -1, 0)
        r, b = y + cr * np.float32(2 - 2 * red), y + cb * np.float32(2 - 2 * blue)
        g = (y - np.float32(red) * r - np.float32(blue) * b) / np.float32(green)
        picture[rows] = np.clip(np.stack([r, g, b], axis=-1) + np.float32(0.5), 0, top)
    return picture


def _numbers(page: tifffile.TiffPage, tag: int, default: list[float]) -> list[float]:
    """Return the rational numbers of a tag, or those that count where it is missing or damaged."""
    value = page.tags.valueof(tag)
    if not isinstance(value, tuple) or len(value) != 2 * len(default) or not all(value[1::2]):
        return default
    return [numerator / denominator for numerator, denominator in zip(value[::2], value[1::2], strict=True)]
