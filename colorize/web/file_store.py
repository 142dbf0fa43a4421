"""The page's file store: what clients uploaded and what was made for them, private and for a limited time."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from colorize.web.jobs import safe_name


class FileStore:
    """The page's private folder: what clients uploaded, and what was made for them."""

    def __init__(self, folder: Path, keep_seconds: float) -> None:
        folder.mkdir()
        self.folder, self._keep_seconds = folder.resolve(), keep_seconds
        self._permanent: set[Path] = set()

    def owns(self, path: str) -> bool:
        """Tell whether a path that a client names is a file in this folder; links do not lead out of it."""
        try:
            real = Path(path).resolve()
            return real.is_relative_to(self.folder) and real.is_file()
        except (OSError, ValueError):
            return False

    def place(self, name: str) -> Path:
        """Return a path for a new file, in a folder that nobody can guess."""
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir()
        return folder / safe_name(name)

    def freeze(self) -> None:
        """Exempt the files that are here now, the page's own, from ``sweep``."""
        self._permanent = set(self.folder.rglob("*"))

    def sweep(self) -> None:
        """Delete what lies here longer than the time limit.

        Gradio's own ``delete_cache`` forgets the files of components that were updated in a session.
        """
        limit = time.time() - self._keep_seconds
        for path in sorted(self.folder.rglob("*"), reverse=True):  # files before their folders
            if path in self._permanent:
                continue
            try:
                if path.is_dir():
                    if path.stat().st_mtime < limit:
                        path.rmdir()
                elif path.stat().st_ctime < limit:  # when it came here; uploads may bring any modification time
                    path.unlink()
            except OSError:
                continue  # not empty, gone, or in use; the next sweep comes
