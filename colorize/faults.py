"""What is told of frames that are not as they should be."""

from __future__ import annotations

from collections.abc import Iterator

from colorize.parts import Record
from colorize.video import Film, Span


def fault_lines(film: Film, span: Span, records: list[Record]) -> Iterator[str]:
    """Yield a line for each kind of fault that a film's frames have: which frames, from when on, and what was done."""
    ticks = [tick for record in records for tick in record.ticks]
    height, width = film.size
    for kind, text in (
        ("damaged", "damaged; shown as far as it can be decoded"),
        ("lost", "damaged and cannot be decoded; the frame before stands in for it"),
        ("resized", f"of another size than the first; scaled to {width} x {height}"),
    ):
        indices = [index for record in records for index in record.faults[kind]]
        if not indices:
            continue
        first = clock(float(ticks[indices[0]] * film.time_base + span.start))
        if len(indices) == 1:
            what = f"frame {indices[0]} (at {first}) is"
        else:
            what = f"{len(indices)} frames ({ranges(indices)}; from {first} on) are"
        yield f"{film.path}: {what} {text}"


def clock(seconds: float) -> str:
    """Return seconds as h:mm:ss.s."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


def ranges(numbers: list[int]) -> str:
    """Return rising numbers as text, neighbours as a range: ``3-5, 9``; after eight of them, an ellipsis."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][1] + 1:
            groups[-1][1] = number
        else:
            groups.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in groups]
    return ", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")
