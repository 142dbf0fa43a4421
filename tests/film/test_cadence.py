"""Time stamps put back onto the grid of a constant rate, be they rounded or moved by pulldown."""

from __future__ import annotations

import tracemalloc
from array import array
from fractions import Fraction
from itertools import accumulate, cycle, islice, pairwise

import numpy as np
import pytest
from support.quick import only_quick

from colorize.film.cadence import even_out, find_rate

FILM, NTSC, NTSC_FIELDS = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)
RATES = (FILM, Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(50), NTSC_FIELDS)
MILLISECOND, MPEG, QUICKTIME = Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 600)


def rounded(count: int, rate: Fraction, time_base: Fraction) -> list[int]:
    return [round(index / rate / time_base) for index in range(count)]


def pulled(lengths: list[int], time_base: Fraction) -> list[int]:
    """Return the time stamps of frames that are shown for so many fields each."""
    return [round(fields / NTSC_FIELDS / time_base) for fields in accumulate(lengths, initial=0)]


@pytest.mark.parametrize("time_base", only_quick([MILLISECOND, QUICKTIME], [MPEG, Fraction(1, 15360)]))
@pytest.mark.parametrize("rate", RATES)
def test_rounded_stamps_go_back_onto_the_grid(rate: Fraction, time_base: Fraction) -> None:
    pts = rounded(2000, rate, time_base)
    assert find_rate(pts[:250], time_base, RATES) == rate
    even = even_out(pts, 1, time_base, rate)
    assert even.rate == rate
    assert even.last_duration * even.time_base == 1 / rate or tuple(even.pts) == tuple(pts)
    moved = [abs(stamp * even.time_base / time_base - before) for stamp, before in zip(even.pts, pts, strict=True)]
    assert max(moved) <= Fraction(1, 2)


@pytest.mark.parametrize("time_base", [MILLISECOND, MPEG])
@pytest.mark.parametrize("lengths", [(2, 3), (3, 2)])
def test_pulldown_is_undone(time_base: Fraction, lengths: tuple[int, int]) -> None:
    pts = pulled(list(islice(cycle(lengths), 500)), time_base)
    assert find_rate(pts[:250], time_base, [NTSC_FIELDS, NTSC]) == FILM
    even = even_out(pts, 1, time_base, FILM)
    assert even.rate == FILM
    moved = [abs(stamp * even.time_base - before * time_base) for stamp, before in zip(even.pts, pts, strict=True)]
    assert max(moved) < 1 / NTSC_FIELDS
    assert float(even.pts[-1] * even.time_base) == pytest.approx(float(pts[-1] * time_base), abs=0.01)


def test_a_first_stamp_that_was_guessed_is_moved_too() -> None:
    pts = pulled([4, *islice(cycle((2, 3)), 60)], MPEG)
    assert even_out(pts, 1, MPEG, FILM).rate == FILM


def test_where_a_film_changes_its_cadence_a_new_grid_begins() -> None:
    pts = pulled([*islice(cycle((2, 3)), 100), *[2] * 100, *islice(cycle((2, 3)), 100)], MPEG)  # film, video, film
    even = even_out(pts, 1, MPEG, FILM)
    assert even.rate is None
    steps = [(later - earlier) * even.time_base for earlier, later in pairwise(even.pts)]
    assert sum(step == 1 / FILM for step in steps) > 190
    assert sum(step == 1 / NTSC for step in steps) > 90
    assert sum(steps) * 90_000 == pytest.approx(pts[-1] - pts[0], abs=1600)


def test_a_gap_does_not_move_what_follows() -> None:
    pts = [*rounded(100, FILM, MILLISECOND), *(stamp + 5005 for stamp in rounded(100, FILM, MILLISECOND))]
    even = even_out(pts, 1, MILLISECOND, FILM)
    moved = [float(stamp * even.time_base * 1000) - before for stamp, before in zip(even.pts, pts, strict=True)]
    assert np.abs(moved).max() <= 0.5


@pytest.mark.parametrize(
    "steps",
    [
        [2] * 60,  # 29.97 video
        [5] * 60,  # 12 frames a second, each for five fields
        [1] * 60,
    ],
)
def test_what_has_no_pulldown_stays(steps: list[int]) -> None:
    pts = [3003 * index // 2 for index in accumulate(steps, initial=0)]
    assert find_rate(pts, MPEG, [NTSC_FIELDS / steps[0]]) == NTSC_FIELDS / steps[0]
    even = even_out(pts, 1, MPEG, NTSC_FIELDS / steps[0])
    assert np.abs([float(a * even.time_base / MPEG) - b for a, b in zip(even.pts, pts, strict=True)]).max() <= 0.5


def test_a_rate_that_varies_stays() -> None:
    pts = [3000 * index + 400 * (index * index % 7) for index in range(200)]
    assert find_rate(pts, MPEG, RATES) is None
    assert tuple(even_out(pts, 1, MPEG, Fraction(30)).pts) == tuple(pts)


def test_stamps_that_would_be_too_large_stay() -> None:
    pts = [stamp + 2**62 for stamp in rounded(100, FILM, MILLISECOND)]  # as a damaged file may have them
    assert list(even_out(pts, 1, MILLISECOND, FILM).pts) == pts


def test_a_long_film_takes_a_few_bytes_a_frame() -> None:
    count = 20_000
    films = (
        (array("q", rounded(count, FILM, MILLISECOND)), MILLISECOND),
        (array("q", pulled(list(islice(cycle((2, 3)), count - 1)), MPEG)), MPEG),
    )
    for pts, time_base in films:
        tracemalloc.start()
        even = even_out(pts, 1, time_base, FILM)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert even.rate == FILM
        assert peak < 80 * count  # Python's numbers and a dictionary of them take 230 to 340
