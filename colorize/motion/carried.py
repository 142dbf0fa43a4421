"""Key frames as the motion leads to them, frame by frame, and what of their colours it reaches.

Both ways from a key frame the motion is composed frame by frame, and every few frames corrected by the optical flow
between the frame and the key frame themselves, so that it does not drift. What there and back does not end at its
start, or looks different there, is not reached. The motion is followed at half the grid's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import Floats
from colorize.motion.flow import FlowFinder, Grey, Motion, flow_trust, with_confidence
from colorize.motion.key_colors import KeyColors

CORRECTED_EVERY = 4  # frames away from the key frame, after which the composed motion is corrected
LIKELY_SHARE = 0.02  # of a likely colour's weight beside a sure one's


@dataclass(frozen=True, eq=False)
class Step:
    """The motion between a frame and the one before it, (h, w, 2) float16 in pixels of half the grid."""

    backward: npt.NDArray[np.float16]
    forward: npt.NDArray[np.float16]

    def between(self, size: tuple[int, ...]) -> tuple[Motion, Motion]:
        """Return what ``FlowFinder.between`` does of the two frames, on a grid of (height, width)."""
        scale = np.array([size[1] / self.backward.shape[1], size[0] / self.backward.shape[0]], np.float32)
        backward, forward = (
            np.asarray(
                cv2.resize(field.astype(np.float32), size[1::-1], interpolation=cv2.INTER_LINEAR) * scale, np.float32
            )
            for field in (self.backward, self.forward)
        )
        return with_confidence(backward, forward), with_confidence(forward, backward)

    @classmethod
    def of(cls, flow: FlowFinder, before: Grey, now: Grey) -> Step:
        """Return the motion between two frames at that size."""
        backward, forward = flow.between(before, now)
        return cls(backward.field.astype(np.float16), forward.field.astype(np.float16))


@dataclass(frozen=True, eq=False)
class Reached:
    """The colours of key frames where the motion reaches them.

    Attributes:
        ab: (h, w, 2) float32 in Lab units.
        confidence: (h, w) float32, 0..1: how far they can be trusted; 0 where the key frame is transparent too.
        reach: (h, w) float32, 0..1: how far the motion can be trusted, be the key frame transparent or not.
        likely: (h, w) float32, 0..1: how far they count where the motion is not to be trusted, for it looks alike.
    """

    ab: Floats
    confidence: Floats
    reach: Floats
    likely: Floats

    @property
    def weight(self) -> Floats:
        """How much they count beside those of another key frame, (h, w), more than 0."""
        return np.asarray(self.confidence + np.float32(LIKELY_SHARE) * self.likely + np.float32(1e-6), np.float32)


@dataclass(frozen=True, eq=False)
class Carried:
    """A key frame as the motion leads to it from a frame.

    Attributes:
        key: Its colours.
        grey: That key frame, at half the grid's size.
        away: How many frames lie between.
        there: Motion from the frame to the key frame.
        back: Motion from the key frame to the frame.
    """

    key: KeyColors
    grey: Grey
    away: int
    there: Motion
    back: Motion

    @classmethod
    def begin(cls, key: KeyColors, grey: Grey) -> Carried:
        """Return a key frame as it lies in itself."""
        still = Motion(np.zeros((*grey.shape, 2), np.float32), np.ones(grey.shape, np.float32))
        return cls(key, grey, 0, still, still)

    def moved(self, grey: Grey, to_nearer: Floats, from_nearer: Floats, flow: FlowFinder) -> Carried:
        """Return it as it lies in the next frame further away.

        Args:
            grey: That frame.
            to_nearer: (h, w, 2), the motion from that frame to the one that this is of.
            from_nearer: (h, w, 2), the motion from the one to that frame.
            flow: Corrects the motion.
        """
        sure = np.ones(grey.shape, np.float32)
        there = Motion(to_nearer, sure).compose(self.there)
        back = self.back.compose(Motion(from_nearer, sure))
        if (self.away + 1) % CORRECTED_EVERY == 0:
            there, back = flow.corrected(grey, self.grey, there, back)
        else:
            there, back = with_confidence(there.field, back.field), with_confidence(back.field, there.field)
        return Carried(self.key, self.grey, self.away + 1, there, back)

    def resting(self) -> Carried:
        """Return it in less memory: it is not moved on, and its guide is asked for later."""
        field, confidence = self.there.field.astype(np.float16), self.there.confidence.astype(np.float16)
        there = Motion(field, confidence)  # type: ignore[arg-type]
        return Carried(self.key, self.grey, self.away, there, there)

    def reached(self, grey: Grey) -> Reached:
        """Return its colours where the motion from the frame ``grey`` reaches them."""
        there = Motion(self.there.field.astype(np.float32), self.there.confidence.astype(np.float32))
        size = self.key.ab.shape[:2]
        if self.away == 0:
            return Reached(self.key.ab, self.key.weight, np.ones_like(self.key.weight), self.key.weight)
        confidence, likeness = flow_trust(grey, self.grey, there)
        reach, likely = (
            np.asarray(cv2.resize(each, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
            for each in (confidence, likeness)
        )
        warped = there.warp_finer(cv2.merge([self.key.ab, self.key.weight]))  # type: ignore[arg-type]
        ab, weight = np.ascontiguousarray(warped[..., :2]), warped[..., 2]
        return Reached(ab, np.asarray(reach * weight, np.float32), reach, np.asarray(likely * weight, np.float32))
