"""Requests: what a client of the page or the HTTP service asks for, a photo or a film, and the colour settings of both.

They are checked where they are used, by the Colorizer and the engine of the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colorize.engine import Hint
from colorize.film import VideoOptions


@dataclass(frozen=True)
class ColorSettings:
    """How a photo or film is coloured; see ``Colorizer``.

    Attributes:
        weights: Name of weights that the process offers.
        strength: 0..1; 1 new colours, 0 the original.
        saturation: Factor of the chroma, 0..2.
        render_size: Short side of what the network sees, in pixels; None: the weights' own.
        square: Stretch to a square for the network.
    """

    weights: str
    strength: float = 1.0
    saturation: float = 1.0
    render_size: int | None = None
    square: bool = False


@dataclass(frozen=True)
class PhotoRequest:
    """A photo to be coloured.

    Attributes:
        color_settings: How it is coloured.
        hints: Known colours, in pixels of the upright photo.
        suffix: Of the result, such as ``.png``; None: the photo's own.
        quality: 1..100, of lossy formats.
        force: Colour it even if it is in colour already.
        ai_label: Say "AI-colorized" in the metadata.
        candidates: How many versions to make, 2..16, in place of one result; their files lie in the folder where
            ``WebJob.result`` would be. None: one result.
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
    """A film to be coloured.

    Attributes:
        color_settings: How it is coloured.
        options: Those of ``colorize_video``.
        suffix: Of the result, such as ``.mp4``; it chooses the container.
        force: Colour it even if it is in colour already.
        preview: Make only a contact sheet of this many frames; None: colour the whole film.
    """

    color_settings: ColorSettings
    options: VideoOptions
    suffix: str = ".mp4"
    force: bool = False
    preview: int | None = None
