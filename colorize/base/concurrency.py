"""Iterators that are looked or read ahead, and tasks that run one after the other in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item], count: int) -> Generator[Item]:
    """Yield the items of an iterator that is read in a thread, at most ``count`` items ahead.

    What the iterator raises is raised here, after the items before it. Closing this generator stops the reading, and
    closes the iterator where that is a generator.
    """
    end: Any = object()
    try:
        with ThreadPoolExecutor(1, "colorize-read") as thread:
            pending: deque[Future[Item]] = deque(thread.submit(next, items, end) for _ in range(count))
            try:
                while (item := pending.popleft().result()) is not end:
                    pending.append(thread.submit(next, items, end))
                    yield item
            finally:
                for future in pending:
                    future.cancel()
    finally:
        if isinstance(items, Generator):
            items.close()


class Lookahead(Generic[Item]):
    """An iterator whose next items can be seen before they are taken."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._seen: deque[Item] = deque()

    def __iter__(self) -> Lookahead[Item]:
        return self

    def __next__(self) -> Item:
        return self._seen.popleft() if self._seen else next(self._items)

    def peek(self, count: int) -> list[Item]:
        """Return the next items, ``count`` of them or all that there are."""
        self._seen.extend(islice(self._items, max(0, count - len(self._seen))))
        return list(islice(self._seen, count))


class SerialWorker:
    """Runs tasks one after the other in a thread; after a task that fails no other one is run."""

    def __init__(self, max_pending: int, name: str) -> None:
        """Start the thread.

        Args:
            max_pending: How many tasks may be unfinished; ``add`` waits while there are as many.
            name: Of the thread.
        """
        self._thread = ThreadPoolExecutor(1, name)
        self._max_pending = max_pending
        self._pending: deque[Future[None]] = deque()
        self._failed = False

    def add(self, task: Callable[..., None], *arguments: object) -> None:
        """Run a task after those that were added before; raises what one of those raised."""
        while len(self._pending) >= self._max_pending:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._run, task, *arguments))

    def finish(self) -> None:
        """Wait for all tasks; raises what one of them raised."""
        while self._pending:
            self._pending.popleft().result()

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
        self._pending.clear()
