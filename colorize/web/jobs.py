"""One photo or film of a client: where it lies, how far it is, what its folder and its messages may show."""

from __future__ import annotations

import logging
import queue
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colorize.base import VIDEO_SUFFIXES
from colorize.batch import Outcome
from colorize.film import Progress

Kind = Literal["photo", "film"]
Status = Literal["waiting", "working", "done", "failed", "cancelled"]
LONGEST_NAME = 120  # of the 255 bytes that a file's name may have; the result's name is longer


@dataclass(eq=False)
class WebJob:
    """One photo or film of a client.

    Attributes:
        kind: ``photo`` or ``video``.
        folder: Its own; gone when the job is forgotten.
        id: Nobody can guess it.
        status: Where it is.
        progress: Of a film at work.
        outcome: What became of it; None: not yet.
        result: The file that was made; None: none.
        alias: The client's name of a source that was given a suffix here; empty: its name was kept.
        cancel: Set to take it back.
        future: Done when the job is; its one exception is ``CancelledJobError``.
        made: Seconds of the monotonic clock at which it was made.
        queued: Whether it was put into the queue.
        begun: Seconds of the clock at which the work began; None: it has not.
        ended: The same, of its end.
    """

    kind: Kind
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: Status = "waiting"
    progress: Progress | None = None
    outcome: Outcome | None = None
    result: Path | None = None
    alias: str = ""
    cancel: threading.Event = field(default_factory=threading.Event)
    future: Future[Outcome] = field(default_factory=Future)
    made: float = field(default_factory=time.monotonic)
    queued: bool = False
    begun: float | None = None
    ended: float | None = None

    def place(self, name: str) -> Path:
        """Return where an upload of this name goes: in the job's folder, whatever the client calls it."""
        folder = self.folder / "in"
        folder.mkdir(exist_ok=True)
        place = folder / safe_name(name)
        if self.kind == "film" and place.suffix.lower() not in VIDEO_SUFFIXES:
            self.alias = place.name
            place = place.with_name(f"{place.name}.mp4")  # what it is, is seen when it is opened
        return place

    def words(self, text: str) -> str:
        """Return a message without the server's folders, which are not the client's business."""
        for inner in ("in", "out"):
            text = text.replace(f"{self.folder / inner}/", "").replace(f"{self.folder / inner}\\", "")
        return text.replace(f"{self.alias}.mp4", self.alias) if self.alias else text

    @property
    def seconds_left(self) -> float | None:
        """Return how long a film will still take at its speed so far; None: nobody knows."""
        progress = self.progress
        if self.begun is None or progress is None or not progress.done or not progress.total:
            return None
        return (time.monotonic() - self.begun) * max(0, progress.total - progress.done) / progress.done


