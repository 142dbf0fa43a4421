"""The pipeline of photos: reading, the network and writing side by side, within a bound of photos and pixels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from colorize.base import ImageError
from colorize.batch.dates import FileDates
from colorize.batch.jobs import Job, Outcome, check_target, failed_outcome, hints_path, result_paths
from colorize.batch.options import FileOptions
from colorize.batch.references import ReferenceReader
from colorize.batch.sidecars import copy_sidecars
from colorize.color import ColorMeasure, Floats, is_grey, measure_color
from colorize.engine import (
    Colorizer,
    Hint,
    Reference,
    ReferenceColors,
    check_candidate_weights,
    predict_candidates,
    read_hints,
    write_hints,
)
from colorize.photo import Photo, photo_size, read_photos, write_photos

if TYPE_CHECKING:
    from colorize.batch.isolation import Isolation

MAX_PIXELS_IN_FLIGHT = 48_000_000  # of photos that are read, coloured or written at the same time
MAX_PHOTOS_IN_FLIGHT = 16  # beside two batches
MIN_PATCH = 0.002  # share of the area from which a coloured patch of a grey photo is worth a line
READERS = 2
WRITERS = 2


@dataclass(frozen=True, eq=False)
class LoadedPhoto:
    """A photo that was read.

    Attributes:
        photo: The photo, or the first page of several.
        network_input: Its picture as ``Colorizer.preprocess`` gives it.
        hints: Its colour hints, in pixels.
        hint_map: These as ``Colorizer.draw_hints`` gives them; None: none.
        reference_colors: What its references say, as ``Colorizer.match_references`` gives it; None: nothing.
        more_pages: The further pages, to be read yet; None: there are none.
        dates: Those of its file before it was read; None: they are not wanted.
    """

    photo: Photo
    network_input: Floats
    hints: tuple[Hint, ...]
    hint_map: Floats | None
    reference_colors: ReferenceColors | None
    more_pages: Iterator[Photo] | None
    dates: FileDates | None


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
        self._colorizer = colorizer
        self._options = options
        self._photo_options = options.photo
        self._read_photos = read_photos if isolation is None else isolation.read_photos
        self._references = ReferenceReader(colorizer, options.photo.references, isolation)
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
            dates = FileDates.of(job.source) if self._options.keep_dates else None
            height, width = photo_size(job.source)
        except (OSError, ValueError):
            pass  # the reader meets the same error, and reports it in its turn
        pixels = height * width
        while self._tasks and not self._has_room(pixels):
            yield from self._advance()
        task = PhotoTask(job, pixels, self._readers.submit(self._read, job, dates))
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
                    task.outcome.set_result(self._color_pages(task.job, result))
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
            predicted = self._predict([photo for _, photo in loaded])
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
            task.outcome.set_result(self._write(task.job, loaded, ab_maps))
        except BaseException as error:
            task.outcome.set_exception(error)

    def _predict(self, loaded: Sequence[LoadedPhoto]) -> list[list[Floats]]:
        """Return the ab (h, w, 2) of each result of each photo: one, or as many as there are candidates."""
        count, seed = self._photo_options.candidates, self._photo_options.seed
        if count is None:
            predicted = self._colorizer.predict_ab_with_hints(
                [photo.network_input for photo in loaded],
                [photo.hint_map for photo in loaded],
                [photo.reference_colors for photo in loaded],
            )
            return [[ab] for ab in predicted]
        return [
            list(
                predict_candidates(
                    self._colorizer, photo.network_input, count, seed, photo.hint_map, photo.reference_colors
                )
            )
            for photo in loaded
        ]

    def _read(self, job: Job, dates: FileDates | None) -> LoadedPhoto | Outcome:
        """Return a job's photo, or its outcome where there is nothing to colour; run by a reader."""
        try:
            skipped = check_target(job, self._options)
            if skipped is not None:
                return skipped
            if self._photo_options.candidates is not None:
                check_candidate_weights(self._colorizer)
            photos = self._read_photos(job.source)
            photo = next(photos)
            second = next(photos, None)
            if second is not None and self._photo_options.candidates is not None:
                raise ImageError(f"{job.source}: has several pages; --candidates takes one, so save it by itself")
            more_pages = None if second is None else chain([second], photos)
            if not self._options.force:
                measure = measure_color(photo.picture, photo.space)
                if not measure.is_grey and (more_pages is None or not self._has_grey_page(job)):
                    return Outcome(job.source, "skipped", f"{job.source}: in colour already; --force colours it anew")
                photo = _with_patch_noted(job, photo, measure)
            network_input = self._colorizer.preprocess(photo.picture, photo.space)
            hints = self._hints(job, photo)
            hint_map = self._colorizer.draw_hints(photo.picture, hints)
            references = self._references.references_of(job.source)
            colors = self._colorizer.match_references(network_input, references, self._photo_options.reference_strength)
            if colors is not None and colors.is_slight:
                line = f"{job.source}: its reference shows little that is alike, and changes next to nothing"
                photo = replace(photo, notes=(*photo.notes, line))
            return LoadedPhoto(photo, network_input, hints, hint_map, colors, more_pages, dates)
        except Exception as error:  # any surprise in one file must not stop the others
            return failed_outcome(job, error)

    def _hints(self, job: Job, photo: Photo) -> tuple[Hint, ...]:
        """Return the colour hints of a job's photo: those of a file, and on top of them its own, or those of all."""
        options = self._photo_options
        saved = () if options.hint_file is None else read_hints(options.hint_file, photo.picture.shape[:2])
        return (*saved, *(options.hints if job.hints is None else job.hints))

    def _has_grey_page(self, job: Job) -> bool:
        """Return whether any page after the first is grey."""
        return any(is_grey(page.picture, page.space) for page in islice(self._read_photos(job.source), 1, None))

    def _write(self, job: Job, loaded: LoadedPhoto, ab_maps: Sequence[Floats]) -> Outcome:
        """Write a photo's result, its candidates or their sheet; run by a writer."""
        ai_label, current, photo = self._photo_options.ai_label, job, loaded.photo
        notes = list(photo.notes)
        try:
            if self._photo_options.candidates is not None and self._photo_options.sheet:
                from colorize.batch.sheets import candidate_sheet  # brings PyAV, and is seldom wanted

                sheet = candidate_sheet(self._colorizer, photo, ab_maps)
                notes += self._save(job, [Photo(sheet).with_colors(sheet, ai_label=ai_label)], loaded.dates)
                self._save_hints(job, loaded)
                return Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=tuple(notes))
            targets = result_paths(job, self._options)
            for target, ab in zip(targets, ab_maps, strict=True):
                current = replace(job, target=target)  # a failure names it
                if not (self._options.skip_existing and target.exists()):
                    picture = self._colorizer.compose(photo.picture, ab, photo.space)
                    notes += self._save(current, [photo.with_colors(picture, ai_label=ai_label)], loaded.dates)
                    notes += self._copy_sidecars(current)
            self._save_hints(job, loaded)
            last = f" .. {targets[-1].name}" if len(targets) > 1 else ""
            return Outcome(job.source, "done", f"{job.source} -> {targets[0]}{last}", notes=tuple(notes))
        except Exception as error:
            return failed_outcome(current, error)

    def _color_pages(self, job: Job, loaded: LoadedPhoto) -> Outcome:
        """Colour and write a file of several pages, one page at a time; its colour pages stay as they are."""
        notes: dict[str, None] = {}  # each line once, in order
        references: Sequence[Reference] = ()

        def results() -> Iterator[Photo]:
            for page in chain([loaded.photo], loaded.more_pages or ()):
                measure = None if self._options.force else measure_color(page.picture, page.space)
                noted = page if measure is None else _with_patch_noted(job, page, measure)
                notes.update(dict.fromkeys(noted.notes))
                if measure is None or measure.is_grey:
                    picture = self._colorizer(
                        page.picture,
                        self._hints(job, page),
                        space=page.space,
                        references=references,
                        reference_strength=self._photo_options.reference_strength,
                    )
                    yield page.with_colors(picture, ai_label=self._photo_options.ai_label)
                else:
                    yield page

        try:
            references = self._references.references_of(job.source)  # they were read with the first page
            written = self._save(job, results(), loaded.dates)
            self._save_hints(job, loaded)
            lines = (*notes, *written, *self._copy_sidecars(job))
            return Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=lines)
        except Exception as error:
            return failed_outcome(job, error)

    def _save(self, job: Job, photos: Iterable[Photo], dates: FileDates | None) -> tuple[str, ...]:
        """Write the pages of a job's result and return lines about what it could not hold."""
        job.target.parent.mkdir(parents=True, exist_ok=True)
        options = self._photo_options
        notes = write_photos(job.target, photos, quality=options.quality, overwrite=options.overwrite)
        return notes if dates is None else (*notes, *dates.try_to_give(job.target))

    def _save_hints(self, job: Job, loaded: LoadedPhoto) -> None:
        """Write the hints of a job's photo beside its result, if they are wanted."""
        path = hints_path(job)
        if self._photo_options.save_hints and not (self._options.skip_existing and path.exists()):
            size = loaded.photo.picture.shape[:2]
            write_hints(path, loaded.hints, size, overwrite=self._photo_options.overwrite)

    def _copy_sidecars(self, job: Job) -> tuple[str, ...]:
        """Copy the words beside a job's photo to its result, which is written, and return lines about them."""
        options = self._photo_options
        return copy_sidecars(
            job.source,
            job.target,
            ai_label=options.ai_label,
            overwrite=options.overwrite,
            keep_dates=self._options.keep_dates,
        )


def _with_patch_noted(job: Job, photo: Photo, measure: ColorMeasure) -> Photo:
    """Return a photo with a line about a coloured patch that will lose its colour, if it is grey and has one."""
    if not measure.is_grey or measure.patch_share < MIN_PATCH:
        return photo
    return replace(photo, notes=(*photo.notes, f"{job.source}: a small coloured part is coloured anew with the rest"))
