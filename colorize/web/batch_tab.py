"""The tab for many photos: progress, a gallery, one ZIP; a bad file is named and the rest go on."""

from __future__ import annotations

import asyncio
import html
import threading
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr

from colorize.web.command_lines import photo_command
from colorize.web.controls import (
    PRIVATE,
    color_controls,
    command_box,
    enable_with,
    progress_bar,
    sentence,
    set_event,
    settings_of,
    status_line,
)
from colorize.web.display import write_sheet
from colorize.web.requests import PhotoRequest
from colorize.web.uploads import Upload, UploadHandler, name_of, problem

AT_ONCE = 3  # photos of one batch in the queue; others have their turn between them
THUMBNAIL_SIDE = 900
FOLDER = "coloured"


@dataclass
class Batch:
    """What became of the photos so far.

    Attributes:
        results: The coloured files, by the photo's number.
        pictures: Pictures of them for the gallery, by the same.
        faults: What was not done, and why, by the same.
    """

    results: dict[int, Path] = field(default_factory=dict)
    pictures: dict[int, tuple[str, str]] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)

    @property
    def gallery(self) -> list[tuple[str, str]]:
        """The pictures with their names, in the photos' order."""
        return [self.pictures[number] for number in sorted(self.pictures)]

    def report(self, total: int, stopped: bool) -> str:
        """Return what was done and what was not, as HTML."""
        done = len(self.results)
        text = f"{done} of {total} photos coloured" + (", then stopped" if stopped else "")
        faults = "".join(f"<li>{html.escape(self.faults[number])}</li>" for number in sorted(self.faults))
        listed = f'<p class="bad">Not coloured:</p><ul class="faults">{faults}</ul>' if faults else ""
        return sentence(text, "good" if done else "bad") + listed


class BatchTab:
    """Many photos."""

    def __init__(self, uploads: UploadHandler) -> None:
        """Add the tab's components and events."""
        self._uploads = uploads
        self._stop_event = gr.State(None)
        with gr.Row():
            with gr.Column(min_width=300):
                self._files = gr.File(label="Your photos", file_count="multiple", height=240, elem_id="photos")
                with gr.Row():
                    self._color = gr.Button(
                        "Colour all", variant="primary", min_width=120, interactive=False, elem_id="color-all"
                    )
                    self._stop = gr.Button("Stop", variant="stop", min_width=80, interactive=False)
                self._force = gr.Checkbox(label="Colour those too that are in colour already", value=False)
                with gr.Accordion("Settings", open=False):
                    self._color_words = color_controls(uploads.service)
            with gr.Column(min_width=300):
                self._status = status_line()
                self._gallery = gr.Gallery(
                    label="Coloured photos",
                    show_label=False,
                    columns=3,
                    object_fit="contain",
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id="gallery",
                )
                self._download = gr.DownloadButton("Download all (ZIP)", interactive=False, elem_id="download-all")
                self._command = command_box()
        self._listen()

    def _listen(self) -> None:
        ready = gr.update(interactive=True)
        busy = gr.update(interactive=False)
        enable_with(self._files, [self._color])
        controls = [self._files, self._color, self._stop, self._download]
        begun = self._color.click(lambda: (busy, busy, ready, busy), None, controls, api_visibility=PRIVATE)
        work = begun.then(
            self._colorize,
            [self._files, *self._color_words, self._force],
            [self._gallery, self._download, self._status, self._command, self._stop_event],
            preprocess=False,
            api_name="colorize_many",
            api_description="Colour photos. Returns pictures of them, a ZIP, a report, a command line.",
            concurrency_limit=None,
            show_progress="hidden",
        )
        work.then(
            lambda file: (ready, ready, busy, gr.update(interactive=bool(file))),
            self._download,
            controls,
            preprocess=False,
            api_visibility=PRIVATE,
        )
        self._stop.click(set_event, self._stop_event, self._stop, api_visibility=PRIVATE, concurrency_limit=None)

    async def _colorize(
        self,
        photos: list[Upload] | None,
        weights: str,
        strength: float,
        saturation: float,
        render_size: int,
        force: bool,
    ) -> AsyncIterator[tuple]:
        """Colour photos one after the other through the queue, and tell how far they are."""
        if not photos:
            raise problem("there are no photos yet; choose some first")
        request = PhotoRequest(settings_of(weights, strength, saturation, render_size), force=bool(force))
        names = [name_of(photo) for photo in photos]
        command = photo_command(names, request, FOLDER)
        batch, stop, total = Batch(), threading.Event(), len(photos)
        yield None, None, progress_bar(f"0 of {total}", 0, total), command, stop
        waiting, working = list(range(total)), set()
        try:
            while working or (waiting and not stop.is_set()):
                while waiting and len(working) < AT_ONCE and not stop.is_set():
                    number = waiting.pop(0)
                    working.add(asyncio.create_task(self._one(batch, number, names[number], photos[number], request)))
                ended, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
                done = len(batch.results) + len(batch.faults)
                text = f"{done} of {total}" + (", stopping" if stop.is_set() else "")
                yield batch.gallery, None, progress_bar(text, done, total), command, stop
        finally:
            for task in working:  # the client went away
                task.cancel()
        stopped = bool(waiting)
        archive = await asyncio.to_thread(self._pack, batch) if batch.results else None
        yield batch.gallery, archive, batch.report(total, stopped), command, None

    async def _one(self, batch: Batch, number: int, name: str, photo: Upload, request: PhotoRequest) -> None:
        try:
            outcome, results = await self._uploads.photo(photo, request, wait_for_room=True)
            if not results:
                batch.faults[number] = outcome.message
                return
            result = results[0]
            place = self._uploads.store.place(f"{result.stem}.jpg")
            await asyncio.to_thread(write_sheet, result, place, THUMBNAIL_SIDE)
            batch.pictures[number] = (str(place), name)
            batch.results[number] = result
        except gr.Error as error:
            said = html.unescape(str(error.message))
            batch.faults[number] = said if name in said else f"{name}: {said}"

    def _pack(self, batch: Batch) -> Path:
        """Return one ZIP of the results, which leave the store; names that come twice get numbers."""
        target = self._uploads.store.place(f"{FOLDER}.zip")
        taken: set[str] = set()
        with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:  # photos are compressed already
            for number in sorted(batch.results):
                result = batch.results[number]
                name, count = result.name, 1
                while name.lower() in taken:
                    count += 1
                    name = f"{result.stem} ({count}){result.suffix}"
                taken.add(name.lower())
                archive.write(result, name)
                result.unlink()
        return target
