"""JPEG XR (HD Photo): read at its full depth by imagecodecs, with what its container says (ITU-T T.832, annex A).

The container is a TIFF but for its version. The decoder reads none that strangers have made: it is given one of its own
with what was checked here, in a process of its own, for it believes whatever a file says, and cannot turn a picture.
"""

from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from colorize.base import ImageError
from colorize.color import Picture, convert_to_srgb, space_of_gamma
from colorize.photo.boxes import map_file
from colorize.photo.exif import UPRIGHT, DirectoryReader, ExifError
from colorize.photo.jpeg2000 import divide_by_alpha
from colorize.photo.left_out import LINES, VIEWS
from colorize.photo.metadata import read_tiff_metadata, sound_dpi
from colorize.photo.samples import Samples, spread

PIXEL_FORMAT, TRANSFORMATION, WIDTH, HEIGHT, X_DPI, Y_DPI = 0xBC01, 0xBC02, 0xBC80, 0xBC81, 0xBC82, 0xBC83
IMAGE_OFFSET, IMAGE_BYTES, ALPHA_OFFSET, ALPHA_BYTES = 0xBCC0, 0xBCC1, 0xBCC2, 0xBCC3
PICTURE_TAGS = {PIXEL_FORMAT: 16} | dict.fromkeys(
    (TRANSFORMATION, WIDTH, HEIGHT, X_DPI, Y_DPI, IMAGE_OFFSET, IMAGE_BYTES, ALPHA_OFFSET, ALPHA_BYTES), 1
)
"""Tag of what a picture needs -> the number of its values."""
ICC_PROFILE = 34675
NUMBERS = {1: "B", 3: "H", 4: "I"}  # field type -> its first value, as in ``struct``
FLOAT, BYTE, LONG = 11, 1, 4
CONTAINER = b"II\xbc\x01"
CODESTREAM = b"WMPHOTO\0"
CODESTREAM_HEAD = 20  # bytes, of which 12 are flags and the others width and height
IS_TILED = 0x80  # flag in the byte 9
SHORT_SIZES, HAS_MARGINS, HAS_ALPHA = 0x80, 0x20, 0x01  # flags in the byte 10
DECODE = """import sys
sys.path[:] = filter(None, sys.path)  # nothing from the folder where the command stands
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]), int(sys.argv[1]) + 1))
except ImportError:
    pass  # Windows has no such limit
import io
import numpy
from imagecodecs import jpegxr_decode
values = io.BytesIO()
numpy.save(values, jpegxr_decode(sys.stdin.buffer.read()))
sys.stdout.buffer.write(values.getbuffer())
"""
MAX_SECONDS, SECONDS_EACH = 9, 1e-6  # of computing; for each pixel
PATIENCE = 60  # times as long may that take on a busy machine
ROUNDING = 0.02  # that lossy coding adds to light from 0 to 1
LEAST_BITS = 1  # of a macroblock of 16 x 16 pixels; the encoders write 3 and more
ORIENTATIONS = (UPRIGHT, 4, 2, 3, 6, 7, 5, 8)
"""SPATIAL_XFRM_PRIMARY (a clockwise quarter, then flips) -> EXIF's orientation."""

_GUID = bytes.fromhex("24c3dd6f034efe4bb1853d77768dc9")  # all but the last byte of most pixel formats
_RGBA, _PREMULTIPLIED_RGBA = (
    bytes.fromhex(f"{guid}")
    for guid in (
        "2dadc7f58d6add43a7a8a29935261ae9",
        "50a6c43c27a5374da9163142c7ebedba",
    )
)
_RGB_FLOAT = bytes.fromhex("8fd7fee3dbe8cf4a84c1e97f6136b327")
_Y, _CMYK, _RGB = 0, 4, 7  # OUTPUT_CLR_FMT
INTERNAL_FORMATS = {_Y: (0,), _RGB: (0, 1, 2, 3), _CMYK: (4, 5)}
"""OUTPUT_CLR_FMT -> the INTERNAL_CLR_FMTs that it is made from; the decoder's memory is for these alone."""
_BITS = {0: 1, 1: 8, 2: 16, 3: 16, 4: 16, 6: 32, 7: 32, 15: 1}  # OUTPUT_BITDEPTH -> bits of a sample
_WHOLE = (0, 1, 2, 15)  # of those, unsigned whole numbers


