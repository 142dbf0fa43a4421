"""Damage that keeps the outer form of a format and changes what is within: JSON, ZIP, protobuf, safetensors, ICC.

Bytes that are changed at random (``damage``) seldom get past a checksum or a parser; these do. Each function returns
what was done, in a few words, and the damaged content.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.reliability.damage import damage_bytes

Random = np.random.Generator
T = TypeVar("T")
NESTED = "a value that nests deeply"  # stands for it until the text is there
JSON_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**40, 0.5, 1e308, float("nan"), float("inf"), [], {}, [[]], {"": 0}),
    *("", "x", "0", "../..", "\0", "\ud800", "a\nb", "a" * 5000, NESTED),
)
NUMBERS = (np.nan, np.inf, -np.inf, 3e38, -3e38, 6e4, 0.0, -1.0, 1e-40)  # that a tensor is given
INTEGERS = (0, 1, 2, 127, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
SIGNATURES = (b"curv", b"para", b"XYZ ", b"Lab ", b"GRAY", b"RGB ", b"CMYK", b"mft1", b"mft2", b"mAB ", b"text")


class Field(NamedTuple):
    """A field of a protobuf message.

    Attributes:
        key: Its number and wire type, as they are stored.
        value: A number (wire type 0), or the bytes of what follows the key (and the length).
    """

    key: int
    value: int | bytes


def choose(random: Random, things: Any) -> Any:
    """Return one of some things."""
    return things[int(random.integers(len(things)))]


def damage_json(data: bytes, random: Random) -> tuple[str, bytes]:
    """Change a value of a JSON document, remove it, rename it or repeat it; a number may be next to what it was."""
    document = json.loads(data)
    places = list(_places(document))
    if not places:
        return "another document", _dumped(choose(random, JSON_VALUES))
    container, key = choose(random, places)
    value = container[key]
    kind = int(random.integers(8))
    if kind == 0:
        del container[key]
        done = f"{key} is gone"
    elif kind == 1 and isinstance(container, dict):
        container[choose(random, ("x", "", key * 2))] = container.pop(key)
        done = f"{key} is renamed"
    elif kind == 1:
        container.insert(key, value)
        done = f"item {key} twice"
    elif kind == 2 and isinstance(value, (int, float)) and not isinstance(value, bool):
        container[key] = value + choose(random, (-1, 1, 1e-3, value, 100))
        done = f"{key} is {container[key]}"
    elif kind == 3:
        other, name = choose(random, places)
        container[key] = json.loads(json.dumps(other[name]))
        done = f"{key} is what {name} is"
    else:
        container[key] = choose(random, JSON_VALUES)
        done = f"{key} is {container[key]!r:.40}"
    return done, _dumped(document)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each dict or list of a JSON value with each key or index."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _dumped(document: Any) -> bytes:
    return json.dumps(document).replace(f'"{NESTED}"', "[" * 100_000 + "]" * 100_000).encode()


def damage_zip(
    data: bytes, random: Random, within: Callable[[str, bytes, Random], tuple[str, bytes]]
) -> tuple[str, bytes]:
    """Change an entry of a ZIP, whose checksum then fits it; or remove it, rename it, or put another in its place.

    Args:
        data: The ZIP.
        random: Chooses.
        within: Damages the entry of a name.
    """
    with zipfile.ZipFile(BytesIO(data)) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    place = int(random.integers(len(entries)))
    name, content = entries[place]
    kind = int(random.integers(12))
    if kind == 0:
        del entries[place]
        done = f"{name} is gone"
    elif kind == 1:
        entries[place] = f"{name}x", content
        done = f"{name} is renamed"
    elif kind == 2:
        other, content = choose(random, entries)
        entries[place] = name, content
        done = f"{name} is what {other} is"
    else:
        done, content = within(name, content, random)
        entries[place] = name, content
        done = f"{name}: {done}"
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for entry, content in entries:
            archive.writestr(zipfile.ZipInfo(entry), content)
    return done, file.getvalue()


def damage_protobuf(data: bytes, random: Random) -> tuple[str, bytes]:
    """Change a field of a protobuf message, mostly of one within, all lengths kept true."""
    fields = _fields(data)
    if not fields:
        return damage_bytes(data, random)
    place = int(random.integers(len(fields)))
    key, value = fields[place]
    number = key >> 3
    if isinstance(value, bytes) and random.random() < 0.8 and _fields(value):
        done, value = damage_protobuf(value, random)
        fields[place] = Field(key, value)
        return f"{number}.{done}", _message(fields)
    kind = int(random.integers(5))
    if kind == 0:
        del fields[place]
        done = "is gone"
    elif kind == 1:
        fields.insert(place, fields[place])
        done = "twice"
    elif kind == 2:
        fields[place] = Field(key, choose(random, [field for field in fields if field.key & 7 == key & 7]).value)
        done = "is what another is"
    elif isinstance(value, int):
        fields[place] = Field(key, choose(random, INTEGERS))
        done = f"is {fields[place].value}"
    else:
        done, value = damage_bytes(value, random) if value else ("a byte", b"\1")
        fields[place] = Field(key, value)
    return f"{number} {done}", _message(fields)


def _fields(data: bytes) -> list[Field]:
    """Return the fields of a message; none where these bytes are no message."""
    fields, place = [], 0
    try:
        while place < len(data):
            key, place = _varint(data, place)
            if not key >> 3 or key & 7 not in (0, 1, 2, 5):
                return []
            if key & 7 == 0:
                value, place = _varint(data, place)
                fields.append(Field(key, value))
                continue
            length = {1: 8, 5: 4}.get(key & 7)
            if length is None:
                length, place = _varint(data, place)
            if place + length > len(data):
                return []
            fields.append(Field(key, data[place : place + length]))
            place += length
    except IndexError:
        return []
    return fields


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _message(fields: list[Field]) -> bytes:
    """Return the bytes of a message."""
    parts = []
    for key, value in fields:
        parts.append(_varint_bytes(key))
        if isinstance(value, int):
            parts.append(_varint_bytes(value))
        else:
            if key & 7 == 2:
                parts.append(_varint_bytes(len(value)))
            parts.append(value)
    return b"".join(parts)


def _varint_bytes(value: int) -> bytes:
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    return bytes([*result, value])


def damage_safetensors(data: bytes, random: Random) -> tuple[str, bytes]:
    """Change a safetensors file: its header's length, a tensor's entry, or a value of its description."""
    end = 8 + int.from_bytes(data[:8], "little")
    text, tensors = data[8:end], data[end:]
    kind = int(random.integers(6))
    if kind == 0:
        length = choose(random, (*INTEGERS, len(text) - 1, len(text) + 1, len(data) - 8, len(data)))
        return f"its header has {length} bytes", length.to_bytes(8, "little") + text + tensors
    header = json.loads(text)
    if kind == 1:
        done, text = damage_json(text, random)
    elif kind == 2:
        name = choose(random, [name for name in header if name != "__metadata__"])
        dtype = choose(random, ("F32", "F16", "BF16", "F64", "I8", "U64", "BOOL", "F8_E4M3", "f32", "X", ""))
        header[name]["dtype"] = dtype
        done, text = f"{name} is {dtype}", json.dumps(header).encode()
    elif kind == 3:
        name = choose(random, [name for name in header if name != "__metadata__"])
        done, entry = damage_json(json.dumps(header[name]).encode(), random)
        header[name] = "ENTRY"
        done, text = f"{name}: {done}", json.dumps(header).encode().replace(b'"ENTRY"', entry)
    else:  # the description, whose values are JSON in themselves
        described = header["__metadata__"]
        name = choose(random, sorted(described))
        try:
            done, value = damage_json(described[name].encode(), random)
        except ValueError:  # a word
            done, value = damage_bytes(described[name].encode(), random)
        described[name] = value.decode("utf-8", "replace")
        done, text = f"{name}: {done}", json.dumps(header).encode()
    return done, len(text).to_bytes(8, "little") + text + tensors


def damage_tensors(tensors: dict[str, npt.NDArray], random: Random) -> tuple[str, dict[str, npt.NDArray]]:
    """Change one of some tensors: its name, shape, number format or numbers; or take it away."""
    name = choose(random, sorted(tensors))
    value = tensors[name]
    changed = dict(tensors)
    kind = int(random.integers(6))
    if kind == 0:
        del changed[name]
        return f"{name} is gone", changed
    if kind == 1:
        changed[f"{name}.x"] = changed.pop(name)
        return f"{name} is renamed", changed
    if kind == 2:
        other = choose(random, sorted(tensors))
        changed[name] = tensors[other]
        return f"{name} is what {other} is", changed
    if kind == 3:
        dtype = choose(random, (np.float16, np.float64, np.int8, np.int64, np.bool_))
        with np.errstate(all="ignore"):
            changed[name] = value.astype(dtype)
        return f"{name} is {np.dtype(dtype)}", changed
    if kind == 4:
        shapes = [value.shape[::-1], (value.size,), (1, *value.shape), (0,), (*value.shape[:-1], 0)]
        shape = choose(random, shapes)
        changed[name] = np.resize(value, shape)
        return f"{name} is of {shape}", changed
    number = choose(random, NUMBERS)
    changed[name] = value.copy()
    with np.errstate(all="ignore"):
        if random.random() < 0.5 or not value.size:
            changed[name][...] = np.asarray(number).astype(value.dtype)
            return f"{name} is full of {number}", changed
        changed[name].reshape(-1)[int(random.integers(value.size))] = np.asarray(number).astype(value.dtype)
    return f"{name} holds {number}", changed


def damage_profile(data: bytes, random: Random) -> tuple[str, bytes]:
    """Change an ICC profile: a number or name of its header, an entry of its tags, or the beginning of a tag."""
    profile = bytearray(data)
    count = int.from_bytes(profile[128:132], "big")
    kind = int(random.integers(7))
    if kind == 0:
        place = choose(random, (0, 8, 12, 16, 20, 36, 64, 128))
        value = choose(random, (*SIGNATURES, *(struct.pack(">I", number & 0xFFFFFFFF) for number in INTEGERS)))
        profile[place : place + 4] = value
        return f"{value!r} at {place} of its header", bytes(profile)
    entry = 132 + 12 * int(random.integers(count))
    name, offset, size = struct.unpack_from(">4sII", profile, entry)
    if kind == 1:
        profile[entry : entry + 4] = choose(random, (b"xxxx", b"A2B0", b"A2B1", b"kTRC", b"rXYZ", b"gTRC"))
        return f"{name!r} is named {bytes(profile[entry : entry + 4])!r}", bytes(profile)
    if kind == 2:
        place = entry + choose(random, (4, 8))
        value = choose(random, (*INTEGERS, offset + 1, size - 1, len(data), len(data) - 8)) & 0xFFFFFFFF
        profile[place : place + 4] = struct.pack(">I", value)
        return f"{name!r} has {value} for its place or size", bytes(profile)
    if kind == 3:
        profile[offset : offset + 4] = choose(random, SIGNATURES)
        return f"{name!r} is of type {bytes(profile[offset : offset + 4])!r}", bytes(profile)
    if kind == 4:
        place = offset + int(random.integers(8, max(9, min(size, 52))))
        profile[place] = int(random.integers(256))
        return f"byte {place - offset} of {name!r}", bytes(profile)
    if kind == 5:
        place = offset + 4 * int(random.integers(2, max(3, min(size, 64) // 4)))
        profile[place : place + 4] = struct.pack(">I", choose(random, INTEGERS) & 0xFFFFFFFF)
        return f"four bytes {place - offset} of {name!r}", bytes(profile)
    return damage_bytes(data, random)
