"""Downloads into the user's cache: resumed where they broke off, checked before the file takes its name."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from colorize import __version__
from colorize.base import DownloadError, replacing, sha256

TIMEOUT = 30.0  # seconds without a byte
RETRY_DELAYS = (1.0, 3.0, 9.0)  # seconds before each further try; a try that brought bytes starts the row anew
TRANSIENT_STATUSES = (408, 429, 500, 502, 503, 504)
BLOCK_BYTES = 1 << 20

Progress = Callable[[int, "int | None"], object]
"""Called with the number of bytes that are there and of those expected (None: unknown)."""


@dataclass(frozen=True)
class Source:
    """A file to download.

    Attributes:
        url: Its address, http or https.
        size: Its size in bytes; None: not known.
        sha256: Its SHA-256 in hex digits; None: not known, then the first download's is kept beside the file (its
            pin) and holds from then on.
    """

    url: str
    size: int | None = None
    sha256: str | None = None


def cache_folder() -> Path:
    """Return the user's folder of weights, inside COLORIZE_HOME, XDG_CACHE_HOME/colorize or ~/.cache/colorize."""
    if home := os.environ.get("COLORIZE_HOME"):
        return Path(home).expanduser() / "weights"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "colorize" / "weights"


def pin_path(target: Path) -> Path:
    """Return the path of a downloaded file's pin: its SHA-256, in the form of ``sha256sum``."""
    return target.with_name(f"{target.name}.sha256")


def read_pin(target: Path) -> str | None:
    """Return the SHA-256 of a file's pin, or None where there is none."""
    try:
        return pin_path(target).read_text(encoding="ascii").split()[0]
    except (FileNotFoundError, IndexError):
        return None


def fetch(source: Source, target: Path, progress: Progress | None = None) -> str:
    """Download a file, or go on with it, and return its SHA-256; nothing is done where it is there already.

    Two at once for one target: the second waits, and then finds the file.

    Args:
        source: What to download.
        target: Where the file is to lie; its folder is made.
        progress: Called after each block.

    Raises:
        DownloadError: No connection, an answer such as 404, or not the file that was expected; what came so far stays
            for the next time unless it is wrong.
        OSError: The folder cannot be written, or the disk is full.
    """
    if urlsplit(source.url).scheme not in ("http", "https"):
        raise DownloadError(f"{source.url}: only http and https addresses are downloaded")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f".{target.name}.lock")):
        expected = source.sha256 or read_pin(target)
        if target.is_file() and expected and sha256(target) == expected:
            return expected
        part = target.with_name(f".{target.name}.part")
        if expected is None:
            part.unlink(missing_ok=True)  # nothing could tell whether it is a piece of the same file
        _receive(source, part, expected is not None, progress)
        digest = sha256(part)
        if expected and digest != expected:
            part.unlink()
            known = "is expected" if source.sha256 else f"came at the first download ({pin_path(target)})"
            raise DownloadError(f"{source.url}: the file has SHA-256 {digest} where {expected} {known}; not kept")
        _write_pin(target, digest)
        os.replace(part, target)
    return digest


def _receive(source: Source, part: Path, is_hash_known: bool, progress: Progress | None) -> None:
    """Fill the partial file ``part`` to the end, over several connections if need be."""
    etag = None
    tries = 0
    furthest = part.stat().st_size if part.is_file() else 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        resumable = is_hash_known or etag  # with neither, two versions of the file could be mixed unnoticed
        if before and (not resumable or (source.size is not None and before > source.size)):
            part.unlink()
            before = 0
        if before and before == source.size:
            return
        problem: Exception | str
        try:
            etag, total = _connect(source, part, before, etag, progress)
            have = part.stat().st_size
            if total is None or have >= total:
                return
            problem = f"the connection broke off after {have} of {total} bytes"
        except HTTPError as error:
            error.close()
            if error.code == 416 and before:  # what is there is longer than the file, or as long
                part.unlink()
            elif error.code not in TRANSIENT_STATUSES:
                raise DownloadError(f"{source.url}: the server answers {error.code} {error.reason}") from error
            problem = f"the server answers {error.code} {error.reason}"
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
        have = part.stat().st_size if part.is_file() else 0
        tries = 0 if have > furthest else tries + 1
        furthest = max(furthest, have)
        if tries > len(RETRY_DELAYS):
            rest = f"; {have} bytes are kept, the same command goes on from there" if have else ""
            raise DownloadError(f"{source.url}: {problem}{rest}")
        time.sleep(RETRY_DELAYS[max(0, tries - 1)])


def _connect(
    source: Source, part: Path, start: int, etag: str | None, progress: Progress | None
) -> tuple[str | None, int | None]:
    """Append what one connection brings to ``part``; return the file's entity tag and length, None where not told.

    Args:
        start: Bytes of ``part`` that are there already.
        etag: The entity tag of the connection that brought them.
    """
    headers = {"User-Agent": f"colorize/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if etag:
            headers["If-Range"] = etag  # another file by now: send it whole
    with urlopen(Request(source.url, headers=headers), timeout=TIMEOUT) as response:
        if "text/html" in response.headers.get("Content-Type", ""):
            raise DownloadError(f"{source.url}: the server sends a web page, not a file")
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            if response.status == 206:
                raise DownloadError(f"{source.url}: the server sends another part than the one asked for")
            start = 0
        total = _total_length(response.headers, start)
        if source.size is not None and total is not None and total != source.size:
            raise DownloadError(f"{source.url}: the file has {total} bytes where {source.size} are expected")
        total = total if total is not None else source.size
        _check_free_space(part, (total or 0) - start)
        with part.open("ab" if start else "wb") as file:
            _copy(response, file, start, total, source, progress)
        return response.headers.get("ETag"), total


def _copy(
    response: IO[bytes], file: IO[bytes], start: int, total: int | None, source: Source, progress: Progress | None
) -> None:
    """Copy an answer, whose first byte is the file's ``start``-th, into a file block by block."""
    have = start
    while block := response.read(BLOCK_BYTES):
        have += len(block)
        if total is not None and have > total:
            raise DownloadError(f"{source.url}: more bytes come than the {total} that were announced")
        file.write(block)
        if progress:
            progress(have, total)


def _total_length(headers: HTTPMessage, start: int) -> int | None:
    """Return the length of the whole file by an answer that begins at ``start``, or None where it does not tell."""
    length = headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _check_free_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise DownloadError(f"{part.parent}: {needed} bytes are needed and {free} are free; set COLORIZE_HOME")


def _write_pin(target: Path, digest: str) -> None:
    with replacing(pin_path(target), overwrite=True) as file:
        file.write(f"{digest}  {target.name}\n".encode("ascii"))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock for the block; the system takes it back when the process ends, however it ends."""
    with path.open("a+b") as file:
        while not _try_lock(file.fileno()):
            time.sleep(0.1)
        yield  # closing gives the lock back


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
