"""JPEG XL: read and written at its full depth, by imagecodecs, with what its boxes and its header say (ISO/IEC 18181).

imagecodecs hands over pixels alone, and calls all that has more than 8 bits linear light; the header (18181-1, annex D)
is read here, and in what is written it is put right. A colour space goes into it by numbers; an ICC profile does not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from colorize.base import ImageError
from colorize.color import SRGB, ColorSpace, Picture, convert_to_srgb, space_of_code_points, space_of_gamma
from colorize.photo.boxes import make_box, map_file, read_boxes
from colorize.photo.jpeg2000 import divide_by_alpha
from colorize.photo.left_out import other_boxes
from colorize.photo.samples import Samples, spread, unnamed_channels

CODESTREAM = b"\xff\x0a"
FILE_HEAD = make_box(b"JXL ", b"\r\n\x87\n") + make_box(b"ftyp", b"jxl \0\0\0\0jxl ")
BROTLI_BOX, JPEG_BOX = b"brob", b"jbrd"
KNOWN_BOXES = (b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp", b"jxli", JPEG_BOX, b"Exif", b"xml ")
RGB, GREY = 0, 1  # ColourSpace
CUSTOM = 2  # of WhitePoint and Primaries
P3_PRIMARIES, DISPLAY_P3 = 11, 12  # JPEG XL's number; H.273's of the same with the white D65
SRGB_TRANSFER, LINEAR_TRANSFER = 13, 8
HEADER_BYTES = 4096  # are enough for any header without an ICC profile
LOSSLESS_QUALITY = 100

_SIDE = ((1, 9), (1, 13), (1, 18), (1, 30))  # (offset, bits) of a U32's four forms, here and below
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_CHROMATICITY = ((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
_ASPECTS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
ALPHA = 0  # type of an extra channel
_SPOT, _FILTER = 2, 5


@dataclass(frozen=True)
class ColorEncoding:
    """A header's ColourEncoding.

    Attributes:
        start: Its first bit in the codestream.
        end: The bit after it.
        has_profile: Whether an ICC profile follows the header instead.
        color_space: ``RGB``, ``GREY`` or another.
        white: x, y where they are stated; None: D65 or another named one.
        primaries: Number of the primaries.
        corners: x, y of red, green, blue where they are stated.
        gamma: Exponent from light to levels; None: ``transfer`` says it.
        transfer: H.273's number of the curve.
    """

    start: int
    end: int = 0
    has_profile: bool = False
    color_space: int = RGB
    white: tuple[float, ...] | None = None
    primaries: int = 1
    corners: tuple[float, ...] | None = None
    gamma: float | None = None
    transfer: int = SRGB_TRANSFER


@dataclass(frozen=True)
class Header:
    """What the beginning of a codestream says.

    Attributes:
        height: In pixels, before orientation.
        width: In pixels, before orientation.
        bits: Of a sample.
        is_float: Whether samples are floating-point numbers.
        is_animation: Whether there are several pictures.
        premultiplied: Whether colours are multiplied by an alpha; None: there is no alpha.
        extra: How many channels there are beside the colours.
        is_xyb: Whether the coding is the lossy one, of which the decoder makes the colours that the header names.
        colors: The colour encoding.
        end: The bit after the header; None: an ICC profile follows, or something that is not read here.
    """

    height: int
    width: int
    bits: int
    is_float: bool
    is_animation: bool
    premultiplied: bool | None
    extra: int
    is_xyb: bool
    colors: ColorEncoding
    end: int | None


class BitReader:
    """Reads the numbers of a header, the lowest bit first (B.2)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._size = 8 * len(data)
        self.place = 0

    def bits(self, count: int) -> int:
        """Return the next ``count`` bits as a number.

        Raises:
            ValueError: The data ends before.
        """
        if self.place + count > self._size:
            raise ValueError("the header ends early")
        value = self._value >> self.place & (1 << count) - 1
        self.place += count
        return value

    def flag(self) -> bool:
        """Return the next bit."""
        return bool(self.bits(1))

    def number(self, forms: tuple[tuple[int, int], ...]) -> int:
        """Return a U32: two bits choose one of four (offset, bits)."""
        offset, count = forms[self.bits(2)]
        return offset + self.bits(count)


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width), before orientation, without reading pixels.

    Raises:
        ImageError: The file is damaged.
    """
    return size_of(map_file(path))


def size_of(data: memoryview) -> tuple[int, int]:
    """Return (height, width) of a file's content, or of a codestream inside another; see ``read_size``."""
    header = _read_header(_codestream(_boxes(data)))
    return header.height, header.width


