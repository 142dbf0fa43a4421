"""Jobs of clients, each a photo or a film in a private folder, and the queue that works them off in worker pools."""

from __future__ import annotations

import logging
import queue
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colorize.base import VIDEO_SUFFIXES, give_back_freed_memory
from colorize.batch import Outcome
from colorize.film import Progress

Kind = Literal["photo", "film"]
Status = Literal["waiting", "working", "done", "failed", "cancelled"]
POOL_SIZES: dict[Kind, int] = {"photo": 4, "film": 1}
"""How many jobs of a kind run at once; films have a pool of their own, so photos are not stuck behind one."""
RETRY_SECONDS = 5  # after which a client that found the queue full may try again
YIELD_SECONDS = 0.05  # between two looks of a film whether photos are still at work
MAX_STEM_BYTES = 120  # of the 255 that a file's name may have; the result's name is longer
RESERVED_NAMES = frozenset(
    ("CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"))
)
"""Names of Windows' devices, which no file can have there, whatever its suffix."""

log = logging.getLogger("colorize.web")


class QueueFullError(Exception):
    """The queue takes no more jobs; the message says so.

    Attributes:
        retry_after: In how many seconds to try again.
    """

    retry_after = RETRY_SECONDS


class CancelledJobError(Exception):
    """The job was cancelled before it produced a result."""


@dataclass(eq=False)
class WebJob:
    """One photo or film of a client, from its upload to its result.

    Attributes:
        kind: ``photo`` or ``film``.
        folder: The job's private folder, deleted with the job; uploads lie in ``in``, results in ``out``.
        id: Random, so that nobody can guess it.
        status: Its stage; waiting from the beginning.
        progress: Of a film that is being coloured; None: no frame is done yet.
        outcome: How it ended; None: it has not, or was cancelled before it began.
        result: Path of the coloured file; None: there is none (yet).
        client_name: The upload's name where a film suffix was added to it here; empty: the name was kept.
        cancel: Set it to cancel the job.
        future: Resolves to the outcome; its one exception is ``CancelledJobError``.
        created_at: Time of its creation, in seconds of the monotonic clock.
        queued: Whether it was put into the queue.
        started_at: Time at which its work began, by the same clock; None: it has not begun.
        ended_at: Time at which it ended, by the same clock; None: it has not ended.
    """

    kind: Kind
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: Status = "waiting"
    progress: Progress | None = None
    outcome: Outcome | None = None
    result: Path | None = None
    client_name: str = ""
    cancel: threading.Event = field(default_factory=threading.Event)
    future: Future[Outcome] = field(default_factory=Future)
    created_at: float = field(default_factory=time.monotonic)
    queued: bool = False
    started_at: float | None = None
    ended_at: float | None = None

    def upload_path(self, name: str) -> Path:
        """Return the path for an upload of this name: in the job's folder, whatever the client calls it."""
        folder = self.folder / "in"
        folder.mkdir(exist_ok=True)
        path = folder / safe_name(name)
        if self.kind == "film" and path.suffix.lower() not in VIDEO_SUFFIXES:
            self.client_name = path.name
            path = path.with_name(f"{path.name}.mp4")  # the true format is found when it is opened
        return path

    def extra_path(self, name: str) -> Path:
        """Return the path for a further file that a client gives: beside the upload, in a folder of its own."""
        return Path(tempfile.mkdtemp(prefix="more-", dir=self.folder / "in")) / safe_name(name)

    def client_message(self, text: str) -> str:
        """Return a message without the server's folders, and with the client's own name of the file."""
        text = re.sub(rf"{re.escape(str(self.folder))}[/\\](?:in|out)[/\\](?:more-\w+[/\\])?", "", text)
        return text.replace(f"{self.client_name}.mp4", self.client_name) if self.client_name else text

    @property
    def seconds_left(self) -> float | None:
        """The seconds that a film still needs at its speed so far; None: unknown."""
        progress = self.progress
        if self.started_at is None or progress is None or not progress.done or not progress.total:
            return None
        return (time.monotonic() - self.started_at) * max(0, progress.total - progress.done) / progress.done


