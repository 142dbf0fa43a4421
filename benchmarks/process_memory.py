"""The memory of a process and of those that it has started, while they run (Linux)."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

MEGABYTE = 1_000_000


def tree_memory(pid: int) -> float:
    """Return the resident memory of a process and of those that it has started, in millions of bytes.

    What several of them share counts once, and of a library that others have loaded too, their part does not. Linux;
    elsewhere, and of a process that has ended, 0.
    """
    return sum(_memory_of(each, "Pss") for each in (pid, *_children_of(pid)))


def tree_own_memory(pid: int) -> float:
    """Return the memory that these processes have written themselves, without files such as libraries.

    It does not depend on what else has loaded the same libraries. Linux; elsewhere, and of a process that has ended, 0.
    """
    return sum(_memory_of(each, "Pss_Anon") for each in (pid, *_children_of(pid)))


def _children_of(pid: int) -> list[int]:
    """Return the processes that one has started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # it has ended
        return []
    children = []
    for task in tasks:
        with suppress(OSError):  # the thread has ended
            children += [int(word) for word in (task / "children").read_text("ascii").split()]
    return children


def _memory_of(pid: int, kind: str) -> float:
    """Return memory of a process in millions of bytes; of what it shares with n others, a part of n + 1.

    Args:
        pid: The process.
        kind: As the kernel calls it.
    """
    try:
        match = re.search(rf"^{kind}:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text("ascii"), re.MULTILINE)
    except OSError:
        return 0.0
    return int(match[1]) * 1024 / MEGABYTE if match else 0.0