def read_jpeg_xl(path: Path) -> Samples:
    """Return a file's picture, upright.

    Raises:
        ImageError: It is damaged, or of a kind that cannot be kept.
    """
    data = map_file(path)
    boxes = _boxes(data)
    header = _read_header(_codestream(boxes))
    if header.is_animation:
        raise ImageError("a JPEG XL animation; save its pictures one by one")
    from imagecodecs import jpegxl_decode  # slow to import, and seldom wanted

    values = jpegxl_decode(bytes(data), index=0)
    values = values if values.ndim == 3 else values[..., None]
    colors: Literal["GRAY", "RGB"] = "GRAY" if header.colors.color_space == GREY else "RGB"
    count = 1 if colors == "GRAY" else 3
    if header.premultiplied is None and values.shape[2] != count:
        values = np.moveaxis(values, 0, -1) if values.shape[:2] != (header.height, header.width) else values
    channels = _levels(values, header)
    pixels, notes = np.ascontiguousarray(channels[..., :count]), []
    alpha = None if header.premultiplied is None else np.ascontiguousarray(channels[..., count])
    if unnamed := header.extra - (alpha is not None):
        notes.append(unnamed_channels(unnamed, channels.shape[2]))
    if alpha is not None and header.premultiplied:
        pixels = divide_by_alpha(pixels, alpha)
    profile = None
    if not header.colors.has_profile:
        space = _color_space(header.colors)
        if space is not SRGB:
            picture = convert_to_srgb(pixels[..., 0] if colors == "GRAY" else pixels, space)
            pixels = picture if picture.ndim == 3 else picture[..., None]
    elif JPEG_BOX in boxes:
        profile = _profile_of_jpeg(bytes(data))
    elif not header.is_xyb:
        notes.append("its ICC profile could not be read, so its colours were taken for sRGB")
    if data[: len(CODESTREAM)] != CODESTREAM:
        notes += other_boxes(data, KNOWN_BOXES)
    exif = boxes.get(b"Exif")
    return Samples(
        pixels,
        colors,
        alpha,
        is_upright=True,
        profile=profile,
        exif=exif[4 + int.from_bytes(exif[:4], "big") :] if exif else None,
        xmp=boxes.get(b"xml "),
        lossless=not header.is_xyb and JPEG_BOX not in boxes,
        notes=tuple(notes),
    )


def _boxes(data: memoryview) -> dict[bytes, bytes]:
    """Return the contents of a file's boxes; what is compressed is unpacked, the parts of the codestream are joined."""
    if data[:2] == CODESTREAM:
        return {b"jxlc": bytes(data)}
    boxes: dict[bytes, bytes] = {}
    for name, content in read_boxes(data):
        if name == b"jxlp":
            boxes[b"jxlc"] = boxes.get(b"jxlc", b"") + bytes(content[4:])
        elif name == BROTLI_BOX and bytes(content[:4]) in (b"Exif", b"xml "):
            from imagecodecs import brotli_decode

            boxes.setdefault(bytes(content[:4]), bytes(brotli_decode(bytes(content[4:]))))
        else:
            boxes.setdefault(name, bytes(content))
    return boxes


def _codestream(boxes: dict[bytes, bytes]) -> bytes:
    """Return the codestream of a file.

    Raises:
        ImageError: There is none.
    """
    if not boxes.get(b"jxlc", b"").startswith(CODESTREAM):
        raise ImageError("damaged or cut off (it holds no picture); get it anew")
    return boxes[b"jxlc"]


def _read_header(codestream: bytes) -> Header:
    """Return a codestream's header (D.2, D.3).

    Raises:
        ImageError: It is damaged.
    """
    try:
        return _parse_header(BitReader(codestream[:HEADER_BYTES]))
    except ValueError as error:
        raise ImageError(f"damaged or cut off ({error}); get it anew") from error


