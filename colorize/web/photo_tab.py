"""The tab for one photo: colour hints on it, before and after in a slider, other versions to choose from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr

import colorize
from colorize.base import ImageError
from colorize.batch import RESULT_SUFFIX, FileOptions, PhotoOptions
from colorize.engine import ColorSettings
from colorize.web.command_lines import command_line
from colorize.web.controls import (
    PRIVATE,
    command_box,
    enable_while_uploaded,
    page_error,
    status_html,
    status_line,
    weights_control,
)
from colorize.web.hint_controls import HintControls, parse_hints
from colorize.web.previews import BROWSER_SUFFIXES, PREVIEW_SIDE, write_preview
from colorize.web.requests import ColorizeRequest
from colorize.web.setting_controls import page_request, setting_controls, takes_controls
from colorize.web.uploads import Upload, UploadHandler, link_or_copy, upload_name

SAMPLES_FOLDER = Path(colorize.__file__).resolve().parents[1] / "samples"  # only in a checkout
SETTINGS = (ColorSettings, PhotoOptions, FileOptions)
VERSIONS = 4  # how many are made at a click
THUMBNAIL_SIDE = 700  # longest side in pixels


class PhotoTab:
    """The tab's components and event handlers."""

    def __init__(self, uploads: UploadHandler) -> None:
        """Add the tab's components and events."""
        self._uploads = uploads
        # Whoever followed the README has coloured one of them in place.
        self._samples = sorted(path for path in SAMPLES_FOLDER.glob("*.jpg") if RESULT_SUFFIX not in path.stem)
        self._preview = gr.State(None)
        with gr.Row():
            with gr.Column(min_width=300):
                self._add_source()
            with gr.Column(min_width=300):
                self._add_result()
        with gr.Row():  # below the result: on a telephone everything stands in one column
            with gr.Column(min_width=300):
                self._hints = HintControls(self._uploads.store, self._photo, self._preview)
            with gr.Column(min_width=300):
                with gr.Accordion("Settings", open=False):
                    self._controls = [weights_control(self._uploads.service)]
                    self._controls += setting_controls(ColorSettings, PhotoOptions)
                self._controls += self._file_controls
                self._add_versions()
        self._connect_events()

    def _add_source(self) -> None:
        self._photo = gr.Image(
            label="Your photo",
            sources=["upload", "clipboard", "webcam"],
            type="filepath",
            image_mode=None,
            buttons=[],
            height=420,
            placeholder="Drop a black-and-white photo here\nor choose, paste or take one",
            elem_id="photo",
            alt_text="your photo, with the colour hints on it",
        )
        # The uploaded file, unchanged; the picture above may be a copy that a browser can show.
        self._upload = gr.File(label="photo", visible="hidden")
        self._sample_picker = None
        if self._samples:
            self._sample_picker = gr.Dataset(
                label="Or try a sample",
                components=[gr.Image(visible=False, type="filepath")],
                samples=[[str(path)] for path in self._samples],
                type="index",
                elem_id="samples",
            )
        self._color_button = gr.Button("Colour the photo", variant="primary", interactive=False, elem_id="color-photo")
        self._file_controls = setting_controls(FileOptions)

    def _add_result(self) -> None:
        self._slider = gr.ImageSlider(
            label="Before and after",
            type="filepath",
            interactive=False,
            max_height=640,
            buttons=["fullscreen"],
            elem_id="result",
        )
        self._status = status_line()
        self._download = gr.DownloadButton("Download", interactive=False, elem_id="download-photo")
        self._command = command_box()

    def _add_versions(self) -> None:
        with gr.Accordion("Other versions", open=False):
            gr.Markdown(
                "Other plausible colours for the same photo; another number gives others. Choose one by a click; "
                "the first is the usual."
            )
            self._seed = gr.Number(0, label="Number", precision=0, minimum=0, maximum=2**31)
            self._make_versions_button = gr.Button(
                f"Make {VERSIONS} versions", interactive=False, elem_id="make-versions"
            )
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
            self._version_files = gr.File(label="versions", file_count="multiple", visible="hidden")

    def _connect_events(self) -> None:
        photo_outputs = [self._photo, self._upload, self._preview, self._hints.text, self._slider, self._status]
        photo_outputs += [self._command, self._versions, self._version_files]
        enable_while_uploaded(self._upload, [self._color_button, self._make_versions_button])
        self._photo.input(
            self._receive,
            self._photo,
            photo_outputs,
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=4,
            # Choosing to paste empties the photo first; what is pasted while that is answered must not be dropped.
            trigger_mode="always_last",
        ).success(lambda: gr.update(interactive=False, value=None), None, self._download, api_visibility=PRIVATE)
        if self._sample_picker is not None:
            self._sample_picker.click(
                self._receive_sample, self._sample_picker, photo_outputs, api_visibility=PRIVATE, concurrency_limit=4
            )
        self._color_button.click(
            self._colorize,
            [self._upload, self._hints.text, *self._controls],
            [self._slider, self._download, self._status, self._command],
            preprocess=False,
            api_name="colorize",
            api_description="Colour a photo. Returns before and after, the coloured file, a sentence, a command line.",
            concurrency_limit=None,
            show_progress_on=[self._slider],
        ).success(_enable_if_file, self._download, self._download, preprocess=False, api_visibility=PRIVATE)
        self._make_versions_button.click(
            self._make_versions,
            [self._upload, self._hints.text, self._seed, *self._controls],
            [self._versions, self._version_files, self._status, self._command],
            preprocess=False,
            api_name="colorize_versions",
            api_description="Colour a photo in several ways. Returns pictures, the files, a sentence, a command line.",
            concurrency_limit=None,
            show_progress_on=[self._versions],
        )
        self._versions.select(
            self._choose_version,
            [self._upload, self._version_files],
            [self._slider, self._download, self._status],
            preprocess=False,
            api_visibility=PRIVATE,
        ).success(_enable_if_file, self._download, self._download, preprocess=False, api_visibility=PRIVATE)

    def _receive(self, upload: Upload | None) -> tuple:
        """Return the outputs for a new upload, or for none."""
        if not upload:  # the photo is empty already; another may have come meanwhile
            return gr.skip(), None, None, "", None, "", "", None, None
        return self._show(Path(upload["path"]), upload_name(upload))

    def _receive_sample(self, number: int) -> tuple:
        """Return the outputs for a sample."""
        if not (isinstance(number, int) and 0 <= number < len(self._samples)):
            raise page_error("there is no such sample")
        return self._show(self._samples[number], self._samples[number].name)

    def _show(self, source: Path, name: str) -> tuple:
        """Keep a photo unchanged, and return the outputs that show its preview."""
        store = self._uploads.store
        kept = store.new_path(name)
        link_or_copy(source, kept)
        try:
            preview = write_preview(kept, store.new_path(f"{kept.stem}.jpg"), PREVIEW_SIDE)
        except (ImageError, OSError, MemoryError) as error:
            message = str(error).replace(str(kept), kept.name) or "not enough memory"
            return None, None, None, "", None, status_html(message, "bad"), "", None, None
        height, width = preview.photo_size
        status = status_html(f"{kept.name}: {width} x {height} pixels")
        return preview.path, str(kept), preview, "", None, status, "", None, None

    @takes_controls(*SETTINGS)
    async def _colorize(self, photo: Upload | None, hints: str, weights: str, *values: Any) -> tuple:
        """Colour a photo, and return before and after, its file, the status as HTML, and the command line."""
        request = page_request(weights, SETTINGS, values, photo={"hints": parse_hints(hints)})
        results, status, command = await self._run(photo, request)
        if not results:
            return None, None, status, command
        pair = await asyncio.to_thread(self._before_and_after, Path((photo or {})["path"]), results[0])
        return pair, results[0], status, command

    @takes_controls(*SETTINGS)
    async def _make_versions(self, photo: Upload | None, hints: str, seed: int, weights: str, *values: Any) -> tuple:
        """Colour a photo in several ways, and return pictures, files, the status as HTML, and the command line."""
        try:
            number = max(0, int(seed or 0))
        except (TypeError, ValueError, OverflowError) as error:
            raise page_error("the number is a whole one, 0 or more") from error
        versions = {"hints": parse_hints(hints), "candidates": VERSIONS, "seed": number}
        request = page_request(weights, SETTINGS, values, photo=versions)
        results, status, command = await self._run(photo, request)
        return await asyncio.to_thread(self._thumbnails, results), [str(file) for file in results], status, command

    async def _run(self, photo: Upload | None, request: ColorizeRequest) -> tuple[list[Path], str, str]:
        """Colour a photo, and return its result files, the status as HTML, and the command line."""
        outcome, results = await self._uploads.colorize_photo(photo, request)
        if outcome.status == "failed":
            raise page_error(outcome.message)
        if not results:  # the engine says that it is in colour already
            return [], status_html(f"{outcome.message} Or tick 'Colour it anyway'.", "bad"), ""
        notes = "".join(status_html(note) for note in outcome.notes)
        status = status_html(outcome.message, "good") + notes
        return results, status, command_line([upload_name(photo or {})], request)

    def _thumbnails(self, results: list[Path]) -> list[tuple[str, str]]:
        """Return pictures of versions for the gallery, with captions."""
        store = self._uploads.store
        return [
            (str(write_preview(file, store.new_path(f"{file.stem}.jpg"), THUMBNAIL_SIDE).path), f"version {number}")
            for number, file in enumerate(results, 1)
        ]

    def _choose_version(self, photo: Upload | None, versions: list[Upload] | None, event: gr.SelectData) -> tuple:
        """Show the version that was clicked, and offer it for download."""
        if not photo or not versions or not isinstance(event.index, int) or not 0 <= event.index < len(versions):
            raise page_error("there are no versions yet; make some first")
        chosen = Path(versions[event.index]["path"])
        return self._before_and_after(Path(photo["path"]), chosen), chosen, status_html(chosen.name, "good")

    def _before_and_after(self, photo: Path, result: Path) -> tuple[Path, Path]:
        """Return paths of a photo and its result at full resolution, in formats that browsers can show."""
        store = self._uploads.store
        before = write_preview(photo, store.new_path("before.jpg")).path
        if result.suffix.lower() in BROWSER_SUFFIXES:
            return before, result
        return before, write_preview(result, store.new_path("after.jpg")).path


def _enable_if_file(file: Upload | None) -> dict:
    """Return the update that enables a button if there is a file to download."""
    return gr.update(interactive=bool(file))
