"""Measure runs over very many files, alone and by Ray: speed, memory, and what kills do; each figure in one line.

    python -m benchmarks.cluster speed --photos 500
    python -m benchmarks.cluster memory --rows 10000 1000000
    python -m benchmarks.cluster memory --list parquet
    python -m benchmarks.cluster nodes --photos 200 --tiny
    python -m benchmarks.cluster kills --photos 500 --kills 20 --tiny
    python -m benchmarks.cluster film --repeats 3

``speed``, ``nodes``, ``kills`` and ``film`` need the extra ``ray``. Stop everything else first. Where not speed but
what is left of a run is the subject, ``--tiny`` takes the small network of the tests.
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
from itertools import chain, islice, product
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


def write_list(path: Path, photos: Path, count: int) -> None:
    """Write a list of so many rows: photos of a folder, by as many names of the folder as it takes."""
    names = sorted(os.listdir(photos))
    links = [path.parent / f"{number:04d}" for number in range(-(-count // len(names)))]
    for link in links:
        if not link.exists():
            link.symlink_to(photos)
    files = (str(link / name) for link, name in islice(product(links, names), count))
    rows = ((file, f"{number:08d}.jpg") for number, file in enumerate(files))
    if path.suffix == ".txt":
        with path.open("w") as text:
            text.writelines(f"{file}\n" for file, _ in rows)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as text:
            csv.writer(text).writerows(chain([("file", "result")], rows))
    else:
        import pyarrow  # pyright: ignore[reportMissingImports]
        from pyarrow import parquet  # pyright: ignore[reportMissingImports]

        files, results = map(list, zip(*rows, strict=True))
        parquet.write_table(pyarrow.table({"file": files, "result": results}), path)


def measure_memory(folder: Path, rows: list[int], kind: str) -> None:
    """Print seconds and peak memory of dry runs of lists."""
    photos = make_photos(folder / "photos", 1000, 0.01)
    for count in rows:
        path = folder / f"{count}.{kind}"
        write_list(path, photos, count)
        begin = time.monotonic()
        process = subprocess.Popen([*COMMAND, "--files", str(path), "-o", str(folder / "out"), "--dry-run", "-q"])
        _, status, usage = os.wait4(process.pid, 0)
        print(
            f"{kind}, {count} rows: {usage.ru_maxrss * 1024 / MEGABYTE:.0f} MB, {time.monotonic() - begin:.0f} s "
            f"({usage.ru_utime + usage.ru_stime:.0f} of a processor), status {os.waitstatus_to_exitcode(status)}",
            flush=True,
        )


def tiny_network(folder: Path) -> list[str]:
    """Return the options that take a network of some 0.2 million parameters, whose weights are written."""
    from benchmarks.reliability.tiny_weights import write_tiny_weights

    return ["--weights", str(write_tiny_weights(folder / "weights" / "tiny.safetensors"))]


def measure_nodes(folder: Path, count: int, megapixels: float, more: list[str], nodes: int = 4) -> None:
    """Print what a run on several nodes comes to of which one is killed at each of two moments."""
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    photos = make_photos(folder / "photos", count, megapixels)
    run(photos, "-o", folder / "one", "--threads", 1, *more)
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    workers = [cluster.add_node(num_cpus=1) for _ in range(nodes)]
    out = folder / "many"
    options = ["-o", str(out), *more, "--workers", str(nodes), "--ray", cluster.address]
    begin = time.monotonic()
    process = subprocess.Popen([*COMMAND, str(photos), *options], stderr=subprocess.PIPE, text=True)
    for share in KILLED_AT:
        while process.poll() is None and len(list(out.glob("*.jpg"))) < share * count:
            time.sleep(POLL_SECONDS)
        cluster.remove_node(workers.pop(), allow_graceful=False)
        print(f"a node was killed with {len(list(out.glob('*.jpg')))} of {count} photos done")
    _, err = process.communicate()
    cluster.shutdown()
    line = next((line for line in err.splitlines() if " coloured" in line), err)
    print(f"status {process.returncode}, {time.monotonic() - begin:.0f} s; {line}")
    print(f"the same as one machine's: {results(out) == results(folder / 'one')}; {journal_figures(out)}")


def times_noted(out: Path, status: str) -> Counter[str]:
    """Return how often a journal says of each photo that it was ``begun`` or ``done``."""
    text = "".join(path.read_text() for path in sorted((out / "colorize-journal").glob("*.jsonl*")))
    return Counter(re.findall(rf'"file": "([^"]*)"[^}}]*"status": "{status}"', text))


def journal_figures(out: Path) -> str:
    """Return in words how often a journal says of photos that they were begun and done."""
    begun, done = times_noted(out, "begun"), times_noted(out, "done")
    twice, anew = done.total() - len(done), begun.total() - len(begun)
    return f"journal: {len(done)} done, {twice} done twice, {anew} begun anew"


def unnoted(out: Path) -> int:
    """Return how many results a killed run left of which its journal does not say that they are done."""
    return len(results(out).keys() - {Path(file).name for file in times_noted(out, "done")})


def measure_kills(folder: Path, count: int, megapixels: float, kills: int, seed: int, more: list[str]) -> None:
    """Print what a run comes to whose driver is killed at random moments."""
    photos = make_photos(folder / "photos", count, megapixels)
    run(photos, "-o", folder / "one", "--threads", 1, *more)
    out = folder / "many"
    command = [*COMMAND, str(photos), "-o", str(out), *more, "--workers", "2", "--ray"]
    chance = random.Random(seed)
    twice: list[int] = []
    for number in range(kills):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        have = len(list(out.glob("*.jpg")))
        wanted = have + chance.randint(0, max(1, 2 * (count - have) // (kills - number + 1)))
        while process.poll() is None and len(list(out.glob("*.jpg"))) < wanted:
            time.sleep(POLL_SECONDS)
        time.sleep(chance.uniform(0, 0.3))
        if process.poll() is not None:
            print(f"the run ended before kill {number + 1}")
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(1)  # in which its workers end
        twice.append(unnoted(out))
        print(f"kill {number + 1}: {len(results(out))} photos are there, {twice[-1]} of them not noted", flush=True)
    run(photos, "-o", out, *more, "--workers", 2, "--ray")
    print(f"coloured twice, at most: {sum(twice)}, after one kill {max(twice, default=0)}")
    print(f"{len(twice)} kills: {len(results(out))} of {count} photos are there")
    print(f"the same as one machine's: {results(out) == results(folder / 'one')}; {journal_figures(out)}")


def make_film(path: Path, scenes: int = 4, frames: int = 72, size: tuple[int, int] = (360, 480)) -> Path:
    """Write a grey film of slow pans over photographs, one a scene, and return its path."""
    import av

    samples = sorted((Path(__file__).parents[1] / "samples").glob("*.jpg"))
    pictures = [Image.open(each).convert("L") for each in samples if "_colorized" not in each.name]
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=24)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for picture in pictures[:scenes]:
            wide = np.asarray(picture.resize((size[1] + frames, size[0])))
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, number : number + size[1]]), "gray")
                film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return path


def measure_film(folder: Path, film: Path | None, repeats: int) -> None:
    """Print a film's seconds without start-up, by one worker on one processor and by two on all, by turns."""
    film = film or make_film(folder / "film.mp4")
    ratios = []
    everywhere = os.sched_getaffinity(0)
    for turn in range(repeats):
        seconds = []
        for workers in (1, 2):
            os.sched_setaffinity(0, {min(everywhere)} if workers == 1 else everywhere)
            out = folder / f"{turn}-{workers}" / film.name
            run(film, "-o", out, "--workers", workers, "--ray")
            (line,) = re.findall(r'"seconds": ([\d.]+)', (out.parent / "colorize-journal" / "000001.jsonl").read_text())
            seconds.append(float(line))
        ratios.append(seconds[0] / seconds[1])
        print(f"one worker {seconds[0]:.1f} s, two {seconds[1]:.1f} s", flush=True)
    made = {(folder / f"{turn}-{workers}" / film.name).read_bytes() for turn in range(repeats) for workers in (1, 2)}
    run(film, "-o", folder / "alone" / film.name)
    same = made == {(folder / "alone" / film.name).read_bytes()}
    print(f"two workers to one: {statistics.median(ratios):.2f} times as fast; all bytes those without Ray: {same}")


