"""The pipeline from a source to a sink: decode, predict colours, compose and write, each beside the others."""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice, repeat, takewhile
from typing import Any, Protocol

import av
import numpy as np

from colorize.base import CODECS, Lookahead, SerialWorker, available_cpus, prefetch
from colorize.color import DeepPlane, Floats, Luma, blend_planes, color_field_planes, color_planes
from colorize.engine import Colorizer
from colorize.film.captions import has_captions
from colorize.film.decoding import Frame
from colorize.film.encoder import EncoderSettings, PictureFormat, SegmentEncoder
from colorize.film.fields import FieldOrderReader
from colorize.film.keyframes import KeyFrames
from colorize.film.own_colors import ColorState, FilmColors, judge_scenes
from colorize.film.pixels import read_alpha, read_luma, read_own_planes
from colorize.film.segments import Segment, SegmentStore, time_stamps
from colorize.film.sources import Source
from colorize.film.video import FIELD_CODECS, Span, Video
from colorize.motion import (
    MAX_REST,
    MAX_SPARSE_GAP,
    ClassifiedFrame,
    Guide,
    SegmentEnd,
    TemporalPainter,
    classify_frames,
    guide_frames,
)

MAX_DECODED = 12  # frames that wait for the network
MAX_GUIDES = 8  # frames whose guides wait for them
MAX_COLORED = 8  # frames that wait for the encoder


@dataclass(frozen=True)
class SegmentPlan:
    """What is coloured, and how the segments are written.

    Attributes:
        source: Where the frames come from.
        span: The part of the source that is coloured.
        format: The format of the segments' frames.
        settings: The settings of their encoder.
        segment_frames: How many frames a segment has at most; where that is enough for two anchors, ``MAX_REST`` more
            if a scene ends with them.
        scene_frames: How many frames lie at least from one end of a segment at a cut to the next such end.
        colors: What samples of the film say of its own colours; None: no scene keeps them.
        key_frames: What is known of its colours; None: nothing.
        end: Index after the last frame that is coloured, with which a segment ends; None: all of the span is.
    """

    source: Source
    span: Span
    format: PictureFormat
    settings: EncoderSettings
    segment_frames: int
    scene_frames: int
    colors: FilmColors | None
    key_frames: KeyFrames | None = None
    end: int | None = None

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
        classified: What the network sees of it, and whether it begins a scene.
        resized: Whether it was of another size than the film's first frame.
        begins_scene: Whether a cut, or nothing, lies before it.
        begins_stretch: Whether it is the first of a scene, or of a part of one that is judged otherwise.
        colors: What is decided of its own colours.
        end: What ends with it; None: it is not the last of its segment.
        ends_span: Whether it is the last that is coloured.
        composed: It in colour, as its sink composes it; None: its colours are not predicted yet.
    """

    frame: Frame
    luma: Luma
    field_order: str | None
    classified: ClassifiedFrame
    resized: bool
    begins_scene: bool
    begins_stretch: bool = False
    colors: ColorState = field(default_factory=ColorState)
    end: SegmentEnd | None = None
    ends_span: bool = False
    composed: Future[Any] | None = None

    @property
    def image(self) -> av.VideoFrame:
        """The frame as decoded."""
        return self.frame.image

    @property
    def index(self) -> int:
        """Its place in the span."""
        return self.frame.index

    @property
    def own_share(self) -> float:
        """0..1, how far it keeps its own colours."""
        return self.colors.own_share


class Sink(Protocol):
    """Where a film's coloured frames go: the segments of a film, the files of a sequence, or a pipe.

    ``compose`` is called from any thread, all else in the frames' order from one.

    Attributes:
        segments: The finished segments; those that an earlier run made are there from the beginning.
    """

    segments: list[Segment]

    def compose(self, task: FrameTask, ab: Floats) -> Any:
        """Return a frame in the colours ab (h, w, 2), in the form in which it is written.

        As far as its ``own_share`` says, it keeps its own colours; where that is 1, ab has none.
        """
        ...

    def begin(self, task: FrameTask) -> None:
        """Begin the next segment, of which a frame is the first."""
        ...

    def write(self, task: FrameTask) -> None:
        """Write a frame as soon as it is composed."""
        ...

    def finish(self, task: FrameTask, state: dict[str, np.ndarray]) -> None:
        """Finish the segment, of which a frame is the last; ``state`` is the painter's after it."""
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
    before: Sequence[Segment] = (),
) -> bool:
    """Colour the frames that follow those of the finished segments, and add segments of them.

    Args:
        plan: What is coloured, and how the segments are written.
        sink: The finished segments; new ones are added, but none if the span holds no frame.
        colorizer: Prepares the frames, and gives the strength of the colours.
        painter: Predicts the colours; it is set to its state after the finished segments.
        report_done: Called from another thread with the number of coloured frames, those of earlier runs included.
        cancel: When set, the segment at work is finished as the last.
        before: Finished segments elsewhere, which those of the sink follow.

    Returns:
        Whether all frames are coloured; False: ``cancel`` was set before.

    Raises:
        VideoError: The film cannot be read any more, or the encoder does not take its frames.
        OSError: The film has vanished, or a segment cannot be written.
    """
    segments = (*before, *sink.segments)
    done = sum(len(segment.pts) for segment in segments)
    if segments:
        painter.restore(segments[-1].state)
    tasks = prefetch(divide_film(plan, colorizer, segments), MAX_DECODED)
    predicted = _predict_ab(painter, tasks)
    encode_worker = SerialWorker(MAX_COLORED, "colorize-encode")
    # Not a thread for each processor: the network and the motion keep one busy, and fewer threads change places less.
    compose_pool = ThreadPoolExecutor(max(1, available_cpus() - 1), "colorize-compose")

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
                encode_worker.add(sink.finish, task, state)
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


