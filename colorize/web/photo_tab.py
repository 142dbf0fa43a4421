"""The tab for one photo: coloured as soon as it is there, compared, corrected by hints, downloaded; other versions."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

import colorize
from colorize.base import ImageError
from colorize.batch import RESULT_SUFFIX, FileOptions, PhotoOptions
from colorize.engine import HINTS_SUFFIX, ColorSettings, Hint, format_hints, parse_hints
from colorize.web.command_lines import command_line
from colorize.web.controls import (
    PRIVATE,
    command_box,
    page_error,
    progress_html,
    status_html,
    status_line,
    weights_control,
)
from colorize.web.hint_editor import easel, easel_error, easel_value, edited_hints, read_hint_lines
from colorize.web.live_photos import LivePhotos
from colorize.web.previews import BROWSER_SUFFIXES, PREVIEW_SIDE, write_preview
from colorize.web.requests import ColorizeRequest
from colorize.web.setting_controls import control_names, page_request, setting_controls, takes_controls
from colorize.web.uploads import Upload, UploadHandler, link_or_copy, upload_name

SAMPLES_FOLDER = Path(colorize.__file__).resolve().parents[1] / "samples"  # only in a checkout
SETTINGS = (ColorSettings, PhotoOptions, FileOptions)
VERSIONS = 4  # how many are made at a click
THUMBNAIL_SIDE = 700  # longest side in pixels
PAUSE_SECONDS, PAUSE_STEPS = 2.0, 8  # after the last hint, before the file is made
MAX_HINT_FILE = 1_000_001  # bytes that are read of one; one more than it may have


class PhotoTab:
    """The tab's components and event handlers."""

    def __init__(self, uploads: UploadHandler, live: LivePhotos) -> None:
        """Add the tab's components and events."""
        self._uploads, self._live = uploads, live
        # Whoever followed the README has coloured one of them in place.
        self._samples = sorted(path for path in SAMPLES_FOLDER.glob("*.jpg") if RESULT_SUFFIX not in path.stem)
        # The uploaded file, unchanged, and the hints on it, one a line.
        self._upload = gr.File(label="photo", visible="hidden")
        self._hints = gr.Textbox(label="Hints", visible="hidden", value="")
        # Of this visitor: the hints that were set last, so that a slower answer to earlier ones is not shown.
        self._wanted = gr.State({})
        with gr.Column(elem_id="photo-start") as self._start:
            self._add_source()
        self._status = status_line()
        with gr.Row(visible=False) as self._question:
            self._color_anyway = gr.Button("Colour it anew", elem_id="color-anyway")
        with gr.Row(visible=False, elem_id="photo-work") as self._work:
            with gr.Column(scale=3, min_width=300):
                self._add_result()
            with gr.Column(scale=1, min_width=260):
                self._add_actions()
        self._api_button = gr.Button("colorize", visible=False)
        self._connect_events()

    @property
    def shown(self) -> list[Any]:
        """The components that ``show`` gives the values of."""
        return [
            *(self._photo, self._upload, self._hints, self._slider, self._status, self._command, self._force),
            *(self._start, self._work, self._question, self._download, self._easel, self._gallery_row, self._versions),
            self._reference,
        ]

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

    def _add_result(self) -> None:
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
                self._easel = easel()
                with gr.Row():
                    self._save_hints = gr.DownloadButton(
                        "Keep these dots for another day", interactive=False, elem_id="save-hints"
                    )
                    self._load_hints = gr.UploadButton(
                        "Take dots that were kept", file_types=[".json"], elem_id="load-hints"
                    )

    def _add_actions(self) -> None:
        with gr.Column(elem_id="photo-actions"):
            self._download = gr.DownloadButton(
                "Download", variant="primary", size="lg", interactive=False, min_width=120, elem_id="download-photo"
            )
            self._another = gr.Button("Another photo", size="lg", min_width=120, elem_id="another-photo")
        with gr.Accordion("Make it like another photo", open=False):
            self._reference = gr.Image(
                show_label=False,
                label="A photo in colour that shows the same things",
                sources=["upload", "clipboard"],
                type="filepath",
                image_mode=None,
                buttons=[],
                height=170,
                placeholder="Drop a photo in colour here\nthat shows the same things",
                elem_id="reference",
                alt_text="the photo whose colours are taken",
            )
        with gr.Accordion("Other versions", open=False):
            self._make_versions_button = gr.Button(f"Show {VERSIONS} versions", elem_id="make-versions")
            with gr.Column(visible=False) as self._gallery_row:
                gr.Markdown("Choose one by a click. The first is the usual; another number gives others.")
                self._versions = gr.Gallery(
                    label="Versions: choose one",
                    height="auto",
                    show_label=False,
                    columns=2,
                    object_fit="contain",
                    interactive=False,
                    buttons=[],
                    allow_preview=False,
                    elem_id="versions",
                )
                self._seed = gr.Number(0, label="Number", precision=0, minimum=0, maximum=2**31)
            self._version_files = gr.File(label="versions", file_count="multiple", visible="hidden")
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
                self._photo,
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
                    self._receive_sample, self._sample_picker, self.shown, api_visibility=PRIVATE, concurrency_limit=4
                )
            )
        for event in received:
            self.color_after(event)
        self._another.click(lambda: self.start_values(), None, self.shown, api_visibility=PRIVATE)
        self._color_after_change(self._color_button.click(lambda: _WORKING, None, self._status, api_visibility=PRIVATE))
        referred = self._reference.input(
            lambda: _WORKING, None, self._status, preprocess=False, api_visibility=PRIVATE, trigger_mode="always_last"
        )
        self.color_after(referred)
        anyway = self._color_anyway.click(
            lambda: (True, gr.update(visible=False), _WORKING),
            None,
            [self._force, self._question, self._status],
            api_visibility=PRIVATE,
        )
        self.color_after(anyway)
        edited = self._easel.input(
            self._edit,
            [self._upload, self._wanted, self._reference, *self._controls],
            [self._easel, self._hints, self._save_hints, self._download],
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=4,
            show_progress="hidden",
            trigger_mode="always_last",
        )
        loaded = self._load_hints.upload(
            self._load,
            [self._load_hints, self._upload, self._wanted, self._reference, *self._controls],
            [self._easel, self._hints, self._save_hints, self._download],
            preprocess=False,
            api_visibility=PRIVATE,
            show_progress="hidden",
        )
        for event in (edited, loaded):
            self._color(event.success(self._pause, [self._upload, self._hints, self._wanted], None, **_QUIET))
        self._connect_versions()
        self._api_button.click(
            self._colorize,
            [self._upload, self._hints, self._reference, *self._controls],
            [self._slider, self._download, self._status, self._command],
            preprocess=False,
            api_name="colorize",
            api_description="Colour a photo. Returns before and after, the coloured file, a sentence, a command line.",
            concurrency_limit=None,
        )

    def _connect_versions(self) -> None:
        self._make_versions_button.click(
            self._make_versions,
            [self._upload, self._hints, self._seed, self._reference, *self._controls],
            [self._versions, self._version_files, self._status, self._command],
            preprocess=False,
            api_name="colorize_versions",
            api_description="Colour a photo in several ways. Returns pictures, the files, a sentence, a command line.",
            concurrency_limit=None,
            show_progress_on=[self._status],
        ).success(lambda: gr.update(visible=True), None, self._gallery_row, api_visibility=PRIVATE)
        self._versions.select(
            self._choose_version,
            [self._upload, self._version_files],
            [self._slider, self._download, self._status],
            preprocess=False,
            api_visibility=PRIVATE,
        )

    def color_after(self, event: Dependency) -> None:
        """Let an event that gave ``shown`` a photo be followed by its colours, and by the easel's."""
        self._color_after_change(event)

    def _color_after_change(self, event: Dependency) -> None:
        self._color(event).then(
            self._prepare,
            [self._upload, self._hints, self._download, self._reference, *self._controls],
            [self._easel, self._save_hints],
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=4,
            show_progress="hidden",
        )

    def _color(self, event: Dependency) -> Dependency:
        return event.success(
            self._show_colors,
            [self._upload, self._hints, self._wanted, self._reference, *self._controls],
            [self._slider, self._download, self._status, self._command, self._question],
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=None,
            show_progress="hidden",
        )

    def start_values(self, status: str = "") -> tuple:
        """Return the values of ``shown`` while there is no photo."""
        hidden = gr.update(visible=False)
        return (
            *(None, None, "", None, status, "", False, gr.update(visible=True), hidden, hidden),
            *(_download(None), None, hidden, None),
            None,
        )

    def _receive(self, upload: Upload | None) -> tuple:
        """Return the values of ``shown`` for a new upload, or for none."""
        if not upload:  # the photo is empty already; another may have come meanwhile
            return (gr.skip(), *self.start_values()[1:])
        return self.show(Path(upload["path"]), upload_name(upload))

    def _receive_sample(self, number: int) -> tuple:
        """Return the values of ``shown`` for a sample."""
        if not (isinstance(number, int) and 0 <= number < len(self._samples)):
            raise page_error("there is no such sample")
        return self.show(self._samples[number], self._samples[number].name)

    def show(self, source: Path, name: str) -> tuple:
        """Keep a photo unchanged, and return the values of ``shown`` with it."""
        store = self._uploads.store
        kept = store.new_path(name)
        link_or_copy(source, kept)
        try:
            preview = write_preview(kept, store.new_path(f"{kept.stem}.jpg"), PREVIEW_SIDE)
        except (ImageError, OSError, MemoryError) as error:
            message = str(error).replace(str(kept), kept.name) or "not enough memory"
            return self.start_values(status_html(message, "bad"))
        hidden = gr.update(visible=False)
        return (
            *(None, str(kept), "", (preview, preview), _WORKING, "", False, hidden),
            *(gr.update(visible=True), hidden, _download(None), None, hidden, None),
            None,
        )

    @staticmethod
    async def _pause(photo: Upload | None, hints: str, wanted: dict[str, str]) -> None:
        """Wait until the visitor has set no other hint for a while: the next one is to be shown at once, too."""
        for _ in range(PAUSE_STEPS):
            await asyncio.sleep(PAUSE_SECONDS / PAUSE_STEPS)
            if photo and wanted.get(photo["path"], hints) != hints:
                return

    @takes_controls(*SETTINGS)
    async def _show_colors(
        self,
        photo: Upload | None,
        hints: str,
        wanted: dict[str, str],
        reference: Upload | None,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Colour a photo for the page, where an error stands in its place; nothing changes if its hints are others now.

        Returns before and after, the file, the status as HTML, the command line, and whether to ask.
        """
        skipped = (gr.skip(),) * 5
        if not photo:
            return skipped
        wanted.setdefault(photo["path"], hints)
        try:
            if wanted[photo["path"]] != hints:
                return skipped
            pair, file, status, command = await self._colorize(photo, hints, reference, weights, *values)
        except gr.Error as error:
            pair, file, command = gr.skip(), None, gr.skip()
            status = status_html(html.unescape(str(error.message)), "bad")
            return pair, _download(None), status, command, gr.update(visible=False)
        if wanted[photo["path"]] != hints:
            return skipped
        asks = gr.update(visible=file is None)
        return pair or gr.skip(), _download(file), status, command, asks

    @takes_controls(*SETTINGS)
    async def _colorize(
        self, photo: Upload | None, hints: str, reference: Upload | None = None, weights: str = "", *values: Any
    ) -> tuple:
        """Colour a photo, and return before and after, its file, the status as HTML, and the command line."""
        request = page_request(
            weights, SETTINGS, values, photo={"hints": read_hint_lines(hints), **_references(reference)}
        )
        results, status, command = await self._run(photo, request)
        if not results:
            return None, None, status, command
        pair = await asyncio.to_thread(self._before_and_after, Path((photo or {})["path"]), results[0])
        return pair, results[0], status, command

    @takes_controls(*SETTINGS)
    async def _prepare(
        self,
        photo: Upload | None,
        hints: str,
        file: Upload | None,
        reference: Upload | None,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Return what the easel shows of a photo that was coloured, and the button that saves its hints."""
        if not photo or not file:
            return None, gr.update(interactive=False)
        try:
            request = page_request(weights, SETTINGS, values, photo=_references(reference))
            return await self._draw(photo, request, read_hint_lines(hints), keep=False)
        except (ValueError, OSError) as error:
            return easel_error(_without_folder(str(error), photo)), gr.update(interactive=False)

    @takes_controls(*SETTINGS)
    async def _edit(
        self,
        event: gr.EventData,
        photo: Upload | None,
        wanted: dict[str, str],
        reference: Upload | None,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Show what the visitor's hints change, and return the values of easel, hints, save button and download."""
        text = edited_hints(event)
        return await self._set_hints(
            photo, wanted, reference, weights, values, lambda _: read_hint_lines(text), keep=True
        )

    @takes_controls(*SETTINGS)
    async def _load(
        self,
        file: Upload | None,
        photo: Upload | None,
        wanted: dict[str, str],
        reference: Upload | None,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Take the hints of a file, and return the values of easel, hints, save button and download."""

        def read(size: tuple[int, int]) -> list[Hint]:
            if not file:
                raise page_error("there is no file of hints; choose one first")
            with open(file["path"], "rb") as opened:
                return list(parse_hints(opened.read(MAX_HINT_FILE), size, upload_name(file)))

        return await self._set_hints(photo, wanted, reference, weights, values, read, keep=False)

    async def _set_hints(
        self,
        photo: Upload | None,
        wanted: dict[str, str],
        reference: Upload | None,
        weights: str,
        values: tuple,
        read: Callable[[tuple[int, int]], list[Hint]],
        keep: bool,
    ) -> tuple:
        """Return the values of easel, hints, save button and download for new hints.

        Args:
            photo: That they are of.
            wanted: The visitor's newest hints by the photo's path.
            reference: A photo whose colours are taken; None: there is none.
            weights: Value of their control.
            values: Of the other controls.
            read: Returns the hints for a photo of (height, width).
            keep: The easel has them already.
        """
        if not photo:
            raise page_error("there is no photo yet; choose one first")
        try:
            request = page_request(weights, SETTINGS, values, photo=_references(reference))
            live = await asyncio.to_thread(self._live.find, Path(photo["path"]), request)
            hints = read(live.size)
            shown, save = await self._draw(photo, request, hints, keep)
        except gr.Error as error:
            return easel_error(html.unescape(str(error.message))), gr.skip(), gr.skip(), gr.skip()
        except (ValueError, OSError) as error:
            return easel_error(_without_folder(str(error), photo)), gr.skip(), gr.skip(), gr.skip()
        wanted[photo["path"]] = text = "\n".join(map(str, hints))
        return shown, text, save, gr.update(interactive=False, label="One moment")

    async def _draw(self, photo: Upload, request: ColorizeRequest, hints: list[Hint], keep: bool) -> tuple[dict, dict]:
        """Return the values of the easel and of the button that saves the hints."""
        upload = Path(photo["path"])

        def draw() -> tuple[dict, dict]:
            live = self._live.find(upload, request)
            picture = self._live.draw(upload, request, hints)
            shown = easel_value(upload, live, picture, None if keep else hints)
            if not hints:
                return shown, gr.update(value=None, interactive=False)
            saved = self._uploads.store.new_path(f"{Path(upload_name(photo)).stem}{HINTS_SUFFIX}")
            saved.write_bytes(format_hints(hints, live.size))
            return shown, gr.update(value=str(saved), interactive=True)

        return await asyncio.to_thread(draw)

    @takes_controls(*SETTINGS)
    async def _make_versions(
        self,
        photo: Upload | None,
        hints: str,
        seed: int,
        reference: Upload | None = None,
        weights: str = "",
        *values: Any,
    ) -> tuple:
        """Colour a photo in several ways, and return pictures, files, the status as HTML, and the command line."""
        try:
            number = max(0, int(seed or 0))
        except (TypeError, ValueError, OverflowError) as error:
            raise page_error("the number is a whole one, 0 or more") from error
        versions = {"hints": read_hint_lines(hints), "candidates": VERSIONS, "seed": number, **_references(reference)}
        request = page_request(weights, SETTINGS, values, photo=versions)
        results, status, command = await self._run(photo, request)
        return await asyncio.to_thread(self._thumbnails, results), [str(file) for file in results], status, command

    async def _run(self, photo: Upload | None, request: ColorizeRequest) -> tuple[list[Path], str, str]:
        """Colour a photo, and return its result files, the status as HTML, and the command line."""
        outcome, results = await self._uploads.colorize_photo(photo, request)
        if outcome.status == "failed":
            raise page_error(outcome.message)
        if not results:  # the engine says that it is in colour already
            return [], status_html(outcome.message.replace("--force colours it anew", "nothing was changed"), "bad"), ""
        notes = "".join(status_html(note) for note in outcome.notes)
        status = status_html(f"Done: {results[0].name}", "good") + notes
        options = request.options.photo
        named = replace(options, references=[Path(path.name) for path in options.references])
        shown = replace(request, options=replace(request.options, photo=named))
        return results, status, command_line([upload_name(photo or {})], shown)

    def _thumbnails(self, results: list[Path]) -> list[tuple[str, str]]:
        """Return pictures of versions for the gallery, with captions."""
        store = self._uploads.store
        return [
            (str(write_preview(file, store.new_path(f"{file.stem}.jpg"), THUMBNAIL_SIDE)), f"version {number}")
            for number, file in enumerate(results, 1)
        ]

    def _choose_version(self, photo: Upload | None, versions: list[Upload] | None, event: gr.SelectData) -> tuple:
        """Show the version that was clicked, and offer it for download."""
        if not photo or not versions or not isinstance(event.index, int) or not 0 <= event.index < len(versions):
            raise page_error("there are no versions yet; make some first")
        chosen = Path(versions[event.index]["path"])
        pair = self._before_and_after(Path(photo["path"]), chosen)
        return pair, _download(chosen), status_html(chosen.name, "good")

    def _before_and_after(self, photo: Path, result: Path) -> tuple[Path, Path]:
        """Return paths of a photo and its result at full resolution, in formats that browsers can show."""
        store = self._uploads.store
        before = write_preview(photo, store.new_path("before.jpg"))
        if result.suffix.lower() in BROWSER_SUFFIXES:
            return before, result
        return before, write_preview(result, store.new_path("after.jpg"))


_QUIET: dict[str, Any] = {
    "preprocess": False,
    "api_visibility": PRIVATE,
    "concurrency_limit": None,
    "show_progress": "hidden",
}
"""Of events that the visitor need not see."""
_WORKING = progress_html("Colouring your photo", 0, None)


def _references(upload: Upload | None) -> dict[str, Any]:
    """Return the options of photos that a reference of the page stands for."""
    return {"references": [Path(upload["path"])] if upload else []}


def _download(file: Path | None) -> dict:
    """Return the update of the button that offers a file; None: there is none yet."""
    return gr.update(value=file, interactive=file is not None, label="Download")


def _without_folder(message: str, photo: Upload) -> str:
    """Return a message with the client's own name of a photo."""
    return message.replace(photo["path"], upload_name(photo))