def _parse_header(reader: BitReader) -> Header:
    reader.bits(16)
    height, width = _parse_size(reader)
    is_animation = is_float = is_xyb = False
    bits, premultiplied, extra, has_fields = 8, None, 0, False
    if reader.flag():  # all by default
        is_xyb, colors = True, ColorEncoding(reader.place)
        return Header(height, width, bits, False, False, None, 0, is_xyb, colors, None)
    has_fields = reader.flag()
    if has_fields:
        reader.bits(3)  # the orientation, which the decoder applies
        if reader.flag():
            _parse_size(reader)  # the size it is meant for
        if reader.flag():
            raise ValueError("a preview, which is not read")
        is_animation = reader.flag()
        if is_animation:
            reader.number(((100, 0), (1000, 0), (1, 10), (1, 30)))
            reader.number(((1, 0), (1001, 0), (1, 8), (1, 10)))
            reader.number(((0, 0), (0, 3), (0, 16), (0, 32)))
            reader.flag()
    bits, is_float = _parse_depth(reader)
    reader.flag()  # whether 16 bits are enough for the coding
    extra = reader.number(((0, 0), (1, 0), (2, 4), (1, 12)))
    for _ in range(extra):
        kind, is_premultiplied = _parse_extra_channel(reader)
        if kind == ALPHA and premultiplied is None:
            premultiplied = is_premultiplied
    is_xyb = reader.flag()
    colors = _parse_colors(reader)
    end = None
    if not has_fields and not colors.has_profile and reader.bits(2) == 0 and reader.flag():
        end = reader.place  # no extensions, and the transform by default
    return Header(height, width, bits, is_float, is_animation, premultiplied, extra, is_xyb, colors, end)


def _parse_size(reader: BitReader) -> tuple[int, int]:
    """Return the (height, width) of a SizeHeader."""
    is_small = reader.flag()
    height = 8 * (reader.bits(5) + 1) if is_small else reader.number(_SIDE)
    if ratio := reader.bits(3):
        across, down = _ASPECTS[ratio - 1]
        return height, height * across // down
    return height, 8 * (reader.bits(5) + 1) if is_small else reader.number(_SIDE)


def _parse_depth(reader: BitReader) -> tuple[int, bool]:
    """Return bits and whether they are floating-point, of a BitDepth."""
    if reader.flag():
        bits = reader.number(((32, 0), (16, 0), (24, 0), (1, 6)))
        reader.bits(4)
        return bits, True
    return reader.number(((8, 0), (10, 0), (12, 0), (1, 6))), False


def _parse_extra_channel(reader: BitReader) -> tuple[int, bool]:
    """Return type of an extra channel, and whether it is an alpha that the colours are multiplied by."""
    if reader.flag():
        return ALPHA, False
    kind = reader.number(_ENUM)
    _parse_depth(reader)
    reader.number(((0, 0), (3, 0), (4, 0), (1, 3)))
    for _ in range(reader.number(((0, 0), (0, 4), (16, 5), (48, 10)))):
        reader.bits(8)  # its name
    if kind == ALPHA:
        return kind, reader.flag()
    if kind == _SPOT:
        reader.bits(64)
    elif kind == _FILTER:
        reader.number(((1, 0), (0, 2), (3, 4), (19, 8)))
    return kind, False


def _parse_colors(reader: BitReader) -> ColorEncoding:
    start = reader.place
    if reader.flag():
        return ColorEncoding(start, reader.place)
    has_profile = reader.flag()
    color_space = reader.number(_ENUM)
    if has_profile:
        return ColorEncoding(start, reader.place, True, color_space)
    white, primaries, corners, gamma, transfer = None, 1, None, None, SRGB_TRANSFER
    if reader.number(_ENUM) == CUSTOM:
        white = _parse_chromaticities(reader, 1)
    if color_space != GREY:
        primaries = reader.number(_ENUM)
        if primaries == CUSTOM:
            corners = _parse_chromaticities(reader, 3)
    if reader.flag():
        gamma = reader.bits(24) / 1e7
    else:
        transfer = reader.number(_ENUM)
    reader.number(_ENUM)  # the rendering intent
    return ColorEncoding(start, reader.place, False, color_space, white, primaries, corners, gamma, transfer)


def _parse_chromaticities(reader: BitReader, count: int) -> tuple[float, ...]:
    """Return x, y of so many points."""
    packed = [reader.number(_CHROMATICITY) for _ in range(2 * count)]
    return tuple((value >> 1 if value % 2 == 0 else -(value + 1 >> 1)) / 1e6 for value in packed)


