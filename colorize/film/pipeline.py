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
        film: The source.
        span: The part of it.
        format: Of the pictures.
        settings: Of their encoder.
        part_frames: How many frames a part has.
    """

    film: Video
    span: Span
    format: PictureFormat
    settings: EncoderSettings
    part_frames: int


@dataclass(eq=False)
class _Item:
    """A frame on its way: what the network sees of it, and what its colours are joined to."""

    shot: Frame
    luma: Luma
    look: Tensor
    resized: bool


def color_segments(
    work: Work,
    parts: SegmentStore,
    colorizer: Colorizer,
    painter: TemporalPainter,
    tell: Callable[[int], None],
    cancel: threading.Event,
) -> bool:
    """Colour the frames that follow those of the finished parts, and add their parts.

    Args:
        work: What and how.
        parts: Begun; new ones are added. None are if the span holds no frame.
        colorizer: Sees the frames.
        painter: Paints them; it is set to where the finished parts end.
        tell: Called from another thread with the number of frames done, those of the finished parts included.
        cancel: When set, the part at work is the last.

    Returns:
        Whether all is coloured; False: ``cancel`` was set before.

    Raises:
        FilmError: The film cannot be read any more, or the encoder does not take its pictures.
        OSError: The film has vanished, or a part cannot be written.
    """
    records = parts.records
    done = sum(len(record.ticks) for record in records)
    if records:
        painter.restore(records[-1].state)
    after = (done - 1, records[-1].ticks[-1]) if records else None
    items = prefetch(_items(work, colorizer, after), FRAMES_AHEAD)
    line = SerialWorker(FRAMES_BEHIND, "colorize-encode")
    threads = ThreadPoolExecutor(torch.get_num_threads(), "colorize-join")
    writer = _SegmentWriter(parts, work, done, tell)
    try:
        following = next(items, None)
        while following is not None:
            if cancel.is_set():
                line.finish()
                return False
            part = chain([following], islice(items, work.part_frames - 1))
            line.add(writer.begin)
            for item, ab in _painted(painter, part):
                line.add(writer.write, threads.submit(color_planes, item.luma, ab, colorizer.strength), item)
            state = painter.state()
            following = next(items, None)
            line.add(writer.finish, state, following is None)
        line.finish()
    finally:
        line.close()
        writer.abandon()
        items.close()  # type: ignore[attr-defined]
        threads.shutdown(wait=True, cancel_futures=True)
    return True


def _items(work: Work, colorizer: Colorizer, after: tuple[int, int] | None) -> Iterator[_Item]:
    for shot in decode_frames(work.film, work.span, after=after):
        luma = read_luma(work.film, shot.frame, keep_tone=colorizer.strength < 1)
        resized = (shot.frame.height, shot.frame.width) != work.film.size
        yield _Item(shot, luma, colorizer.look(luma.picture()), resized)


class _SegmentWriter:
    """Encodes parts; its methods are called in order, in one thread."""

    def __init__(self, parts: SegmentStore, work: Work, done: int, tell: Callable[[int], None]) -> None:
        self._parts = parts
        self._work = work
        self._done = done
        self._tell = tell
        self._encoder: SegmentEncoder | None = None
        self._record = Segment()

    def begin(self) -> None:
        path = self._parts.unfinished(len(self._parts.records))
        self._encoder = SegmentEncoder(path, self._work.format, self._work.settings)
        self._record = Segment()

    def write(self, planes: Future[tuple[Plane, Plane, Plane]], item: _Item) -> None:
        assert self._encoder is not None
        shot = item.shot
        self._encoder.write(planes.result(), shot.ticks, shot.duration)
        self._record.ticks.append(shot.ticks)
        self._record.durations.append(shot.duration)
        for fault in (shot.fault, "resized" if item.resized else None):
            if fault:
                self._record.faults[fault].append(shot.index)
        self._done += 1
        self._tell(self._done)

    def finish(self, state: dict[str, np.ndarray], last: bool) -> None:
        assert self._encoder is not None
        self._record.delay = self._encoder.close()
        self._record.state, self._record.last = state, last
        self._encoder = None
        self._parts.add(self._record)

    def abandon(self) -> None:
        """Give up the part that is not finished."""
        if self._encoder is not None:
            self._encoder.abandon()
            self._encoder = None


def _painted(painter: TemporalPainter, items: Iterator[_Item]) -> Iterator[tuple[_Item, np.ndarray]]:
    """Yield frames with their ab; those that the painter looks ahead at are held meanwhile."""
    held: deque[_Item] = deque()

    def looks() -> Iterator[Tensor]:
        for item in items:
            held.append(item)
            yield item.look

    for ab in painter.paint(looks()):
        yield held.popleft(), ab
