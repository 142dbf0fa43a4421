"""Files to colour, photos and films: ``colorize_files`` takes them in order and yields what became of each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial

from colorize.base import PHOTO_FORMATS
from colorize.batch.jobs import RESULT_SUFFIX, FileOptions, Job, Outcome, failed_outcome, same_file
from colorize.batch.photo_pipeline import PhotoPipeline
from colorize.engine import Colorizer
from colorize.film import SegmentStore, VideoStopped, colorize_video, contact_sheet, is_in_color, probe
from colorize.photo import Photo, write_photo


def colorize_files(
    colorizer: Colorizer, jobs: Sequence[Job], options: FileOptions | None = None
) -> Generator[Outcome, None, None]:
    """Colour photos and films, and yield the outcome of each, in order. One bad file never stops the rest.

    Reading photos, the network and writing overlap in threads. Leaving the iterator early (``close``, Ctrl-C) waits for
    the files that are being written: every result that exists afterwards is whole.

    Args:
        colorizer: The colorizer.
        jobs: As ``plan`` gives them.
        options: None: the defaults.
    """
    options = options or FileOptions()
    pipeline = PhotoPipeline(colorizer, options)
    try:
        for job in jobs:
            if options.cancel is not None and options.cancel.is_set():
                break
            if job.is_video:
                yield from pipeline.finish()
                yield _color_video(colorizer, job, options)
            else:
                yield from pipeline.add(job)
        yield from pipeline.finish()
    finally:
        pipeline.close()


def _color_video(colorizer: Colorizer, job: Job, options: FileOptions) -> Outcome:
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
            message = f"{failed.message}; the finished segments stay, and the same command goes on from them"
            return replace(failed, message=message)
        return failed
    if result.cut_off:
        return Outcome(job.source, "failed", result.cut_off, notes=result.notes)
    return Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=result.notes)


def _preview_video(colorizer: Colorizer, job: Job, options: FileOptions, count: int) -> Outcome:
    """Write a contact sheet of ``count`` coloured frames: under the target's name where that is a photo's."""
    target = job.target
    if target.suffix.lower() not in PHOTO_FORMATS:
        target = job.target.with_name(f"{job.source.stem}_preview{RESULT_SUFFIX}.jpg")
    if target.exists() and not options.overwrite:
        raise FileExistsError(f"{target}: exists already; --overwrite replaces it")
    sheet = contact_sheet(colorizer, probe(job.source), count, options.video.span)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_photo(target, Photo(sheet), quality=options.quality, overwrite=options.overwrite)
    return Outcome(job.source, "done", f"{job.source} -> {target}")
