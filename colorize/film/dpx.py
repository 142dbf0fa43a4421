"""DPX frames (SMPTE 268M): code values, and of the header what a film is put together and told by.

FFmpeg decodes the code values, but for grey ones of 10 bits. It writes neither transfer nor timecode, so frames are
written here, with the header of the frame that they were made of.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from colorize.base import VideoError, reason, replacing
from colorize.film.frame_conversion import convert_frame
from colorize.film.timecode import Timecode

HEADER_SIZE = 2048
BIG, LITTLE = b"SDPX", b"XPDS"
UNDEFINED = 0xFFFFFFFF
GREY, RGB, RGBA, ABGR = 6, 50, 51, 52  # descriptors of an image element
LOG_TRANSFERS = (1, 3)  # printing density, logarithmic
BT709_TRANSFER = 6
UNDEFINED_TRANSFER = 0
DROP_FRAME = 0x40  # flag beside the frames of a timecode (ST 12-1)
WRITTEN_BITS = (8, 10, 12, 16)
# Places in the header.
ORIENTATION, ELEMENT, DESCRIPTOR, TRANSFER, BITS, PACKING = 768, 780, 800, 801, 803, 804
ENCODING, DATA_OFFSET, ASPECT, FRAME_POSITION, FILM_RATE = 806, 808, 1628, 1712, 1724
TIMECODE, VIDEO_RATE = 1920, 1940


@dataclass(frozen=True, eq=False)
class DpxFrame:
    """A frame of DPX.

    Attributes:
        codes: (H, W) grey or (H, W, 3) RGB code values, uint16, of ``bits`` bits.
        bits: Bits of a code value.
        header: The first 2048 bytes of the file, padded with ones where there are fewer.
        has_alpha: Whether transparency was left out.
    """

    codes: npt.NDArray[np.uint16]
    bits: int
    header: bytes
    has_alpha: bool = False

    @property
    def transfer(self) -> int:
        """The transfer characteristic that the header states."""
        return self.header[TRANSFER]

    @property
    def rate(self) -> Fraction | None:
        """Frames per second; None: not stated."""
        for place in (FILM_RATE, VIDEO_RATE):
            (rate,) = self._read("f", place)
            if math.isfinite(rate) and 1 <= rate <= 1000:
                return Fraction(rate).limit_denominator(1001)
        return None

    @property
    def timecode(self) -> str | None:
        """The timecode, such as ``10:00:00:00``; None: not stated."""
        (value,) = self._read("I", TIMECODE)
        hours, minutes, seconds, frames = (value >> shift & 0xFF for shift in (24, 16, 8, 0))
        separator = ";" if frames & DROP_FRAME else ":"
        texts = [f"{hours & 0x3F:02x}", f"{minutes & 0x7F:02x}", f"{seconds & 0x7F:02x}", f"{frames & 0x3F:02x}"]
        if value == UNDEFINED or not "".join(texts).isdecimal():
            return None
        return ":".join(texts[:3]) + separator + texts[3]

    @property
    def aspect(self) -> Fraction | None:
        """Width of a pixel over its height; None: not stated."""
        across, down = self._read("II", ASPECT)
        is_stated = UNDEFINED not in (across, down) and across and down
        return Fraction(across, down) if is_stated else None

    def _read(self, kinds: str, place: int) -> tuple[Any, ...]:
        return struct.unpack_from(byte_order(self.header) + kinds, self.header, place)


def byte_order(header: bytes) -> str:
    """Return the byte order of a header, as ``struct`` has it."""
    return ">" if header.startswith(BIG) else "<"


def read_dpx(path: Path) -> DpxFrame:
    """Return a frame of DPX.

    Raises:
        FileNotFoundError: There is no such file.
        VideoError: It is no DPX frame, is damaged, or of a kind that is not read.
    """
    data = path.read_bytes()
    if data[:4] not in (BIG, LITTLE) or len(data) < ELEMENT + 72:
        raise VideoError(f"{path}: not a DPX frame, or cut off")
    order = byte_order(data)
    header = data[:HEADER_SIZE]
    (offset,) = struct.unpack_from(order + "I", data, 4)
    header = header[:offset].ljust(HEADER_SIZE, b"\xff")
    orientation, elements, width, height = struct.unpack_from(order + "HHII", data, ORIENTATION)
    packing, encoding = struct.unpack_from(order + "HH", data, PACKING)
    descriptor, bits = data[DESCRIPTOR], data[BITS]
    if encoding or orientation > 3 or elements > 1:
        problem = "run-length coded" if encoding else "turned by 90 degrees" if orientation > 3 else "in several parts"
        raise VideoError(f"{path}: a DPX frame that is {problem} is not read; convert it first")
    (start,) = struct.unpack_from(order + "I", data, DATA_OFFSET)
    pixels = data[offset if start == UNDEFINED else start :]
    if descriptor in (GREY, RGB) and bits == 10 and packing == 0:
        codes = _read_packed_10(path, pixels, (height, width, 3 if descriptor == RGB else 1), order)
    elif descriptor == GREY and bits == 10 and packing in (1, 2):
        codes = _read_grey_10(path, pixels, (height, width), order, packing)
    else:
        codes, bits = _decode(path, data)
    if orientation & 2:
        codes = codes[::-1]
    if orientation & 1:
        codes = codes[:, ::-1]
    return DpxFrame(codes, bits, header, descriptor in (RGBA, ABGR))


def _read_grey_10(path: Path, data: bytes, size: tuple[int, int], order: str, packing: int) -> npt.NDArray[np.uint16]:
    """Return grey code values of 10 bits, three in a word of 32.

    Programs do not agree which of the three is the first pixel; the order is taken in which neighbours are more alike.
    """
    height, width = size
    words = -(-width // 3)
    if len(data) < height * words * 4:
        raise VideoError(f"{path}: a damaged DPX frame, or cut off")
    values = np.frombuffer(data, order + "u4", height * words).reshape(height, words)
    shifts = (22, 12, 2) if packing == 1 else (20, 10, 0)
    ordered = [
        np.stack([(values >> shift) & 1023 for shift in each], axis=-1).reshape(height, -1)[:, :width]
        for each in (shifts, shifts[::-1])
    ]
    first, second = (np.abs(np.diff(codes.astype(np.int32), axis=1)).sum() for codes in ordered)
    return ordered[0 if first <= second else 1].astype(np.uint16)


def _read_packed_10(path: Path, data: bytes, shape: tuple[int, int, int], order: str) -> npt.NDArray[np.uint16]:
    """Return code values of 10 bits that follow each other without a gap, from the lowest bit of a word of 32 on."""
    height, width, channels = shape
    words = -(-width * channels * 10 // 32)
    if len(data) < height * words * 4:
        raise VideoError(f"{path}: a damaged DPX frame, or cut off")
    values = np.frombuffer(data, order + "u4", height * words).reshape(height, words).astype(np.uint64)
    pairs = values | np.pad(values[:, 1:], ((0, 0), (0, 1))) << np.uint64(32)
    bits = np.arange(width * channels) * 10
    codes = pairs[:, bits // 32] >> (bits % 32).astype(np.uint64) & np.uint64(1023)
    codes = codes.astype(np.uint16).reshape(shape)
    return codes if channels == 3 else codes[..., 0]


def _decode(path: Path, data: bytes) -> tuple[npt.NDArray[np.uint16], int]:
    """Return a frame's code values, grey or RGB, and their bits, as FFmpeg decodes them."""
    decoder = av.CodecContext.create("dpx", "r")
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]  # type: ignore[attr-defined]
    except (FFmpegError, ValueError) as error:
        raise VideoError(f"{path}: a damaged DPX frame, or of a kind that is not read ({reason(error)})") from error
    if not frames:
        raise VideoError(f"{path}: a damaged DPX frame, or cut off")
    frame: av.VideoFrame = frames[0]
    name, bits = frame.format.name, frame.format.components[0].bits
    if "f32" in name:
        raise VideoError(f"{path}: a DPX frame of floating-point numbers is not read; convert it to EXR")
    planar = name.startswith(("gray", "gbr"))
    channels = {"rgb24": "RGB", "rgb48": "RGB", "rgba": "RGBA", "rgba64": "RGBA", "abgr": "ABGR", "bgr24": "BGR"}
    packed = channels.get(name.removesuffix("le").removesuffix("be"))
    if not planar and packed is None:
        frame = convert_frame(frame, format="rgb48le")
        name, bits, packed = "rgb48le", 16, "RGB"
    dtype = np.dtype("u1" if bits == 8 else ">u2" if frame.format.is_big_endian else "<u2")
    count = 1 if planar else len(packed or "")
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)  # type: ignore[call-overload]
        planes.append(rows[: frame.height, : frame.width * count])
    if name.startswith("gray"):
        return planes[0].astype(np.uint16), bits
    if planar:
        return np.stack([planes[2], planes[0], planes[1]], axis=-1).astype(np.uint16), bits
    pixels = planes[0].reshape(frame.height, frame.width, count)
    return pixels[..., [packed.index(each) for each in "RGB"]].astype(np.uint16), bits  # type: ignore[union-attr]


