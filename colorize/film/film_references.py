"""References of films: photographs in colour whose colours the scenes take that show the same things.

One frame of each scene, or of each part of a long one, is matched with them as a photograph is. What it takes of their
colours is carried along the motion, as a key frame's is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from colorize.base import VideoError, sha256
from colorize.color import Picture
from colorize.engine import Colorizer, Reference, ReferenceColors, read_reference_photo
from colorize.film.options import VideoOptions
from colorize.motion import KeyColors, TrackedGrey, grey_input

PART = 96  # frames of a scene for which one is matched, at most


class FilmReferences:
    """The references of a film, and how far they have served so far.

    Attributes:
        fingerprint: What the film's colours depend on: the SHA-256 of each, and their strength.
    """

    def __init__(self, options: VideoOptions, colorizer: Colorizer, film: Path) -> None:
        """Read the references.

        Args:
            options: Those of the film, which name references.
            colorizer: Compares them with the film's frames.
            film: For the message.

        Raises:
            VideoError: One cannot be read or is not in colour, or these weights cannot compare.
        """
        self._colorizer, self._strength = colorizer, options.reference_strength
        self._parts, self._served = 0, 0
        try:
            self._references = [_read(colorizer, path) for path in options.references]
            self.fingerprint = [*map(sha256, options.references), self._strength]
        except (OSError, ValueError) as error:
            raise VideoError(f"{film}: {error}") from error

    def color(self, picture: Picture) -> Picture:
        """Return a frame by itself, a photograph, in colour."""
        return self._colorizer(picture, references=self._references, reference_strength=self._strength)

    @property
    def is_slight(self) -> bool:
        """Whether scenes have been compared with them, and none of them shows anything alike to speak of."""
        return self._parts > 0 and self._served == 0

    def choose(self, part: Sequence[TrackedGrey], candidates: Sequence[int]) -> tuple[int, KeyColors] | None:
        """Return which of some frames of a scene takes the most of their colours, and these; see ``Choice``."""
        self._parts += 1
        found: list[tuple[int, ReferenceColors]] = []
        for place in candidates:
            colors = self._colorizer.match_references(grey_input(part[place].whole), self._references, self._strength)
            if colors is not None and not colors.is_slight:
                found.append((place, colors))
        if not found:
            return None
        self._served += 1
        place, colors = max(found, key=lambda each: float(each[1].share.mean()))
        saturation = np.float32(self._colorizer.settings.saturation)
        return place, KeyColors(np.asarray(colors.ab * saturation, np.float32), colors.share)


def read_references(options: VideoOptions, colorizer: Colorizer, film: Path) -> FilmReferences | None:
    """Return the references of a film; None: it has none, or none of their colours are taken.

    See ``FilmReferences`` for the arguments, and for what is raised.
    """
    has_references = bool(options.references) and options.reference_strength > 0
    return FilmReferences(options, colorizer, film) if has_references else None


def _read(colorizer: Colorizer, path: Path) -> Reference:
    photo = read_reference_photo(path)
    return colorizer.read_reference(photo.picture, photo.space)
