"""A table of keys with a small number for each, in 12 to 24 bytes a key: what a run over a million files remembers."""

from __future__ import annotations

from array import array
from hashlib import blake2b

FIRST_SLOTS = 1 << 10
MAX_LOAD = 0.7  # share of the slots that are taken
MAX_VALUE = 7  # three bits, the other 61 are of the key's hash


class KeyTable:
    """Texts -> a number from 1 to 7; of a text only 61 bits of its hash are kept.

    Two of a million texts share a hash with a probability of 2e-7.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * FIRST_SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: str) -> int:
        """Return the number of a key; 0: it has none."""
        return self._slots[self._slot(_hash(key))] & MAX_VALUE

    def set(self, key: str, value: int) -> None:
        """Give a key a number, 1..7.

        Raises:
            ValueError: It is another number.
        """
        if not 1 <= value <= MAX_VALUE:
            raise ValueError(f"{value} is not within 1..{MAX_VALUE}")
        digest = _hash(key)
        slot = self._slot(digest)
        self._count += not self._slots[slot]
        self._slots[slot] = digest | value
        if self._count > MAX_LOAD * len(self._slots):
            self._grow()

    def _slot(self, digest: int) -> int:
        """Return the place of a hash: where it is, or where it is to come."""
        slots, mask = self._slots, len(self._slots) - 1
        place = (digest >> 3) & mask
        while (found := slots[place]) and found ^ digest > MAX_VALUE:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        former = self._slots
        self._slots = array("Q", bytes(16 * len(former)))
        for entry in former:
            if entry:
                self._slots[self._slot(entry & ~MAX_VALUE)] = entry


def _hash(key: str) -> int:
    """Return the hash of a text, whose three lowest bits are 0."""
    digest = blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little") & ~MAX_VALUE
