"""Progress bars of the commands."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

LOCK = threading.RLock()


def progress_bar(**settings: Any) -> tqdm:
    """Return a progress bar.

    Its lock is one of threads. tqdm's own is one of processes too, for which Python starts another process on macOS,
    and from 3.14 on on Linux, that prints a warning about the lock once this one has ended.

    Args:
        **settings: Those of ``tqdm``.
    """
    from tqdm import tqdm

    tqdm.set_lock(LOCK)
    return tqdm(**settings)
