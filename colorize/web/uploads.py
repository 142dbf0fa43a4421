"""The desk between the page and the studio: it takes uploads, has them coloured, and keeps the results for a while."""

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
    """Has uploads coloured through the studio's queue."""

    def __init__(self, studio: ColorizeService, shelf: FileStore) -> None:
        self.studio, self.shelf = studio, shelf

    async def take(self, kind: Kind, upload: Upload | None, patient: bool = False) -> tuple[WebJob, Path]:
        """Return a new job, and the upload's place in its folder.

        Args:
            kind: Of the job.
            upload: What Gradio gave.
            patient: Wait while the queue is full.

        Raises:
            gr.Error: There is no such upload, or the queue is full.
        """
        if not upload:
            raise problem(f"there is no {kind} yet; choose one first")
        if not self.shelf.owns(upload["path"]):
            raise problem("the upload is not kept any longer; choose the file again")
        job = await _in_turn(lambda: self.studio.jobs.new(kind), patient)
        place = job.place(name_of(upload))
        try:
            if kind == "photo" and place.suffix.lower() in VIDEO_SUFFIXES:
                raise problem(f"{place.name}: a film by its name; colour it under Film")
            await asyncio.to_thread(link, Path(upload["path"]), place)
        except BaseException:
            self.studio.jobs.forget(job)
            raise
        return job, place

    async def submit(self, work: Callable[[], None], patient: bool = False) -> None:
        """Put work into the queue.

        Raises:
            gr.Error: A wish is wrong, or the queue is full.
        """
        await _in_turn(work, patient)

    async def photo(
        self, upload: Upload | None, wish: PhotoRequest, patient: bool = False
    ) -> tuple[Outcome, list[Path]]:
        """Return what became of a photo, and its coloured files on the shelf: one, several versions, or none.

        Raises:
            gr.Error: It could not begin.
        """
        job, source = await self.take("photo", upload, patient)
        try:
            await self.submit(lambda: self.studio.photo(job, source, wish), patient)
            await asyncio.wait({asyncio.wrap_future(job.future)})
            return self.finish(job)
        finally:
            self.studio.jobs.forget(job)  # of a client that went away, too

    def finish(self, job: WebJob) -> tuple[Outcome, list[Path]]:
        """Return the outcome of a job that has ended, and its results, which move to the shelf."""
        try:
            outcome = job.future.result(timeout=0)
        except CancelledJobError:
            outcome = Outcome(job.folder, "stopped", "stopped")
        if outcome.status != "done":
            return outcome, []
        return outcome, [self._keep(file) for file in sorted((job.folder / "out").iterdir()) if file.is_file()]

    def _keep(self, file: Path) -> Path:
        place = self.shelf.place(file.name)
        shutil.move(file, place)
        os.utime(place)  # its time on the shelf begins now, on any system
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


async def _in_turn(work: Callable[[], T], patient: bool) -> T:
    """Return the result of work, in a thread of its own, for which there may be no room just now."""
    while True:
        try:
            return await asyncio.to_thread(work)  # weights may have to be loaded
        except QueueFullError as error:
            if not patient:
                raise problem(str(error)) from error
            await asyncio.sleep(RETRY_SECONDS)
        except ValueError as error:  # WeightsError too
            raise problem(str(error)) from error
