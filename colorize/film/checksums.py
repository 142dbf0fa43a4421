"""The checksums of FFV1's slices (RFC 9043, 4.9): FFmpeg's decoder tells of a failed one in its log alone."""

from __future__ import annotations

import zlib

FOOTER = 8  # bytes at a slice's end: its size (3), its error status (1), its checksum (4)
BEGINS = (0, 0x5E31029E)
"""What the checksum begins with, and is with a slice that is whole, in zlib's order of bits: of versions 3 and 4."""
REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
"""Value of a byte -> that with its bits in reverse: zlib's checksum is of the same polynomial, but takes them so."""


def has_failed_checksum(packet: bytes) -> bool:
    """Tell whether a slice of an FFV1 frame is not what its checksum is of; False also where it has no checksums."""
    failed = False
    end = len(packet)
    while end > 0:
        start = end - FOOTER - int.from_bytes(packet[max(0, end - FOOTER) : max(0, end - FOOTER + 3)], "big")
        if start < 0:
            return False  # no footers of this form; where they are damaged, the decoder says so
        slice_ = packet[start:end].translate(REVERSED)
        if all(zlib.crc32(slice_, begin ^ 0xFFFFFFFF) != begin ^ 0xFFFFFFFF for begin in BEGINS):
            failed = True
        end = start
    return failed
