"""The pipeline from a film to its segments: decode, predict colours, compose and encode, each beside the others."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from colorize.base import SerialWorker, available_cpus, prefetch
from colorize.color import Floats, Luma, Plane, color_planes
from colorize.engine import Colorizer
from colorize.film.decoding import Frame, decode_frames
from colorize.film.encoder import EncoderSettings, PictureFormat, SegmentEncoder
from colorize.film.pixels import read_luma
from colorize.film.segments import Segment, SegmentStore
from colorize.film.video import Span, Video
from colorize.motion import TemporalPainter

MAX_DECODED = 12  # frames that wait for the network
MAX_COLORED = 8  # frames that wait for the encoder


@dataclass(frozen=True)
class SegmentPlan:
    """What is coloured, and how the segments are written.

    Attributes:
        video: The source.
        span: The part of the source that is coloured.
        format: The format of the segments' frames.
        settings: The settings of their encoder.
        segment_frames: How many frames a segment has; the last may have fewer.
    """

    video: Video
    span: Span
    format: PictureFormat
    settings: EncoderSettings
    segment_frames: int


@dataclass(eq=False)
class FrameTask:
    """A frame on its way through the pipeline: decoded, predicted, composed, encoded.

    Attributes:
        frame: The frame.
        luma: Its upright luma, which the colours are composed with.
        network_input: What the network sees of it, as ``Colorizer.preprocess`` returns it.
        resized: Whether it was of another size than the film's first frame.
        planes: Its Y, U and V in colour; None: its colours are not predicted yet.
    """

    frame: Frame
    luma: Luma
    network_input: Floats
    resized: bool
    planes: Future[tuple[Plane, Plane, Plane]] | None = None


def color_segments(
    plan: SegmentPlan,
    store: SegmentStore,
    colorizer: Colorizer,
    painter: TemporalPainter,
    report_done: Callable[[int], None],
    cancel: threading.Event,
) -> bool:
    """Colour the frames that follow those of the finished segments, and add segments of them.

    Args:
        plan: What is coloured, and how the segments are written.
        store: The finished segments; new ones are added, but none if the span holds no frame.
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
    segments = store.segments
    done = sum(len(segment.pts) for segment in segments)
    if segments:
        painter.restore(segments[-1].state)
    after = (done - 1, segments[-1].pts[-1]) if segments else None
    frames = prefetch(_prepare_frames(plan, colorizer, after), MAX_DECODED)
    encode_worker = SerialWorker(MAX_COLORED, "colorize-encode")
    compose_pool = ThreadPoolExecutor(available_cpus(), "colorize-compose")
    writer = _SegmentWriter(store, plan, done, report_done)
    try:
        next_frame = next(frames, None)
        while next_frame is not None:
            if cancel.is_set():
                encode_worker.finish()
                return False
            segment_frames = chain([next_frame], islice(frames, plan.segment_frames - 1))
            encode_worker.add(writer.begin)
            for task, ab in _predict_ab(painter, segment_frames):
                task.planes = compose_pool.submit(color_planes, task.luma, ab, colorizer.settings.strength)
                encode_worker.add(writer.write, task)
            state = painter.state()
            next_frame = next(frames, None)
            encode_worker.add(writer.finish, state, next_frame is None)
        encode_worker.finish()
    finally:
        encode_worker.close()
        writer.abandon()
        frames.close()  # type: ignore[attr-defined]
        compose_pool.shutdown(wait=True, cancel_futures=True)
    return True


def _prepare_frames(plan: SegmentPlan, colorizer: Colorizer, after: tuple[int, int] | None) -> Iterator[FrameTask]:
    """Decode the frames after one (see ``decode_frames``) and yield them prepared for the network."""
    for frame in decode_frames(plan.video, plan.span, after=after):
        luma = read_luma(plan.video, frame.image, keep_tone=colorizer.settings.strength < 1)
        resized = (frame.image.height, frame.image.width) != plan.video.size
        yield FrameTask(frame, luma, colorizer.preprocess(luma.picture()), resized)


class _SegmentWriter:
    """Encodes frames into segments; its methods are called in order, in one thread."""

    def __init__(self, store: SegmentStore, plan: SegmentPlan, done: int, report_done: Callable[[int], None]) -> None:
        self._store = store
        self._plan = plan
        self._done = done
        self._report_done = report_done
        self._encoder: SegmentEncoder | None = None
        self._segment = Segment()

    def begin(self) -> None:
        """Begin the next segment."""
        path = self._store.unfinished_path(len(self._store.segments))
        self._encoder = SegmentEncoder(path, self._plan.format, self._plan.settings)
        self._segment = Segment()

    def write(self, task: FrameTask) -> None:
        """Encode a frame when its planes are composed, and report it."""
        assert self._encoder is not None and task.planes is not None
        frame = task.frame
        self._encoder.write(task.planes.result(), frame.pts, frame.duration)
        self._segment.pts.append(frame.pts)
        self._segment.durations.append(frame.duration)
        for warning in (frame.decode_warning, "resized" if task.resized else None):
            if warning:
                self._segment.decode_warnings[warning].append(frame.index)
        self._done += 1
        self._report_done(self._done)

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


def _predict_ab(painter: TemporalPainter, tasks: Iterator[FrameTask]) -> Iterator[tuple[FrameTask, Floats]]:
    """Yield frames with their ab (h, w, 2); frames that the painter looks ahead at are pending meanwhile."""
    pending: deque[FrameTask] = deque()

    def inputs() -> Iterator[Floats]:
        for task in tasks:
            pending.append(task)
            yield task.network_input

    for ab in painter.predict_ab(inputs()):
        yield pending.popleft(), ab
