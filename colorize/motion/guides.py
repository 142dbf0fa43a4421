"""Guides: the colours that a film's frames have from its key frames, carried along the motion within a scene.

A key frame is a frame whose colours somebody knows. What the motion does not reach of one takes the colours that it
leads to where it looks the same there, and elsewhere those of the reached pixels beside it, by its lightness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import tee, zip_longest
from typing import TYPE_CHECKING

import cv2
import numpy as np

from colorize.color import AB_MAX, Floats
from colorize.motion.carried import Carried, Reached, Step
from colorize.motion.flow import FlowFinder, Grey, half_size
from colorize.motion.key_layers import KeyLayer, TrackedGrey

if TYPE_CHECKING:
    from colorize.motion.cuts import ClassifiedFrame

MAX_FORWARD = 600  # frames that they are carried on, so that a stopped film need not go back further
MIN_GAP = 0.02  # share of a pixel that nothing is known of; less is not filled
FIT_RADIUS = 0.12  # of the short side: half the window in which ab is fitted to the lightness
FIT_RIDGE = 1e-3  # of the variance of the lightness, 0..1
MAX_STEP = 0.15  # of the lightness, 0..1, from the mean of what was fitted
FULL_REACH = 0.15  # share of the window that can be trusted, from which on the fit counts in full
MIN_HINT_CONFIDENCE = 0.5  # from which on the network is given a pixel's colours as hints


@dataclass(frozen=True, eq=False)
class Guide:
    """The colours that a frame has from key frames.

    Attributes:
        ab: (h, w, 2) float32 in Lab units.
        confidence: (h, w) float32, 0..1: how far the motion to a key frame can be trusted; 0 of colours that are not
            given to the network.
        share: (h, w) float32, 0..1, at least the confidence: how far they count, also beside what the motion reaches.
        step: The frame's motion to the frame before it and from there; None: it was not asked for.
    """

    ab: Floats
    confidence: Floats
    share: Floats
    step: Step | None = None

    def applied_to(self, ab: Floats, times: int = 1) -> Floats:
        """Return a frame's other ab (h, w, 2) with these colours in their place, as far as they count.

        Args:
            ab: The other colours.
            times: How often it is done at once.
        """
        share = 1 - (1 - self.share) ** times
        share = cv2.merge([share, share])
        return np.asarray(ab + share * (self.ab - ab), np.float32)

    def over(self, other: Guide) -> Guide:
        """Return the guide of a frame that has two, of which this one wins."""
        rest = (1 - self.share) * other.share
        share = self.share + rest
        part = rest / np.maximum(share, np.float32(1e-6))
        ab = self.ab + cv2.merge([part, part]) * (other.ab - self.ab)
        confidence = np.maximum(self.confidence, other.confidence)
        return Guide(np.asarray(ab, np.float32), confidence, np.asarray(share, np.float32))

    def hint_map(self, saturation: float) -> Floats:
        """Return these colours as a hint map (1, 3, h, w), where they can be trusted.

        Args:
            saturation: What the network's colours are scaled by afterwards.
        """
        mask = (self.confidence >= MIN_HINT_CONFIDENCE).astype(np.float32)
        ab = np.clip(self.ab / (AB_MAX * (saturation or 1)), -1, 1)
        return np.stack([ab[..., 0] * mask, ab[..., 1] * mask, mask])[None].astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A frame that waits for the key frame after it.

    Attributes:
        grey: At half the grid's size.
        step: Its motion to the frame before it; None: a scene begins, or nothing is carried.
    """

    grey: Grey
    step: Step | None


