"""The pipeline from a source to a sink: decode, predict colours, compose and write, each beside the others."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from colorize.base import CODECS, SerialWorker, available_cpus, prefetch
from colorize.color import Floats, Luma, Plane, color_field_planes, color_planes
from colorize.engine import Colorizer
from colorize.film.captions import has_captions
from colorize.film.decoding import Frame
from colorize.film.encoder import EncoderSettings, PictureFormat, SegmentEncoder
from colorize.film.fields import FieldOrderReader
from colorize.film.pixels import read_luma
from colorize.film.segments import Segment, SegmentStore
from colorize.film.sources import Source
from colorize.film.video import FIELD_CODECS, Span, Video
from colorize.motion import TemporalPainter

MAX_DECODED = 12  # frames that wait for the network
MAX_COLORED = 8  # frames that wait for the encoder


@dataclass(frozen=True)
class SegmentPlan:
    """What is coloured, and how the segments are written.

    Attributes:
        source: Where the frames come from.
        span: The part of the source that is coloured.
        format: The format of the segments' frames.
        settings: The settings of their encoder.
        segment_frames: How many frames a segment has; the last may have fewer.
    """

    source: Source
    span: Span
    format: PictureFormat
    settings: EncoderSettings
    segment_frames: int

    @property
    def video(self) -> Video:
        """The properties of the source."""
        return self.source.video


@dataclass(eq=False)
class FrameTask:
    """A frame on its way through the pipeline: decoded, predicted, composed, encoded.

    Attributes:
        frame: The frame.
        luma: Its upright luma, which the colours are composed with.
        field_order: ``tff`` or ``bff`` of an interlaced frame, upright; None of a progressive one.
        network_input: What the network sees of it, as ``Colorizer.preprocess`` returns it.
        resized: Whether it was of another size than the film's first frame.
        ends_segment: Whether it is the last of its segment.
        ends_span: Whether it is the last that is coloured.
        composed: It in colour, as its sink composes it; None: its colours are not predicted yet.
    """

    frame: Frame
    luma: Luma
    field_order: str | None
    network_input: Floats
    resized: bool
    ends_segment: bool
    ends_span: bool
    composed: Future[Any] | None = None


class Sink(Protocol):
    """Where a film's coloured frames go: the segments of a film, the files of a sequence, or a pipe.

    ``compose`` is called from any thread, all else in the frames' order from one.

    Attributes:
        segments: The finished segments; those that an earlier run made are there from the beginning.
    """

    segments: list[Segment]

    def compose(self, task: FrameTask, ab: Floats) -> Any:
        """Return a frame in the colours ab (h, w, 2), in the form in which it is written."""
        ...

    def begin(self, task: FrameTask) -> None:
        """Begin the next segment, of which a frame is the first."""
        ...

    def write(self, task: FrameTask) -> None:
        """Write a frame as soon as it is composed."""
        ...

    def finish(self, state: dict[str, np.ndarray], last: bool) -> None:
        """Finish the segment; ``state`` is the painter's after it, ``last`` says whether the span ends with it."""
        ...

    def abandon(self) -> None:
        """Give up the segment that is not finished."""
        ...


def color_segments(
    plan: SegmentPlan,
    sink: Sink,
    colorizer: Colorizer,
    painter: TemporalPainter,
    report_done: Callable[[int], None],
    cancel: threading.Event,
) -> bool:
    """Colour the frames that follow those of the finished segments, and add segments of them.

    Args:
        plan: What is coloured, and how the segments are written.
        sink: The finished segments; new ones are added, but none if the span holds no frame.
        colorizer: Prepares the frames, and gives the strength of the colours.
        painter: Predicts the colours; it is set to its state after the finished segments.
        report_done: Called from another thread with the number of coloured frames, those of earlier runs included.
        cancel: When set, the segment at work is finished as the last.

    Returns:
        Whether all frames are coloured; False: ``cancel`` was set before.

    Raises:
        VideoError: The film cannot be read any more, or the encoder does not take its frames.
        OSError: The film has vanished, or a segment cannot be written.
    """
    segments = sink.segments
    done = sum(len(segment.pts) for segment in segments)
    if segments:
        painter.restore(segments[-1].state)
    after = (done - 1, segments[-1].pts[-1]) if segments else None
    tasks = prefetch(_prepare_frames(plan, colorizer, after), MAX_DECODED)
    predicted = _predict_ab(painter, tasks)
    encode_worker = SerialWorker(MAX_COLORED, "colorize-encode")
    compose_pool = ThreadPoolExecutor(available_cpus(), "colorize-compose")

    def write(task: FrameTask) -> None:
        nonlocal done
        sink.write(task)
        done += 1
        report_done(done)

    is_complete = not cancel.is_set()
    begins_segment = True
    try:
        for task, ab, state in predicted if is_complete else ():
            if begins_segment:
                encode_worker.add(sink.begin, task)
            task.composed = compose_pool.submit(sink.compose, task, ab)
            encode_worker.add(write, task)
            begins_segment = state is not None
            if state is not None:
                encode_worker.add(sink.finish, state, task.ends_span)
                if cancel.is_set() and not task.ends_span:
                    is_complete = False
                    break
        encode_worker.finish()
    finally:
        encode_worker.close()
        sink.abandon()
        predicted.close()
        tasks.close()
        compose_pool.shutdown(wait=True, cancel_futures=True)
    return is_complete


