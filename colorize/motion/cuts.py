"""Scene cuts and flashes of a film, from the lightness of small frames."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Kind = Literal["same", "cut", "flash"]

THUMBNAIL = (36, 64)  # pixels; grain and small motion vanish
BINS = 32  # of the histogram of lightness
NEIGHBOURS = 3  # changes on each side with which a change is compared
LEAST_DIFFERENCE = 9.0  # grey levels, mean over the frame
LEAST_HISTOGRAM = 0.12  # share of the pixels that change their bin
CLEAR_DIFFERENCE = 30.0  # grey levels, with which the histogram need not change: two scenes may be equally bright
RATIO = 2.5  # how far a cut stands out of the changes around it
FLASH_FRAMES = 3  # a flash is over after so many frames
FLASH_RETURN = 0.5  # ... and the frame after it differs from the one before it by at most this share
FLASH_LIKENESS = 0.5  # correlation with the frame before it; less is another picture, unless the flash is
FLASH_CONTRAST = 8.0  # ... all white: grey levels, standard deviation
LOOKAHEAD = NEIGHBOURS  # frames that have to be known before a frame is judged


@dataclass(frozen=True)
class Thumbnail:
    """A frame as the search for cuts sees it: (36, 64) grey levels and their histogram, which adds up to 1."""

    grey: npt.NDArray[np.float32]
    histogram: npt.NDArray[np.float32]

    @classmethod
    def of(cls, frame: Grey) -> Thumbnail:
        """Return the thumbnail of a grey frame of any size."""
        grey = cv2.resize(frame, THUMBNAIL[::-1], interpolation=cv2.INTER_AREA)
        counts = cv2.calcHist([grey], [0], None, [BINS], [0, 256]).ravel()
        # A soft histogram: a faint change of brightness must not move whole areas to the next bin.
        soft = cv2.GaussianBlur(counts[None], (5, 1), 1.0, borderType=cv2.BORDER_REPLICATE).ravel()
        return cls(grey.astype(np.float32), soft / soft.sum())

    def difference(self, other: Thumbnail) -> float:
        """Return the mean difference in grey levels, 0..255."""
        return float(np.abs(self.grey - other.grey).mean())

    def is_brighter_or_darker(self, other: Thumbnail) -> bool:
        """Tell whether this may be the other picture under another light; an all white frame may be."""
        if self.grey.std() < FLASH_CONTRAST:
            return True
        if other.grey.std() < FLASH_CONTRAST:
            return False
        return float(np.corrcoef(self.grey.ravel(), other.grey.ravel())[0, 1]) > FLASH_LIKENESS

    def histogram_difference(self, other: Thumbnail) -> float:
        """Return the share of the pixels whose lightness has no partner in the other frame, 0..1."""
        return float(np.abs(self.histogram - other.histogram).sum() / 2)


class CutFinder:
    """Judges frame after frame against the one before it.

    A frame begins a new scene where its lightness changes (mean difference at least 9 levels of 255), its histogram
    changes too (at least 12 % of the pixels; not asked from 30 levels on), and the difference is at least 2.5 times the
    mean of the three changes on either side: so a pan, fast motion, grain and fades are no cuts. It belongs to a flash
    instead where it shows the same picture in another light, or hardly any, and one of the next three frames is again
    like the frame before it.

    Attributes:
        recent: The last thumbnails judged, newest last: all that the next judgement needs.
    """

    def __init__(self) -> None:
        self.recent: deque[Thumbnail] = deque(maxlen=NEIGHBOURS + 1)

    def judge(self, coming: list[Thumbnail]) -> Kind:
        """Return what the first of some frames is, and take it as seen.

        Args:
            coming: The frame to judge and the up to ``LOOKAHEAD`` frames after it; fewer only at the end.
        """
        kind = self._kind(coming)
        if kind == "cut":
            self.recent.clear()
        if kind != "flash":  # the frame after a flash is compared with the one before it
            self.recent.append(coming[0])
        return kind

    def _kind(self, coming: list[Thumbnail]) -> Kind:
        if not self.recent:
            return "same"  # nothing to differ from
        before, frame = self.recent[-1], coming[0]
        difference = frame.difference(before)
        if difference < LEAST_DIFFERENCE:
            return "same"
        if difference < CLEAR_DIFFERENCE and frame.histogram_difference(before) < LEAST_HISTOGRAM:
            return "same"
        changes = _changes(list(self.recent)) + _changes(coming[: NEIGHBOURS + 1])
        if difference < RATIO * float(np.mean(changes or [0.0])):
            return "same"
        after = coming[1 : FLASH_FRAMES + 1]
        returns = any(later.difference(before) < FLASH_RETURN * difference for later in after)
        if returns and frame.is_brighter_or_darker(before):
            return "flash"
        return "cut"


def _changes(thumbnails: list[Thumbnail]) -> list[float]:
    return [now.difference(before) for before, now in pairwise(thumbnails)]
