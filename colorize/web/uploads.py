"""Uploads of the page: checked, put into the service's queue, and their results moved into the file store."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from colorize.base import VIDEO_SUFFIXES
from colorize.batch import Outcome
from colorize.web.controls import page_error
from colorize.web.file_store import FileStore
from colorize.web.jobs import RETRY_SECONDS, CancelledJobError, Kind, QueueFullError, WebJob
from colorize.web.requests import ColorizeRequest
from colorize.web.service import ColorizeService

POLL_SECONDS = 0.5  # how soon it is noticed that a job is not wanted any more, and between two looks at its progress
T = TypeVar("T")
Upload = dict[str, Any]
"""An uploaded file as Gradio describes it: ``path`` in the page's folder, ``orig_name``, and more."""


class UploadHandler:
    """Colours uploads through the service's queue.

    Attributes:
        service: Colours them.
        store: Holds the uploads and their results.
    """

    def __init__(self, service: ColorizeService, store: FileStore) -> None:
        self.service, self.store = service, store

    async def new_job(self, kind: Kind, upload: Upload | None, wait_for_room: bool = False) -> tuple[WebJob, Path]:
        """Return a new job, and the upload's path in the job's folder.

        Args:
            kind: Of the job.
            upload: As Gradio gave it; None: the page has no file.
            wait_for_room: Wait while the queue is full.

        Raises:
            gr.Error: There is no such upload, it is a film where a photo was asked for, or the queue is full.
        """
        if not upload:
            raise page_error(f"there is no {kind} yet; choose one first")
        if not self.store.owns(upload["path"]):
            raise page_error("the upload is not kept any longer; choose the file again")
        job = await _call_in_thread(lambda: self.service.jobs.new(kind), wait_for_room)
        source = job.upload_path(upload_name(upload))
        try:
            if kind == "photo" and source.suffix.lower() in VIDEO_SUFFIXES:
                raise page_error(f"{source.name}: a film by its name; colour it under Film")
            await asyncio.to_thread(link_or_copy, Path(upload["path"]), source)
        except BaseException:
            self.service.jobs.forget(job)
            raise
        return job, source

    async def submit(self, enqueue: Callable[[], None], wait_for_room: bool = False) -> None:
        """Put a job into the queue.

        Args:
            enqueue: Calls ``submit_photo`` or ``submit_video`` of the service.
            wait_for_room: Wait while the queue is full.

        Raises:
            gr.Error: A setting of the request is wrong, or the queue is full.
        """
        await _call_in_thread(enqueue, wait_for_room)

    async def colorize_photo(
        self, upload: Upload | None, request: ColorizeRequest, wait_for_room: bool = False
    ) -> tuple[Outcome, list[Path]]:
        """Return the outcome of a photo, and its coloured files in the store: one, several versions, or none.

        Args:
            upload: As Gradio gave it; None: the page has no photo.
            request: How it is coloured; its references are files of the store.
            wait_for_room: Wait while the queue is full.

        Raises:
            gr.Error: It could not begin.
        """
        job, source = await self.new_job("photo", upload, wait_for_room)
        try:
            own = await asyncio.to_thread(with_references_in, job, request)
            await self.submit(lambda: self.service.submit_photo(job, source, own), wait_for_room)
            await wait_for_end(job)
            return self.collect_results(job)
        finally:
            self.service.jobs.forget(job)  # of a client that went away, too

    def collect_results(self, job: WebJob) -> tuple[Outcome, list[Path]]:
        """Return the outcome of a job that has ended, and its result files, which move into the store."""
        try:
            outcome = job.future.result(timeout=0)
        except (CancelledJobError, CancelledError):
            outcome = Outcome(job.folder, "stopped", "stopped")
        if outcome.status != "done":
            return outcome, []
        return outcome, [self._move_to_store(file) for file in sorted((job.folder / "out").iterdir()) if file.is_file()]

    def _move_to_store(self, file: Path) -> Path:
        target = self.store.new_path(file.name)
        shutil.move(file, target)
        os.utime(target)  # its time in the store begins now, on any system
        return target


async def until_end(job: WebJob) -> AsyncIterator[None]:
    """Yield now and then until a job of the queue has ended, or was cancelled before it began."""
    future = asyncio.wrap_future(job.future)
    while not (await asyncio.wait({future}, timeout=POLL_SECONDS))[0]:
        if job.cancel.is_set() and job.future.cancel():  # not what is at work: that ends by itself
            return
        yield


async def wait_for_end(job: WebJob) -> None:
    """Wait until a job of the queue has ended, or was cancelled before it began."""
    async for _ in until_end(job):
        pass


def with_references_in(job: WebJob, request: ColorizeRequest) -> ColorizeRequest:
    """Return a request whose references lie in a job's folder, so that messages name them as the client does."""
    options = request.options
    photo = replace(options.photo, references=_moved_into(job, options.photo.references))
    video = replace(options.video, references=_moved_into(job, options.video.references))
    return replace(request, options=replace(options, photo=photo, video=video))


def _moved_into(job: WebJob, files: Sequence[Path]) -> tuple[Path, ...]:
    """Return the second names in a job's folder that files of the store are given."""
    paths = tuple(job.extra_path(path.name) for path in files)
    for path, own in zip(files, paths, strict=True):
        link_or_copy(path, own)
    return paths


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name by a hard link, or copy it where the disk knows no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def upload_name(upload: Upload) -> str:
    """Return the name that an upload has on the client's machine, without folders."""
    return Path(upload.get("orig_name") or upload["path"]).name


async def _call_in_thread(function: Callable[[], T], wait_for_room: bool) -> T:
    """Call a function in another thread; while the queue is full, call it again or report that as an error."""
    while True:
        try:
            return await asyncio.to_thread(function)  # weights may have to be loaded
        except QueueFullError as error:
            if not wait_for_room:
                raise page_error(str(error)) from error
            await asyncio.sleep(RETRY_SECONDS)
        except ValueError as error:  # WeightsError too
            raise page_error(str(error)) from error
