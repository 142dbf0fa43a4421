"""Motion between small grey frames: dense optical flow, chained over several frames, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import Floats

Grey = npt.NDArray[np.uint8]

TOLERANCE = 0.7  # pixels by which flow there and back may miss its start without any doubt
STRETCH = 0.05  # ... and pixels more for each pixel of motion
FINEST_SCALE = 1  # 1: down to half the frame's size
SHADE = 14.0  # grey levels by which a place may change without any doubt
NOISE = 4.0  # grey levels squared: below it a frame has no contrast to compare
GAIN_LIMIT = 2.5  # fades and flashes beyond it are not matched


@dataclass(frozen=True)
class Motion:
    """Where each pixel of one frame lies in another frame.

    Attributes:
        field: (h, w, 2) float32, x and y to add, in pixels.
        confidence: (h, w) float32, 0..1: how far the field can be trusted.
    """

    field: Floats
    confidence: Floats

    def where(self) -> Floats:
        """Return the places in the other frame, (h, w, 2): x, y."""
        return _grid(self.confidence.shape) + self.field

    def warp(self, values: npt.NDArray) -> Floats:
        """Return a map (h, w, ...) of the other frame as it looks from this one."""
        return _sample(values, self.where())

    def compose(self, onward: Motion) -> Motion:
        """Return the motion to a third frame; ``onward`` leads there from the other one.

        Chained steps carry a map over many frames by one resampling, so it does not blur with their number.
        """
        further = _sample(np.dstack([onward.field, onward.confidence]), self.where())
        return Motion(self.field + further[..., :2], self.confidence * further[..., 2])


class FlowFinder:
    """DIS optical flow (Kroeger et al. 2016) in both directions."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(FINEST_SCALE)

    def between(self, before: Grey, now: Grey) -> tuple[Motion, Motion]:
        """Return the motion from ``now`` back to ``before``, and the one from ``before`` to ``now``."""
        before, now = np.ascontiguousarray(before), np.ascontiguousarray(now)  # DIS takes nothing else
        empty = np.zeros((*now.shape, 2), np.float32)
        backward_flow = np.asarray(self._flow.calc(now, before, empty.copy()), np.float32)
        forward_flow = np.asarray(self._flow.calc(before, now, empty), np.float32)
        return _checked(backward_flow, forward_flow), _checked(forward_flow, backward_flow)


def flow_confidence(here: Grey, there: Grey, motion: Motion) -> Floats:
    """Return how far values of another frame may be carried to a place of this one, (h, w), 0..1.

    Args:
        here: (h, w), this frame.
        there: The other frame.
        motion: From this frame to the other one.
    """
    confidence = motion.confidence * _resemblance(here, motion.warp(there), motion.confidence)
    # Flow is least right beside a moving edge, where it is smooth across it; and single doubtful pixels would show as
    # specks of another colour.
    return np.asarray(cv2.GaussianBlur(cv2.erode(confidence, np.ones((3, 3), np.uint8)), (5, 5), 1.2), np.float32)


def _resemblance(here: Grey, there: Floats, confidence: Floats) -> Floats:
    """Return how far a frame looks like another one that was carried to it, (h, w), 0..1.

    A brightness and a contrast that changed everywhere (a fade, a flash) do not count.
    """
    target = here.astype(np.float32)
    total = float(confidence.sum()) + 1e-6
    centred = target - float((confidence * target).sum()) / total
    centred_there = there - float((confidence * there).sum()) / total
    spread = float((confidence * centred * centred).sum()) / total
    spread_there = float((confidence * centred_there * centred_there).sum()) / total
    # The ratio of the spreads, not a regression: noise would pull a regression's gain to 0.
    gain = np.clip(np.sqrt((spread + NOISE) / (spread_there + NOISE)), 1 / GAIN_LIMIT, GAIN_LIMIT)
    miss = (centred - np.float32(gain) * centred_there) / SHADE
    return np.asarray(np.clip(2 - miss * miss, 0, 1), np.float32)


def _checked(field: Floats, reverse: Floats) -> Motion:
    """Return a flow with its trust: there and back has to end at the start, inside the frame."""
    height, width = field.shape[:2]
    where = _grid((height, width)) + field
    miss = field + _sample(reverse, where)
    allowed = TOLERANCE + STRETCH * np.hypot(field[..., 0], field[..., 1])
    confidence = np.clip(2 - (miss[..., 0] ** 2 + miss[..., 1] ** 2) / allowed**2, 0, 1)
    x, y = where[..., 0], where[..., 1]
    confidence[(x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)] = 0
    return Motion(field, confidence.astype(np.float32))


def _sample(values: npt.NDArray, where: Floats) -> Floats:
    x, y = cv2.split(where)
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


@lru_cache(maxsize=4)
def _grid(size: tuple[int, ...]) -> Floats:
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    grid = np.dstack([x, y])
    grid.flags.writeable = False
    return grid
