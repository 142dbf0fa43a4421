"""What the photo and video routes share: uploads are stored, jobs awaited, results and errors turned into responses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi import HTTPException, Request, UploadFile
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask
from starlette.types import Message, Receive, Scope, Send

from colorize.base import CONTAINERS, PHOTO_FORMATS, READ_ONLY_SUFFIXES
from colorize.batch import Outcome
from colorize.web.jobs import CancelledJobError, Kind, WebJob, safe_name
from colorize.web.multipart import UploadedFile
from colorize.web.service import ColorizeService

REFERENCE_HELP = "A photograph whose colours are taken where it shows the same things; may be sent several times"
KEY_FRAMES_FOLDER = "keyframes"  # name of a film's, beside the film
POLL_SECONDS = 1.0  # how soon a client that went away is noticed


class SentFile(FileResponse):
    """A coloured file under its name, which is sent in pieces of a megabyte: each costs several changes of threads."""

    chunk_size = 1 << 20

    def __init__(self, path: Path, background: BackgroundTask | None = None) -> None:
        """Offer a file.

        Args:
            path: The file.
            background: Done after it was sent, or the client went away; None: nothing.
        """
        super().__init__(path, filename=path.name, media_type=media_type(path), background=background)


class FileOnce(SentFile):
    """A file that is deleted once it was sent whole: a client that was cut off, or took a part, may come again."""

    def __init__(self, path: Path, sent: Callable[[], None]) -> None:
        """Offer a coloured file under its name.

        Args:
            path: The file.
            sent: Called in a thread when the client has been given all of it.
        """
        super().__init__(path)
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the part of it that the client asks for."""
        is_whole = is_sent = False

        async def send_on(message: Message) -> None:
            nonlocal is_whole, is_sent
            await send(message)
            if message["type"] == "http.response.start":
                is_whole = message["status"] == 200
            elif message["type"] == "http.response.body":
                is_sent = not message.get("more_body", False)

        await super().__call__(scope, receive, send_on)
        if is_whole and is_sent:
            await asyncio.to_thread(self._sent)


async def store_upload(
    service: ColorizeService, kind: Kind, upload: UploadFile, default_name: str
) -> tuple[WebJob, Path]:
    """Return a new job, and the path of the upload, which moves into the job's folder.

    Args:
        service: Whose queue the job is to join.
        kind: Of the job.
        upload: The client's file.
        default_name: Of an upload without a name.

    Raises:
        QueueFullError: There is no room.
        OSError: The disk is full or refuses; the job is forgotten.
    """
    job = service.jobs.new(kind)
    source = job.upload_path(upload.filename or default_name)
    assert isinstance(upload.file, UploadedFile)  # of an ``upload_route``
    try:
        await asyncio.to_thread(upload.file.move_to, source)
    except BaseException:
        service.jobs.forget(job)
        raise
    return job, source


async def store_beside(job: WebJob, upload: UploadFile, default_name: str) -> Path:
    """Return the path of a further file of a job, which moves into the job's folder under a name of its own.

    Args:
        job: From ``store_upload``.
        upload: The client's file.
        default_name: Of an upload without a name.
    """
    path = job.extra_path(upload.filename or default_name)
    assert isinstance(upload.file, UploadedFile)  # of an ``upload_route``
    await asyncio.to_thread(upload.file.move_to, path)
    return path


async def store_references(job: WebJob, uploads: Sequence[UploadFile]) -> tuple[Path, ...]:
    """Return the paths within a job's folder to which its references have moved."""
    return tuple([await store_beside(job, upload, "reference") for upload in uploads])


async def store_key_frames(job: WebJob, uploads: Sequence[UploadFile]) -> Path | None:
    """Return the folder within a job's into which its key frames have moved, under their names; None: there are none.

    Raises:
        HTTPException: 422: two have one name, or one is no picture by its name.
        OSError: The disk is full or refuses.
    """
    if not uploads:
        return None
    folder = job.folder / "in" / KEY_FRAMES_FOLDER
    folder.mkdir()
    for upload in uploads:
        path = folder / safe_name(upload.filename or "")
        if path.suffix.lower() not in {*PHOTO_FORMATS, *READ_ONLY_SUFFIXES}:
            raise HTTPException(422, f"keyframes: {path.name} is no picture by its name; send it as {path.stem}.png")
        if path.exists():
            raise HTTPException(422, f"keyframes: {path.name}: two have this name; send one of them")
        assert isinstance(upload.file, UploadedFile)  # of an ``upload_route``
        await asyncio.to_thread(upload.file.move_to, path)
    return folder


async def wait_for_outcome(request: Request, job: WebJob) -> Outcome:
    """Return the outcome of a job when it has ended; if the client disconnects, the job is cancelled.

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


def result_path(job: WebJob, outcome: Outcome) -> Path:
    """Return the path of a job's coloured file.

    Raises:
        HTTPException: There is no such file; 422 with the reason, or 500 after an unexpected error.
    """
    if outcome.status == "done" and job.result is not None:
        return job.result
    unexpected = outcome.error is not None and not isinstance(outcome.error, OSError | ValueError | MemoryError)
    raise HTTPException(500 if unexpected else 422, outcome.message)


@contextmanager
def value_errors_as_422() -> Iterator[None]:
    """Turn a ``ValueError`` about a client's fields into an error response.

    Raises:
        HTTPException: 422, with the error's message.
    """
    try:
        yield
    except ValueError as error:  # WeightsError too
        raise HTTPException(422, str(error)) from error


def media_type(path: Path) -> str:
    """Return the media type of a coloured file, by its suffix."""
    suffix = path.suffix.lower()
    if suffix in PHOTO_FORMATS:
        return f"image/{PHOTO_FORMATS[suffix].lower()}"
    return CONTAINERS[suffix].media_type
