"""JPEG 2000: read and written at its full depth, by imagecodecs, with what its boxes say (ISO/IEC 15444-1 and 15444-2).

Pillow decodes several channels of more than 8 bits wrongly (white becomes black). imagecodecs would convert the pixels
by an ICC profile and forget it, so it is given the file without; which channel is what is read here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from colorize.base import ImageError
from colorize.color import Picture, strips
from colorize.photo.boxes import make_box, map_file, read_boxes
from colorize.photo.left_out import other_boxes
from colorize.photo.samples import Samples, spread, unnamed_channels

CODESTREAM = b"\xff\x4f\xff\x51"  # markers SOC and SIZ
FILE_HEAD = make_box(b"jP  ", b"\r\n\x87\n") + make_box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
ENUMERATED, RESTRICTED_ICC, ANY_ICC = 1, 2, 3  # METH of a colr box
BILEVEL_WHITE_IS_ZERO, CMYK, BILEVEL, SRGB, GREY, SYCC = 0, 12, 15, 16, 17, 18  # EnumCS
COLORS = {BILEVEL_WHITE_IS_ZERO: "GRAY", CMYK: "CMYK", BILEVEL: "GRAY", SRGB: "RGB", GREY: "GRAY", SYCC: "RGB"}
OTHER_SPACES = {1: "YCbCr", 3: "YCbCr", 4: "YCbCr", 9: "PhotoYCC", 13: "YCCK", 14: "CIELab", 19: "CIEJab"}
CHANNELS = {"GRAY": 1, "RGB": 3, "CMYK": 4}
COLOR, OPACITY, PREMULTIPLIED = 0, 1, 2  # Typ of a channel definition
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
EXIF_UUID = b"JpgTiffExif->JP2"
IPTC_UUID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
KNOWN_BOXES = (b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"jpch", b"jplh", b"free")
METRES_PER_INCH = 0.0254
INCH = 254  # ten thousandths of a metre; the denominator of a resolution that is written


@dataclass(frozen=True)
class Codestream:
    """What a codestream's SIZ marker says.

    Attributes:
        height: In pixels.
        width: In pixels.
        depths: Bits of each component.
    """

    height: int
    width: int
    depths: tuple[int, ...]


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width) without reading pixels.

    Raises:
        ImageError: The file is damaged.
    """
    return size_of(map_file(path))


def size_of(data: memoryview) -> tuple[int, int]:
    """Return (height, width) of a file's content, or of a codestream inside another; see ``read_size``."""
    codestream = _read_siz(_top_boxes(data)[b"jp2c"][0])
    return codestream.height, codestream.width


def read_jpeg2000(path: Path) -> Samples:
    """Return a file's first picture.

    Raises:
        ImageError: It is damaged, or of a kind that cannot be kept.
    """
    file = map_file(path)
    boxes = _top_boxes(file)
    data = boxes[b"jp2c"][0]
    codestream = _read_siz(data)
    header = {name: bytes(content) for name, content in read_boxes(boxes.get(b"jp2h", [memoryview(b"")])[0])}
    profile, space = _read_color(boxes)
    depth = _palette_depth(header) or codestream.depths[0]
    channels = _decode(header, data, space)
    if channels.dtype.kind == "i":  # signed
        channels = channels.astype(np.int64) + (1 << depth - 1)
    channels = spread(channels, depth)
    colors = COLORS.get(space) if space is not None else "GRAY" if channels.shape[2] < 3 else "RGB"
    if profile and channels.shape[2] >= CHANNELS["CMYK"] and profile[16:20] == b"CMYK":
        colors = "CMYK"
    if colors is None:
        raise ImageError(f"is in {OTHER_SPACES.get(space or 0, f'colours of number {space}')}; convert it to RGB")
    pixels, alpha, notes = _sort_channels(channels, header.get(b"cdef"), CHANNELS[colors])
    if space == BILEVEL_WHITE_IS_ZERO and depth == 1:
        pixels = 255 - pixels
    if len(boxes[b"jp2c"]) > 1:
        count = len(boxes[b"jp2c"])
        others = "the other was" if count == 2 else "the others were"
        notes.append(f"{count} pictures are in it; the first is coloured, {others} left out")
    if file[: len(CODESTREAM)] != CODESTREAM:
        notes += other_boxes(file, KNOWN_BOXES, (EXIF_UUID, XMP_UUID, IPTC_UUID))
    uuids = {bytes(content[:16]): bytes(content[16:]) for content in boxes.get(b"uuid", [])}
    return Samples(
        pixels,
        colors,  # type: ignore[arg-type]
        alpha,
        profile=profile,
        exif=uuids.get(EXIF_UUID),
        xmp=uuids.get(XMP_UUID),
        iptc=uuids.get(IPTC_UUID),
        dpi=_read_dpi(header.get(b"res ")),
        notes=tuple(notes),
    )


