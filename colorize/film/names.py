"""What the name of a film may be: that of its file, a hyphen for a pipe, a pattern for numbered frames. Light."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from colorize.base import VIDEO_SUFFIXES

PIPE = "-"  # the standard input, or the standard output
NUMBER = re.compile(r"%(?:0(\d+))?d")
"""Where a frame's number stands in the names of a sequence, and its least number of digits, as FFmpeg writes it."""
LAST_NUMBER = re.compile(r"(.*?)(\d+)(\D*)")  # in the name of a frame
SEQUENCE_SUFFIXES = (".dpx", ".exr", ".tif", ".tiff", ".png")  # of sequences that are written


def is_pipe(path: Path | str) -> bool:
    """Tell whether a name stands for the standard input or output."""
    return str(path) == PIPE


def is_sequence(path: Path | str) -> bool:
    """Tell whether a name is the pattern of numbered frames, such as ``scan_%06d.dpx``."""
    return len(NUMBER.findall(_as_path(path).name)) == 1


def names_frames(path: Path | str) -> bool:
    """Tell whether a source is a pattern of numbered frames, not a file that has such a name (``50%discount.jpg``)."""
    return is_sequence(path) and not os.path.exists(path)


def names_video(path: Path | str) -> bool:
    """Tell whether a source has the name of a film; whether it is one is seen when it is opened."""
    return is_pipe(path) or names_frames(path) or _as_path(path).suffix.lower() in VIDEO_SUFFIXES


def file_address(path: Path) -> str:
    """Return a name that FFmpeg takes for a file's; in a relative one what stands before a colon is a protocol."""
    return str(path.absolute())


def _as_path(path: Path | str) -> Path:
    """Return a path as it is, for to make it anew costs more than what is asked of it."""
    return path if isinstance(path, Path) else Path(path)


def frame_path(pattern: Path, number: int) -> Path:
    """Return the path of a numbered frame."""
    return pattern.with_name(_frame_name(pattern.name, number))


def _frame_name(pattern: str, number: int) -> str:
    return NUMBER.sub(lambda match: f"{number:0{int(match[1] or 0)}d}", pattern)


def frame_numbers(pattern: Path) -> list[int]:
    """Return the numbers of the frames that there are, rising."""
    before, *_, after = NUMBER.split(pattern.name)
    name = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    matches = (match for each in _names_in(pattern.parent) if (match := name.fullmatch(each)))
    numbers = [int(match[1]) for match in matches if _frame_name(pattern.name, int(match[1])) == match[0]]
    numbers.sort()
    return numbers


def _names_in(folder: Path) -> Iterator[str]:
    """Yield the names of what a folder holds, one at a time, since there may be a million; none where there is none."""
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry.name


def patterns_in(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return the patterns of the numbered frames in a folder, at least two of each.

    Args:
        folder: The folder; its sub-folders are not looked into.
        suffixes: In lower case, those of frames.
    """
    counts: Counter[str] = Counter()
    for name in _names_in(folder):
        stem, suffix = os.path.splitext(name)
        match = LAST_NUMBER.fullmatch(stem)
        if match and suffix.lower() in suffixes and not name.startswith("."):
            digits = f"0{len(match[2])}" if match[2].startswith("0") or len(match[2]) > 4 else ""
            counts[f"{match[1]}%{digits}d{match[3]}{suffix}"] += 1
    return [folder / name for name, count in sorted(counts.items()) if count > 1]
