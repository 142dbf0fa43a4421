"""Measure the HTTP service under load: clients colour photos of one megapixel for a minute; a table, and JSON.

    python -m benchmarks.service --clients 8 --seconds 60 --json service.json

The server is a process of its own on a free port of this machine, started as a user starts it. Stop everything else
first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.photo import make_photo
from benchmarks.process_memory import tree_memory, tree_own_memory

COMMAND = "import sys; from colorize.web import main; sys.exit(main())"
PHOTOS = 4  # different ones
SAMPLE_SECONDS = 0.25  # between two readings of the memory
TIMEOUT = 60.0  # seconds, of a request
MEGABYTE = 1_000_000


@dataclass
class Load:
    """Responses to all clients.

    Attributes:
        seconds: From request to response, of each photo that was coloured.
        statuses: Number of responses by HTTP status.
        faults: Descriptions of requests that failed.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Server:
    """A process of ``colorize-web``, as a context manager that ends it."""

    def __init__(
        self, weights: str, queue: int, more: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the process, and wait until it listens.

        Args:
            weights: Name or file.
            queue: How many photos may wait.
            more: Further words of the command line.
            environment: Variables of the process beside those of this one.
        """
        words = [sys.executable, "-c", COMMAND, "--port", "0", "--weights", weights, "--max-queue", str(queue), *more]
        variables = {**os.environ, **(environment or {})}
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=variables)
        assert self.process.stderr is not None
        said = ""
        for line in self.process.stderr:  # a line may come before: the graph of weights of one's own is named
            said += line
            if match := re.search(r"http://\S+?/(?=\s)", line):
                break
        else:
            self.process.kill()
            raise SystemExit(f"the server did not start: {said.strip()}")
        self.address = match.group()
        threading.Thread(target=self.process.stderr.read, daemon=True).start()  # so that it never waits for a reader

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)

    def memory(self) -> float:
        """Return the resident memory of the process in millions of bytes, and of those that it has started.

        What several of them share counts once. Linux; elsewhere 0.
        """
        return tree_memory(self.process.pid)

    def own_memory(self) -> float:
        """Return what of it is no file's, such as a library's."""
        return tree_own_memory(self.process.pid)


def client(address: str, photos: list[bytes], number: int, end: float, load: Load) -> None:
    """Colour one photo after the other until a time is reached, and record the responses.

    Args:
        address: Of the server.
        photos: JPEG files, sent by turns.
        number: Of this client; it begins with another photo than the next one.
        end: Seconds of the performance counter.
        load: Where responses are recorded.
    """
    with httpx.Client(base_url=address, timeout=TIMEOUT) as session:
        for count in range(1_000_000):
            start = time.perf_counter()
            if start >= end:
                return
            photo = photos[(count + number) % len(photos)]
            try:
                answer = session.post("/v1/colorize", files={"photo": ("photo.jpg", photo)})
            except httpx.HTTPError as error:
                load.faults.append(f"{type(error).__name__}: {error}")
                continue
            load.statuses[answer.status_code] += 1
            if answer.status_code == 200 and answer.content[:2] == b"\xff\xd8":
                load.seconds.append(time.perf_counter() - start)
            else:
                load.faults.append(f"{answer.status_code}: {answer.text[:200]}")


def measure(server: Server, photos: list[bytes], clients: int, seconds: float) -> tuple[Load, list[float], float]:
    """Return the responses, the server's memory over time in megabytes, and the seconds that it took."""
    load = Load()
    client(server.address, photos, 0, time.perf_counter() + 1, Load())  # warm
    begin = time.perf_counter()
    end = begin + seconds
    threads = [
        threading.Thread(target=client, args=(server.address, photos, number, end, load)) for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    memory = []
    while any(thread.is_alive() for thread in threads):
        memory.append(server.memory())
        time.sleep(SAMPLE_SECONDS)
    return load, memory, time.perf_counter() - begin


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--weights", default="stable")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = [make_photo(Path(folder, f"{seed}.jpg"), 1, seed).read_bytes() for seed in range(PHOTOS)]
    with Server(options.weights, 4 * options.clients) as server:
        load, memory, seconds = measure(server, photos, options.clients, options.seconds)
    if not load.seconds:
        raise SystemExit(f"nothing was coloured: {load.faults[:3]}")
    times = sorted(load.seconds)
    third = max(1, len(memory) // 3)
    figures = {
        "photos coloured": len(times),
        "photos a second": len(times) / seconds,
        "p50, s": statistics.median(times),
        "p95, s": times[min(len(times) - 1, int(len(times) * 0.95))],
        "longest, s": times[-1],
        "errors": len(load.faults),
        "memory, first third, MB": statistics.median(memory[:third]),
        "memory, last third, MB": statistics.median(memory[-third:]),
        "memory, peak, MB": max(memory),
    }
    print(f"{options.clients} clients, photos of 1 megapixel, {options.seconds:g} s, weights {options.weights}\n")
    for name, value in figures.items():
        print(f"{name:<26} {value:>9.4g}")
    for fault in load.faults[:5]:
        print(f"fault: {fault}", file=sys.stderr)
    if options.json:
        report = {"figures": figures, "statuses": dict(load.statuses), "seconds": load.seconds, "faults": load.faults}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