def guide_frames(frames: Iterable[ClassifiedFrame], first: int, layers: Sequence[KeyLayer]) -> Iterator[Guide | None]:
    """Yield the guide of each frame, in order; None: no key frame of its scene is near enough.

    It reads up to ``MAX_BACKWARD`` frames ahead. It ends early where no frame after has a guide.

    Args:
        frames: Frames of a film one after the other.
        first: Index of the first one.
        layers: Key frames of each kind, those that win first; at least one.
    """
    own, *streams = tee(_tracked(frames, first), len(layers) + 1)
    searches = [_GuideFinder(layer).guides(stream) for layer, stream in zip(layers, streams, strict=True)]
    del streams  # a search that has ended lets go of the frames that it has not read
    for guides, frame in zip(zip_longest(*searches), own, strict=False):
        found = [guide for guide in guides if guide is not None]
        yield replace(reduce(Guide.over, found), step=frame.known_step) if found else None


def _tracked(frames: Iterable[ClassifiedFrame], first: int) -> Iterator[TrackedGrey]:
    """Yield frames whose motion can be asked for."""
    flow = FlowFinder(finest_scale=0)
    last: Grey | None = None
    for index, frame in enumerate(frames, first):
        small = half_size(frame.grey)
        is_flash = frame.kind == "flash"
        if frame.kind == "cut" or (last is not None and last.shape != small.shape):
            last = None
        elif is_flash and last is not None:
            small = last  # held still, as the painter does
        yield TrackedGrey(index, frame.grey, is_flash, small, last, flow)
        last = small


@dataclass
class _GuideFinder:
    """The search for the guides that one layer of key frames gives.

    Attributes:
        layer: The layer.
        before: The key frame before the frames that wait, as it lies in the last frame that does not.
        waiting: Frames whose guides wait for the next key frame.
        flow: Corrects the motion.
    """

    layer: KeyLayer
    before: Carried | None = None
    waiting: list[_Waiting] = field(default_factory=list)
    flow: FlowFinder = field(default_factory=lambda: FlowFinder(finest_scale=0))

    def guides(self, frames: Iterator[TrackedGrey]) -> Iterator[Guide | None]:
        """Yield the guide of each frame."""
        for marked in self.layer.mark(frames):
            frame = marked.frame
            if frame.before is None:
                yield from self._finish(None)
                self.before = None
                if marked.is_last and marked.key is None:
                    return
            is_carried = frame.before is not None and (marked.is_awaited or self.before is not None)
            self.waiting.append(_Waiting(frame.grey, frame.step if is_carried else None))
            if marked.key is not None:
                yield from self._finish(Carried.begin(marked.key.each_time(), frame.grey))
            elif not marked.is_awaited:
                yield from self._finish(None)
                if self.before is None and marked.is_last:
                    return
        yield from self._finish(None)

    def _finish(self, key: Carried | None) -> Iterator[Guide | None]:
        """Yield the guides of the frames that wait.

        Args:
            key: The key frame that the last of them is; None: it is none.
        """
        backward = self._carried_back(key)
        for number, waiting in enumerate(self.waiting):
            before = self._move_on(waiting)
            after = backward[number] if backward else None
            joined = _joined(before, after, waiting.grey)
            yield None if joined is None else self._guide(joined, waiting.grey)
        if key is not None:
            self.before = key
        self.waiting = []

    def _guide(self, known: Reached, grey: Grey) -> Guide:
        guide = _extended(known, grey)
        if self.layer.advises_network:
            return guide
        return Guide(guide.ab, np.zeros_like(guide.confidence), guide.share)

    def _move_on(self, waiting: _Waiting) -> Carried | None:
        """Return the key frame before as it lies in the next frame; None: there is none, or it is too far."""
        before, step = self.before, waiting.step
        if before is None or step is None or before.away >= MAX_FORWARD:
            self.before = None
        else:
            to_nearer, from_nearer = step.backward.astype(np.float32), step.forward.astype(np.float32)
            self.before = before.moved(waiting.grey, to_nearer, from_nearer, self.flow)
        return self.before

    def _carried_back(self, key: Carried | None) -> list[Carried | None]:
        """Return the key frame after as it lies in each of the frames that wait, the last of which it is."""
        if key is None:
            return []
        carried: list[Carried | None] = [key]
        last = key
        for nearer, waiting in zip(self.waiting[:0:-1], self.waiting[-2::-1], strict=True):
            assert nearer.step is not None  # they are of one scene
            to_nearer, from_nearer = nearer.step.forward.astype(np.float32), nearer.step.backward.astype(np.float32)
            last = last.moved(waiting.grey, to_nearer, from_nearer, self.flow)
            carried.append(last.resting())
        return carried[::-1]


