"""The pipeline of photos: reading, the network and writing side by side, within a bound of photos and pixels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from colorize.batch.jobs import Job, Outcome, failed_outcome
from colorize.batch.options import FileOptions
from colorize.batch.photo_steps import LoadedPhoto, PhotoSteps
from colorize.color import Floats
from colorize.engine import Colorizer
from colorize.photo import photo_size

if TYPE_CHECKING:
    from colorize.batch.isolation import Isolation

MAX_PIXELS_IN_FLIGHT = 48_000_000  # of photos that are read, coloured or written at the same time
MAX_PHOTOS_IN_FLIGHT = 16  # beside two batches
READERS = 2
WRITERS = 2


@dataclass(eq=False)
class PhotoTask:
    """A photo on its way through the pipeline.

    Attributes:
        job: What is read and where the result goes.
        pixels: Of the photo, as far as its file says them.
        loaded: The photo that was read, or its outcome where there is nothing to colour.
        outcome: What becomes of it.
    """

    job: Job
    pixels: int
    loaded: Future[LoadedPhoto | Outcome]
    outcome: Future[Outcome] = field(default_factory=Future)


class PhotoPipeline:
    """Photos in flight: being read, then run through the network, then written; first in, first out.

    The network computes batches, as many side by side as it likes best (``Colorizer.pictures_at_once``).
    """

    def __init__(self, colorizer: Colorizer, options: FileOptions, isolation: Isolation | None = None) -> None:
        self._steps = PhotoSteps(colorizer, options, isolation)
        self._batch_size = options.photo.batch_size
        self._readers = ThreadPoolExecutor(READERS, "colorize-read")
        self._networks = ThreadPoolExecutor(colorizer.pictures_at_once, "colorize-photo")
        self._writers = ThreadPoolExecutor(WRITERS, "colorize-write")
        self._tasks: deque[PhotoTask] = deque()
        self._batch: list[PhotoTask] = []  # the last ones, which are no whole batch yet

    def add(self, job: Job) -> Iterator[Outcome]:
        """Begin to read a photo, once there is room for it; yield the outcomes of photos that ended meanwhile."""
        dates, height, width = None, 0, 0
        try:
            dates = self._steps.dates(job)
            height, width = photo_size(job.source)
        except (OSError, ValueError):
            pass  # the reader meets the same error, and reports it in its turn
        pixels = height * width
        while self._tasks and not self._has_room(pixels):
            yield from self._advance()
        task = PhotoTask(job, pixels, self._readers.submit(self._steps.read, job, dates))
        self._tasks.append(task)
        self._batch.append(task)
        if len(self._batch) == self._batch_size:
            self._hand_over()
        yield from self._ended()

    def finish(self) -> Iterator[Outcome]:
        """Yield the outcomes of all photos that are still in flight."""
        while self._tasks:
            yield from self._advance()

    def close(self) -> None:
        """Wait for what is being read, coloured and written; drop what has not begun."""
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._networks.shutdown(wait=True, cancel_futures=True)
        self._writers.shutdown(wait=True, cancel_futures=True)

    def _has_room(self, pixels: int) -> bool:
        """Tell whether one more photo of so many pixels may be in flight."""
        if len(self._tasks) >= MAX_PHOTOS_IN_FLIGHT + 2 * self._batch_size:
            return False
        return sum(task.pixels for task in self._tasks) + pixels <= MAX_PIXELS_IN_FLIGHT

    def _advance(self) -> Iterator[Outcome]:
        """Wait for the oldest photo; yield its outcome and those of others that ended."""
        self._hand_over()
        self._tasks[0].outcome.exception()
        yield from self._ended()

    def _ended(self) -> Iterator[Outcome]:
        """Yield the outcomes of the oldest photos as long as they have ended."""
        while self._tasks and self._tasks[0].outcome.done():
            yield self._tasks.popleft().outcome.result()

    def _hand_over(self) -> None:
        """Give the last photos to the network as a batch."""
        if self._batch:
            self._networks.submit(self._color_batch, self._batch)
            self._batch = []

    def _color_batch(self, batch: Sequence[PhotoTask]) -> None:
        """Run photos through the network, once they are read, and hand them to the writers."""
        try:
            loaded: list[tuple[PhotoTask, LoadedPhoto]] = []
            for task in batch:
                result = task.loaded.result()
                if isinstance(result, Outcome):
                    task.outcome.set_result(result)
                elif result.more_pages is not None:
                    task.outcome.set_result(self._steps.color_pages(task.job, result))
                else:
                    loaded.append((task, result))
            if loaded:
                self._color(loaded)
        except BaseException as error:  # nobody waits for ever
            for task in batch:
                if not task.outcome.done():
                    task.outcome.set_exception(error)

    def _color(self, loaded: list[tuple[PhotoTask, LoadedPhoto]]) -> None:
        """Run photos through the network together, or each alone where that fails, and hand them to the writers."""
        try:
            predicted = self._steps.predict([photo for _, photo in loaded])
        except Exception as error:  # of ONNX Runtime's no two have a class in common
            if len(loaded) == 1:
                task = loaded[0][0]
                task.outcome.set_result(failed_outcome(task.job, error))
            else:
                for each in loaded:
                    self._color([each])
            return
        for (task, photo), ab_maps in zip(loaded, predicted, strict=True):
            self._writers.submit(self._write_task, task, photo, ab_maps)

    def _write_task(self, task: PhotoTask, loaded: LoadedPhoto, ab_maps: Sequence[Floats]) -> None:
        try:
            task.outcome.set_result(self._steps.write(task.job, loaded, ab_maps))
        except BaseException as error:
            task.outcome.set_exception(error)
