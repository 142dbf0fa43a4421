"""ICC profiles for tests, put together byte by byte (ICC.1:2022)."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Sequence

import numpy as np

ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""Adobe RGB (1998): X, Y, Z under D50 of red, green and blue."""
D50 = (0.9642, 1.0, 0.8249)


def rgb_profile(gamma: float = 2.2, primaries: tuple[tuple[float, ...], ...] = ADOBE_RGB) -> bytes:
    """Return an RGB profile of three primaries and one gamma."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))
    tags = {b"wtpt": _xyz(D50)}
    for name, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags[name + b"XYZ"] = _xyz(primary)
        tags[name + b"TRC"] = curve
    return _profile(b"RGB ", tags)


def grey_profile(gamma: float = 1.8) -> bytes:
    """Return a grey profile of one gamma."""
    return _profile(b"GRAY", {b"wtpt": _xyz(D50), b"kTRC": b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))})


def parametric_profile(kind: int, numbers: Sequence[float]) -> bytes:
    """Return an RGB profile with one parametric curve (ICC.1:2022, 10.18).

    Args:
        kind: Of the function, 0..4; others are there for nobody to read.
        numbers: Its parameters, -32768..32767; those that the kind has not are left out.
    """
    count = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(kind, 1)
    stored = [max(-(2**31), min(2**31 - 1, round(number * 65536))) for number in numbers[:count]]
    curve = b"para" + struct.pack(f">IHH{count}i", 0, kind, 0, *stored)
    tags = {b"wtpt": _xyz(D50)}
    for name, primary in zip((b"r", b"g", b"b"), ADOBE_RGB, strict=True):
        tags |= {name + b"XYZ": _xyz(primary), name + b"TRC": curve}
    return _profile(b"RGB ", tags)


def rgb_table_profile(kind: str = "mft2", side: int = 9, gamma: float = 2.2) -> bytes:
    """Return a profile that says by a table what ``rgb_profile`` says by primaries and a gamma, as scanners' do.

    Args:
        kind: The tag's type: ``mft1`` (8 bits), ``mft2`` (16 bits), ``mAB`` (version 4).
        side: Nodes along each axis.
        gamma: Gamma of each channel.
    """

    def to_lab(values: np.ndarray) -> np.ndarray:
        return _lab(values**gamma @ np.array(ADOBE_RGB))

    return _table_profile(b"RGB ", 3, to_lab, kind, side)


def cmyk_profile(side: int = 5, black: float = 0.02) -> bytes:
    """Return a profile of four inks on white paper.

    Args:
        side: Nodes along each axis.
        black: Luminance 0..1 that is left where all inks are.
    """

    def to_lab(values: np.ndarray) -> np.ndarray:
        cyan, magenta, yellow, key = values.T
        rgb = np.stack([1 - cyan, 1 - magenta, 1 - yellow], axis=1) * (1 - key)[:, None]
        return _lab((black + (1 - black) * rgb**2.2) @ np.array(ADOBE_RGB))

    return _table_profile(b"CMYK", 4, to_lab, "mft2", side)


def grey_table_profile(gamma: float = 1.8) -> bytes:
    """Return a grey profile that states its gamma by a look-up table."""
    return _table_profile(b"GRAY", 1, lambda values: _lab(values**gamma @ np.array([D50])), "mft2", 129)


def _lab(xyz: np.ndarray) -> np.ndarray:
    ratio = xyz / np.array(D50)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def _table_profile(
    space: bytes, channels: int, to_lab: Callable[[np.ndarray], np.ndarray], kind: str, side: int
) -> bytes:
    nodes = np.array(list(itertools.product(np.linspace(0, 1, side), repeat=channels)))
    encoded = np.clip((to_lab(nodes) + np.array([0, 128, 128])) / (100, 255, 255), 0, 1)
    if kind == "mAB":
        curve = b"curv" + struct.pack(">II", 0, 0)  # identity
        clut = bytes([side] * channels).ljust(16, b"\0") + bytes([2, 0, 0, 0])
        clut += (encoded * 65535).round().astype(">u2").tobytes()
        clut += bytes(-len(clut) % 4)
        offset = 32 + len(clut)
        tag = b"mAB " + struct.pack(">I4B5I", 0, channels, 3, 0, 0, offset, 0, 0, 32, offset) + clut + curve * 3
    else:
        tag = kind.encode() + struct.pack(">I4B", 0, channels, 3, side, 0)
        tag += struct.pack(">9i", *(65536 * value for value in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
        if kind == "mft2":
            identity = np.array([0, 65535], ">u2").tobytes()
            clut = (encoded * 65280).round().astype(">u2").tobytes()
            tag += struct.pack(">2H", 2, 2) + identity * channels + clut + identity * 3
        else:
            identity = bytes(range(256))
            tag += identity * channels + (encoded * 255).round().astype(np.uint8).tobytes() + identity * 3
    return _profile(space, {b"wtpt": _xyz(D50), b"A2B0": tag, b"A2B1": tag}, b"Lab ", 4 if kind == "mAB" else 2)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(round(value * 65536) for value in values))


def _profile(space: bytes, tags: dict[bytes, bytes], connection: bytes = b"XYZ ", version: int = 2) -> bytes:
    if version == 2:
        description = b"test\0"
        tags[b"desc"] = b"desc" + struct.pack(">II", 0, len(description)) + description + bytes(78)
        tags[b"cprt"] = b"text" + struct.pack(">I", 0) + b"none\0"
    else:
        text = struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", 8, 28) + "test".encode("utf-16-be")
        tags[b"desc"] = tags[b"cprt"] = text
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    size = 128 + len(table) + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"test", version << 24, b"mntr", space, connection)
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return header.ljust(128, b"\0") + table + data
