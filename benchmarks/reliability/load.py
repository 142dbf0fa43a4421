"""Hours of load: the service under clients of many kinds; what they were answered, and what of the machine it holds.

    python -m benchmarks.reliability load --hours 2 --folder runs/load

The server is a process of its own with a tiny network, whose temporary files lie in the folder. Every ten seconds its
resident memory, its part that is no library's or other file's, threads, descriptors and temporary files are written
down. After a sixth of the time, 3 to 20 minutes, the clients pause until all is quiet and processes that are started
for a time have ended, send one photograph more, and do so again at the end. Wrong is: an answer that is none of the
client's making; more of that part of the memory at the end than after that pause (by over 3 %; medians under load over
twenty minutes, and when all is quiet); more threads or descriptors in the second quiet than in the first; a file in
either that was not there before the first client. A run of less than 9 minutes warms up for a third of it, and one of
less than 6 says nothing of what grows. The exit status is 1 if anything was wrong. A run is one process's life, so one
that is stopped begins anew. Other work on the machine lets requests wait for each other, for which the service starts
a second process that reads: stop it. Linux alone tells what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from benchmarks.reliability.arguments import end_with, part_arguments
from benchmarks.reliability.clients import MEGAPIXELS, TIMEOUT, Answer, Uploads, be_clients
from benchmarks.reliability.tiny_weights import write_tiny_weights
from benchmarks.service import Server

SAMPLE_SECONDS = 10.0
WARM_SHARE, WARM_SECONDS = 1 / 6, (180.0, 1200.0)  # of the run: the share that warms up, and its least and most
# A median is taken over at most so long: single samples lie some 12 % apart, as sizes come and go, so that medians of
# five minutes would differ by over 3 % by chance. In less than the second it says nothing.
WINDOW_SECONDS, LEAST_WINDOW_SECONDS = 1200.0, 80.0
QUIET_SECONDS = 5.0  # in which what clients left is noticed
ENDED_SECONDS = 75.0  # in which processes that the service ends after a minute have ended too
GROWTH = 0.03
KEEP_MINUTES = (0.1, 0.5)  # how long the server keeps results: at least, so that clients get them, and at most
QUEUE = 6  # photos and films that may wait; fewer than clients, so that it is full now and then
MAX_UPLOAD_MB = 100


@dataclass(frozen=True)
class Sample:
    """What a process holds at a time.

    Attributes:
        seconds: Since the beginning.
        megabytes: Of resident memory.
        own_megabytes: Of it, what is no library's or other file's.
        threads: Of the process.
        descriptors: Open ones.
        files: Temporary ones, beside those of the server itself.
    """

    seconds: float
    megabytes: float
    own_megabytes: float
    threads: int
    descriptors: int
    files: int


@dataclass(frozen=True)
class Run:
    """What became of a run.

    Attributes:
        answers: To all clients.
        samples: Under load.
        quiet: When all was quiet: after the warming up, and at the end.
        left: Temporary files that were there then.
    """

    answers: list[Answer]
    samples: list[Sample]
    quiet: list[Sample]
    left: list[str]


def warm_seconds(seconds: float) -> float:
    """Return how long a run of so many seconds warms up."""
    least, most = WARM_SECONDS
    return min(most, max(least, seconds * WARM_SHARE), seconds / 3)


def tells_growth(seconds: float) -> bool:
    """Return whether a run of so many seconds is long enough to say something of what grows."""
    return (seconds - warm_seconds(seconds)) / 3 > LEAST_WINDOW_SECONDS


def window(samples: list[Sample], begin: float, end: float) -> float:
    """Return the median of the memory that is no file's between two times in seconds since the beginning."""
    return statistics.median(each.own_megabytes for each in samples if begin < each.seconds <= end)


class Watch:
    """Looks at a server from outside."""

    def __init__(self, server: Server, temporary: Path, record: Path, keep: float) -> None:
        """Begin to count the time.

        Args:
            server: The process.
            temporary: Folder of its temporary files.
            record: File to which samples are written, a line of JSON each.
            keep: Minutes for which the server keeps results.
        """
        self._server, self._temporary, self._record, self._keep = server, temporary, record, keep
        self._begin = time.perf_counter()
        self._first: list[str] = []
        self._first = self.files()
        record.write_text("", "utf-8")

    def files(self) -> list[str]:
        """Return the temporary files that were not there at the beginning, relative paths."""
        walk = os.walk(self._temporary)  # which takes it well that a folder vanishes meanwhile
        paths = {
            (Path(folder) / name).relative_to(self._temporary).as_posix() for folder, _, names in walk for name in names
        }
        return sorted(paths - set(self._first))

    def sample(self) -> Sample:
        """Return what the server holds now, and write it down."""
        process = Path(f"/proc/{self._server.process.pid}")
        sample = Sample(
            round(time.perf_counter() - self._begin, 1),
            round(self._server.memory(), 1),
            round(self._server.own_memory(), 1),
            len(list((process / "task").iterdir())),
            len(list((process / "fd").iterdir())),
            len(self.files()),
        )
        with self._record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(sample)) + "\n")
        return sample

    def until_quiet(self, seconds: float, photo: bytes) -> tuple[Sample, list[str]]:
        """Return what the server holds, and its files, after some seconds and as soon as there are none.

        Those that stay are returned when they should be gone.

        Args:
            seconds: To wait.
            photo: Coloured once then: AnyIO ends threads that were idle for ten seconds when another one is asked for,
                so those of the last clients stay until then, now more and now fewer.
        """
        time.sleep(seconds)
        with suppress(httpx.HTTPError):  # what was answered before is not lost for it
            httpx.post(f"{self._server.address}v1/colorize", files={"photo": ("photo.jpg", photo)}, timeout=TIMEOUT)
        time.sleep(QUIET_SECONDS)
        end = time.perf_counter() + 60 * self._keep + 60
        while (left := self.files()) and time.perf_counter() < end:
            time.sleep(1)
        return self.sample(), left


