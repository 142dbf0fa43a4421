"""Pipes: frames that come from the standard input, and go to the standard output, as Y4M or NUT."""

from __future__ import annotations

import math
import os
import re
import select
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream

from colorize.base import VideoError, reason, write_codec_field_order
from colorize.color import DeepPlane, Floats
from colorize.film.decoding import Frame
from colorize.film.encoder import PictureFormat, frame_of_planes
from colorize.film.names import PIPE
from colorize.film.pipeline import FrameTask, SegmentPlan, color_task, record_frame
from colorize.film.segments import Segment
from colorize.film.streams import FIELD_ORDERS
from colorize.film.video import Span, find_video_stream, properties_of_stream

Y4M, NUT = "yuv4mpegpipe", "nut"  # FFmpeg's names of the formats
Y4M_PROPERTIES = re.compile(rb" I\S+ A\S+ ")  # in the header: the fields' order, the pixels' aspect
PATIENCE_SECONDS = 0.25  # after which a thread that waits for a pipe looks whether it is given up
FRAME_MARK = len("FRAME\n")  # bytes before each frame of a Y4M stream


class _Patience:
    """Waits until a pipe gives or takes bytes, or all pipes are given up.

    A thread that the system holds at a pipe, whose other end neither moves nor closes, could not be ended by anything.
    Windows has no such way to wait; there the thread is held.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Wait for the pipe behind a file; one that is no file of the system's never keeps anybody waiting."""
        self.descriptor: int | None = None
        self.is_given_up = False
        with suppress(OSError, AttributeError):
            self.descriptor = None if sys.platform == "win32" else file.fileno()
        _PIPES.add(self)

    def until_ready(self, to_read: bool) -> bool:
        """Wait; return False if the pipe is given up.

        Args:
            to_read: Until it gives bytes, or is at its end; else until it takes some.
        """
        if self.descriptor is None:
            return not self.is_given_up
        ends = ([self.descriptor], []) if to_read else ([], [self.descriptor])
        while not self.is_given_up:
            if any(select.select(*ends, [], PATIENCE_SECONDS)):
                return True
        return False


_PIPES: weakref.WeakSet[_Patience] = weakref.WeakSet()


def give_up_pipes() -> None:
    """Let all threads go on that wait for a pipe: nothing comes through those that are open any more, nor goes.

    To be called before an interruption that is to end at once: what it closes on its way waits for these threads.
    """
    for pipe in list(_PIPES):
        pipe.is_given_up = True


class _Reader:
    """A pipe as PyAV reads it: what has come is given at once, and nothing is sought."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._patience = _Patience(file)
        self.count = 0
        self.first_line = b""
        self.is_interrupted = False  # by Ctrl-C; PyAV would print the error and go on

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, none only at the end, or where the pipe is given up."""
        try:
            if not self._patience.until_ready(to_read=True):
                return b""
        except KeyboardInterrupt:
            self.is_interrupted = True
            return b""
        descriptor = self._patience.descriptor
        data = self._file.read(size) if descriptor is None else os.read(descriptor, size)
        self.count += len(data)
        if not self.first_line.endswith(b"\n"):
            line, newline, _ = data.partition(b"\n")
            self.first_line += line + newline
        return data


class _Writer:
    """A pipe as PyAV writes into it: all of what is given, however little the pipe takes at once."""

    def __init__(self, file: BinaryIO, format: PictureFormat) -> None:
        aspect = format.aspect or Fraction(1)
        order = {"tff": "t", "bff": "b", None: "p"}[format.field_order]
        self._file = file
        self._patience = _Patience(file)
        self._stated = f" I{order} A{aspect.numerator}:{aspect.denominator} ".encode()
        self._is_first = True

    def write(self, data: bytes) -> int:
        """Write bytes; into the header of a Y4M stream, which comes first, the fields' order and the pixels' aspect.

        Raises:
            BrokenPipeError: Nobody reads the pipe any more, or it is given up.
        """
        rest = memoryview(data)
        if self._is_first:  # PyAV gives them to a stream's codec alone, and the order since 18.1
            header, newline, frames = bytes(data).partition(b"\n")
            if header.startswith(b"YUV4MPEG2 "):
                rest = memoryview(Y4M_PROPERTIES.sub(self._stated, header) + newline + frames)
            self._is_first = False
        # A pipe that takes any bytes takes so many without making anybody wait.
        most = len(rest) if self._patience.descriptor is None else select.PIPE_BUF
        while rest:
            if not self._patience.until_ready(to_read=False):
                raise BrokenPipeError("the pipe was given up")
            rest = rest[self._file.write(rest[:most]) :]
        return len(data)


