"""The command line that does what was just done on the page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from colorize.base import DEFAULT_WEIGHTS
from colorize.engine import Hint
from colorize.film import VideoOptions
from colorize.web.requests import ColorSettings, PhotoRequest, VideoRequest


def photo_command(names: Sequence[str], wish: PhotoRequest, output: str | None = None) -> str:
    """Return the command for photos.

    Args:
        names: Of the files.
        wish: What was done with them.
        output: Folder of the results; None: beside the photos.
    """
    words = _look(wish.look)
    for mark in wish.marks:
        words += ["--mark", hint_line(mark)]
    if wish.candidates is not None:
        words += ["--candidates", str(wish.candidates)]
        words += ["--seed", str(wish.seed)] if wish.seed else []
    if wish.force:
        words.append("--force")
    if output:
        words += ["-o", output]
    return _line(names, words)


def video_command(name: str, wish: VideoRequest) -> str:
    """Return the command for a film, or for its contact sheet."""
    usual, options = VideoOptions(), wish.options
    words = _look(wish.look)
    if wish.preview is not None:
        words += ["--preview", str(wish.preview)]
    elif options.temporal.mode != usual.temporal.mode:
        words += ["--temporal", options.temporal.mode]
    if options.start:
        words += ["--start", f"{options.start:.10g}"]
    if options.end is not None:
        words += ["--end", f"{options.end:.10g}"]
    if wish.force:
        words.append("--force")
    return _line([name], words)


def hint_line(mark: Hint) -> str:
    """Return a mark as ``Hint.parse`` reads it."""
    radius = "" if mark.radius is None else f",{mark.radius:.10g}"
    return f"{mark.x:.10g},{mark.y:.10g},{mark.color}{radius}"


def _look(look: ColorSettings) -> list[str]:
    words = []
    if look.weights != DEFAULT_WEIGHTS:
        words += ["--weights", look.weights]
    if look.strength != 1:
        words += ["--strength", f"{look.strength:.10g}"]
    if look.saturation != 1:
        words += ["--saturation", f"{look.saturation:.10g}"]
    if look.render_size is not None:
        words += ["--render-size", str(look.render_size)]
    return words


def _line(names: Sequence[str], words: Sequence[str]) -> str:
    files = [f"./{name}" if name.startswith("-") else name for name in names]
    return shlex.join(["colorize", *files, *words])