@dataclass(frozen=True)
class PixelFormat:
    """A pixel format that is read (A.7.18).

    Attributes:
        guid: As the decoder is to be given it.
        colors: What its channels are.
        depths: The OUTPUT_BITDEPTHs that its codestream may have.
        has_alpha: Whether alpha follows them.
        is_premultiplied: Whether the colours are multiplied by it.
    """

    guid: bytes
    colors: Literal["GRAY", "RGB", "CMYK"]
    depths: tuple[int, ...]
    has_alpha: bool = False
    is_premultiplied: bool = False


def _format(last: int, *rest: object) -> PixelFormat:
    return PixelFormat(_GUID + bytes([last]), *rest)  # type: ignore[arg-type]


_BGR, _BGRA = _format(0x0C, "RGB", (1,)), _format(0x0F, "RGB", (1,), True)
FORMATS = {
    **{
        format.guid: format
        for format in (
            *(_format(0x05, "GRAY", (0, 15)), _format(0x08, "GRAY", (1,)), _format(0x0B, "GRAY", (2,))),
            *(_format(0x11, "GRAY", (7,)), _format(0x13, "GRAY", (3,)), _format(0x3E, "GRAY", (4,))),
            *(_BGR, _format(0x0D, "RGB", (1,)), _format(0x15, "RGB", (2,)), _format(0x12, "RGB", (3,))),
            *(_format(0x3B, "RGB", (4,)), PixelFormat(_RGB_FLOAT, "RGB", (7,))),
            *(_BGRA, PixelFormat(_RGBA, "RGB", (1,), True), _format(0x16, "RGB", (2,), True)),
            *(_format(0x3A, "RGB", (4,), True), _format(0x19, "RGB", (7,), True)),
            *(_format(0x1C, "CMYK", (1,)), _format(0x1F, "CMYK", (2,))),
            *(_format(0x2C, "CMYK", (1,), True), _format(0x2D, "CMYK", (2,), True)),
        )
    },
    _GUID + b"\x0e": _BGR,  # with a byte of no meaning, which lies in memory alone
    _GUID + b"\x10": PixelFormat(_BGRA.guid, "RGB", (1,), True, True),
    _PREMULTIPLIED_RGBA: PixelFormat(_RGBA, "RGB", (1,), True, True),
    _GUID + b"\x17": PixelFormat(_GUID + b"\x16", "RGB", (2,), True, True),
}
"""GUID of a pixel format -> the format; of 5 and 10 bits, of shared exponents and of other channels none."""
CHANNELS = {"GRAY": 1, "RGB": 3, "CMYK": 4}
COLOR_FORMATS = {"GRAY": _Y, "RGB": _RGB, "CMYK": _CMYK}


