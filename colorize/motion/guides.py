"""Guides: the colours that a film's frames have from its key frames, carried along the motion within a scene.

A key frame is a frame whose colours somebody knows. Both ways from it the motion is composed frame by frame, and every
few frames corrected by the optical flow between the frame and the key frame themselves, so that it does not drift. What
there and back does not end at its start, or looks different there, is not reached. That takes the colours that the
motion leads to where it looks the same there, and elsewhere those of the reached pixels beside it, by its lightness.
The motion is followed at half the grid's size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from itertools import tee, zip_longest
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import AB_MAX, Floats
from colorize.motion.flow import FlowFinder, Grey, Motion, flow_trust, half_size, with_confidence
from colorize.motion.key_colors import KeyColors

if TYPE_CHECKING:
    from colorize.motion.cuts import ClassifiedFrame

MAX_BACKWARD = 200  # frames that a key frame's colours are carried back, since so many have to wait for it
MAX_FORWARD = 600  # frames that they are carried on, so that a stopped film need not go back further
CORRECTED_EVERY = 4  # frames away from the key frame, after which the composed motion is corrected
LIKELY_SHARE = 0.02  # of a likely colour's weight beside a sure one's
MIN_GAP = 0.02  # share of a pixel that nothing is known of; less is not filled
FIT_RADIUS = 0.12  # of the short side: half the window in which ab is fitted to the lightness
FIT_RIDGE = 1e-3  # of the variance of the lightness, 0..1
MAX_STEP = 0.15  # of the lightness, 0..1, from the mean of what was fitted
FULL_REACH = 0.15  # share of the window that can be trusted, from which on the fit counts in full
OWN_CANDIDATES = 5  # frames of which the surest becomes the network's own key frame
MIN_HINT_CONFIDENCE = 0.5  # from which on the network is given a pixel's colours as hints


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

    def applied_to(self, ab: Floats) -> Floats:
        """Return a frame's other ab (h, w, 2) with these colours in their place, as far as they count."""
        share = cv2.merge([self.share, self.share])
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
class _Reached:
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
class TrackedGrey:
    """A frame whose motion to the frame before it is found when somebody asks for it.

    Attributes:
        index: Its place in the span.
        whole: It on the network's grid.
        is_flash: Whether it is part of a flash.
        grey: It at half the grid's size; of a flash the frame before, for it is held still.
        before: The frame before it at that size; None: a scene begins.
        flow: Finds the motion.
    """

    index: int
    whole: Grey
    is_flash: bool
    grey: Grey
    before: Grey | None
    flow: FlowFinder

    @cached_property
    def step(self) -> Step:
        """Its motion to the frame before it, and from there; no scene begins with it."""
        assert self.before is not None
        return _step(self.flow, self.before, self.grey)

    @property
    def known_step(self) -> Step | None:
        """That motion, if somebody has asked for it."""
        return vars(self).get("step")


@dataclass(frozen=True, eq=False)
class MarkedFrame:
    """A frame of which one layer of key frames has said whether it is one.

    Attributes:
        frame: The frame.
        key: Its colours; None: it is no key frame.
        is_awaited: Whether it is a key frame, or has to wait for one after it.
        is_last: Whether no key frame comes after it.
    """

    frame: TrackedGrey
    key: KeyColors | None
    is_awaited: bool
    is_last: bool


class KeyLayer(Protocol):
    """Key frames of one kind: those of a user, hints, or the network's own."""

    @property
    def advises_network(self) -> bool:
        """Whether the network is given their colours as hints, so that it goes on beside what the motion reaches."""
        ...

    def mark(self, frames: Iterator[TrackedGrey]) -> Iterator[MarkedFrame]:
        """Yield frames, marked; it may look ahead."""
        ...


@dataclass(frozen=True, eq=False)
class KnownKeys:
    """A layer of key frames whose places are known.

    Attributes:
        indices: Of the key frames, rising.
        colors: Returns the colours of the key frame of an index, which it is given as it lies on the grid.
        advises_network: See ``KeyLayer``.
    """

    indices: Sequence[int]
    colors: Callable[[int, Grey], KeyColors]
    advises_network: bool = True

    def mark(self, frames: Iterator[TrackedGrey]) -> Iterator[MarkedFrame]:
        """Yield frames, marked."""
        coming = deque(self.indices)
        for frame in frames:
            while coming and coming[0] < frame.index:
                coming.popleft()
            is_awaited = bool(coming) and coming[0] - frame.index <= MAX_BACKWARD
            key = None
            if coming and coming[0] == frame.index:
                key = self.colors(coming.popleft(), frame.whole)
            yield MarkedFrame(frame, key, is_awaited, not coming)


@dataclass(frozen=True, eq=False)
class OwnKeys:
    """A layer of the network's own key frames: the surest of some frames of each scene, or of each part of a long one.

    Attributes:
        every: How many frames a part of a scene has at most.
        predict: Returns the ab (h, w, 2) of frames, each by itself.
        known: Indices of key frames of a user; a part that has one of them gets none here.
        advises_network: See ``KeyLayer``.
    """

    every: int
    predict: Callable[[Sequence[Grey]], Sequence[Floats]]
    known: frozenset[int] = frozenset()
    advises_network: bool = True

    def mark(self, frames: Iterator[TrackedGrey]) -> Iterator[MarkedFrame]:
        """Yield frames, marked; it looks a part ahead."""
        part: list[TrackedGrey] = []
        for frame in frames:
            if part and (frame.before is None or len(part) == self.every):
                yield from self._marked(part)
                part = []
            part.append(frame)
        yield from self._marked(part)

    def _marked(self, part: list[TrackedGrey]) -> Iterator[MarkedFrame]:
        """Yield the frames of a part, of which one is a key frame."""
        chosen, ab = None, np.zeros((1, 1, 2), np.float32)
        if part and not any(frame.index in self.known for frame in part):
            shown = [frame for frame in part if not frame.is_flash] or part
            places = sorted({round(place) for place in np.linspace(0, len(shown) - 1, OWN_CANDIDATES + 2)[1:-1]})
            candidates = [shown[place] for place in places]
            answers = self.predict([each.whole for each in candidates])
            surest = surest_of(answers)
            chosen, ab = candidates[surest], answers[surest]
        for frame in part:
            key = KeyColors(ab, np.ones(ab.shape[:2], np.float32)) if frame is chosen else None
            yield MarkedFrame(frame, key, is_awaited=True, is_last=False)


