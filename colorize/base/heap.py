"""The heap of processes that live long: few of them for all threads, and when freed memory is given back."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
HEAPS = 2
OWN_PAGES_BYTES = 32 << 20  # the most to which glibc itself raises this threshold, and double of it the other


def share_heaps() -> None:
    """Have glibc serve all threads from two heaps; with other libraries of C nothing happens. Call it at the beginning.

    By itself it makes up to eight heaps for each processor, and each of them keeps what the largest photograph took
    that any of its threads has coloured: a server held two thirds more for it, and a long run grew. And what a heap
    keeps of freed memory follows the largest array so far: where photographs have one megapixel it gave each strip's
    planes back and took them anew, 7,000 pages a photograph, which took an eleventh of its time. See mallopt(3).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.mallopt(M_ARENA_MAX, HEAPS)
            libc.mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES)
            libc.mallopt(M_TRIM_THRESHOLD, 2 * OWN_PAGES_BYTES)


def give_back_freed_memory() -> None:
    """Have glibc give pages back that hold nothing any more; with other libraries of C nothing happens.

    It keeps what lies between small blocks that stay, for the next large one, so a server that has coloured large
    photographs for a while holds more than it uses. See malloc_trim(3).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
