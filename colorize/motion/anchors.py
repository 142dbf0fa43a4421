"""Anchors: frames of a film with finished colours, which are warped along the motion to the frames between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from colorize.color import Floats
from colorize.motion.flow import Grey, Motion, flow_confidence
from colorize.motion.frames import PredictedFrame, State

NEW_SHARE = 0.4  # of the network's colours at an anchor where the last anchor's colours can be followed
WINDOW = 6  # frames on each side whose colours are averaged
EPS = 0.02  # weight of a pixel without confidence: it counts only where nothing else does
MIN_CONTRAST = 0.1  # grey levels; an even frame has none


@dataclass(frozen=True)
class Anchor:
    """A frame with finished colours.

    Attributes:
        half_grey: (h / 2, w / 2) uint8, on which motion is followed.
        ab: (h, w, 2) in Lab units.
        contrast: Weighted mean of the contrasts of the frames that its colours come from, in grey levels.
    """

    half_grey: Grey
    ab: Floats
    contrast: float

    @classmethod
    def start(cls, frame: PredictedFrame, ab: Floats) -> Anchor:
        """Return the first anchor of a scene."""
        return cls(frame.half_grey, ab, contrast_of(frame.half_grey))

    def state(self) -> State:
        """Return the anchor's own part of a state."""
        return {"ab": self.ab, "contrast": np.array(self.contrast, np.float64)}

    def warp_ab(self, frame: PredictedFrame, motion: Motion) -> tuple[Floats, Floats]:
        """Return this anchor's ab (h, w, 2) as it lies in a frame, and its confidence (h / 2, w / 2), 0..1.

        Args:
            frame: The frame.
            motion: From the frame to this anchor.
        """
        return motion.warp_finer(self.ab), flow_confidence(frame.half_grey, self.half_grey, motion)

    def next_anchor(self, frame: PredictedFrame, own: Floats | None) -> Anchor:
        """Return the next anchor: this one's colours where they can be followed, mixed with the frame's own.

        Each counts by its contrast as well, so a scene that fades in takes the brighter frames' colours, and one that
        fades out keeps them.

        Args:
            frame: The next anchor's frame; its ``to_anchor`` leads to this one.
            own: Its own ab (h, w, 2); None: it has none (a flash), and this anchor's colours are kept.
        """
        assert frame.to_anchor is not None
        ab, confidence = self.warp_ab(frame, frame.to_anchor)
        if own is None:
            return Anchor(frame.half_grey, ab, self.contrast)
        kept = (1 - NEW_SHARE) * self.contrast
        contrast = kept + NEW_SHARE * contrast_of(frame.half_grey)
        return Anchor(frame.half_grey, _mixed(own, ab, confidence * np.float32(kept / contrast)), contrast)


def contrast_of(grey: Grey) -> float:
    """Return the standard deviation of a frame's grey levels, at least ``MIN_CONTRAST``."""
    return max(float(grey.std()), MIN_CONTRAST)


def interpolate(before: Anchor, after: Anchor, frames: Sequence[PredictedFrame]) -> Iterator[Floats]:
    """Yield the ab (h, w, 2) of the frames between two anchors, and of the second one.

    A pixel takes both anchors' colours, by their distance in frames and by their confidence there; so colours change
    slowly from one to the other and never jump at an anchor. A pixel that neither reaches takes the frame's own colours
    if the network predicted them.

    Args:
        before: The first anchor.
        after: The second one.
        frames: The frames after the first anchor up to the second, which is the last.
    """
    to_second: list[Motion] = []  # last frame first
    for frame in reversed(frames[1:]):
        assert frame.forward_flow is not None
        to_second.append(frame.forward_flow.compose(to_second[-1]) if to_second else frame.forward_flow)
    for index, (frame, to_after) in enumerate(zip(frames[:-1], reversed(to_second), strict=True)):
        assert frame.to_anchor is not None
        distance = np.float32((index + 1) / len(frames))
        ab_before, confidence_before = before.warp_ab(frame, frame.to_anchor)
        ab_after, confidence_after = after.warp_ab(frame, to_after)
        weight_before = (1 - distance) * (confidence_before + EPS)
        weight_after = distance * (confidence_after + EPS)
        total = weight_before + weight_after
        ab = _mixed(ab_before, ab_after, weight_after / total)
        if frame.ab is not None:
            unreached = (1 - np.maximum(confidence_before, confidence_after)) ** 2
            ab = _mixed(ab, frame.ab, unreached / (total + unreached))
        yield ab
    yield after.ab


def average(before: Sequence[PredictedFrame], frame: PredictedFrame, after: Sequence[PredictedFrame]) -> Floats:
    """Return the mean of the network's ab (h, w, 2) of a frame and its neighbours, along the motion.

    Args:
        before: The frames before it, of its scene; the last ``WINDOW`` count.
        frame: A frame that the network predicted.
        after: The frames after it; the first ``WINDOW`` count, those of another scene do not.
    """
    assert frame.ab is not None
    mean, weight = frame.ab, np.ones(frame.half_grey.shape, np.float32)
    for neighbour, motion in _neighbours(before, frame, after):
        if neighbour.ab is not None:
            confidence = flow_confidence(frame.half_grey, neighbour.half_grey, motion)
            weight += confidence
            mean = _mixed(mean, motion.warp_finer(neighbour.ab), confidence / weight)
    return mean


def _mixed(ab: Floats, other: Floats, share: Floats) -> Floats:
    """Return ab (h, w, 2) with a share (h / 2, w / 2), 0..1, of another."""
    fine = cv2.resize(share, ab.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    # OpenCV joins planes several times as fast as NumPy broadcasts one.
    return np.asarray(ab + (other - ab) * cv2.merge([fine, fine]), np.float32)


def _neighbours(
    before: Sequence[PredictedFrame], frame: PredictedFrame, after: Sequence[PredictedFrame]
) -> Iterator[tuple[PredictedFrame, Motion]]:
    """Yield the frames within the window, each with the motion from ``frame`` to it."""
    motion: Motion | None = None
    step = frame.backward_flow
    for neighbour in list(before[-WINDOW:])[::-1]:
        if step is None:
            break
        motion = step if motion is None else motion.compose(step)
        yield neighbour, motion
        step = neighbour.backward_flow
    motion = None
    for neighbour in after[:WINDOW]:
        if neighbour.forward_flow is None:
            break
        motion = neighbour.forward_flow if motion is None else motion.compose(neighbour.forward_flow)
        yield neighbour, motion


def with_following(
    intervals: Iterable[list[PredictedFrame]], wait: bool
) -> Iterator[tuple[list[PredictedFrame], list[PredictedFrame]]]:
    """Yield each interval with the one after it in its segment; unless ``wait``, at once and with an empty one."""
    pending: list[PredictedFrame] = []
    for interval in intervals:
        if pending:
            yield pending, interval
        pending = interval
        if not wait or interval[-1].state is not None:  # the end of a segment, behind which nothing is looked at
            yield interval, []
            pending = []