def safe_name(name: str) -> str:
    """Return the last part of a client's file name, made valid and short enough for any disk; its suffix is kept."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join("_" if letter in '<>:"|?*' or not letter.isprintable() else letter for letter in name).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    stem = (stem if dot else name) or "file"
    while len(stem.encode()) > MAX_STEM_BYTES:
        stem = stem[:-1]
    if stem.partition(".")[0].rstrip().upper() in RESERVED_NAMES:
        stem = f"_{stem}"
    return f"{stem}.{suffix[:8].rstrip()}" if dot else stem


class JobQueue:
    """Runs jobs in worker pools, one pool for each kind, and deletes their folders in time; close it at the end.

    Attributes:
        folder: Holds the jobs' folders; readable by its owner alone.
    """

    def __init__(self, max_queue: int = 32, keep_seconds: float = 3600) -> None:
        """Start the worker pools.

        Args:
            max_queue: How many jobs may wait, and uploads be under way.
            keep_seconds: How long a job that has ended is kept.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="colorize-web-"))
        self._max_queue, self._keep_seconds = max_queue, keep_seconds
        self._jobs: dict[str, WebJob] = {}
        self._lock = threading.Lock()
        self._queued: set[WebJob] = set()
        self._uploads = 0
        self._undeleted: set[Path] = set()
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
        """Return a new job with a folder, not yet in the queue.

        Raises:
            QueueFullError: There is no room, so nothing need be uploaded.
        """
        self.check_room()
        job = WebJob(kind, Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=self.folder)))
        (job.folder / "out").mkdir()
        with self._lock:
            self._jobs[job.id] = job
        return job

    def submit(self, job: WebJob, work: Callable[[WebJob], Outcome]) -> None:
        """Put a job into the queue.

        Args:
            job: From ``new``.
            work: Does the job in a worker's thread; it should check ``job.cancel`` now and then.

        Raises:
            QueueFullError: There is no room.
        """
        with self._lock:
            self.check_room()
            self._queued.add(job)
            job.queued = True
        self._pools[job.kind].put((job, work))

    def find(self, id: str) -> WebJob | None:
        """Return a job by its id; None: there is none, or no longer."""
        with self._lock:
            return self._jobs.get(id)

    def forget(self, job: WebJob) -> None:
        """Remove a job, cancel it if it has not ended, and delete its folder as soon as no worker uses it."""
        job.cancel.set()
        with self._lock:
            self._jobs.pop(job.id, None)
            self._queued.discard(job)  # its place is another's
        if job.started_at is None or job.ended_at is not None:
            self._delete(job.folder)

    @property
    def waiting(self) -> int:
        """The number of jobs in the queue that have not begun."""
        return len(self._queued)

    def yield_to_photos(self, job: WebJob) -> None:
        """Pause a film's job while photos are being coloured; called between frames."""
        while self._photos_at_work and not job.cancel.is_set():
            time.sleep(YIELD_SECONDS)

    @contextmanager
    def photo_at_work(self) -> Iterator[None]:
        """Let films pause while a block colours a photo."""
        with self._lock:
            self._photos_at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._photos_at_work -= 1

    def close(self) -> None:
        """Cancel all jobs, wait for those at work, and delete all folders."""
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

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """Hold a place of the queue while a block receives an upload.

        Raises:
            QueueFullError: There is none, so nothing need be read.
        """
        with self._lock:
            self.check_room()
            if self.waiting + self._uploads >= self._max_queue:
                raise QueueFullError(f"{self._uploads} uploads are under way already; try again in a few seconds")
            self._uploads += 1
        try:
            yield
        finally:
            with self._lock:
                self._uploads -= 1

    def check_room(self) -> None:
        """Raise ``QueueFullError`` if no further job may wait."""
        if self.waiting >= self._max_queue:
            raise QueueFullError(f"{self.waiting} photos and films are waiting already; try again in a few seconds")

    def _work(self, kind: Kind) -> None:
        """Do jobs of a kind until the queue is closed; the loop of a worker's thread."""
        while (item := self._pools[kind].get()) is not None:
            job, work = item
            with self._lock:
                self._queued.discard(job)
            # From here on the future cannot be cancelled, so its result can always be set.
            if not job.future.set_running_or_notify_cancel() or job.cancel.is_set():
                self._end(job, CancelledJobError())
                continue
            job.status, job.started_at = "working", time.monotonic()
            try:
                with self.photo_at_work() if kind == "photo" else nullcontext():
                    result: Outcome | CancelledJobError = work(job)
            except CancelledJobError as error:
                result = error
            except BaseException as error:  # an unexpected error in one job must not end the worker
                log.exception("a %s failed", kind)
                result = Outcome(job.folder, "failed", "an unexpected error; the server's log says more", error)
            self._end(job, result)

    def _end(self, job: WebJob, result: Outcome | CancelledJobError) -> None:
        """Record how a job ended, delete its upload, and resolve its future."""
        self._delete(job.folder / "in")  # the upload is not needed any more
        job.ended_at = time.monotonic()
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
            self._delete(job.folder)  # forgotten while it was worked on

    def _sweep(self) -> None:
        """Forget, until the queue is closed, jobs that ended long ago and old ones that were never submitted.

        Memory that photographs took meanwhile is given back too.
        """
        while not self._closing.wait(min(30.0, max(0.05, self._keep_seconds / 4))):
            with self._lock:
                jobs = list(self._jobs.values())
            for job in jobs:
                idle_since = job.ended_at if job.queued else job.created_at
                if idle_since is not None and time.monotonic() - idle_since > self._keep_seconds:
                    self.forget(job)
            for folder in list(self._undeleted):
                self._delete(folder)
            give_back_freed_memory()

    def _delete(self, folder: Path) -> None:
        """Delete a folder, or try again later: Windows deletes no file while it is sent to somebody."""
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            (self._undeleted.add if folder.exists() else self._undeleted.discard)(folder)
