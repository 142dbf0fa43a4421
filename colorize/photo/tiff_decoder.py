"""The decoder of a TIFF page: from its strips or tiles to samples as they are stored, by tifffile with imagecodecs.

Fax coding and the JPEG of 1992 ("old-style") go through libtiff, from memory and as a page by themselves, because
imagecodecs has the former only since its versions for Python 3.11, and not the latter; so does ThunderScan's coding.
"""

from __future__ import annotations

import io
import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, UnidentifiedImageError

from colorize.base import ImageError, reason
from colorize.photo import jpeg2000, jpeg_xl, jpeg_xr
from colorize.photo.exif import ORIENTATION
from colorize.photo.fax import FAX_COMPRESSIONS, REVERSED, decode_fax, is_fax
from colorize.photo.size_limit import check_size
from colorize.photo.tiff_tags import BLACK_IS_ZERO, PALETTE, RGB, YCBCR, YCBCR_SUBSAMPLING

Samples = npt.NDArray[Any]
"""(H, W, n), the samples of each pixel as they are stored."""

NO_COMPRESSION = 1
MAX_SEGMENTS = 250_000  # strips or tiles of a page; 300 million pixels have 73 000 tiles of 64 x 64
THUNDERSCAN = 32809  # the coding of a scanner of four bits of grey
LIBTIFF_COMPRESSIONS = (*FAX_COMPRESSIONS, 6, THUNDERSCAN)  # and old-style JPEG
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


def decode_page(page: tifffile.TiffPage) -> tuple[Samples, int, list[str]]:
    """Return the samples of a page, the PhotometricInterpretation that they have once decoded, and what was wrong.

    Raises:
        ImageError: They are cut off or damaged, or no decoder is installed.
    """
    _check_segments(page)
    if not is_fax(page):
        return *_decode(page), []
    samples, is_damaged = decode_fax(page)
    if page.photometric == PALETTE:
        samples //= 255  # its entries are numbers 0 and 1
    notes = [f"its {compression_name(page)} data are damaged: some rows may be wrong"] if is_damaged else []
    return samples, int(page.photometric), notes


def compression_name(page: tifffile.TiffPage) -> str:
    """Return the name of a page's compression for a message."""
    number = int(page.compression)
    if number in COMPRESSIONS:
        return COMPRESSIONS[number]
    try:
        return tifffile.COMPRESSION(number).name.replace("_", " ")
    except ValueError:
        return f"a scheme of the number {number}"


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
    if count > MAX_SEGMENTS:
        raise ImageError(f"is cut into {count} strips, more than {MAX_SEGMENTS}; save it in fewer, or get it anew")
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
    **dict.fromkeys((22610, 34934), jpeg_xr.size_of),
    34933: _png_size,
}
"""Compression -> what reads (height, width) of a strip or tile in it; a WebP has at most 16383 x 16383 pixels."""


def _decode_by_libtiff(page: tifffile.TiffPage) -> tuple[Samples, int]:
    """Return the samples of a page by Pillow's libtiff, upright as they are stored, and what they are then.

    Pillow is given the file in memory, since by its name it can take a turned page for one of another size.

    Raises:
        ImageError: They are damaged, or of a kind that it does not know.
    """
    data = _as_first_page(page)
    try:
        with Image.open(io.BytesIO(data)) as image:
            mode = "L" if image.mode in ("1", "L") else "RGB"
            samples = np.asarray(image.convert(mode))
    except MemoryError:
        raise
    except Exception as error:
        # Pillow's own words would name an object in memory.
        why = "its tags fit no picture" if isinstance(error, UnidentifiedImageError) else reason(error)
        name = compression_name(page)
        raise ImageError(f"its {name} data cannot be decoded ({why}); save it with LZW or uncompressed") from error
    if samples.shape[:2] != (page.imagelength, page.imagewidth):
        raise ImageError(f"its {compression_name(page)} data are of another size than it says; get it anew")
    return samples.reshape(*samples.shape[:2], -1), BLACK_IS_ZERO if mode == "L" else RGB


def _as_first_page(page: tifffile.TiffPage) -> bytearray:
    """Return a page's file with that page as the first one, and without its orientation."""
    file, tiff = page.parent.filehandle, page.parent.tiff
    file.seek(0)
    data = bytearray(file.read())
    struct.pack_into(tiff.offsetformat, data, 8 if tiff.version == 43 else 4, page.offset)
    if ORIENTATION in page.tags:
        tag = page.tags[ORIENTATION]
        struct.pack_into(tiff.byteorder + "H", data, tag.valueoffset, 1)
    return data
