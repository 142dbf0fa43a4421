"""Files to colour, photos and films: ``colorize_files`` takes them in order and yields what became of each."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from colorize.batch.jobs import Job, Outcome
from colorize.batch.options import FileOptions
from colorize.batch.photo_pipeline import PhotoPipeline
from colorize.batch.photo_steps import PhotoSteps
from colorize.engine import Colorizer, ColorSettings

if TYPE_CHECKING:
    from colorize.batch.isolation import Isolation


def colorize_files(
    colorizer: Colorizer,
    jobs: Iterable[Job],
    options: FileOptions | None = None,
    isolation: Isolation | None = None,
) -> Generator[Outcome, None, None]:
    """Colour photos and films, and yield the outcome of each, in order. One bad file never stops the rest.

    Reading photos, the network and writing overlap in threads. Leaving the iterator early (``close``, Ctrl-C) waits for
    the files that are being written: every result that exists afterwards is whole.

    Args:
        colorizer: The colorizer.
        jobs: As ``plan`` gives them; each is taken when there is room for it.
        options: None: the defaults.
        isolation: Reads the photos and colours the films in processes of their own, so that a library's crash costs
            one file; None: all is done in this process.
    """
    options = options or FileOptions()
    pipeline = PhotoPipeline(colorizer, options, isolation)
    try:
        for job in jobs:
            if options.cancel is not None and options.cancel.is_set():
                break
            if job.is_video:
                yield from pipeline.finish()
                if isolation is not None and colorizer.weights is not None and isolation.takes_film(job):
                    runtime = replace(isolation.runtime, weights=colorizer.weights)
                    yield isolation.color_film(runtime, colorizer.settings, job, options)
                else:
                    from colorize.batch.video_job import color_video  # brings PyAV, which photographs do without

                    yield color_video(colorizer, job, options)
            else:
                yield from pipeline.add(job)
        yield from pipeline.finish()
    finally:
        pipeline.close()


def colorize_photo(
    colorizer: Colorizer,
    job: Job,
    options: FileOptions,
    isolation: Isolation | None,
    turns: AbstractContextManager[Any],
) -> Outcome:
    """Colour a photo in the thread that asks, and return its outcome: for a server, whose photos come one by one.

    Args:
        colorizer: The colorizer.
        job: The photo.
        options: Of the run.
        isolation: Reads it in a process of its own; None: this process does.
        turns: Held while the network computes, such as a semaphore of so many photos as may do so at once.
    """
    return PhotoSteps(colorizer, options, isolation, turns).color(job)


def colorize_films(
    isolation: Isolation, colors: ColorSettings, jobs: Iterable[Job], options: FileOptions
) -> Generator[Outcome, None, None]:
    """Colour films as ``colorize_files`` does, without a network in this process.

    Args:
        isolation: Colours the films in a process of its own.
        colors: How they are coloured there.
        jobs: Films that ``isolation`` takes.
        options: Of the run.
    """
    for job in jobs:
        if options.cancel is not None and options.cancel.is_set():
            break
        yield isolation.color_film(isolation.runtime, colors, job, options)
