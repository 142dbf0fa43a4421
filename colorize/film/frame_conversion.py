"""Conversion of decoded frames, and the lock by which threads that read one frame's pixels take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import av
from av.video.reformatter import VideoReformatter

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


@reads_frames
def convert_frame(frame: av.VideoFrame, **options: Any) -> av.VideoFrame:
    """Return a frame in another size, pixel format or matrix, as ``av.VideoFrame.reformat`` does.

    That one makes a converter for each frame, and each starts threads: 2 ms, thirty times what a small frame takes
    itself. Here frames that are converted alike share a converter.

    Args:
        frame: A decoded frame; it is left as it is, and returned itself where nothing changes.
        options: Those of ``av.VideoFrame.reformat``.
    """
    return _converter(tuple(options.items())).reformat(frame, **options)


@lru_cache(maxsize=32)
def _converter(_options: tuple[tuple[str, Any], ...]) -> VideoReformatter:
    return VideoReformatter()