def _joined(before: Carried | None, after: Carried | None, grey: Grey) -> Reached | None:
    """Return the colours of a frame from the key frames before and after it, by distance and confidence."""
    if after is None or before is None or after.away == 0:
        carried = after or before
        return None if carried is None else carried.reached(grey)
    first, second = before.reached(grey), after.reached(grey)
    distance = np.float32(before.away / (before.away + after.away))
    weights = (1 - distance) * first.weight, distance * second.weight
    share = weights[1] / (weights[0] + weights[1])
    ab = first.ab + cv2.merge([share, share]) * (second.ab - first.ab)
    confidence = np.maximum(first.confidence, second.confidence)
    likely = np.maximum(first.likely, second.likely)
    return Reached(np.asarray(ab, np.float32), confidence, np.maximum(first.reach, second.reach), likely)


def _extended(known: Reached, grey: Grey) -> Guide:
    """Return a guide that goes on over what the motion does not reach: by likeness, or by the pixels beside it.

    Around each pixel ab is taken for a linear function of the lightness (Levin et al. 2004), which is fitted to the
    colours that can be trusted; as a guided filter does it (He et al. 2013), at half the grid's size.

    Args:
        known: A frame's colours.
        grey: (h, w), that frame at half the grid's size.
    """
    unknown = (1 - known.reach) * (1 - known.likely)
    found = known.confidence + (1 - known.reach) * known.likely
    if unknown.max() < MIN_GAP:
        return Guide(known.ab, known.confidence, np.asarray(found, np.float32))
    size = grey.shape[::-1]
    small = cv2.resize(cv2.merge([known.ab, known.confidence]), size, interpolation=cv2.INTER_AREA)
    light = grey.astype(np.float32) / np.float32(255)
    weight = small[..., 2]
    reached = cv2.resize(known.reach, size, interpolation=cv2.INTER_AREA)
    window = (2 * round(FIT_RADIUS * min(size)) + 1,) * 2
    products = [weight, weight * light, weight * light * light]
    products += [weight * small[..., 0], weight * small[..., 1]]
    products += [products[1] * small[..., 0], products[1] * small[..., 1]]
    means = [cv2.boxFilter(each, -1, window, borderType=cv2.BORDER_CONSTANT) for each in products]
    near = np.maximum(means[0], np.float32(1e-6))
    mean_light = means[1] / near
    variance = means[2] / near - mean_light * mean_light + np.float32(FIT_RIDGE)
    planes = []
    for channel in (0, 1):
        mean = means[3 + channel] / near
        slope = (means[5 + channel] / near - mean_light * mean) / variance
        planes.append(mean + slope * np.clip(light - mean_light, -MAX_STEP, MAX_STEP))
    near_reach = cv2.boxFilter(reached, -1, window, borderType=cv2.BORDER_CONSTANT)
    opacity = means[0] / np.maximum(near_reach, np.float32(1e-6))  # what was not said where it is reached, is not here
    reach = np.clip(near_reach / np.float32(FULL_REACH), 0, 1) * np.clip(opacity, 0, 1)
    filled = cv2.resize(cv2.merge([*planes, reach]), known.reach.shape[::-1], interpolation=cv2.INTER_LINEAR)
    gap = unknown * filled[..., 2]
    share = found + gap
    part = gap / np.maximum(share, np.float32(1e-6))
    ab = known.ab + cv2.merge([part, part]) * (filled[..., :2] - known.ab)
    return Guide(np.asarray(ab, np.float32), known.confidence, np.asarray(share, np.float32))
