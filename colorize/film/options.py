"""The options of a film's colouring, its progress and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from colorize.film.video import Span
from colorize.motion import TemporalOptions


@dataclass(frozen=True)
class VideoOptions:
    """The options of a film's colouring.

    Attributes:
        codec: ``h264``, ``hevc``, ``av1``, ``vp9`` or ``ffv1``; None: the container's default.
        crf: Quality of the encoded frames (constant rate factor), lower is better; None: the codec's default.
        preset: Speed of the encoder against file size, in the encoder's own words; None: the codec's default.
        start: Seconds from the film's beginning at which the coloured part begins.
        end: Seconds from the film's beginning at which the coloured part ends; None: at the film's end.
        temporal: How the colours are kept steady.
        batch_size: Frames that pass through the network together.
        threads: Threads of the encoder; None: as many as it chooses.
        overwrite: Replace an existing result.
        ai_label: Say in the metadata that a network made the colours.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    start: float = 0
    end: float | None = None
    temporal: TemporalOptions = field(default_factory=TemporalOptions)
    batch_size: int = 8
    threads: int | None = None
    overwrite: bool = False
    ai_label: bool = True

    @property
    def span(self) -> Span:
        """The part of the film that is coloured."""
        exact = Fraction(self.start).limit_denominator(1_000_000)
        return Span(exact, None if self.end is None else Fraction(self.end).limit_denominator(1_000_000))


@dataclass(frozen=True)
class Progress:
    """The progress of a film's colouring.

    Attributes:
        done: Frames that are coloured, those of earlier runs included.
        total: Frames that there will be; an estimate where the file does not state it.
        stage: ``colouring``, or ``joining`` the segments to the finished film.
    """

    done: int
    total: int
    stage: Literal["colouring", "joining"] = "colouring"


@dataclass(frozen=True)
class VideoResult:
    """The result of a film's colouring.

    Attributes:
        path: The film in colour.
        frames: How many frames it has.
        resumed: How many of them an earlier run had coloured.
        notes: Lines for the user: what was changed, left out or damaged.
        cut_off: A line for the user about a source that ends too early; None: the source is whole.
    """

    path: Path
    frames: int
    resumed: int = 0
    notes: tuple[str, ...] = ()
    cut_off: str | None = None


class VideoStopped(Exception):
    """The cancel flag stopped the work; the message says how to go on. Finished segments stay."""