def _top_boxes(data: memoryview) -> dict[bytes, list[memoryview]]:
    """Return the contents of a file's boxes by name; a bare codestream is one box ``jp2c``.

    Raises:
        ImageError: There is no codestream.
    """
    if data[:4] == CODESTREAM:
        return {b"jp2c": [data]}
    boxes: dict[bytes, list[memoryview]] = {}
    for name, content in read_boxes(data):
        boxes.setdefault(name, []).append(content)
    if b"jp2c" not in boxes:
        raise ImageError("damaged or cut off (it holds no picture); get it anew")
    return boxes


def _read_siz(data: memoryview) -> Codestream:
    """Return what the first marker of a codestream says (A.5.1).

    Raises:
        ImageError: It is damaged.
    """
    try:
        width, height, left, top = struct.unpack_from(">4I", data, 8)
        (count,) = struct.unpack_from(">H", data, 40)
        depths = tuple((data[42 + 3 * index] & 0x7F) + 1 for index in range(count))
    except (struct.error, IndexError) as error:
        raise ImageError("damaged or cut off (its header ends early); get it anew") from error
    if data[:4] != CODESTREAM or not depths or width <= left or height <= top:
        raise ImageError("damaged (its header is wrong); get it anew")
    return Codestream(height - top, width - left, depths)


def _read_color(boxes: dict[bytes, list[memoryview]]) -> tuple[bytes | None, int | None]:
    """Return a file's ICC profile and its enumerated colour space; None where there is none.

    Of several colour specifications a profile counts before a number.
    """
    profile = space = None
    for content in boxes.get(b"jp2h", [])[:1]:
        for name, color in read_boxes(content):
            if name != b"colr" or len(color) < 7:
                continue
            if color[0] in (RESTRICTED_ICC, ANY_ICC) and profile is None:
                profile = bytes(color[3:])
            elif color[0] == ENUMERATED and space is None:
                (space,) = struct.unpack_from(">I", color, 3)
    if profile is not None and space not in (SYCC, BILEVEL_WHITE_IS_ZERO):
        space = {b"GRAY": GREY, b"RGB ": SRGB, b"CMYK": CMYK}.get(profile[16:20], space)
    return profile, space


def _palette_depth(header: dict[bytes, bytes]) -> int | None:
    """Return the bits of a palette's colours; None: there is no palette."""
    palette = header.get(b"pclr")
    return (palette[3] & 0x7F) + 1 if palette and len(palette) > 3 else None


def _decode(header: dict[bytes, bytes], data: memoryview, space: int | None) -> npt.NDArray:
    """Return the channels (H, W, n) of a codestream: its palette looked up, sYCC made RGB, and no more."""
    from imagecodecs import jpeg2k_decode  # slow to import, and seldom wanted

    if header:
        kept = [make_box(name, header[name]) for name in (b"ihdr", b"bpcc", b"pclr", b"cmap") if name in header]
        number = SYCC if space == SYCC else SRGB
        kept.insert(1, make_box(b"colr", struct.pack(">3BI", ENUMERATED, 0, 0, number)))
        file = FILE_HEAD + make_box(b"jp2h", b"".join(kept)) + make_box(b"jp2c", data)
    else:
        file = bytes(data)
    try:
        channels = jpeg2k_decode(file)
    except RuntimeError as error:
        if "mismatch" in str(error):
            raise ImageError("has channels of different depths; convert it to TIFF") from error
        raise
    return channels if channels.ndim == 3 else channels[..., None]


