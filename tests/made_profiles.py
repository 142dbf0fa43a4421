"""ICC profiles for tests, put together byte by byte (ICC.1:2022)."""

from __future__ import annotations

import struct

ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""Adobe RGB (1998): X, Y, Z under D50 of red, green and blue."""
D50 = (0.9642, 1.0, 0.8249)


def rgb_profile(gamma: float = 2.2, primaries: tuple[tuple[float, ...], ...] = ADOBE_RGB) -> bytes:
    """Return a profile of three primaries and one gamma."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))
    tags = {b"wtpt": _xyz(D50)}
    for name, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags[name + b"XYZ"] = _xyz(primary)
        tags[name + b"TRC"] = curve
    return _profile(b"RGB ", tags)


def grey_profile(gamma: float = 1.8) -> bytes:
    """Return a grey profile of one gamma."""
    return _profile(b"GRAY", {b"wtpt": _xyz(D50), b"kTRC": b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))})


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(round(value * 65536) for value in values))


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    description = b"test\0"
    tags[b"desc"] = b"desc" + struct.pack(">II", 0, len(description)) + description + bytes(78)
    tags[b"cprt"] = b"text" + struct.pack(">I", 0) + b"none\0"
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    size = 128 + len(table) + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return header.ljust(128, b"\0") + table + data
