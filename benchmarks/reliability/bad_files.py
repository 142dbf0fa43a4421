"""Damaged files: thousands of photographs or films with something wrong, and what became of each; a table.

    python -m benchmarks.reliability photos --count 5000 --folder runs/photos
    python -m benchmarks.reliability photos --count 500 --weights stable --folder runs/released
    python -m benchmarks.reliability films --count 1000 --seconds 600 --folder runs/films

Sound files of every format are made, and each case changes one of them: bytes flipped, cut off, overwritten, moved,
repeated or made extreme where headers are. Real readers, pipelines and writers take it; the network is a formula unless
``--weights`` says otherwise. A case is its number: the same file in every run. What is done is kept in the folder, so
the same command goes on after a stop, and ``--seconds`` ends a run early.

Wrong is: the process ends (a crash), a file takes longer than the limit (a hang), a file is left behind that is not a
whole result (a partial output), the source changes, "done" without a result that another decoder reads, a failure
without a line that names the file, or an error that nobody expected. The exit status is 1 if there was any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import av
from PIL import Image

from benchmarks.reliability.arguments import end_with, part_arguments
from benchmarks.reliability.damage import damaged
from benchmarks.reliability.formula import Formula
from benchmarks.reliability.sound_files import make_films, make_photos
from colorize.base import CONTAINERS, PHOTO_FORMATS, READ_ONLY_SUFFIXES
from colorize.batch import FileOptions, Job, PhotoOptions, colorize_files
from colorize.engine import Colorizer
from colorize.film import VideoOptions

LIMITS = {"photos": 10.0, "films": 60.0}  # seconds that a file may take
PATIENCE = 60  # times as long may a file take on a machine that is busy with other things
MAX_LINE = 500  # characters of a message
UNEXPECTED = re.compile(r"unexpected \w*(Error|Exception)|Traceback|object at 0x")


@dataclass(frozen=True)
class Case:
    """What became of a damaged file.

    Attributes:
        number: Of the case.
        seed: Name of the sound file that was damaged.
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


def serve(connection: Connection, kind: str, weights: str | None, folder: Path) -> None:
    """Take the numbers of cases from a connection and send what became of each; runs in a process of its own."""
    seeds = make_photos() if kind == "photos" else make_films()
    connection.send(sorted(seeds))
    colorizer = Colorizer(weights) if weights else Colorizer(Formula())
    options = FileOptions(
        photo=PhotoOptions(overwrite=True), video=VideoOptions(overwrite=True, preset=None), force=False
    )
    while (number := connection.recv()) is not None:
        name, damage, data = damaged(seeds, number)
        connection.send(asdict(run_case(colorizer, options, folder, number, name, damage, data)))


def run_case(
    colorizer: Colorizer, options: FileOptions, folder: Path, number: int, name: str, damage: str, data: bytes
) -> Case:
    """Colour a damaged file in an empty folder and return what became of it."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "out").mkdir(parents=True)
    source = folder / f"case{Path(name).suffix}"
    source.write_bytes(data)
    target = (folder / "out" / source.name).with_suffix(result_suffix(source.suffix))
    start = time.perf_counter()
    outcome = next(iter(colorize_files(colorizer, [Job(source, target)], options)))
    seconds = time.perf_counter() - start
    wrong = []
    left = sorted(path.name for path in (folder / "out").iterdir())
    if outcome.status == "failed" and "segments stay" in outcome.message:
        left.remove(f"{target.name}.segments")
    has_result = outcome.status == "done" or (
        target.name in left and str(target) in outcome.message
    )  # of a cut-off film
    if left != ([target.name] if has_result else []):
        wrong.append(f"{outcome.status}, but {left or 'nothing'} is there")
    elif has_result and (problem := unreadable(target)):
        wrong.append(f"{outcome.status}, but the result cannot be read: {problem}")
    if hashlib.sha256(source.read_bytes()).digest() != hashlib.sha256(data).digest():
        wrong.append("the source changed")
    for line in (outcome.message, *outcome.notes):
        if str(source) not in line and source.name not in line:
            wrong.append(f"a line does not name the file: {line!r}")
        if len(line) > MAX_LINE or "\n" in line or UNEXPECTED.search(line):
            wrong.append(f"not a line for users: {line!r}")
    return Case(number, name, damage, outcome.status, outcome.message, seconds, "; ".join(wrong))


def result_suffix(suffix: str) -> str:
    """Return the suffix of a file's result."""
    if suffix in (*PHOTO_FORMATS, *CONTAINERS):
        return suffix
    return READ_ONLY_SUFFIXES.get(suffix, ".png" if suffix in (".gif", ".dng") else ".mp4")


