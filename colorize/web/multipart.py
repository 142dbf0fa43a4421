"""Multipart forms whose files are written once: small ones where a job keeps them, others into the folder of the jobs.

Starlette writes an upload into a temporary file without a name, which can only be copied. It has no setting for that,
so its parser is given another file as soon as it has made its own. ``Request._get_form``,
``MultiPartParser._current_part`` and ``_files_to_close_on_error`` are private, and so is ``_rolled``, by which a file
says whether it has left the memory. This can go when Starlette lets a request choose its parser or its files, which
1.10 does not.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from colorize.base import move_into_place
from colorize.web.jobs import JobQueue

STALL_SECONDS = 60.0  # without a byte of an upload, after which it is given up: it holds a place that others want


class UploadedFile:
    """The file of an upload, which is deleted when it is closed unless it was moved away before.

    A small one stays in memory until it is moved, and so costs no change of threads for each piece that comes.
    """

    def __init__(self, folder: Path) -> None:
        """Begin without content.

        Args:
            folder: Where it gets a name of its own once it is no small one any more.
        """
        self._path = folder / f"upload-{secrets.token_hex(8)}"
        self._file: BinaryIO = io.BytesIO()
        self._rolled = False  # Starlette writes, reads and closes in a thread what is not in memory

    def write(self, data: bytes) -> int:
        """Add a piece, and return its length."""
        if not self._rolled and self._file.tell() + len(data) > MultiPartParser.spool_max_size:
            content, self._file = self._file, open(self._path, "x+b")  # noqa: SIM115 - it stays open
            self._rolled = True
            with content:
                self._file.write(content.getbuffer())  # type: ignore[attr-defined]
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        """Return what follows, or so much of it."""
        return self._file.read(size)

    def seek(self, offset: int) -> int:
        """Go to a place, and return it."""
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def move_to(self, path: Path) -> None:
        """Close the file and give it another name on the same disk."""
        if self._rolled:
            self._file.close()
            move_into_place(self._path, path)
        else:
            with self._file as content:
                path.write_bytes(content.getbuffer())  # type: ignore[attr-defined]

    def close(self) -> None:
        """Close the file and delete it, unless it was moved away."""
        self._file.close()
        if self._rolled:
            self._path.unlink(missing_ok=True)


class UploadRequest(Request):
    """A request whose multipart form has ``UploadedFile`` for files."""

    def __init__(self, request: Request, folder: Path, finished: Callable[[], None]) -> None:
        """Take over a request whose body was not read yet.

        Args:
            request: As it came.
            folder: For the files.
            finished: Called when the form has been read.
        """
        super().__init__(request.scope, request.receive)
        self._folder = folder
        self._finished = finished

    async def _get_form(self, **limits: Any) -> FormData:
        if self._form is None and self.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            try:
                self._form = await _FileParser(self, self._folder, limits).parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from error
            self._finished()
        return await super()._get_form(**limits)


class _FileParser(MultiPartParser):
    def __init__(self, request: Request, folder: Path, limits: dict[str, Any]) -> None:
        super().__init__(request.headers, _without_stall(request.stream()), **limits)
        self._folder = folder

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        upload = self._current_part.file
        if upload is not None:
            self._files_to_close_on_error.pop().close()
            upload.file = UploadedFile(self._folder)  # type: ignore[assignment]  # has what Starlette and FastAPI use
            self._files_to_close_on_error.append(upload.file)  # type: ignore[arg-type]


async def _without_stall(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield the pieces of a body.

    Raises:
        HTTPException: None has come for a while.
    """
    import anyio  # FastAPI brings it, whose absence is to be named first

    while True:
        try:
            with anyio.fail_after(STALL_SECONDS):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise HTTPException(408, f"no byte of the upload came for {STALL_SECONDS:g} seconds") from error
        yield piece


def upload_route(jobs: JobQueue) -> type[APIRoute]:
    """Return the class of routes whose POST requests are uploads: refused unread while the queue has no room.

    Args:
        jobs: The queue; files come into its folder.
    """

    class UploadRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                if request.method != "POST":
                    return await handler(request)
                with ExitStack() as stack:
                    stack.enter_context(jobs.uploading())
                    return await handler(UploadRequest(request, jobs.folder, stack.close))

            return handle

    return UploadRoute
