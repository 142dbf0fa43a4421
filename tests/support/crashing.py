"""Worker processes in which a library crashes at files that say so, as a decoder may; and functions for them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from colorize.base import cancelled, report, worker_process
from colorize.batch.isolation import _load
from colorize.batch.process import configure_process
from colorize.engine import ColorSettings, RuntimeSettings

MARK = "crash"  # in the names of files at which a decoder crashes


def crash(*_: object) -> None:
    """Crash as native code does that reads where it may not."""
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(10)  # the signal comes within this


def with_crashing_readers(runtime: RuntimeSettings) -> None:
    """Begin a process that reads photographs, in which a decoder crashes at some."""
    from PIL import Image

    configure_process(runtime)
    Image.open = _crashing(Image.open)


def with_crashing_films(runtime: RuntimeSettings, colors: ColorSettings) -> None:
    """Begin a process that colours films, in which a decoder crashes at some."""
    import av

    _load(runtime, colors)
    av.open = _crashing(av.open)


def _crashing(opens: Callable[..., Any]) -> Callable[..., Any]:
    def open_or_crash(file: Any, *arguments: Any, **named: Any) -> Any:
        if MARK in Path(str(getattr(file, "name", file))).name:
            crash()
        return opens(file, *arguments, **named)

    return open_or_crash


def nothing() -> None:
    """Begin a process that needs nothing."""


def refuse() -> None:
    """Begin a process in vain."""
    raise OSError("nothing to begin with")


def add(left: Any, right: Any) -> Any:
    """Return a sum, and print it where the answers are not."""
    os.write(1, b"a library that prints\n")
    return left + right


def is_alive(pid: int) -> bool:
    """Tell whether there is a process of a number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid() -> int:
    """Return the number of the process."""
    return os.getpid()


def fail(text: str) -> None:
    """Raise an error with a text."""
    raise ValueError(text)


class UnpicklableError(Exception):
    """An error that needs more than its text."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


def fail_oddly() -> None:
    """Raise an error that cannot go to another process."""
    raise UnpicklableError("one", "two")


def not_portable() -> Any:
    """Return what cannot go to another process."""
    return lambda: 0


def arrays(count: int) -> Iterator[np.ndarray]:
    """Yield so many arrays of a million numbers each."""
    for number in range(count):
        yield np.full((1000, 1000), number, np.uint16)


def failing_at(count: int) -> Iterator[int]:
    """Yield so many numbers, and then fail."""
    yield from range(count)
    raise ValueError("no more")


def count_until_cancelled() -> int:
    """Report numbers until the caller wants no more, and return how many they were."""
    count = 0
    while not cancelled().wait(0.01):
        report(count)
        count += 1
    return count


def has_crashed_before(marker: Path) -> str:
    """Crash the first time, and return a text the second."""
    if not marker.exists():
        marker.touch()
        crash()
    return "alive"


def rest_soon() -> None:
    """Begin a process that rests after a moment."""
    worker_process.REST_SECONDS = 0.2


def fragment(blocks: int) -> int:
    """Take memory in blocks, keep every fiftieth, and return the process's resident bytes before the others go."""
    taken = [bytearray(100_000) for _ in range(blocks)]
    _kept.extend(taken[::50])
    return resident()


def resident() -> int:
    """Return the process's resident memory in bytes; Linux alone has it there."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


_kept: list[bytearray] = []