def _prepare_frames(plan: SegmentPlan, colorizer: Colorizer, after: tuple[int, int] | None) -> Iterator[FrameTask]:
    """Decode the frames after one (see ``Source.decode``) and yield them prepared for the network.

    A segment ends early before a frame of the other field order, for the order is that of all frames of a segment.
    """
    frames = _read_field_orders(plan.video, plan.source.decode(plan.span, after))
    following = next(frames, None)
    count = 0
    segment_order = None
    while following is not None:
        (frame, field_order), following = following, next(frames, None)
        if count == 0:
            segment_order = field_order or plan.format.field_order
        count += 1
        luma = read_luma(plan.video, frame.image, keep_tone=colorizer.settings.strength < 1)
        resized = (frame.image.height, frame.image.width) != plan.video.size
        changes_order = following is not None and following[1] not in (None, segment_order)
        ends_segment = following is None or count == plan.segment_frames
        if plan.format.field_order and changes_order:
            ends_segment = True
        if ends_segment:
            count = 0
        network_input = colorizer.preprocess(luma.picture())
        yield FrameTask(frame, luma, field_order, network_input, resized, ends_segment, following is None)


def _read_field_orders(video: Video, frames: Iterator[Frame]) -> Iterator[tuple[Frame, str | None]]:
    """Yield frames with their field orders, upright; None: progressive."""
    reader = FieldOrderReader()
    default = None if video.codec in FIELD_CODECS else video.field_order
    for frame in frames:
        yield frame, video.orientation.apply_to_field_order(reader.read(frame.image) or default)


class SegmentSink:
    """The segments of a film: a sink that encodes frames into them."""

    def __init__(self, store: SegmentStore, plan: SegmentPlan, strength: float) -> None:
        """Go on with the segments of a store.

        Args:
            store: The finished segments.
            plan: How segments are written.
            strength: That of the colours, 0..1.
        """
        self.segments = store.segments
        self._store = store
        self._plan = plan
        self._strength = strength
        self._encoder: SegmentEncoder | None = None
        self._segment = Segment()

    def compose(self, task: FrameTask, ab: Floats) -> tuple[Plane, Plane, Plane]:
        """Return a frame's Y, Cb and Cr in colour."""
        compose = color_field_planes if task.field_order and self._plan.format.field_order else color_planes
        return compose(task.luma, ab, self._strength)

    def begin(self, task: FrameTask) -> None:
        """Begin the next segment, in the field order of its first frame."""
        path = self._store.unfinished_path(len(self._store.segments))
        format = self._plan.format
        if format.field_order and task.field_order:
            format = replace(format, field_order=task.field_order)
        self._encoder = SegmentEncoder(path, format, self._plan.settings)
        self._segment = Segment()

    def write(self, task: FrameTask) -> None:
        """Encode a frame as soon as its planes are composed."""
        assert self._encoder is not None and task.composed is not None
        frame = task.frame
        captions = frame.decode_warning != "lost" and has_captions(frame.image)  # a stand-in would say them twice
        keeps_captions = CODECS[self._plan.settings.codec].captions
        source = frame.image if captions and keeps_captions else None
        self._encoder.write(task.composed.result(), frame.pts, frame.duration, task.field_order, source)
        self._segment.pts.append(frame.pts)
        self._segment.durations.append(frame.duration)
        warnings = {
            frame.decode_warning: True,
            "resized": task.resized,
            "woven": task.field_order is not None and self._plan.video.field_order is None,
            "captions": captions and not keeps_captions,
        }
        for warning, is_true in warnings.items():
            if warning and is_true:
                self._segment.warnings[warning].append(frame.index)

    def finish(self, state: dict[str, np.ndarray], last: bool) -> None:
        """Close the segment's video and add the segment, with the painter's state after it, to the store."""
        assert self._encoder is not None
        self._segment.reorder_delay = self._encoder.close()
        self._segment.state, self._segment.last = state, last
        self._encoder = None
        self._store.add(self._segment)

    def abandon(self) -> None:
        """Give up the segment that is not finished."""
        if self._encoder is not None:
            self._encoder.abandon()
            self._encoder = None


def _predict_ab(
    painter: TemporalPainter, tasks: Iterator[FrameTask]
) -> Generator[tuple[FrameTask, Floats, dict[str, np.ndarray] | None]]:
    """Yield frames with their ab (h, w, 2) and, where one ends a segment, the painter's state after it.

    Frames that the painter looks ahead at are pending meanwhile.
    """
    pending: deque[FrameTask] = deque()

    def inputs() -> Iterator[tuple[Floats, bool]]:
        for task in tasks:
            pending.append(task)
            yield task.network_input, task.ends_segment

    with closing(painter.predict_segments(inputs())) as predicted:
        for ab, state in predicted:
            yield pending.popleft(), ab, state
