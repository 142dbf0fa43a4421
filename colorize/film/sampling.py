"""Frames sampled evenly over a film, and its key frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

import av
from av.container import InputContainer
from av.error import FFmpegError

from colorize.film.decoding import decode_in_order
from colorize.film.video import (
    WHOLE_VIDEO,
    Span,
    Video,
    decode_stream,
    find_video_stream,
    open_video,
    read_packets,
)

SAMPLING_WINDOW = 120  # seconds from which all samples are taken where one cannot seek
KEY_FRAME_STEP, MAX_KEY_FRAMES = 0.25, 1000  # seconds from one to the next, at least; so many in all, at most
SEEK_PREROLLS = (0, 2, 12)  # seconds before the sample at which seeks aim in turn, while they land too late


def sample_frames(video: Video, count: int, span: Span = WHOLE_VIDEO) -> Iterator[av.VideoFrame]:
    """Yield frames spread evenly over a span, fewer where the film ends early.

    A bare stream, in which one cannot seek, is decoded from its beginning instead; there the frames are spread over the
    first ``SAMPLING_WINDOW`` seconds of the span alone.

    Args:
        video: The film.
        count: How many frames.
        span: The part of the film to sample.

    Raises:
        FileNotFoundError: The file has vanished.
        VideoError: The file cannot be opened any more.
    """
    begin, end = float(span.start), video.duration if span.end is None else float(span.end)
    with open_video(video.path) as container:
        reader = _FrameReader(video, container)
        for number in range(count):
            seconds = begin + (end - begin) * (number + 0.5) / count
            pts = int((float(video.start_time) + seconds) / video.time_base)
            try:
                frame = reader.frame_at(pts)
            except FFmpegError:
                step = min(end - begin, SAMPLING_WINDOW) / count
                yield from _frames_at_times(video, [begin + step * (number + 0.5) for number in range(count)])
                return
            if frame is not None:
                yield frame


def decode_key_frames(video: Video, span: Span = WHOLE_VIDEO) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield key frames, which encoders put at cuts too, and when each is shown, in seconds from the film's beginning.

    There are four a second at most, and ``MAX_KEY_FRAMES`` in all. The whole span is read, but nothing else decoded. A
    stream without time stamps gives none.

    Args:
        video: The film.
        span: The part of it.

    Raises:
        FileNotFoundError: The file has vanished.
        VideoError: The file cannot be opened any more.
    """
    begin = float(video.start_time + span.start)
    end = float(video.start_time) + (video.duration if span.end is None else float(span.end))
    step = max(KEY_FRAME_STEP, (end - begin) / MAX_KEY_FRAMES)
    with open_video(video.path) as container, suppress(FFmpegError):
        stream = find_video_stream(video.path, container)
        stream.codec_context.skip_frame = "NONKEY"
        if span.start:
            container.seek(round(begin / video.time_base), stream=stream)
        due = begin
        for packet in read_packets(container, stream):
            seconds = float("-inf") if packet.pts is None else float(packet.pts * video.time_base)
            if seconds >= end:
                break
            if packet.is_keyframe and seconds >= due:
                due = seconds + step
                with suppress(FFmpegError):
                    frames = stream.decode(packet)
                    yield from _timed(video, frames)
        yield from _timed(video, stream.decode(None))


def _timed(video: Video, frames: Iterable[av.VideoFrame]) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield frames that state a time, with the seconds from the film's beginning."""
    for frame in frames:
        if frame.pts is not None:
            yield float(frame.pts * video.time_base - video.start_time), frame


class _FrameReader:
    """Reads single frames of a film, each later than the one before."""

    def __init__(self, video: Video, container: InputContainer) -> None:
        self._video = video
        self._container = container
        self._stream = find_video_stream(video.path, container)
        self._frames: Iterator[av.VideoFrame] = iter(())  # that follow the last one
        self._last: av.VideoFrame | None = None
        self._sought = 0  # frames that were decoded for the last one that was sought

    def frame_at(self, pts: int) -> av.VideoFrame | None:
        """Return the frame that is shown at a time stamp, else one near it; None: nothing can be decoded there.

        A seek goes back to a key frame, in a short film to the same one for every sample. So frames between the last
        one and this one are decoded where they are no more than the last seek took.
        """
        if self._last is None or self._frames_until(pts, self._last) > self._sought:
            return self._seek(pts)
        self._last, _ = self._read_until(pts, self._last)
        return self._last

    def _frames_until(self, pts: int, frame: av.VideoFrame) -> float:
        return float("inf") if frame.pts is None else (pts - frame.pts) / self._video.frame_duration

    def _seek(self, pts: int) -> av.VideoFrame | None:
        self._last = None
        late: av.VideoFrame | None = None
        for seconds in SEEK_PREROLLS:
            self._container.seek(max(0, pts - round(seconds / self._video.time_base)), stream=self._stream)
            self._frames = decode_stream(self._container, self._stream, [], self._video.is_packed)
            first = next(self._frames, None)
            if first is not None and first.pts is not None and first.pts > pts + self._video.frame_duration:
                late = late or first  # the seek landed too late
            elif first is not None:
                self._last, count = self._read_until(pts, first)
                self._sought = count + 1
                return self._last
        return late

    def _read_until(self, pts: int, frame: av.VideoFrame) -> tuple[av.VideoFrame, int]:
        """Return the first frame from one on that is not before a time stamp, else the last one, and how many came."""
        count = 0
        while frame.pts is not None and frame.pts < pts and (following := next(self._frames, None)) is not None:
            frame, count = following, count + 1
        return frame, count


def _frames_at_times(video: Video, times: list[float]) -> Iterator[av.VideoFrame]:
    """Yield the frames shown at some rising times, in seconds; the film is decoded from its beginning."""
    number = 0
    for pts, _, frame, _ in decode_in_order(video):
        if float(pts * video.time_base - video.start_time) >= times[number]:
            yield frame
            number += 1
            if number == len(times):
                return
