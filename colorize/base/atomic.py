"""Atomic file writes: a file is whole under its name, or not there, whenever the program is killed.

``replacing`` is for whoever writes a file in one go, ``move_into_place`` for a file or folder that grows over a while
under another name, which means something by itself: a segment that is being encoded, a download that is gone on with.
On Windows a file that is open cannot be renamed, replaced or removed, not even while a virus scanner looks at it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None  # type: ignore[assignment]

IN_USE = (5, 32, 33, 145)
"""Windows' numbers of errors where others look at a file: access denied, shared, locked, or a folder not yet empty."""
WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # seconds before it is tried again
_naming = threading.Lock()  # held while a name is looked for and taken


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that is renamed to it when the block ends well, and removed when not.

    Readers of ``path`` see the old file or the whole new one, never a part. What a killed process leaves is taken over
    by the next one that writes to the same path.

    Args:
        path: The file to write.
        overwrite: Replace an existing file.
        durable: Wait until the disk holds the content before it takes the name, so that it survives a power cut.

    Yields:
        The temporary file, open for reading and writing.

    Raises:
        FileExistsError: There is such a file, at the beginning or at the end, and ``overwrite`` is off.
        FileNotFoundError: Its folder does not exist.
        OSError: The file cannot be written, or another program holds the one that is to be replaced.
    """
    if not overwrite:
        _check_absence(path)
    temporary, file = _open_temporary(path)
    with contextlib.ExitStack() as stack:
        if fcntl is not None:  # so that the file stays locked until it has its name, or is removed
            stack.callback(os.close, os.dup(file.fileno()))
        try:
            with file:
                yield file
            with contextlib.nullcontext() if overwrite else _naming:
                if not overwrite:  # two names can be one file: on many disks those that differ in case alone
                    _check_absence(path)
                move_into_place(temporary, path, durable)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def _check_absence(path: Path) -> None:
    if path.exists():
        raise FileExistsError(f"{path}: exists already; --overwrite replaces it")


def _open_temporary(path: Path) -> tuple[Path, BinaryIO]:
    """Return the temporary file of a path, empty and open: that of a killed process if there is one, never one in use.

    Raises:
        OSError: No file can be made there.
    """
    own = path.with_name(f".colorize-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}.tmp")
    with contextlib.suppress(OSError):
        if fcntl is None:
            own.unlink(missing_ok=True)
            return own, open(own, "x+b")
        file = open(own, "r+b", opener=_open_or_make)  # noqa: SIM115 - it stays open
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(file.fileno())
            is_own = stat.S_ISREG(status.st_mode) and status.st_nlink == 1  # no name of another file, which stays whole
            if is_own and os.path.samestat(status, own.stat()):  # it was not renamed before it was locked
                file.truncate()
                return own, file
        except BaseException:
            file.close()
            raise
        file.close()
    other = path.with_name(f".colorize-{uuid.uuid4().hex[:12]}.tmp")
    try:
        return other, open(other, "x+b")
    except FileNotFoundError as error:
        if path.parent.is_dir():  # of a kind in which no files can be made
            raise
        # the error itself names the temporary file, which nobody knows
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; make it first") from error


def _open_or_make(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o666)


def move_into_place(finished: Path, path: Path, durable: bool = False) -> None:
    """Give a finished file or folder its name; a file that had the name is replaced.

    Args:
        finished: The file or folder, closed, on the same disk as ``path``.
        path: Its name.
        durable: Wait until the disk holds the file's content first; not for folders.

    Raises:
        OSError: It cannot be renamed, as where ``path`` is a folder that is not empty, or open in another program.
    """
    if durable:
        with open(finished, "r+b") as file:  # Windows flushes no file that is open for reading alone
            os.fsync(file.fileno())
    try:
        _patiently(lambda: os.replace(finished, path))
    except OSError as error:
        if isinstance(error, PermissionError) and _is_in_use(error) and path.is_file():
            raise PermissionError(f"{path}: open in another program, or write-protected; close it there") from error
        if error.errno != errno.ENOENT:  # it is the name that cannot be had, such as a folder's
            error.filename, error.filename2 = str(path), None
        raise


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it; nothing happens where there is none.

    Raises:
        OSError: Something in it cannot be removed, as while another program has it open.
    """

    def remove() -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)

    _patiently(remove)


def _patiently(action: Callable[[], None]) -> None:
    """Do something with files, again and again for three seconds where Windows says that others look at them."""
    for seconds in WAITS:
        try:
            return action()
        except OSError as error:
            if not _is_in_use(error):
                raise
            time.sleep(seconds)
    return action()


def _is_in_use(error: OSError) -> bool:
    return getattr(error, "winerror", None) in IN_USE
