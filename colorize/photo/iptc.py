"""IPTC-IIM records, and Photoshop's image resources, in which JPEGs carry them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

RECORD_MARK = 0x1C  # of each data set (IPTC-IIM 4.2, 1.5)
LONG_LENGTH = 0x8000  # the length is so many bytes' number
IPTC_RESOURCE = 1028
THUMBNAILS = (1033, 1036)
PLACES = (1032, 1025, *range(2000, 2999))  # guides and paths, in coordinates of the picture as it lay
RESOLUTION, RESOLUTION_BYTES = 1005, 16
SETTINGS = (RESOLUTION, 1061)  # the resolution, which a result states anyway, and a checksum of IPTC
FOUR_BYTES = (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR")


@dataclass(frozen=True)
class Resource:
    """An image resource of Photoshop.

    Attributes:
        number: What it is, such as ``IPTC_RESOURCE``.
        data: Its bytes.
        mark: Of the program that wrote it.
        name: Its name, mostly empty.
    """

    number: int
    data: bytes = field(repr=False)
    mark: bytes = b"8BIM"
    name: bytes = b""


def read_resources(data: bytes) -> list[Resource]:
    """Return Photoshop's image resources; where they are damaged, those before."""
    resources: list[Resource] = []
    place = 0
    while data[place : place + 4] in FOUR_BYTES and place + 12 <= len(data):
        mark = data[place : place + 4]
        number, length = struct.unpack_from(">HB", data, place + 4)
        name = data[place + 7 : place + 7 + length]
        start = place + 7 + length + (length + 1) % 2  # length and name fill an even number of bytes
        if start + 4 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, start)
        if start + 4 + size > len(data):
            break
        resources.append(Resource(number, data[start + 4 : start + 4 + size], mark, name))
        place = start + 4 + size + size % 2
    return resources


def resource_bytes(resources: list[Resource]) -> bytes:
    """Return image resources as they lie in a file."""
    parts: list[bytes] = []
    for each in resources:
        name = bytes([len(each.name)]) + each.name
        parts += [each.mark, struct.pack(">H", each.number), name, bytes(len(name) % 2)]
        parts += [struct.pack(">I", len(each.data)), each.data, bytes(len(each.data) % 2)]
    return b"".join(parts)


def read_iptc(data: bytes) -> bytes | None:
    """Return the IPTC records of a file's field without what fills it up; None: it holds none.

    Some TIFFs hold them as 32-bit numbers in the wrong byte order.
    """
    if len(data) % 4 == 0 and data[:1] != bytes([RECORD_MARK]) and data[3:4] == bytes([RECORD_MARK]):
        data = b"".join(data[place : place + 4][::-1] for place in range(0, len(data), 4))
    end = 0
    while end + 5 <= len(data) and data[end] == RECORD_MARK:
        (length,) = struct.unpack_from(">H", data, end + 3)
        start = end + 5
        if length & LONG_LENGTH:
            count = length & ~LONG_LENGTH
            length = int.from_bytes(data[start : start + count], "big")
            start += count
        if start + length > len(data):
            break
        end = start + length
    return data[:end] or None


def split_iptc(data: bytes, *, turned: bool, swapped: bool = False) -> tuple[bytes | None, bytes | None, bool]:
    """Return the IPTC records among image resources, and the other resources but for old thumbnails.

    Args:
        data: The resources; or IPTC records alone, as some programs have them.
        turned: The picture was turned upright, so that paths and guides no longer lie where they say.
        swapped: That swaps width and height, and so the resolutions across and down.

    Returns:
        The records and the other resources (None: none), and whether paths or guides were left out.
    """
    resources = read_resources(data)
    if not resources:
        return read_iptc(data), None, False
    records = next((each.data for each in resources if each.number == IPTC_RESOURCE), b"")
    others = [each for each in resources if each.number not in (IPTC_RESOURCE, *THUMBNAILS)]
    kept = [each for each in others if not turned or each.number not in PLACES]
    has_lost = len(kept) < len(others)
    if swapped:
        kept = [replace(each, data=_turned(each.data)) if each.number == RESOLUTION else each for each in kept]
    return records or None, resource_bytes(kept) or None, has_lost


def _turned(resolution: bytes) -> bytes:
    """Return a resolution (Photoshop's ResolutionInfo) in which across and down have changed places."""
    half = len(resolution) // 2  # each a number, its unit, and the unit of the side
    return resolution[half:] + resolution[:half] if len(resolution) == RESOLUTION_BYTES else resolution


def says_more(resources: bytes) -> bool:
    """Return whether image resources say more than a result does without them."""
    return any(each.number not in SETTINGS for each in read_resources(resources))


def join_iptc(iptc: bytes | None, resources: bytes | None) -> bytes | None:
    """Return IPTC records and other image resources as image resources; None: there are neither."""
    found = read_resources(resources or b"")
    if iptc:
        found.insert(0, Resource(IPTC_RESOURCE, iptc))
    return resource_bytes(found) or None