def new_header(aspect: Fraction | None, rate: Fraction | None) -> bytes:
    """Return the header of a frame that was made of none of DPX."""
    header = bytearray(b"\xff" * HEADER_SIZE)
    header[:4] = BIG
    header[8:16] = b"V2.0\0\0\0\0"
    for place, size in ((36, 100), (136, 24), (160, 100), (260, 200), (460, 200), (820, 32), (1432, 100), (1532, 24)):
        header[place : place + size] = bytes(size)
    for place, size in ((1556, 32), (1588, 32), (1664, 16), (1680, 32), (1732, 32), (1764, 100)):
        header[place : place + size] = bytes(size)
    struct.pack_into(">II", header, 24, 1664, 384)
    struct.pack_into(">IIfIf", header, ELEMENT, 0, UNDEFINED, math.nan, UNDEFINED, math.nan)
    header[TRANSFER], header[TRANSFER + 1] = BT709_TRANSFER, BT709_TRANSFER
    if aspect:
        struct.pack_into(">II", header, ASPECT, aspect.numerator, aspect.denominator)
    if rate:
        struct.pack_into(">f", header, FILM_RATE, float(rate))
        struct.pack_into(">f", header, VIDEO_RATE, float(rate))
    return bytes(header)


def write_dpx(
    path: Path,
    codes: npt.NDArray[np.uint16],
    bits: int,
    header: bytes,
    timecode: Timecode | None = None,
    number: int | None = None,
    creator: str = "",
) -> None:
    """Write a frame of DPX; an existing one is replaced.

    Args:
        path: The file.
        codes: (H, W, 3) RGB code values of ``bits`` bits.
        bits: 8, 10, 12 or 16.
        header: That of the frame that it was made of, or ``new_header``'s; what is said there of the film stays.
        timecode: The frame's; None: the header's own stays.
        number: The frame's number in its sequence; None: the header's own stays.
        creator: The program that made it; empty: the header's own stays.

    Raises:
        OSError: It cannot be written.
    """
    order = byte_order(header)
    height, width = codes.shape[:2]
    if bits == 10:
        red, green, blue = (codes[..., channel].astype(np.uint32) for channel in range(3))
        rows = (red << 22 | green << 12 | blue << 2).astype(order + "u4")
    else:
        samples = codes.reshape(height, -1)
        rows = samples.astype(np.uint8) if bits == 8 else (samples << (16 - bits)).astype(order + "u2")
    lines = rows.view(np.uint8).reshape(height, -1)
    padding = -lines.shape[1] % 4  # a line begins with a word of 32 bits; some programs look how much was added
    pixels = np.pad(lines, ((0, 0), (0, padding))).tobytes()
    changed = bytearray(header)
    struct.pack_into(order + "I", changed, 4, HEADER_SIZE)
    struct.pack_into(order + "II", changed, 16, HEADER_SIZE + len(pixels), UNDEFINED)
    struct.pack_into(order + "I", changed, 32, 0)  # no user data
    changed[36:136] = path.name.encode()[:99].ljust(100, b"\0")
    if creator:
        changed[160:260] = creator.encode()[:99].ljust(100, b"\0")
    struct.pack_into(order + "I", changed, 660, UNDEFINED)  # not encrypted
    struct.pack_into(order + "HHII", changed, ORIENTATION, 0, 1, width, height)
    struct.pack_into(order + "I", changed, ELEMENT, 0)
    changed[DESCRIPTOR], changed[BITS] = RGB, bits
    struct.pack_into(order + "HHIII", changed, PACKING, 1 if bits in (10, 12) else 0, 0, HEADER_SIZE, padding, 0)
    if timecode is not None:
        digits = int(str(timecode).replace(":", "").replace(";", ""), 16)
        struct.pack_into(order + "I", changed, TIMECODE, digits | (DROP_FRAME if timecode.drop_frame else 0))
    if number is not None:
        struct.pack_into(order + "I", changed, FRAME_POSITION, number)
    with replacing(path, overwrite=True) as file:
        file.write(bytes(changed))
        file.write(pixels)
