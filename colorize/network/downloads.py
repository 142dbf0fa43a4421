"""Downloads into the user's cache: resumed where they broke off, checked before the file takes its name."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from filelock import FileLock

from colorize import __version__
from colorize.base import DownloadError, move_into_place, sha256

TIMEOUT = 30.0  # seconds without a byte
RETRY_DELAYS = (1.0, 3.0, 9.0)  # seconds before each further try; a try that brought bytes starts the row anew
TRANSIENT_STATUSES = (408, 429, 500, 502, 503, 504)
BLOCK_BYTES = 1 << 20

Progress = Callable[[int, int], object]
"""Called with the number of bytes that are there and of those expected."""


@dataclass(frozen=True)
class Source:
    """A file to download.

    Attributes:
        url: Its address, http or https.
        size: Its size in bytes.
        sha256: Its SHA-256 in hex digits.
    """

    url: str
    size: int
    sha256: str


class RedirectHandler(HTTPRedirectHandler):
    """Follows a redirect to http and https addresses alone, and from https to https alone."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme != "https"):
            raise DownloadError(f"{req.full_url}: the server leads to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(source: Source, target: Path, progress: Progress | None = None) -> None:
    """Download a file, or go on with it; nothing is done where it is there already.

    What has come lies in a hidden file beside ``target``, under a name that the next call knows: a temporary file of
    ``base.replacing`` would be lost with the connection. Two at once for one target: the second waits, and then finds
    the file.

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
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.is_file() and sha256(target) == source.sha256:
            return
        part = target.with_name(f".{target.name}.part")
        had_part = part.is_file()
        _receive(source, part, progress)
        digest = sha256(part)
        if digest != source.sha256 and had_part:  # that may be of another file, or damaged: then all is fetched anew
            part.unlink()
            _receive(source, part, progress)
            digest = sha256(part)
        if digest != source.sha256:
            part.unlink()
            raise DownloadError(
                f"{source.url}: the file has SHA-256 {digest} where {source.sha256} is expected; not kept"
            )
        move_into_place(part, target)


def _receive(source: Source, part: Path, progress: Progress | None) -> None:
    """Fill the partial file ``part`` to the end, over several connections if need be."""
    tries = 0
    furthest = part.stat().st_size if part.is_file() else 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        if before > source.size:
            part.unlink()
            before = 0
        if before == source.size:
            return
        problem: Exception | str
        try:
            _connect(source, part, before, progress)
            have = part.stat().st_size
            if have == source.size:
                return
            problem = f"the connection broke off after {have} of {source.size} bytes"
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


def _connect(source: Source, part: Path, start: int, progress: Progress | None) -> None:
    """Append what one connection brings to ``part``, of which ``start`` bytes are there already.

    The server may have another file by now: then the size or the hash of the whole tells.
    """
    headers = {"User-Agent": f"colorize/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with _open(Request(source.url, headers=headers)) as response:
        if "text/html" in response.headers.get("Content-Type", ""):
            raise DownloadError(f"{source.url}: the server sends a web page, not a file")
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            if response.status == 206:
                raise DownloadError(f"{source.url}: the server sends another part than the one asked for")
            start = 0
        total = _total_length(response.headers, start)
        if total not in (None, source.size):
            raise DownloadError(f"{source.url}: the file has {total} bytes where {source.size} are expected")
        _check_free_space(part, source.size - start)
        with part.open("ab" if start else "wb") as file:
            _copy(response, file, start, source, progress)


def _open(request: Request) -> Any:
    """Return the answer to a request.

    Raises:
        URLError: There is no connection, or the server refuses.
        ConnectionError: The connection broke off.
    """
    try:
        return build_opener(RedirectHandler).open(request, timeout=TIMEOUT)
    except URLError:
        raise
    except OSError as error:  # some are of no class of their own, such as "no route to host"
        raise ConnectionError(str(error)) from error


def _read(response: IO[bytes]) -> bytes:
    """Return the next block of an answer; empty: there is none.

    Raises:
        ConnectionError: The connection broke off.
    """
    try:
        return response.read(BLOCK_BYTES)
    except OSError as error:  # as above; what fails while a file is written is no reason to ask again
        raise ConnectionError(str(error)) from error


def _copy(response: IO[bytes], file: IO[bytes], start: int, source: Source, progress: Progress | None) -> None:
    """Copy an answer, whose first byte is the file's ``start``-th, into a file block by block."""
    have = start
    while block := _read(response):
        have += len(block)
        if have > source.size:
            raise DownloadError(f"{source.url}: more bytes come than the {source.size} that are expected")
        file.write(block)
        if progress:
            progress(have, source.size)


def _total_length(headers: HTTPMessage, start: int) -> int | None:
    """Return the length of the whole file by an answer that begins at ``start``, or None where it does not tell."""
    length = headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _check_free_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise DownloadError(f"{part.parent}: {needed} bytes are needed and {free} are free; set COLORIZE_HOME")
