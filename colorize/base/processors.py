"""The processors of this machine."""

from __future__ import annotations

import os


def available_cpus() -> int:
    """Return how many processors this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # Linux: some may be kept from it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
