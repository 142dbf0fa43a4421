"""The pixels' aspect in the header of a finished Matroska or WebM file, where FFmpeg's muxer has left it out.

The muxer writes what a stream states, and PyAV has no way to state it of a codec that does not do so itself (FFV1,
VP9). A player takes it from two numbers of the track's header, the width and height at which it is shown. They are
added here; the header keeps its length, for the muxer leaves room before the tracks (an element Void), and what lies
between moves into that. The elements are those of RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

SEGMENT, SEEK_HEAD, VOID, TRACKS = 0x18538067, 0x114D9B74, 0xEC, 0x1654AE6B
SEEK, SEEK_POSITION, CRC = 0x4DBB, 0x53AC, 0xBF
TRACK_ENTRY, VIDEO = 0xAE, 0xE0
PIXEL_WIDTH, PIXEL_HEIGHT, DISPLAY_WIDTH, DISPLAY_HEIGHT, DISPLAY_UNIT = 0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2
MAX_HEADER = 1 << 22  # bytes in which the tracks end
MAX_ENLARGEMENT = 4  # of the size at which pixels are shown, so that its aspect is exact
LONG_SIZE = 8  # bytes of a size in its longest form


class _UnknownForm(Exception):
    """The file is not laid out as FFmpeg's muxer does it."""


@dataclass(frozen=True)
class _Element:
    """An element of EBML.

    Attributes:
        id: With its marker, as the standards write it.
        data: What it holds.
        size_length: Bytes that its size takes at least, as it was read: a shorter form would move what follows.
    """

    id: int
    data: bytes
    size_length: int = 1

    def children(self) -> list[_Element]:
        """Return the elements that it holds."""
        return [each for _, _, each in _elements(self.data)]

    def with_children(self, children: Iterable[_Element]) -> _Element:
        """Return it with other elements, its checksum made anew."""
        own = list(children)
        if own and own[0].id == CRC:
            rest = b"".join(map(_written, own[1:]))
            own[0] = _Element(CRC, zlib.crc32(rest).to_bytes(4, "little"))
        return replace(self, data=b"".join(map(_written, own)))

    @property
    def number(self) -> int:
        """The unsigned integer that it holds."""
        return int.from_bytes(self.data, "big")


def state_aspect(path: Path, aspect: Fraction) -> bool:
    """Write the aspect of the first pictures' pixels into the header of a finished file; return whether it is stated.

    A track that states one already stays as it is, and so does a file in which there is no room.

    Args:
        path: A Matroska or WebM file, as FFmpeg's muxer writes it into a file.
        aspect: Width of a pixel by its height.
    """
    with path.open("r+b") as file:
        try:
            place, header = _with_aspect(file.read(MAX_HEADER), aspect)
        except _UnknownForm:
            return False
        file.seek(place)
        file.write(header)
    return True


def _with_aspect(file: bytes, aspect: Fraction) -> tuple[int, bytes]:
    """Return where in a file its header begins, and the header with an aspect, as long as before."""
    segment = next((start for start, _, each in _elements(file, cut_off=True) if each.id == SEGMENT), None)
    if segment is None:
        raise _UnknownForm
    parts: list[tuple[int, int, _Element]] = []
    for start, end, each in _elements(file, segment + _head_length(file, segment)):
        parts.append((start, end, each))
        if each.id == TRACKS:
            break
    ids = [each.id for _, _, each in parts]
    if ids[:2] != [SEEK_HEAD, VOID] or ids[-1] != TRACKS or ids.count(TRACKS) != 1:
        raise _UnknownForm
    begin, (room_begin, room_end, _), (tracks_begin, end, tracks) = parts[0][0], parts[1], parts[-1]
    new_tracks = _written(_shown(tracks, aspect))
    growth = len(new_tracks) - (end - tracks_begin)
    room = room_end - room_begin - growth
    if room <= LONG_SIZE:
        raise _UnknownForm
    base = segment + _head_length(file, segment)
    seek_head = _moved(parts[0][2], range(room_end - base, tracks_begin - base + 1), growth)
    void = bytes([VOID]) + _size(room - 1 - LONG_SIZE, LONG_SIZE) + bytes(room - 1 - LONG_SIZE)
    header = _written(seek_head) + void + file[room_end:tracks_begin] + new_tracks
    if len(header) != end - begin:
        raise _UnknownForm
    return begin, header


