"""Layers of key frames: what says which of a film's frames are key frames, and in which colours.

Those of a user, hints and references are such layers, and those that the network makes of its own answers. The motion
between two frames of a scene is found once, when the first layer asks for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from colorize.motion.carried import Step
from colorize.motion.flow import FlowFinder, Grey
from colorize.motion.key_colors import KeyColors

MAX_BACKWARD = 200  # frames that a key frame's colours are carried back, since so many have to wait for it
CANDIDATES = 5  # frames of a part of a scene, of which one becomes its key frame


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
        return Step.of(self.flow, self.before, self.grey)

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


class Choice(Protocol):
    """What chooses a key frame of a scene, or of a part of one, and gives it its colours."""

    def __call__(self, part: Sequence[TrackedGrey], candidates: Sequence[int]) -> tuple[int, KeyColors] | None:
        """Return which frame of a part is its key frame, and that one's colours; None: none is.

        Args:
            part: The frames.
            candidates: Indices in it of frames that may be chosen, rising: some, spread evenly, none of them a flash.
        """
        ...


@dataclass(frozen=True, eq=False)
class ChosenKeys:
    """A layer of key frames that are chosen: one of each scene, or of each part of a long one.

    Attributes:
        every: How many frames a part of a scene has at most.
        choose: Chooses one of a part.
        known: Indices of key frames of a user; a part that has one of them gets none here.
        advises_network: See ``KeyLayer``.
    """

    every: int
    choose: Choice
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
        """Yield the frames of a part, of which one may be a key frame."""
        chosen = None
        if part and not any(frame.index in self.known for frame in part):
            shown = [place for place, frame in enumerate(part) if not frame.is_flash] or list(range(len(part)))
            spread = np.linspace(0, len(shown) - 1, CANDIDATES + 2)[1:-1]
            chosen = self.choose(part, sorted({shown[round(place)] for place in spread}))
        for place, frame in enumerate(part):
            key = chosen[1] if chosen is not None and chosen[0] == place else None
            yield MarkedFrame(frame, key, is_awaited=chosen is not None, is_last=False)