def color_missing(store: SegmentStore, plan: SegmentPlan, color: Callable[[SegmentPlan], bool]) -> bool:
    """Colour what no finished segment of a store has: before its later ones, between them and behind them.

    Args:
        store: The finished segments.
        plan: What is coloured, and how.
        color: Colours what follows the store's first segments, as ``color_segments`` does.

    Returns:
        Whether all frames are coloured.
    """
    while True:
        end = store.take_later()
        if store.segments and store.segments[-1].last:
            return True
        if not color(replace(plan, end=end)):
            return False
        if end is None:
            return True


def divide_film(plan: SegmentPlan, colorizer: Colorizer, segments: Sequence[Segment]) -> Iterator[FrameTask]:
    """Yield the frames that follow those of finished segments, prepared for the network, with the ends of segments."""
    prepared = _judge(plan, _prepare_frames(plan, colorizer, segments), segments)
    return _divide(plan, prepared, segments)


def _prepare_frames(plan: SegmentPlan, colorizer: Colorizer, segments: Sequence[Segment]) -> Iterator[FrameTask]:
    """Decode the frames that follow those of finished segments, and yield them prepared for the network."""
    after, state = None, {}
    if segments:
        after = (sum(len(segment.pts) for segment in segments) - 1, segments[-1].pts[-1])
        state = segments[-1].state
    is_noisy = plan.colors is not None and plan.colors.is_noisy
    begins_scene = not segments or segments[-1].ends_scene
    decoded: deque[tuple[Frame, str | None, Luma]] = deque()  # at most four, which the search for cuts looks ahead at

    def inputs() -> Iterator[Floats]:
        frames = plan.source.decode(plan.span, after)
        for frame, field_order in _read_field_orders(plan.video, frames):
            keep_tone = colorizer.settings.strength < 1
            luma = read_luma(plan.video, frame.image, keep_tone, plan.format.planes.own_luma, is_noisy)
            decoded.append((frame, field_order, luma))
            yield colorizer.preprocess(luma.picture())

    guides = prefetch(_guides(plan, colorizer, segments), MAX_GUIDES)
    try:
        for classified in classify_frames(inputs(), state):
            frame, field_order, luma = decoded.popleft()
            resized = (frame.image.height, frame.image.width) != plan.video.size
            guided = replace(classified, guide=next(guides, None))
            begins = begins_scene or classified.kind == "cut"
            yield FrameTask(frame, luma, field_order, guided, resized, begins)
            begins_scene = False
    finally:
        guides.close()


