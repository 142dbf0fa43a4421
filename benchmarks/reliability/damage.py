"""Damage to a file's bytes: bits, cuts, gaps, repetitions, and numbers that are made extreme where headers are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

HEADER = 512  # bytes at a file's beginning that are damaged more often than others
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x01")


def _flip(data: bytearray, random: np.random.Generator) -> str:
    count = int(random.integers(1, 20))
    for place in random.integers(0, len(data), count):
        data[place] ^= 1 << int(random.integers(8))
    return f"{count} bits"


def _header(data: bytearray, random: np.random.Generator) -> str:
    place = int(random.integers(0, min(HEADER, len(data))))
    data[place] = int(random.integers(256))
    return f"byte {place}"


def _extreme(data: bytearray, random: np.random.Generator) -> str:
    place = int(random.integers(0, min(2 * HEADER, len(data))))
    data[place : place + 4] = EXTREMES[int(random.integers(len(EXTREMES)))]
    return f"an extreme number at {place}"


def _cut(data: bytearray, random: np.random.Generator) -> str:
    place = int(random.integers(0, len(data)))
    del data[place:]
    return f"cut off after {place}"


def _remove(data: bytearray, random: np.random.Generator) -> str:
    begin, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    del data[begin : begin + length]
    return f"{length} bytes gone from {begin}"


def _blank(data: bytearray, random: np.random.Generator) -> str:
    begin, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    data[begin : begin + length] = bytes(len(data[begin : begin + length]))
    return f"{length} zeros from {begin}"


def _repeat(data: bytearray, random: np.random.Generator) -> str:
    begin, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    data[begin:begin] = data[begin : begin + length]
    return f"{length} bytes twice from {begin}"


DAMAGES: tuple[Callable[[bytearray, np.random.Generator], str], ...] = (
    *(_flip, _header, _header, _extreme, _extreme),
    *(_cut, _remove, _blank, _repeat),
)


def damage_bytes(data: bytes, random: np.random.Generator) -> tuple[str, bytes]:
    """Return what was done to some bytes, once or twice, and them."""
    changed = bytearray(data)
    words = [
        DAMAGES[int(random.integers(len(DAMAGES)))](changed, random)
        for _ in range(int(random.integers(1, 3)))
        if changed
    ]
    return ", ".join(words), bytes(changed)


def damaged(seeds: dict[str, bytes], number: int) -> tuple[str, str, bytes]:
    """Return the name of a case's sound file, what was done to it, and the damaged file."""
    name = sorted(seeds)[number % len(seeds)]
    return name, *damage_bytes(seeds[name], np.random.default_rng(number))
