"""Isolation: photographs are read and films coloured in processes of their own, where a crash costs one file.

Decoders are native code of many authors, and files are whatever people have. Where a decoder crashes, the process that
it ran in is gone with it; that is not ours, so the other files of a run, and a server's other visitors, go on.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colorize.base import CrashError, ImageError, VideoError, WorkerProcess, cancelled, report, share_heaps
from colorize.batch.jobs import Job, Outcome, failed_outcome
from colorize.batch.options import FileOptions
from colorize.batch.process import configure_process
from colorize.engine import Colorizer, ColorSettings, RuntimeSettings
from colorize.film import Progress, VideoOptions, is_pipe
from colorize.photo import Photo, read_photos

READERS = 2  # processes that read photographs, at most
PATIENCE = 1.0  # seconds for which the first is waited for before the second is started, which takes half as long


@dataclass(frozen=True, eq=False)
class _Film:
    """What colours films in a process of its own.

    Attributes:
        process: The process.
        asked: What it has loaded.
    """

    process: WorkerProcess
    asked: tuple[RuntimeSettings, ColorSettings]


class Isolation:
    """The processes of a run, or of a server; several threads may ask. Close it at the end.

    Attributes:
        runtime: What runs the network of films.
    """

    def __init__(self, runtime: RuntimeSettings, idle_seconds: float | None = None) -> None:
        """Say what the processes need; they are started when they are first needed.

        Args:
            runtime: What runs the network of films, and the largest photograph.
            idle_seconds: All processes but one that reads are ended, and their memory given back, when nothing was
                asked of them for so long; a second one that reads gets nothing more after so long, unless files wait
                again. None: they stay until the end.
        """
        self.runtime = runtime
        self._idle_seconds = idle_seconds
        self._readers = [
            WorkerProcess(configure_process, runtime, idle_seconds=idle_seconds if number else None)
            for number in range(READERS)
        ]
        self._free: queue.LifoQueue[WorkerProcess] = queue.LifoQueue()  # the one that has just read is taken first
        self._reserve: queue.SimpleQueue[WorkerProcess] = queue.SimpleQueue()
        for number, reader in enumerate(self._readers):
            (self._reserve if number else self._free).put(reader)
        self._needed = 0.0  # when one of the reserve was, in seconds of ``time.monotonic``
        self._film: _Film | None = None
        self._film_lock = threading.Lock()

    @staticmethod
    def is_possible() -> bool:
        """Tell whether this Python can be started again: not if it is embedded or frozen into a program."""
        return WorkerProcess.is_possible()

    def __enter__(self) -> Isolation:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start a process that reads, which takes a moment in which this one can do something else."""
        self._readers[0].start()

    def read_photos(self, path: Path) -> Iterator[Photo]:
        """Yield the photos of a file, one at a time, as ``colorize.photo.read_photos`` does.

        Raises:
            FileNotFoundError: There is no such file.
            ImageError: It cannot be read, or a decoder crashed.
        """
        with self._reader() as reader:  # where it reads another file then, further pages wait for that
            pages = reader.iterate(read_photos, path)
            photo = _named(path, lambda: next(pages, None))
        while photo is not None:
            yield photo
            photo = _named(path, lambda: next(pages, None))

    def call(self, path: Path, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns that reads a file; it runs in a process that reads.

        Args:
            path: The file, which the error names.
            function: Of a module; what it is given and returns can be pickled.
            arguments: Of it.

        Raises:
            ImageError: It crashed.
        """
        with self._reader() as reader:
            return _named(path, lambda: reader.call(function, *arguments))

    @staticmethod
    def takes_film(job: Job) -> bool:
        """Tell whether a film can be coloured in another process: one that can reach it."""
        return job.is_video and not is_pipe(job.source) and not is_pipe(job.target)

    def load_network(self, runtime: RuntimeSettings, colors: ColorSettings) -> None:
        """Load the network of films in their process.

        Raises:
            ValueError: The weights cannot be used.
            OSError: They cannot be read.
        """
        with self._film_lock, suppress(CrashError):  # each film says then that it crashed
            self._film_process(runtime, colors).call(_nothing)

    def color_film(self, runtime: RuntimeSettings, colors: ColorSettings, job: Job, options: FileOptions) -> Outcome:
        """Colour a film, or make its contact sheet, and return the outcome; one film after the other.

        Args:
            runtime: What runs the network, with its weights.
            colors: How pictures are coloured.
            job: The film, which ``takes_film`` says yes to.
            options: Of the run; ``progress`` is called in this process, and the film waits for it.
        """
        with self._film_lock:
            process = self._film_process(runtime, colors)
            portable = replace(options, progress=None, cancel=None)
            has_progress = options.progress is not None

            def on_report(progress: Progress) -> None:
                if options.progress is not None:
                    options.progress(job.source, progress)

            try:
                return process.call(
                    _color_film, job, portable, has_progress, on_report=on_report, cancel=options.cancel
                )
            except CrashError as error:
                from colorize.film import SegmentStore

                has_segments = os.path.exists(SegmentStore(job.target).folder)
                goes_on = "; the finished segments stay, and the same command goes on from them" if has_segments else ""
                line = f"{job.source}: {_crashed(error)}{goes_on}"
                return failed_outcome(job, VideoError(line))
            except Exception as error:  # such as weights that are gone
                return failed_outcome(job, error)

    def _film_process(self, runtime: RuntimeSettings, colors: ColorSettings) -> WorkerProcess:
        """Return the process that colours films in such a way; ``_film_lock`` is held."""
        asked = runtime, colors
        if self._film is not None and self._film.asked != asked:
            self._film.process.close()
            self._film = None
        if self._film is None:
            self._film = _Film(WorkerProcess(_load, *asked, idle_seconds=self._idle_seconds), asked)
        return self._film.process

    def close(self) -> None:
        """End the processes."""
        for reader in self._readers:
            reader.close()
        if self._film is not None:
            self._film.process.close()

    @contextmanager
    def _reader(self) -> Iterator[WorkerProcess]:
        try:
            reader = self._free.get(timeout=PATIENCE)
        except queue.Empty:
            try:
                reader = self._reserve.get_nowait()
                self._needed = time.monotonic()
            except queue.Empty:
                reader = self._free.get()
        try:
            yield reader
        finally:
            (self._free if self._stays(reader) else self._reserve).put(reader)

    def _stays(self, reader: WorkerProcess) -> bool:
        """Tell whether a process that reads takes further files at once.

        One of the reserve does so for a while after it was needed; else it would never end where files keep coming, of
        which the first alone could read all.
        """
        if reader is self._readers[0] or self._idle_seconds is None:
            return True
        return time.monotonic() - self._needed < self._idle_seconds


def _named(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except CrashError as error:
        raise ImageError(f"{path}: {_crashed(error)}") from error


def _crashed(error: CrashError) -> str:
    if str(error) == "SIGKILL":
        return "the process that read it was ended from outside (SIGKILL), as a system does that is short of memory"
    return f"a library crashed while it was read ({error}); get it anew, or convert it with another program"


_colorizer: Colorizer | None = None
"""In the process of films: what it has loaded."""


def _load(runtime: RuntimeSettings, colors: ColorSettings) -> None:
    global _colorizer
    share_heaps()
    configure_process(runtime)
    _colorizer = Colorizer(
        runtime.weights,
        colors,
        device=runtime.device,
        threads=runtime.threads,
        runtime=runtime.runtime,
        pictures_at_once=VideoOptions.batch_size,
    )


def _nothing() -> None:
    """Do what a process does before anything else."""


def _color_film(job: Job, options: FileOptions, has_progress: bool) -> Outcome:
    from colorize.batch.video_job import color_video

    assert _colorizer is not None
    progress = (lambda _, done: report(done)) if has_progress else None
    return color_video(_colorizer, job, replace(options, progress=progress, cancel=cancelled())).portable()
