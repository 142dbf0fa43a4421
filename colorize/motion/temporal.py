"""Steady colours for a film: the network predicts some frames, and their colours are warped to the others."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from colorize.base import Lookahead, prefetch
from colorize.color import Floats
from colorize.engine import Colorizer
from colorize.motion.aggregation import Aggregation, motions_to_predicted
from colorize.motion.anchors import Anchor, average, interpolate, with_following
from colorize.motion.cuts import SEARCH_STATE, ClassifiedFrame, classify_frames
from colorize.motion.flow import FlowFinder, Grey, Motion, half_size
from colorize.motion.frames import PlannedFrame, PredictedFrame, SegmentEnd, State, TrackedFrame
from colorize.motion.key_colors import TIMES_APPLIED
from colorize.motion.options import TemporalOptions
from colorize.motion.predictor import FramePredictor

MAX_ANCHOR_GAP = 8  # frames from one anchor to the next, at most, where the network predicts those between too
MAX_SPARSE_GAP = 16  # the same where it predicts the anchors alone, unless the user says another number
MAX_REST = 4  # ... and so many more where a scene or segment ends with them: another anchor would serve them alone
MIN_TRACKED = 0.75  # mean confidence of the motion back to the last anchor, below which a new anchor is set
MAX_TRACKED = 24  # frames whose motion is followed, in a thread, while the network predicts a batch before them,
MAX_TRACKED_BESIDE = 12  # or frames before them side by side, which it begins with as soon as they are there
NO_AB = np.zeros((1, 1, 2), np.float32)  # of a frame that keeps its own colours


@dataclass
class _Memory:
    """What the next frames depend on.

    Attributes:
        half_grey: (h / 2, w / 2), the last frame, which is an anchor.
        anchor: That anchor.
    """

    half_grey: Grey | None = None
    anchor: Anchor | None = None


class TemporalPainter:
    """A painter of a film's frames, in order, whose colours do not flicker.

    Call ``predict_ab`` for one segment of the film after the other. The last frame of a segment is an anchor, from
    which the next one goes on, so that the seam cannot be seen; where a scene ends with it, nothing goes on.
    """

    def __init__(self, colorizer: Colorizer, options: TemporalOptions | None = None, batch_size: int = 8) -> None:
        """Make a painter for one film.

        Args:
            colorizer: Predicts single frames.
            options: How the colours are kept steady; None: the defaults.
            batch_size: Frames that the network predicts at once, at most.

        Raises:
            ValueError: The batch size is not positive.
        """
        if batch_size < 1:
            raise ValueError(f"batch size {batch_size} is not at least 1")
        self._colorizer = colorizer
        self._options = options or TemporalOptions()
        self._batch_size = batch_size
        self._predictor = FramePredictor(colorizer, batch_size)
        self._network_frames = 0  # that the predictor has not seen
        self._flow = FlowFinder(finest_scale=0)
        self._memory = _Memory()
        self._state: State = {}

    @property
    def network_frames(self) -> int:
        """How many frames the network has predicted."""
        return self._network_frames + self._predictor.network_frames

    def predict_ab(self, inputs: Iterable[Floats]) -> Iterator[Floats]:
        """Yield the ab (h, w, 2) in Lab units of each input (1, 1, h, w) of one segment, in order.

        It looks at most about 60 frames ahead. It has to be exhausted before the painter is used again.

        Args:
            inputs: ``Colorizer.preprocess``'s results for the frames of a segment.
        """
        frames = classify_frames(inputs, self._state)
        for ab, state in self.predict_segments(_with_end(frames)):
            self._state = self._state if state is None else state
            yield ab

    def state(self) -> State:
        """Return all that the next segment depends on, by name; empty before the first one.

        ``predict_ab`` has to be exhausted.
        """
        return self._state

    def predict_segments(
        self, frames: Iterable[tuple[ClassifiedFrame, SegmentEnd | None]]
    ) -> Generator[tuple[Floats, State | None]]:
        """Yield the ab (h, w, 2) in Lab units of each frame, in order, and the state after a segment's last one.

        Of frames that are ``kept``, which the network does not see, it is ``NO_AB``.

        A segment's colours and the state after it are the same whether the segments go through one call or through a
        call each; in one call the motion of the next segment is followed while the network predicts the last one.

        Args:
            frames: The frames, and what ends with each; None: it is not a segment's last.
        """
        if self._options.temporal == "off":
            yield from self._each(frames)
            return
        # Motion, the network and blending go on side by side.
        in_batches = self._predictor.pictures_at_once == 1
        tracked = prefetch(self._tracked(frames), MAX_TRACKED if in_batches else MAX_TRACKED_BESIDE)
        predicted = prefetch(self._predictor.predict(self._intervals(tracked)), 1)
        try:
            yield from self._blended(predicted)
        finally:
            predicted.close()
            tracked.close()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on where a painter with the same settings stopped.

        Args:
            state: That painter's ``state``.

        Raises:
            ValueError: It is not a state.
        """
        memory, aggregation = _Memory(), Aggregation()
        if state.keys() - {SEARCH_STATE}:  # there is more where the painting goes on
            try:
                grey, ab = np.asarray(state["grey"], np.uint8), np.asarray(state["ab"], np.float32)
                memory.half_grey = grey
                memory.anchor = Anchor(grey, ab, float(state["contrast"]))
                aggregation = Aggregation.restored(state)
            except KeyError as error:
                raise ValueError(f"the temporal state lacks {error}; colour the film anew") from error
            if ab.ndim != 3 or ab.shape[2] != 2 or half_size(np.zeros(ab.shape[:2], np.uint8)).shape != grey.shape:
                raise ValueError(f"the temporal state has ab {ab.shape} for {grey.shape}; colour the film anew")
        self._memory, self._state = memory, dict(state)
        self._predictor.aggregation = aggregation

    def _each(
        self, frames: Iterable[tuple[ClassifiedFrame, SegmentEnd | None]]
    ) -> Iterator[tuple[Floats, State | None]]:
        """Yield the network's ab of each frame by itself, in batches that end with the segments."""
        group: list[ClassifiedFrame] = []
        for frame, end in frames:
            group.append(frame)
            if end or len(group) == self._batch_size:
                wanted = [each for each in group if each.kind != "kept"]
                self._network_frames += len(wanted)
                inputs, hint_maps = [each.network_input for each in wanted], self._predictor.hint_maps(wanted)
                predicted = iter(self._colorizer.predict_ab(inputs, hint_maps) if inputs else ())
                *others, last = [
                    NO_AB if each.kind == "kept" else each.guided(next(predicted), TIMES_APPLIED) for each in group
                ]
                yield from ((ab, None) for ab in others)
                yield last, _first_state(frame, end)
                group = []

    def _tracked(self, frames: Iterable[tuple[ClassifiedFrame, SegmentEnd | None]]) -> Iterator[TrackedFrame]:
        """Yield frames with their motion to and from the frame before; those that begin a scene have none."""
        for frame, end in frames:
            before, grey = self._memory.half_grey, half_size(frame.grey)
            backward_flow = forward_flow = None
            if before is not None and frame.kind not in ("cut", "kept") and before.shape == grey.shape:
                if frame.kind == "flash":
                    grey = before  # held still: so the frame after a flash is compared with the one before it
                step = None if frame.guide is None else frame.guide.step
                found = self._flow.between(before, grey) if step is None else step.between(grey.shape)
                backward_flow, forward_flow = found
            self._memory.half_grey = None if frame.kind == "kept" else grey
            state = _first_state(frame, end)
            if state and frame.kind != "kept":
                state["grey"] = grey
            known = {**vars(frame), "half_grey": grey}
            yield TrackedFrame(**known, state=state, backward_flow=backward_flow, forward_flow=forward_flow)

    def _intervals(self, frames: Iterable[TrackedFrame]) -> Iterator[list[PlannedFrame]]:
        """Yield intervals of frames, each ending with an anchor; a frame that begins a scene is one by itself."""
        every = self._options.every
        max_gap = every or MAX_SPARSE_GAP if self._options.temporal == "fast" else max(MAX_ANCHOR_GAP, every or 1)
        joins_rest = every is None and self._options.temporal == "fast"
        interval: list[TrackedFrame] = []
        to_anchor: list[Motion] = []  # of each frame of the interval
        ahead = Lookahead(iter(frames))
        for frame in ahead:
            if frame.backward_flow is None:
                if interval:
                    yield self._planned(interval, to_anchor)
                yield self._planned([frame], [None])
                interval, to_anchor = [], []
                continue
            motion = frame.backward_flow
            if interval:
                motion = frame.backward_flow.compose(to_anchor[-1])
                is_lost = motion.confidence.mean() < MIN_TRACKED and every is None
                is_full = len(interval) >= max_gap and not (joins_rest and _ends_soon([frame, *ahead.peek(MAX_REST)]))
                if interval[-1].kind != "flash" and (is_lost or is_full):
                    yield self._planned(interval, to_anchor)
                    interval, to_anchor, motion = [], [], frame.backward_flow
            interval.append(frame)
            to_anchor.append(motion)
            if frame.state is not None:  # a segment's last frame is an anchor
                yield self._planned(interval, to_anchor)
                interval, to_anchor = [], []

    def _planned(self, interval: Sequence[TrackedFrame], to_anchor: Sequence[Motion | None]) -> list[PlannedFrame]:
        """Return an interval's frames with the decision which of them the network predicts.

        Args:
            interval: The frames after one anchor up to the next.
            to_anchor: The motion of each to the first of these anchors; None: a scene begins.
        """
        step = self._options.every or (1 if self._options.temporal == "best" else len(interval))
        begins = interval[0].backward_flow is None
        needs_network = [
            # A flash shows no colours: those before it are kept.
            begins or (frame.kind != "flash" and (index % step == 0 or index == len(interval)))
            for index, frame in enumerate(interval, 1)
        ]
        if interval[0].kind == "kept":
            needs_network = [False]
        to_predicted = motions_to_predicted(interval, to_anchor, needs_network)
        plans = zip(interval, to_anchor, needs_network, to_predicted, strict=True)
        return [PlannedFrame(**vars(frame), to_anchor=a, needs_network=n, to_predicted=p) for frame, a, n, p in plans]

    def _blended(self, intervals: Iterable[list[PredictedFrame]]) -> Iterator[tuple[Floats, State | None]]:
        """Yield the ab of all frames of intervals, and the state after the last frame of a segment."""
        for interval, following in with_following(intervals, self._options.temporal == "best"):
            last, before = interval[-1], self._memory.anchor
            if last.kind == "kept":
                self._memory.anchor = None
                yield NO_AB, last.state
                continue
            own = last.ab
            if own is not None and self._options.temporal == "best":
                own = average(interval[:-1], last, following)
            if last.backward_flow is None or before is None:
                assert own is not None
                anchor = Anchor.start(last, own)
                frames_ab = iter([own])
            else:
                anchor = before.next_anchor(last, own)
                frames_ab = interpolate(before, anchor, interval)
            self._memory.anchor = anchor
            for frame, ab in zip(interval, frames_ab, strict=True):
                yield frame.guided(ab), {**frame.state, **anchor.state()} if frame.state else frame.state


def _ends_soon(frames: Sequence[TrackedFrame]) -> bool:
    """Return whether a segment ends with one of the first ``MAX_REST`` of frames, or a scene does."""
    following = [*frames[1:], None]
    for frame, next_frame in zip(frames[:MAX_REST], following, strict=False):
        if frame.state is not None or (next_frame is not None and next_frame.backward_flow is None):
            return True
    return False


def _first_state(frame: ClassifiedFrame, end: SegmentEnd | None) -> State | None:
    """Return what the frames after one depend on, as far as the search for cuts goes; None: it ends no segment."""
    if end is None:
        return None
    return {} if end == "scene" else frame.search_state()


def _with_end(frames: Iterator[ClassifiedFrame]) -> Iterator[tuple[ClassifiedFrame, SegmentEnd | None]]:
    """Yield the frames of one segment, of which the last ends it."""
    following = next(frames, None)
    while following is not None:
        frame, following = following, next(frames, None)
        yield frame, "segment" if following is None else None
