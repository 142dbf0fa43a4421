"""Motion between small grey frames: dense optical flow, composed over several frames, and its confidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import Floats

Grey = npt.NDArray[np.uint8]
"""A frame's grey levels, (h, w), 0..255."""

ROUND_TRIP_TOLERANCE = 0.7  # pixels by which flow there and back may miss its start at full confidence
ROUND_TRIP_SLOPE = 0.05  # ... and pixels more for each pixel of motion
FINEST_SCALE = 1  # of DIS: 1 is half the frame's size
DESCENT_STEPS, REFINEMENT_STEPS = 8, 1  # of DIS; twice and five times as many bring little, in twice the time
GREY_TOLERANCE = 14.0  # grey levels by which a pixel may change at full confidence
NOISE_VARIANCE = 4.0  # grey levels squared; a frame of less variance has no contrast to compare
BORDER = 0.25  # of the short side: how far outside a frame the colours of its border are likely, to 1 / e
MAX_GAIN = 2.5  # of the contrast in a fade or a flash; beyond it frames are not matched


@dataclass(frozen=True)
class Motion:
    """The motion from one frame to another: where each of its pixels lies there.

    Attributes:
        field: (h, w, 2) float32, displacement in x and y, in pixels.
        confidence: (h, w) float32, 0..1: how far the field can be trusted.
    """

    field: Floats
    confidence: Floats

    def positions(self) -> Floats:
        """Return the pixels' positions in the other frame, (h, w, 2): x and y, in pixels."""
        return _pixel_positions(self.confidence.shape) + self.field

    def warp(self, values: npt.NDArray) -> Floats:
        """Return a map (h, w, ...) of the other frame as it lies in this one."""
        return _sample(values, self.positions())

    def warp_finer(self, values: Floats) -> Floats:
        """Return a map (H, W, ...) of the other frame as it lies in this one, on a grid that is as fine or finer."""
        size = values.shape[:2]
        scale = np.array([size[1] / self.field.shape[1], size[0] / self.field.shape[0], 0, 0], np.float64)
        # OpenCV multiplies two planes four times as fast as NumPy broadcasts, and on the coarse grid they are fewer.
        scaled = cv2.multiply(self.field, scale)
        return _sample(values, _pixel_positions(size) + cv2.resize(scaled, size[::-1], interpolation=cv2.INTER_LINEAR))

    def compose(self, onward: Motion) -> Motion:
        """Return the motion to a third frame; ``onward`` leads there from the other one.

        Composed motions warp a map over many frames by one resampling, so it does not blur with their number.
        """
        x, y, confidence = cv2.split(_sample(cv2.merge([onward.field, onward.confidence]), self.positions()))
        return Motion(self.field + cv2.merge([x, y]), self.confidence * confidence)

    def or_else(self, other: Motion) -> Motion:
        """Return this motion where it can be trusted as far as another one, and that one elsewhere."""
        is_better = other.confidence > self.confidence
        field = np.where(is_better[..., None], other.field, self.field)
        return Motion(field, np.maximum(self.confidence, other.confidence))


class FlowFinder:
    """Optical flow by DIS (Kroeger et al. 2016), in both directions."""

    def __init__(self, finest_scale: int = FINEST_SCALE) -> None:
        """Make a search whose finest scale is that of the frames' size by two to the power of ``finest_scale``."""
        # Two, for a search keeps what motion it began with, and begins with that again where it is given none.
        self._search, self._correction = (_dis(finest_scale) for _ in range(2))

    def between(self, before: Grey, now: Grey) -> tuple[Motion, Motion]:
        """Return the backward flow, from ``now`` to ``before``, and the forward flow, from ``before`` to ``now``.

        Args:
            before: A grey frame (h, w).
            now: Another one of the same size.
        """
        before, now = np.ascontiguousarray(before), np.ascontiguousarray(now)  # DIS takes nothing else
        # Given no motion to begin with, it takes a tenth less time than with one of zeros, which it tries everywhere.
        backward_flow = np.asarray(self._search.calc(now, before, None), np.float32)  # type: ignore[call-overload]
        forward_flow = np.asarray(self._search.calc(before, now, None), np.float32)  # type: ignore[call-overload]
        return with_confidence(backward_flow, forward_flow), with_confidence(forward_flow, backward_flow)

    def corrected(self, here: Grey, there: Grey, onward: Motion, back: Motion) -> tuple[Motion, Motion]:
        """Return the motion from a frame to another one and back, found anew from what is known of both.

        Where the new motion does not come back to its start, and the known one does, the known one stays.

        Args:
            here: A grey frame (h, w).
            there: Another one of the same size.
            onward: The known motion from the one to the other.
            back: The known motion back.
        """
        known_onward, known_back = with_confidence(onward.field, back.field), with_confidence(back.field, onward.field)
        new_onward = np.asarray(self._correction.calc(here, there, onward.field.copy()), np.float32)
        new_back = np.asarray(self._correction.calc(there, here, back.field.copy()), np.float32)
        found_onward, found_back = with_confidence(new_onward, new_back), with_confidence(new_back, new_onward)
        return found_onward.or_else(known_onward), found_back.or_else(known_back)


