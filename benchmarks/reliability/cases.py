"""Cases of damage, run in a process of its own, which is started anew when it crashes or hangs; their record and table.

A case is its number: the same damage in every run. What is done is kept in the folder, so the same command goes on
after a stop, and ``--seconds`` ends a run early.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from benchmarks.reliability.arguments import case_numbers, end_with
from benchmarks.reliability.record import run_cases

PATIENCE = 60  # times as long may a case take on a machine that is busy with other things
ENDING = 10.0  # seconds in which the process ends by itself
MAX_MEMORY = 16 << 30  # bytes of addresses that the process may take, so that the machine outlives what it is given
MAX_LINE = 500  # characters of a message
UNEXPECTED = re.compile(r"unexpected \w*(Error|Exception)|Traceback|object at 0x")


@dataclass(frozen=True)
class Case:
    """What became of a case.

    Attributes:
        number: Of the case.
        seed: Name of the sound input that was damaged.
        damage: What was done to it.
        status: ``done``, ``skipped`` or ``failed``, or what was wrong: ``crash`` or ``hang``.
        message: The line for the user.
        seconds: What it took.
        wrong: What was wrong; empty: nothing.
    """

    number: int
    seed: str
    damage: str
    status: str
    message: str
    seconds: float
    wrong: str


class Subject(Protocol):
    """What is damaged; it lives in the process of the cases."""

    @property
    def names(self) -> Sequence[str]:
        """The sound inputs, which the cases take by turns."""
        ...

    def run(self, number: int) -> Case:
        """Run a case and return what became of it."""
        ...


def _serve(connection: Connection, make: Callable[[], Subject]) -> None:
    """Take the numbers of cases from a connection and send what became of each; runs in a process of its own."""
    if hasattr(os, "fork"):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is known by its status
    subject = make()
    connection.send(list(subject.names))
    while (number := connection.recv()) is not None:
        connection.send(asdict(subject.run(number)))


def _seconds_computed(process: int | None) -> float:
    """Return the seconds for which a process has computed, since on a busy machine time passes without it.

    Where that is not told (elsewhere than in Linux), it is said to compute all the time.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except FileNotFoundError:
        return time.perf_counter()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Worker:
    """The process of the cases, which is started anew when it crashed or hangs."""

    def __init__(self, make: Callable[[], Subject], limit: float) -> None:
        """Start the process.

        Args:
            make: Makes the subject there; it can be pickled.
            limit: Seconds that a case may take.
        """
        self._make = make
        self._limit = limit
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self._make), daemon=True)
        self._process.start()
        other.close()
        self._names: list[str] = self._connection.recv()

    def run(self, number: int) -> Case:
        """Return what became of a case."""
        start, computed = time.perf_counter(), _seconds_computed(self._process.pid)
        self._connection.send(number)
        try:
            while True:
                if self._connection.poll(self._limit):
                    return Case(**self._connection.recv())
                seconds = time.perf_counter() - start
                has_computed = _seconds_computed(self._process.pid) - computed
                if seconds > PATIENCE * self._limit or has_computed > self._limit / 2:
                    break
            status = "hang"
        except (EOFError, ConnectionError):
            status = "crash"
        self._kill()
        code = self._process.exitcode
        self._start()
        name = self._names[number % len(self._names)]
        return Case(number, name, "", status, "", time.perf_counter() - start, f"{status}, exit code {code}")

    def stop(self) -> None:
        """Let the process end."""
        self._connection.send(None)
        self._process.join(ENDING)
        self._kill()

    def _kill(self) -> None:
        self._process.kill()
        self._process.join()


def line_faults(line: str, names: Sequence[str]) -> list[str]:
    """Return what is wrong with a line for the user.

    Args:
        line: The line.
        names: Of which it holds one; empty: it need not.
    """
    faults = []
    if names and not any(name in line for name in names):
        faults.append(f"a line does not name the file: {line!r}")
    if len(line) > MAX_LINE or "\n" in line or UNEXPECTED.search(line):
        faults.append(f"not a line for users: {line[: 2 * MAX_LINE]!r}")
    return faults


def run_part(options: argparse.Namespace, make: Callable[[], Subject], limit: float) -> None:
    """Run the cases of a part, those of earlier runs first, and print the table.

    Args:
        options: Of the command line: ``part``, ``folder``, ``count`` and ``seconds``.
        make: Makes what is damaged; it can be pickled.
        limit: Seconds that a case may take.
    """
    cases = list(_run_cases(options, make, limit))
    print(f"{len(cases)} of {options.count} {options.part}, slowest {max((c.seconds for c in cases), default=0):.1f} s")
    for status, count in Counter(case.status for case in cases).most_common():
        print(f"{count:6} {status}")
    print("kinds of refusals:")
    for refusal, count in Counter(_kind_of(case.message) for case in cases if case.status == "failed").most_common(40):
        print(f"{count:6} {refusal}")
    end_with([f"{case.number} {case.seed} ({case.damage}): {case.wrong}" for case in cases if case.wrong])


def _run_cases(options: argparse.Namespace, make: Callable[[], Subject], limit: float) -> Iterator[Case]:
    worker: Worker | None = None

    def run(number: int) -> dict[str, Any]:
        nonlocal worker
        worker = worker or Worker(make, limit)
        return asdict(worker.run(number))

    try:
        record = options.folder / f"{options.part}.jsonl"
        yield from (Case(**case) for case in run_cases(record, case_numbers(options), run, options.seconds))
    finally:
        if worker is not None:
            worker.stop()


def _kind_of(message: str) -> str:
    """Return a message without what differs from file to file: names and numbers."""
    words = re.sub(r"^\S*case\.\w+", "FILE", message)
    words = re.sub(r"\([^()]*\)|'[^']*'", "(...)", words)
    return re.sub(r"\d+(\.\d+)?", "N", words)[:110]
