"""Frames on their way into a film's parts: decoded, painted, joined and encoded side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor

from colorize.color import Luma, Plane, color_planes
from colorize.engine import Colorizer
from colorize.film.concurrency import SerialWorker, prefetch
from colorize.film.decoding import Frame, decode_frames
from colorize.film.encoder import EncoderSettings, PictureFormat, SegmentEncoder
from colorize.film.pixels import read_luma
from colorize.film.segments import Segment, SegmentStore
from colorize.film.video import Span, Video
from colorize.motion import TemporalPainter

FRAMES_AHEAD = 12  # decoded and waiting for the network
FRAMES_BEHIND = 8  # coloured and waiting for the encoder


@dataclass(frozen=True)
class Work:
    """What is coloured, and how its parts are written.

    Attributes:
        video: The source.
        span: The part of it.
        format: Of the pictures.
        settings: Of their encoder.
        segment_frames: How many frames a part has.
    """

    video: Video
    span: Span
    format: PictureFormat
    settings: EncoderSettings
    segment_frames: int


@dataclass(eq=False)
class _Item:
    """A frame on its way: what the network sees of it, and what its colours are joined to."""

    frame: Frame
    luma: Luma
    network_input: Tensor
    resized: bool


def color_segments(
    work: Work,
    store: SegmentStore,
    colorizer: Colorizer,
    painter: TemporalPainter,
    tell: Callable[[int], None],
    cancel: threading.Event,
) -> bool:
    """Colour the frames that follow those of the finished parts, and add their parts.

    Args:
        work: What and how.
        store: Begun; new ones are added. None are if the span holds no frame.
        colorizer: Sees the frames.
        painter: Paints them; it is set to where the finished parts end.
        tell: Called from another thread with the number of frames done, those of the finished parts included.
        cancel: When set, the part at work is the last.

    Returns:
        Whether all is coloured; False: ``cancel`` was set before.

    Raises:
        VideoError: The film cannot be read any more, or the encoder does not take its pictures.
        OSError: The film has vanished, or a part cannot be written.
    """
    segments = store.segments
    done = sum(len(segment.pts) for segment in segments)
    if segments:
        painter.restore(segments[-1].state)
    after = (done - 1, segments[-1].pts[-1]) if segments else None
    items = prefetch(_items(work, colorizer, after), FRAMES_AHEAD)
    encoding = SerialWorker(FRAMES_BEHIND, "colorize-encode")
    threads = ThreadPoolExecutor(torch.get_num_threads(), "colorize-compose")
    writer = _SegmentWriter(store, work, done, tell)
    try:
        following = next(items, None)
        while following is not None:
            if cancel.is_set():
                encoding.finish()
                return False
            segment = chain([following], islice(items, work.segment_frames - 1))
            encoding.add(writer.begin)
            for item, ab in _predicted(painter, segment):
                encoding.add(writer.write, threads.submit(color_planes, item.luma, ab, colorizer.strength), item)
            state = painter.state()
            following = next(items, None)
            encoding.add(writer.finish, state, following is None)
        encoding.finish()
    finally:
        encoding.close()
        writer.abandon()
        items.close()  # type: ignore[attr-defined]
        threads.shutdown(wait=True, cancel_futures=True)
    return True


def _items(work: Work, colorizer: Colorizer, after: tuple[int, int] | None) -> Iterator[_Item]:
    for frame in decode_frames(work.video, work.span, after=after):
        luma = read_luma(work.video, frame.image, keep_tone=colorizer.strength < 1)
        resized = (frame.image.height, frame.image.width) != work.video.size
        yield _Item(frame, luma, colorizer.preprocess(luma.picture()), resized)


class _SegmentWriter:
    """Encodes parts; its methods are called in order, in one thread."""

    def __init__(self, store: SegmentStore, work: Work, done: int, tell: Callable[[int], None]) -> None:
        self._store = store
        self._work = work
        self._done = done
        self._tell = tell
        self._encoder: SegmentEncoder | None = None
        self._segment = Segment()

    def begin(self) -> None:
        path = self._store.unfinished(len(self._store.segments))
        self._encoder = SegmentEncoder(path, self._work.format, self._work.settings)
        self._segment = Segment()

    def write(self, planes: Future[tuple[Plane, Plane, Plane]], item: _Item) -> None:
        assert self._encoder is not None
        frame = item.frame
        self._encoder.write(planes.result(), frame.pts, frame.duration)
        self._segment.pts.append(frame.pts)
        self._segment.durations.append(frame.duration)
        for warning in (frame.decode_warning, "resized" if item.resized else None):
            if warning:
                self._segment.decode_warnings[warning].append(frame.index)
        self._done += 1
        self._tell(self._done)

    def finish(self, state: dict[str, np.ndarray], last: bool) -> None:
        assert self._encoder is not None
        self._segment.reorder_delay = self._encoder.close()
        self._segment.state, self._segment.last = state, last
        self._encoder = None
        self._store.add(self._segment)

    def abandon(self) -> None:
        """Give up the part that is not finished."""
        if self._encoder is not None:
            self._encoder.abandon()
            self._encoder = None


def _predicted(painter: TemporalPainter, items: Iterator[_Item]) -> Iterator[tuple[_Item, np.ndarray]]:
    """Yield frames with their ab; those that the painter looks ahead at are pending meanwhile."""
    pending: deque[_Item] = deque()

    def inputs() -> Iterator[Tensor]:
        for item in items:
            pending.append(item)
            yield item.network_input

    for ab in painter.predict_ab(inputs()):
        yield pending.popleft(), ab
