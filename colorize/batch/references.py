"""The references of photos: of a whole run, and ``NAME.ref.jpg`` beside a photo ``NAME.jpg``."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from colorize.base import ImageError, reason
from colorize.batch.jobs import reference_beside
from colorize.color import is_grey
from colorize.engine import Colorizer, Reference
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
        raise ValueError(f"{named} (a reference; the photo is left as it is)") from error
    if is_grey(photo.picture, photo.space):
        raise ValueError(f"{path}: a reference without colours; give a photograph that is in colour")
    return photo


class ReferenceReader:
    """Reads the references of photos, those of the whole run once; several threads may ask."""

    def __init__(self, colorizer: Colorizer, paths: Sequence[Path]) -> None:
        """Take what is to be read when it is first asked for.

        Args:
            colorizer: What the references are for.
            paths: Those of the whole run.
        """
        self._colorizer, self._paths = colorizer, paths
        self._of_run: tuple[Reference, ...] | None = None
        self._lock = threading.Lock()

    def references_of(self, photo: Path) -> tuple[Reference, ...]:
        """Return the reference that lies beside a photo; where there is none, those of the run.

        Raises:
            ValueError: One cannot be read, or is not in colour, or the weights cannot compare.
        """
        own = reference_beside(photo)
        if own is not None:
            return (self._read(own),)
        with self._lock:
            if self._of_run is None:
                self._of_run = tuple(map(self._read, self._paths))
            return self._of_run

    def _read(self, path: Path) -> Reference:
        photo = read_reference_photo(path)
        return self._colorizer.read_reference(photo.picture, photo.space)
