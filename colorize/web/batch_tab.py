"""The tab for many photos: coloured with a progress bar, shown in a gallery, downloaded as one ZIP.

A photo that cannot be coloured is reported by name, and the rest go on.
"""

from __future__ import annotations

import asyncio
import html
import threading
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from colorize.base import ImageError
from colorize.batch import FileOptions, PhotoOptions
from colorize.engine import ColorSettings
from colorize.web.command_lines import command_line
from colorize.web.controls import (
    IN_COLOR,
    PRIVATE,
    choice_of_pictures,
    command_box,
    enable_while_uploaded,
    end_after,
    page_error,
    progress_html,
    request_stop,
    run_after,
    status_html,
    status_line,
    weights_control,
)
from colorize.web.latest import Latest
from colorize.web.photo_tab import PhotoTab
from colorize.web.previews import write_pair
from colorize.web.requests import ColorizeRequest
from colorize.web.setting_controls import control_names, page_request, setting_controls, takes_controls
from colorize.web.uploads import Upload, UploadHandler, upload_name

MAX_QUEUED = 3  # photos of one batch in the queue at a time; those of other clients come between them
THUMBNAIL_SIDE = 600  # longest side in pixels, of each of the two
SETTINGS = (ColorSettings, PhotoOptions, FileOptions)
FOLDER = "coloured"  # name of the ZIP, and of the folder in the command line