def run_load(options: argparse.Namespace) -> Run:
    """Put a server under load, once to warm up and once for the rest of the time."""
    folder = options.folder.absolute()
    temporary = folder / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    weights = options.weights or str(write_tiny_weights(folder / "weights" / "tiny.safetensors"))
    uploads = Uploads(min(options.megapixels, max(MEGAPIXELS)))
    run = Run([], [], [], [])
    keep = min(KEEP_MINUTES[1], max(KEEP_MINUTES[0], options.hours))
    more = ("--keep-minutes", str(keep), "--max-upload-mb", str(MAX_UPLOAD_MB))
    with Server(weights, QUEUE, more, {"TMPDIR": str(temporary)}) as server:
        watch = Watch(server, temporary, folder / "load.jsonl", keep)
        whole = options.hours * 3600
        warm = warm_seconds(whole)
        for seconds in (warm, whole - warm):
            end = time.perf_counter() + seconds

            def ask(number: int, end: float = end) -> None:
                for answer in be_clients(server.address, uploads, number, end):
                    run.answers.append(answer)

            first = options.clients * len(run.quiet)
            threads = [threading.Thread(target=ask, args=(first + number,)) for number in range(options.clients)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                time.sleep(min(SAMPLE_SECONDS, seconds / 10))
                run.samples.append(watch.sample())
            pause = ENDED_SECONDS if tells_growth(whole) else QUIET_SECONDS
            sample, left = watch.until_quiet(pause, uploads.photos[min(uploads.photos)])
            run.quiet.append(sample)
            run.left.extend(left)
    (folder / "answers.json").write_text(json.dumps([asdict(answer) for answer in run.answers]), "utf-8")
    return run


def faults(run: Run) -> list[str]:
    """Return what was wrong, a line each."""
    found = [f"{answer.kind}: {answer.wrong}" for answer in run.answers if answer.wrong]
    first, second = run.quiet
    length = min(WINDOW_SECONDS, (second.seconds - first.seconds) / 3)
    early = window(run.samples, first.seconds, first.seconds + length)
    late = window(run.samples, run.samples[-1].seconds - length, run.samples[-1].seconds)
    print(f"own megabytes under load: {early:.0f} after the warming up, {late:.0f} at the end")
    print(f"when all is quiet: {first.own_megabytes:.0f}, then {second.own_megabytes:.0f}")
    if length > LEAST_WINDOW_SECONDS:
        for when, before, after in (
            ("under load", early, late),
            ("when all is quiet", first.own_megabytes, second.own_megabytes),
        ):
            if after > before * (1 + GROWTH):
                found.append(f"memory grows {when}: {before:.0f} MB, then {after:.0f} MB")
        for name in ("threads", "descriptors"):
            before, after = getattr(first, name), getattr(second, name)
            if after > before:
                found.append(f"{name} grow: {before}, then {after}")
    return [*found, *(f"a temporary file is left: {name}" for name in run.left)]


def main(words: list[str]) -> None:
    """Put the service under load and print the table.

    Args:
        words: Of the command line.
    """
    parser = part_arguments("Put the service under load for hours.", weights="a tiny network")
    parser.add_argument("--hours", type=float, default=2, help="(default: 2)")
    parser.add_argument("--clients", type=int, default=8, help="at once (default: 8)")
    parser.add_argument("--megapixels", type=float, default=40, help="of the largest photograph (default: 40)")
    options = parser.parse_args(words)
    run = run_load(options)
    print(f"{options.clients} clients, {options.hours:g} hours, {len(run.answers)} requests")
    by_kind: dict[str, list[Answer]] = defaultdict(list)
    for answer in run.answers:
        by_kind[answer.kind].append(answer)
    for kind, own in sorted(by_kind.items()):
        statuses = ", ".join(f"{count} x {status}" for status, count in sorted(Counter(a.status for a in own).items()))
        times = sorted(answer.seconds for answer in own if answer.status == 200) or [0.0]
        print(f"{len(own):6} {kind}: {statuses}; p95 {times[int(len(times) * 0.95)]:.2f} s of what was done")
    for name in ("megabytes", "own_megabytes", "threads", "descriptors", "files"):
        highest = max(getattr(each, name) for each in run.samples)
        quiet = ", then ".join(f"{getattr(each, name):g}" for each in run.quiet)
        print(f"{name:12} highest {highest:g}; when all is quiet {quiet}")
    end_with(faults(run))
