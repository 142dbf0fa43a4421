"""The easel beside a photo: its dots and strokes, kept for another day, and what they change, shown at once."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from colorize.engine import HINTS_SUFFIX, Hint, format_hints, parse_hints
from colorize.web.controls import PRIVATE, page_error
from colorize.web.hint_editor import easel, easel_error, easel_photo, easel_value, edited_hints, read_hint_lines
from colorize.web.latest import Latest
from colorize.web.live_photos import LivePhotos
from colorize.web.photo_requests import SETTINGS, photo_request
from colorize.web.requests import ColorizeRequest
from colorize.web.setting_controls import takes_controls
from colorize.web.uploads import Upload, UploadHandler, upload_name

PAUSE_SECONDS, PAUSE_STEPS = 2.0, 8  # after the last hint, before the file is made
MAX_HINT_FILE = 1_000_001  # bytes that are read of one; one more than it may have


class PhotoHints:
    """The easel with its buttons, and its event handlers.

    Attributes:
        easel: Shows the photo as the hints colour it.
        hints: All that were set, one a line; hidden.
    """

    def __init__(self, uploads: UploadHandler, live: LivePhotos) -> None:
        """Add the components."""
        self._uploads, self._live = uploads, live
        self.hints = gr.Textbox(label="Hints", visible="hidden", value="")
        self.easel = easel()
        with gr.Row():
            self._save = gr.DownloadButton("Keep these dots for another day", interactive=False, elem_id="save-hints")
            self._load_button = gr.UploadButton("Take dots that were kept", file_types=[".json"], elem_id="load-hints")

    def connect(
        self, upload: gr.File, latest: gr.State, asked: Sequence[Any], download: gr.DownloadButton
    ) -> list[Dependency]:
        """Add the events, and return those after which the photo is to be coloured.

        Args:
            upload: The photo.
            latest: Holds a ``Latest``.
            asked: Reference, its strength, weights and controls, as ``photo_request`` takes them.
            download: The button that waits meanwhile.
        """
        quiet: dict[str, Any] = {"preprocess": False, "api_visibility": PRIVATE, "show_progress": "hidden"}
        outputs = [self.easel, self.hints, self._save, download]
        edited = self.easel.input(
            self._edit, [upload, latest, *asked], outputs, concurrency_limit=4, trigger_mode="multiple", **quiet
        )
        loaded = self._load_button.upload(self._load, [self._load_button, upload, latest, *asked], outputs, **quiet)
        for event in (edited, loaded):  # what fails has no other answer: the photo is not kept any longer
            event.failure(lambda: easel_error("That did not work."), None, self.easel, **quiet)
        wait = [upload, self.hints, latest]
        return [event.success(_pause, wait, None, concurrency_limit=None, **quiet) for event in (edited, loaded)]

    def prepare_after(
        self, event: Dependency, upload: gr.File, latest: gr.State, asked: Sequence[Any], file: gr.DownloadButton
    ) -> None:
        """Let the easel show a photo after the event that coloured it; the arguments are those of ``connect``."""
        event.then(
            self._prepare,
            [upload, self.hints, latest, file, *asked],
            [self.easel, self._save],
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=4,
            show_progress="hidden",
            trigger_mode="always_last",
        )

    @takes_controls(*SETTINGS)
    async def _prepare(
        self,
        photo: Upload | None,
        hints: str,
        latest: Latest,
        file: Upload | None,
        reference: Upload | None,
        reference_strength: float,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Return what the easel shows of a photo that was coloured, and the button that saves its hints.

        Nothing changes if its hints are others by then, or the page shows another photo.
        """
        if not photo or not file:
            return None, gr.update(interactive=False)
        number = latest.page_number(photo["path"])
        try:
            request = photo_request(reference, reference_strength, weights, values)
            shown, save = await self._draw(photo, request, read_hint_lines(hints), number)
        except (ValueError, OSError) as error:
            shown, save = easel_error(_without_folder(str(error), photo)), gr.update(interactive=False)
        if not latest.has_hints(photo["path"], hints) or latest.photo not in (None, photo["path"]):
            return (gr.skip(),) * 2
        return shown, save

    @takes_controls(*SETTINGS)
    async def _edit(
        self,
        event: gr.EventData,
        photo: Upload | None,
        latest: Latest,
        reference: Upload | None,
        reference_strength: float,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Show what the visitor's hints change, and return the values of easel, hints, save button and download."""
        edited, text, number = edited_hints(event)
        if photo and edited != easel_photo(Path(photo["path"])):
            return (gr.skip(),) * 4
        ask = partial(photo_request, reference, reference_strength, weights, values)
        return await self._set_hints(photo, latest, ask, lambda _: read_hint_lines(text), number)

    @takes_controls(*SETTINGS)
    async def _load(
        self,
        file: Upload | None,
        photo: Upload | None,
        latest: Latest,
        reference: Upload | None,
        reference_strength: float,
        weights: str,
        *values: Any,
    ) -> tuple:
        """Take the hints of a file, and return the values of easel, hints, save button and download."""

        def read(size: tuple[int, int]) -> list[Hint]:
            if not file:
                raise page_error("there is no file of hints; choose one first")
            with open(file["path"], "rb") as opened:
                return list(parse_hints(opened.read(MAX_HINT_FILE), size, upload_name(file)))

        ask = partial(photo_request, reference, reference_strength, weights, values)
        return await self._set_hints(photo, latest, ask, read)

    async def _set_hints(
        self,
        photo: Upload | None,
        latest: Latest,
        ask: Callable[[], ColorizeRequest],
        read: Callable[[tuple[int, int]], list[Hint]],
        number: int | None = None,
    ) -> tuple:
        """Return the values of easel, hints, save button and download for new hints.

        Nothing changes if newer ones were set by then, or the page shows another photo.

        Args:
            photo: That they are of.
            latest: The visitor's newest hints.
            ask: Returns how the photo is coloured.
            read: Returns the hints for a photo of (height, width).
            number: Of the edit in the easel; None: they do not come from there.
        """
        if not photo:
            raise page_error("there is no photo yet; choose one first")
        skipped = (gr.skip(),) * 4
        edit = latest.begin_edit(photo["path"], number)  # no file is made of the former ones from now on
        if not edit:
            return skipped
        text, save, download = None, gr.skip(), gr.skip()
        try:
            request = ask()
            live = await asyncio.to_thread(self._live.find, Path(photo["path"]), request)
            hints = read(live.size)
            shown, save = await self._draw(photo, request, hints)
            text, download = "\n".join(map(str, hints)), gr.update(interactive=False, label="One moment")
        except gr.Error as error:
            shown = easel_error(html.unescape(str(error.message)))
        except (ValueError, OSError) as error:
            shown = easel_error(_without_folder(str(error), photo))
        finally:
            is_last = latest.end_edit(photo["path"], edit, text)
        if not is_last or latest.photo not in (None, photo["path"]):
            return skipped
        if text is None:
            return shown, gr.skip(), save, download
        return {**shown, "number": latest.page_number(photo["path"])}, text, save, download

    async def _draw(
        self, photo: Upload, request: ColorizeRequest, hints: list[Hint], number: int = -1
    ) -> tuple[dict, dict]:
        """Return the values of the easel and of the button that saves the hints; ``number`` as in ``easel_value``."""
        upload = Path(photo["path"])

        def draw() -> tuple[dict, dict]:
            live = self._live.find(upload, request)
            picture = self._live.draw(upload, request, hints)
            shown = easel_value(upload, live, picture, hints, number)
            if not hints:
                return shown, gr.update(value=None, interactive=False)
            saved = self._uploads.store.new_path(f"{Path(upload_name(photo)).stem}{HINTS_SUFFIX}")
            saved.write_bytes(format_hints(hints, live.size))
            return shown, gr.update(value=str(saved), interactive=True)

        return await asyncio.to_thread(draw)


async def _pause(photo: Upload | None, hints: str, latest: Latest) -> None:
    """Wait until the visitor has set no other hint for a while: the next one is to be shown at once, too."""
    for _ in range(PAUSE_STEPS):
        await asyncio.sleep(PAUSE_SECONDS / PAUSE_STEPS)
        if photo and not latest.has_hints(photo["path"], hints):
            return


def _without_folder(message: str, photo: Upload) -> str:
    """Return a message with the client's own name of a photo."""
    return message.replace(photo["path"], upload_name(photo))