def _dis(finest_scale: int) -> cv2.DISOpticalFlow:
    """Return a search for optical flow, as ``FlowFinder`` is made."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(finest_scale)
    search.setGradientDescentIterations(DESCENT_STEPS)
    search.setVariationalRefinementIterations(REFINEMENT_STEPS)
    return search


def half_size(grey: Grey) -> Grey:
    """Return a frame (h, w) at half its size, on which motion is followed; no side is less than 16 pixels."""
    height, width = grey.shape
    size = (max(16, width // 2), max(16, height // 2))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def flow_confidence(here: Grey, there: Grey, motion: Motion) -> Floats:
    """Return how far another frame's values can be trusted when they are warped to this one, (h, w), 0..1.

    Args:
        here: (h, w), this frame.
        there: (h, w), the other frame.
        motion: From this frame to the other one.
    """
    return _sure(motion.confidence * _similarity(here, motion.warp(there), motion.confidence))


def flow_trust(here: Grey, there: Grey, motion: Motion) -> tuple[Floats, Floats]:
    """Return the confidence as ``flow_confidence`` does, and how much both places look alike, (h, w), 0..1.

    Flow that does not come back to its start cannot be trusted; but where what it leads to looks the same, its colour
    is right far more often than any guess, for most of such flow is lost in even areas. Outside the other frame that
    frame's border counts, the less the further away.
    """
    similarity = _similarity(here, motion.warp(there), motion.confidence)
    height, width = here.shape
    beyond = np.zeros((height, width), np.float32)  # pixels outside the other frame
    for places, last in zip(cv2.split(motion.positions()), (width - 1, height - 1), strict=True):
        np.maximum(beyond, np.abs(places - np.float32(last / 2)) - np.float32(last / 2), out=beyond)
    likeness = similarity * cv2.exp(beyond * np.float32(-1 / (BORDER * min(height, width))))
    return _sure(motion.confidence * similarity), _blurred(likeness)


def _sure(confidence: Floats) -> Floats:
    # Flow is most often wrong beside a moving edge, where it is smooth across it; and single doubtful pixels would show
    # as specks of another colour.
    return _blurred(cv2.erode(confidence, np.ones((3, 3), np.uint8)))


def _blurred(values: npt.ArrayLike) -> Floats:
    return np.asarray(cv2.GaussianBlur(np.asarray(values, np.float32), (5, 5), 1.2), np.float32)


def _similarity(here: Grey, there: Floats, confidence: Floats) -> Floats:
    """Return how far a frame looks like another one that was warped to it, (h, w), 0..1.

    A brightness and a contrast that changed everywhere (a fade, a flash) do not count.
    """
    target = here.astype(np.float32)
    total = float(confidence.sum()) + 1e-6
    centred = target - float((confidence * target).sum()) / total
    centred_there = there - float((confidence * there).sum()) / total
    variance = float((confidence * centred * centred).sum()) / total
    variance_there = float((confidence * centred_there * centred_there).sum()) / total
    # The ratio of the variances, not a regression: noise would pull a regression's gain to 0.
    gain = np.sqrt((variance + NOISE_VARIANCE) / (variance_there + NOISE_VARIANCE))
    gain = np.clip(gain, 1 / MAX_GAIN, MAX_GAIN)
    error = (centred - np.float32(gain) * centred_there) / GREY_TOLERANCE
    return np.asarray(np.clip(2 - error * error, 0, 1), np.float32)


def with_confidence(field: Floats, reverse: Floats) -> Motion:
    """Return a flow with its confidence: there and back has to end at the start, inside the frame."""
    height, width = field.shape[:2]
    positions = _pixel_positions((height, width)) + field
    allowed = ROUND_TRIP_TOLERANCE + ROUND_TRIP_SLOPE * cv2.magnitude(*cv2.split(field))
    miss = cv2.magnitude(*cv2.split(field + _sample(reverse, positions))) / allowed
    confidence = np.clip(2 - miss * miss, 0, 1)
    confidence[cv2.inRange(positions, (-0.5, -0.5), (width - 0.5, height - 0.5)) == 0] = 0
    return Motion(field, np.asarray(confidence, np.float32))


def _sample(values: npt.NDArray, positions: Floats) -> Floats:
    """Return a map's values at positions (h, w, 2) between its pixels."""
    remapped = cv2.remap(values, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(remapped, np.float32)


@lru_cache(maxsize=4)
def _pixel_positions(size: tuple[int, ...]) -> Floats:
    """Return the x and y of each pixel of a frame of (height, width), (height, width, 2)."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    positions = np.dstack([x, y])
    positions.flags.writeable = False
    return positions