def safe_name(name: str) -> str:
    """Return the last part of a client's file name, fit for any disk; its suffix is kept."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join("_" if letter in '<>:"|?*' or not letter.isprintable() else letter for letter in name).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    stem = (stem if dot else name) or "file"
    while len(stem.encode()) > LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}.{suffix[:8]}" if dot else stem


POOL_SIZES: dict[Kind, int] = {"photo": 2, "film": 1}
"""How many of a kind are worked on at once; films have a pool of their own, so photos are not stuck behind one."""
RETRY_SECONDS = 5
YIELD_SECONDS = 0.05

log = logging.getLogger("colorize.web")


class QueueFullError(Exception):
    """The queue takes no more; the message says so, ``retry_after`` says in how many seconds to come again."""

    retry_after = RETRY_SECONDS


class CancelledJobError(Exception):
    """The client took the job back."""


class Jobs:
    """The queue. ``submit`` a job's work; close it at the end, then no folder is left."""

    def __init__(self, max_queue: int = 32, keep_seconds: float = 3600) -> None:
        """Start the worker pools.

        Args:
            max_queue: How many may wait.
            keep_seconds: After which a job that has ended is forgotten.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="colorize-web-"))  # readable by its owner alone
        self._max_queue, self._keep_seconds = max_queue, keep_seconds
        self._jobs: dict[str, WebJob] = {}
        self._lock = threading.Lock()
        self._waiting = 0
        self._photos_at_work = 0
        self._closing = threading.Event()
        self._pools: dict[Kind, queue.SimpleQueue[tuple[WebJob, Callable[[WebJob], Outcome]] | None]] = {}
        self._threads = [threading.Thread(target=self._sweep, name="colorize-sweep", daemon=True)]
        for kind, count in POOL_SIZES.items():
            self._pools[kind] = queue.SimpleQueue()
            self._threads += [
                threading.Thread(target=self._work, args=(kind,), name=f"colorize-{kind}-{number}", daemon=True)
                for number in range(count)
            ]
        for thread in self._threads:
            thread.start()

    def new(self, kind: Kind) -> WebJob:
        """Return a job with a folder, not yet in the queue.

        Raises:
            QueueFullError: There is no room, so nothing need be uploaded.
        """
        with self._lock:
            self._check_room()
        job = WebJob(kind, Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=self.folder)))
        (job.folder / "out").mkdir()
        with self._lock:
            self._jobs[job.id] = job
        return job

    def submit(self, job: WebJob, work: Callable[[WebJob], Outcome]) -> None:
        """Put a job into the queue.

        Args:
            job: From ``new``.
            work: Called in a pool's thread; it looks at ``job.cancel`` now and then.

        Raises:
            QueueFullError: There is no room.
        """
        with self._lock:
            self._check_room()
            self._waiting += 1
            job.queued = True
        self._pools[job.kind].put((job, work))

    def find(self, id: str) -> WebJob | None:
        """Return a job by its id; None: there is none (any more)."""
        with self._lock:
            return self._jobs.get(id)

    def forget(self, job: WebJob) -> None:
        """Cancel a job if it has not ended, and delete its folder once nobody works in it."""
        job.cancel.set()
        with self._lock:
            self._jobs.pop(job.id, None)
        if job.begun is None or job.ended is not None:
            shutil.rmtree(job.folder, ignore_errors=True)

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return self._waiting

    def give_way(self, job: WebJob) -> None:
        """Let a film wait while photos are worked on; called between its frames."""
        while self._photos_at_work and not job.cancel.is_set():
            time.sleep(YIELD_SECONDS)

    def close(self) -> None:
        """Cancel everything, wait for what is at work, and delete all folders."""
        self._closing.set()
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel.set()
        for kind, count in POOL_SIZES.items():
            for _ in range(count):
                self._pools[kind].put(None)
        for thread in self._threads:
            thread.join(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check_room(self) -> None:
        if self._waiting >= self._max_queue:
            raise QueueFullError(f"{self._waiting} photos and films are waiting already; try again in a few seconds")

    def _work(self, kind: Kind) -> None:
        while (entry := self._pools[kind].get()) is not None:
            job, work = entry
            with self._lock:
                self._waiting -= 1
            # From here on the future cannot be cancelled, so its result can always be set.
            if not job.future.set_running_or_notify_cancel() or job.cancel.is_set():
                self._end(job, CancelledJobError())
                continue
            with self._lock:
                self._photos_at_work += kind == "photo"
            job.status, job.begun = "working", time.monotonic()
            try:
                result: Outcome | CancelledJobError = work(job)
            except CancelledJobError as error:
                result = error
            except BaseException as error:  # a surprise in one job must not end the worker
                log.exception("a %s failed", kind)
                result = Outcome(job.folder, "failed", "an unexpected error; the server's log says more", error)
            finally:
                with self._lock:
                    self._photos_at_work -= kind == "photo"
            self._end(job, result)

    def _end(self, job: WebJob, result: Outcome | CancelledJobError) -> None:
        shutil.rmtree(job.folder / "in", ignore_errors=True)  # the upload has served its end
        job.ended = time.monotonic()
        if isinstance(result, Outcome):
            job.outcome = result
            stopped = result.status == "stopped" or (job.cancel.is_set() and result.status != "done")
            job.status = "cancelled" if stopped else "done" if result.status == "done" else "failed"
            job.future.set_result(result)
        else:
            job.status = "cancelled"
            if not job.future.cancelled():
                job.future.set_exception(result)
        if self.find(job.id) is None:
            shutil.rmtree(job.folder, ignore_errors=True)  # forgotten while it was worked on

    def _sweep(self) -> None:
        """Forget what has ended long ago, and what was never put into the queue."""
        while not self._closing.wait(min(30.0, max(0.05, self._keep_seconds / 4))):
            with self._lock:
                jobs = list(self._jobs.values())
            for job in jobs:
                idle_since = job.ended if job.queued else job.made
                if idle_since is not None and time.monotonic() - idle_since > self._keep_seconds:
                    self.forget(job)
