"""The guard of a worker's process: a thread that ends it above its memory limit, and hears that the run is to stop."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

STOP_NAME = "stop"  # of the file that tells all workers of a run to stop
POLL_SECONDS = 0.2
GIGABYTE = 1e9
SHARE = 0.9  # of a machine's memory that its workers have together
OVER_MEMORY = 77  # exit status


def worker_name() -> str:
    """Return the name of this process among those of all machines."""
    return f"{socket.gethostname()}-{os.getpid()}"


def memory_share(processors: int) -> float:
    """Return the gigabytes that a worker with so many processors may use on this machine."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 8 * GIGABYTE
    return SHARE * total / GIGABYTE / max(1, (os.cpu_count() or 1) // processors)


def start_guard(folder: Path, memory_limit: float, cancel: threading.Event) -> None:
    """Guard this process as long as it lives.

    Args:
        folder: Which the driver sees too: a file ``stop`` in it tells the worker to stop; where the process is ended,
            its name is left there.
        memory_limit: Gigabytes.
        cancel: Set when the worker is to stop.
    """

    def watch() -> None:
        while True:
            if resident_gigabytes() > memory_limit:
                (folder / worker_name()).touch()
                os._exit(OVER_MEMORY)
            if (folder / STOP_NAME).exists():
                cancel.set()
            time.sleep(POLL_SECONDS)

    threading.Thread(target=watch, name="colorize-guard", daemon=True).start()


def resident_gigabytes() -> float:
    """Return the memory that this process holds; where the system does not say it, the most that it held."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / GIGABYTE
    except OSError:
        import resource  # not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE  # bytes on macOS
