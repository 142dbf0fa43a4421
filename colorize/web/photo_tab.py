"""The tab for one photo: colours, colour hints, before and after."""

from __future__ import annotations

import asyncio
from pathlib import Path

import gradio as gr

import colorize
from colorize.base import ImageError
from colorize.batch import RESULT_SUFFIX
from colorize.web.command_lines import photo_command
from colorize.web.controls import PRIVATE, color_controls, command_box, enable_with, sentence, settings_of, status_line
from colorize.web.display import HINTING_SIDE, SHOWN_SUFFIXES, write_sheet
from colorize.web.hint_controls import HintControls, parse_hints
from colorize.web.requests import PhotoRequest
from colorize.web.uploads import Upload, UploadHandler, link, name_of, problem

SAMPLES = Path(colorize.__file__).resolve().parents[1] / "samples"  # in a checkout; an installed package has none
VERSIONS = 4
THUMBNAIL_SIDE = 700


class PhotoTab:
    """One photo."""

    def __init__(self, uploads: UploadHandler) -> None:
        """Add the tab's components and events."""
        self._uploads = uploads
        # Whoever followed the README has coloured one of them in place.
        self._samples = sorted(path for path in SAMPLES.glob("*.jpg") if RESULT_SUFFIX not in path.stem)
        self._sheet = gr.State(None)
        with gr.Row():
            with gr.Column(min_width=300):
                self._add_source()
            with gr.Column(min_width=300):
                self._add_result()
        with gr.Row():  # below the result: on a telephone everything stands in one column
            with gr.Column(min_width=300):
                self._hints = HintControls(self._uploads.store, self._photo, self._sheet)
            with gr.Column(min_width=300):
                with gr.Accordion("Settings", open=False):
                    self._color_words = color_controls(self._uploads.service)
                self._add_versions()
        self._listen()

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
        # The upload as it came, to the last byte; the picture above may be a copy that a browser can show.
        self._file = gr.File(label="photo", visible="hidden")
        self._pick = None
        if self._samples:
            self._pick = gr.Dataset(
                label="Or try a sample",
                components=[gr.Image(visible=False, type="filepath")],
                samples=[[str(path)] for path in self._samples],
                type="index",
                elem_id="samples",
            )
        self._color = gr.Button("Colour the photo", variant="primary", interactive=False, elem_id="color-photo")
        self._force = gr.Checkbox(label="Colour it anyway, though it is in colour already", value=False)

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
            self._several = gr.Button(f"Make {VERSIONS} versions", interactive=False, elem_id="make-versions")
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

    def _listen(self) -> None:
        received = [self._photo, self._file, self._sheet, self._hints.text, self._slider, self._status]
        received += [self._command, self._versions, self._version_files]
        enable_with(self._file, [self._color, self._several])
        self._photo.input(
            self._receive,
            self._photo,
            received,
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=4,
            # Choosing to paste empties the photo first; what is pasted while that is answered must not be dropped.
            trigger_mode="always_last",
        ).success(lambda: gr.update(interactive=False, value=None), None, self._download, api_visibility=PRIVATE)
        if self._pick is not None:
            self._pick.click(self._receive_sample, self._pick, received, api_visibility=PRIVATE, concurrency_limit=4)
        self._color.click(
            self._colorize,
            [self._file, self._hints.text, *self._color_words, self._force],
            [self._slider, self._download, self._status, self._command],
            preprocess=False,
            api_name="colorize",
            api_description="Colour a photo. Returns before and after, the coloured file, a sentence, a command line.",
            concurrency_limit=None,
            show_progress_on=[self._slider],
        ).success(_offer, self._download, self._download, preprocess=False, api_visibility=PRIVATE)
        self._several.click(
            self._make_versions,
            [self._file, self._hints.text, *self._color_words, self._force, self._seed],
            [self._versions, self._version_files, self._status, self._command],
            preprocess=False,
            api_name="colorize_versions",
            api_description="Colour a photo in several ways. Returns pictures, the files, a sentence, a command line.",
            concurrency_limit=None,
            show_progress_on=[self._versions],
        )
        self._versions.select(
            self._choose,
            [self._file, self._version_files],
            [self._slider, self._download, self._status],
            preprocess=False,
            api_visibility=PRIVATE,
        ).success(_offer, self._download, self._download, preprocess=False, api_visibility=PRIVATE)

    def _receive(self, upload: Upload | None) -> tuple:
        """Keep an upload as it came and show it."""
        if not upload:  # the photo is empty already; another may have come meanwhile
            return gr.skip(), None, None, "", None, "", "", None, None
        return self._show(Path(upload["path"]), name_of(upload))

    def _receive_sample(self, number: int) -> tuple:
        if not (isinstance(number, int) and 0 <= number < len(self._samples)):
            raise problem("there is no such sample")
        return self._show(self._samples[number], self._samples[number].name)

    def _show(self, source: Path, name: str) -> tuple:
        store = self._uploads.store
        kept = store.place(name)
        link(source, kept)
        try:
            sheet = write_sheet(kept, store.place(f"{kept.stem}.jpg"), HINTING_SIDE)
        except (ImageError, OSError, MemoryError) as error:
            said = str(error).replace(str(kept), kept.name)
            return None, None, None, "", None, sentence(said or "not enough memory", "bad"), "", None, None
        height, width = sheet.size
        said = sentence(f"{kept.name}: {width} x {height} pixels")
        return sheet.path, str(kept), sheet, "", None, said, "", None, None

    async def _colorize(
        self,
        photo: Upload | None,
        hints: str,
        weights: str,
        strength: float,
        saturation: float,
        render_size: int,
        force: bool,
    ) -> tuple:
        """Colour a photo through the queue."""
        request = PhotoRequest(
            settings_of(weights, strength, saturation, render_size), parse_hints(hints), force=bool(force)
        )
        results, said, command = await self._work(photo, request)
        if not results:
            return None, None, said, command
        pair = await asyncio.to_thread(self._pair, Path((photo or {})["path"]), results[0])
        return pair, results[0], said, command

    async def _make_versions(
        self,
        photo: Upload | None,
        hints: str,
        weights: str,
        strength: float,
        saturation: float,
        render_size: int,
        force: bool,
        seed: int,
    ) -> tuple:
        """Colour a photo in several ways."""
        color_settings = settings_of(weights, strength, saturation, render_size)
        try:
            number = max(0, int(seed or 0))
        except (TypeError, ValueError, OverflowError) as error:
            raise problem("the number is a whole one, 0 or more") from error
        request = PhotoRequest(color_settings, parse_hints(hints), force=bool(force), candidates=VERSIONS, seed=number)
        results, said, command = await self._work(photo, request)
        return await asyncio.to_thread(self._thumbnails, results), [str(file) for file in results], said, command

    async def _work(self, photo: Upload | None, request: PhotoRequest) -> tuple[list[Path], str, str]:
        """Return the coloured files, a sentence, and the command line."""
        outcome, results = await self._uploads.photo(photo, request)
        if outcome.status == "failed":
            raise problem(outcome.message)
        if not results:  # it is in colour already, says the engine
            return [], sentence(f"{outcome.message} Or tick 'Colour it anyway'.", "bad"), ""
        return results, sentence(outcome.message, "good"), photo_command([name_of(photo or {})], request)

    def _thumbnails(self, results: list[Path]) -> list[tuple[str, str]]:
        store = self._uploads.store
        return [
            (str(write_sheet(file, store.place(f"{file.stem}.jpg"), THUMBNAIL_SIDE).path), f"version {number}")
            for number, file in enumerate(results, 1)
        ]

    def _choose(self, photo: Upload | None, versions: list[Upload] | None, event: gr.SelectData) -> tuple:
        """Show the version that was clicked, and offer it for download."""
        if not photo or not versions or not isinstance(event.index, int) or not 0 <= event.index < len(versions):
            raise problem("there are no versions yet; make some first")
        chosen = Path(versions[event.index]["path"])
        return self._pair(Path(photo["path"]), chosen), chosen, sentence(chosen.name, "good")

    def _pair(self, photo: Path, result: Path) -> tuple[Path, Path]:
        """Return before and after, at full resolution and as a browser can show them."""
        store = self._uploads.store
        before = write_sheet(photo, store.place("before.jpg")).path
        if result.suffix.lower() in SHOWN_SUFFIXES:
            return before, result
        return before, write_sheet(result, store.place("after.jpg")).path


def _offer(file: Upload | None) -> dict:
    """Let the button work when there is something to download."""
    return gr.update(interactive=bool(file))