@dataclass(frozen=True)
class Container:
    """What a container says, checked.

    Attributes:
        directory: Offset of the picture's directory.
        height: In pixels, before orientation.
        width: In pixels, before orientation.
        format: The pixel format.
        depth: The codestream's OUTPUT_BITDEPTH.
        codestream: The picture's.
        alpha: That of its alpha; None: it has none, or none by itself.
        orientation: As of EXIF.
        profile: The ICC profile; None: none.
        dpi: Horizontal and vertical resolution in pixels an inch; None: not stated.
        has_more: Whether further pictures follow.
    """

    directory: int
    height: int
    width: int
    format: PixelFormat
    depth: int
    codestream: memoryview
    alpha: memoryview | None
    orientation: int
    profile: bytes | None
    dpi: tuple[float, float] | None
    has_more: bool


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width), before orientation, without reading pixels.

    Raises:
        ImageError: The file is damaged, or of a kind that cannot be read.
    """
    container = _read_container(map_file(path))
    return container.height, container.width


def size_of(data: memoryview) -> tuple[int, int]:
    """Return (height, width) of a JPEG XR inside a TIFF, whose container the decoder is given as it is.

    Raises:
        ImageError: It is damaged, of a kind that cannot be read, or says more than what its picture needs.
    """
    container = _read_container(data)
    fields, _ = _reader(data).raw_entries(container.directory)
    is_plain = all(count == PICTURE_TAGS.get(tag) and type in (BYTE, LONG, FLOAT) for tag, type, count, *_ in fields)
    if not is_plain or container.has_more or container.orientation != UPRIGHT:
        raise ImageError("damaged, or its JPEG XR data say more than they should; save it with LZW or uncompressed")
    return container.height, container.width


def read_jpeg_xr(path: Path) -> Samples:
    """Return a file's first picture.

    Raises:
        ImageError: It is damaged, or of a kind that cannot be kept.
    """
    container = _read_container(map_file(path))
    format = container.format
    values = _decode_apart(_plain_container(container), container.height * container.width)
    size, count = (container.height, container.width), CHANNELS[format.colors]
    channels = _levels(values.reshape(*size, -1), container)
    if channels.shape[2] != count + format.has_alpha:
        raise ImageError("damaged (its channels are not those of its pixel format); get it anew")
    pixels = np.ascontiguousarray(channels[..., :count])
    alpha = np.ascontiguousarray(channels[..., count]) if format.has_alpha else None
    if alpha is not None and format.is_premultiplied:
        pixels = divide_by_alpha(pixels, alpha)
    if values.dtype.kind == "f" and not container.profile:
        light = pixels[..., 0] if count == 1 else pixels
        pixels = convert_to_srgb(light, space_of_gamma(1)).reshape(pixels.shape)
    with open(path, "rb") as file:
        words = read_tiff_metadata(file, container.directory, size, container.orientation)
    return Samples(
        pixels,
        format.colors,
        alpha,
        profile=container.profile,
        dpi=container.dpi,
        words=replace(words, lines=(*words.lines, LINES[VIEWS])) if container.has_more else words,
    )


def _decode_apart(data: bytes, pixels: int) -> np.ndarray:
    """Return the samples of a file, decoded in a process of its own: the decoder may crash where data are damaged.

    Raises:
        ImageError: It did, or it refused them.
    """
    limit = MAX_SECONDS + math.ceil(SECONDS_EACH * pixels)
    command, seconds = (sys.executable, "-c", DECODE, str(limit)), PATIENCE * limit
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"damaged, or not decoded within {seconds} seconds; get it anew") from error
    if done.returncode != 0 or not done.stdout:
        raise ImageError("damaged or cut off (its JPEG XR data cannot be decoded); get it anew")
    return np.load(io.BytesIO(done.stdout))


def _levels(values: np.ndarray, container: Container) -> Picture:
    """Return decoded samples over the whole range of uint8 or uint16.

    Raises:
        ImageError: There is more light than white has.
    """
    if values.dtype.kind != "f":
        return spread(values, _BITS[container.depth])
    if not (float(values.min()) >= -ROUNDING and float(values.max()) <= 1 + ROUNDING):  # what is no number is not
        raise ImageError("its light has no upper limit, so save it as a 16-bit TIFF or PNG first")
    return (np.clip(values.astype(np.float32), 0, 1) * 65535 + 0.5).astype(np.uint16)


def _read_container(data: memoryview) -> Container:
    """Return what a file's container says.

    Raises:
        ImageError: It is damaged, or of a kind that cannot be read.
    """
    try:
        reader = _reader(data)
        fields, following = reader.raw_entries(reader.first)
    except ExifError as error:
        raise ImageError(f"damaged or cut off ({error}); get it anew") from error
    tags = {tag: _values(data, type, count, inline) for tag, type, count, inline, _ in reversed(fields)}
    format = FORMATS.get(guid := tags.get(PIXEL_FORMAT, b""))
    if format is None:
        if len(guid) == len(_RGBA):
            raise ImageError("is a JPEG XR of pixels that are not read; convert it to TIFF or PNG first")
        raise ImageError("damaged (it does not say what its pixels are); get it anew")
    codestream = _codestream(data, tags, IMAGE_OFFSET, IMAGE_BYTES)
    alpha = _codestream(data, tags, ALPHA_OFFSET, ALPHA_BYTES) if _number(tags, ALPHA_OFFSET) else None
    size, color_format, depth, has_alpha = _read_head(codestream)
    if (color_format, format.has_alpha) != (COLOR_FORMATS[format.colors], has_alpha or alpha is not None):
        raise ImageError("damaged (its picture is not of the kind that it says); get it anew")
    if depth not in format.depths or (alpha is not None and _read_head(alpha)[:3] != (size, _Y, depth)):
        raise ImageError("damaged (its picture is not of the depth that it says); get it anew")
    if size != (_number(tags, HEIGHT), _number(tags, WIDTH)):
        raise ImageError("damaged (its picture is not of the size that it says); get it anew")
    turned = _number(tags, TRANSFORMATION) if TRANSFORMATION in tags else codestream[9] >> 3
    return Container(
        reader.first,
        *size,
        format,
        depth,
        codestream,
        alpha,
        ORIENTATIONS[turned % len(ORIENTATIONS)],
        tags.get(ICC_PROFILE) or None,
        _dpi(tags),
        0 < following < len(data),
    )


def _reader(data: memoryview) -> DirectoryReader:
    return DirectoryReader(lambda offset, size: bytes(data[offset : offset + size]))


def _values(data: memoryview, type: int, count: int, inline: bytes) -> bytes:
    """Return a field's values as they lie in the file, as far as they do."""
    length = {**{kind: struct.calcsize(code) for kind, code in NUMBERS.items()}, 7: 1, FLOAT: 4}.get(type, 0) * count
    if length <= len(inline):
        return inline[:length]
    (offset,) = struct.unpack("<I", inline)
    return bytes(data[offset : offset + length])


