"""The references of photos: of a whole run, and ``NAME.ref.jpg`` beside a photo ``NAME.jpg``."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from colorize.batch.names import reference_beside
from colorize.engine import Colorizer, Reference, read_reference_photo

if TYPE_CHECKING:
    from colorize.batch.isolation import Isolation


class ReferenceReader:
    """Reads the references of photos, those of the whole run once; several threads may ask."""

    def __init__(self, colorizer: Colorizer, paths: Sequence[Path], isolation: Isolation | None = None) -> None:
        """Take what is to be read when it is first asked for.

        Args:
            colorizer: What the references are for.
            paths: Those of the whole run.
            isolation: Reads them; None: this process does.
        """
        self._colorizer, self._paths, self._isolation = colorizer, paths, isolation
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
        if self._isolation is None:
            photo = read_reference_photo(path)
        else:
            photo = self._isolation.call(path, read_reference_photo, path)
        return self._colorizer.read_reference(photo.picture, photo.space)