class PipeSource:
    """The frames that come through a pipe, as a source: they come once, in their order.

    Attributes:
        video: The properties of the film; how long it is, is not known.
        format: FFmpeg's name of the stream's format.
        notes: Lines for the user: what else comes through the pipe.
        tags: None are known.
        cut_off: After the last frame, a line about a stream that ended within a frame; None: it is whole.
    """

    is_repeatable = False

    def __init__(self, file: BinaryIO) -> None:
        """Read the stream's beginning.

        Raises:
            VideoError: Nothing comes, or no film that can be read as it comes.
        """
        path = Path(PIPE)
        self._reader = _Reader(file)
        self.cut_off: str | None = None
        self.tags: dict[str, str] = {}
        try:
            self._container = av.open(self._reader, "r", metadata_errors="replace")  # type: ignore[arg-type]
        except (FFmpegError, ValueError) as error:
            if self._reader.is_interrupted:
                raise KeyboardInterrupt from None
            problem = "nothing came" if not self._reader.count else f"neither Y4M nor NUT came ({reason(error)})"
            raise VideoError(f"{path}: {problem}; such as ffmpeg -i film.mp4 -f yuv4mpegpipe - writes them") from error
        self.format = self._container.format.name
        stream = find_video_stream(path, self._container)
        self._is_broken = False
        self._frames = self._decode(stream)
        self._first = next(self._frames, None)
        if self._reader.is_interrupted:
            raise KeyboardInterrupt
        if self._first is None:
            raise VideoError(f"{path}: the stream ended before its first frame was whole")
        self.video = properties_of_stream(path, self._container, stream, self._first)
        others = len(self._container.streams) - 1
        self.notes = [f"{path}: sound and texts in the pipe were left out; only pictures go through"] if others else []

    def decode(self, span: Span, after: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames of a span as they come; the pipe is read no further than its end."""
        video, index, count = self.video, 0, 0
        start = round(span.start / video.time_base)
        end = None if span.end is None else round(span.end / video.time_base)
        begin: int | None = None
        last_pts = -1
        image, self._first = self._first, None
        while image is not None:
            pts = image.pts
            if begin is None:
                begin = pts or 0
            pts = last_pts + video.frame_duration if pts is None else max(pts - begin, last_pts + 1)
            if end is not None and pts >= end:
                return
            if pts >= start:
                warning = "damaged" if image.is_corrupt else None
                yield Frame(index, pts - start, image.duration or video.frame_duration, image, warning)
                index += 1
            last_pts = pts
            count += 1
            image = next(self._frames, None)
        self._note_end(count)

    def first_index(self, span: Span) -> int:
        """Return the place in the stream of the first frame of a span, at its stated rate."""
        video = self.video
        begins = round(span.start / video.time_base) * video.time_base  # as the frames are decoded
        return math.ceil(begins * video.rate)

    def first_number(self, span: Span) -> int:
        """Return 0: what comes through a pipe has no numbers."""
        return 0

    def sample(self, count: int, span: Span) -> Iterator[av.VideoFrame]:
        """Raise an error, for what comes through a pipe comes once.

        Raises:
            VideoError: Always.
        """
        raise VideoError(f"{self.video.path}: a pipe cannot be looked into; give the film's file")

    def look_through(self, span: Span) -> Iterator[tuple[float, av.VideoFrame]]:
        """Raise the error of ``sample``."""
        raise VideoError(f"{self.video.path}: a pipe cannot be looked into; give the film's file")

    def fingerprint(self) -> dict[str, Any]:
        """Return nothing: no other run can be told to have had the same frames."""
        return {}

    def _decode(self, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """Yield the frames that come whole."""
        self._bytes_of_frames = 0
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                self._is_broken = True
                with suppress(FFmpegError):
                    yield from stream.decode(None)
                return
            self._bytes_of_frames += packet.size + FRAME_MARK if packet.size else 0
            try:
                frames = packet.decode()
                self._is_broken = False
            except FFmpegError:
                self._is_broken = True  # until another one follows, the end of the stream
                continue
            yield from frames

    def _note_end(self, count: int) -> None:
        """Note where the stream ended within a frame, which FFmpeg's demuxer of Y4M passes over."""
        missing = self._reader.count - len(self._reader.first_line) - self._bytes_of_frames
        if self._is_broken or (self.format == Y4M and missing > 0):
            self.cut_off = f"{self.video.path}: cut off: the stream ended within a frame, after {count} whole ones"


class PipeSink:
    """A pipe that coloured frames are written to, uncompressed."""

    def __init__(self, file: BinaryIO, stream_format: str, plan: SegmentPlan, strength: float) -> None:
        """Prepare the stream; it begins with its first frame.

        Args:
            file: The pipe.
            stream_format: ``Y4M`` or ``NUT``.
            plan: What is coloured.
            strength: That of the colours, 0..1.
        """
        self.segments: list[Segment] = []
        self._plan = plan
        self._strength = strength
        self._segment = Segment()
        self._is_y4m = stream_format == Y4M
        options = {"flush_packets": "1", "strict": "-1"}  # at once; and Y4M of more than 8 bits
        writer: Any = _Writer(file, plan.format)
        self._container = av.open(writer, "w", format=stream_format, container_options=options)
        self._stream = self._add_stream(plan.format)
        self._count = 0

    def compose(self, task: FrameTask, ab: Floats) -> tuple[DeepPlane, ...]:
        """Return a frame's Y, Cb and Cr in colour."""
        return color_task(task, ab, self._plan, self._strength)

    def begin(self, task: FrameTask) -> None:
        """Begin a record of frames."""
        self._segment = Segment()

    def write(self, task: FrameTask) -> None:
        """Write a frame as soon as it is composed; wait where the reader of the pipe is slower.

        Raises:
            BrokenPipeError: Nobody reads the pipe any more.
        """
        assert task.composed is not None
        frame = frame_of_planes(task.composed.result(), self._plan.format)
        if self._is_y4m:
            frame.pts, frame.time_base = self._count, 1 / self._plan.format.rate
        else:
            frame.pts, frame.time_base = task.frame.pts, self._plan.format.time_base
            frame.duration = task.frame.duration
        self._container.mux(self._stream.encode(frame))
        self._count += 1
        record_frame(self._segment, task, self._plan)

    def finish(self, task: FrameTask, state: dict[str, np.ndarray]) -> None:
        """Keep the record of the frames; with the last of them the stream ends."""
        self.segments.append(self._segment.compacted())
        if task.ends_span:
            self._container.mux(self._stream.encode(None))
            self._container.close()

    def abandon(self) -> None:
        """Close the stream where it is not closed."""
        with suppress(FFmpegError, OSError):
            self._container.close()

    def _add_stream(self, format: PictureFormat) -> VideoStream:
        stream = self._container.add_stream("rawvideo", format.rate)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.height, context.width = format.size
        context.pix_fmt = format.pixel_format
        context.time_base = 1 / format.rate if self._is_y4m else format.time_base
        format.state_colors(context)
        context.sample_aspect_ratio = format.aspect or Fraction(1)
        if format.field_order:
            write_codec_field_order(context, FIELD_ORDERS[format.field_order])
        return stream


@contextmanager
def open_stdout() -> Iterator[BinaryIO]:
    """Open the standard output for frames; whatever else is printed meanwhile goes to the error stream."""
    sys.stdout.flush()
    frames = os.dup(1)
    os.dup2(2, 1)
    try:
        with open(os.dup(frames), "wb", buffering=0) as file:
            yield file
    finally:
        sys.stdout.flush()
        os.dup2(frames, 1)
        os.close(frames)
