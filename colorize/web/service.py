"""The colouring service behind the page and the HTTP API: it loads weights once and queues photos and films.

Photos take the steps that the command line's take, and films go through ``colorize_files`` as there, so results and
messages are the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from colorize.base import DEFAULT_VIDEO_SUFFIX, WeightsError
from colorize.batch import (
    RESULT_SUFFIX,
    Isolation,
    Job,
    Outcome,
    colorize_files,
    colorize_photo,
    result_suffix,
)
from colorize.engine import Colorizer
from colorize.film import Progress, probe
from colorize.network import read_manifest, weights_path
from colorize.photo import photo_size
from colorize.web.jobs import CancelledJobError, JobQueue, WebJob
from colorize.web.photo_room import PhotoRoom
from colorize.web.requests import ColorizeRequest
from colorize.web.settings import WebSettings
from colorize.web.shared_network import SharedNetwork

Result = TypeVar("Result")

IDLE_SECONDS = 60.0  # after which the processes that read files and colour films give their memory back
MAX_LOADED_WEIGHTS = 2  # the least recently used make room for others
PICTURES_AT_ONCE = 2
"""How many pictures the network computes side by side; see ``SharedNetwork``."""


class ColorizeService:
    """Colours photos and films of clients in the order of a queue, with weights that stay loaded; close it at the end.

    Attributes:
        settings: Of the process.
        jobs: The queue.
    """

    def __init__(self, settings: WebSettings, default: Colorizer | None = None) -> None:
        """Load the default weights.

        Args:
            settings: Of the process.
            default: A Colorizer to use for ``settings.weights``; None: they are loaded.

        Raises:
            WeightsError: The default weights cannot be used.
        """
        self.settings = settings
        self.jobs = JobQueue(settings.max_queue, settings.keep_minutes * 60)
        self._isolation = Isolation(settings, IDLE_SECONDS) if Isolation.is_possible() else None
        self._room = PhotoRoom()
        self._turns = threading.Semaphore(PICTURES_AT_ONCE)
        self._lock = threading.Lock()
        self._loaded: OrderedDict[str, Colorizer] = OrderedDict()
        try:
            self._loaded[settings.weights] = default or self._load(settings.weights)
        except BaseException:
            self.jobs.close()
            raise

    @property
    def weights(self) -> list[str]:
        """Names of the weights that clients may ask for: those that are on this machine, the default first."""
        names = [name for name, entry in read_manifest().items() if weights_path(entry).is_file()]
        return [self.settings.weights, *(name for name in names if name != self.settings.weights)]

    def colorizer(self, request: ColorizeRequest) -> Colorizer:
        """Return a Colorizer with the weights and settings that a client asks for; weights are loaded if need be.

        Raises:
            WeightsError: The weights are not among ``weights``; a client's name is never taken for a path.
        """
        name = request.weights
        if name not in self.weights:
            raise WeightsError(f"{name}: no such weights here; choose {' or '.join(self.weights)}")
        with self._lock:
            if name not in self._loaded:
                while len(self._loaded) >= MAX_LOADED_WEIGHTS:
                    self._loaded.popitem(last=False)
                self._loaded[name] = self._load(name)
            self._loaded.move_to_end(name)
            loaded = self._loaded[name]
        return loaded.adjusted(request.colors)

    def submit_photo(self, job: WebJob, source: Path, request: ColorizeRequest) -> None:
        """Put a photo into the queue; ``job.result`` will be its coloured file.

        Args:
            job: From ``jobs.new``.
            source: The photo, in the job's folder.
            request: How it is coloured.

        Raises:
            QueueFullError: There is no room.
            WeightsError: There are no such weights.
        """
        colorizer = self.colorizer(request)
        suffix = result_suffix(source, request.options.photo.suffix)
        target = job.folder / "out" / f"{source.stem}{RESULT_SUFFIX}{suffix}"

        def work(job: WebJob) -> Outcome:
            file = Job(source, target)
            with self._room.place(_pixels(source)):
                outcome = colorize_photo(colorizer, file, request.options, self._isolation, self._turns)
            return _finished(job, file, outcome)

        self.jobs.submit(job, work)

    def submit_video(
        self, job: WebJob, source: Path, request: ColorizeRequest, suffix: str = DEFAULT_VIDEO_SUFFIX
    ) -> None:
        """Put a film into the queue; ``job.result`` will be the coloured film, or its contact sheet.

        Args:
            job: From ``jobs.new``.
            source: The film, in the job's folder.
            request: How it is coloured.
            suffix: Of the result; it chooses the container.

        Raises:
            QueueFullError: There is no room.
            WeightsError: There are no such weights.
        """
        colorizer = self.colorizer(request)
        suffix = suffix if request.options.preview is None else ".jpg"
        target = job.folder / "out" / f"{source.stem}{RESULT_SUFFIX}{suffix}"

        def on_progress(path: Path, progress: Progress) -> None:
            job.progress = progress
            self.jobs.yield_to_photos(job)

        options = replace(request.options, progress=on_progress, cancel=job.cancel)

        def work(job: WebJob) -> Outcome:
            refusal = self._frame_size_error(source)
            if refusal:
                return Outcome(source, "failed", refusal, ValueError(refusal))
            file = Job(source, target)
            outcome = next(colorize_files(colorizer, [file], options, self._isolation), None)
            if outcome is None:  # it was cancelled before it began
                raise CancelledJobError
            return _finished(job, file, outcome)

        self.jobs.submit(job, work)

    def read(self, path: Path, function: Callable[..., Result], *arguments: Any) -> Result:
        """Return what a function makes of a client's file, in another process: a crash there costs that file alone.

        Args:
            path: The file, which an error names.
            function: Of a module; it, what it is given and what it returns can be pickled.
            arguments: Of it.

        Raises:
            ImageError: A library crashed; and whatever the function raises.
        """
        if self._isolation is None:
            return function(*arguments)
        return self._isolation.call(path, function, *arguments)

    def warm_up(self) -> None:
        """Start the process that reads files, so that the first client need not wait for it."""
        if self._isolation is not None:
            self._isolation.start()

    def close(self) -> None:
        """Cancel all jobs and delete their folders."""
        self.jobs.close()
        if self._isolation is not None:
            self._isolation.close()

    def _frame_size_error(self, source: Path) -> str:
        """Return why a film is refused if its frames are larger than photos may be; empty: they are not."""
        try:
            height, width = self.read(source, _frame_size, source)
        except (OSError, ValueError):
            return ""  # colouring meets the same error, and reports it
        if height * width <= self.settings.max_megapixels * 1e6:
            return ""
        limit = f"{self.settings.max_megapixels:g} megapixels"
        return f"{source.name}: frames of {width} x {height} pixels where at most {limit} are taken; reduce it first"

    def _load(self, name: str) -> Colorizer:
        load = partial(
            Colorizer,
            name,
            device=self.settings.device,
            threads=self.settings.threads,
            runtime=self.settings.runtime,
        )
        colorizer = load(pictures_at_once=PICTURES_AT_ONCE)
        if colorizer.pictures_at_once > 1:
            alone = load(keep_memory=False).network  # the other one keeps enough
            colorizer.network = SharedNetwork(alone, colorizer.network, colorizer.pictures_at_once)
        return colorizer


def _finished(job: WebJob, file: Job, outcome: Outcome) -> Outcome:
    """Note the result of a job, and return its outcome with messages for the client."""
    if file.target.exists():
        job.result = file.target
    notes = tuple(job.client_message(note) for note in outcome.notes)
    return replace(outcome, message=job.client_message(outcome.message), notes=notes)


def _pixels(source: Path) -> int:
    """Return the pixels of a photo; 0: it cannot be opened, which colouring reports."""
    try:
        height, width = photo_size(source)
    except (OSError, ValueError):
        return 0
    return height * width


def _frame_size(source: Path) -> tuple[int, int]:
    """Return the (height, width) of a film's frames."""
    return probe(source).size
