"""Numbered frames for tests, written and read without the package: DPX by struct, TIFF by tifffile, PNG by OpenCV."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import tifffile

LOG, VIDEO = 3, 6  # transfer characteristics of DPX


def dpx_bytes(
    codes: np.ndarray,
    bits: int = 10,
    *,
    order: str = ">",
    packing: int = 1,
    transfer: int = VIDEO,
    rate: float | None = None,
    timecode: int = 0xFFFFFFFF,
    number: int = 0xFFFFFFFF,
    first_is_lowest: bool = False,
) -> bytes:
    """Return a frame of DPX (SMPTE 268M).

    Args:
        codes: (h, w) grey or (h, w, 3) RGB code values.
        bits: 8, 10, 12 or 16.
        order: ``>`` or ``<``, of its bytes.
        packing: 1 or 2 of 10 bits, filled by method A or B; 0 without a gap.
        transfer: Its transfer characteristic.
        rate: Frames per second; None: not stated.
        timecode: In binary-coded decimals.
        number: Of the frame.
        first_is_lowest: Put the first of three grey pixels into a word's lowest bits.
    """
    height, width = codes.shape[:2]
    samples = codes.reshape(height, -1).astype(np.uint32)
    if bits == 10 and packing == 0:
        data = b"".join(_packed_row(row, order) for row in samples)
    elif bits == 10:
        words = np.pad(samples, ((0, 0), (0, -samples.shape[1] % 3))).reshape(-1, 3)
        words = words[:, ::-1] if first_is_lowest else words
        low = 2 if packing == 1 else 0
        data = (
            (words[:, 0] << (20 + low) | words[:, 1] << (10 + low) | words[:, 2] << low).astype(order + "u4").tobytes()
        )
    elif bits == 8:
        data = np.pad(samples, ((0, 0), (0, -samples.shape[1] % 4))).astype(np.uint8).tobytes()
    else:
        shifted = np.pad(samples << (16 - bits), ((0, 0), (0, samples.shape[1] % 2)))
        data = shifted.astype(order + "u2").tobytes()
    header = bytearray(b"\xff" * 2048)
    header[:4] = b"SDPX" if order == ">" else b"XPDS"
    struct.pack_into(order + "I8sII", header, 4, 2048, b"V2.0", 2048 + len(data), 1)
    struct.pack_into(order + "HHII", header, 768, 0, 1, width, height)
    struct.pack_into(order + "I", header, 780, 0)
    struct.pack_into(order + "BBBBHHI", header, 800, 6 if codes.ndim == 2 else 50, transfer, transfer, bits, 0, 0, 2048)
    struct.pack_into(order + "H", header, 804, packing if bits in (10, 12) else 0)
    header[160:260] = b"scanner".ljust(100, b"\0")
    struct.pack_into(order + "I", header, 1712, number)
    struct.pack_into(order + "f", header, 1724, float("nan") if rate is None else rate)
    struct.pack_into(order + "I", header, 1920, timecode)
    return bytes(header) + data


def _packed_row(row: np.ndarray, order: str) -> bytes:
    value = sum(int(code) << (10 * place) for place, code in enumerate(row))
    words = -(-len(row) * 10 // 32)
    return np.frombuffer(value.to_bytes(words * 4, "little"), "<u4").astype(order + "u4").tobytes()


def read_dpx(path: Path) -> tuple[np.ndarray, dict[str, float]]:
    """Return the (h, w, 3) code values of a frame of RGB, filled by method A, and what its header says."""
    data = path.read_bytes()
    order = ">" if data[:4] == b"SDPX" else "<"
    (offset,) = struct.unpack_from(order + "I", data, 4)
    width, height = struct.unpack_from(order + "II", data, 772)
    (padding,) = struct.unpack_from(order + "I", data, 812)
    descriptor, transfer, _, bits, packing = struct.unpack_from(order + "BBBBH", data, 800)
    (number,), (rate,), (timecode,) = (
        struct.unpack_from(order + kind, data, place) for kind, place in (("I", 1712), ("f", 1724), ("I", 1920))
    )
    assert (descriptor, packing) == (50, 1 if bits in (10, 12) else 0)
    assert struct.unpack_from(order + "I", data, 16)[0] == len(data)
    if bits == 10:
        words = np.frombuffer(data, order + "u4", height * width, offset).reshape(height, width)
        codes = np.stack([words >> shift & 1023 for shift in (22, 12, 2)], axis=-1)
    else:
        dtype = np.dtype("u1" if bits == 8 else order + "u2")
        row = width * 3 + padding // dtype.itemsize
        assert row * dtype.itemsize % 4 == 0
        codes = np.frombuffer(data, dtype, height * row, offset).reshape(height, row)[:, : width * 3]
        codes = codes.reshape(height, width, 3) >> (dtype.itemsize * 8 - bits)
    said = {"bits": bits, "transfer": transfer, "number": number, "rate": rate, "timecode": timecode}
    return codes.astype(np.int64), {**said, "creator": data[160:260].rstrip(b"\0").decode()}


def write_frames(
    pattern: Path, frames: int, *, size: tuple[int, int] = (48, 63), first: int = 1, **dpx: object
) -> None:
    """Write grey frames of 10 bits as DPX, or of 16 bits as TIFF or PNG."""
    pattern.parent.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + frames):
        write_frame(Path(str(pattern) % number), ramp(number, size), **dpx)


def write_frame(path: Path, codes: np.ndarray, **dpx: object) -> None:
    """Write a frame of code values of 10 bits as DPX, or of these on the scale of 65535 as TIFF or PNG."""
    if path.suffix == ".dpx":
        path.write_bytes(dpx_bytes(codes, **dpx))  # type: ignore[arg-type]
    elif path.suffix == ".tif":
        tifffile.imwrite(path, deep(codes), photometric="minisblack" if codes.ndim == 2 else "rgb")
    else:
        assert cv2.imwrite(str(path), deep(codes))


def read_frame(path: Path) -> np.ndarray:
    """Return a coloured TIFF or PNG, (h, w, 3) RGB."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))[..., ::-1]


def deep(codes: np.ndarray) -> np.ndarray:
    """Return code values of 10 bits as such of 16."""
    return (codes.astype(np.uint32) * 65535 // 1023).astype(np.uint16)


def ramp(number: int, size: tuple[int, int] = (48, 63)) -> np.ndarray:
    """Return the grey code values of a frame, 10 bits: all of them, moving."""
    y, x = np.mgrid[: size[0], : size[1]]
    return ((x * 16 + y * 21 + number * 3) % 1024).astype(np.uint16)
