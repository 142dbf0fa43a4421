"""What it costs that a crash costs one file: a clean folder by the command, as it is and all in one process; a table.

    python -m benchmarks.isolation
    python -m benchmarks.isolation --photos 20 --megapixels 12

The command colours a folder of equal photographs in another process than it reads them in. Here it runs so, and so that
it cannot start another, by turns; the figures are medians, and the ratios are to one process. The processor's time
counts that of the other process too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.photo import SIZES, make_photo
from benchmarks.startup import COMMAND, END, PEAK, ROOT, Cost, run

ONE_PROCESS = """
from colorize.batch import Isolation
Isolation.is_possible = staticmethod(lambda: False)
"""
RUNS = {"one process": ONE_PROCESS, "isolated": ""}


def main() -> None:
    """Parse the command line, measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.isolation", description="Measure what isolation costs.")
    parser.add_argument("--photos", type=int, default=60, metavar="N", help="in the folder (default 60)")
    parser.add_argument("--megapixels", type=int, choices=sorted(SIZES), default=1, help="of each (default 1)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="runs of each (default 5)")
    options = parser.parse_args()
    costs: dict[str, list[Cost]] = {name: [] for name in RUNS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        photo = make_photo(Path(name) / "photo.jpg", options.megapixels)
        for number in range(options.photos):
            os.link(photo, folder / f"{number:04d}.jpg")
        words = [str(folder), "-o", str(Path(name) / "results"), "--overwrite", "-q"]
        for repeat in range(options.repeats + 1):
            for way, code in RUNS.items():
                cost = run(["-c", code + COMMAND + PEAK + END, *words], ROOT)
                if repeat:  # the first brings the files into memory
                    costs[way].append(cost)
    print(f"{options.photos} photographs of {options.megapixels} megapixels")
    print(f"  {'':16}{'wall s':>10}{'ratio':>8}{'CPU s':>9}{'ratio':>8}")
    walls = {way: statistics.median(cost.wall for cost in found) for way, found in costs.items()}
    times = {way: statistics.median(cost.cpu for cost in found) for way, found in costs.items()}
    for way in RUNS:
        wall, cpu = walls[way] / walls["one process"], times[way] / times["one process"]
        print(f"  {way:16}{walls[way]:10.2f}{wall:8.3f}{times[way]:9.2f}{cpu:8.3f}")


if __name__ == "__main__":
    main()
