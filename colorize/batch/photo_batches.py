"""The photos that no worker has yet, in batches that are sized by pixels, so that small and huge ones share fairly."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from colorize.batch.jobs import Job, result_paths
from colorize.batch.options import FileOptions
from colorize.photo import photo_size

MAX_BATCH_PIXELS = 24_000_000  # a large photo is a batch by itself
MAX_BATCH_PHOTOS = 8


@dataclass(eq=False)
class Attempt:
    """A file that is to be coloured.

    Attributes:
        job: The file.
        made: Its results that were not there before it was first tried: those that are there later, a worker made.
        tries: How many workers it may have ended.
    """

    job: Job
    made: tuple[Path, ...]
    tries: int = 0

    def clear(self) -> Attempt:
        """Remove what a worker that was lost has made of it, whole but perhaps without dates and sidecars."""
        for path in self.made:
            path.unlink(missing_ok=True)
        return self


class ComingPhotos:
    """The files that no worker has yet, in batches."""

    def __init__(self, jobs: Iterator[Job], options: FileOptions) -> None:
        """Take files from ``jobs``; films come last, each by itself, for all workers colour it together."""
        self.films: deque[Job] = deque()
        self._jobs = jobs
        self._options = options
        self._next: tuple[Attempt, int] | None = None
        self._more = True

    def __bool__(self) -> bool:
        return self._more or self._next is not None

    def batch(self) -> list[Attempt]:
        """Return the next batch: as many photos as have so many pixels, at least one; none: there are no more."""
        attempts: list[Attempt] = []
        room = MAX_BATCH_PIXELS
        while len(attempts) < MAX_BATCH_PHOTOS and (coming := self._peek()) is not None:
            attempt, pixels = coming
            if attempts and pixels > room:
                break
            attempts.append(attempt)
            room -= pixels
            self._next = None
        return attempts

    def _peek(self) -> tuple[Attempt, int] | None:
        while self._next is None and self._more:
            job = next(self._jobs, None)
            if job is None:
                self._more = False
            elif job.is_video:
                self.films.append(job)
            else:
                made = tuple(path for path in result_paths(job, self._options) if not os.path.exists(path))
                self._next = Attempt(job, made), _pixels(job)
        return self._next


def _pixels(job: Job) -> int:
    """Return the pixels of a photo; 0: it cannot be opened, which its worker will say."""
    try:
        height, width = photo_size(job.source)
    except (OSError, ValueError):
        return 0
    return height * width
