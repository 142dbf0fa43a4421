"""The pipeline of photos: reading, the network and writing side by side, within a bound of photos and pixels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from torch import Tensor

from colorize.base import ImageError
from colorize.batch.jobs import FileOptions, Job, Outcome, candidate_paths, failed_outcome, same_file
from colorize.batch.sheets import candidate_sheet
from colorize.color import Floats, is_grey
from colorize.engine import Colorizer, check_candidate_weights, predict_candidates
from colorize.photo import Photo, photo_size, read_photos, write_photos

MAX_PIXELS_IN_FLIGHT = 48_000_000  # of photos that are read, coloured or written at the same time
MAX_PHOTOS_IN_FLIGHT = 16  # beside two batches
READERS = 2
WRITERS = 2


@dataclass(frozen=True, eq=False)
class _LoadedPhoto:
    """A photo that was read.

    Attributes:
        photo: The photo, or the first page of several.
        network_input: Its picture as ``Colorizer.preprocess`` gives it.
        hint_map: Its hints as ``Colorizer.draw_hints`` gives them; None: none.
        more_pages: The further pages, to be read yet; None: there are none.
    """

    photo: Photo
    network_input: Tensor
    hint_map: Tensor | None
    more_pages: Iterator[Photo] | None


@dataclass(frozen=True, eq=False)
class _ReadTask:
    """A photo that is being read, and the pixels that it counts for."""

    job: Job
    pixels: int
    future: Future[_LoadedPhoto | Outcome]


@dataclass(frozen=True, eq=False)
class _WriteTask:
    """A result that is being written, or an outcome that waits for its turn, and the pixels that it counts for."""

    pixels: int
    future: Future[Outcome]


class PhotoPipeline:
    """Photos in flight: being read, then run through the network in batches, then written; first in, first out."""

    def __init__(self, colorizer: Colorizer, options: FileOptions) -> None:
        self._colorizer = colorizer
        self._options = options
        self._readers = ThreadPoolExecutor(READERS, "colorize-read")
        self._writers = ThreadPoolExecutor(WRITERS, "colorize-write")
        self._reading: deque[_ReadTask] = deque()
        self._writing: deque[_WriteTask] = deque()

    def add(self, job: Job) -> Iterator[Outcome]:
        """Begin to read a photo, once there is room for it; yield the outcomes of photos that ended meanwhile."""
        try:
            height, width = photo_size(job.source)
        except (OSError, ValueError):
            height, width = 0, 0  # the reader meets the same error, and reports it in its turn
        pixels = height * width
        limit = MAX_PHOTOS_IN_FLIGHT + 2 * self._options.batch_size
        while self._in_flight and (self._pixels_in_flight + pixels > MAX_PIXELS_IN_FLIGHT or self._in_flight >= limit):
            yield from self._advance()
        self._reading.append(_ReadTask(job, pixels, self._readers.submit(self._read, job)))
        while self._reading and self._reading[0].future.done() and len(self._reading) >= self._options.batch_size:
            self._color_batch()
        while self._writing and self._writing[0].future.done():
            yield self._writing.popleft().future.result()

    def finish(self) -> Iterator[Outcome]:
        """Yield the outcomes of all photos that are still in flight."""
        while self._in_flight:
            yield from self._advance()

    def close(self) -> None:
        """Wait for what is being read and written; drop what has not begun."""
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._writers.shutdown(wait=True, cancel_futures=True)

    @property
    def _in_flight(self) -> int:
        """Number of photos in flight."""
        return len(self._reading) + len(self._writing)

    @property
    def _pixels_in_flight(self) -> int:
        return sum(task.pixels for task in self._reading) + sum(task.pixels for task in self._writing)

    def _advance(self) -> Iterator[Outcome]:
        """Bring the oldest photos one stage further; yield the outcomes of those that ended."""
        if self._reading:
            self._color_batch()
        while self._writing and (self._writing[0].future.done() or not self._reading):
            yield self._writing.popleft().future.result()

    def _color_batch(self) -> None:
        """Run a batch of the oldest photos through the network, once they are read, and hand them to the writers."""
        count = min(len(self._reading), self._options.batch_size)
        batch = [self._reading.popleft() for _ in range(count)]
        loaded: list[tuple[_ReadTask, _LoadedPhoto]] = []
        for task in batch:
            result = task.future.result()
            if isinstance(result, Outcome):
                self._add_outcome(task, result)
            elif result.more_pages is not None:
                self._add_outcome(task, self._color_pages(task.job, result))
            else:
                loaded.append((task, result))
        if not loaded:
            return
        try:
            predicted = self._predict([photo for _, photo in loaded])
        except (RuntimeError, MemoryError) as error:  # torch's out of memory is a RuntimeError
            for task, _ in loaded:
                self._add_outcome(task, failed_outcome(task.job, error))
            return
        for (task, photo), ab_maps in zip(loaded, predicted, strict=True):
            future = self._writers.submit(self._write, task.job, photo.photo, ab_maps)
            self._writing.append(_WriteTask(task.pixels, future))

    def _predict(self, loaded: Sequence[_LoadedPhoto]) -> list[list[Floats]]:
        """Return the ab (h, w, 2) of each result of each photo: one, or as many as there are candidates."""
        count, seed = self._options.candidates, self._options.seed
        if count is None:
            predicted = self._colorizer.predict_ab_with_hints(
                [photo.network_input for photo in loaded], [photo.hint_map for photo in loaded]
            )
            return [[ab] for ab in predicted]
        return [
            list(predict_candidates(self._colorizer, photo.network_input, count, seed, photo.hint_map))
            for photo in loaded
        ]

    def _add_outcome(self, task: _ReadTask, outcome: Outcome) -> None:
        """Put the outcome of a photo that is not written by a writer in its place among the others."""
        future: Future[Outcome] = Future()
        future.set_result(outcome)
        self._writing.append(_WriteTask(task.pixels, future))

    def _read(self, job: Job) -> _LoadedPhoto | Outcome:
        """Return a job's photo, or its outcome where there is nothing to colour; run by a reader."""
        try:
            targets = self._targets(job)
            if any(same_file(job.source, target) for target in targets):
                raise ImageError(f"{job.source}: the result would replace the photo itself; give another -o")
            existing = [target for target in targets if target.exists()]
            if existing == targets and self._options.skip_existing:
                return Outcome(job.source, "skipped", f"{job.source}: {existing[-1]} exists already")
            if existing and not (self._options.overwrite or self._options.skip_existing):
                raise FileExistsError(
                    f"{existing[0]}: exists already; --overwrite replaces it, --skip-existing leaves it"
                )
            if self._options.candidates is not None:
                check_candidate_weights(self._colorizer)
            photos = read_photos(job.source)
            photo = next(photos)
            second = next(photos, None)
            if second is not None and self._options.candidates is not None:
                raise ImageError(f"{job.source}: has several pages; --candidates takes one, so save it by itself")
            more_pages = None if second is None else chain([second], photos)
            if not self._options.force and not self._has_grey_page(job, photo, more_pages is not None):
                return Outcome(job.source, "skipped", f"{job.source}: in colour already; --force colours it anew")
            network_input = self._colorizer.preprocess(photo.picture, photo.space)
            hint_map = self._colorizer.draw_hints(photo.picture, self._options.hints)
            return _LoadedPhoto(photo, network_input, hint_map, more_pages)
        except Exception as error:  # any surprise in one file must not stop the others
            return failed_outcome(job, error)

    def _has_grey_page(self, job: Job, photo: Photo, has_more_pages: bool) -> bool:
        """Return whether a photo, or any page of a file of several, is grey."""
        if has_more_pages:
            return any(is_grey(page.picture, page.space) for page in read_photos(job.source))
        return is_grey(photo.picture, photo.space)

    def _targets(self, job: Job) -> list[Path]:
        """Return the files that a job writes."""
        if self._options.candidates is None or self._options.sheet:
            return [job.target]
        return candidate_paths(job.target, self._options.candidates)

    def _write(self, job: Job, photo: Photo, ab_maps: Sequence[Floats]) -> Outcome:
        """Write a photo's result, its candidates or their sheet; run by a writer."""
        ai_label, current = self._options.ai_label, job
        try:
            if self._options.candidates is not None and self._options.sheet:
                sheet = candidate_sheet(self._colorizer, photo, ab_maps)
                return self._save(job, [Photo(sheet).with_colors(sheet, ai_label=ai_label)])
            targets = self._targets(job)
            for target, ab in zip(targets, ab_maps, strict=True):
                current = replace(job, target=target)  # a failure names it
                if not (self._options.skip_existing and target.exists()):
                    picture = self._colorizer.compose(photo.picture, ab, photo.space)
                    self._save(current, [photo.with_colors(picture, ai_label=ai_label)])
            last = f" .. {targets[-1].name}" if len(targets) > 1 else ""
            return Outcome(job.source, "done", f"{job.source} -> {targets[0]}{last}")
        except Exception as error:
            return failed_outcome(current, error)

    def _color_pages(self, job: Job, loaded: _LoadedPhoto) -> Outcome:
        """Colour and write a file of several pages, one page at a time; its colour pages stay as they are."""

        def results() -> Iterator[Photo]:
            for page in chain([loaded.photo], loaded.more_pages or ()):
                if self._options.force or is_grey(page.picture, page.space):
                    picture = self._colorizer(page.picture, self._options.hints, space=page.space)
                    yield page.with_colors(picture, ai_label=self._options.ai_label)
                else:
                    yield page

        try:
            return self._save(job, results())
        except Exception as error:
            return failed_outcome(job, error)

    def _save(self, job: Job, photos: Iterable[Photo]) -> Outcome:
        """Write the pages of a job's result."""
        job.target.parent.mkdir(parents=True, exist_ok=True)
        write_photos(job.target, photos, quality=self._options.quality, overwrite=self._options.overwrite)
        return Outcome(job.source, "done", f"{job.source} -> {job.target}")
