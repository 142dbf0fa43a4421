"""The heap of processes that live long: few of them for all threads, and freed memory is given back to the system."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

M_ARENA_MAX = -8  # of mallopt(3)
HEAPS = 2


def share_heaps() -> None:
    """Have glibc serve all threads from two heaps; with other libraries of C nothing happens. Call it at the beginning.

    By itself it makes up to eight heaps for each processor, and each of them keeps what the largest photograph took
    that any of its threads has coloured: a server held two thirds more for it, and a long run grew. See mallopt(3).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


def give_back_freed_memory() -> None:
    """Have glibc give pages back that hold nothing any more; with other libraries of C nothing happens.

    It keeps what lies between small blocks that stay, for the next large one, so a server that has coloured large
    photographs for a while holds more than it uses. See malloc_trim(3).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
