"""Where a film's frames come from: a film's file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import av

from colorize.base import sha256
from colorize.film.decoding import Frame, decode_frames
from colorize.film.dvd import title_parts
from colorize.film.sampling import sample_frames
from colorize.film.video import Span, Video, probe


class Source(Protocol):
    """Where a film's frames come from.

    Attributes:
        video: The properties of the film.
    """

    video: Video

    def decode(self, span: Span, after: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames of a span in display order, as ``decode_frames``."""
        ...

    def sample(self, count: int, span: Span) -> Iterator[av.VideoFrame]:
        """Yield frames spread evenly over a span, as ``sample_frames``."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells it from all others, as JSON values."""
        ...


class FileSource:
    """A film's file as a source."""

    def __init__(self, video: Video) -> None:
        self.video = video

    def decode(self, span: Span, after: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames of a span in display order, as ``decode_frames``."""
        return decode_frames(self.video, span, after=after)

    def sample(self, count: int, span: Span) -> Iterator[av.VideoFrame]:
        """Yield frames spread evenly over a span, as ``sample_frames``."""
        return sample_frames(self.video, count, span)

    def fingerprint(self) -> dict[str, Any]:
        """Return the number of bytes and the SHA-256 of the file, and of those that go on with it."""
        parts = title_parts(self.video.path)
        return {
            "bytes": sum(part.stat().st_size for part in parts),
            "sha256": " ".join(sha256(part) for part in parts),
        }


def open_source(path: Path) -> Source:
    """Return the source that a path stands for.

    Raises:
        FileNotFoundError: There is no such file.
        PermissionError: The file may not be read.
        VideoError: It is no film, there is no decoder for it, or it has no frame.
    """
    return FileSource(probe(path))
