"""One film of a run: coloured, or a contact sheet made of it, and what became of it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

from colorize.base import InColorError, SegmentsError
from colorize.batch.dates import FileDates
from colorize.batch.jobs import Job, Outcome, check_target, failed_outcome, result_paths
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
    is_pipe,
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
    if options.photo.candidates is not None:
        return Outcome(job.source, "skipped", f"{job.source}: a film; --candidates is for photos")
    if options.photo.has_hints or job.hints:
        return Outcome(job.source, "skipped", f"{job.source}: a film; its hints say a time")
    try:
        skipped = check_target(job, options)
        if skipped is not None:
            return skipped
        has_dates = options.keep_dates and not is_pipe(job.source) and not is_pipe(job.target)
        dates = FileDates.of(job.source) if has_dates else None
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
        if dates is not None:
            dates.give(job.target)
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
    if result.cut_off:
        return Outcome(job.source, "failed", result.cut_off, notes=result.notes)
    return Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=result.notes)


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
    if dates is not None:
        dates.give(target)
    notes = (f"{job.source}: {own} of these frames are in colour already, and shown so",) if own else ()
    return Outcome(job.source, "done", f"{job.source} -> {target}", notes=notes)