@dataclass
class Batch:
    """The outcomes of a batch of photos so far.

    Attributes:
        results: The coloured files, by the photo's number in the batch.
        thumbnails: Path and caption of their pictures in the gallery, before and after, by the same number.
        errors: Messages of the photos that were not coloured, by the same number.
        notes: What of the coloured ones was left out or changed, by the same number.
    """

    results: dict[int, Path] = field(default_factory=dict)
    thumbnails: dict[int, tuple[str, str]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def gallery(self) -> list[tuple[str, str]]:
        """The thumbnails with their captions, in the photos' order."""
        return [self.thumbnails[number] for number in sorted(self.thumbnails)]

    def report(self, total: int, stopped: bool) -> str:
        """Return as HTML how many of ``total`` photos were coloured, and which were not."""
        done = len(self.results)
        text = f"{done} of {total} photos coloured" + (", then stopped" if stopped else "")
        items = "".join(f"<li>{html.escape(self.errors[number])}</li>" for number in sorted(self.errors))
        listed = f'<p class="bad">Not coloured:</p><ul class="errors">{items}</ul>' if items else ""
        notes = "".join(status_html(note) for number in sorted(self.notes) for note in self.notes[number])
        return status_html(text, "good" if done else "bad") + notes + listed


class BatchTab:
    """The tab's components and event handlers."""

    def __init__(self, uploads: UploadHandler) -> None:
        """Add the tab's components and events."""
        self._uploads = uploads
        self._stop_event = gr.State(None)
        self._shown = gr.State([])  # the uploads in the gallery; those that are chosen by now may be others
        with gr.Row():
            with gr.Column(min_width=300):
                self._files = gr.File(label="Your photos", file_count="multiple", height=200, elem_id="photos")
                with gr.Row():
                    self._color_button = gr.Button(
                        "Colour all", variant="primary", min_width=120, interactive=False, elem_id="color-all"
                    )
                    self._stop_button = gr.Button("Stop", variant="stop", min_width=80, visible=False)
                self._download = gr.DownloadButton(
                    "Download all (ZIP)", variant="primary", visible=False, elem_id="download-all"
                )
                file_controls = setting_controls(FileOptions)
                self._force = file_controls[control_names(FileOptions).index("force")]
                self._force.visible = False  # it is asked where some are in colour already
                with gr.Accordion("Settings", open=False):
                    self._controls = [weights_control(uploads.service)]
                    self._controls += setting_controls(ColorSettings, PhotoOptions)
                self._controls += file_controls
                with gr.Accordion("The same on the command line", open=False):
                    self._command = command_box()
            with gr.Column(min_width=300):
                self._status = status_line()
                with gr.Column(visible=False) as self._gallery_row:
                    gr.Markdown("Before and after. Touch one to look closer, or to correct its colours.")
                    self._gallery = choice_of_pictures("Coloured photos", "gallery")
        self._connect_events()

    def _connect_events(self) -> None:
        enabled, disabled = gr.update(interactive=True), gr.update(interactive=False)
        shown, hidden = gr.update(visible=True), gr.update(visible=False)
        enable_while_uploaded(self._files, [self._color_button])
        controls = [self._files, self._color_button, self._stop_button, self._download, self._gallery_row]
        click = self._color_button.click(
            lambda: (disabled, disabled, gr.update(visible=True, interactive=True), hidden, shown),
            None,
            controls,
            api_visibility=PRIVATE,
        )
        coloring = click.then(
            self._colorize,
            [self._files, *self._controls],
            [self._gallery, self._download, self._status, self._command, self._stop_event, self._shown],
            preprocess=False,
            api_name="colorize_many",
            api_description="Colour photos. Returns pictures of them, a ZIP, a report, a command line.",
            concurrency_limit=None,
            show_progress="hidden",
        )
        end_after(coloring, self._status)
        run_after(
            coloring,
            lambda file, gallery, status: (
                *(enabled, enabled, hidden, gr.update(visible=bool(file)), gr.update(visible=bool(gallery))),
                gr.update(visible=True) if IN_COLOR in (status or "") else gr.skip(),
            ),
            [self._download, self._gallery, self._status],
            [*controls, self._force],
        )
        self._stop_button.click(
            request_stop, self._stop_event, self._stop_button, api_visibility=PRIVATE, concurrency_limit=None
        )

    def open_in(self, photo_tab: PhotoTab, tabs: gr.Tabs) -> None:
        """Let a click on a photo of the gallery open it in the tab for one photo."""

        def open_photo(photos: list[Upload], latest: Latest, event: gr.SelectData) -> tuple:
            number = event.index
            is_there = isinstance(number, int) and 0 <= number < len(photos)
            if not is_there or not self._uploads.store.owns(photos[number]["path"]):
                raise page_error("this photo is not kept any longer; choose it again")
            photo = photos[number]
            return gr.update(selected="photo"), *photo_tab.show(Path(photo["path"]), upload_name(photo), latest)

        opened = self._gallery.select(
            open_photo,
            [self._shown, photo_tab.latest],
            [tabs, *photo_tab.shown],
            preprocess=False,
            api_visibility=PRIVATE,
            show_progress="hidden",
            trigger_mode="multiple",  # "always_last" sends the number of an earlier one
        )
        photo_tab.color_after(opened)

    @takes_controls(*SETTINGS)
    async def _colorize(self, photos: list[Upload] | None, weights: str, *values: Any) -> AsyncIterator[tuple]:
        """Colour photos through the queue, and yield updates of the outputs whenever one has ended."""
        if not photos:
            raise page_error("there are no photos yet; choose some first")
        request = page_request(weights, SETTINGS, values)
        names = [upload_name(photo) for photo in photos]
        command = command_line(names, request, FOLDER)
        batch, stop, total = Batch(), threading.Event(), len(photos)
        yield None, None, progress_html(f"0 of {total}", 0, total), command, stop, []
        waiting, working = list(range(total)), set()
        try:
            while working or (waiting and not stop.is_set()):
                while waiting and len(working) < MAX_QUEUED and not stop.is_set():
                    number = waiting.pop(0)
                    work = self._colorize_one(batch, number, names[number], photos[number], request)
                    working.add(asyncio.create_task(work))
                ended, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
                done = len(batch.results) + len(batch.errors)
                text = f"{done} of {total}" + (", stopping" if stop.is_set() else "")
                shown = [photos[number] for number in sorted(batch.thumbnails)]
                yield batch.gallery, None, progress_html(text, done, total), command, stop, shown
        finally:
            for task in working:  # the client went away
                task.cancel()
        report, archive = batch.report(total, stopped=bool(waiting)), None
        try:
            archive = await asyncio.to_thread(self._pack, batch) if batch.results else None
        except OSError as error:  # a full disk
            report = status_html(f"the ZIP could not be written: {error.strerror or error}", "bad") + report
        yield batch.gallery, archive, report, command, None, [photos[number] for number in sorted(batch.thumbnails)]

    async def _colorize_one(
        self, batch: Batch, number: int, name: str, photo: Upload, request: ColorizeRequest
    ) -> None:
        """Colour one photo and enter its result or its error into the batch."""
        try:
            outcome, results = await self._uploads.colorize_photo(photo, request, wait_for_room=True)
            if not results:
                batch.errors[number] = outcome.message.replace("; --force colours it anew", "")
                return
            result = results[0]
            batch.results[number], batch.notes[number] = result, outcome.notes
            thumbnail = self._uploads.store.new_path(f"{result.stem}.jpg")
            try:
                await asyncio.to_thread(
                    write_pair, self._uploads.service, Path(photo["path"]), result, thumbnail, THUMBNAIL_SIDE
                )
                batch.thumbnails[number] = (str(thumbnail), name)
            except (ImageError, OSError, MemoryError):  # a crash, a full disk; the photo is coloured all the same
                batch.notes[number] = (*outcome.notes, f"{name}: coloured, but it cannot be shown here")
        except gr.Error as error:
            message = html.unescape(str(error.message))
            batch.errors[number] = message if name in message else f"{name}: {message}"
        except OSError as error:  # a full disk; the others go on
            batch.errors[number] = f"{name}: {error.strerror or error}"

    def _pack(self, batch: Batch) -> Path:
        """Return a ZIP of the results, which are removed from the store; names that come twice get numbers.

        Raises:
            OSError: The disk is full; nothing of the ZIP stays.
        """
        target = self._uploads.store.new_path(f"{FOLDER}.zip")
        used: set[str] = set()
        try:
            with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:  # photos are compressed already
                for number in sorted(batch.results):
                    result = batch.results[number]
                    name, count = result.name, 1
                    while name.lower() in used:
                        count += 1
                        name = f"{result.stem} ({count}){result.suffix}"
                    used.add(name.lower())
                    archive.write(result, name)
                    result.unlink()
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return target
