"""Colour hints of films: each marks a thing at a time, and follows it through its scene."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colorize.base import VideoError, format_time, parse_time
from colorize.engine import Hint

if TYPE_CHECKING:
    from colorize.film.keyframes import FrameClock

FORM = "12.5s:x,y,#rrggbb (at a time) or 300f:x,y,#rrggbb (in a frame)"
_TIMED = re.compile(r"\s*(?P<when>[\d:.]+)\s*(?P<unit>[sf])\s*:(?P<place>.*)", re.DOTALL)


@dataclass(frozen=True)
class TimedHint:
    """A hint in one frame of a film.

    Attributes:
        hint: In pixels of the upright frame.
        seconds: From the film's beginning to the frame; None: ``frame`` says it.
        frame: Number of the frame, from 0 at the film's beginning; None: ``seconds`` says it.

    Raises:
        ValueError: It says neither, or both, or something negative.
    """

    hint: Hint
    seconds: float | None = None
    frame: int | None = None

    def __post_init__(self) -> None:
        said = [value for value in (self.seconds, self.frame) if value is not None]
        if len(said) != 1 or not said[0] >= 0:
            raise ValueError(f"hint {self.hint} of a film: seconds {self.seconds} or frame {self.frame}; give one")

    @classmethod
    def parse(cls, text: str) -> TimedHint:
        """Return the hint of ``12.5s:x,y,#rrggbb[,radius]`` or ``300f:x,y,#rrggbb[,radius]``.

        Raises:
            ValueError: The text has another form, or a value is out of range.
        """
        match = _TIMED.fullmatch(text)
        if match is None:
            raise ValueError(f"hint {text!r:.80} of a film does not say when: {FORM}")
        hint = Hint.parse(match["place"])
        if match["unit"] == "s":
            return cls(hint, seconds=parse_time(match["when"]))
        if not match["when"].isdigit():
            raise ValueError(f"hint {text!r:.80}: frame {match['when']:.40} is not a whole number")
        return cls(hint, frame=int(match["when"]))

    def __str__(self) -> str:
        """Return the text that ``parse`` reads."""
        when = f"{self.frame}f" if self.seconds is None else f"{self.seconds:.10g}s"
        return f"{when}:{self.hint}"

    def number(self, clock: FrameClock) -> int:
        """Return the number of its frame."""
        if self.frame is not None:
            return self.frame
        assert self.seconds is not None
        return clock.number_at(self.seconds)


def is_timed(text: str) -> bool:
    """Return whether the text of a hint begins with a time or a frame's number."""
    return _TIMED.fullmatch(text) is not None


def check_hint(hint: TimedHint, clock: FrameClock, size: tuple[int, int], name: str) -> None:
    """Check that a hint lies within a film.

    Args:
        hint: The hint.
        clock: Of the film.
        size: (height, width) of the film's upright frames.
        name: Of the film, for the message.

    Raises:
        VideoError: It lies outside the film, or outside its picture.
    """
    height, width = size
    if clock.count and hint.number(clock) >= clock.count:
        lasts = format_time(clock.time(clock.count - 1))
        raise VideoError(
            f"{name}: hint {hint} lies beyond the film, whose {clock.count} frames, 0 to {clock.count - 1}, end at "
            f"{lasts}; leave it out"
        )
    if not all(0 <= x < width and 0 <= y < height for x, y in hint.hint.points):
        raise VideoError(
            f"{name}: hint {hint} lies outside the picture, which is {width} x {height} pixels; "
            f"x goes from 0 to {width - 1}, y from 0 to {height - 1}"
        )


def hints_by_frame(hints: Sequence[TimedHint], clock: FrameClock) -> dict[int, tuple[Hint, ...]]:
    """Return the number of each frame that has hints, rising -> its hints."""
    found: dict[int, tuple[Hint, ...]] = {}
    for timed in sorted(hints, key=lambda each: each.number(clock)):
        found[timed.number(clock)] = (*found.get(timed.number(clock), ()), timed.hint)
    return found
