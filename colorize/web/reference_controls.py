"""The page's controls of a reference, a photo in colour that lends its colours: the photo, and how much it lends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from colorize.web.controls import PRIVATE, page_error
from colorize.web.setting_controls import STEP
from colorize.web.uploads import Upload


def reference_controls(id: str) -> tuple[gr.Image, gr.Slider]:
    """Add the controls of a tab, and return the photo and its strength, which shows while there is a photo.

    Args:
        id: The HTML id of the photo; the strength has it with ``-strength`` behind.
    """
    photo = gr.Image(
        show_label=False,
        label="A photo in colour that shows the same things",
        sources=["upload", "clipboard"],
        type="filepath",
        image_mode=None,
        buttons=[],
        height=170,
        placeholder="Drop a photo in colour here\nthat shows the same things",
        elem_id=id,
        elem_classes="reference",
        alt_text="the photo whose colours are taken",
    )
    strength = gr.Slider(
        *(0, 1, 1),
        step=STEP,
        label="How much of its colours",
        buttons=["reset"],
        visible=False,
        elem_id=f"{id}-strength",
    )
    photo.change(
        lambda upload: gr.update(visible=bool(upload)), photo, strength, preprocess=False, api_visibility=PRIVATE
    )
    return photo, strength


def reference_options(reference: Upload | None, strength: Any) -> dict[str, Any]:
    """Return the options of photos or films that the controls' values make.

    Raises:
        gr.Error: The strength is not a number.
    """
    if not reference:
        return {}
    try:
        return {"references": [Path(reference["path"])], "reference_strength": float(strength)}
    except (TypeError, ValueError) as error:
        raise page_error(f"Reference strength: {strength!r} is not a number") from error
