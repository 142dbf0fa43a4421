"""Timecodes: counted on, dropped numbers and the end of the day included."""

from __future__ import annotations

from fractions import Fraction

import pytest

from colorize.film.timecode import Timecode

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("first", "rate", "frames", "later"),
    [
        ("10:00:00:00", Fraction(24), 24, "10:00:01:00"),
        ("10:00:00:00", Fraction(24000, 1001), 36, "10:00:01:12"),
        ("09:59:59:24", Fraction(25), 1, "10:00:00:00"),
        ("00:00:59;29", NTSC, 1, "00:01:00;02"),
        ("00:09:59;29", NTSC, 1, "00:10:00;00"),
        ("01:00:00;00", NTSC, 107892, "02:00:00;00"),
        ("00:00:59.29", NTSC, 1, "00:01:00;02"),
        ("00:00:59:29", NTSC, 1, "00:01:00:00"),
        ("00:00:59;59", 2 * NTSC, 1, "00:01:00;04"),
        ("23:59:59;29", NTSC, 1, "00:00:00;00"),
        ("23:59:59:23", Fraction(24), 1, "00:00:00:00"),
        ("23:00:00:00", Fraction(50), 2 * 3600 * 50, "01:00:00:00"),
    ],
)
def test_a_later_frame_has_a_later_timecode(first: str, rate: Fraction, frames: int, later: str) -> None:
    timecode = Timecode.parse(first, rate)
    assert timecode is not None
    assert str(timecode.later(frames)) == later


def test_every_timecode_of_a_day_is_counted_once() -> None:
    timecode = Timecode.parse("00:00:00;00", NTSC)
    assert timecode is not None
    for number in range(0, 2589408, 997):
        text = str(timecode.later(number))
        again = Timecode.parse(text, NTSC)
        assert again is not None and again.number == number
    assert str(timecode.later(2589408)) == "00:00:00;00"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("hello", 25),
        ("", 25),
        ("10:00:00", 25),
        ("01:00:00;00", 25),
        ("01:00:00:25", 25),
        ("24:00:00:00", 25),
        ("10:00:00:00", 300),
    ],
)
def test_what_no_film_of_the_rate_has_is_no_timecode(text: str, rate: int) -> None:
    assert Timecode.parse(text, Fraction(rate)) is None


def test_the_mean_of_a_rate_that_varies_becomes_a_usual_one() -> None:
    timecode = Timecode.parse("01:00:00;00", Fraction(283, 10))
    assert timecode is not None
    assert timecode.rate == NTSC
