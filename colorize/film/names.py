"""What the name of a film may be: that of its file, a hyphen for a pipe. Light."""

from __future__ import annotations

from pathlib import Path

from colorize.base import VIDEO_SUFFIXES

PIPE = "-"  # the standard input, or the standard output


def is_pipe(path: Path | str) -> bool:
    """Tell whether a name stands for the standard input or output."""
    return str(path) == PIPE


def names_video(path: Path | str) -> bool:
    """Tell whether a source has the name of a film; whether it is one is seen when it is opened."""
    return is_pipe(path) or Path(path).suffix.lower() in VIDEO_SUFFIXES
