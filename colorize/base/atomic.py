"""Atomic file writes: ``replacing`` is the one way to write a file that is whole under its name, or not there."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that is renamed to it when the block ends well, and removed when not.

    Readers of ``path`` see the old file or the whole new one, never a part.

    Args:
        path: The file to write; its folder exists.
        overwrite: Replace an existing file.

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
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
