"""Fax coding in TIFF (ITU-T T.4 and T.6): decoded by FFmpeg, which alone of the decoders tells that it is damaged.

libtiff goes on after a code word that cannot be, and writes of it to the process's error stream; imagecodecs says
nothing. FFmpeg reads whole TIFFs only, so that each strip or tile is given to it as a small one.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
import tifffile

from colorize.base import ImageError

RLE, GROUP_3, GROUP_4 = 2, 3, 4  # Compression
FAX_COMPRESSIONS = (RLE, GROUP_3, GROUP_4)
OPTIONS = {GROUP_3: 292, GROUP_4: 293}  # T4Options, T6Options
LONG = 4  # type of a tag
REVERSED = 2  # FillOrder
EOL_ZEROS = 11  # bits before the 1 that ends a line of group 3


def is_fax(page: tifffile.TiffPage) -> bool:
    """Return whether a page is fax-coded in a form that FFmpeg reads."""
    if page.compression not in FAX_COMPRESSIONS or page.bitspersample != 1 or page.samplesperpixel != 1:
        return False
    return page.compression != GROUP_3 or _begins_with_eol(page)


def _begins_with_eol(page: tifffile.TiffPage) -> bool:
    """Return whether a page of group 3 has ends of lines; FFmpeg reads nothing of one without."""
    file = page.parent.filehandle
    file.seek(page.dataoffsets[0])
    head = np.frombuffer(file.read(min(4, page.databytecounts[0])), np.uint8)
    bits = np.unpackbits(head, bitorder="little" if page.fillorder == REVERSED else "big")
    return not bits[:EOL_ZEROS].any()


def decode_fax(page: tifffile.TiffPage) -> tuple[npt.NDArray[np.uint8], bool]:
    """Return the samples of a page, (H, W, 1) as 0 and 255, and whether its data are damaged.

    Raises:
        ImageError: They cannot be decoded at all.
    """
    height, width = page.imagelength, page.imagewidth
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
    samples = np.zeros((height, width, 1), np.uint8)
    file, is_damaged, across = page.parent.filehandle, False, -(-width // columns)
    for index, (offset, size) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=False)):
        top, left = index // across * rows, index % across * columns
        if top >= height:
            break
        file.seek(offset)
        count = rows if page.is_tiled else min(rows, height - top)
        small = _make_tiff(page, file.read(size), count, columns)
        part = _decode(small, strict=True)
        if part is None:
            is_damaged, part = True, _decode(small, strict=False)
        if part is None or part.shape != (count, columns):
            raise ImageError("damaged: its fax data cannot be decoded; get it anew")
        samples[top : top + count, left : left + columns, 0] = part[: height - top, : width - left]
    return samples, is_damaged


def _make_tiff(page: tifffile.TiffPage, data: bytes, rows: int, columns: int) -> bytes:
    """Return a strip or tile as a TIFF of its own, in which 0 is black."""
    compression = int(page.compression)
    options = OPTIONS.get(compression, 0)
    tags = {256: columns, 257: rows, 258: 1, 259: compression, 262: 1, 266: int(page.fillorder), 273: 0, 277: 1}
    tags |= {278: rows, 279: len(data)}
    if options:
        tags[options] = int(page.tags.valueof(options, 0))
    start = 8 + 2 + 12 * len(tags) + 4
    tags[273] = start
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return head + b"".join(struct.pack("<HHII", tag, LONG, 1, tags[tag]) for tag in sorted(tags)) + bytes(4) + data


def _decode(tiff: bytes, *, strict: bool) -> npt.NDArray[np.uint8] | None:
    """Return the picture (h, w) of a TIFF, 0 and 255; None: it cannot be decoded.

    Args:
        tiff: The file.
        strict: Take the first code word that cannot be for a failure; if not, go on in the next row.
    """
    import av  # wanted for nothing else of a photograph
    from av.error import FFmpegError

    decoder = av.CodecContext.create("tiff", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    if strict:
        decoder.options = {"err_detect": "explode"}
    try:
        frames = [*decoder.decode(av.Packet(tiff)), *decoder.decode(None)]
    except (FFmpegError, MemoryError):
        return None
    return np.asarray(frames[0].to_ndarray(format="gray"), np.uint8) if frames else None
