"""The page's file store: a private folder for uploads and results, which are deleted after a time limit."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from colorize.web.jobs import safe_name


class FileStore:
    """A private folder for what clients uploaded and what was made for them.

    Attributes:
        folder: Its absolute path, without symbolic links.
    """

    def __init__(self, folder: Path, keep_seconds: float) -> None:
        """Make the folder.

        Args:
            folder: Must not exist yet; its parent must.
            keep_seconds: How long a file is kept.
        """
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

    def new_path(self, name: str) -> Path:
        """Return a path for a new file of this name, in a subfolder of its own that nobody can guess."""
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir()
        return folder / safe_name(name)

    def keep_current_files(self) -> None:
        """Exempt the files that are here now, the page's own, from ``sweep``."""
        self._permanent = set(self.folder.rglob("*"))

    def sweep(self) -> None:
        """Delete files that are older here than the time limit, and empty folders.

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