def main() -> None:
    """Parse the command line, measure, and print."""
    description = "Measure runs over very many files."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=description)
    parser.add_argument("what", choices=("speed", "memory", "nodes", "kills", "film"))
    parser.add_argument("film", nargs="?", type=Path, help="of film (default: one of four scenes is made)")
    parser.add_argument("--photos", type=int, default=500, metavar="N", help="photos (default 500)")
    parser.add_argument("--megapixels", type=float, default=MEGAPIXELS, help="of each photo (default 1)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="turns of speed (default 3)")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000], help="of the lists of memory")
    parser.add_argument("--list", choices=("txt", "csv", "parquet"), default="csv", help="of memory (default csv)")
    parser.add_argument("--tiny", action="store_true", help="nodes and kills with the small network of the tests")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="of the driver (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of kills")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        folder = Path(name)
        more = tiny_network(folder) if options.tiny else []
        if options.what == "speed":
            measure_speed(folder, options.photos, options.megapixels, options.repeats)
        elif options.what == "memory":
            measure_memory(folder, options.rows, options.list)
        elif options.what == "nodes":
            measure_nodes(folder, options.photos, options.megapixels, more)
        elif options.what == "kills":
            measure_kills(folder, options.photos, options.megapixels, options.kills, options.seed, more)
        else:
            measure_film(folder, options.film, options.repeats)


if __name__ == "__main__":
    main()
