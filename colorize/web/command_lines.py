"""Command lines that do the same as a request of the page, ready for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from colorize.base import DEFAULT_WEIGHTS
from colorize.engine import Hint
from colorize.film import VideoOptions
from colorize.web.requests import ColorSettings, PhotoRequest, VideoRequest


def photo_command(names: Sequence[str], request: PhotoRequest, output: str | None = None) -> str:
    """Return the command line that colours photos as a request does.

    Args:
        names: Names of the photos' files.
        request: How they are coloured.
        output: Folder of the results; None: beside the photos.
    """
    arguments = _color_options(request.color_settings)
    for hint in request.hints:
        arguments += ["--hint", format_hint(hint)]
    if request.candidates is not None:
        arguments += ["--candidates", str(request.candidates)]
        arguments += ["--seed", str(request.seed)] if request.seed else []
    if request.force:
        arguments.append("--force")
    if output:
        arguments += ["-o", output]
    return _command_line(names, arguments)


def video_command(name: str, request: VideoRequest) -> str:
    """Return the command line that colours a film, or makes its contact sheet, as a request does."""
    defaults, options = VideoOptions(), request.options
    arguments = _color_options(request.color_settings)
    if request.preview is not None:
        arguments += ["--preview", str(request.preview)]
    elif options.temporal.temporal != defaults.temporal.temporal:
        arguments += ["--temporal", options.temporal.temporal]
    if options.start:
        arguments += ["--start", f"{options.start:.10g}"]
    if options.end is not None:
        arguments += ["--end", f"{options.end:.10g}"]
    if request.force:
        arguments.append("--force")
    return _command_line([name], arguments)


def format_hint(hint: Hint) -> str:
    """Return a hint in the form that ``Hint.parse`` reads: ``x,y,#rrggbb[,radius]``."""
    radius = "" if hint.radius is None else f",{hint.radius:.10g}"
    return f"{hint.x:.10g},{hint.y:.10g},{hint.color}{radius}"


def _color_options(color_settings: ColorSettings) -> list[str]:
    """Return the options of the colour settings that are not the defaults."""
    arguments = []
    if color_settings.weights != DEFAULT_WEIGHTS:
        arguments += ["--weights", color_settings.weights]
    if color_settings.strength != 1:
        arguments += ["--strength", f"{color_settings.strength:.10g}"]
    if color_settings.saturation != 1:
        arguments += ["--saturation", f"{color_settings.saturation:.10g}"]
    if color_settings.render_size is not None:
        arguments += ["--render-size", str(color_settings.render_size)]
    return arguments


def _command_line(names: Sequence[str], arguments: Sequence[str]) -> str:
    files = [f"./{name}" if name.startswith("-") else name for name in names]
    return shlex.join(["colorize", *files, *arguments])
