"""``name_errors``: decoders' and encoders' errors as one ``ImageError`` that names the file."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from colorize.base import ImageError, reason


@contextlib.contextmanager
def name_errors(path: Path, what: str = "damaged or cut off", remedy: str = "get it anew") -> Iterator[None]:
    """Turn whatever a decoder or an encoder raises in the block into an ``ImageError`` that names the file.

    Errors of the system (no such file, no permission, disk full) pass as they are.

    Args:
        path: The file.
        what: What is wrong with it, for errors that do not say so themselves.
        remedy: What to do then.

    Raises:
        ImageError: The block raised an error that is not the system's.
    """
    try:
        yield
    except (FileExistsError, FileNotFoundError, PermissionError):
        raise
    except ImageError as error:
        text = str(error)
        raise ImageError(text if str(path) in text else f"{path}: {text}") from error
    except Exception as error:  # decoders raise whatever they like at a damaged file
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk's own words: full, gone, forbidden; an invalid argument is a place that no file has
        if isinstance(error, MemoryError):
            raise ImageError(f"{path}: not enough memory for it; close other programs") from error
        raise ImageError(f"{path}: {what} ({reason(error)}); {remedy}") from error
