"""Films among the files: coloured, or looked at on a contact sheet."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from colorize.colorizer import Colorizer
from colorize.contact import contact_sheet, is_in_color
from colorize.failures import failure
from colorize.file_options import FileOptions
from colorize.film_options import FilmStopped
from colorize.films import colorize_video
from colorize.images import FORMATS, Photo, write_photo
from colorize.jobs import NAME_MARK, Job, Outcome, same_file
from colorize.parts import Parts
from colorize.video import probe


def color_film(colorizer: Colorizer, job: Job, options: FileOptions) -> Outcome:
    """Colour a film, or make its contact sheet."""
    if options.candidates is not None:
        return Outcome(job.source, "skipped", f"{job.source}: a film; --candidates is for photos")
    try:
        if options.preview is not None:
            return _preview_film(colorizer, job, options, options.preview)
        if job.target.exists() and options.skip_existing:
            return Outcome(job.source, "skipped", f"{job.source}: {job.target} exists already")
        if job.target.exists() and not options.overwrite and not same_file(job.source, job.target):
            raise FileExistsError(f"{job.target}: exists already; --overwrite replaces it, --skip-existing leaves it")
        if not options.force and is_in_color(probe(job.source), options.film.span):
            return Outcome(job.source, "skipped", f"{job.source}: in colour already; --force colours it anew")
        result = colorize_video(
            job.source,
            job.target,
            colorizer=colorizer,
            options=replace(options.film, overwrite=options.overwrite, mark=options.mark),
            progress=None if options.progress is None else partial(options.progress, job.source),
            cancel=options.cancel,
        )
    except FilmStopped as error:
        return Outcome(job.source, "stopped", str(error), error)
    except Exception as error:  # any surprise in one file must not stop the others
        failed = failure(job, error)
        if Parts(job.target).folder.exists():
            message = f"{failed.message}; the finished parts stay, and the same command goes on from them"
            return replace(failed, message=message)
        return failed
    if result.cut_off:
        return Outcome(job.source, "failed", result.cut_off, notes=result.notes)
    return Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=result.notes)


def _preview_film(colorizer: Colorizer, job: Job, options: FileOptions, count: int) -> Outcome:
    target = job.target
    if target.suffix.lower() not in FORMATS:
        target = job.target.with_name(f"{job.source.stem}_preview{NAME_MARK}.jpg")
    if target.exists() and not options.overwrite:
        raise FileExistsError(f"{target}: exists already; --overwrite replaces it")
    sheet = contact_sheet(colorizer, probe(job.source), count, options.film.span)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_photo(target, Photo(sheet), quality=options.quality, overwrite=options.overwrite)
    return Outcome(job.source, "done", f"{job.source} -> {target}")
