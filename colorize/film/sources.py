"""Where a film's frames come from: a film's file, numbered frames, or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av

from colorize.base import VideoError, sha256
from colorize.film.decoding import Frame, decode_frames
from colorize.film.dvd import title_parts
from colorize.film.names import is_pipe, names_frames
from colorize.film.options import VideoOptions
from colorize.film.sampling import decode_key_frames, sample_frames
from colorize.film.video import Span, Video, open_video, probe


class Source(Protocol):
    """Where a film's frames come from.

    Attributes:
        video: The properties of the film.
        notes: Lines for the user: what of it is left out or changed.
        cut_off: After the last frame, a line about an end that came too early; None: none did, as far as is known.
        tags: Those of the film that its pictures' stream is to have.
        is_repeatable: Whether its frames can be had again, so that a stopped film can go on.
    """

    video: Video
    notes: list[str]
    cut_off: str | None
    tags: dict[str, str]
    is_repeatable: bool

    def decode(self, span: Span, after: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames of a span in display order, as ``decode_frames``."""
        ...

    def first_index(self, span: Span) -> int | None:
        """Return the place in the whole film, from 0 on, of the first frame of a span; None: its times alone say it."""
        ...

    def first_number(self, span: Span) -> int:
        """Return the number by which the first frame of a span is told of: that in its file's name, else 0."""
        ...

    def sample(self, count: int, span: Span) -> Iterator[av.VideoFrame]:
        """Yield frames spread evenly over a span, as ``sample_frames``."""
        ...

    def look_through(self, span: Span) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yield frames of nearly all scenes of a span, and when each is shown, as ``decode_key_frames``."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells it from all others, as JSON values."""
        ...


class FileSource:
    """A film's file as a source."""

    is_repeatable = True

    def __init__(self, video: Video) -> None:
        self.video = video
        self.notes: list[str] = []
        self.cut_off: str | None = None
        self.tags: dict[str, str] = {}

    @property
    def holds_more(self) -> bool:
        """Whether it holds sound, texts or attachments beside its pictures."""
        with open_video(self.video.path) as container:
            return any(stream.type in ("audio", "subtitle", "attachment") for stream in container.streams)

    def decode(self, span: Span, after: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames of a span in display order, as ``decode_frames``."""
        return decode_frames(self.video, span, after=after)

    def first_index(self, span: Span) -> None:
        """Return None, for a film's frames may have any times; ``FrameClock`` knows them."""

    def first_number(self, span: Span) -> int:
        """Return 0: a film's frames have no numbers."""
        return 0

    def sample(self, count: int, span: Span) -> Iterator[av.VideoFrame]:
        """Yield frames spread evenly over a span, as ``sample_frames``."""
        return sample_frames(self.video, count, span)

    def look_through(self, span: Span) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yield frames of nearly all scenes of a span, and when each is shown, as ``decode_key_frames``."""
        return decode_key_frames(self.video, span)

    def fingerprint(self) -> dict[str, Any]:
        """Return the number of bytes and the SHA-256 of the file, and of those that go on with it."""
        parts = title_parts(self.video.path)
        return {
            "bytes": sum(part.stat().st_size for part in parts),
            "sha256": " ".join(sha256(part) for part in parts),
        }


def open_source(path: Path, options: VideoOptions | None = None) -> Source:
    """Return the source that a path stands for.

    Args:
        path: A film's file, ``-`` for the standard input, or the pattern of numbered frames.
        options: How numbered frames are read; None: the defaults.

    Raises:
        FileNotFoundError: There is no such file.
        PermissionError: The file may not be read.
        VideoError: It is no film, there is no decoder for it, or it has no frame.
    """
    if is_pipe(path):
        from colorize.film.pipes import PipeSource  # brings the pipeline

        return PipeSource(sys.stdin.buffer)
    if names_frames(path):
        from colorize.film.sequence import SequenceSettings, SequenceSource  # brings the photo wing

        options = options or VideoOptions()
        rate = None if options.fps is None else Fraction(options.fps).limit_denominator(1001)
        return SequenceSource(path, SequenceSettings(rate, options.curve, options.hold_missing))
    return FileSource(probe(path))


def open_with_rate(path: Path, options: VideoOptions) -> Source:
    """Return the source that a path stands for, of which it is known how many frames there are in a second.

    Raises:
        VideoError: Nobody says it; or see ``open_source``.
    """
    source = open_source(path, options)
    if not getattr(source, "has_rate", True):
        raise VideoError(f"{path}: the frames do not state how many there are in a second; say it, such as --fps 18")
    return source
