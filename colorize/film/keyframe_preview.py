"""A preview of key frames: the seconds of a film around one of them, in the colours that the whole film would have."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from colorize.engine import Colorizer
from colorize.film.options import Progress, VideoOptions, VideoResult
from colorize.film.video_colorizer import colorize_video

PREVIEW_SECONDS = 2.0


def preview_key_frames(
    path: Path,
    out: Path,
    keyframes: Path,
    seconds: float,
    *,
    colorizer: Colorizer | None = None,
    options: VideoOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    force: bool = False,
) -> VideoResult:
    """Colour two seconds of a film around a key frame, so that it can be seen how its colours spread.

    ``scene_frames`` lists the film's scenes with a frame each: write a painted one into a folder under its ``name``,
    and give that folder, and the frame's ``seconds``. Key frames outside these two seconds are checked, not used.

    Args:
        path: The film.
        out: The preview, a film; one that is there is replaced.
        keyframes: Folder of key frames, as ``VideoOptions.keyframes``.
        seconds: From the film's beginning to the middle of the preview.
        colorizer: Colours the frames; None: one with the default weights.
        options: How the film is coloured and written, but for its span and its key frames; None: the defaults.
        progress: See ``colorize_video``.
        cancel: See ``colorize_video``.
        force: Colour also what is in colour already.

    Returns:
        As of ``colorize_video``, which says what is raised too.
    """
    chosen = replace(preview_options(options or VideoOptions(), keyframes, seconds), overwrite=True)
    return colorize_video(path, out, colorizer=colorizer, options=chosen, progress=progress, cancel=cancel, force=force)


def preview_options(options: VideoOptions, keyframes: Path, seconds: float) -> VideoOptions:
    """Return the options of a film for a preview of two seconds; the arguments are those of ``preview_key_frames``."""
    start = max(0.0, seconds - PREVIEW_SECONDS / 2)
    return replace(options, keyframes=keyframes, start=start, end=start + PREVIEW_SECONDS)
