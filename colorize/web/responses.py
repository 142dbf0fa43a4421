"""Between a client's request and a job: uploads stored, ends awaited, errors and results as answers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fastapi import HTTPException, Request, UploadFile

from colorize.base import PHOTO_FORMATS
from colorize.batch import Outcome
from colorize.web.jobs import CancelledJobError, Kind, WebJob
from colorize.web.service import ColorizeService

T = TypeVar("T")
POLL_SECONDS = 1.0  # how soon a client that went away is noticed


async def receive(service: ColorizeService, kind: Kind, upload: UploadFile, default: str) -> tuple[WebJob, Path]:
    """Store an upload in a new job's folder.

    Args:
        service: Whose queue the job is to join.
        kind: Of the job.
        upload: The client's file.
        default: Its name where the client gives none.

    Raises:
        QueueFullError: There is no room.
        OSError: The disk is full or refuses; the job is forgotten.
    """
    job = service.jobs.new(kind)
    source = job.place(upload.filename or default)

    def store() -> None:
        with source.open("xb") as file:
            shutil.copyfileobj(upload.file, file, 1 << 20)

    try:
        await asyncio.to_thread(store)
    except BaseException:
        service.jobs.forget(job)
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
    if suffix in PHOTO_FORMATS:
        return f"image/{PHOTO_FORMATS[suffix].lower()}"
    return {".mkv": "video/x-matroska", ".mov": "video/quicktime", ".webm": "video/webm"}.get(suffix, "video/mp4")
