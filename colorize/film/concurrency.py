"""Work that runs ahead in a thread of its own, a bounded way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item], count: int) -> Iterator[Item]:
    """Yield the items of an iterator that runs in a thread, at most ``count`` items ahead."""
    end: Any = object()
    with ThreadPoolExecutor(1, "colorize-read") as thread:
        waiting: deque[Future[Item]] = deque(thread.submit(next, items, end) for _ in range(count))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(thread.submit(next, items, end))
                yield item
        finally:
            for future in waiting:
                future.cancel()


class SerialWorker:
    """Tasks that run one after the other in a thread; the caller waits where more than ``count`` are open.

    After a task that fails no other one is run.
    """

    def __init__(self, count: int, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._count = count
        self._open: deque[Future[None]] = deque()
        self._failed = False

    def add(self, task: Callable[..., None], *arguments: object) -> None:
        """Run a task after those before it; raises what one of those raised."""
        while len(self._open) >= self._count:
            self._open.popleft().result()
        self._open.append(self._thread.submit(self._run, task, *arguments))

    def finish(self) -> None:
        """Wait for all tasks; raises what one of them raised."""
        while self._open:
            self._open.popleft().result()

    def _run(self, task: Callable[..., None], *arguments: object) -> None:
        if self._failed:
            return
        try:
            task(*arguments)
        except BaseException:
            self._failed = True
            raise

    def close(self) -> None:
        """Drop the tasks that have not begun, and wait for the one that runs."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._open.clear()
