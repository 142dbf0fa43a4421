"""Atomic file writes: a file is whole under its name, or not there, whenever the program is killed.

``replacing`` is for whoever writes a file in one go, ``move_into_place`` for a file or folder that grows over a while
under another name, which means something by itself: a segment that is being encoded, a download that is gone on with.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that is renamed to it when the block ends well, and removed when not.

    Readers of ``path`` see the old file or the whole new one, never a part.

    Args:
        path: The file to write; its folder exists.
        overwrite: Replace an existing file.
        durable: Wait until the disk holds the content before it takes the name, so that it survives a power cut.

    Yields:
        The temporary file, open for reading and writing.

    Raises:
        FileExistsError: There is such a file, and ``overwrite`` is off.
        OSError: The file cannot be written.
    """
    if not overwrite and path.exists():
        raise FileExistsError(f"{path}: exists already; --overwrite replaces it")
    temporary = path.with_name(f".colorize-{uuid.uuid4().hex[:12]}.tmp")
    file = open(temporary, "x+b")  # noqa: SIM115 - closed before the file is renamed, which Windows wants
    try:
        with file:
            yield file
        move_into_place(temporary, path, durable)
    finally:
        temporary.unlink(missing_ok=True)


def move_into_place(finished: Path, path: Path, durable: bool = False) -> None:
    """Give a finished file or folder its name; a file that had the name is replaced.

    Args:
        finished: The file or folder, closed, on the same disk as ``path``.
        path: Its name.
        durable: Wait until the disk holds the file's content first; not for folders.

    Raises:
        OSError: It cannot be renamed, as where ``path`` is a folder that is not empty.
    """
    if durable:
        with open(finished, "r+b") as file:  # Windows flushes no file that is open for reading alone
            os.fsync(file.fileno())
    os.replace(finished, path)
