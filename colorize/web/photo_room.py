"""Room for photos at work: a few of any size side by side, and more as long as all of them together are small."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PHOTOS_OF_ANY_SIZE = 2
MAX_PIXELS = 16_000_000  # of all photos at work, where there are more


class PhotoRoom:
    """Says when a further photo may be worked on, so that memory grows neither with their number nor with their size.

    Beside two photos whose network is computed, others are read, composed and written; that takes little of small ones.
    """

    def __init__(self) -> None:
        """Begin without photos."""
        self._entrance = threading.Lock()  # who waits for room is not overtaken by smaller ones
        self._changed = threading.Condition()
        self._count = self._pixels = 0

    @contextmanager
    def place(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for a photo of so many pixels, and hold it for a block."""
        with self._entrance, self._changed:
            self._changed.wait_for(lambda: self._has_room(pixels))
            self._count += 1
            self._pixels += pixels
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._pixels -= pixels
                self._changed.notify_all()

    def _has_room(self, pixels: int) -> bool:
        return self._count < PHOTOS_OF_ANY_SIZE or self._pixels + pixels <= MAX_PIXELS
