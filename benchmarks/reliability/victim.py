"""A command in a process of its own that is killed at a moment: after a time, or between two changes of files.

The process is forked from one that has imported everything, so it begins at once; nothing else of it is shared.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "os.utime")
"""Python's audit events of changed files; each is heard before the change. Opening for writing is another."""
WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class Moment:
    """When a process is killed.

    Attributes:
        seconds: After its beginning; None: see the other.
        change: Before which change of a file, counted from 1.
    """

    seconds: float | None = None
    change: int | None = None


@dataclass(frozen=True)
class End:
    """How a process ended.

    Attributes:
        status: Its exit status; None: it was killed.
        moment: What it was doing, or how long it had run, when it was killed; else empty.
        seconds: What it took.
        changes: Changes of files until its own end; 0 where it was killed.
        output: What it printed.
    """

    status: int | None
    moment: str
    seconds: float
    changes: int
    output: str


class Changes:
    """Counts a process's changes of files, and kills it before one of them."""

    def __init__(self, folder: Path, fatal: int | None, said: int) -> None:
        """Begin at none.

        Args:
            folder: Where files are watched.
            fatal: The change before which the process is killed; None: it is not.
            said: Descriptor of the file to which its last change is said.
        """
        self.count = 0
        self._folder, self._fatal, self._said = str(folder), fatal, said

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count an audit event if it is a change."""
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            if flags & WRITING and os.fsdecode(arguments[0]).startswith(self._folder):
                self.change(f"open {os.path.basename(os.fsdecode(arguments[0]))}")
        elif event in CHANGES:
            names = [os.path.basename(os.fsdecode(each)) for each in arguments if isinstance(each, (str, bytes))]
            self.change(f"{event} {' '.join(names)}")

    def change(self, what: str) -> None:
        """Count a change; the process ends here if it is the fatal one."""
        self.count += 1
        if self.count == self._fatal:
            os.write(self._said, what.encode("utf-8", "replace"))
            os.kill(os.getpid(), 9)


def _run(function: str, words: Sequence[str], folder: Path, fatal: int | None, output: Path, said: Path) -> None:
    """Run a command in this process, which ends with it."""
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(folder)
    changes = Changes(folder, fatal, os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    fsync = os.fsync

    def heard_fsync(file: Any) -> None:
        changes.change("fsync")
        fsync(file)

    os.fsync = heard_fsync  # type: ignore[assignment]
    sys.addaudithook(changes.hear)
    module, _, name = function.partition(":")
    status = 1
    try:
        status = getattr(importlib.import_module(module), name)(list(words)) or 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    finally:
        count = changes.count
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        with open(said, "w", encoding="utf-8") as file:
            file.write(str(count))
        os._exit(status)


class Stage:
    """Where commands are run: what they print is kept in a folder."""

    def __init__(self, folder: Path, modules: Sequence[str]) -> None:
        """Prepare the process from which all are forked; it starts with the first.

        Args:
            folder: For what they print; not where they work.
            modules: To import first.
        """
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self._context.set_forkserver_preload([__name__, *modules])
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def run(
        self,
        function: str,
        words: Sequence[str],
        folder: Path,
        moment: Moment | None = None,
        limit: float = 600,
        meanwhile: Callable[[], None] | None = None,
    ) -> End:
        """Run a command and wait until it ends.

        Args:
            function: ``module:function`` that takes the words and returns the exit status.
            words: Of the command line.
            folder: Where it works, and relative paths begin.
            moment: When it is killed; None: not at all.
            limit: Seconds after which it hangs, and is killed.
            meanwhile: Called ``moment.seconds`` after the beginning, in place of the kill.

        Returns:
            How it ended; ``status`` is None and ``moment`` empty if it hung.
        """
        output, said = self._folder / "output", self._folder / "said"
        said.unlink(missing_ok=True)
        fatal = moment.change if moment else None
        process = self._context.Process(target=_run, args=(function, words, folder, fatal, output, said))
        start = time.perf_counter()
        process.start()
        killed = ""
        if moment and moment.seconds is not None:
            process.join(moment.seconds)
            if process.is_alive() and meanwhile is not None:
                meanwhile()
            elif process.is_alive():
                process.kill()
                killed = f"after {moment.seconds:.3f} s"
        process.join(limit)
        hangs = process.is_alive()
        if hangs:
            process.kill()
            process.join()
        seconds = time.perf_counter() - start
        text = output.read_text("utf-8", "replace") if output.exists() else ""
        last = said.read_text("utf-8", "replace") if said.exists() else ""
        if process.exitcode == -9:
            return End(None, "" if hangs else killed or f"before {last}", seconds, 0, text)
        return End(process.exitcode, "", seconds, int(last or 0), text)
