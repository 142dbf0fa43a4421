"""The network's colours for a film's frames, of which the features are aggregated along the motion."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import NamedTuple

from colorize.color import Floats
from colorize.engine import Colorizer, with_hints
from colorize.motion.aggregation import Aggregation
from colorize.motion.cuts import ClassifiedFrame
from colorize.motion.frames import PlannedFrame, PredictedFrame, State

MAX_PENDING = 16  # frames that may wait until a batch of the network is full
MAX_WAITING = 12  # frames that may wait for each picture of several that the network computes side by side,
MAX_BESIDE = 3  # and pictures that this is so of: finding the motion keeps no more of them busy


class _Answer(NamedTuple):
    """What the network says of a frame.

    Attributes:
        ab: (h, w, 2) in Lab units.
        state: Of the aggregation after the frame.
    """

    ab: Floats
    state: State


@dataclass(frozen=True)
class _Pending:
    """An interval some of whose frames the network may still be at.

    Attributes:
        frames: Its frames.
        answers: Of those that the network was given; None of the others.
        latest: Of the last frame that it was given up to the interval's end; None: it was given none yet.
    """

    frames: list[PlannedFrame]
    answers: list[Future[_Answer] | None]
    latest: Future[_Answer] | None

    def is_done(self) -> bool:
        """Return whether the network is at none of its frames."""
        return all(answer is None or answer.done() for answer in self.answers)


class FramePredictor:
    """Predicts the frames of a film that need the network, in order.

    Attributes:
        aggregation: Of the features of the frames so far.
        network_frames: How many frames the network has predicted.
    """

    def __init__(self, colorizer: Colorizer, batch_size: int) -> None:
        """Begin a film.

        Args:
            colorizer: Predicts single frames.
            batch_size: Frames that the network predicts at once, at most.
        """
        self.aggregation = Aggregation()
        self.network_frames = 0
        self._colorizer = colorizer
        self._batch_size = batch_size

    @property
    def pictures_at_once(self) -> int:
        """How many frames the network computes side by side, each by itself; 1: it is given batches."""
        return min(self._colorizer.pictures_at_once, self._batch_size)

    def predict(self, intervals: Iterable[list[PlannedFrame]]) -> Iterator[list[PredictedFrame]]:
        """Yield intervals once the network has predicted those of their frames that need it.

        The state of an interval that ends a segment gets the aggregation's after it.
        """
        return self._side_by_side(intervals) if self.pictures_at_once > 1 else self._in_batches(intervals)

    def hint_maps(self, frames: Sequence[ClassifiedFrame]) -> list[Floats | None]:
        """Return the hint map (1, 3, h, w) of each frame: where it has a guide, what can be trusted of that."""
        if not self._colorizer.takes_hints:
            return [None] * len(frames)
        saturation = self._colorizer.settings.saturation
        return [None if frame.guide is None else frame.guide.hint_map(saturation) for frame in frames]

    def _side_by_side(self, intervals: Iterable[list[PlannedFrame]]) -> Iterator[list[PredictedFrame]]:
        """Predict each frame as soon as it is there, and a processor has nothing better to do."""
        most_waiting = MAX_WAITING * min(MAX_BESIDE, self.pictures_at_once)
        pending: deque[_Pending] = deque()
        latest: Future[_Answer] | None = None
        turn, given_up = threading.Event(), threading.Event()
        turn.set()
        with ThreadPoolExecutor(self.pictures_at_once, "colorize-predict") as pool:
            try:
                for interval in intervals:
                    answers: list[Future[_Answer] | None] = []
                    for frame in interval:
                        answer = None
                        if frame.needs_network:
                            self.network_frames += 1
                            before, turn = turn, threading.Event()
                            answer = latest = pool.submit(self._predict_in_turn, frame, before, turn, given_up)
                        answers.append(answer)
                    pending.append(_Pending(interval, answers, latest))
                    while pending and (pending[0].is_done() or _count(pending) > most_waiting):
                        yield self._answered(pending.popleft())
                while pending:
                    yield self._answered(pending.popleft())
            finally:
                given_up.set()  # not cancelled: a frame that is at work waits for all before it

    def _predict_in_turn(
        self, frame: PlannedFrame, before: threading.Event, after: threading.Event, given_up: threading.Event
    ) -> _Answer:
        """Return the network's ab of a frame; its features are aggregated after those of the frame before.

        Args:
            frame: The frame.
            before: Set when those of the frame before are, or never will be.
            after: Is set when its own are, or never will be.
            given_up: Set when nobody waits for an answer any more.

        Raises:
            CancelledError: Nobody does.
        """
        try:
            if given_up.is_set():
                raise CancelledError
            inputs = with_hints([frame.network_input], self.hint_maps([frame]))
            features = self._colorizer.encode(inputs)
            before.wait()
            if (bottleneck := features.bottleneck) is not None:
                features = features.with_bottleneck(self.aggregation.mix(bottleneck, [frame]))
            state = self.aggregation.state()
        finally:
            after.set()
        return _Answer(frame.guided(self._colorizer.decode(inputs, features)[0]), state)

    def _answered(self, pending: _Pending) -> list[PredictedFrame]:
        """Return an interval's frames with the network's ab of those that it was given."""
        predicted = [
            PredictedFrame(**vars(frame), ab=None if answer is None else answer.result().ab)
            for frame, answer in zip(pending.frames, pending.answers, strict=True)
        ]
        state = self.aggregation.state() if pending.latest is None else pending.latest.result().state
        return _with_state(predicted, state)

    def _in_batches(self, intervals: Iterable[list[PlannedFrame]]) -> Iterator[list[PredictedFrame]]:
        """Predict frames in batches."""
        pending: list[list[PlannedFrame]] = []
        for interval in intervals:
            pending.append(interval)
            count = sum(frame.needs_network for group in pending for frame in group)
            ends_segment = interval[-1].state is not None
            if ends_segment or count >= self._batch_size or sum(map(len, pending)) >= MAX_PENDING:
                yield from self._predict_batches(pending)
                pending = []

    def _predict_batches(self, intervals: list[list[PlannedFrame]]) -> list[list[PredictedFrame]]:
        """Return intervals with the network's ab of those of their frames that need it."""
        ab = self._aggregated_ab([frame for interval in intervals for frame in interval if frame.needs_network])
        predicted = [
            [PredictedFrame(**vars(frame), ab=next(ab) if frame.needs_network else None) for frame in interval]
            for interval in intervals
        ]
        predicted[-1] = _with_state(predicted[-1], self.aggregation.state())
        return predicted

    def _aggregated_ab(self, frames: Iterable[PlannedFrame]) -> Iterator[Floats]:
        """Yield the network's ab of frames, in batches of equal size, with their features aggregated."""
        for _, equal in groupby(frames, lambda frame: frame.network_input.shape):
            while group := list(islice(equal, self._batch_size)):
                self.network_frames += len(group)
                inputs = with_hints([frame.network_input for frame in group], self.hint_maps(group))
                features = self._colorizer.encode(inputs)
                if (bottleneck := features.bottleneck) is not None:
                    features = features.with_bottleneck(self.aggregation.mix(bottleneck, group))
                decoded = self._colorizer.decode(inputs, features)
                yield from (frame.guided(ab) for frame, ab in zip(group, decoded, strict=True))


def _count(pending: Iterable[_Pending]) -> int:
    return sum(len(interval.frames) for interval in pending)


def _with_state(interval: list[PredictedFrame], state: State) -> list[PredictedFrame]:
    """Return an interval; the state of its last frame, where it ends a segment that others follow, gets another one."""
    last = interval[-1]
    if last.state and last.kind != "kept":
        return [*interval[:-1], replace(last, state={**last.state, **state})]
    return interval
