"""Kills: a command is killed at random moments, and the same command ends as one that nobody disturbed.

    python -m benchmarks.reliability kills films --count 500 --folder runs/kills
    python -m benchmarks.reliability kills films --weights stable --count 50 --folder runs/released
    python -m benchmarks.reliability kills photos --count 100 --folder runs/kills

A case begins in a folder with the sources alone. The command is killed one to six times by SIGKILL, after a time or
before a change of a file (``fsync``, rename, removal, ...), and is then left in peace. Wrong is: it does not end well,
hangs, or what lies in the folder then is not, byte for byte, what an uninterrupted command leaves. A case's kills
follow from its number. What is done is kept in the folder, so the same command goes on after a stop, and ``--seconds``
ends a run early. The exit status is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.arguments import case_numbers, end_with, part_arguments
from benchmarks.reliability.record import run_cases
from benchmarks.reliability.tasks import TASKS, Task, Variant, serving
from benchmarks.reliability.tiny_weights import write_tiny_weights
from benchmarks.reliability.victim import End, Moment, Stage

MOST_KILLS = 6  # in one case; it goes on from where it was, so more of them cost little
BY_TIME = 0.4  # share of the kills that come after a time, not before a change
LATEST = 1.05  # of the time that an uninterrupted command takes
CLEAR_TIME = 2  # an uninterrupted command is timed that often; the shortest time counts
OUTPUT = 2000  # characters of what a command printed that are kept where something was wrong


@dataclass(frozen=True)
class Whole:
    """What an uninterrupted command does.

    Attributes:
        files: Relative path -> SHA-256 of each file that it leaves.
        changes: How many changes of files it makes.
        seconds: How long it takes.
    """

    files: dict[str, str]
    changes: int
    seconds: float


def files_in(folder: Path, task: Task) -> dict[str, str]:
    """Return the SHA-256 of each file in a folder by its relative path, and nothing of a folder in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found[f"{name}/"] = ""
        elif task.is_compared(name):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Kills:
    """Runs the cases of one task."""

    def __init__(self, task: Task, folder: Path, weights: str | None) -> None:
        """Make what the cases begin with.

        Args:
            task: What is killed.
            folder: For the cases.
            weights: Released name or file; None: those of a tiny network.
        """
        self._task = task
        self._work = (folder / f"{task.name}.case").absolute()
        self._inputs = (folder / f"{task.name}.inputs").absolute()
        shutil.rmtree(self._inputs, ignore_errors=True)
        self._inputs.mkdir(parents=True)
        self._weights = weights or str(write_tiny_weights(self._inputs / "weights" / "tiny.safetensors"))
        task.make(self._inputs / "sources")
        self._open = ExitStack()
        self._address = self._open.enter_context(serving()) if task.name == "downloads" else ""
        self._stage = Stage(folder.absolute() / f"{task.name}.output", task.modules)
        self._wholes: dict[str, Whole] = {}

    def run(self, number: int) -> dict[str, Any]:
        """Return what became of a case."""
        random = np.random.default_rng([number, len(self._task.name)])
        variant = self._task.variants[number % len(self._task.variants)]
        whole = last = self._whole(variant)
        if variant.meanwhile:  # until then the command does what it does without that
            whole = self._whole(replace(variant, name=f"{variant.name}, not yet", meanwhile=None))
        self._begin()
        kills: list[dict[str, str]] = []
        for count in range(int(random.integers(1, MOST_KILLS + 1))):
            end = self._command(variant, _moment(random, whole, count))
            if end.status is not None:  # it ended before
                break
            kills.append({"moment": end.moment, "state": self._task.state(self._work)})
            if files_in(self._work, self._task) == whole.files:
                end = replace(end, status=0)  # there was nothing left to do
                break
        else:
            was_whole = variant.meanwhile is not None and (self._work / variant.result).exists()
            if variant.meanwhile:
                variant.meanwhile(self._work)
            end, before, whole = self._command(variant), whole, last
            if was_whole:
                whole = replace(last, files={**last.files, variant.result: before.files[variant.result]})
                refused = end.status == 1 and variant.said in end.output
                end = replace(end, status=0 if refused else end.status or 1)
        return {
            "variant": variant.name,
            "kills": kills,
            "seconds": round(end.seconds, 3),
            "wrong": self._wrong(end, whole),
        }

    def _begin(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._inputs / "sources", self._work)

    def _command(self, variant: Variant, moment: Moment | None = None) -> End:
        words = [word.format(work=self._work, weights=self._weights, address=self._address) for word in variant.words]
        return self._stage.run(variant.function, words, self._work, moment)

    def _whole(self, variant: Variant) -> Whole:
        """Return what an uninterrupted command does, which is found out once a run."""
        if variant.name not in self._wholes:
            ends = []
            for _ in range(CLEAR_TIME):
                self._begin()
                if variant.meanwhile:
                    variant.meanwhile(self._work)
                ends.append(self._command(variant))
                if ends[-1].status != 0:
                    raise SystemExit(f"{variant.name}: an uninterrupted command fails: {ends[-1].output}")
                files = files_in(self._work, self._task)
                if self._wholes.setdefault(variant.name, Whole(files, 0, 0)).files != files:
                    raise SystemExit(f"{variant.name}: two uninterrupted commands do not leave the same")
            self._task.check(self._work)
            seconds = min(end.seconds for end in ends)
            self._wholes[variant.name] = Whole(files_in(self._work, self._task), ends[-1].changes, seconds)
        return self._wholes[variant.name]

    def _wrong(self, end: End, whole: Whole) -> str:
        """Return what is wrong after the last command; empty: nothing."""
        wrong = []
        if end.status != 0:
            wrong.append("hangs" if end.status is None else f"exit status {end.status}")
        found = files_in(self._work, self._task)
        if lost := sorted(set(whole.files) - set(found)):
            wrong.append(f"lost: {', '.join(lost)}")
        if left := sorted(set(found) - set(whole.files)):
            wrong.append(f"left behind: {', '.join(left)}")
        if other := sorted(name for name in set(found) & set(whole.files) if found[name] != whole.files[name]):
            wrong.append(f"other bytes: {', '.join(other)}")
        return "; ".join([*wrong, end.output[-OUTPUT:]]) if wrong else ""


