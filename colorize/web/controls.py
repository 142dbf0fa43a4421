"""Components that the page's tabs share: the weights, the status line with its HTML, the command line, errors."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.events import Dependency

from colorize.web.service import ColorizeService

PRIVATE = "private"  # Gradio's word for events of the page itself, which gradio_client cannot call

IN_COLOR = "in colour already"  # of the message of an outcome that asks whether to colour a picture all the same


def page_error(message: str) -> gr.Error:
    """Return the error that the page shows until it is closed, and that ``gradio_client`` raises."""
    return gr.Error(html.escape(message, quote=False), duration=None, title="Not done", print_exception=False)


def weights_control(service: ColorizeService) -> gr.Dropdown:
    """Add the control of the weights, which is hidden where there is no choice."""
    names = service.weights
    return gr.Dropdown(
        names, value=names[0], label="Weights", info="which trained network paints", visible=len(names) > 1
    )


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


def choice_of_pictures(label: str, id: str, columns: int = 2, visible: bool = True) -> gr.Gallery:
    """Return a gallery of pictures, each of which is chosen by a click.

    Args:
        label: What the pictures are, for those who cannot see them.
        id: Of the element in the page.
        columns: Pictures beside each other.
        visible: Whether it is shown from the beginning.
    """
    return gr.Gallery(
        label=label,
        show_label=False,
        columns=columns,
        height="auto",
        object_fit="contain",
        interactive=False,
        buttons=[],
        allow_preview=False,
        visible=visible,
        elem_id=id,
    )


def status_html(text: str, kind: str = "plain") -> str:
    """Return a status as HTML.

    Args:
        text: Any text; it is escaped.
        kind: CSS class: ``plain``, ``good`` or ``bad``.
    """
    return f'<p class="{kind}">{html.escape(text)}</p>'


def end_after(event: Dependency, status: gr.HTML, *more: tuple[Any, Any]) -> None:
    """Let the status line say that an event has failed, in place of a bar; the page tells why in a message of its own.

    Args:
        event: Whose handler may raise an error.
        status: The line.
        *more: Further components, each with the value that it has then.
    """
    values = (status_html("not done", "bad"), *(value for _, value in more))
    event.failure(
        lambda: values if more else values[0],
        None,
        [status, *(component for component, _ in more)],
        preprocess=False,
        api_visibility=PRIVATE,
        show_progress="hidden",
    )


def run_after(event: Dependency, function: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Run a function after an event, whether it failed or not.

    Gradio 6.31 leaves ``then`` out after a failure; see findings/gradio-runs-then-after-no-failure.sh.
    """
    for after in (event.then, event.failure):
        after(function, inputs, outputs, preprocess=False, api_visibility=PRIVATE)


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