def _number(tags: dict[int, bytes], tag: int) -> int:
    """Return the number that a tag holds, of one, two or four bytes; 0: it is not there."""
    return int.from_bytes(tags.get(tag, b"")[:4], "little")


def _dpi(tags: dict[int, bytes]) -> tuple[float, float] | None:
    """Return the resolution in pixels an inch; None: not stated."""
    x, y = tags.get(X_DPI, b""), tags.get(Y_DPI, b"")
    return sound_dpi(*struct.unpack("<2f", x + y)) if len(x) == len(y) == 4 else None


def _codestream(data: memoryview, tags: dict[int, bytes], offset_tag: int, bytes_tag: int) -> memoryview:
    """Return a codestream of a file.

    Raises:
        ImageError: It does not lie in the file.
    """
    offset, length = _number(tags, offset_tag), _number(tags, bytes_tag)
    end = offset + length if length else len(data)  # 0: to the end of the file
    if bytes_tag == ALPHA_BYTES and offset < length <= len(data) < end:
        end = length  # Microsoft's encoder states the end for the length
    if not 0 < offset <= len(data) or end > len(data):
        raise ImageError("cut off: its picture is not whole; get it anew")
    return data[offset:end]


def _read_head(codestream: memoryview) -> tuple[tuple[int, int], int, int, bool]:
    """Return (height, width), OUTPUT_CLR_FMT and OUTPUT_BITDEPTH of a codestream, and whether alpha is in it (8.3).

    Raises:
        ImageError: It is damaged, or shorter than any of its size.
    """
    if len(codestream) < CODESTREAM_HEAD or bytes(codestream[: len(CODESTREAM)]) != CODESTREAM:
        raise ImageError("damaged or cut off (it holds no picture); get it anew")
    flags, kinds = codestream[10], codestream[11]
    width, height = struct.unpack_from(">2H" if flags & SHORT_SIZES else ">2I", codestream, 12)
    width, height = width + 1, height + 1
    place = 12 + (4 if flags & SHORT_SIZES else 8)
    if codestream[9] & IS_TILED:
        tiles = int.from_bytes(codestream[place : place + 3], "big")  # 12 bits across, 12 bits down, each less one
        place += 3 + ((tiles >> 12) + (tiles & 0xFFF)) * (1 if flags & SHORT_SIZES else 2)
    place += 3 if flags & HAS_MARGINS else 0
    internal = codestream[place] >> 5 if place < len(codestream) else None
    if internal not in INTERNAL_FORMATS.get(kinds >> 4, ()):
        raise ImageError("damaged (its picture is not of the kind that it says); get it anew")
    if 8 * len(codestream) < LEAST_BITS * (height // 16) * (width // 16):
        raise ImageError("damaged or cut off (too short for its size); get it anew")
    return (height, width), kinds >> 4, kinds & 15, bool(flags & HAS_ALPHA)


def _plain_container(container: Container) -> bytes:
    """Return the codestreams in a container that says what the decoder has to know and nothing else."""
    fields = [
        (PIXEL_FORMAT, BYTE, 16, 8),
        (WIDTH, LONG, 1, container.width),
        (HEIGHT, LONG, 1, container.height),
    ]
    start = 8 + 16 + 2 + 12 * (len(fields) + (2 if container.alpha is None else 4)) + 4
    fields += [(IMAGE_OFFSET, LONG, 1, start), (IMAGE_BYTES, LONG, 1, len(container.codestream))]
    data = bytes(container.codestream)
    if container.alpha is not None:
        fields += [(ALPHA_OFFSET, LONG, 1, start + len(data)), (ALPHA_BYTES, LONG, 1, len(container.alpha))]
        data += bytes(container.alpha)
    directory = struct.pack("<H", len(fields)) + b"".join(struct.pack("<2H2I", *field) for field in fields) + bytes(4)
    return CONTAINER + struct.pack("<I", 8 + 16) + container.format.guid + directory + data
