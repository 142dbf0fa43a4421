"""Colour marks on the page: a click, a line of text, one step back."""

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
    """The marks of one photo.

    Attributes:
        text: The box with the marks, one a line.
    """

    def __init__(self, shelf: FileStore, photo: gr.Image, sheet: gr.State) -> None:
        """Add the controls.

        Args:
            shelf: Keeps the pictures with marks on them.
            photo: Shows them, and is clicked.
            sheet: The session's ``Sheet``, or None.
        """
        self._shelf = shelf
        with gr.Accordion("Colour marks", open=True):
            gr.Markdown(
                "Do you know a colour? Choose it, click its place on the photo above, and colour the photo again. "
                "Or write a line: `x,y,#rrggbb`, in pixels of the photo."
            )
            ink = gr.ColorPicker(label="Colour", value="#b03030", elem_id="ink")
            self.text = gr.Textbox(
                label="Marks", info="one a line: x,y,#rrggbb or x,y,#rrggbb,radius", lines=3, max_lines=10, value=""
            )
            with gr.Row():
                undo = gr.Button("Undo mark", size="sm", min_width=100)
                clear = gr.Button("Clear marks", size="sm", min_width=100)
        marked = [self.text, photo]
        # The sign of progress lies over the photo and would swallow the next click.
        for trigger, work, inputs, outputs in (
            (photo.select, self._add, [sheet, self.text, ink], marked),
            (undo.click, self._take_back, [sheet, self.text], marked),
            (clear.click, self._remove_all, [sheet], marked),
            (self.text.blur, self._draw, [sheet, self.text], [photo]),
            (self.text.submit, self._draw, [sheet, self.text], [photo]),
        ):
            trigger(work, inputs, outputs, show_progress="hidden", api_visibility=PRIVATE)

    def _add(self, event: gr.SelectData, sheet: Sheet | None, text: str, ink: str) -> tuple:
        """Append a mark where the photo was clicked."""
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
        """Return the picture with the marks on it."""
        if sheet is None:
            return None
        if not sheet.path.exists():
            raise problem("the photo is not kept any longer; choose it again")
        marks = parse_hints(text)
        if not marks:
            return sheet.path
        target = self._shelf.place(sheet.path.name)
        write_hinted(sheet, marks, target)
        return target


def parse_hints(text: str | None) -> list[Hint]:
    """Return the marks of lines.

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