def _moment(random: np.random.Generator, whole: Whole, count: int) -> Moment:
    """Return a random moment of a command that was killed so often before, and so has less to do."""
    share = float(random.random()) / (1 + count)
    if random.random() < BY_TIME:
        return Moment(seconds=share * whole.seconds * LATEST)
    return Moment(change=1 + int(share * whole.changes))


def run_task(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield what became of each case, those of earlier runs first."""
    task = TASKS[options.what]
    kills: Kills | None = None

    def run(number: int) -> dict[str, Any]:
        nonlocal kills
        kills = kills or Kills(task, options.folder, options.weights)
        return kills.run(number)

    yield from run_cases(options.folder / f"kills-{task.name}.jsonl", case_numbers(options), run, options.seconds)


def main(words: list[str]) -> None:
    """Kill a task in all its cases and print the table.

    Args:
        words: Of the command line.
    """
    about = "Kill a command at random moments, and let the same command go on; a case is of one to six kills."
    parser = part_arguments(about, cases=100, weights="a tiny network")
    parser.add_argument("what", choices=tuple(TASKS))
    options = parser.parse_args(words)
    cases = list(run_task(options))
    kills = [(case["variant"], kill["state"]) for case in cases for kill in case["kills"]]
    print(f"{len(cases)} of {options.count} cases, {len(kills)} kills")
    for (variant, state), count in sorted(Counter(kills).items()):
        print(f"{count:6} {variant}: {state}")
    wrong = [case for case in cases if case["wrong"]]
    moments = ["; ".join(f"{kill['moment']} ({kill['state']})" for kill in case["kills"]) for case in wrong]
    end_with(
        [
            f"{case['number']} {case['variant']} ({when}): {case['wrong']}"
            for case, when in zip(wrong, moments, strict=True)
        ]
    )