def _guides(plan: SegmentPlan, colorizer: Colorizer, segments: Sequence[Segment]) -> Iterator[Guide | None]:
    """Yield the guide of each frame that follows those of finished segments; it ends where none is left.

    The frames are decoded a second time for it, since it runs ahead to the next key frame. It depends on nothing but
    the film and its key frames, and so is the same after a stop.
    """
    keys = plan.key_frames
    layers = keys.layers(colorizer) if keys is not None else []
    if keys is None or not layers:
        return
    pts = time_stamps(segments)
    first = len(pts)
    unfinished_scene = takewhile(lambda segment: not segment.ends_scene, reversed(segments))
    begin = keys.first_needed(first, first - sum(len(segment.pts) for segment in unfinished_scene))
    is_noisy = plan.colors is not None and plan.colors.is_noisy
    start = min(begin, first)

    def inputs() -> Iterator[Floats]:
        after = (start - 1, pts[start - 1]) if start else None
        for frame in islice(plan.source.decode(plan.span, after), begin - start, None):
            luma = read_luma(plan.video, frame.image, is_noisy=is_noisy)
            yield colorizer.preprocess(luma.picture())

    yield from repeat(None, max(0, begin - first))
    guides = guide_frames(classify_frames(inputs()), begin, layers)
    yield from islice(guides, max(0, first - begin), None)


def _judge(plan: SegmentPlan, tasks: Iterator[FrameTask], segments: Sequence[Segment]) -> Iterator[FrameTask]:
    """Yield the frames that follow those of finished segments, with what is decided of their own colours."""
    if plan.colors is None:
        return tasks
    return judge_scenes(plan.video, plan.colors, tasks, segments[-1].colors if segments else None)


def _divide(plan: SegmentPlan, tasks: Iterator[FrameTask], segments: Sequence[Segment]) -> Iterator[FrameTask]:
    """Yield the frames that follow those of finished segments, with the ends of further segments marked.

    A segment ends at a cut, unless the last one that did so ended shortly before; after a number of frames; and before
    a frame of the other field order, for the order is that of all frames of a segment. The last few frames of
    a scene make no segment of their own, for which the network would have to see another frame.
    """
    unfinished_scene = takewhile(lambda segment: not segment.ends_scene, reversed(segments))
    since_cut = sum(len(segment.pts) for segment in unfinished_scene)
    rest = MAX_REST if plan.segment_frames >= MAX_SPARSE_GAP else 0
    count = 0
    segment_order = None
    ahead = Lookahead(tasks)
    for task in ahead:
        if count == 0:
            segment_order = task.field_order or plan.format.field_order
        count, since_cut = count + 1, since_cut + 1
        following = next(iter(ahead.peek(1)), None)
        if following is None or (following.classified.kind == "cut" and since_cut >= plan.scene_frames):
            task.end, since_cut = "scene", 0
        else:
            changes_order = plan.format.field_order and following.field_order not in (None, segment_order)
            is_full = count >= plan.segment_frames and not (
                rest and _scene_ends_soon(ahead.peek(rest + 1), rest, since_cut, plan.scene_frames)
            )
            task.end = "segment" if changes_order or is_full or task.index + 1 == plan.end else None
        task.ends_span = following is None
        count = 0 if task.end else count
        yield task
        if task.index + 1 == plan.end:
            return