def surest_of(answers: Sequence[Floats]) -> int:
    """Return which of the network's answers (h, w, 2) to frames of a scene is the surest: the most like all others.

    What counts is how much of the frame has which colour, so the motion does not.
    """
    shares = np.stack([_color_shares(ab) for ab in answers])
    return int(np.argmin(np.abs(shares[:, None] - shares[None]).sum(axis=(1, 2, 3))))


def _color_shares(ab: Floats) -> Floats:
    """Return which share of a frame each of 16 x 16 parts of the ab plane has, softly divided."""
    counts = cv2.calcHist([ab[..., 0].ravel(), ab[..., 1].ravel()], [0, 1], None, [16, 16], [-80, 80, -80, 80])
    return np.asarray(cv2.GaussianBlur(counts, (5, 5), 1.0) / ab[..., 0].size, np.float32)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A frame that waits for the key frame after it.

    Attributes:
        grey: At half the grid's size.
        step: Its motion to the frame before it; None: a scene begins, or nothing is carried.
    """

    grey: Grey
    step: Step | None


@dataclass(frozen=True, eq=False)
class _Carried:
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
    def begin(cls, key: KeyColors, grey: Grey) -> _Carried:
        """Return a key frame as it lies in itself."""
        still = Motion(np.zeros((*grey.shape, 2), np.float32), np.ones(grey.shape, np.float32))
        return cls(key, grey, 0, still, still)

    def moved(self, grey: Grey, to_nearer: Floats, from_nearer: Floats, flow: FlowFinder) -> _Carried:
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
        return _Carried(self.key, self.grey, self.away + 1, there, back)

    def resting(self) -> _Carried:
        """Return it in less memory: it is not moved on, and its guide is asked for later."""
        field, confidence = self.there.field.astype(np.float16), self.there.confidence.astype(np.float16)
        there = Motion(field, confidence)  # type: ignore[arg-type]
        return _Carried(self.key, self.grey, self.away, there, there)

    def reached(self, grey: Grey) -> _Reached:
        """Return its colours where the motion from the frame ``grey`` reaches them."""
        there = Motion(self.there.field.astype(np.float32), self.there.confidence.astype(np.float32))
        size = self.key.ab.shape[:2]
        if self.away == 0:
            return _Reached(self.key.ab, self.key.weight, np.ones_like(self.key.weight), self.key.weight)
        confidence, likeness = flow_trust(grey, self.grey, there)
        reach, likely = (
            np.asarray(cv2.resize(each, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
            for each in (confidence, likeness)
        )
        warped = there.warp_finer(cv2.merge([self.key.ab, self.key.weight]))  # type: ignore[arg-type]
        ab, weight = np.ascontiguousarray(warped[..., :2]), warped[..., 2]
        return _Reached(ab, np.asarray(reach * weight, np.float32), reach, np.asarray(likely * weight, np.float32))


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
    before: _Carried | None = None
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
                yield from self._finish(_Carried.begin(marked.key, frame.grey))
            elif not marked.is_awaited:
                yield from self._finish(None)
                if self.before is None and marked.is_last:
                    return
        yield from self._finish(None)

    def _finish(self, key: _Carried | None) -> Iterator[Guide | None]:
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

    def _guide(self, known: _Reached, grey: Grey) -> Guide:
        guide = _extended(known, grey)
        if self.layer.advises_network:
            return guide
        return Guide(guide.ab, np.zeros_like(guide.confidence), guide.share)

    def _move_on(self, waiting: _Waiting) -> _Carried | None:
        """Return the key frame before as it lies in the next frame; None: there is none, or it is too far."""
        before, step = self.before, waiting.step
        if before is None or step is None or before.away >= MAX_FORWARD:
            self.before = None
        else:
            to_nearer, from_nearer = step.backward.astype(np.float32), step.forward.astype(np.float32)
            self.before = before.moved(waiting.grey, to_nearer, from_nearer, self.flow)
        return self.before

    def _carried_back(self, key: _Carried | None) -> list[_Carried | None]:
        """Return the key frame after as it lies in each of the frames that wait, the last of which it is."""
        if key is None:
            return []
        carried: list[_Carried | None] = [key]
        last = key
        for nearer, waiting in zip(self.waiting[:0:-1], self.waiting[-2::-1], strict=True):
            assert nearer.step is not None  # they are of one scene
            to_nearer, from_nearer = nearer.step.forward.astype(np.float32), nearer.step.backward.astype(np.float32)
            last = last.moved(waiting.grey, to_nearer, from_nearer, self.flow)
            carried.append(last.resting())
        return carried[::-1]


def _joined(before: _Carried | None, after: _Carried | None, grey: Grey) -> _Reached | None:
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
    return _Reached(np.asarray(ab, np.float32), confidence, np.maximum(first.reach, second.reach), likely)


def _extended(known: _Reached, grey: Grey) -> Guide:
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


def _step(flow: FlowFinder, before: Grey, now: Grey) -> Step:
    backward, forward = flow.between(before, now)
    return Step(backward.field.astype(np.float16), forward.field.astype(np.float16))
