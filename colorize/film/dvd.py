"""A DVD's files: a film lies there in parts of 1 GB, VTS_01_1.VOB, VTS_01_2.VOB and so on, that are read as one."""

from __future__ import annotations

import io
import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

VIDEO_FOLDER = "VIDEO_TS"  # of a DVD
_TITLE = re.compile(r"(VTS_\d\d_)(\d)(\.VOB)", re.IGNORECASE)
_MENU = re.compile(r"(VIDEO_TS|VTS_\d\d_0)\.VOB", re.IGNORECASE)


def title_parts(path: Path) -> tuple[Path, ...]:
    """Return the files that a film consists of: of a DVD's ``VTS_01_1.VOB`` also those that go on with it."""
    match = _TITLE.fullmatch(path.name)
    if match is None or match[2] != "1":
        return (path,)
    parts = [path]
    while len(parts) < 9 and (following := path.with_name(f"{match[1]}{len(parts) + 1}{match[3]}")).is_file():
        parts.append(following)
    return tuple(parts)


def first_part(path: Path) -> Path:
    """Return the file with which the film begins that a file is a part of."""
    match = _TITLE.fullmatch(path.name)
    return path.with_name(f"{match[1]}1{match[3]}") if match and match[2] != "0" else path


def is_menu(path: Path) -> bool:
    """Tell whether a file is a DVD's menu, by its name."""
    return _MENU.fullmatch(path.name) is not None


class JoinedFiles(io.RawIOBase):
    """Several files, read as one."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files.

        Raises:
            OSError: One cannot be opened.
        """
        self._files = [open(path, "rb") for path in paths]  # noqa: SIM115 - closed by ``close``
        self._begins = [0, *accumulate(os.fstat(file.fileno()).st_size for file in self._files)]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes from the file at the position, of which the others follow at the next call."""
        number = bisect_right(self._begins, self._position) - 1
        if number >= len(self._files):
            return 0
        file = self._files[number]
        file.seek(self._position - self._begins[number])
        count = file.readinto(buffer)
        self._position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in all of the bytes, and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._begins[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()
