"""Measure runs over very many files, alone and by Ray: speed, memory, and what kills do; each figure in one line.

    python -m benchmarks.cluster speed --photos 500
    python -m benchmarks.cluster memory --rows 10000 1000000
    python -m benchmarks.cluster nodes --photos 200
    python -m benchmarks.cluster kills --photos 500 --kills 20
    python -m benchmarks.cluster film video.mp4

``speed``, ``nodes``, ``kills`` and ``film`` need the extra ``ray``. Stop everything else first.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

COMMAND = (sys.executable, "-c", "import sys; from colorize.cli import main; sys.exit(main())")
MEGABYTE = 1e6
MEGAPIXELS = 1.0
POLL_SECONDS = 0.02
KILLED_AT = 0.3, 0.6  # of the photos that are done when a node is killed


def make_photos(folder: Path, count: int, megapixels: float) -> Path:
    """Write grey JPEGs of photographs that differ, and return their folder."""
    folder.mkdir()
    side = round((megapixels * 1e6) ** 0.5)
    samples = sorted((Path(__file__).parents[1] / "samples").glob("*.jpg"))
    pictures = [Image.open(path).convert("L").resize((side, side)) for path in samples if "_colorized" not in path.name]
    for number in range(count):
        picture = np.roll(np.asarray(pictures[number % len(pictures)]), 7 * number, axis=1)
        Image.fromarray(picture).save(folder / f"{number:06d}.jpg", quality=90)
    return folder


def run(*arguments: object) -> tuple[float, str]:
    """Run the command; return its seconds and what it said.

    Raises:
        RuntimeError: It failed.
    """
    begin = time.monotonic()
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.monotonic() - begin, done.stderr


def results(folder: Path) -> dict[str, bytes]:
    """Return the results of a run by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.jpg"))}


def span_of(out: Path) -> float:
    """Return the seconds from the first photo's end to the last one's, by the journal: start-up is left out."""
    lines = (out / "colorize-journal").glob("*.jsonl*")
    ended = [float(found) for path in lines for found in re.findall(r'"ended": ([\d.]+)', path.read_text())]
    return max(ended) - min(ended)


def measure_speed(folder: Path, count: int, megapixels: float, repeats: int) -> None:
    """Print photos a second of one process and of two workers with a thread each, by turns."""
    photos = make_photos(folder / "photos", count, megapixels)
    lists = folder / "list.txt"
    lists.write_text("".join(f"{path}\n" for path in sorted(photos.glob("*.jpg"))))
    rates: dict[str, list[float]] = {"one process": [], "two workers": []}
    starts: dict[str, list[float]] = {"one process": [], "two workers": []}
    for turn in range(repeats):
        for name, options in (("one process", []), ("two workers", ["--workers", 2, "--ray"])):
            out = folder / f"{name}-{turn}"
            seconds, _ = run("--files", lists, "-o", out, *options)
            span = span_of(out)
            rates[name].append((count - 1) / span)
            starts[name].append(seconds - span)
    for name, found in rates.items():
        print(f"{name}: {statistics.median(found):.2f} photos/s, start and end {statistics.median(starts[name]):.1f} s")
    ratios = [two / one for one, two in zip(*rates.values(), strict=True)]
    print(f"two workers to one: {statistics.median(ratios):.2f}; by turns {', '.join(map('{:.2f}'.format, ratios))}")


def measure_memory(folder: Path, rows: list[int]) -> None:
    """Print seconds and peak memory of dry runs of lists."""
    photos = sorted(make_photos(folder / "photos", 100, 0.01).glob("*.jpg"))
    for count in rows:
        path = folder / f"{count}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "result"))
            writer.writerows(
                (photos[number % 100], f"{number // 1000:05d}/{number:08d}.jpg") for number in range(count)
            )
        begin = time.monotonic()
        process = subprocess.Popen([*COMMAND, "--files", str(path), "-o", str(folder / "out"), "--dry-run", "-q"])
        _, status, usage = os.wait4(process.pid, 0)
        print(
            f"{count} rows: {usage.ru_maxrss * 1024 / MEGABYTE:.0f} MB, {time.monotonic() - begin:.0f} s, "
            f"status {os.waitstatus_to_exitcode(status)}"
        )


