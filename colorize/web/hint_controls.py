"""Colour hints on the page: a click, a line of text, one step back."""

from __future__ import annotations

import re
from pathlib import Path

import gradio as gr

from colorize.engine import Hint
from colorize.web.command_lines import hint_line
from colorize.web.controls import PRIVATE
from colorize.web.display import Sheet, write_hinted
from colorize.web.file_store import FileStore
from colorize.web.uploads import problem


class HintControls:
    """The hints of one photo.

    Attributes:
        text: The box with the hints, one a line.
    """

    def __init__(self, store: FileStore, photo: gr.Image, sheet: gr.State) -> None:
        """Add the controls.

        Args:
            store: Keeps the pictures with hints on them.
            photo: Shows them, and is clicked.
            sheet: The session's ``Sheet``, or None.
        """
        self._store = store
        with gr.Accordion("Colour hints", open=True):
            gr.Markdown(
                "Do you know a colour? Choose it, click its place on the photo above, and colour the photo again. "
                "Or write a line: `x,y,#rrggbb`, in pixels of the photo."
            )
            ink = gr.ColorPicker(label="Colour", value="#b03030", elem_id="ink")
            self.text = gr.Textbox(
                label="Hints", info="one a line: x,y,#rrggbb or x,y,#rrggbb,radius", lines=3, max_lines=10, value=""
            )
            with gr.Row():
                undo = gr.Button("Undo hint", size="sm", min_width=100)
                clear = gr.Button("Clear hints", size="sm", min_width=100)
        hinted = [self.text, photo]
        # The sign of progress lies over the photo and would swallow the next click.
        for trigger, work, inputs, outputs in (
            (photo.select, self._add, [sheet, self.text, ink], hinted),
            (undo.click, self._take_back, [sheet, self.text], hinted),
            (clear.click, self._remove_all, [sheet], hinted),
            (self.text.blur, self._draw, [sheet, self.text], [photo]),
            (self.text.submit, self._draw, [sheet, self.text], [photo]),
        ):
            trigger(work, inputs, outputs, show_progress="hidden", api_visibility=PRIVATE)

    def _add(self, event: gr.SelectData, sheet: Sheet | None, text: str, ink: str) -> tuple:
        """Append a hint where the photo was clicked."""
        if sheet is None:
            raise problem("there is no photo yet; choose one first")
        column, row = event.index
        x, y = sheet.locate(column, row)
        text = "\n".join([*_lines(text), hint_line(Hint(x, y, hex_color(ink)))])
        return text, self._draw(sheet, text)

    def _take_back(self, sheet: Sheet | None, text: str) -> tuple:
        text = "\n".join(_lines(text)[:-1])
        return text, self._draw(sheet, text)

    def _remove_all(self, sheet: Sheet | None) -> tuple:
        return "", self._draw(sheet, "")

    def _draw(self, sheet: Sheet | None, text: str) -> Path | None:
        """Return the picture with the hints on it."""
        if sheet is None:
            return None
        if not sheet.path.exists():
            raise problem("the photo is not kept any longer; choose it again")
        hints = parse_hints(text)
        if not hints:
            return sheet.path
        target = self._store.place(sheet.path.name)
        write_hinted(sheet, hints, target)
        return target


def parse_hints(text: str | None) -> list[Hint]:
    """Return the hints of lines.

    Raises:
        gr.Error: A line is written in another way.
    """
    try:
        return [Hint.parse(line) for line in _lines(text)]
    except ValueError as error:
        raise problem(str(error)) from error


def hex_color(text: str | None) -> str:
    """Return ``#rrggbb`` of what a colour picker says: that, ``#rgb``, or ``rgb(a)(r, g, b[, a])``.

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
        raise problem(f"colour {text!r} is not #rrggbb, such as #c03020")
    return "#" + "".join(f"{min(255, round(float(number))):02x}" for number in numbers.groups())


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
