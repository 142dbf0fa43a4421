"""The lock of decoded frames: threads that read one frame's pixels take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_LOCK = threading.RLock()


def reads_frames(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function that converts decoded frames run in one thread at a time.

    PyAV converts each frame by a converter that the frame owns, and changes the frame's matrix meanwhile: two threads
    that convert one frame at once get wrong colours, or end the process. One frame may be two of a film, where it
    stands in for a lost one.
    """

    @wraps(function)
    def in_turn(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with _LOCK:
            return function(*arguments, **options)

    return in_turn
