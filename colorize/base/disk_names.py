"""Names on a disk: which of them are one file, for many disks of Windows and macOS tell no upper case from lower."""

from __future__ import annotations

import os
import sys
import unicodedata
from functools import lru_cache
from pathlib import Path


def name_key(path: Path) -> str:
    """Return a text that is the same for two paths only where they are one file's names.

    It is the path from the root on, without links to folders; where the disk does not tell upper case from lower it is
    without cases, and composed as NFC. A name that is a link itself is one of its own.
    """
    folder = path.parent.absolute()
    text = os.path.join(_without_links(folder), path.name)
    return _folded(text) if _folds_case(folder) else text


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


@lru_cache(maxsize=1024)
def _without_links(folder: Path) -> str:
    """Return an absolute path of the same folder, which need not exist, without links and dots."""
    try:
        return os.path.realpath(folder)
    except (OSError, ValueError):  # no folder can have such a name, which whoever writes there will be told
        return str(folder)


@lru_cache(maxsize=1024)
def _folds_case(folder: Path) -> bool:
    """Tell whether the disk of a folder takes names that differ in case alone for one.

    Args:
        folder: An absolute path; it need not exist yet.
    """
    while not os.path.isdir(folder) and folder != folder.parent:  # unlike Path's it never raises
        folder = folder.parent
    try:
        with os.scandir(folder) as entries:
            name = next((entry.name for entry in entries if entry.name.swapcase() != entry.name), None)
        if name is not None:
            return os.path.samefile(folder / name, folder / name.swapcase())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # it may not be read; whoever writes there will be told
        pass
    return sys.platform in ("win32", "darwin")
