"""Times within a film: from the text that a user writes to seconds, and back."""

from __future__ import annotations


def format_time(seconds: float) -> str:
    """Return seconds as ``h:mm:ss.s``, rounded to tenths."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


def parse_time(text: str) -> float:
    """Return the seconds that ``90``, ``1:30`` or ``0:01:30.5`` stands for.

    Raises:
        ValueError: It is no time.
    """
    fields = text.split(":")
    if len(fields) > 3 or not all(field.replace(".", "", 1).isdigit() for field in fields):
        raise ValueError(f"{text!r} is not a time; write seconds, m:ss or h:mm:ss, such as 90 or 1:30")
    seconds = 0.0
    for field in fields:
        seconds = seconds * 60 + float(field)
    return seconds
