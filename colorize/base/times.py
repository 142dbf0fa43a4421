"""What is told of frames that are not as they should be."""

from __future__ import annotations


def format_time(seconds: float) -> str:
    """Return seconds as h:mm:ss.s."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


def parse_time(text: str) -> float:
    """Return the seconds of ``90``, ``1:30`` or ``0:01:30.5``.

    Raises:
        ValueError: It is no time.
    """
    parts = text.split(":")
    if len(parts) > 3 or not all(part.replace(".", "", 1).isdigit() for part in parts):
        raise ValueError(text)
    total = 0.0
    for part in parts:
        total = total * 60 + float(part)
    return total
