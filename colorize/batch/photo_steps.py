"""The steps of a photo: reading, the network, writing; each may run in a thread of its own, or one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

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
from colorize.photo import Photo, read_photos, write_photos

if TYPE_CHECKING:
    from colorize.batch.isolation import Isolation

MIN_PATCH = 0.002  # share of the area from which a coloured patch of a grey photo is worth a line


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


class PhotoSteps:
    """What is done with each photo of a run, a step at a time; several threads may use it."""

    def __init__(
        self,
        colorizer: Colorizer,
        options: FileOptions,
        isolation: Isolation | None = None,
        turns: AbstractContextManager[Any] | None = None,
    ) -> None:
        """Say how photos are coloured.

        Args:
            colorizer: The colorizer.
            options: Of the run.
            isolation: Reads the photos in other processes; None: this one does.
            turns: Held while the network computes, such as a semaphore of so many photos as may do so at once; None:
                whoever calls sees to that.
        """
        self._colorizer = colorizer
        self._options = options
        self._photo_options = options.photo
        self._read_photos = read_photos if isolation is None else isolation.read_photos
        self._references = ReferenceReader(colorizer, options.photo.references, isolation)
        self._turns = nullcontext() if turns is None else turns

    def color(self, job: Job) -> Outcome:
        """Colour a photo, one step after the other, and return its outcome."""
        try:
            dates = self.dates(job)
        except (OSError, ValueError):
            dates = None  # the reader meets the same error, and reports it
        loaded = self.read(job, dates)
        if isinstance(loaded, Outcome):
            return loaded
        if loaded.more_pages is not None:
            return self.color_pages(job, loaded)
        try:
            (ab_maps,) = self.predict([loaded])
        except Exception as error:  # of ONNX Runtime's no two have a class in common
            return failed_outcome(job, error)
        return self.write(job, loaded, ab_maps)

    def dates(self, job: Job) -> FileDates | None:
        """Return the dates of a job's photo, before it is read; None: they are not wanted.

        Raises:
            OSError: Its file cannot be looked at.
        """
        return FileDates.of(job.source) if self._options.keep_dates else None

    def predict(self, loaded: Sequence[LoadedPhoto]) -> list[list[Floats]]:
        """Return the ab (h, w, 2) of each result of each photo: one, or as many as there are candidates."""
        with self._turns:
            return self._predict(loaded)

    def _predict(self, loaded: Sequence[LoadedPhoto]) -> list[list[Floats]]:
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

    def read(self, job: Job, dates: FileDates | None) -> LoadedPhoto | Outcome:
        """Return a job's photo, or its outcome where there is nothing to colour."""
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
            colors = self._match(network_input, self._references.references_of(job.source))
            if colors is not None and colors.is_slight:
                line = f"{job.source}: its reference shows little that is alike, and changes next to nothing"
                photo = replace(photo, notes=(*photo.notes, line))
            return LoadedPhoto(photo, network_input, hints, hint_map, colors, more_pages, dates)
        except Exception as error:  # any surprise in one file must not stop the others
            return failed_outcome(job, error)

    def _match(self, network_input: Floats, references: Sequence[Reference]) -> ReferenceColors | None:
        """Return what references say of a photo; None: nothing."""
        with self._turns if references else nullcontext():
            strength = self._photo_options.reference_strength
            return self._colorizer.match_references(network_input, references, strength)

    def _hints(self, job: Job, photo: Photo) -> tuple[Hint, ...]:
        """Return the colour hints of a job's photo: those of a file, and on top of them its own, or those of all."""
        options = self._photo_options
        saved = () if options.hint_file is None else read_hints(options.hint_file, photo.picture.shape[:2])
        return (*saved, *(options.hints if job.hints is None else job.hints))

    def _has_grey_page(self, job: Job) -> bool:
        """Return whether any page after the first is grey."""
        return any(is_grey(page.picture, page.space) for page in islice(self._read_photos(job.source), 1, None))

    def write(self, job: Job, loaded: LoadedPhoto, ab_maps: Sequence[Floats]) -> Outcome:
        """Write a photo's result, its candidates or their sheet, and return its outcome."""
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

    def color_pages(self, job: Job, loaded: LoadedPhoto) -> Outcome:
        """Colour and write a file of several pages, one page at a time; its colour pages stay as they are."""
        notes: dict[str, None] = {}  # each line once, in order
        references: Sequence[Reference] = ()

        def results() -> Iterator[Photo]:
            for page in chain([loaded.photo], loaded.more_pages or ()):
                measure = None if self._options.force else measure_color(page.picture, page.space)
                noted = page if measure is None else _with_patch_noted(job, page, measure)
                notes.update(dict.fromkeys(noted.notes))
                if measure is None or measure.is_grey:
                    with self._turns:
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
