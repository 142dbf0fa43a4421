"""References as files: photographs in colour, checked before anything takes their colours."""

from __future__ import annotations

from pathlib import Path

from colorize.base import ImageError, reason
from colorize.color import is_grey
from colorize.photo import Photo, read_photo


def read_reference_photo(path: Path) -> Photo:
    """Return the photograph of a reference.

    Raises:
        ValueError: It cannot be read, or is not in colour; the message names it.
    """
    try:
        photo = read_photo(path)
    except (OSError, ImageError) as error:
        text = reason(error)
        named = text if str(path) in text else f"{path}: {text}"
        raise ValueError(f"{named} (a reference; what it is for is left as it is)") from error
    if is_grey(photo.picture, photo.space):
        raise ValueError(f"{path}: a reference without colours; give a photograph that is in colour")
    return photo