def _scene_ends_soon(coming: Sequence[FrameTask], rest: int, since_cut: int, scene_frames: int) -> bool:
    """Return whether a scene ends soon after a frame.

    Args:
        coming: The frames after it, one more than ``rest``; fewer only at the end.
        rest: How many frames soon is.
        since_cut: How many frames of its scene there are so far.
        scene_frames: How many a scene has at least.
    """
    if len(coming) <= rest:
        return True  # nothing follows
    cuts = (frames for frames, task in enumerate(coming) if frames and task.classified.kind == "cut")
    return any(since_cut + frames >= scene_frames for frames in cuts)


def _read_field_orders(video: Video, frames: Iterator[Frame]) -> Iterator[tuple[Frame, str | None]]:
    """Yield frames with their field orders, upright; None: progressive."""
    reader = FieldOrderReader()
    default = None if video.codec in FIELD_CODECS else video.field_order
    for frame in frames:
        yield frame, video.orientation.apply_to_field_order(reader.read(frame.image) or default)


def color_task(task: FrameTask, ab: Floats, plan: SegmentPlan, strength: float) -> tuple[DeepPlane, ...]:
    """Return a frame's Y, Cb and Cr, and its alpha where the result has one.

    They are in the colours ab (h, w, 2), as far as the frame does not keep its own. One of high dynamic range keeps its
    own Cb and Cr for its tone, since those of a picture of standard range end at its white.
    """
    format = plan.format.planes
    own_share = task.own_share
    if format.hdr is not None:
        own_share, strength = 1 - strength * (1 - own_share), 1.0
    planes = read_own_planes(plan.video, task.image, format) if own_share else None
    if planes is None or own_share < 1:
        compose = color_field_planes if task.field_order and plan.format.field_order else color_planes
        colored = compose(task.luma, ab, strength, format)
        planes = colored if planes is None else blend_planes(colored, planes, own_share)
    if not plan.format.alpha:
        return planes
    return (*planes, read_alpha(plan.video, task.frame.image, format.bits))


def record_frame(segment: Segment, task: FrameTask, plan: SegmentPlan, loses_captions: bool = False) -> None:
    """Add a frame that was written to its segment's record, and what it is to be named for."""
    frame = task.frame
    _add(segment.pts, frame.pts)
    _add(segment.durations, frame.duration)
    if task.begins_stretch:
        _add(segment.stretches, frame.index)
    if task.own_share > 0.5:
        _add(segment.kept, frame.index)
    warnings = {
        frame.decode_warning: True,
        "resized": task.resized,
        "woven": task.field_order is not None and plan.video.field_order is None,
        "captions": loses_captions,
    }
    for warning, is_true in warnings.items():
        if warning and is_true:
            _add(segment.warnings[warning], frame.index)


def _add(numbers: Sequence[int], number: int) -> None:
    """Add a number to those of a segment that is under way."""
    assert isinstance(numbers, array)
    numbers.append(number)


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

    def compose(self, task: FrameTask, ab: Floats) -> tuple[DeepPlane, ...]:
        """Return a frame's planes in colour, as the result has them."""
        return color_task(task, ab, self._plan, self._strength)

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
        record_frame(self._segment, task, self._plan, loses_captions=captions and not keeps_captions)

    def finish(self, task: FrameTask, state: dict[str, np.ndarray]) -> None:
        """Close the segment's video and add the segment, with the painter's state after it, to the store."""
        assert self._encoder is not None
        self._segment.reorder_delay = self._encoder.close()
        self._segment.state, self._segment.last = state, task.ends_span
        self._segment.ends_scene, self._segment.colors = task.end == "scene", task.colors
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

    def frames() -> Iterator[tuple[ClassifiedFrame, SegmentEnd | None]]:
        for task in tasks:
            pending.append(task)
            yield replace(task.classified, kind="kept") if task.own_share == 1 else task.classified, task.end

    with closing(painter.predict_segments(frames())) as predicted:
        for ab, state in predicted:
            yield pending.popleft(), ab, state
