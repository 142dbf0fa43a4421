"""The command line that does what was just done on the page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from colorize.base import DEFAULT_WEIGHTS
from colorize.engine import Hint
from colorize.film import VideoOptions
from colorize.web.requests import ColorSettings, PhotoRequest, VideoRequest


def photo_command(names: Sequence[str], request: PhotoRequest, output: str | None = None) -> str:
    """Return the command for photos.

    Args:
        names: Of the files.
        request: What was done with them.
        output: Folder of the results; None: beside the photos.
    """
    words = _color_options(request.color_settings)
    for hint in request.hints:
        words += ["--hint", hint_line(hint)]
    if request.candidates is not None:
        words += ["--candidates", str(request.candidates)]
        words += ["--seed", str(request.seed)] if request.seed else []
    if request.force:
        words.append("--force")
    if output:
        words += ["-o", output]
    return _line(names, words)


def video_command(name: str, request: VideoRequest) -> str:
    """Return the command for a film, or for its contact sheet."""
    usual, options = VideoOptions(), request.options
    words = _color_options(request.color_settings)
    if request.preview is not None:
        words += ["--preview", str(request.preview)]
    elif options.temporal.mode != usual.temporal.mode:
        words += ["--temporal", options.temporal.mode]
    if options.start:
        words += ["--start", f"{options.start:.10g}"]
    if options.end is not None:
        words += ["--end", f"{options.end:.10g}"]
    if request.force:
        words.append("--force")
    return _line([name], words)


def hint_line(hint: Hint) -> str:
    """Return a hint as ``Hint.parse`` reads it."""
    radius = "" if hint.radius is None else f",{hint.radius:.10g}"
    return f"{hint.x:.10g},{hint.y:.10g},{hint.color}{radius}"


def _color_options(color_settings: ColorSettings) -> list[str]:
    words = []
    if color_settings.weights != DEFAULT_WEIGHTS:
        words += ["--weights", color_settings.weights]
    if color_settings.strength != 1:
        words += ["--strength", f"{color_settings.strength:.10g}"]
    if color_settings.saturation != 1:
        words += ["--saturation", f"{color_settings.saturation:.10g}"]
    if color_settings.render_size is not None:
        words += ["--render-size", str(color_settings.render_size)]
    return words


def _line(names: Sequence[str], words: Sequence[str]) -> str:
    files = [f"./{name}" if name.startswith("-") else name for name in names]
    return shlex.join(["colorize", *files, *words])
