"""Memory that must not grow: a photograph of 100 megapixels, a film of two hours, a folder of 20,000 names.

    python -m benchmarks.reliability memory --folder runs/memory
    python -m benchmarks.reliability memory --rate 5 --names 5000 --folder runs/short

The network is tiny. Of the film, 160 x 120, the peak of the first ten of its 120 minutes is compared with that of the
last ten; of the folder, the peak with that of a tenth of the names. Wrong is: a command fails, or the second is over
the first by more than 5 %. Compared is what is no library's or other file's: of those a part counts for other programs
that have loaded them, and how many have is nothing of ours. The peak of both together is told beside. What is done is
kept in the folder, and the same command goes on after a stop. The exit status is 1 if anything was wrong. Linux alone
tells what is measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.photo import make_photo
from benchmarks.process_memory import tree_memory, tree_own_memory
from benchmarks.reliability.arguments import end_with, part_arguments
from benchmarks.reliability.record import run_cases
from benchmarks.reliability.sound_files import write_film
from benchmarks.reliability.tiny_weights import write_tiny_weights

COMMAND = "import sys; from colorize.cli import main; sys.exit(main())"
MEGAPIXELS = 100
SIZE, MINUTES, PART = (120, 160), 120, 10  # of the film: height and width, its length, and what is compared
BLOCK = 250  # pictures of the film that are different, and come again and again
GROWTH = 0.05
SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Command:
    """A command that was run.

    Attributes:
        status: Its exit status.
        resident: Megabytes of memory of its processes, at equal times.
        own: Of it, what is no library's or other file's.
    """

    status: int
    resident: list[float]
    own: list[float]


def run_command(words: list[str]) -> Command:
    """Run ``colorize`` and look at its memory meanwhile."""
    process = subprocess.Popen([sys.executable, "-c", COMMAND, *words, "-q", "--overwrite"])
    resident, own = [0.0], [0.0]
    while process.poll() is None:
        if memory := tree_memory(process.pid):
            resident.append(memory)
            own.append(tree_own_memory(process.pid))
        time.sleep(SAMPLE_SECONDS)
    return Command(process.wait(), resident, own)


def case(what: str, status: int, resident: float, before: float, after: float) -> dict[str, Any]:
    """Return what is kept of a measurement.

    Args:
        what: What was coloured.
        status: Exit status.
        resident: Peak in megabytes.
        before: Own memory, of a shorter one or at the beginning.
        after: Own memory, of the longer one or at the end.
    """
    return {"what": what, "status": status, "resident": resident, "before": before, "after": after}


def measure_photo(folder: Path, weights: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a photograph of 100 megapixels."""
    photo = make_photo(folder / "photo.jpg", MEGAPIXELS)
    run = run_command([str(photo), "-o", str(folder / "photo.out.jpg"), "--weights", str(weights)])
    return case(f"{MEGAPIXELS} megapixels", run.status, max(run.resident), max(run.own), max(run.own))


def measure_film(folder: Path, weights: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the first and the last ten minutes of a film of two hours."""
    film = folder / f"film{options.rate}.mkv"
    if not film.exists():
        coarse = np.random.default_rng(0).integers(0, 256, (12, 40), dtype=np.uint8)
        wide = cv2.resize(coarse, (SIZE[1] + BLOCK, SIZE[0]), interpolation=cv2.INTER_CUBIC)
        block = [np.ascontiguousarray(wide[:, start : start + SIZE[1]]) for start in range(BLOCK)]
        frames = MINUTES * 60 * options.rate
        unfinished = film.with_name(f"unfinished-{film.name}")
        write_film(unfinished, "libx264", [block[index % BLOCK] for index in range(frames)], options.rate)
        unfinished.replace(film)
    run = run_command([str(film), "-o", str(folder / "film.out.mkv"), "--weights", str(weights)])
    part = max(1, len(run.own) * PART // MINUTES)
    what = f"{MINUTES} minutes of film, {options.rate} frames a second"
    return case(what, run.status, max(run.resident), max(run.own[:part]), max(run.own[-part:]))


def measure_names(folder: Path, weights: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a folder of many names and one of a tenth of them; all are one small photograph."""
    grey = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    photo = folder / "name.png"
    photo.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    runs = []
    for count in (options.names // 10, options.names):
        names = folder / f"names{count}"
        names.mkdir(exist_ok=True)
        for number in range(count):
            path = names / f"{number:06d} a photograph of the box.png"
            if not path.exists():
                os.link(photo, path)
        runs.append(run_command([str(names), "-o", str(folder / f"out{count}"), "--weights", str(weights)]))
    few, many = runs
    status = max(few.status, many.status)
    return case(f"{options.names} names", status, max(many.resident), max(few.own), max(many.own))


PARTS = (measure_photo, measure_names, measure_film)


def main(words: list[str]) -> None:
    """Measure all three and print the table.

    Args:
        words: Of the command line.
    """
    parser = part_arguments("Measure memory that must not grow.")
    parser.add_argument("--rate", type=int, default=25, help="of the film: frames a second (default: 25)")
    parser.add_argument("--names", type=int, default=20_000, help="in the folder (default: 20000)")
    options = parser.parse_args(words)
    folder = options.folder.absolute()
    weights = write_tiny_weights(folder / "weights" / "tiny.safetensors")

    def run(number: int) -> dict[str, Any]:
        return PARTS[number](folder, weights, options)

    wrong = []
    for done in run_cases(folder / "memory.jsonl", range(len(PARTS)), run, options.seconds):
        grows = done["after"] > done["before"] * (1 + GROWTH)
        own = f"own memory {done['before']:.0f} MB, then {done['after']:.0f}"
        print(f"{done['what']}: peak {done['resident']:.0f} MB; {own}", flush=True)
        if grows or done["status"]:
            wrong.append(f"{done['what']}: {'it grows' if grows else 'a command failed'}")
    end_with(wrong)
