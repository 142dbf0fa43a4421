"""colorize: black-and-white photographs and films in colour.

    from colorize import Colorizer, read_photo, write_photo

    colorizer = Colorizer()
    write_photo("aunt_colorized.jpg", colorizer.colorize_photo(read_photo("aunt.jpg")))

The names below are imported when they are first used, so that ``import colorize`` and ``colorize --help`` cost no
import of torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from colorize.candidates import draw_candidates
    from colorize.colorizer import Colorizer
    from colorize.errors import FilmError
    from colorize.film_options import FilmOptions, FilmStopped, Progress
    from colorize.films import colorize_video
    from colorize.images import ImageError, Photo, read_image, read_photo, read_photos, write_photo, write_photos
    from colorize.lab import lab_to_rgb, rgb_to_lab
    from colorize.marks import Mark
    from colorize.temporal import TemporalOptions
    from colorize.weights import WeightsError

_HOMES = {
    "Colorizer": "colorize.colorizer",
    "FilmError": "colorize.errors",
    "FilmOptions": "colorize.film_options",
    "FilmStopped": "colorize.film_options",
    "ImageError": "colorize.images",
    "Mark": "colorize.marks",
    "Photo": "colorize.images",
    "Progress": "colorize.film_options",
    "TemporalOptions": "colorize.temporal",
    "WeightsError": "colorize.weights",
    "colorize_video": "colorize.films",
    "draw_candidates": "colorize.candidates",
    "lab_to_rgb": "colorize.lab",
    "read_image": "colorize.images",
    "read_photo": "colorize.images",
    "read_photos": "colorize.images",
    "rgb_to_lab": "colorize.lab",
    "write_photo": "colorize.images",
    "write_photos": "colorize.images",
}

__all__ = [
    "Colorizer",
    "FilmError",
    "FilmOptions",
    "FilmStopped",
    "ImageError",
    "Mark",
    "Photo",
    "Progress",
    "TemporalOptions",
    "WeightsError",
    "__version__",
    "colorize_video",
    "draw_candidates",
    "lab_to_rgb",
    "read_image",
    "read_photo",
    "read_photos",
    "rgb_to_lab",
    "write_photo",
    "write_photos",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'colorize' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
