"""The tab for one photo: coloured as soon as it is there, compared, corrected by hints, downloaded; other versions."""

from __future__ import annotations

import asyncio
import html
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

import colorize
from colorize.base import ImageError
from colorize.batch import RESULT_SUFFIX, FileOptions, PhotoOptions
from colorize.engine import ColorSettings
from colorize.web.controls import (
    PRIVATE,
    command_box,
    end_after,
    page_error,
    progress_html,
    status_html,
    status_line,
    weights_control,
)
from colorize.web.hint_editor import read_hint_lines
from colorize.web.latest import Latest
from colorize.web.live_photos import LivePhotos
from colorize.web.photo_hints import PhotoHints
from colorize.web.photo_requests import SETTINGS, color_photo, download_update, photo_request
from colorize.web.photo_versions import PhotoVersions
from colorize.web.previews import PREVIEW_SIDE, before_and_after, write_preview
from colorize.web.reference_controls import reference_controls
from colorize.web.setting_controls import control_names, setting_controls, takes_controls
from colorize.web.uploads import Upload, UploadHandler, link_or_copy, upload_name

SAMPLES_FOLDER = Path(colorize.__file__).resolve().parents[1] / "samples"  # only in a checkout


class PhotoTab:
    """The tab's components and event handlers.

    Attributes:
        latest: The visitor's ``Latest``.
    """

    def __init__(self, uploads: UploadHandler, live: LivePhotos) -> None:
        """Add the tab's components and events."""
        self._uploads = uploads
        self.latest = gr.State(Latest())
        # Whoever followed the README has coloured one of them in place.
        self._samples = sorted(path for path in SAMPLES_FOLDER.glob("*.jpg") if RESULT_SUFFIX not in path.stem)
        self._upload = gr.File(label="photo", visible="hidden")  # the uploaded file, unchanged
        with gr.Column(elem_id="photo-start") as self._start:
            self._add_source()
        self._status = status_line()
        with gr.Row(visible=False) as self._question:
            self._color_anyway = gr.Button("Colour it anew", elem_id="color-anyway")
        with gr.Row(visible=False, elem_id="photo-work") as self._work:
            with gr.Column(scale=3, min_width=300):
                self._add_result(live)
            with gr.Column(scale=1, min_width=260):
                self._add_actions()
        self._api_button = gr.Button("colorize", visible=False)
        self._connect_events()

    @property
    def shown(self) -> list[Any]:
        """The components that ``show`` gives the values of."""
        return [
            *(self._photo, self._upload, self._hints.hints, self._slider, self._status, self._command, self._force),
            *(self._start, self._work, self._question, self._download, self._hints.easel),
            *(self._versions.row, self._versions.gallery, self._reference),
        ]

    @property
    def _asked(self) -> list[Any]:
        """Reference, its strength, weights and controls, as ``photo_request`` takes them."""
        return [self._reference, self._reference_strength, *self._controls]

    def _add_source(self) -> None:
        self._photo = gr.Image(
            label="Your photo",
            sources=["upload", "clipboard", "webcam"],
            type="filepath",
            image_mode=None,
            buttons=[],
            height=340,
            placeholder="Drop a black-and-white photo here\nor touch to choose one",
            elem_id="photo",
            alt_text="your photo",
            show_label=False,
        )
        self._sample_picker = None
        if self._samples:
            self._sample_picker = gr.Dataset(
                label="Or try one of these",
                components=[gr.Image(visible=False, type="filepath")],
                samples=[[str(path)] for path in self._samples],
                type="index",
                elem_id="samples",
            )

    def _add_result(self, live: LivePhotos) -> None:
        with gr.Tabs(elem_id="photo-views"):
            with gr.Tab("Before and after", id="compare"):
                self._slider = gr.ImageSlider(
                    show_label=False,
                    type="filepath",
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id="result",
                )
            with gr.Tab("I know a colour", id="correct"):
                self._hints = PhotoHints(self._uploads, live)

    def _add_actions(self) -> None:
        with gr.Column(elem_id="photo-actions"):
            self._download = gr.DownloadButton(
                "Download", variant="primary", size="lg", interactive=False, min_width=120, elem_id="download-photo"
            )
            self._another = gr.Button("Another photo", size="lg", min_width=120, elem_id="another-photo")
        with gr.Accordion("Make it like another photo", open=False):
            self._reference, self._reference_strength = reference_controls("reference")
        self._versions = PhotoVersions(self._uploads)
        with gr.Accordion("Settings", open=False):
            self._controls = [weights_control(self._uploads.service)]
            self._controls += setting_controls(ColorSettings, PhotoOptions)
            file_controls = setting_controls(FileOptions)
            self._controls += file_controls
            self._force = file_controls[control_names(FileOptions).index("force")]
            self._force.visible = False  # the question asks, where a photo is in colour already
            self._color_button = gr.Button("Colour again", elem_id="color-photo")
        with gr.Accordion("The same on the command line", open=False):
            self._command = command_box()

    def _connect_events(self) -> None:
        received = [
            self._photo.input(
                self._receive,
                [self._photo, self.latest],
                self.shown,
                preprocess=False,
                api_visibility=PRIVATE,
                concurrency_limit=4,
                # Choosing to paste empties the photo first; what is pasted while that is answered must not be dropped.
                trigger_mode="always_last",
            )
        ]
        if self._sample_picker is not None:
            received.append(
                self._sample_picker.click(
                    self._receive_sample,
                    [self._sample_picker, self.latest],
                    self.shown,
                    api_visibility=PRIVATE,
                    concurrency_limit=4,
                    trigger_mode="multiple",  # "once" drops the touch of another one meanwhile
                )
            )
        for event in received:
            self.color_after(event)
        self._another.click(self._begin_anew, self.latest, self.shown, api_visibility=PRIVATE)
        self._color_after_change(self._color_button.click(lambda: _WORKING, None, self._status, api_visibility=PRIVATE))
        for changed in (self._reference.input, self._reference.clear, self._reference_strength.release):
            self.color_after(
                changed(
                    *(lambda: _WORKING, None, self._status),
                    preprocess=False,
                    api_visibility=PRIVATE,
                    trigger_mode="always_last",
                )
            )
        anyway = self._color_anyway.click(
            lambda: (True, gr.update(visible=False), _WORKING),
            None,
            [self._force, self._question, self._status],
            api_visibility=PRIVATE,
        )
        self.color_after(anyway)
        for event in self._hints.connect(self._upload, self.latest, self._asked, self._download):
            self._color(event)
        self._versions.connect(
            *(self._upload, self.latest, self._hints.hints, self._asked),
            *(self._status, self._command, self._slider, self._download),
        )
        self._api_button.click(
            self._colorize,
            [self._upload, self._hints.hints, *self._asked],
            [self._slider, self._download, self._status, self._command],
            preprocess=False,
            api_name="colorize",
            api_description="Colour a photo. Returns before and after, the coloured file, a sentence, a command line.",
            concurrency_limit=None,
        )

    def color_after(self, event: Dependency) -> None:
        """Let an event that gave ``shown`` a photo be followed by its colours, and by the easel's."""
        self._color_after_change(event)

    def _color_after_change(self, event: Dependency) -> None:
        self._hints.prepare_after(self._color(event), self._upload, self.latest, self._asked, self._download)

    def _color(self, event: Dependency) -> Dependency:
        colored = event.success(
            self._show_colors,
            [self._upload, self._hints.hints, self.latest, self._download, *self._asked],
            [self._slider, self._download, self._status, self._command, self._question],
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=None,
            show_progress="hidden",
            trigger_mode="multiple",  # else it does not begin while it is at what was asked for before
        )
        end_after(colored, self._status)
        return colored

    def start_values(self, status: str = "") -> tuple:
        """Return the values of ``shown`` while there is no photo."""
        hidden = gr.update(visible=False)
        return (
            *(None, None, "", None, status, "", False, gr.update(visible=True), hidden, hidden),
            *(download_update(None), None, hidden, None),
            None,
        )

    def _begin_anew(self, latest: Latest) -> tuple:
        """Return the values of ``shown`` while there is no photo; what was asked for before is not shown any more."""
        latest.ask()
        return self.start_values()

    def _receive(self, upload: Upload | None, latest: Latest) -> tuple:
        """Return the values of ``shown`` for a new upload, or for none."""
        if not upload:  # the photo is empty already; another may have come meanwhile
            latest.ask()
            return (gr.skip(), *self.start_values()[1:])
        return self.show(Path(upload["path"]), upload_name(upload), latest)

    def _receive_sample(self, number: int, latest: Latest) -> tuple:
        """Return the values of ``shown`` for a sample."""
        if not (isinstance(number, int) and 0 <= number < len(self._samples)):
            raise page_error("there is no such sample")
        return self.show(self._samples[number], self._samples[number].name, latest)

    def show(self, source: Path, name: str, latest: Latest) -> tuple:
        """Keep a photo unchanged, and return the values of ``shown`` with it; they stay if another was asked for."""
        asked = latest.ask()
        shown = self._open(source, name)
        return shown if latest.is_last(asked) else (gr.skip(),) * len(shown)

    def _open(self, source: Path, name: str) -> tuple:
        """Keep a photo unchanged, and return the values of ``shown`` with it."""
        store = self._uploads.store
        kept = store.new_path(name)
        try:
            link_or_copy(source, kept)
            preview = write_preview(self._uploads.service, kept, store.new_path(f"{kept.stem}.jpg"), PREVIEW_SIDE)
        except (ImageError, OSError, MemoryError) as error:
            message = str(error).replace(str(kept), kept.name) or "not enough memory"
            return self.start_values(status_html(message, "bad"))
        hidden = gr.update(visible=False)
        return (
            *(None, str(kept), "", (preview, preview), _WORKING, "", False, hidden),
            *(gr.update(visible=True), hidden, download_update(None), None, hidden, None),
            None,
        )

    @takes_controls(*SETTINGS)
    async def _show_colors(
        self,
        photo: Upload | None,
        hints: str,
        latest: Latest,
        former: Upload | None,
        reference: Upload | None,
        reference_strength: float,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Colour a photo for the page, where an error stands in its place.

        Nothing changes if its hints are others by then, or something else was asked for.

        Returns before and after, the file, the status as HTML, the command line, and whether to ask.
        """
        skipped = (gr.skip(),) * 5
        if not photo:
            return skipped
        if not latest.has_hints(photo["path"], hints):
            return skipped
        number = latest.ask(photo["path"])
        try:
            pair, file, status, command = await self._colorize(
                *(photo, hints, reference, reference_strength, weights), *values
            )
        except gr.Error as error:
            if not latest.is_last(number):
                return skipped
            status = status_html(html.unescape(str(error.message)), "bad")
            # What was coloured before, if anything, can still be downloaded.
            download = gr.update(label="Download", interactive=bool(former))
            return gr.skip(), download, status, gr.skip(), gr.update(visible=False)
        if not latest.has_hints(photo["path"], hints) or not latest.is_last(number):
            return skipped
        asks = gr.update(visible=file is None)
        return pair or gr.skip(), download_update(file), status, command, asks

    @takes_controls(*SETTINGS)
    async def _colorize(
        self,
        photo: Upload | None,
        hints: str,
        reference: Upload | None = None,
        reference_strength: float = 1.0,
        weights: str = "",
        *values: Any,
    ) -> tuple:
        """Colour a photo, and return before and after, its file, the status as HTML, and the command line."""
        request = photo_request(reference, reference_strength, weights, values, hints=read_hint_lines(hints))
        results, status, command = await color_photo(self._uploads, photo, request)
        if not results:
            return None, None, status, command
        upload = Path((photo or {})["path"])
        pair = await asyncio.to_thread(before_and_after, self._uploads.service, self._uploads.store, upload, results[0])
        return pair, results[0], status, command


_WORKING = progress_html("Colouring your photo", 0, None)
