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

import hashlib
import shutil
import time
from functools import partial
from pathlib import Path

import av
from PIL import Image

from benchmarks.reliability.arguments import part_arguments
from benchmarks.reliability.cases import Case, line_faults, run_part
from benchmarks.reliability.damage import damaged
from benchmarks.reliability.formula import Formula
from benchmarks.reliability.sound_files import make_films, make_photos
from colorize.base import CONTAINERS, PHOTO_FORMATS, READ_ONLY_SUFFIXES
from colorize.batch import FileOptions, Job, PhotoOptions, colorize_files
from colorize.engine import Colorizer
from colorize.film import VideoOptions

LIMITS = {"photos": 10.0, "films": 60.0}  # seconds that a file may take


class BadFiles:
    """Photographs or films with something wrong, as a ``Subject``."""

    def __init__(self, kind: str, weights: str | None, folder: Path) -> None:
        """Make the sound files and load the network.

        Args:
            kind: ``photos`` or ``films``.
            weights: Released name or file; None: a formula.
            folder: That of a case, which is emptied.
        """
        self._seeds = make_photos() if kind == "photos" else make_films()
        self.names = sorted(self._seeds)
        self._folder = folder
        self._colorizer = Colorizer(weights) if weights else Colorizer(Formula())
        self._options = FileOptions(
            photo=PhotoOptions(overwrite=True), video=VideoOptions(overwrite=True, preset=None), force=False
        )

    def run(self, number: int) -> Case:
        """Damage a file and return what became of it."""
        name, damage, data = damaged(self._seeds, number)
        return run_case(self._colorizer, self._options, self._folder, number, name, damage, data)


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
        wrong += line_faults(line, [source.name])
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


def main(words: list[str]) -> None:
    """Colour the damaged files and print the table.

    Args:
        words: Of the command line.
    """
    about = "Colour damaged files and look at what becomes of them."
    parser = part_arguments(about, cases=5000, weights="a formula")
    options = parser.parse_args(words)
    folder = (options.folder / "case").absolute()
    run_part(options, partial(BadFiles, options.part, options.weights, folder), LIMITS[options.part])
