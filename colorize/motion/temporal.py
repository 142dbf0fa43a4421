"""Steady colours for a film: the network predicts some frames, and their colours are warped to the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice

import numpy as np
from torch import Tensor

from colorize.color import Floats
from colorize.engine import Colorizer
from colorize.motion.aggregation import Aggregation, track_predicted
from colorize.motion.anchors import Anchor, Frame, average, interpolate, with_following
from colorize.motion.cuts import LOOKAHEAD, CutFinder, Thumbnail
from colorize.motion.flow import FlowFinder, Grey
from colorize.motion.options import TemporalOptions

MAX_ANCHOR_GAP = 8  # frames from one anchor to the next, at most, unless the user says another number
MIN_TRACKED = 0.75  # mean confidence of the motion back to the last anchor, below which a new anchor is set
MAX_PENDING = 16  # frames that may wait until a batch of the network is full


@dataclass
class _Memory:
    """What the next frames depend on.

    Attributes:
        finder: The search for cuts.
        grey: (h, w), the last frame, which is an anchor.
        anchor: That anchor.
        aggregation: The mean of the scene's features.
    """

    finder: CutFinder = field(default_factory=CutFinder)
    grey: Grey | None = None
    anchor: Anchor | None = None
    aggregation: Aggregation = field(default_factory=Aggregation)


class TemporalPainter:
    """A painter of a film's frames, in order, whose colours do not flicker.

    Call ``predict_ab`` for one segment of the film after the other. The last frame of a segment is an anchor, from
    which the next one goes on, so that the seam cannot be seen.

    Attributes:
        network_frames: How many frames the network has predicted.
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
        self.network_frames = 0
        self._colorizer = colorizer
        self._options = options or TemporalOptions()
        self._batch_size = batch_size
        self._flow = FlowFinder()
        self._memory = _Memory()

    def predict_ab(self, inputs: Iterable[Tensor]) -> Iterator[Floats]:
        """Yield the ab (h, w, 2) in Lab units of each input (1, 1, h, w), in order.

        It looks at most about 32 frames ahead. It has to be exhausted before the painter is used again.

        Args:
            inputs: ``Colorizer.preprocess``'s results for the frames of a segment.
        """
        if self._options.temporal == "off":
            yield from self._each(inputs)
        else:
            yield from self._blended(self._predicted(self._intervals(self._tracked(self._classified(inputs)))))

    def state(self) -> dict[str, np.ndarray]:
        """Return all that the next segment depends on, by name; empty before the first one.

        ``predict_ab`` has to be exhausted.
        """
        memory = self._memory
        if memory.anchor is None or memory.grey is None:
            return {}
        thumbnails = np.stack([thumbnail.grey for thumbnail in memory.finder.recent]).astype(np.uint8)
        return {
            "grey": memory.grey,
            "ab": memory.anchor.ab,
            "contrast": np.array(memory.anchor.contrast, np.float64),
            "thumbnails": thumbnails,
            **memory.aggregation.state(),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where a painter with the same settings stopped.

        Args:
            state: That painter's ``state``.

        Raises:
            ValueError: It is not a state.
        """
        memory = _Memory()
        if state:
            try:
                memory.grey = np.asarray(state["grey"], np.uint8)
                ab = np.asarray(state["ab"], np.float32)
                memory.anchor = Anchor(memory.grey, ab, float(state["contrast"]))
                memory.finder.recent.extend(Thumbnail.of(grey) for grey in state["thumbnails"])
                memory.aggregation = Aggregation.restored(state)
            except KeyError as error:
                raise ValueError(f"the temporal state lacks {error}; colour the film anew") from error
            if ab.shape != (*memory.grey.shape, 2):
                raise ValueError(f"the temporal state has ab {ab.shape} for {memory.grey.shape}; colour the film anew")
        self._memory = memory

    def _each(self, inputs: Iterable[Tensor]) -> Iterator[Floats]:
        """Yield the network's ab of each input by itself, in batches."""
        group: list[Tensor] = []
        for network_input in inputs:
            group.append(network_input)
            if len(group) == self._batch_size:
                yield from self._run_network(group)
                group = []
        yield from self._run_network(group)

    def _run_network(self, inputs: list[Tensor], recall: Callable[[Tensor], Tensor] | None = None) -> list[Floats]:
        """Return the network's ab of inputs, and count them."""
        self.network_frames += len(inputs)
        return self._colorizer.predict_ab(inputs, recall=recall)

    def _classified(self, inputs: Iterable[Tensor]) -> Iterator[Frame]:
        """Yield frames with their kind: whether they begin a scene or belong to a flash."""
        coming: deque[Frame] = deque()

        def classify_next() -> Frame:
            coming[0].kind = self._memory.finder.classify([frame.thumbnail for frame in coming])
            return coming.popleft()

        for network_input in inputs:
            grey = np.rint((network_input[0, 0].numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)
            coming.append(Frame(network_input, grey, Thumbnail.of(grey)))
            if len(coming) > LOOKAHEAD:
                yield classify_next()
        while coming:
            yield classify_next()

    def _tracked(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield frames with their motion to and from the frame before; those that begin a scene have none."""
        for frame in frames:
            before = self._memory.grey
            if before is not None and frame.kind != "cut" and before.shape == frame.grey.shape:
                if frame.kind == "flash":
                    frame.grey = before  # held still: so the frame after a flash is compared with the one before it
                frame.backward_flow, frame.forward_flow = self._flow.between(before, frame.grey)
            self._memory.grey = frame.grey
            yield frame

    def _intervals(self, frames: Iterable[Frame]) -> Iterator[list[Frame]]:
        """Yield intervals of frames, each ending with an anchor; a frame that begins a scene is one by itself."""
        every = self._options.every
        max_gap = every or MAX_ANCHOR_GAP if self._options.temporal == "fast" else max(MAX_ANCHOR_GAP, every or 1)
        interval: list[Frame] = []
        for frame in frames:
            if frame.backward_flow is None:
                if interval:
                    yield interval
                yield [frame]
                interval = []
                continue
            if interval and interval[-1].to_anchor is not None:
                frame.to_anchor = frame.backward_flow.compose(interval[-1].to_anchor)
                is_lost = frame.to_anchor.confidence.mean() < MIN_TRACKED and every is None
                if interval[-1].kind != "flash" and (is_lost or len(interval) >= max_gap):
                    yield interval
                    interval = []
            if not interval:
                frame.to_anchor = frame.backward_flow
            interval.append(frame)
        if interval:
            yield interval

    def _predicted(self, intervals: Iterable[list[Frame]]) -> Iterator[list[Frame]]:
        """Yield intervals once the network has predicted, in batches, those of their frames that need it."""
        pending: list[list[Frame]] = []
        for interval in intervals:
            step = 1 if self._options.temporal == "best" else len(interval)
            step = self._options.every or step
            for index, frame in enumerate(interval, 1):
                # A flash shows no colours: those before it are kept.
                frame.needs_network = frame.backward_flow is None or (frame.kind != "flash" and index % step == 0)
            interval[-1].needs_network = interval[-1].backward_flow is None or interval[-1].kind != "flash"
            track_predicted(interval)
            pending.append(interval)
            frames = [frame for group in pending for frame in group if frame.needs_network]
            if len(frames) >= self._batch_size or sum(map(len, pending)) >= MAX_PENDING:
                self._predict(frames)
                yield from pending
                pending = []
        self._predict([frame for group in pending for frame in group if frame.needs_network])
        yield from pending

    def _predict(self, frames: list[Frame]) -> None:
        """Set the ab of frames to the network's, in batches of equal size, with their features aggregated."""
        for _, equal in groupby(frames, lambda frame: frame.network_input.shape):
            while group := list(islice(equal, self._batch_size)):
                recall = partial(self._memory.aggregation.recall, frames=group)
                results = self._run_network([frame.network_input for frame in group], recall)
                for frame, ab in zip(group, results, strict=True):
                    frame.ab = ab

    def _blended(self, intervals: Iterable[list[Frame]]) -> Iterator[Floats]:
        """Yield the ab of all frames of intervals."""
        for interval, following in with_following(intervals, self._options.temporal == "best"):
            last, before = interval[-1], self._memory.anchor
            own = last.ab
            if own is not None and self._options.temporal == "best":
                own = average(interval[:-1], last, following)
            if last.backward_flow is None or before is None:
                assert own is not None
                self._memory.anchor = Anchor.start(last, own)
                yield own
            else:
                self._memory.anchor = before.next_anchor(last, own)
                yield from interpolate(before, self._memory.anchor, interval)
