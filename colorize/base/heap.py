"""The heap: that freed memory is given back to the system, in processes that live long."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back_freed_memory() -> None:
    """Have glibc give pages back that hold nothing any more; with other libraries of C nothing happens.

    It keeps what lies between small blocks that stay, for the next large one, so a server that has coloured large
    photographs for a while holds more than it uses. See malloc_trim(3).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
