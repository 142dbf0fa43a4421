"""The tab's other versions: a photo coloured in several ways, of which one is chosen by a click."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from colorize.web.controls import PRIVATE, choice_of_pictures, page_error, status_html
from colorize.web.hint_editor import read_hint_lines
from colorize.web.latest import Latest
from colorize.web.photo_requests import SETTINGS, color_photo, download_update, photo_request
from colorize.web.previews import before_and_after, write_preview
from colorize.web.setting_controls import takes_controls
from colorize.web.uploads import Upload, UploadHandler

VERSIONS = 4  # how many are made at a click
THUMBNAIL_SIDE = 700  # longest side in pixels


class PhotoVersions:
    """The accordion with the versions, and its event handlers.

    Attributes:
        row: What is hidden until there are versions.
        gallery: The versions.
    """

    def __init__(self, uploads: UploadHandler) -> None:
        """Add the components."""
        self._uploads = uploads
        with gr.Accordion("Other versions", open=False):
            self._button = gr.Button(f"Show {VERSIONS} versions", elem_id="make-versions")
            with gr.Column(visible=False) as self.row:
                gr.Markdown("Choose one by a click. The first is the usual; another number gives others.")
                self.gallery = choice_of_pictures("Versions: choose one", "versions")
                self._seed = gr.Number(0, label="Number", precision=0, minimum=0, maximum=2**31)
            self._files = gr.File(label="versions", file_count="multiple", visible="hidden")

    def connect(
        self,
        upload: gr.File,
        latest: gr.State,
        hints: gr.Textbox,
        asked: Sequence[Any],
        status: gr.HTML,
        command: gr.Textbox,
        *shown: Any,
    ) -> None:
        """Add the events.

        Args:
            upload: The photo.
            latest: Holds a ``Latest``.
            hints: On it.
            asked: Reference, its strength, weights and controls, as ``photo_request`` takes them.
            status: Says what became of it.
            command: The command line.
            *shown: Before and after, and the button for the download.
        """
        self._button.click(
            self._make,
            [upload, latest, hints, self._seed, *asked],
            [self.gallery, self._files, status, command],
            preprocess=False,
            api_name="colorize_versions",
            api_description="Colour a photo in several ways. Returns pictures, the files, a sentence, a command line.",
            concurrency_limit=None,
            show_progress_on=[status],
        ).success(
            lambda versions: gr.update(visible=bool(versions)),
            self.gallery,
            self.row,
            preprocess=False,
            api_visibility=PRIVATE,
        )
        self.gallery.select(
            self._choose,
            [upload, latest, self._files],
            [*shown, status],
            preprocess=False,
            api_visibility=PRIVATE,
            trigger_mode="multiple",  # "always_last" sends the number of an earlier one
        )

    @takes_controls(*SETTINGS)
    async def _make(
        self,
        photo: Upload | None,
        latest: Latest | None,
        hints: str,
        seed: int,
        reference: Upload | None = None,
        reference_strength: float = 1.0,
        weights: str = "",
        *values: Any,
    ) -> tuple:
        """Colour a photo in several ways, and return pictures, files, the status as HTML, and the command line.

        Nothing changes if the page shows another photo by then.
        """
        try:
            number = max(0, int(seed or 0))
        except (TypeError, ValueError, OverflowError) as error:
            raise page_error("the number is a whole one, 0 or more") from error
        versions = {"hints": read_hint_lines(hints), "candidates": VERSIONS, "seed": number}
        request = photo_request(reference, reference_strength, weights, values, **versions)
        results, status, command = await color_photo(self._uploads, photo, request)
        if latest and photo and latest.photo not in (None, photo["path"]):
            return (gr.skip(),) * 4
        return await asyncio.to_thread(self._thumbnails, results), [str(file) for file in results], status, command

    def _thumbnails(self, results: list[Path]) -> list[tuple[str, str]]:
        """Return pictures of versions for the gallery, with captions."""
        store = self._uploads.store
        return [
            (
                str(write_preview(self._uploads.service, file, store.new_path(f"{file.stem}.jpg"), THUMBNAIL_SIDE)),
                f"version {number}",
            )
            for number, file in enumerate(results, 1)
        ]

    def _choose(
        self, photo: Upload | None, latest: Latest, versions: list[Upload] | None, event: gr.SelectData
    ) -> tuple:
        """Show the version that was clicked, and offer it for download, unless another one was clicked by then."""
        if not photo or not versions or not isinstance(event.index, int) or not 0 <= event.index < len(versions):
            raise page_error("there are no versions yet; make some first")
        asked = latest.ask(photo["path"])
        chosen = Path(versions[event.index]["path"])
        pair = before_and_after(self._uploads.service, self._uploads.store, Path(photo["path"]), chosen)
        if not latest.is_last(asked):
            return (gr.skip(),) * 3
        return pair, download_update(chosen), status_html(chosen.name, "good")
