"""The session cache: generators as ONNX Runtime prepared them for this machine, so that a process starts sooner.

Most of a photograph's second goes into folding, optimising and laying out the same numbers again. What comes of it is
kept in the user's cache, an entry for each generator, and mapped from there: 75 MB for the released networks, which
can be deleted at any time. An entry's name is a hash of all that it hangs on, and a manifest in it tells whether its
files are whole. The weights file stays the only place where the numbers come from, and is hashed each time.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import platform
import re
import shutil
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from colorize.base import move_into_place, sha256, vector_instructions
from colorize.network.graphs import HALVES
from colorize.network.registry import user_folder

FORMAT = 1  # another one, as soon as anything else that the code below or ``onnx_runtime`` does changes the entries
FOLDER = "sessions"  # in the user's folder
MANIFEST = "manifest.json"
ENTRY = re.compile("[0-9a-f]{32}")
BEGINNING = "new-"  # of the names of entries that are not whole yet
MIN_WEIGHTS_BYTES = 4_000_000  # smaller networks are prepared as soon as they are read
MIN_FREE_BYTES = 1_000_000_000  # of the disk, before an entry is written
MAX_ENTRIES = 8
MAPPED_BYTES = 1 << 23  # a multiple of every system's granularity
DAY = 86_400.0  # in seconds; so long an entry makes room for no other, for the processes that have it mapped


@dataclass(frozen=True)
class CacheEntry:
    """Where a generator is kept, or will be.

    Attributes:
        folder: Of its files.
    """

    folder: Path

    def model(self, half: str) -> Path:
        """Return the optimised model of a half; its numbers are in a file of their own."""
        return self.folder / f"{half}.onnx"

    def numbers(self, half: str) -> Path:
        """Return the file of a half's numbers, which its model names."""
        return self.folder / f"{half}.numbers"

    def _files(self) -> list[Path]:
        return [file for half in HALVES for file in (self.model(half), self.numbers(half))]

    def is_whole(self) -> bool:
        """Tell whether its files are there, the user's own, and as they were written; then it counts as used."""
        try:
            if not _is_own(self.folder):
                return False
            manifest = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest != {file.name: list(_checksum(file)) for file in self._files()}:
                return False
        except (OSError, ValueError, RecursionError):
            return False
        with suppress(OSError):  # a disk that is only read
            os.utime(self.folder)
        return True

    def remove(self) -> None:
        """Remove it, where that can be done; what is not its own stays, and its folder then too."""
        with suppress(OSError):
            for file in (*self._files(), self.folder / MANIFEST):
                file.unlink(missing_ok=True)
            self.folder.rmdir()

    @contextmanager
    def saving(self) -> Iterator[CacheEntry | None]:
        """Give an entry whose files ONNX Runtime may write; at the end they are kept as this entry's.

        None is given where nothing can be kept: the folder cannot be written, the disk is nearly full, or there are
        many entries that are all in use. Nothing is kept after an exception.
        """
        begun = self._begin()
        try:
            yield begun
            if begun:
                with suppress(OSError):
                    self._finish(begun)
        finally:
            if begun:
                begun.remove()

    def _begin(self) -> CacheEntry | None:
        """Return a new entry for the files of this one, or None where it cannot be kept."""
        import tempfile  # most processes only read

        cache = self.folder.parent
        with suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(cache).free >= MIN_FREE_BYTES and _make_room(cache):
                begun = CacheEntry(Path(tempfile.mkdtemp(prefix=BEGINNING, dir=cache)))  # nobody else may open it
                if _is_own(begun.folder):
                    return begun
                begun.remove()  # on a disk without permissions, where it would never be used
        return None

    def _finish(self, begun: CacheEntry) -> None:
        """Give what was written this entry's name; another process may have been faster.

        Raises:
            OSError: A file is missing, or it cannot be renamed.
        """
        manifest = {file.name: _checksum(file) for file in begun._files()}
        (begun.folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        if not self.is_whole():
            self.remove()  # a damaged one
            move_into_place(begun.folder, self.folder)


def find_entry(weights: Path, fingerprint: str, graph_file: Path, runtime: str) -> CacheEntry | None:
    """Return where a generator is kept; None: it is not worth it.

    Args:
        weights: The weights file.
        fingerprint: Its SHA-256.
        graph_file: Of its architecture.
        runtime: What optimises the graph, with its version and build.
    """
    if weights.stat().st_size < MIN_WEIGHTS_BYTES:
        return None
    hangs_on = [FORMAT, fingerprint, sha256(graph_file), runtime, platform.machine(), vector_instructions()]
    if hasattr(os, "geteuid"):
        hangs_on.append(os.geteuid())
    key = hashlib.sha256(json.dumps(hangs_on).encode()).hexdigest()[:32]
    return CacheEntry(user_folder() / FOLDER / key)


def _is_own(folder: Path) -> bool:
    """Tell whether a folder is the user's, and nobody else may change it: what is computed would be another's."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return False
    return not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o022)


def _checksum(file: Path) -> tuple[int, int]:
    """Return a file's bytes and CRC-32, which takes half the time of a SHA-256: it finds damage, not malice."""
    checksum = 0
    with file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        for start in range(0, size, MAPPED_BYTES):  # mapped, since reading copies; in parts, which are let go of
            length = min(MAPPED_BYTES, size - start)
            with mmap.mmap(opened.fileno(), length, access=mmap.ACCESS_READ, offset=start) as part:
                checksum = zlib.crc32(part, checksum)
    return size, checksum


def _make_room(cache: Path) -> bool:
    """Remove what was begun and left, and entries that were longest not used; tell whether there is room for one.

    Raises:
        OSError: The cache cannot be looked through.
    """
    now = time.time()
    last_used = {folder: folder.stat().st_mtime for folder in cache.iterdir()}
    entries = sorted((folder for folder in last_used if ENTRY.fullmatch(folder.name)), key=last_used.__getitem__)
    surplus = entries[: max(0, len(entries) - MAX_ENTRIES + 1)]
    left = [folder for folder in last_used if folder.name.startswith(BEGINNING)]
    removable = {folder for folder in (*surplus, *left) if now - last_used[folder] > DAY}
    for folder in removable:
        CacheEntry(folder).remove()
    return removable.issuperset(surplus)
