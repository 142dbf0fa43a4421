"""What the tab for one photo asks of the service: a request made of its controls, and what became of it in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from colorize.batch import FileOptions, PhotoOptions
from colorize.engine import ColorSettings
from colorize.web.command_lines import command_line
from colorize.web.controls import page_error, status_html
from colorize.web.reference_controls import reference_options
from colorize.web.requests import ColorizeRequest
from colorize.web.setting_controls import page_request
from colorize.web.uploads import Upload, UploadHandler, upload_name

SETTINGS = (ColorSettings, PhotoOptions, FileOptions)
"""The settings that the tab has controls of."""


def photo_request(
    reference: Upload | None, strength: float, weights: str, values: Sequence[Any], **options: Any
) -> ColorizeRequest:
    """Return the request of the tab.

    Args:
        reference: A photo whose colours are taken; None: there is none.
        strength: How far they are, 0..1.
        weights: Value of their control.
        values: Of the other controls, those of ``SETTINGS``.
        **options: Options of photos that differ from their controls or defaults.

    Raises:
        gr.Error: A value is wrong.
    """
    return page_request(weights, SETTINGS, values, photo={**options, **reference_options(reference, strength)})


async def color_photo(
    uploads: UploadHandler, photo: Upload | None, request: ColorizeRequest
) -> tuple[list[Path], str, str]:
    """Colour a photo, and return its result files, the status as HTML, and the command line.

    Raises:
        gr.Error: It cannot be coloured.
    """
    outcome, results = await uploads.colorize_photo(photo, request)
    if outcome.status == "failed":
        raise page_error(outcome.message)
    if not results:  # the engine says that it is in colour already
        return [], status_html(outcome.message.replace("--force colours it anew", "nothing was changed"), "bad"), ""
    notes = "".join(status_html(note) for note in outcome.notes)
    options = request.options.photo
    named = replace(options, references=[Path(path.name) for path in options.references])
    shown = replace(request, options=replace(request.options, photo=named))
    status = status_html(f"Done: {results[0].name}", "good") + notes
    return results, status, command_line([upload_name(photo or {})], shown)


def download_update(file: Path | None) -> dict:
    """Return the update of the button that offers a file; None: there is none yet."""
    return gr.update(value=file, interactive=file is not None, label="Download")
