"""A film's frames in the order in which they are shown, each with its time stamp; stand-ins for those that are lost."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from colorize.film.video import WHOLE, Span, Video, decode, open_video, pictures_of

GAP = Fraction(3, 5)  # of a frame's duration: a raw_pts this far from both neighbours is a frame that was lost
LOOK = 120  # seconds of a film without jumps that are decoded for samples of it
RUN_UPS = (0, 2, 12)  # seconds before the wanted sample at which jumps aim in turn, while they go too far
LATE_SEEK = 1  # seconds before the wanted frame at which a jump aims

_Timed = tuple[int, int, av.VideoFrame, str | None]


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame as it was decoded.

    Attributes:
        index: From 0, of those inside the span that is coloured.
        pts: Time raw_pts in units of ``Video.time_base``, from the beginning of that span.
        duration: In the same units.
        image: The picture.
        decode_warning: ``damaged``: shown as far as it could be decoded; ``lost``: the frame before stands in for it.
    """

    index: int
    pts: int
    duration: int
    image: av.VideoFrame
    decode_warning: str | None = None


def decode_frames(
    video: Video, span: Span = WHOLE, *, after: tuple[int, int] | None = None, jump: bool = True
) -> Iterator[Frame]:
    """Yield the frames of a span in the order in which they are shown.

    A frame that cannot be decoded is replaced by the one before it, so that their number and times stay.

    Args:
        video: ``probe``'s result.
        span: What to read.
        after: Index and ticks of a frame of the span: read only those after it.
        jump: Jump near the first one that is wanted instead of decoding all that is before it.

    Raises:
        FileNotFoundError: The file has vanished.
        VideoError: It cannot be opened any more.
    """
    start = round((video.start_time + span.start) / video.time_base)
    end = None if span.end is None else round((video.start_time + span.end) / video.time_base)
    index, least = (0, start) if after is None else (after[0] + 1, start + after[1] + 1)
    frames = _near(video, least, after is not None) if jump else _on_time(video, None)
    for pts, duration, image, warning in frames:
        if end is not None and pts >= end:
            return
        if pts >= least:
            yield Frame(index, pts - start, duration, image, warning)
            index += 1


def sample_frames(video: Video, count: int, span: Span = WHOLE) -> Iterator[av.VideoFrame]:
    """Yield frames spread evenly over a span, fewer where the film ends early.

    A bare stream, in which one cannot jump, is decoded for it; so only the first minutes of the span are looked at.
    """
    begin, end = float(span.start), video.duration if span.end is None else float(span.end)
    with open_video(video.path) as container:
        stream = pictures_of(video.path, container)
        for number in range(count):
            seconds = begin + (end - begin) * (number + 0.5) / count
            pts = int((float(video.start_time) + seconds) / video.time_base)
            try:
                frame = _frame_at(video, container, stream, pts)
            except FFmpegError:
                step = min(end - begin, LOOK) / count
                yield from _passing(video, [begin + step * (number + 0.5) for number in range(count)])
                return
            if frame is not None:
                yield frame


def _frame_at(video: Video, container: InputContainer, stream: VideoStream, pts: int) -> av.VideoFrame | None:
    """Return the frame that is shown at a time stamp, else a near one; None: nothing can be decoded there."""
    found: av.VideoFrame | None = None
    for seconds in RUN_UPS:
        container.seek(max(0, pts - round(seconds / video.time_base)), stream=stream)
        before: av.VideoFrame | None = None
        for frame in decode(container, stream, []):
            if before is None and frame.pts is not None and frame.pts > pts + video.frame_duration:
                found = found or frame  # the jump went too far
                break
            before = frame
            if frame.pts is None or frame.pts >= pts:
                break
        if before is not None:
            return before
    return found


def _passing(video: Video, times: list[float]) -> Iterator[av.VideoFrame]:
    """Yield the frames that are shown at some times, in seconds and rising; the film is decoded from its beginning."""
    number = 0
    for pts, _, frame, _ in _on_time(video, None):
        if float(pts * video.time_base - video.start_time) >= times[number]:
            yield frame
            number += 1
            if number == len(times):
                return


def _near(video: Video, least: int, exact: bool) -> Iterator[_Timed]:
    """Yield what ``_on_time`` does from a little before a time stamp on.

    Where the file has no true index the film is decoded from its beginning: when the jump went too far, or, if it has
    to be ``exact``, when it does not meet the frame at ``least`` - 1.
    """
    aim = least - round(LATE_SEEK / video.time_base)
    if aim > round(video.start_time / video.time_base):
        frames = _on_time(video, aim)
        for timed in frames:
            if timed[0] == least - 1 or (timed[0] < least and not exact):
                yield timed
                yield from frames
                return
            if timed[0] >= least:
                break
    yield from _on_time(video, None)


def _on_time(video: Video, jump: int | None) -> Iterator[_Timed]:
    """Yield (time stamp, duration, image, warning), the stamps rising, with stand-ins for lost frames."""
    with open_video(video.path) as container:
        stream = container.streams[video.stream]
        assert isinstance(stream, VideoStream)
        stream.thread_type = "AUTO"  # type: ignore[assignment]
        if jump is not None:
            container.seek(jump, stream=stream)
        expected: list[int] = []
        last: int | None = None
        shift = 0
        usual = video.frame_duration
        previous: av.VideoFrame | None = None
        for frame in decode(container, stream, expected):
            duration = frame.duration or usual
            raw_pts = frame.pts
            if raw_pts is None:
                raw_pts = 0 if last is None else last + usual - shift
            if last is not None and raw_pts + shift < last - 10 * usual:  # the clock was set back: time goes on
                shift = last + usual - raw_pts
            if previous is not None and last is not None:
                for lost in _lost(expected, raw_pts, last - shift, usual):
                    yield lost + shift, usual, previous, "lost"
                    last = lost + shift
            while expected and expected[0] <= raw_pts:
                heapq.heappop(expected)
            pts = raw_pts + shift if last is None else max(raw_pts + shift, last + 1)
            yield pts, duration, frame, "damaged" if frame.is_corrupt else None
            last, previous = pts, frame
        if previous is not None and last is not None:
            for lost in _lost(expected, None, last - shift, usual):
                yield lost + shift, usual, previous, "lost"


def _lost(expected: list[int], raw_pts: int | None, last: int, usual: int) -> Iterator[int]:
    """Take from ``expected`` the stamps of frames that should have come between ``last`` and ``raw_pts``.

    Not every packet is a frame (a field, a hidden frame): only those count that stand a frame apart from their
    neighbours.
    """
    while expected and (raw_pts is None or expected[0] < raw_pts):
        lost = heapq.heappop(expected)
        if lost - last >= GAP * usual and (raw_pts is None or raw_pts - lost >= GAP * usual):
            yield lost
            last = lost
