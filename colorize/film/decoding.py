"""A film's frames in display order, each with its time stamp; frames that are lost are replaced by the one before."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import av
from av.video.stream import VideoStream

from colorize.film.clock import is_set_back
from colorize.film.video import DEFAULT_TIME_BASE, WHOLE_VIDEO, Span, Video, decode_stream, open_video

if TYPE_CHECKING:
    from colorize.film.stills import Still

MIN_LOST_GAP = Fraction(3, 5)
"""Of a frame's duration: an expected time stamp this far from both neighbours belongs to a frame that was lost."""
SEEK_PREROLL = 1
"""Seconds before the first wanted frame at which a seek aims, since seeking may land late."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A decoded frame of a span of a film.

    Attributes:
        index: Position from 0 among the frames of the span.
        pts: Time stamp in units of ``Video.time_base``, from the beginning of the span.
        duration: Duration in the same units.
        image: The decoded image, as stored.
        decode_warning: ``damaged``: the image is shown as far as it could be decoded; ``lost``: it could not be
            decoded, and ``image`` is that of the frame before; None: neither.
        still: The frame of a sequence that ``image`` shows; None: it is no sequence's.
    """

    index: int
    pts: int
    duration: int
    image: av.VideoFrame
    decode_warning: str | None = None
    still: Still | None = None


class FileFrame(NamedTuple):
    """A decoded frame on the file's clock: time stamp and duration in units of ``Video.time_base``."""

    pts: int
    duration: int
    image: av.VideoFrame
    decode_warning: str | None


def decode_frames(
    video: Video, span: Span = WHOLE_VIDEO, *, after: tuple[int, int] | None = None, seek: bool = True
) -> Iterator[Frame]:
    """Yield the frames of a span in display order.

    A frame that cannot be decoded is replaced by the one before it, so that the number of frames and their times stay.

    Args:
        video: The film, as ``probe`` returns it.
        span: The part of the film to decode.
        after: Index and time stamp (``Frame.index``, ``Frame.pts``) of a frame of the span: yield only those after it.
        seek: Seek to shortly before the first wanted frame instead of decoding all that comes before it.

    Raises:
        FileNotFoundError: The file has vanished.
        VideoError: The file cannot be opened any more.
    """
    start = round((video.start_time + span.start) / video.time_base)
    end = None if span.end is None else round((video.start_time + span.end) / video.time_base)
    index, first_pts = (0, start) if after is None else (after[0] + 1, start + after[1] + 1)
    frames = _decode_near(video, first_pts, after is not None) if seek else decode_in_order(video)
    for pts, duration, image, warning in frames:
        if end is not None and pts >= end:
            return
        if pts >= first_pts:
            yield Frame(index, pts - start, duration, image, warning)
            index += 1


def decode_in_order(video: Video, seek_pts: int | None = None) -> Iterator[FileFrame]:
    """Yield a film's frames in display order, their time stamps rising, with stand-ins for lost ones.

    Args:
        video: The film.
        seek_pts: Time stamp near which to begin, in units of ``Video.time_base``; None: at the film's beginning.

    Raises:
        FileNotFoundError: The file has vanished.
        VideoError: The file cannot be opened any more.
    """
    with open_video(video.path) as container:
        stream = container.streams[video.stream]
        assert isinstance(stream, VideoStream)
        stream.thread_type = "AUTO"  # type: ignore[assignment]
        if seek_pts is not None:
            container.seek(seek_pts, stream=stream)
        expected: list[int] = []  # a heap of time stamps as stored, of packets whose frames have not come yet
        damaged: set[int] = set()  # time stamps as stored, of packets whose checksums fail
        last_pts: int | None = None
        shift = 0  # from time stamps as stored to rising ones
        usual = video.frame_duration
        is_numbered = video.time_base != (stream.time_base or DEFAULT_TIME_BASE)  # by numbers, see ``probe``
        last_image: av.VideoFrame | None = None
        for image in decode_stream(container, stream, expected, video.is_packed, damaged):
            if is_numbered:
                expected.clear()  # the end of the sequence has a number too
            duration = usual if is_numbered else image.duration or usual
            stored_pts = image.pts
            if stored_pts is None:
                stored_pts = 0 if last_pts is None else last_pts + usual - shift
            if last_pts is not None and stored_pts + shift < last_pts - 10 * usual:  # the file's clock was set back
                shift = last_pts + usual - stored_pts
            if last_image is not None and last_pts is not None:
                for lost in _pop_lost(expected, stored_pts, last_pts - shift, usual):
                    yield FileFrame(lost + shift, usual, last_image, "lost")
                    last_pts = lost + shift
            while expected and expected[0] <= stored_pts:
                heapq.heappop(expected)
            pts = stored_pts + shift if last_pts is None else max(stored_pts + shift, last_pts + 1)
            is_damaged = image.is_corrupt or stored_pts in damaged
            yield FileFrame(pts, duration, image, "damaged" if is_damaged else None)
            last_pts, last_image = pts, image
        if last_image is not None and last_pts is not None and not is_numbered:
            for lost in _pop_lost(expected, None, last_pts - shift, usual):
                yield FileFrame(lost + shift, usual, last_image, "lost")


def _decode_near(video: Video, first_pts: int, is_exact: bool) -> Iterator[FileFrame]:
    """Yield the frames of ``decode_in_order`` from shortly before a time stamp on.

    Where the file has no true index, the film is decoded from its beginning instead: when the seek lands at or after
    ``first_pts``, or, if ``is_exact``, when it does not meet the frame at ``first_pts`` - 1; and where its clock is
    set back, for the frame found at a time would be another.
    """
    seek_pts = first_pts - round(SEEK_PREROLL / video.time_base)
    if seek_pts > round(video.start_time / video.time_base) and not is_set_back(video):
        frames = decode_in_order(video, seek_pts)
        for frame in frames:
            if frame.pts == first_pts - 1 or (frame.pts < first_pts and not is_exact):
                yield frame
                yield from frames
                return
            if frame.pts >= first_pts:
                break
    yield from decode_in_order(video)


def _pop_lost(expected: list[int], next_pts: int | None, last_pts: int, usual: int) -> Iterator[int]:
    """Take the time stamps of lost frames from ``expected``: those between two decoded frames.

    Not every packet is a frame (it may be a field, or a hidden frame): only those count that stand a frame apart from
    their neighbours.

    Args:
        expected: Heap of the packets' time stamps; those up to ``next_pts`` are removed.
        next_pts: Time stamp of the frame that was decoded now; None: the film has ended.
        last_pts: Time stamp of the frame that was decoded before it.
        usual: Duration of a frame, in the same units.
    """
    while expected and (next_pts is None or expected[0] < next_pts):
        pts = heapq.heappop(expected)
        if pts - last_pts >= MIN_LOST_GAP * usual and (next_pts is None or next_pts - pts >= MIN_LOST_GAP * usual):
            yield pts
            last_pts = pts
