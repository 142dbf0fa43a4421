"""Names on a disk: which of them are one file, for many disks of Windows and macOS tell no upper case from lower."""

from __future__ import annotations

import os
import sys
import unicodedata
from functools import lru_cache
from pathlib import Path


def name_key(path: Path) -> str:
    """Return a text that is the same for two paths, written from the same folder, only where they are one file's names.

    Where the disk tells upper case from lower it is the path itself, else without cases, and composed as NFC.
    """
    return _folded(str(path)) if _folds_case(path.parent.absolute()) else str(path)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


@lru_cache(maxsize=1024)
def _folds_case(folder: Path) -> bool:
    """Tell whether the disk of a folder takes names that differ in case alone for one.

    Args:
        folder: An absolute path; it need not exist yet.
    """
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        with os.scandir(folder) as entries:
            name = next((entry.name for entry in entries if entry.name.swapcase() != entry.name), None)
        if name is not None:
            return os.path.samefile(folder / name, folder / name.swapcase())
    except FileNotFoundError:
        return False
    except OSError:  # it may not be read; whoever writes there will be told
        pass
    return sys.platform in ("win32", "darwin")
