"""Photos that visitors set hints on: what no hint changes is kept in memory, so that a click is shown at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from colorize.batch import PhotoOptions
from colorize.engine import Colorizer, ColorSettings, Hint, HintedPicture, likely_colors, read_reference_photo
from colorize.photo import Photo, write_photo
from colorize.web.file_store import FileStore
from colorize.web.previews import (
    CONVERSION_SLOTS,
    JPEG_QUALITY,
    PREVIEW_SIDE,
    opaque_picture,
    read_first_photo,
    reduced,
)
from colorize.web.requests import ColorizeRequest
from colorize.web.service import ColorizeService

MAX_PHOTOS = 6  # at once, of all visitors; each takes some 30 MB

Key = tuple[str, str, ColorSettings, tuple[Path, ...], float]


@dataclass(frozen=True, eq=False)
class LivePhoto:
    """A photo that hints are set on.

    Attributes:
        colorizer: Colours it.
        hinted: What the network has said of the whole photo.
        shown: It reduced for the screen, without its own metadata.
        palette: Its likely colours, ``#rrggbb``.
    """

    colorizer: Colorizer
    hinted: HintedPicture
    shown: Photo
    palette: list[str]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the upright photo."""
        return self.hinted.size

    def color(self, hints: Sequence[Hint]) -> Photo:
        """Return the reduced photo in colour.

        Raises:
            ValueError: A hint lies outside the photo, or the weights take none.
        """
        ab = self.hinted.predict_ab(hints)
        return self.shown.with_colors(self.colorizer.compose(self.shown.picture, ab, self.shown.space), ai_label=False)


class LivePhotos:
    """The photos that visitors set hints on; the least recently used make room for others.

    A photo is found by the path of its upload, which nobody but its visitor knows, and goes with that file.
    """

    def __init__(self, service: ColorizeService, store: FileStore) -> None:
        """Begin without photos.

        Args:
            service: Has the weights; its films give way meanwhile.
            store: Holds the uploads, and gets the pictures.
        """
        self._service, self._store = service, store
        self._photos: OrderedDict[Key, Future[LivePhoto]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, upload: Path, request: ColorizeRequest) -> LivePhoto:
        """Return a photo from memory, or read it and let the network look at it.

        Args:
            upload: A file of the store.
            request: Its weights, colours and references count; hints do not.

        Raises:
            ValueError: There are no such weights, or the photo cannot be read.
            OSError: The photo cannot be read.
        """
        photo = request.options.photo
        key = (str(upload), request.weights, request.colors, tuple(photo.references), photo.reference_strength)
        with self._lock:
            future = self._photos.get(key)
            is_new = future is None
            if future is None:
                future = self._photos[key] = Future()
                while len(self._photos) > MAX_PHOTOS:
                    self._photos.popitem(last=False)
            self._photos.move_to_end(key)
        if is_new:
            try:
                with self._service.jobs.photo_at_work():
                    future.set_result(self._look_at(upload, self._service.colorizer(request), photo))
            except BaseException as error:
                with self._lock:
                    self._photos.pop(key, None)
                future.set_exception(error)
        return future.result()

    def draw(self, upload: Path, request: ColorizeRequest, hints: Sequence[Hint]) -> Path:
        """Return the path of a JPEG of the photo in colour, reduced for the screen; arguments and errors as ``find``.

        Raises:
            ValueError: A hint lies outside the photo, or the weights take none.
        """
        photo = self.find(upload, request)
        target = self._store.new_path(f"{upload.stem}.jpg")
        with self._service.jobs.photo_at_work():
            write_photo(target, photo.color(hints), quality=JPEG_QUALITY)
        return target

    def _look_at(self, upload: Path, colorizer: Colorizer, options: PhotoOptions) -> LivePhoto:
        """Return a photo with what the network says of it."""
        with CONVERSION_SLOTS:
            photo = self._service.read(upload, read_first_photo, upload)
            photos = [self._service.read(path, read_reference_photo, path) for path in options.references]
            references = [colorizer.read_reference(each.picture, each.space) for each in photos]
            hinted = HintedPicture(colorizer, photo.picture, photo.space, references, options.reference_strength)
            shown = Photo(
                reduced(opaque_picture(photo), PREVIEW_SIDE), format="JPEG", space=photo.space, profile=photo.profile
            )
        return LivePhoto(colorizer, hinted, shown, likely_colors(hinted.lightness, hinted.plain_ab))

    def sweep(self) -> None:
        """Forget the photos whose uploads are deleted."""
        with self._lock:
            for key in [key for key in self._photos if not all(Path(file).exists() for file in (key[0], *key[3]))]:
                del self._photos[key]