def _shown(tracks: _Element, aspect: Fraction) -> _Element:
    """Return tracks of which the first of pictures states the size at which it is shown."""
    entries = tracks.children()
    for place, entry in enumerate(entries):
        if entry.id == TRACK_ENTRY and any(part.id == VIDEO for part in entry.children()):
            parts = [_shown_video(part, aspect) if part.id == VIDEO else part for part in entry.children()]
            entries[place] = entry.with_children(parts)
            return tracks.with_children(entries)
    raise _UnknownForm


def _shown_video(video: _Element, aspect: Fraction) -> _Element:
    """Return what a track says of its pictures with the size at which they are shown, if it does not say that."""
    parts = video.children()
    if _find(parts, DISPLAY_WIDTH) is not None:
        return video
    kept = [each for each in parts if each.id not in (DISPLAY_UNIT, DISPLAY_HEIGHT)]
    width, height = _shown_size(_find(kept, PIXEL_WIDTH) or 0, _find(kept, PIXEL_HEIGHT) or 0, aspect)
    return video.with_children([*kept, _number(DISPLAY_WIDTH, width), _number(DISPLAY_HEIGHT, height)])


def _shown_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return the width and height at which frames are shown, no less than their own, of the exact aspect if possible.

    Args:
        width: Of the frames, in pixels.
        height: Likewise.
        aspect: Width of a pixel by its height.
    """
    if not width or not height:
        raise _UnknownForm
    shape = aspect * width / height
    times = max(-(-width // shape.numerator), -(-height // shape.denominator))
    if shape.numerator * times <= MAX_ENLARGEMENT * width and shape.denominator * times <= MAX_ENLARGEMENT * height:
        return shape.numerator * times, shape.denominator * times
    return round(max(1, aspect) * width), round(height / min(1, aspect))


def _moved(seek_head: _Element, places: range, by: int) -> _Element:
    """Return an index whose elements at some places of the segment have moved to the front."""

    def moved(entry: _Element) -> _Element:
        if entry.id != SEEK:
            return entry
        return entry.with_children(
            replace(each, data=(each.number - by).to_bytes(len(each.data), "big"))
            if each.id == SEEK_POSITION and each.number in places
            else each
            for each in entry.children()
        )

    return seek_head.with_children(map(moved, seek_head.children()))


def _find(elements: Sequence[_Element], id: int) -> int | None:
    """Return the number that the first element of an id holds, or None where there is none."""
    return next((each.number for each in elements if each.id == id), None)


def _number(id: int, value: int) -> _Element:
    return _Element(id, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _elements(data: bytes, place: int = 0, cut_off: bool = False) -> Iterator[tuple[int, int, _Element]]:
    """Yield where elements begin and end, and the elements.

    Args:
        data: Bytes that begin and end with an element from ``place`` on.
        place: Where the first one begins.
        cut_off: Whether the last one may reach beyond the bytes.

    Raises:
        _UnknownForm: It reaches beyond them, or has an unknown size.
    """
    while place < len(data):
        content = place + _head_length(data, place)
        id_length = _length(data, place)
        size_length = content - place - id_length
        size = int.from_bytes(data[place + id_length : content], "big") & ((1 << 7 * size_length) - 1)
        end = content + size
        if end > len(data) and not cut_off:
            raise _UnknownForm
        yield (
            place,
            end,
            _Element(int.from_bytes(data[place : place + id_length], "big"), data[content:end], size_length),
        )
        place = end


def _head_length(data: bytes, place: int) -> int:
    """Return how many bytes an element's id and size take."""
    id_length = _length(data, place)
    return id_length + _length(data, place + id_length)


def _length(data: bytes, place: int) -> int:
    """Return how many bytes a number of EBML takes, by its first byte."""
    if place >= len(data) or not data[place]:
        raise _UnknownForm
    return 9 - data[place].bit_length()


def _size(value: int, length: int) -> bytes:
    return (value | 1 << 7 * length).to_bytes(length, "big")


def _written(element: _Element) -> bytes:
    """Return the bytes of an element."""
    value = len(element.data)
    length = next(length for length in range(element.size_length, LONG_SIZE + 1) if value < (1 << 7 * length) - 1)
    return element.id.to_bytes((element.id.bit_length() + 7) // 8, "big") + _size(value, length) + element.data
