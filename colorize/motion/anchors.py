"""Anchors: frames of a film with finished colours, between which the colours are carried along the motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from colorize.color import Floats
from colorize.motion.cuts import Kind, Thumbnail
from colorize.motion.flow import Grey, Motion, flow_confidence

REFRESH = 0.4  # the network's share at an anchor where the last anchor's colours can be followed
WINDOW = 6  # frames on each side whose colours are averaged
EPS = 0.02  # weight of a place that cannot be followed: it counts only where nothing else does
MIN_CONTRAST = 0.1  # grey levels; an even frame has none


@dataclass
class Frame:
    """A small frame on its way to its colours.

    Attributes:
        network_input: What the network sees, (1, 1, h, w).
        grey: The same as (h, w) uint8, for the flow.
        thumbnail: The same for the search for cuts.
        kind: What that search found.
        backward_flow: Motion to the frame before; None at the start of a scene.
        forward_flow: Motion from the frame before to this one.
        to_anchor: Motion to the last anchor before this frame.
        to_predicted: Motion to the last frame before this one that the network paints, for one that it is to paint.
        needs_network: The network is to paint it.
        ab: The network's colours, once it has.
    """

    network_input: Tensor
    grey: Grey
    thumbnail: Thumbnail
    kind: Kind = "same"
    backward_flow: Motion | None = None
    forward_flow: Motion | None = None
    to_anchor: Motion | None = None
    to_predicted: Motion | None = None
    needs_network: bool = False
    ab: Floats | None = None


@dataclass(frozen=True)
class Anchor:
    """A frame with finished colours.

    Attributes:
        grey: (h, w) uint8.
        ab: (h, w, 2) in Lab units.
        contrast: Of the frames that its colours come from, in grey levels: how much they had to say.
    """

    grey: Grey
    ab: Floats
    contrast: float

    @classmethod
    def start(cls, frame: Frame, ab: Floats) -> Anchor:
        """Return the first anchor of a scene."""
        return cls(frame.grey, ab, contrast_of(frame))

    def warp_ab(self, frame: Frame, motion: Motion) -> tuple[Floats, Floats]:
        """Return this anchor's ab (h, w, 2) as it looks from a frame, and how far it can be trusted (h, w)."""
        return motion.warp(self.ab), flow_confidence(frame.grey, self.grey, motion)

    def renewed(self, frame: Frame, own: Floats | None) -> Anchor:
        """Return the next anchor: these colours where they can be followed, mixed with the frame's own.

        Each counts by its contrast as well, so a scene that fades in takes the brighter frames' colours, and one that
        fades out keeps them.

        Args:
            frame: The next anchor's frame; its ``to_anchor`` leads here.
            own: Its own ab; None: it has none (a flash), these are kept.
        """
        assert frame.to_anchor is not None
        ab, confidence = self.warp_ab(frame, frame.to_anchor)
        if own is None:
            return Anchor(frame.grey, ab, self.contrast)
        kept = (1 - REFRESH) * self.contrast
        contrast = kept + REFRESH * contrast_of(frame)
        share = (confidence * np.float32(kept / contrast))[..., None]
        return Anchor(frame.grey, np.asarray(own + share * (ab - own), np.float32), contrast)


def contrast_of(frame: Frame) -> float:
    """Return the standard deviation of a frame's grey levels."""
    return max(float(frame.grey.std()), MIN_CONTRAST)


def between(before: Anchor, after: Anchor, frames: Sequence[Frame]) -> Iterator[Floats]:
    """Yield the ab of the frames between two anchors, and of the second one, which is the last of ``frames``.

    A place takes both anchors' colours, by their distance and by how far they can be trusted there; so colours change
    slowly from one to the other and never jump at an anchor. A place that neither reaches takes the frame's own colours
    if the network painted it.
    """
    onward: list[Motion] = []  # to the second anchor, last frame first
    for frame in reversed(frames[1:]):
        assert frame.forward_flow is not None
        onward.append(frame.forward_flow.compose(onward[-1]) if onward else frame.forward_flow)
    for index, (frame, to_after) in enumerate(zip(frames[:-1], reversed(onward), strict=True)):
        assert frame.to_anchor is not None
        distance = np.float32((index + 1) / len(frames))
        ab_before, confidence_before = before.warp_ab(frame, frame.to_anchor)
        ab_after, confidence_after = after.warp_ab(frame, to_after)
        weight_before = (1 - distance) * (confidence_before + EPS)
        weight_after = distance * (confidence_after + EPS)
        total = weight_before + weight_after
        ab = weight_before[..., None] * ab_before + weight_after[..., None] * ab_after
        if frame.ab is not None:
            unreached = (1 - np.maximum(confidence_before, confidence_after)) ** 2
            ab += unreached[..., None] * frame.ab
            total += unreached
        yield ab / total[..., None]
    yield after.ab


def average(before: Sequence[Frame], frame: Frame, after: Sequence[Frame]) -> Floats:
    """Return the mean of what the network painted on a frame and its neighbours, along the motion.

    Args:
        before: The frames before it, of its scene; the last ones count.
        frame: Painted.
        after: The frames after it; those of another scene do not count.
    """
    assert frame.ab is not None
    total, weight = frame.ab.copy(), np.ones(frame.grey.shape, np.float32)
    for neighbour, motion in _neighbours(before, frame, after):
        if neighbour.ab is not None:
            confidence = flow_confidence(frame.grey, neighbour.grey, motion)
            total += confidence[..., None] * motion.warp(neighbour.ab)
            weight += confidence
    return total / weight[..., None]


def _neighbours(before: Sequence[Frame], frame: Frame, after: Sequence[Frame]) -> Iterator[tuple[Frame, Motion]]:
    """Yield the frames within the window, each with the motion that leads there."""
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


def with_following(intervals: Iterable[list[Frame]], wait: bool) -> Iterator[tuple[list[Frame], list[Frame]]]:
    """Yield each segment with the one after it, or at once with an empty one."""
    held: list[Frame] = []
    for interval in intervals:
        if not wait:
            yield interval, []
            continue
        if held:
            yield held, interval
        held = interval
    if held:
        yield held, []
