"""One film of a run: coloured, or a contact sheet made of it, and what became of it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from colorize.base import InColorError, SegmentsError
from colorize.batch.dates import FileDates
from colorize.batch.jobs import Job, Outcome, check_target, failed_outcome, result_paths, skipped_film
from colorize.batch.names import reference_beside
from colorize.batch.options import FileOptions
from colorize.engine import Colorizer
from colorize.film import (
    SegmentStore,
    Spread,
    VideoStopped,
    colorize_video,
    contact_sheet,
    export_key_frames,
    frame_numbers,
    frame_path,
    is_pipe,
    names_frames,
    open_source,
    read_references,
)
from colorize.photo import Photo, write_photo


def color_video(colorizer: Colorizer, job: Job, options: FileOptions, spread: Spread | None = None) -> Outcome:
    """Colour a film, or make its contact sheet, and return the outcome; an error becomes one.

    Args:
        colorizer: The colorizer.
        job: The film.
        options: Those of the run.
        spread: Who colours its scenes; None: this process.
    """
    try:
        skipped = skipped_film(job, options) or check_target(job, options)
        if skipped is not None:
            return skipped
        has_dates = options.keep_dates and not is_pipe(job.source) and not is_pipe(job.target)
        dates = _dates_of(job.source) if has_dates else None
        if (beside := reference_beside(job.source)) is not None:
            options = replace(options, video=replace(options.video, references=(beside,)))
        if options.preview is not None:
            return _preview_video(colorizer, job, options, options.preview, dates)
        if options.export_keyframes is not None:
            return _export_key_frames(colorizer, job, options, options.export_keyframes)
        result = colorize_video(
            job.source,
            job.target,
            colorizer=colorizer,
            options=options.video,
            progress=None if options.progress is None else partial(options.progress, job.source),
            cancel=options.cancel,
            force=options.force,
            spread=spread,
        )
        date_notes = () if dates is None else _give_dates(job, dates)
    except InColorError as error:
        return Outcome(job.source, "skipped", str(error))
    except VideoStopped as error:
        return Outcome(job.source, "stopped", str(error), error)
    except Exception as error:  # any surprise in one file must not stop the others
        failed = failed_outcome(job, error)
        if os.path.exists(SegmentStore(job.target).folder) and not isinstance(error, (SegmentsError, FileExistsError)):
            message = f"{failed.message}; the finished segments stay, and the same command goes on from them"
            return replace(failed, message=message)
        return failed
    notes = (*result.notes, *date_notes)
    if result.cut_off:
        return Outcome(job.source, "failed", result.cut_off, notes=notes)
    return Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=notes)


def _dates_of(source: Path) -> FileDates:
    """Return the dates of a film, of numbered frames those of the first.

    Raises:
        OSError: There is no such film.
    """
    numbers = frame_numbers(source) if names_frames(source) else []
    return FileDates.of(frame_path(source, numbers[0]) if numbers else source)


def _give_dates(job: Job, dates: FileDates) -> tuple[str, ...]:
    """Give a film's result its dates; numbered frames of numbered frames get each its own.

    Returns:
        A line where the disk does not let the dates be changed.
    """
    if job.target.exists():
        return dates.try_to_give(job.target)
    lines: tuple[str, ...] = ()
    for number in frame_numbers(job.target):
        own = frame_path(job.source, number) if names_frames(job.source) else job.source
        with suppress(FileNotFoundError):  # of a frame that another one stands in for
            dates = FileDates.of(own)
        lines = lines or dates.try_to_give(frame_path(job.target, number))
    return lines


def _export_key_frames(colorizer: Colorizer, job: Job, options: FileOptions, count: int) -> Outcome:
    """Write frames that are worth painting into the target's folder."""
    folder = job.target.parent
    source = open_source(job.source, options.video)
    paths = export_key_frames(source, folder, count, colorizer, options.video, options.cancel)
    more = f" (one a scene, and so more than {count})" if len(paths) > count else ""
    frames = "1 key frame" if len(paths) == 1 else f"{len(paths)} key frames"
    return Outcome(job.source, "done", f"{job.source} -> {folder}: {frames}{more}")


def _preview_video(
    colorizer: Colorizer, job: Job, options: FileOptions, count: int, dates: FileDates | None
) -> Outcome:
    """Write a contact sheet of ``count`` coloured frames."""
    (target,) = result_paths(job, options)
    source = open_source(job.source, options.video)
    references = read_references(options.video, colorizer, job.source)
    sheet, own = contact_sheet(colorizer, source, count, options.video.span, force=options.force, references=references)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_photo(target, Photo(sheet), quality=options.photo.quality, overwrite=options.video.overwrite)
    notes = () if dates is None else dates.try_to_give(target)
    if own:
        notes = (f"{job.source}: {own} of these frames are in colour already, and shown so", *notes)
    return Outcome(job.source, "done", f"{job.source} -> {target}", notes=notes)
