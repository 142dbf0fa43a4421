"""Picture files: read and write, with all that belongs to the photo.

Pillow reads and writes; OpenCV and tifffile take the 16-bit RGB that Pillow cannot hold (``colorize.photo.sixteen_bit``).
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Give a file that takes the name ``path`` when the block ends well, and vanishes when it does not.

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
