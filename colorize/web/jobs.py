"""One queue of photos and films, a private folder for each, and their end: fetched, cancelled or too old."""

from __future__ import annotations

import logging
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from colorize.jobs import Outcome
from colorize.web.job import Kind, WebJob

LANES: dict[Kind, int] = {"photo": 2, "film": 1}
"""How many of a kind are worked on at once; films have a lane of their own, so photos are not stuck behind one."""
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
        """Start the lanes.

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
        self._lanes: dict[Kind, queue.SimpleQueue[tuple[WebJob, Callable[[WebJob], Outcome]] | None]] = {}
        self._threads = [threading.Thread(target=self._sweep, name="colorize-sweep", daemon=True)]
        for kind, count in LANES.items():
            self._lanes[kind] = queue.SimpleQueue()
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
            work: Called in a lane's thread; it looks at ``job.cancel`` now and then.

        Raises:
            QueueFullError: There is no room.
        """
        with self._lock:
            self._check_room()
            self._waiting += 1
            job.queued = True
        self._lanes[job.kind].put((job, work))

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
        for kind, count in LANES.items():
            for _ in range(count):
                self._lanes[kind].put(None)
        for thread in self._threads:
            thread.join(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check_room(self) -> None:
        if self._waiting >= self._max_queue:
            raise QueueFullError(f"{self._waiting} photos and films are waiting already; try again in a few seconds")

    def _work(self, kind: Kind) -> None:
        while (entry := self._lanes[kind].get()) is not None:
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
            except BaseException as error:  # a surprise in one job must not end the lane
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