def unreadable(path: Path) -> str:
    """Return why another decoder does not read a result to its end; empty: it does."""
    try:
        if path.suffix in CONTAINERS:
            with av.open(str(path)) as film:
                return "" if sum(1 for _ in film.decode(video=0)) else "no frame"
        if PHOTO_FORMATS.get(path.suffix) in Image.SAVE:
            with Image.open(path) as image:
                image.load()
        return ""
    except Exception as error:  # whatever another decoder raises
        return f"{type(error).__name__}: {error}"


def seconds_computed(process: int | None) -> float:
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
    """The process that colours, which is started anew when it crashed or hangs."""

    def __init__(self, kind: str, weights: str | None, folder: Path, limit: float) -> None:
        self._arguments = (kind, weights, folder)
        self._limit = limit
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, *self._arguments), daemon=True)
        self._process.start()
        other.close()
        self.seeds: list[str] = self._connection.recv()

    def run(self, number: int) -> Case:
        """Return what became of a case."""
        start, computed = time.perf_counter(), seconds_computed(self._process.pid)
        self._connection.send(number)
        try:
            while True:
                if self._connection.poll(self._limit):
                    return Case(**self._connection.recv())
                seconds = time.perf_counter() - start
                if seconds > PATIENCE * self._limit or seconds_computed(self._process.pid) - computed > self._limit / 2:
                    break
            status = "hang"
        except (EOFError, ConnectionError):
            status = "crash"
        self.stop()
        code = self._process.exitcode
        self._start()
        name = self.seeds[number % len(self.seeds)]
        seconds = time.perf_counter() - start
        return Case(number, name, "", status, "", seconds, f"{status}, exit code {code}")

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def run_cases(options: argparse.Namespace) -> Iterator[Case]:
    """Yield what became of each case, those of earlier runs first."""
    record = options.folder / f"{options.part}.jsonl"
    options.folder.mkdir(parents=True, exist_ok=True)
    known = [Case(**json.loads(line)) for line in record.read_text("utf-8").splitlines()] if record.exists() else []
    yield from known
    begin = time.monotonic()
    worker: Worker | None = None
    try:
        for number in sorted(set(range(options.count)) - {case.number for case in known}):
            if options.seconds is not None and time.monotonic() - begin > options.seconds:
                return
            worker = worker or Worker(
                options.part, options.weights, (options.folder / "case").absolute(), LIMITS[options.part]
            )
            case = worker.run(number)
            with record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(case)) + "\n")
            yield case
    finally:
        if worker is not None:
            worker.stop()


def kind_of(message: str) -> str:
    """Return a message without what differs from file to file: names and numbers."""
    words = re.sub(r"^\S*case\.\w+", "FILE", message)
    words = re.sub(r"\([^()]*\)|'[^']*'", "(...)", words)
    return re.sub(r"\d+(\.\d+)?", "N", words)[:110]


def main(words: list[str]) -> None:
    """Colour the damaged files and print the table.

    Args:
        words: Of the command line.
    """
    about = "Colour damaged files and look at what becomes of them."
    parser = part_arguments(about, cases=5000, weights="a formula")
    options = parser.parse_args(words)
    cases = list(run_cases(options))
    print(f"{len(cases)} of {options.count} {options.part}, slowest {max((c.seconds for c in cases), default=0):.1f} s")
    for status, count in Counter(case.status for case in cases).most_common():
        print(f"{count:6} {status}")
    print("kinds of refusals:")
    for refusal, count in Counter(kind_of(case.message) for case in cases if case.status == "failed").most_common(40):
        print(f"{count:6} {refusal}")
    end_with([f"{case.number} {case.seed} ({case.damage}): {case.wrong}" for case in cases if case.wrong])
