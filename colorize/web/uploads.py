"""Uploads of the page: checked, put into the service's queue, and their results moved into the file store."""

from __future__ import annotations

import asyncio
import html
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from colorize.base import VIDEO_SUFFIXES
from colorize.batch import Outcome
from colorize.web.file_store import FileStore
from colorize.web.jobs import RETRY_SECONDS, CancelledJobError, Kind, QueueFullError, WebJob
from colorize.web.requests import PhotoRequest
from colorize.web.service import ColorizeService

T = TypeVar("T")
Upload = dict[str, Any]
"""What Gradio tells of an uploaded file: ``path`` in the page's folder, ``orig_name``, and more."""


def problem(sentence: str) -> gr.Error:
    """Return the error that the page shows until it is closed, and that ``gradio_client`` raises."""
    return gr.Error(html.escape(sentence, quote=False), duration=None, title="Not done", print_exception=False)


class UploadHandler:
    """Has uploads coloured through the service's queue."""

    def __init__(self, service: ColorizeService, store: FileStore) -> None:
        self.service, self.store = service, store

    async def take(self, kind: Kind, upload: Upload | None, wait_for_room: bool = False) -> tuple[WebJob, Path]:
        """Return a new job, and the upload's place in its folder.

        Args:
            kind: Of the job.
            upload: What Gradio gave.
            wait_for_room: Wait while the queue is full.

        Raises:
            gr.Error: There is no such upload, or the queue is full.
        """
        if not upload:
            raise problem(f"there is no {kind} yet; choose one first")
        if not self.store.owns(upload["path"]):
            raise problem("the upload is not kept any longer; choose the file again")
        job = await _in_turn(lambda: self.service.jobs.new(kind), wait_for_room)
        place = job.place(name_of(upload))
        try:
            if kind == "photo" and place.suffix.lower() in VIDEO_SUFFIXES:
                raise problem(f"{place.name}: a film by its name; colour it under Film")
            await asyncio.to_thread(link, Path(upload["path"]), place)
        except BaseException:
            self.service.jobs.forget(job)
            raise
        return job, place

    async def submit(self, work: Callable[[], None], wait_for_room: bool = False) -> None:
        """Put work into the queue.

        Raises:
            gr.Error: A request is wrong, or the queue is full.
        """
        await _in_turn(work, wait_for_room)

    async def photo(
        self, upload: Upload | None, request: PhotoRequest, wait_for_room: bool = False
    ) -> tuple[Outcome, list[Path]]:
        """Return what became of a photo, and its coloured files in the store: one, several versions, or none.

        Raises:
            gr.Error: It could not begin.
        """
        job, source = await self.take("photo", upload, wait_for_room)
        try:
            await self.submit(lambda: self.service.photo(job, source, request), wait_for_room)
            await asyncio.wait({asyncio.wrap_future(job.future)})
            return self.finish(job)
        finally:
            self.service.jobs.forget(job)  # of a client that went away, too

    def finish(self, job: WebJob) -> tuple[Outcome, list[Path]]:
        """Return the outcome of a job that has ended, and its results, which move to the store."""
        try:
            outcome = job.future.result(timeout=0)
        except CancelledJobError:
            outcome = Outcome(job.folder, "stopped", "stopped")
        if outcome.status != "done":
            return outcome, []
        return outcome, [self._keep(file) for file in sorted((job.folder / "out").iterdir()) if file.is_file()]

    def _keep(self, file: Path) -> Path:
        place = self.store.place(file.name)
        shutil.move(file, place)
        os.utime(place)  # its time in the store begins now, on any system
        return place


def link(source: Path, target: Path) -> None:
    """Let a second name stand for a file, or copy it where the disk knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def name_of(upload: Upload) -> str:
    """Return the client's name of an upload."""
    return Path(upload.get("orig_name") or upload["path"]).name


async def _in_turn(work: Callable[[], T], wait_for_room: bool) -> T:
    """Return the result of work, in a thread of its own, for which there may be no room just now."""
    while True:
        try:
            return await asyncio.to_thread(work)  # weights may have to be loaded
        except QueueFullError as error:
            if not wait_for_room:
                raise problem(str(error)) from error
            await asyncio.sleep(RETRY_SECONDS)
        except ValueError as error:  # WeightsError too
            raise problem(str(error)) from error
