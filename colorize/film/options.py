"""What a film's colouring is told, and what it tells: options, progress, result."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from colorize.film.video import Span
from colorize.motion import TemporalOptions


@dataclass(frozen=True)
class VideoOptions:
    """How films are coloured.

    Attributes:
        codec: ``h264``, ``hevc``, ``av1``, ``vp9`` or ``ffv1``; None: the usual one of the container.
        crf: Quality of the pictures, lower is better; None: the codec's usual one.
        preset: Speed of the encoder against size, in its own words; None: the usual one.
        start: Seconds from the film's beginning.
        end: The same; None: to the end.
        temporal: How the colours are kept steady.
        batch_size: Frames that pass through the network together.
        threads: Of the encoder; None: as it likes.
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
    """How far a film is.

    Attributes:
        done: Frames that are coloured, with those of earlier runs.
        total: How many there will be, an estimate where the file does not say.
        stage: ``colouring``, or ``joining`` the parts.
    """

    done: int
    total: int
    stage: Literal["colouring", "joining"] = "colouring"


@dataclass(frozen=True)
class VideoResult:
    """What became of a film.

    Attributes:
        path: The film in colour.
        frames: How many it has.
        resumed: How many of them an earlier run had coloured.
        notes: Lines for the user: what was changed, left out, damaged.
        cut_off: A line about a source that ends too early; None: it is whole.
    """

    path: Path
    frames: int
    resumed: int = 0
    notes: tuple[str, ...] = ()
    cut_off: str | None = None


class VideoStopped(Exception):
    """The work was stopped by the cancel flag; the message says how to go on. What is finished stays."""
