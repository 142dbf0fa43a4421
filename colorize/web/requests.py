"""Requests: what a client wants of a photo or a film, and the colour settings of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colorize.engine import Hint
from colorize.film import VideoOptions


@dataclass(frozen=True)
class ColorSettings:
    """How a client wants its colours; see ``Colorizer``.

    Attributes:
        weights: A name that the process offers.
        strength: 0..1.
        saturation: 0..2.
        render_size: Pixels; None: the weights' own.
        square: Stretch to a square.
    """

    weights: str
    strength: float = 1.0
    saturation: float = 1.0
    render_size: int | None = None
    square: bool = False


@dataclass(frozen=True)
class PhotoRequest:
    """What a client wants of a photo.

    Attributes:
        color_settings: How.
        hints: Known colours.
        suffix: Of the result, such as ``.png``; None: the photo's own.
        quality: 1..100, of lossy formats.
        force: Colour it though it is in colour already.
        ai_label: Say "AI-colorized" in the metadata.
        candidates: So many versions, 2..16, in place of the one; their files lie beside where ``job.result`` would be.
        seed: Of the versions.
    """

    color_settings: ColorSettings
    hints: Sequence[Hint] = ()
    suffix: str | None = None
    quality: int = 95
    force: bool = False
    ai_label: bool = True
    candidates: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class VideoRequest:
    """What a client wants of a film.

    Attributes:
        color_settings: How.
        options: As those of ``colorize_video``.
        suffix: Of the result, which chooses the container.
        force: Colour it though it is in colour already.
        preview: Only a contact sheet of so many frames; None: the film.
    """

    color_settings: ColorSettings
    options: VideoOptions
    suffix: str = ".mp4"
    force: bool = False
    preview: int | None = None