def measure_nodes(folder: Path, count: int, megapixels: float, nodes: int = 4) -> None:
    """Print what a run on several nodes comes to of which one is killed at each of two moments."""
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    photos = make_photos(folder / "photos", count, megapixels)
    run(photos, "-o", folder / "one", "--threads", 1)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    workers = [cluster.add_node(num_cpus=1) for _ in range(nodes)]
    out = folder / "many"
    options = ["-o", str(out), "--workers", str(nodes), "--ray", cluster.address]
    begin = time.monotonic()
    process = subprocess.Popen([*COMMAND, str(photos), *options], stderr=subprocess.PIPE, text=True)
    for share in KILLED_AT:
        while process.poll() is None and len(list(out.glob("*.jpg"))) < share * count:
            time.sleep(POLL_SECONDS)
        cluster.remove_node(workers.pop(), allow_graceful=False)
        print(f"a node was killed with {len(list(out.glob('*.jpg')))} of {count} photos done")
    _, err = process.communicate()
    cluster.shutdown()
    print(f"status {process.returncode}, {time.monotonic() - begin:.0f} s; {err.strip().splitlines()[0]}")
    print(f"the same as one machine's: {results(out) == results(folder / 'one')}; {journal_figures(out)}")


def journal_figures(out: Path) -> str:
    """Return in words how often a journal says of photos that they were begun and done."""
    text = "".join(path.read_text() for path in sorted((out / "colorize-journal").glob("*.jsonl*")))
    begun = Counter(re.findall(r'"file": "([^"]*)"[^}]*"status": "begun"', text))
    done = Counter(re.findall(r'"file": "([^"]*)"[^}]*"status": "done"', text))
    twice, anew = done.total() - len(done), begun.total() - len(begun)
    return f"journal: {len(done)} done, {twice} done twice, {anew} begun anew"


def measure_kills(folder: Path, count: int, megapixels: float, kills: int, seed: int) -> None:
    """Print what a run comes to whose driver is killed at random moments."""
    photos = make_photos(folder / "photos", count, megapixels)
    run(photos, "-o", folder / "one", "--threads", 1)
    out = folder / "many"
    command = [*COMMAND, str(photos), "-o", str(out), "--workers", "2", "--ray"]
    chance = random.Random(seed)
    for number in range(kills):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        have = len(list(out.glob("*.jpg")))
        wanted = have + chance.randint(0, max(1, 2 * (count - have) // (kills - number + 1)))
        while process.poll() is None and len(list(out.glob("*.jpg"))) < wanted:
            time.sleep(POLL_SECONDS)
        time.sleep(chance.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
    run(photos, "-o", out, "--workers", 2, "--ray")
    print(f"{kills} kills: {len(results(out))} of {count} photos are there")
    print(f"the same as one machine's: {results(out) == results(folder / 'one')}; {journal_figures(out)}")


def measure_film(folder: Path, film: Path) -> None:
    """Print a film's seconds by one worker of one core and by two."""
    seconds = {}
    for workers in (1, 2):
        options = ["--workers", workers, "--ray"]
        seconds[workers], _ = run(film, "-o", folder / str(workers) / film.name, *options)
        print(f"{workers} workers: {seconds[workers]:.1f} s")
    same = (folder / "1" / film.name).read_bytes() == (folder / "2" / film.name).read_bytes()
    print(f"two workers to one: {seconds[1] / seconds[2]:.2f} times as fast; the same bytes: {same}")


def main() -> None:
    """Parse the command line, measure, and print."""
    description = "Measure runs over very many files."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=description)
    parser.add_argument("what", choices=("speed", "memory", "nodes", "kills", "film"))
    parser.add_argument("film", nargs="?", type=Path, help="the film of film")
    parser.add_argument("--photos", type=int, default=500, metavar="N", help="photos (default 500)")
    parser.add_argument("--megapixels", type=float, default=MEGAPIXELS, help="of each photo (default 1)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="turns of speed (default 3)")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000], help="of the lists of memory")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="of the driver (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of kills")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        folder = Path(name)
        if options.what == "speed":
            measure_speed(folder, options.photos, options.megapixels, options.repeats)
        elif options.what == "memory":
            measure_memory(folder, options.rows)
        elif options.what == "nodes":
            measure_nodes(folder, options.photos, options.megapixels)
        elif options.what == "kills":
            measure_kills(folder, options.photos, options.megapixels, options.kills, options.seed)
        elif options.film is None:
            parser.error("film: name one")
        else:
            measure_film(folder, options.film)


if __name__ == "__main__":
    main()