def _sort_channels(
    channels: Picture, definition: bytes | None, colors: int
) -> tuple[Picture, Picture | None, list[str]]:
    """Return colours and alpha of all channels, as a ``cdef`` box defines them (I.5.3.6), and lines about the rest.

    Args:
        channels: (H, W, n).
        definition: The box; None: the colours come first, and nothing is alpha.
        colors: How many channels the colour space has.

    Raises:
        ImageError: There are too few of them.
    """
    places = list(range(colors))
    alpha_place, premultiplied = None, False
    for index in range((len(definition or b"") - 2) // 6):
        place, kind, owner = struct.unpack_from(">3H", definition or b"", 2 + 6 * index)
        if kind == COLOR and 1 <= owner <= colors:
            places[owner - 1] = place
        elif kind in (OPACITY, PREMULTIPLIED) and owner == 0:
            alpha_place, premultiplied = place, kind == PREMULTIPLIED
    count = channels.shape[2]
    if max(*places, alpha_place or 0) >= count:
        raise ImageError(f"damaged (it has {count} channels and speaks of more); get it anew")
    notes = []
    if unnamed := count - colors - (alpha_place is not None):
        notes.append(unnamed_channels(unnamed, count))
    pixels = np.ascontiguousarray(channels[..., places])
    alpha = None if alpha_place is None else np.ascontiguousarray(channels[..., alpha_place])
    if alpha is not None and premultiplied:
        pixels = divide_by_alpha(pixels, alpha)
    return pixels, alpha, notes


def divide_by_alpha(pixels: Picture, alpha: Picture) -> Picture:
    """Return premultiplied pixels (H, W, n) of an alpha (H, W) as straight ones."""
    most = np.iinfo(pixels.dtype).max
    straight = np.empty_like(pixels)
    for rows in strips(alpha.shape):
        whole = alpha[rows, :, None].astype(np.uint64)
        colors = (pixels[rows].astype(np.uint64) * most + whole // 2) // np.maximum(whole, 1)
        straight[rows] = np.minimum(colors, most)
    return straight


def _read_dpi(resolution: bytes | None) -> tuple[float, float] | None:
    """Return the resolution of a ``res`` box, of the capture before that of a display (I.5.3.7)."""
    boxes = {name: content for name, content in read_boxes(resolution or b"")}
    for name in (b"resc", b"resd"):
        if len(boxes.get(name, b"")) >= 10:
            v_num, v_den, h_num, h_den, v_exp, h_exp = struct.unpack_from(">4H2b", boxes[name])
            if v_num and v_den and h_num and h_den:
                x, y = h_num / h_den * 10.0**h_exp, v_num / v_den * 10.0**v_exp
                return x * METRES_PER_INCH, y * METRES_PER_INCH
    return None


def encode_jpeg2000(
    picture: Picture,
    alpha: Picture | None,
    *,
    profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    iptc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Return a lossless JPEG 2000 file (.jp2); the arguments are as in ``Photo``."""
    from imagecodecs import jpeg2k_encode

    pixels = picture if alpha is None else np.dstack([picture, alpha])
    data = jpeg2k_encode(pixels, level=0, reversible=True, codecformat="j2k", planar=False)
    height, width = picture.shape[:2]
    colors = 1 if picture.ndim == 2 else 3
    count = colors + (alpha is not None)
    header = make_box(b"ihdr", struct.pack(">2IH4B", height, width, count, 8 * picture.itemsize - 1, 7, 0, 0))
    if profile:
        header += make_box(b"colr", bytes([RESTRICTED_ICC, 0, 0]) + profile)
    else:
        header += make_box(b"colr", struct.pack(">3BI", ENUMERATED, 0, 0, SRGB if colors == 3 else GREY))
    if alpha is not None:
        definitions = [(place, COLOR, place + 1) for place in range(colors)] + [(colors, OPACITY, 0)]
        content = struct.pack(">H", count) + b"".join(struct.pack(">3H", *channel) for channel in definitions)
        header += make_box(b"cdef", content)
    if dpi:
        header += make_box(b"res ", make_box(b"resc", _resolution(dpi)))
    file = FILE_HEAD + make_box(b"jp2h", header)
    if exif:
        file += make_box(b"uuid", EXIF_UUID + exif.removeprefix(b"Exif\0\0"))
    if xmp:
        file += make_box(b"uuid", XMP_UUID + xmp)
    if iptc:
        file += make_box(b"uuid", IPTC_UUID + iptc)
    return file + make_box(b"jp2c", bytes(data))


def _resolution(dpi: tuple[float, float]) -> bytes:
    """Return the content of a ``resc`` box: each as a fraction and a power of ten, in pixels a metre."""
    parts = []
    for value in (dpi[1], dpi[0]):
        scale, exponent = 100.0, 2  # 254 and hundreds of pixels an inch: no rounding for what scanners state
        while round(value * scale) >= 1 << 16:
            scale, exponent = scale / 10, exponent + 1
        parts.append((max(1, round(value * scale)), exponent))
    (vertical, v_exp), (horizontal, h_exp) = parts
    return struct.pack(">4H2b", vertical, INCH, horizontal, INCH, v_exp, h_exp)
