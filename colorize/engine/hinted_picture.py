"""One picture that is coloured again and again as its hints change: what stays the same is computed once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from colorize.color import L_HALF, SRGB, ColorSpace, Floats, Picture
from colorize.engine.colorizer import Colorizer
from colorize.engine.hints import Hint, blend_by_distance, draw_hints, geodesic_distance
from colorize.engine.references import Reference

MAX_DISTANCES = 24  # colours of hints whose distances are kept; the least recently used make room for others


class HintedPicture:
    """A picture with the network's answer to it without hints, and the distances from the hints of each colour.

    Its colours are those of ``Colorizer.__call__``. It may be used in several threads, which take turns.

    Attributes:
        size: (height, width) of the picture, in whose pixels hints are given.
        plain_ab: (h, w, 2) in Lab units, the answer without hints, with the colours of references.
        lightness: (h, w), L 0..100, of the network's grid.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        picture: Picture,
        space: ColorSpace = SRGB,
        references: Sequence[Reference] = (),
        reference_strength: float = 1.0,
    ) -> None:
        """Compute the answer without hints.

        Args:
            colorizer: Its weights take hints, else there can be none.
            picture: (H, W, 3) or grey (H, W), uint8 or uint16; it is not kept.
            space: Colour space of the picture.
            references: As in ``Colorizer.__call__``.
            reference_strength: Likewise.
        """
        self._colorizer = colorizer
        self._input = colorizer.preprocess(picture, space)
        self.size: tuple[int, int] = (picture.shape[0], picture.shape[1])
        colors = colorizer.match_references(self._input, references, reference_strength)
        self.plain_ab = colorizer.predict_ab_with_hints([self._input], [None], [colors])[0]
        self.lightness: Floats = (self._input[0, 0] + 1) * np.float32(L_HALF)
        self._distances: OrderedDict[bytes, npt.NDArray[np.float64]] = OrderedDict()
        self._lock = threading.Lock()

    def predict_ab(self, hints: Sequence[Hint]) -> Floats:
        """Return ab (h, w, 2) in Lab units with hints, for ``Colorizer.compose``.

        Raises:
            ValueError: A hint lies outside the picture, or the weights take no hints.
        """
        if not hints:
            return self.plain_ab
        self._colorizer.check_hints()
        hint_map = draw_hints(hints, self.size, self.lightness.shape)
        with self._lock:
            hinted = self._colorizer.predict_ab([self._input], [hint_map[None]])[0]
            saturation = self._colorizer.settings.saturation
            return blend_by_distance(self.lightness, hint_map, self.plain_ab, hinted, saturation, self._distance)

    def _distance(self, lightness: Floats, start: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Return ``geodesic_distance``'s result, which is computed once for each start."""
        key = np.packbits(start).tobytes()
        if key not in self._distances:
            self._distances[key] = geodesic_distance(lightness, start)
            while len(self._distances) > MAX_DISTANCES:
                self._distances.popitem(last=False)
        self._distances.move_to_end(key)
        return self._distances[key]
