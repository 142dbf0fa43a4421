"""Components that the page's tabs share: colour settings, the status line with its HTML, the command line, errors."""

from __future__ import annotations

import html
import threading
from collections.abc import Sequence

import gradio as gr
from gradio.components import Component

from colorize.web.requests import ColorSettings
from colorize.web.service import ColorizeService

PRIVATE = "private"  # Gradio's word for events of the page itself, which gradio_client cannot call
AUTOMATIC = 0  # the dropdown's value for the weights' own render size
RENDER_SIZES = (128, 192, 256, 320, 384, 512, 640, 768, 1024)


def page_error(message: str) -> gr.Error:
    """Return the error that the page shows until it is closed, and that ``gradio_client`` raises."""
    return gr.Error(html.escape(message, quote=False), duration=None, title="Not done", print_exception=False)


def color_controls(service: ColorizeService) -> list[Component]:
    """Add the controls of the colour settings; their values are the arguments of ``parse_color_settings``."""
    names = service.weights
    weights = gr.Dropdown(
        names, value=names[0], label="Weights", info="which trained network paints", visible=len(names) > 1
    )
    strength = gr.Slider(
        0, 1, 1, step=0.05, label="Strength", info="1: the new colours; 0: the original and its tone", buttons=["reset"]
    )
    saturation = gr.Slider(
        0, 2, 1, step=0.05, label="Saturation", info="1: as painted; below: paler; above: stronger", buttons=["reset"]
    )
    sizes = [("automatic", AUTOMATIC), *((f"{size} pixels", size) for size in RENDER_SIZES)]
    render_size = gr.Dropdown(
        sizes,
        value=AUTOMATIC,
        label="Render size",
        info="short side of the copy that the network sees; larger: finer areas of colour, often paler; slower",
    )
    return [weights, strength, saturation, render_size]


def parse_color_settings(
    weights: str | None, strength: float | None, saturation: float | None, render_size: int | None
) -> ColorSettings:
    """Return the colour settings of the controls' values; an empty control stands for its default.

    Ranges are checked later, by the service.

    Raises:
        gr.Error: A client sent something that is not a number.
    """
    try:
        return ColorSettings(
            weights or "",
            1.0 if strength is None else float(strength),
            1.0 if saturation is None else float(saturation),
            int(render_size or AUTOMATIC) or None,
        )
    except (TypeError, ValueError) as error:
        raise page_error("strength, saturation and render size are numbers") from error


def enable_while_uploaded(file: gr.File, buttons: Sequence[gr.Button]) -> None:
    """Let buttons work only while there is a file: until an upload is whole there is nothing to colour.

    Whoever switches the buttons off while work goes on has to lock the file too: another one would switch them on.
    """
    for button in buttons:  # Gradio takes a list of one update for a value
        file.change(
            lambda upload: gr.update(interactive=bool(upload)),
            file,
            button,
            preprocess=False,
            api_visibility=PRIVATE,
        )


def command_box() -> gr.Textbox:
    """Add the box that shows the command line of the last action."""
    return gr.Textbox(
        label="The same on the command line",
        interactive=False,
        lines=1,
        max_lines=6,
        buttons=["copy"],
        value="",
        elem_classes="command",
    )


def status_line() -> gr.HTML:
    """Add the line that reports progress and outcomes; the page's script makes screen readers speak it."""
    return gr.HTML("", label="what became of it", elem_classes="status", padding=False)


def status_html(text: str, kind: str = "plain") -> str:
    """Return a status as HTML.

    Args:
        text: Any text; it is escaped.
        kind: CSS class: ``plain``, ``good`` or ``bad``.
    """
    return f'<p class="{kind}">{html.escape(text)}</p>'


def progress_html(text: str, done: float, total: float | None) -> str:
    """Return a progress bar with a text above it as HTML; a bar without a total moves to and fro.

    A screen reader finds it there, but does not speak it at every change.
    """
    value = "" if not total else f' max="{total:.0f}" value="{min(done, total):.0f}"'
    label = html.escape(text)
    bar = f'<progress aria-label="{label}"{value}></progress>'
    return f'<div aria-live="off"><p class="plain">{label}</p>{bar}</div>'


def format_duration(seconds: float) -> str:
    """Return a time in words, such as ``2 min 5 s``."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def request_stop(event: threading.Event | None) -> dict:
    """Set the event that stops the session's own work, and return the update that disables the stop button."""
    if event is not None:
        event.set()
    return gr.update(interactive=False)
