"""Numbered frames, each a file of its own, as a source: their numbers, their rate, and what is wrong with them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from colorize.base import VideoError
from colorize.film.decoding import Frame
from colorize.film.names import frame_numbers, frame_path
from colorize.film.notes import format_ranges
from colorize.film.options import CURVES
from colorize.film.samples import Samples
from colorize.film.sampling import MAX_KEY_FRAMES
from colorize.film.stills import Still, read_still
from colorize.film.video import Orientation, Span, Video

MAX_EARLY = Fraction(1, 50)  # of a frame
DEFAULT_RATE = Fraction(24)  # frames per second, of frames that neither state it nor need it
MAX_ROUNDED = Fraction(1, 200)  # frames a second: so far off is 23.98


@dataclass(frozen=True)
class SequenceSettings:
    """How numbered frames are read.

    Attributes:
        rate: Frames per second; None: as the first frame states.
        curve: A name of ``CURVES``; None: as each frame states.
        hold_missing: Let the frame before stand in for one that is missing or damaged, instead of an error.
    """

    rate: Fraction | None = None
    curve: str | None = None
    hold_missing: bool = False


class SequenceSource:
    """Numbered frames as a source.

    Attributes:
        video: The properties of the film.
        notes: Lines for the user: how its values are read, which frames are missing.
        cut_off: None: nothing tells how many frames there should be.
        tags: Its timecode, if it states one.
        first: The first frame.
        numbers: The numbers of all frames, missing ones included.
        has_rate: Whether anybody stated the frames' rate.
    """

    is_repeatable = True

    def __init__(self, pattern: Path, settings: SequenceSettings) -> None:
        """Find the frames, and read the first.

        Raises:
            FileNotFoundError: There is none.
            VideoError: Some are missing, or the first one cannot be read.
        """
        present = frame_numbers(pattern)
        if not present:
            raise FileNotFoundError(f"{pattern}: no such frames")
        self.numbers = range(present[0], present[-1] + 1)
        self._pattern = pattern
        self._settings = settings
        self._present = frozenset(present)
        self.notes: list[str] = []
        self.cut_off: str | None = None
        missing = [number for number in self.numbers if number not in self._present]
        if missing and not settings.hold_missing:
            raise VideoError(
                f"{pattern}: {_named(missing)} missing between {present[0]} and {present[-1]}; "
                "get them, or let the frame before stand in with --hold-missing"
            )
        if missing:
            self.notes.append(f"{pattern}: {_named(missing)} missing; the frame before stands in")
        self.first = read_still(frame_path(pattern, present[0]), settings.curve)
        rate = settings.rate or self.first.rate
        self.has_rate = rate is not None
        if settings.rate is None and self.first.rate is not None:
            self.notes.append(f"{pattern}: {float(self.first.rate):.5g} frames a second, as its first frame states")
        if self.first.curve is not None:
            kind = "log" if self.first.curve.is_log else "linear"
            self.notes.append(f"{pattern}: its values are read as {kind}: {CURVES[kind]}; --curve says otherwise")
        self.notes += [note.replace(str(self.first.path), str(pattern)) for note in self.first.notes]
        self.tags = {"timecode": self.first.timecode} if self.first.timecode else {}
        self.video = self._properties(nominal_rate(rate or DEFAULT_RATE))

    def first_number(self, span: Span) -> int:
        """Return the number of the first frame of a span."""
        return self.numbers[0] + self.first_index(span)

    def decode(self, span: Span, after: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames of a span.

        Raises:
            VideoError: One cannot be read, or is of another size or depth than the first.
        """
        first = self.first_index(span)
        end = len(self.numbers) if span.end is None else min(len(self.numbers), self._index_at(span.end))
        begin = first if after is None else first + after[0] + 1
        still: Still | None = None
        for index in range(begin, end):
            warning = None
            try:
                if self.numbers[index] in self._present:
                    still = self._read(index)
                elif still is None:
                    still = self._before(index)
            except VideoError:
                if not self._settings.hold_missing or index == 0:
                    raise
                still, warning = still or self._before(index), "lost"
            assert still is not None
            yield Frame(index - first, index - first, 1, still.image(), warning, still)

    def sample(self, count: int, span: Span) -> Iterator[av.VideoFrame]:
        """Yield frames spread evenly over a span."""
        first = self.first_index(span)
        end = len(self.numbers) if span.end is None else min(len(self.numbers), self._index_at(span.end))
        for number in range(min(count, max(0, end - first))):
            index = first + int((end - first) * (number + 0.5) / min(count, end - first))
            if (still := self._read_if_there(index)) is not None:
                yield still.image()

    def look_through(self, span: Span) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yield two frames of each second of a span, fewer of a long one, and when each is shown, in seconds."""
        first = self.first_index(span)
        end = len(self.numbers) if span.end is None else min(len(self.numbers), self._index_at(span.end))
        step = max(math.ceil(self.video.rate / 2), math.ceil((end - first) / MAX_KEY_FRAMES))
        for index in range(first, end, step):
            if (still := self._read_if_there(index)) is not None:
                yield float(index / self.video.rate), still.image()

    def fingerprint(self) -> dict[str, Any]:
        """Return the number of frames and a hash of their names, sizes and dates of change, for they may be many."""
        digest = hashlib.sha256()
        for number in sorted(self._present):
            status = frame_path(self._pattern, number).stat()
            digest.update(f"{number} {status.st_size} {status.st_mtime_ns}\n".encode())
        return {"frames": len(self._present), "sha256": digest.hexdigest()}

    def first_index(self, span: Span) -> int:
        """Return the place among all frames, missing ones included, of the first one of a span."""
        return self._index_at(span.start)

    def _index_at(self, seconds: Fraction) -> int:
        """Return the index of the first frame at or after a time, which people give rounded."""
        return math.ceil(seconds * self.video.rate - MAX_EARLY)

    def _read(self, index: int) -> Still:
        """Return a frame of the first one's size and depth.

        Raises:
            VideoError: It is not, or cannot be read.
        """
        path = frame_path(self._pattern, self.numbers[index])
        still = read_still(path, self._settings.curve)
        for what, value, expected in (
            ("pixels", still.size[::-1], self.first.size[::-1]),
            ("bits", (still.bits,), (self.first.bits,)),
        ):
            if value != expected:
                shown, others = (" x ".join(map(str, each)) for each in (value, expected))
                raise VideoError(f"{path}: {shown} {what}, where {self.first.path.name} has {others}; make them alike")
        return still

    def _read_if_there(self, index: int) -> Still | None:
        """Return a frame as ``_read`` does; None: it is missing, or damaged, and another one stands in."""
        if self.numbers[index] not in self._present:
            return None
        try:
            return self._read(index)
        except VideoError:
            if not self._settings.hold_missing:
                raise
            return None

    def _before(self, index: int) -> Still:
        """Return the nearest frame before one that can be read."""
        for earlier in range(index - 1, 0, -1):
            if self.numbers[earlier] in self._present:
                try:
                    return self._read(earlier)
                except VideoError:
                    continue
        return self.first

    def _properties(self, rate: Fraction) -> Video:
        return Video(
            path=self._pattern,
            stream=0,
            size=self.first.size,
            orientation=Orientation(),
            rate=rate,
            is_cfr=True,
            time_base=1 / rate,
            start_time=Fraction(0),
            duration=float(len(self.numbers) / rate),
            frames=len(self.numbers),
            aspect=self.first.aspect,
            field_order=None,
            codec="",
            has_alpha=self.first.alpha is not None,
            samples=Samples(
                min(16, self.first.bits),
                None if self.first.picture.ndim == 2 else "444",
                True,
                self.first.alpha is not None,
            ),
        )


def nominal_rate(rate: Fraction) -> Fraction:
    """Return the NTSC rate, such as 24000/1001, that somebody wrote as 23.976 or 23.98."""
    exact = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return exact if rate.denominator > 1 and abs(rate - exact) < MAX_ROUNDED else rate


def _named(numbers: list[int]) -> str:
    """Return the numbers of frames as the beginning of a sentence, with its verb."""
    return f"frame {numbers[0]} is" if len(numbers) == 1 else f"frames {format_ranges(numbers)} are"
