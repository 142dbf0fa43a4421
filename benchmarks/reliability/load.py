"""Hours of load: the service under clients of many kinds; what they were answered, and what of the machine it holds.

    python -m benchmarks.reliability load --hours 2 --folder runs/load

The server is a process of its own with a tiny network, whose temporary files lie in the folder. Every ten seconds its
resident memory, threads, descriptors and temporary files are written down. Wrong is: an answer that is none of the
client's making, more memory at the end than at minute 20 (by over 3 %; in a shorter run, than after a third), threads
or descriptors that grow, and a file that is left when nobody asks any more. The exit status is 1 if anything was
wrong. A run is one process's life, so one that is stopped begins anew. Linux alone tells what is measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.reliability.clients import Answer, Uploads, be_clients
from benchmarks.reliability.tiny_weights import write_tiny_weights
from benchmarks.service import Server

SAMPLE_SECONDS = 10.0
WARM_SECONDS = 1200.0  # after which memory is compared with that at the end
WINDOW_SECONDS = 300.0  # over which a median is taken
GROWTH = 0.03
KEEP_MINUTES = 0.5  # how long the server keeps results
QUEUE = 6  # photos and films that may wait; fewer than clients, so that it is full now and then
MAX_UPLOAD_MB = 100


@dataclass(frozen=True)
class Sample:
    """What a process holds at a time.

    Attributes:
        seconds: Since the beginning.
        megabytes: Of resident memory.
        threads: Of the process.
        descriptors: Open ones.
        files: Temporary ones.
    """

    seconds: float
    megabytes: float
    threads: int
    descriptors: int
    files: int


def sample(server: Server, temporary: Path, begin: float) -> Sample:
    """Return what a server holds now."""
    process = Path(f"/proc/{server.process.pid}")
    return Sample(
        round(time.perf_counter() - begin, 1),
        round(server.memory(), 1),
        len(list((process / "task").iterdir())),
        len(list((process / "fd").iterdir())),
        sum(1 for path in temporary.rglob("*") if path.is_file()),
    )


def window(samples: list[Sample], end: float) -> list[Sample]:
    """Return the samples of the minutes before a time, in seconds since the beginning."""
    length = min(WINDOW_SECONDS, end / 3)
    return [each for each in samples if end - length < each.seconds <= end]


def run_load(options: argparse.Namespace) -> tuple[list[Answer], list[Sample], Sample]:
    """Return the answers, the samples under load, and the one when all is quiet again."""
    options.folder.mkdir(parents=True, exist_ok=True)
    temporary = options.folder.absolute() / "temporary"
    temporary.mkdir(exist_ok=True)
    weights = options.weights or str(write_tiny_weights(options.folder.absolute() / "weights" / "tiny.safetensors"))
    uploads = Uploads()
    answers: list[Answer] = []
    samples: list[Sample] = []
    more = ("--keep-minutes", str(KEEP_MINUTES), "--max-upload-mb", str(MAX_UPLOAD_MB))
    with Server(weights, QUEUE, more, {"TMPDIR": str(temporary)}) as server:
        begin = time.perf_counter()
        end = begin + options.hours * 3600

        def ask(number: int) -> None:
            for answer in be_clients(server.address, uploads, number, end):
                answers.append(answer)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(options.clients)]
        for thread in threads:
            thread.start()
        with (options.folder / "load.jsonl").open("w", encoding="utf-8") as record:
            while any(thread.is_alive() for thread in threads):
                time.sleep(min(SAMPLE_SECONDS, options.hours * 360))
                samples.append(sample(server, temporary, begin))
                record.write(json.dumps(asdict(samples[-1])) + "\n")
                record.flush()
        quiet_end = time.perf_counter() + 60 * KEEP_MINUTES + 60
        while (last := sample(server, temporary, begin)).files and time.perf_counter() < quiet_end:
            time.sleep(1)
        (options.folder / "answers.json").write_text(json.dumps([asdict(answer) for answer in answers]), "utf-8")
    return answers, samples, last


def faults(answers: list[Answer], samples: list[Sample], last: Sample) -> list[str]:
    """Return what was wrong, a line each."""
    found = [f"{answer.kind}: {answer.wrong}" for answer in answers if answer.wrong]
    end = samples[-1].seconds
    early, late = window(samples, WARM_SECONDS if end > 2 * WARM_SECONDS else end / 2), window(samples, end)
    before, after = (statistics.median(each.megabytes for each in part) for part in (early, late))
    if after > before * (1 + GROWTH):
        found.append(f"memory grows: {before:.0f} MB, then {after:.0f} MB")
    for name in ("threads", "descriptors"):
        before, after = (max(getattr(each, name) for each in part) for part in (early, late))
        if after > before:
            found.append(f"{name} grow: {before}, then {after}")
    if last.files:
        found.append(f"{last.files} temporary files are left")
    return found


def main(words: list[str]) -> None:
    """Put the service under load and print the table.

    Args:
        words: Of the command line.
    """
    parser = argparse.ArgumentParser(description="Put the service under load for hours.")
    parser.add_argument("part")
    parser.add_argument("--hours", type=float, default=2, help="(default: 2)")
    parser.add_argument("--clients", type=int, default=8, help="at once (default: 8)")
    parser.add_argument("--folder", type=Path, required=True, help="for the server's files and the record")
    parser.add_argument("--weights", help="released name or file; default: a tiny network")
    options = parser.parse_args(words)
    answers, samples, last = run_load(options)
    print(f"{options.clients} clients, {options.hours:g} hours, {len(answers)} requests")
    by_kind: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_kind[answer.kind].append(answer)
    for kind, own in sorted(by_kind.items()):
        statuses = ", ".join(f"{count} x {status}" for status, count in sorted(Counter(a.status for a in own).items()))
        times = sorted(answer.seconds for answer in own if answer.status == 200) or [0.0]
        print(f"{len(own):6} {kind}: {statuses}; p95 {times[int(len(times) * 0.95)]:.2f} s of what was done")
    for name in ("megabytes", "threads", "descriptors", "files"):
        values = [getattr(each, name) for each in samples]
        print(
            f"{name:12} highest {max(values):g}, at the end {values[-1]:g}, when all is quiet {getattr(last, name):g}"
        )
    wrong = faults(answers, samples, last)
    for line in wrong:
        print(f"WRONG {line}")
    print(f"wrong: {len(wrong)}")
    if wrong:
        sys.exit(1)
