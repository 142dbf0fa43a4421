"""The tab for one photo: colours, colour marks, before and after."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import gradio as gr

from colorize.errors import ImageError
from colorize.marks import Mark
from colorize.web.commands import mark_line, photo_command
from colorize.web.controls import command_box, look_controls, look_of, sentence, status_line
from colorize.web.desk import Desk, Upload, link, problem
from colorize.web.display import MARKING_SIDE, SHOWN_SUFFIXES, Sheet, write_marked, write_sheet
from colorize.web.studio import PhotoWish

SAMPLES = Path(__file__).resolve().parents[2] / "samples"  # in a checkout; an installed package has none
PRIVATE = "private"  # for the page itself, not for gradio_client


class PhotoTab:
    """One photo."""

    def __init__(self, desk: Desk) -> None:
        """Add the tab's components and events."""
        self._desk = desk
        self._samples = sorted(SAMPLES.glob("*.jpg"))
        self._sheet = gr.State(None)
        with gr.Row():
            with gr.Column(min_width=300):
                self._add_source()
            with gr.Column(min_width=300):
                self._add_result()
        with gr.Row():  # below the result: on a telephone everything stands in one column
            with gr.Column(min_width=300):
                self._add_marks()
            with gr.Column(min_width=300), gr.Accordion("Settings", open=False):
                self._look = look_controls(self._desk.studio)
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
            alt_text="your photo, with the colour marks on it",
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
        self._color = gr.Button("Colour the photo", variant="primary", elem_id="color-photo")
        self._force = gr.Checkbox(label="Colour it anyway, though it is in colour already", value=False)

    def _add_marks(self) -> None:
        with gr.Accordion("Colour marks", open=True):
            gr.Markdown(
                "Do you know a colour? Choose it, click its place on the photo above, and colour the photo again. "
                "Or write a line: `x,y,#rrggbb`, in pixels of the photo."
            )
            self._ink = gr.ColorPicker(label="Colour", value="#b03030", elem_id="ink")
            self._marks = gr.Textbox(
                label="Marks", info="one a line: x,y,#rrggbb or x,y,#rrggbb,radius", lines=3, max_lines=10, value=""
            )
            with gr.Row():
                self._undo = gr.Button("Undo", size="sm", min_width=80)
                self._clear = gr.Button("Clear", size="sm", min_width=80)

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

    def _listen(self) -> None:
        received = [self._photo, self._file, self._sheet, self._marks, self._slider, self._status, self._command]
        self._photo.input(
            self._receive,
            self._photo,
            received,
            preprocess=False,
            api_visibility=PRIVATE,
            concurrency_limit=4,
        ).success(lambda: gr.update(interactive=False, value=None), None, self._download, api_visibility=PRIVATE)
        if self._pick is not None:
            self._pick.click(self._receive_sample, self._pick, received, api_visibility=PRIVATE, concurrency_limit=4)
        self._color.click(
            self._colorize,
            [self._file, self._marks, *self._look, self._force],
            [self._slider, self._download, self._status, self._command],
            preprocess=False,
            api_name="colorize",
            api_description="Colour a photo. Returns before and after, the coloured file, a sentence, a command line.",
            concurrency_limit=None,
            show_progress_on=[self._slider],
        ).success(_offer, self._download, self._download, preprocess=False, api_visibility=PRIVATE)
        marked = [self._marks, self._photo]
        self._photo.select(self._add_mark, [self._sheet, self._marks, self._ink], marked, api_visibility=PRIVATE)
        self._undo.click(self._undo_mark, [self._sheet, self._marks], marked, api_visibility=PRIVATE)
        self._clear.click(self._clear_marks, self._sheet, marked, api_visibility=PRIVATE)
        for trigger in (self._marks.blur, self._marks.submit):
            trigger(self._draw_marks, [self._sheet, self._marks], self._photo, api_visibility=PRIVATE)

    def _receive(self, upload: Upload | None) -> tuple:
        """Keep an upload as it came and show it."""
        if not upload:
            return None, None, None, "", None, "", ""
        return self._show(Path(upload["path"]), upload.get("orig_name") or Path(upload["path"]).name)

    def _receive_sample(self, number: int) -> tuple:
        if not (isinstance(number, int) and 0 <= number < len(self._samples)):
            raise problem("there is no such sample")
        return self._show(self._samples[number], self._samples[number].name)

    def _show(self, source: Path, name: str) -> tuple:
        shelf = self._desk.shelf
        kept = shelf.place(name)
        link(source, kept)
        try:
            sheet = write_sheet(kept, shelf.place(f"{kept.stem}.jpg"), MARKING_SIDE)
        except (ImageError, OSError, MemoryError) as error:
            said = str(error).replace(str(kept), kept.name)
            return None, None, None, "", None, sentence(said or "not enough memory", "bad"), ""
        height, width = sheet.size
        return sheet.path, str(kept), sheet, "", None, sentence(f"{kept.name}: {width} x {height} pixels"), ""

    async def _colorize(
        self,
        photo: Upload | None,
        marks: str,
        weights: str,
        strength: float,
        saturation: float,
        render_size: int,
        force: bool,
    ) -> tuple:
        """Colour a photo through the queue."""
        wish = PhotoWish(look_of(weights, strength, saturation, render_size), parse_marks(marks), force=bool(force))
        outcome, result = await self._desk.photo(photo, wish)
        if outcome.status == "failed":
            raise problem(outcome.message)
        assert photo is not None
        name = Path(photo.get("orig_name") or photo["path"]).name
        if result is None:  # it is in colour already, says the engine
            return None, None, sentence(f"{outcome.message} Or tick 'Colour it anyway'.", "bad"), ""
        pair = await asyncio.to_thread(self._pair, Path(photo["path"]), result)
        return pair, result, sentence(outcome.message, "good"), photo_command([name], wish)

    def _pair(self, photo: Path, result: Path) -> tuple[Path, Path]:
        """Return before and after, at full resolution and as a browser can show them."""
        shelf = self._desk.shelf
        before = write_sheet(photo, shelf.place("before.jpg")).path
        if result.suffix.lower() in SHOWN_SUFFIXES:
            return before, result
        return before, write_sheet(result, shelf.place("after.jpg")).path

    def _add_mark(self, event: gr.SelectData, sheet: Sheet | None, text: str, ink: str) -> tuple:
        """Append a mark where the photo was clicked."""
        if sheet is None:
            raise problem("there is no photo yet; choose one first")
        column, row = event.index
        x, y = sheet.locate(column, row)
        text = "\n".join([*_lines(text), mark_line(Mark(x, y, hex_color(ink)))])
        return text, self._draw_marks(sheet, text)

    def _undo_mark(self, sheet: Sheet | None, text: str) -> tuple:
        text = "\n".join(_lines(text)[:-1])
        return text, self._draw_marks(sheet, text)

    def _clear_marks(self, sheet: Sheet | None) -> tuple:
        return "", self._draw_marks(sheet, "")

    def _draw_marks(self, sheet: Sheet | None, text: str) -> Path | None:
        """Return the picture with the marks on it."""
        if sheet is None:
            return None
        if not sheet.path.exists():
            raise problem("the photo is not kept any longer; choose it again")
        marks = parse_marks(text)
        if not marks:
            return sheet.path
        target = self._desk.shelf.place(sheet.path.name)
        write_marked(sheet, marks, target)
        return target


def parse_marks(text: str | None) -> list[Mark]:
    """Return the marks of lines.

    Raises:
        gr.Error: A line is written in another way.
    """
    try:
        return [Mark.parse(line) for line in _lines(text)]
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


def _offer(file: Upload | None) -> dict:
    """Let the button work when there is something to download."""
    return gr.update(interactive=bool(file))