def _color_space(colors: ColorEncoding) -> ColorSpace:
    """Return the colour space that a header names.

    Raises:
        ImageError: It is one that is not read.
    """
    if (
        colors.gamma is None
        and colors.transfer == SRGB_TRANSFER
        and (colors.color_space == GREY or colors.primaries == 1)
    ):
        return SRGB
    primaries = DISPLAY_P3 if colors.primaries == P3_PRIMARIES else colors.primaries
    named = space_of_code_points(1 if colors.corners else primaries, colors.transfer)
    if colors.color_space not in (RGB, GREY) or (named is None and colors.gamma is None):
        raise ImageError("its light has no upper limit, or its colours no name; save it as a 16-bit TIFF or PNG first")
    if colors.gamma is None and not colors.corners:
        assert named is not None
        return named
    matrix = named.matrix if named is not None else SRGB.matrix
    if colors.corners:
        matrix = space_of_gamma(1, colors.corners, colors.white or (0.3127, 0.3290)).matrix
    curves = (
        named.curves if named is not None and colors.gamma is None else space_of_gamma(1 / (colors.gamma or 1)).curves
    )
    return ColorSpace(matrix, curves)


def _levels(values: np.ndarray, header: Header) -> Picture:
    """Return decoded samples over the whole range of uint8 or uint16."""
    if values.dtype.kind == "f":
        return (np.clip(np.nan_to_num(values.astype(np.float32)), 0, 1) * 65535 + 0.5).astype(np.uint16)
    return spread(values, header.bits)


def _profile_of_jpeg(data: bytes) -> bytes | None:
    """Return the ICC profile of the JPEG that a file was made of."""
    import io

    from imagecodecs import jpegxl_decode_jpeg
    from PIL import Image

    with Image.open(io.BytesIO(bytes(jpegxl_decode_jpeg(data, numthreads=1)))) as image:
        return image.info.get("icc_profile")


def encode_jpeg_xl(
    picture: Picture,
    alpha: Picture | None,
    *,
    quality: int,
    exif: bytes | None = None,
    xmp: bytes | None = None,
) -> bytes:
    """Return a JPEG XL file of an sRGB picture; the arguments are as in ``Photo``.

    Args:
        picture: (H, W, 3) or (H, W), in sRGB.
        alpha: (H, W) of the same dtype; None: opaque.
        quality: As of JPEG; 100 is lossless.
        exif: The EXIF block.
        xmp: The XMP packet.
    """
    from imagecodecs import jpegxl_encode

    is_lossless = quality >= LOSSLESS_QUALITY
    if picture.dtype == np.uint16 and not is_lossless:
        picture = _linear(picture)  # what the encoder takes 16 bits for
    pixels = picture if alpha is None else np.dstack([picture, alpha])
    encoded = jpegxl_encode(pixels, None if is_lossless else quality, lossless=is_lossless, planar=False)
    boxes = _boxes(memoryview(bytes(encoded)))
    codestream = _codestream(boxes)
    if picture.dtype == np.uint16:
        codestream = _name_srgb(codestream, picture.ndim == 2)
    file = FILE_HEAD
    if b"jxll" in boxes:
        file += make_box(b"jxll", boxes[b"jxll"])
    if exif:
        file += make_box(b"Exif", struct.pack(">I", 0) + exif.removeprefix(b"Exif\0\0"))
    if xmp:
        file += make_box(b"xml ", xmp)
    return file + make_box(b"jxlc", codestream)


def _linear(picture: Picture) -> Picture:
    """Return a 16-bit sRGB picture's light, 0..65535."""
    return np.round(SRGB.curves[0] * 65535).astype(np.uint16)[picture]


def _name_srgb(codestream: bytes, is_grey: bool) -> bytes:
    """Return a codestream whose header names sRGB.

    Raises:
        ValueError: The header is none of ours.
    """
    header = _parse_header(BitReader(codestream[:HEADER_BYTES]))
    if header.end is None:
        raise ValueError("the encoder's header is of another form")
    start, end = header.colors.start, header.colors.end
    # Not by default, no profile, then ColourSpace, WhitePoint D65, no gamma, TransferFunction and intent as _ENUM.
    fields = [(0, 1), (0, 1), (1, 2), (1, 2), (0, 1), (2, 2), (SRGB_TRANSFER - 2, 4), (1, 2)] if is_grey else [(1, 1)]
    bits, count = 0, 0
    for value, size in fields:
        bits |= value << count
        count += size
    value = int.from_bytes(codestream[: (header.end + 7) // 8], "little")
    before = value & (1 << start) - 1
    after = value >> end & (1 << header.end - end) - 1
    written = before | bits << start | after << start + count
    size = (header.end - end + start + count + 7) // 8
    return written.to_bytes(size, "little") + codestream[(header.end + 7) // 8 :]
