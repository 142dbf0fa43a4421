"""SMPTE timecodes (ST 12-1), in which a film's frames are numbered as hours, minutes, seconds and frames of a day."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

TEXT = re.compile(r"(\d{1,2}):([0-5]?\d):([0-5]?\d)([:;.])(\d{1,3})")
USUAL_RATES = (
    *map(Fraction, (24, 25, 30, 48, 50, 60)),
    *(Fraction(number * 1000, 1001) for number in (24, 30, 48, 60)),
)
MAX_FRAMES = 255  # a second: QuickTime counts them in a byte
MAX_UNUSUAL = Fraction(1, 10)  # of a usual rate, by which the mean of a film whose rate varies may differ from it


@dataclass(frozen=True)
class Timecode:
    """The timecode of a frame.

    Attributes:
        number: Frames since the day's first timecode.
        rate: Frames per second.
        drop_frame: Whether two of 30 numbers are skipped at the beginning of each minute but every tenth, so that the
            timecodes of 29.97 frames a second keep pace with the clock.
    """

    number: int
    rate: Fraction
    drop_frame: bool = False

    @classmethod
    def parse(cls, text: str, rate: Fraction) -> Timecode | None:
        """Read a timecode; None: it is none, or no film of about that rate has it.

        Args:
            text: Such as ``10:00:00:00``, or ``10:00:00;00`` with dropped numbers.
            rate: Frames per second of the film; where the mean of one whose rate varies does not suit the timecode,
                the usual rate that is nearest to it is taken.
        """
        match = TEXT.fullmatch(text.strip())
        if match is None:
            return None
        drop_frame = match[4] != ":"
        hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
        near = (usual for usual in USUAL_RATES if abs(usual - rate) <= MAX_UNUSUAL * usual)
        for each in (rate, *sorted(near, key=lambda usual: abs(usual - rate))):
            timecode = cls(0, each, drop_frame)
            if (
                frames < timecode._per_second <= MAX_FRAMES
                and hours < 24
                and (not drop_frame or timecode._per_second % 30 == 0)
            ):
                minutes += 60 * hours
                number = (60 * minutes + seconds) * timecode._per_second + frames
                return replace(timecode, number=number - timecode._dropped * (minutes - minutes // 10))
        return None

    def later(self, frames: int) -> Timecode:
        """Return the timecode so many frames later; after a day it begins again."""
        per_day = 24 * 6 * self._per_ten_minutes
        return replace(self, number=(self.number + frames) % per_day)

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """Its hours, minutes, seconds and frames."""
        number = self.number
        tens, rest = divmod(number, self._per_ten_minutes)
        per_minute = 60 * self._per_second - self._dropped
        skipping_minutes = max(0, rest - self._dropped) // per_minute
        number += self._dropped * (9 * tens + skipping_minutes)
        seconds, frames = divmod(number, self._per_second)
        return seconds // 3600, seconds // 60 % 60, seconds % 60, frames

    def __str__(self) -> str:
        hours, minutes, seconds, frames = self.parts
        return f"{hours:02}:{minutes:02}:{seconds:02}{';' if self.drop_frame else ':'}{frames:02}"

    @property
    def _per_second(self) -> int:
        return max(1, round(self.rate))

    @property
    def _dropped(self) -> int:
        """Numbers that are skipped at the beginning of a minute."""
        return self._per_second // 15 if self.drop_frame else 0

    @property
    def _per_ten_minutes(self) -> int:
        return 600 * self._per_second - 9 * self._dropped
