"""Controls for colour hints: set by a click on the photo or written as lines, undone, cleared, drawn on the photo."""

from __future__ import annotations

import re
from pathlib import Path

import gradio as gr

from colorize.engine import Hint
from colorize.web.controls import PRIVATE, page_error
from colorize.web.file_store import FileStore
from colorize.web.previews import Preview, write_hinted


class HintControls:
    """The accordion with the hints of one photo.

    Attributes:
        text: The text box with the hints, one a line.
    """

    def __init__(self, store: FileStore, photo: gr.Image, preview: gr.State) -> None:
        """Add the controls.

        Args:
            store: Keeps the previews with hints on them.
            photo: The component that shows the preview and is clicked.
            preview: The session's state that holds the photo's ``Preview``, or None.
        """
        self._store = store
        with gr.Accordion("Colour hints", open=True):
            gr.Markdown(
                "Do you know a colour? Choose it, click its place on the photo above, and colour the photo again. "
                "Or write a line: `x,y,#rrggbb`, in pixels of the photo."
            )
            color = gr.ColorPicker(label="Colour", value="#b03030", elem_id="hint-color")
            self.text = gr.Textbox(
                label="Hints", info="one a line: x,y,#rrggbb or x,y,#rrggbb,radius", lines=3, max_lines=10, value=""
            )
            with gr.Row():
                undo = gr.Button("Undo hint", size="sm", min_width=100)
                clear = gr.Button("Clear hints", size="sm", min_width=100)
        changed = [self.text, photo]
        # Gradio's progress overlay lies over the photo and would swallow the next click.
        for event, handler, inputs, outputs in (
            (photo.select, self._add, [preview, self.text, color], changed),
            (undo.click, self._remove_last, [preview, self.text], changed),
            (clear.click, self._remove_all, [preview], changed),
            (self.text.blur, self._draw, [preview, self.text], [photo]),
            (self.text.submit, self._draw, [preview, self.text], [photo]),
        ):
            event(handler, inputs, outputs, show_progress="hidden", api_visibility=PRIVATE)

    def _add(self, event: gr.SelectData, preview: Preview | None, text: str, color: str) -> tuple:
        """Append a hint where the photo was clicked."""
        if preview is None:
            raise page_error("there is no photo yet; choose one first")
        column, row = event.index
        x, y = preview.to_photo(column, row)
        text = "\n".join([*_lines(text), str(Hint(x, y, hex_color(color)))])
        return text, self._draw(preview, text)

    def _remove_last(self, preview: Preview | None, text: str) -> tuple:
        """Remove the last hint."""
        text = "\n".join(_lines(text)[:-1])
        return text, self._draw(preview, text)

    def _remove_all(self, preview: Preview | None) -> tuple:
        """Remove all hints."""
        return "", self._draw(preview, "")

    def _draw(self, preview: Preview | None, text: str) -> Path | None:
        """Return the path of the preview with the hints drawn on it; None: there is no photo."""
        if preview is None:
            return None
        if not preview.path.exists():
            raise page_error("the photo is not kept any longer; choose it again")
        hints = parse_hints(text)
        if not hints:
            return preview.path
        target = self._store.new_path(preview.path.name)
        write_hinted(preview, hints, target)
        return target


def parse_hints(text: str | None) -> list[Hint]:
    """Return the hints of a text, one a line as ``Hint.parse`` reads it; empty lines are skipped.

    Raises:
        gr.Error: A line is not a hint.
    """
    try:
        return [Hint.parse(line) for line in _lines(text)]
    except ValueError as error:
        raise page_error(str(error)) from error


def hex_color(text: str | None) -> str:
    """Return a colour picker's value as ``#rrggbb``.

    Args:
        text: ``#rrggbb``, ``#rrggbbaa``, ``#rgb``, or ``rgb(r, g, b)`` or ``rgba(r, g, b, a)`` with numbers 0..255.

    Raises:
        gr.Error: It is none of them.
    """
    text = (text or "").strip()
    if re.fullmatch(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", text):
        return text[:7].lower()
    if re.fullmatch(r"#[0-9a-fA-F]{3}", text):
        return "#" + "".join(2 * digit for digit in text[1:].lower())
    numbers = re.fullmatch(r"rgba?\(\s*([\d.]+)[,\s]+([\d.]+)[,\s]+([\d.]+)(?:[,/\s]+[\d.]+%?)?\s*\)", text)
    if numbers is None:
        raise page_error(f"colour {text!r} is not #rrggbb, such as #c03020")
    return "#" + "".join(f"{min(255, round(float(number))):02x}" for number in numbers.groups())


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
