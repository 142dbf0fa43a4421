"""Hint files: the colour hints of one photo as JSON, so that work at it goes on another day.

Positions and radii are shares of the upright photo's sides, so a file fits the photo in another resolution too:

    {"format": "colorize-hints", "version": 1, "photo": {"width": 1200, "height": 900},
     "hints": [{"color": "#7a1f1f", "points": [[0.35, 0.34]], "radius": 0.02}]}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from colorize.base import replacing
from colorize.engine.hints import Hint, check_inside

HINTS_SUFFIX = ".hints.json"
FORMAT, VERSION = "colorize-hints", 1
MAX_BYTES = 1_000_000
MAX_HINTS = 1000
MAX_RADIUS = 1000  # short sides of the photo
MAX_ASPECT_ERROR = 0.02  # of the photo's aspect; beyond it the file belongs to another photo, or to a part of it
SHARE_DIGITS, PIXEL_DIGITS = 9, 3  # of what is written, and of what is read: whole pixels come back as they were


def write_hints(
    path: str | Path, hints: Sequence[Hint], photo_size: tuple[int, int], *, overwrite: bool = False
) -> None:
    """Write the hints of a photo into a file, which is whole under its name or not there.

    Args:
        path: Of the file; photos' hints are named ``NAME.hints.json``.
        hints: In pixels of the photo.
        photo_size: (height, width) of the upright photo.
        overwrite: Replace an existing file.

    Raises:
        FileExistsError: There is such a file, and ``overwrite`` is off.
        OSError: It cannot be written.
        ValueError: A hint lies outside the photo.
    """
    content = format_hints(hints, photo_size)
    with replacing(Path(path), overwrite) as file:
        file.write(content)


def read_hints(path: str | Path, photo_size: tuple[int, int]) -> tuple[Hint, ...]:
    """Return the hints of a file that ``write_hints`` made, in pixels of a photo.

    Args:
        path: Of the file.
        photo_size: (height, width) of the upright photo.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no hints, those of another photo or of a later version, or a value is out of range; the
            message names the file and the value.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of hints; --save-hints writes one")
    with path.open("rb") as file:
        return parse_hints(file.read(MAX_BYTES + 1), photo_size, str(path))


def format_hints(hints: Sequence[Hint], photo_size: tuple[int, int]) -> bytes:
    """Return the content of a hint file; the arguments and errors are those of ``write_hints``."""
    height, width = photo_size
    entries = []
    for hint in hints:
        check_inside(hint, photo_size)
        points = [
            [round((x + 0.5) / width, SHARE_DIGITS), round((y + 0.5) / height, SHARE_DIGITS)] for x, y in hint.points
        ]
        entry: dict[str, Any] = {"color": hint.color, "points": points}
        if hint.radius is not None:
            entry["radius"] = round(hint.radius / min(photo_size), SHARE_DIGITS)
        entries.append(entry)
    photo = {"width": width, "height": height}
    document = {"format": FORMAT, "version": VERSION, "photo": photo, "hints": entries}
    return (json.dumps(document) + "\n").encode()


def parse_hints(content: bytes, photo_size: tuple[int, int], name: str) -> tuple[Hint, ...]:
    """Return the hints of a file's content, in pixels of a photo.

    Args:
        content: Of the file.
        photo_size: (height, width) of the upright photo.
        name: Of the file, for messages.

    Raises:
        ValueError: As of ``read_hints``.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"{name}: larger than a file of hints, which has at most {MAX_BYTES // 1_000_000} MB")
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: not a file of hints, for it is no JSON; --save-hints writes one") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{name}: not a file of hints, for it does not say the format {FORMAT}")
    version = document.get("version", 0)
    if not _is_whole(version) or version < 1:
        raise ValueError(f"{name}: version {version!r} of a file of hints is none; this program writes {VERSION}")
    if version > VERSION:
        raise ValueError(
            f"{name}: hints of version {version}, and this program reads up to version {VERSION}; update it"
        )
    _check_shape(document.get("photo"), photo_size, name)
    entries = document.get("hints")
    if not isinstance(entries, list):
        raise ValueError(f"{name}: its hints are no list")
    if len(entries) > MAX_HINTS:
        raise ValueError(f"{name}: {len(entries)} hints where at most {MAX_HINTS} are taken")
    return tuple(_read_hint(entry, photo_size, f"{name}: hint {number}") for number, entry in enumerate(entries, 1))


def _check_shape(photo: Any, photo_size: tuple[int, int], name: str) -> None:
    """Raise a ``ValueError`` where the photo that a file names has another shape than the photo at hand."""
    sides = [photo.get(side, 0) for side in ("width", "height")] if isinstance(photo, dict) else []
    if len(sides) != 2 or not all(_is_whole(side) and 0 < side < 1e9 for side in sides):
        raise ValueError(f"{name}: its photo {photo!r:.80} has no width and height in pixels")
    (width, height), (rows, columns) = sides, photo_size
    allowed = MAX_ASPECT_ERROR + 1 / min(width, height, rows, columns)
    if abs(width / height / (columns / rows) - 1) > allowed:
        turned = abs(height / width / (columns / rows) - 1) <= allowed
        why = "the same turned" if turned else "another shape"
        raise ValueError(
            f"{name}: hints of a photo of {width} x {height} pixels, and this one has {columns} x {rows}, {why}; "
            "take the file that belongs to it"
        )


def _read_hint(entry: Any, photo_size: tuple[int, int], name: str) -> Hint:
    """Return the hint of an entry of a file.

    Raises:
        ValueError: It has another form, or a value is out of range; the message begins with ``name``.
    """
    if not isinstance(entry, dict) or not entry.keys() <= {"color", "points", "radius"}:
        raise ValueError(f"{name}: {entry!r:.80} has not color, points and perhaps radius alone")
    points, radius = entry.get("points"), entry.get("radius")
    if not isinstance(points, list) or not points or not all(map(_is_point, points)):
        raise ValueError(f"{name}: points {points!r:.80} are not pairs of numbers")
    for x, y in points:
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"{name}: {x!r:.40},{y!r:.40} lies outside the photo, whose sides go from 0 to 1")
    if radius is not None and not (_is_number(radius) and 0 < radius <= MAX_RADIUS):
        raise ValueError(f"{name}: radius {radius!r:.80} is not a share of the photo's short side above 0")
    height, width = photo_size
    (x, y), *path = ((_pixel(x * width - 0.5, width), _pixel(y * height - 0.5, height)) for x, y in points)
    pixels = None if radius is None else max(10**-PIXEL_DIGITS, round(radius * min(photo_size), PIXEL_DIGITS))
    try:
        return Hint(x, y, entry.get("color", ""), pixels, tuple(path))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _pixel(position: float, length: int) -> float:
    """Return a position as it is read, within 0 and the last of ``length`` pixels."""
    return min(max(round(position, PIXEL_DIGITS), 0.0), length - 1.0)


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
