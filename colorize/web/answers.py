"""Between a client's request and a job: uploads stored, ends awaited, errors and results as answers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fastapi import HTTPException, Request, UploadFile

from colorize.jobs import Outcome
from colorize.photo import FORMATS
from colorize.web.job import Kind, WebJob
from colorize.web.jobs import CancelledJobError
from colorize.web.schema import FilmJob
from colorize.web.studio import Studio

T = TypeVar("T")
POLL_SECONDS = 1.0  # how soon a client that went away is noticed


def describe(job: WebJob, root_path: str = "") -> FilmJob:
    """Return what a client is told of a job.

    Args:
        job: Of a film.
        root_path: Where a proxy shows the service.
    """
    progress, outcome = job.progress, job.outcome
    message, notes = "", []
    if job.status == "cancelled":
        message = "cancelled"
    elif outcome is not None:
        message, notes = outcome.message, list(outcome.notes)
    return FilmJob(
        id=job.id,
        status=job.status,
        done=progress.done if progress else 0,
        total=progress.total if progress else None,
        seconds_left=job.seconds_left if job.status == "working" else None,
        message=message,
        notes=notes,
        result=f"{root_path}/v1/videos/{job.id}/result" if job.result else None,
    )


async def receive(studio: Studio, kind: Kind, upload: UploadFile, default: str) -> tuple[WebJob, Path]:
    """Store an upload in a new job's folder.

    Args:
        studio: Whose queue the job is to join.
        kind: Of the job.
        upload: The client's file.
        default: Its name where the client gives none.

    Raises:
        QueueFullError: There is no room.
        OSError: The disk is full or refuses; the job is forgotten.
    """
    job = studio.jobs.new(kind)
    source = job.place(upload.filename or default)

    def store() -> None:
        with source.open("xb") as file:
            shutil.copyfileobj(upload.file, file, 1 << 20)

    try:
        await asyncio.to_thread(store)
    except BaseException:
        studio.jobs.forget(job)
        raise
    return job, source


async def outcome_of(request: Request, job: WebJob) -> Outcome:
    """Wait for a job; a client that goes away takes it back.

    Raises:
        HTTPException: 499: the client went away, or the job was cancelled.
    """
    future = asyncio.wrap_future(job.future)
    while not (await asyncio.wait({future}, timeout=POLL_SECONDS))[0]:
        if await request.is_disconnected():
            job.cancel.set()
            raise HTTPException(499, "the client went away")
    try:
        return await future
    except CancelledJobError as error:
        raise HTTPException(499, "cancelled") from error


def result_of(job: WebJob, outcome: Outcome) -> Path:
    """Return the coloured file.

    Raises:
        HTTPException: There is none; it says why.
    """
    if outcome.status == "done" and job.result is not None:
        return job.result
    unexpected = outcome.error is not None and not isinstance(outcome.error, OSError | ValueError | MemoryError)
    raise HTTPException(500 if unexpected else 422, outcome.message)


def find_film(studio: Studio, id: str) -> WebJob:
    """Return a film's job.

    Raises:
        HTTPException: 404: there is none by this id.
    """
    job = studio.jobs.find(id)
    if job is None or job.kind != "film":
        raise HTTPException(404, f"{id}: there is no such job, or not any more")
    return job


def checked(work: Callable[[], T]) -> T:
    """Run what checks a client's words, and turn its error into an answer.

    Raises:
        HTTPException: 422, with the error's sentence.
    """
    try:
        return work()
    except ValueError as error:  # WeightsError too
        raise HTTPException(422, str(error)) from error


def media_type_of(path: Path) -> str:
    """Return the media type of a coloured file, by its suffix."""
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return f"image/{FORMATS[suffix].lower()}"
    return {".mkv": "video/x-matroska", ".mov": "video/quicktime", ".webm": "video/webm"}.get(suffix, "video/mp4")
