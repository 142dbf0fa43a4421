"""Files in, files out: a pipeline that reads, paints and writes photos side by side, and films in their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from torch import Tensor

from colorize.base import PHOTO_FORMATS, ImageError
from colorize.batch.jobs import RESULT_SUFFIX, FileOptions, Job, Outcome, candidate_paths, failed_outcome, same_file
from colorize.batch.sheets import candidate_sheet
from colorize.color import Floats, is_grey
from colorize.engine import Colorizer, check_weights, predict_candidates
from colorize.film import SegmentStore, VideoStopped, colorize_video, contact_sheet, is_in_color, probe
from colorize.photo import Photo, photo_size, read_photos, write_photo, write_photos

PIXELS_AT_WORK = 48_000_000  # that are read, painted or written at the same time
PHOTOS_AT_WORK = 16
READERS = 2
WRITERS = 2


@dataclass
class _Loaded:
    """A photo that was read: what the network is given of it, and further pages."""

    photo: Photo
    network_input: Tensor
    hint_map: Tensor | None
    pages: Iterator[Photo] | None


def colorize_files(
    colorizer: Colorizer, jobs: Sequence[Job], options: FileOptions | None = None
) -> Generator[Outcome, None, None]:
    """Colour photos and films; yields what became of each, in order. One bad file never stops the rest.

    Reading, the network and writing overlap in threads. Leaving the iterator early (``close``, Ctrl-C) waits for the
    files that are being written: what lies there afterwards is whole.
    """
    options = options or FileOptions()
    pipeline = _Pipeline(colorizer, options)
    try:
        for job in jobs:
            if options.cancel is not None and options.cancel.is_set():
                break
            if job.is_video:
                yield from pipeline.finish()
                yield color_video(colorizer, job, options)
            else:
                yield from pipeline.add(job)
        yield from pipeline.finish()
    finally:
        pipeline.close()


class _Pipeline:
    """Photos on their way: ``reading``, then through the network, then ``writing``; first in, first out."""

    def __init__(self, colorizer: Colorizer, options: FileOptions) -> None:
        self._colorizer = colorizer
        self._options = options
        self._readers = ThreadPoolExecutor(READERS, "colorize-read")
        self._writers = ThreadPoolExecutor(WRITERS, "colorize-write")
        self._reading: deque[tuple[Job, int, Future[_Loaded | Outcome]]] = deque()
        self._writing: deque[tuple[int, Future[Outcome]]] = deque()

    def add(self, job: Job) -> Iterator[Outcome]:
        """Begin to read a photo, once there is room for it; yield what got finished meanwhile."""
        try:
            height, width = photo_size(job.source)
        except (OSError, ValueError):
            height, width = 0, 0  # the reader meets the same error, and reports it in its turn
        pixels = height * width
        limit = PHOTOS_AT_WORK + 2 * self._options.batch_size
        while self._at_work and (self._pixels + pixels > PIXELS_AT_WORK or self._at_work >= limit):
            yield from self._advance()
        self._reading.append((job, pixels, self._readers.submit(self._read, job)))
        while self._reading and self._reading[0][2].done() and len(self._reading) >= self._options.batch_size:
            self._paint()
        while self._writing and self._writing[0][1].done():
            yield self._writing.popleft()[1].result()

    def finish(self) -> Iterator[Outcome]:
        """Yield the outcomes of all photos that are still on their way."""
        while self._at_work:
            yield from self._advance()

    def close(self) -> None:
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._writers.shutdown(wait=True, cancel_futures=True)

    @property
    def _at_work(self) -> int:
        return len(self._reading) + len(self._writing)

    @property
    def _pixels(self) -> int:
        return sum(entry[1] for entry in self._reading) + sum(entry[0] for entry in self._writing)

    def _advance(self) -> Iterator[Outcome]:
        """Bring the oldest photos one stage further."""
        if self._reading:
            self._paint()
        while self._writing and (self._writing[0][1].done() or not self._reading):
            yield self._writing.popleft()[1].result()

    def _paint(self) -> None:
        """Run the oldest photos that are read through the network and hand them to the writers."""
        count = min(len(self._reading), self._options.batch_size)
        batch = [self._reading.popleft() for _ in range(count)]
        loaded: list[tuple[Job, int, _Loaded]] = []
        for job, pixels, future in batch:
            result = future.result()
            if isinstance(result, Outcome):
                self._settle(pixels, result)
            elif result.pages is not None:
                self._settle(pixels, self._colorize_pages(job, result))
            else:
                loaded.append((job, pixels, result))
        if not loaded:
            return
        try:
            painted = self._colors([own for *_, own in loaded])
        except (RuntimeError, MemoryError) as error:  # torch's out of memory is a RuntimeError
            for job, pixels, _ in loaded:
                self._settle(pixels, failed_outcome(job, error))
            return
        for (job, pixels, own), colors in zip(loaded, painted, strict=True):
            self._writing.append((pixels, self._writers.submit(self._write, job, own.photo, colors)))

    def _colors(self, loaded: Sequence[_Loaded]) -> list[list[Floats]]:
        """Return the ab of each result of each photo."""
        count, seed = self._options.candidates, self._options.seed
        if count is None:
            painted = self._colorizer.predict_ab_with_hints(
                [own.network_input for own in loaded], [own.hint_map for own in loaded]
            )
            return [[ab] for ab in painted]
        return [
            list(predict_candidates(self._colorizer, own.network_input, count, seed, own.hint_map)) for own in loaded
        ]

    def _settle(self, pixels: int, outcome: Outcome) -> None:
        future: Future[Outcome] = Future()
        future.set_result(outcome)
        self._writing.append((pixels, future))

    def _read(self, job: Job) -> _Loaded | Outcome:
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
                check_weights(self._colorizer)
            photos = read_photos(job.source)
            photo = next(photos)
            second = next(photos, None)
            if second is not None and self._options.candidates is not None:
                raise ImageError(f"{job.source}: has several pages; --candidates takes one, so save it by itself")
            pages = None if second is None else chain([second], photos)
            if not self._options.force and not self._wants_colors(job, photo, pages is not None):
                return Outcome(job.source, "skipped", f"{job.source}: in colour already; --force colours it anew")
            network_input = self._colorizer.preprocess(photo.picture, photo.space)
            return _Loaded(photo, network_input, self._colorizer.draw_hints(photo.picture, self._options.hints), pages)
        except Exception as error:  # any surprise in one file must not stop the others
            return failed_outcome(job, error)

    def _wants_colors(self, job: Job, photo: Photo, has_pages: bool) -> bool:
        if has_pages:
            return any(is_grey(page.picture, page.space) for page in read_photos(job.source))
        return is_grey(photo.picture, photo.space)

    def _targets(self, job: Job) -> list[Path]:
        """Return the files that a job writes."""
        if self._options.candidates is None or self._options.sheet:
            return [job.target]
        return candidate_paths(job.target, self._options.candidates)

    def _write(self, job: Job, photo: Photo, colors: Sequence[Floats]) -> Outcome:
        ai_label, at_work = self._options.ai_label, job
        try:
            if self._options.candidates is not None and self._options.sheet:
                sheet = candidate_sheet(self._colorizer, photo, colors)
                return self._save(job, [Photo(sheet).with_colors(sheet, ai_label=ai_label)])
            targets = self._targets(job)
            for target, ab in zip(targets, colors, strict=True):
                at_work = replace(job, target=target)  # a failure names it
                if not (self._options.skip_existing and target.exists()):
                    picture = self._colorizer.compose(photo.picture, ab, photo.space)
                    self._save(at_work, [photo.with_colors(picture, ai_label=ai_label)])
            last = f" .. {targets[-1].name}" if len(targets) > 1 else ""
            return Outcome(job.source, "done", f"{job.source} -> {targets[0]}{last}")
        except Exception as error:
            return failed_outcome(at_work, error)

    def _colorize_pages(self, job: Job, loaded: _Loaded) -> Outcome:
        """Colour a file of several pages, one page at a time; its colour pages stay as they are."""

        def results() -> Iterator[Photo]:
            for page in chain([loaded.photo], loaded.pages or ()):
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
        job.target.parent.mkdir(parents=True, exist_ok=True)
        write_photos(job.target, photos, quality=self._options.quality, overwrite=self._options.overwrite)
        return Outcome(job.source, "done", f"{job.source} -> {job.target}")


def color_video(colorizer: Colorizer, job: Job, options: FileOptions) -> Outcome:
    """Colour a film, or make its contact sheet."""
    if options.candidates is not None:
        return Outcome(job.source, "skipped", f"{job.source}: a film; --candidates is for photos")
    try:
        if options.preview is not None:
            return _preview_video(colorizer, job, options, options.preview)
        if job.target.exists() and options.skip_existing:
            return Outcome(job.source, "skipped", f"{job.source}: {job.target} exists already")
        if job.target.exists() and not options.overwrite and not same_file(job.source, job.target):
            raise FileExistsError(f"{job.target}: exists already; --overwrite replaces it, --skip-existing leaves it")
        if not options.force and is_in_color(probe(job.source), options.video.span):
            return Outcome(job.source, "skipped", f"{job.source}: in colour already; --force colours it anew")
        result = colorize_video(
            job.source,
            job.target,
            colorizer=colorizer,
            options=replace(options.video, overwrite=options.overwrite, ai_label=options.ai_label),
            progress=None if options.progress is None else partial(options.progress, job.source),
            cancel=options.cancel,
        )
    except VideoStopped as error:
        return Outcome(job.source, "stopped", str(error), error)
    except Exception as error:  # any surprise in one file must not stop the others
        failed = failed_outcome(job, error)
        if SegmentStore(job.target).folder.exists():
            message = f"{failed.message}; the finished parts stay, and the same command goes on from them"
            return replace(failed, message=message)
        return failed
    if result.cut_off:
        return Outcome(job.source, "failed", result.cut_off, notes=result.notes)
    return Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=result.notes)


def _preview_video(colorizer: Colorizer, job: Job, options: FileOptions, count: int) -> Outcome:
    target = job.target
    if target.suffix.lower() not in PHOTO_FORMATS:
        target = job.target.with_name(f"{job.source.stem}_preview{RESULT_SUFFIX}.jpg")
    if target.exists() and not options.overwrite:
        raise FileExistsError(f"{target}: exists already; --overwrite replaces it")
    sheet = contact_sheet(colorizer, probe(job.source), count, options.video.span)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_photo(target, Photo(sheet), quality=options.quality, overwrite=options.overwrite)
    return Outcome(job.source, "done", f"{job.source} -> {target}")
