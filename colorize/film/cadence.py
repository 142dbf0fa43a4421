"""A film's cadence: time stamps put back where a constant rate has them, be they rounded or moved by pulldown.

Matroska counts milliseconds and QuickTime often 600ths of a second, so that a film of 23.976 frames a second looks as
if its rate varied. A DVD stores such a film with the request to show every other frame for three fields instead of two
(2:3 pulldown, soft telecine).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import compress, pairwise
from math import gcd, lcm

FIELD_RATES = (Fraction(60000, 1001), Fraction(60))  # fields a second, of films with pulldown
FIELDS_PER_FRAME = Fraction(5, 2)  # with pulldown, the mean
MIN_RUN = 12  # frames: fewer lie on a grid by chance
MAX_FIRST_MOVE = Fraction(2, 3)  # of a frame: so far off may the film's first stamp be, which demuxers guess
MOSTLY = Fraction(99, 100)  # of the frames that show a film's rate: a splice disturbs one
MIN_UNITS = 4  # of a time base in a frame or field: coarser ones do not tell rates apart
MAX_UNITS = 10_000_000  # of a time base in a second
MOST = 2**63 - 1  # units that a time stamp may have


@dataclass(frozen=True)
class Stamps:
    """The time stamps of a film's frames.

    Attributes:
        pts: The time stamps, rising, in units of ``time_base``.
        last_duration: Duration of the last frame, in the same units.
        time_base: Seconds of one unit.
    """

    pts: Sequence[int]
    last_duration: int
    time_base: Fraction

    @property
    def rate(self) -> Fraction | None:
        """Frames per second where it is constant throughout; None: it varies."""
        steps = {later - earlier for earlier, later in pairwise(self.pts)} or {self.last_duration}
        return 1 / (steps.pop() * self.time_base) if len(steps) == 1 else None


@dataclass
class _Run:
    """Neighbouring frames that lie on a grid within a tolerance.

    Attributes:
        begin: Index of the first one.
        origin: Its time.
        low: Least distance from there to the grid's slot 0.
        high: Greatest distance.
        slots: The frames' slots on the grid, in eight bytes each: a film has hundreds of thousands.
    """

    begin: int
    origin: int
    low: int
    high: int
    slots: array[int] = field(default_factory=lambda: array("q", (0,)))

    @property
    def phase(self) -> int:
        """Time of slot 0: that of the first frame, or as near to it as the other frames allow."""
        return self.origin + min(max(0, self.low), self.high)


class _Moved:
    """Times of a film's frames, some of which are put onto a grid.

    Attributes:
        times: Of all frames.
    """

    def __init__(self, stamps: MutableSequence[int]) -> None:
        """Begin with the frames where they are.

        Args:
            stamps: Their times.
        """
        self.times = stamps[:]
        self._is_moved = bytearray(len(stamps))  # 1: it is

    def move(self, index: int, time: int) -> None:
        """Give a frame another time, or say that its own is on the grid."""
        self.times[index] = time
        self._is_moved[index] = 1

    def indexes(self) -> Iterator[int]:
        """Return which frames are put onto the grid."""
        return compress(range(len(self.times)), self._is_moved)

    def __len__(self) -> int:
        return sum(self._is_moved)


def find_rate(pts: Sequence[int], time_base: Fraction, rates: Iterable[Fraction]) -> Fraction | None:
    """Return the constant rate of some neighbouring frames of a film, pulldown undone; None: it varies.

    Args:
        pts: Their time stamps, rising.
        time_base: Seconds of one unit of them.
        rates: Frames per second that the film may have, the likeliest first; those with pulldown are tried too.
    """
    pulled = [rate / FIELDS_PER_FRAME for rate in FIELD_RATES] if len(pts) >= MIN_RUN else []
    steady = {rate: _count_steady(pts, time_base, rate) for rate in dict.fromkeys((*rates, *pulled))}
    best = max(steady, key=lambda rate: steady[rate])
    return best if steady[best] >= MOSTLY * (len(pts) - 1) else None


def _count_steady(pts: Sequence[int], time_base: Fraction, rate: Fraction) -> int:
    """Count the frames that follow the one before at a rate, evened out."""
    even = even_out(pts, 1, time_base, rate)
    return sum((later - earlier) * even.time_base * rate == 1 for earlier, later in pairwise(even.pts))


def even_out(pts: Sequence[int], last_duration: int, time_base: Fraction, rate: Fraction) -> Stamps:
    """Return a film's time stamps, those that lie on the grid of a rate but for rounding or pulldown put onto it.

    A stamp moves by half a unit of the time base at most where it is rounded, and by half a field and a unit where
    there is pulldown; the very first one by two thirds of a frame. Where frames leave their grid, at a splice or a gap,
    a new one begins; stamps that lie on none stay.

    Args:
        pts: Rising time stamps.
        last_duration: Duration of the last frame, in the same units.
        time_base: Seconds of one unit.
        rate: Frames per second.
    """
    steps = Counter(later - earlier for earlier, later in pairwise(pts))
    fields = [each for each in (1 / (rate * time_base) for rate in FIELD_RATES) if each >= MIN_UNITS]
    fields = [each for each in fields if all(_count_lasting(steps, each * count) >= MIN_RUN // 3 for count in (2, 3))]
    frame = 1 / (rate * time_base)
    is_rounded = frame.denominator > 1 and frame >= MIN_UNITS
    if not is_rounded and not fields:
        return Stamps(pts, last_duration, time_base)
    parts = 4 * lcm(frame.denominator, *(each.denominator for each in fields))  # of a unit; all below are whole numbers
    stamps = _multiplied(pts, parts)
    even = (_undo_rounding(stamps, int(frame * parts), parts // 2) if is_rounded else _Moved(stamps)).times
    if fields:
        pulled = max((_undo_pulldown(stamps, int(each * parts), parts) for each in fields), key=len)
        for index in pulled.indexes():
            even[index] = pulled.times[index]
    if even == stamps:
        return Stamps(pts, last_duration, time_base)
    early = min(0, even[0])  # nothing is shown before the film begins
    if early:
        for index in range(len(even)):
            even[index] -= early
    distances = {later - earlier for earlier, later in pairwise(even)}
    last = distances.pop() if len(distances) == 1 else last_duration * parts
    unit = reduce(gcd, even, last)
    if (time_base * unit / parts).denominator > MAX_UNITS or max(map(abs, even)) // unit > MOST:
        return Stamps(pts, last_duration, time_base)
    return Stamps(array("q", (stamp // unit for stamp in even)), last // unit, time_base * unit / parts)


def _multiplied(pts: Sequence[int], parts: int) -> MutableSequence[int]:
    """Return time stamps times a number, in eight bytes each where that is enough."""
    stamps = (stamp * parts for stamp in pts)
    is_small = max(map(abs, pts), default=0) * parts < MOST // 2  # with room to move
    return array("q", stamps) if is_small else list(stamps)


def _undo_rounding(stamps: MutableSequence[int], frame: int, tolerance: int) -> _Moved:
    """Put the frames that lie on a grid of equal frames within a tolerance onto it."""
    moved = _Moved(stamps)
    least = min(MIN_RUN, len(stamps))
    for run in _runs(stamps, frame, tolerance):
        if len(run.slots) >= least:
            for index, slot in enumerate(run.slots, run.begin):
                moved.move(index, run.phase + slot * frame)
    return moved


def _undo_pulldown(stamps: MutableSequence[int], field: int, tolerance: int) -> _Moved:
    """Put the frames that last two and three fields in turn where equal frames would be.

    Args:
        stamps: Rising times.
        field: Duration of a field in the same unit, an even number.
        tolerance: How far a stamp may lie from its field.
    """
    moved = _Moved(stamps)
    frame = int(field * FIELDS_PER_FRAME)
    for shown in _runs(stamps, field, tolerance):
        half_fields = array("q", (2 * slot for slot in shown.slots))
        for run in _runs(half_fields, int(2 * FIELDS_PER_FRAME), 1):
            if len(run.slots) >= MIN_RUN:
                begin, phase = shown.begin + run.begin, shown.phase + run.phase * field // 2
                for index, slot in enumerate(run.slots, begin):
                    moved.move(index, phase + slot * frame)
                _move_frames_before(moved, stamps, begin, phase, frame, field // 2 + tolerance)
    return moved


def _move_frames_before(
    moved: _Moved, stamps: Sequence[int], begin: int, phase: int, frame: int, tolerance: int
) -> None:
    """Put the frames directly before the one at ``begin`` that lie on its grid too onto it.

    The film's first stamp may lie farther off.
    """
    for index in range(begin - 1, -1, -1):
        phase -= frame
        if abs(stamps[index] - phase) > (tolerance if index else frame * MAX_FIRST_MOVE):
            break
        moved.move(index, phase)


def _count_lasting(steps: Counter[int], duration: Fraction) -> int:
    """Count the steps of a duration, but for a unit."""
    return sum(count for step, count in steps.items() if abs(step - duration) <= 1)


def _runs(stamps: Sequence[int], step: int, tolerance: int) -> Iterator[_Run]:
    """Divide frames into runs, each as long as can be, that lie on grids of equal steps within a tolerance."""
    run: _Run | None = None
    for index, stamp in enumerate(stamps):
        if run is not None:
            slot = (stamp - run.origin + step // 2) // step
            distance = stamp - run.origin - slot * step
            low, high = max(run.low, distance - tolerance), min(run.high, distance + tolerance)
            if low <= high and slot > run.slots[-1]:
                run.low, run.high = low, high
                run.slots.append(slot)
                continue
            yield run
        run = _Run(index, stamp, -tolerance, tolerance)
    if run is not None:
        yield run
