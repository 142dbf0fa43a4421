"""Scene cuts and flashes of a film, from the lightness of small frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import Floats
from colorize.motion.flow import Grey

if TYPE_CHECKING:
    from colorize.motion.guides import Guide

FrameKind = Literal["same", "cut", "flash", "kept"]
"""``same``: of the scene of the frame before it; ``cut``: the first of a scene; ``flash``: part of a flash; ``kept``: a
frame that has its own colours, before and after which no scene goes on. The search gives the first three."""

THUMBNAIL_SIZE = (36, 64)  # height and width in pixels; grain and small motion vanish
BINS = 32  # of the histogram of grey levels
NEIGHBOURS = 3  # changes on each side with which a change is compared
MIN_DIFFERENCE = 9.0  # grey levels, mean over the frame
MIN_HISTOGRAM_DIFFERENCE = 0.12  # share of the pixels that change their bin
CLEAR_DIFFERENCE = 30.0  # grey levels, with which the histogram need not change: two scenes may be equally bright
MIN_RATIO = 2.5  # of a cut's difference to the mean of the changes around it
MAX_FLASH_FRAMES = 3  # a flash is over after so many frames
FLASH_RETURN = 0.5  # ... and the frame after it differs from the one before it by at most this share
FLASH_CORRELATION = 0.5  # with the frame before it; less is another picture, unless the flash is
FLASH_CONTRAST = 8.0  # ... all white: grey levels, standard deviation
SEARCH_STATE = "thumbnails"  # name of what the search depends on in a state
LOOKAHEAD = NEIGHBOURS  # frames after a frame that have to be known before it is classified


@dataclass(frozen=True)
class Thumbnail:
    """A frame as the search for cuts sees it.

    Attributes:
        grey: (36, 64) grey levels, 0..255.
        histogram: (32,), their histogram, which adds up to 1.
    """

    grey: npt.NDArray[np.float32]
    histogram: npt.NDArray[np.float32]

    @classmethod
    def of(cls, frame: Grey) -> Thumbnail:
        """Return the thumbnail of a grey frame (h, w) of any size."""
        grey = cv2.resize(frame, THUMBNAIL_SIZE[::-1], interpolation=cv2.INTER_AREA)
        counts = cv2.calcHist([grey], [0], None, [BINS], [0, 256]).ravel()
        # A soft histogram: a faint change of brightness must not move whole areas to the next bin.
        soft = cv2.GaussianBlur(counts[None], (5, 1), 1.0, borderType=cv2.BORDER_REPLICATE).ravel()
        return cls(grey.astype(np.float32), soft / soft.sum())

    def difference(self, other: Thumbnail) -> float:
        """Return the mean absolute difference to another thumbnail in grey levels, 0..255."""
        return float(np.abs(self.grey - other.grey).mean())

    def is_relit(self, other: Thumbnail) -> bool:
        """Tell whether this may be the other picture under another light; an all white frame may be any picture."""
        if self.grey.std() < FLASH_CONTRAST:
            return True
        if other.grey.std() < FLASH_CONTRAST:
            return False
        return float(np.corrcoef(self.grey.ravel(), other.grey.ravel())[0, 1]) > FLASH_CORRELATION

    def histogram_difference(self, other: Thumbnail) -> float:
        """Return the share of the pixels whose lightness has no partner in the other frame, 0..1."""
        return float(np.abs(self.histogram - other.histogram).sum() / 2)


class CutFinder:
    """The search for cuts and flashes, frame after frame, each against the one before it.

    A frame begins a new scene where its grey levels change (mean difference at least 9 of 255), its histogram changes
    too (at least 12 % of the pixels; not asked from 30 levels on), and the difference is at least 2.5 times the mean of
    the three changes on either side: so a pan, fast motion, grain and fades are no cuts. It belongs to a flash instead
    where it shows the same picture in another light, or hardly any, and one of the next three frames is again like the
    frame before it.

    Attributes:
        recent: The last thumbnails classified, newest last: all that the next call depends on.
    """

    def __init__(self, recent: Iterable[Thumbnail] = ()) -> None:
        self.recent: deque[Thumbnail] = deque(recent, maxlen=NEIGHBOURS + 1)

    def classify(self, coming: list[Thumbnail]) -> FrameKind:
        """Return the kind of the first of some frames, and remember it as the last one.

        Args:
            coming: The frame to classify and the up to ``LOOKAHEAD`` frames after it; fewer only at the end.
        """
        kind = self._kind(coming)
        if kind == "cut":
            self.recent.clear()
        if kind != "flash":  # the frame after a flash is compared with the one before it
            self.recent.append(coming[0])
        return kind

    def _kind(self, coming: list[Thumbnail]) -> FrameKind:
        if not self.recent:
            return "same"  # nothing to differ from
        before, frame = self.recent[-1], coming[0]
        difference = frame.difference(before)
        if difference < MIN_DIFFERENCE:
            return "same"
        if difference < CLEAR_DIFFERENCE and frame.histogram_difference(before) < MIN_HISTOGRAM_DIFFERENCE:
            return "same"
        changes = _changes(list(self.recent)) + _changes(coming[: NEIGHBOURS + 1])
        if difference < MIN_RATIO * float(np.mean(changes or [0.0])):
            return "same"
        after = coming[1 : MAX_FLASH_FRAMES + 1]
        returns = any(later.difference(before) < FLASH_RETURN * difference for later in after)
        if returns and frame.is_relit(before):
            return "flash"
        return "cut"


@dataclass(frozen=True, eq=False)
class ClassifiedFrame:
    """A frame on the network's grid, of which the search for cuts has told the kind.

    Attributes:
        network_input: ``Colorizer.preprocess``'s result, (1, 1, h, w).
        grey: The same as (h, w) uint8, for the optical flow.
        kind: What the search found, or ``kept`` where no colours are wanted.
        recent: The thumbnails that the search depends on after this frame, newest last.
        guide: The colours that it has from key frames; None: it has none.
    """

    network_input: Floats
    grey: Grey
    kind: FrameKind
    recent: tuple[Thumbnail, ...]
    guide: Guide | None

    def guided(self, ab: Floats, times: int = 1) -> Floats:
        """Return other ab (h, w, 2) of this frame with the guide's in their place; see ``Guide.applied_to``."""
        return ab if self.guide is None or self.kind == "kept" else self.guide.applied_to(ab, times)

    def search_state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what the search depends on after this frame, by name."""
        return {SEARCH_STATE: np.stack([thumbnail.grey for thumbnail in self.recent]).astype(np.uint8)}


def grey_input(grey: Grey) -> Floats:
    """Return what the network sees of a frame that was rounded to grey levels (h, w): (1, 1, h, w), L / 50 - 1."""
    return np.asarray(grey / np.float32(127.5) - 1, np.float32)[None, None]


def classify_frames(
    inputs: Iterable[Floats], state: Mapping[str, npt.NDArray[np.generic]] | None = None
) -> Iterator[ClassifiedFrame]:
    """Yield a film's frames with their kinds, in order; it looks three frames ahead.

    Args:
        inputs: ``Colorizer.preprocess``'s result for each frame.
        state: That of the search (``ClassifiedFrame.search_state``) after the frame before these; None or empty: the
            first one begins a scene.
    """
    thumbnails = (state or {}).get(SEARCH_STATE, ())
    finder = CutFinder(Thumbnail.of(np.asarray(grey, np.uint8)) for grey in thumbnails)
    coming: deque[tuple[Floats, Grey, Thumbnail]] = deque()

    def classify_next() -> ClassifiedFrame:
        kind = finder.classify([thumbnail for _, _, thumbnail in coming])
        network_input, grey, _ = coming.popleft()
        return ClassifiedFrame(network_input, grey, kind, tuple(finder.recent), guide=None)

    for network_input in inputs:
        grey = np.rint((network_input[0, 0] + 1) * 127.5).clip(0, 255).astype(np.uint8)
        coming.append((network_input, grey, Thumbnail.of(grey)))
        if len(coming) > LOOKAHEAD:
            yield classify_next()
    while coming:
        yield classify_next()


def _changes(thumbnails: list[Thumbnail]) -> list[float]:
    """Return the difference of each thumbnail but the first to the one before it."""
    return [now.difference(before) for before, now in pairwise(thumbnails)]
