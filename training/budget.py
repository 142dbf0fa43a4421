"""Training for a given time: steps are timed once, and the run becomes one of so many pictures as fit into the time.

The number of pictures is written down, so the schedule stays a function of the step: the rate has fallen to its end
when the time is over, and a run that was stopped goes on from its checkpoint as any other does.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from fastai.callback.core import Callback

from colorize.base import replacing
from training.config import RunConfig

PLAN = "plan.json"
PACE = "pace.json"
TIMED_STEPS = 12  # of which the second half counts: the first ones wait for compilers and caches
MARGIN = 0.95  # of the time is planned; the rest is for what cannot be foreseen


class Pace(Callback):
    """Write how long a step takes, the median of an epoch's last ones, and its end, to ``pace.json``.

    The end is validation, sample sheet and checkpoint.
    """

    order = 80

    def __init__(self, folder: Path) -> None:
        self.path = folder / PACE
        self.times: list[float] = []
        self.trained = 0.0

    def before_epoch(self) -> None:
        self.times = []

    def after_batch(self) -> None:
        if self.training:
            self.times.append(time.perf_counter())

    def after_train(self) -> None:
        self.trained = time.perf_counter()

    def after_epoch(self) -> None:
        steps = [after - before for before, after in zip(self.times, self.times[1:], strict=False)]
        if steps:
            pace = {
                "seconds_per_step": median(steps[len(steps) // 2 :]),
                "seconds_per_end": time.perf_counter() - self.trained,
            }
            with replacing(self.path, overwrite=True) as file:
                file.write(json.dumps(pace).encode() + b"\n")


def within_minutes(run: RunConfig, train: Callable[[RunConfig], object]) -> RunConfig:
    """Return a run whose pictures fit into its ``minutes``; the run itself if it has none.

    The proportions of ``samples`` are kept. They are fixed once, in the output folder's ``plan.json``.

    Args:
        run: The run; its photographs are decoded before the time begins if they were used before.
        train: Trains for a few steps, for the timing, by the settings that it is given.

    Raises:
        ValueError: The folder's plan is for other minutes.
    """
    if not run.minutes:
        return run
    path = run.output / PLAN
    if not path.is_file():
        samples = _fitting_samples(run, train)
        run.output.mkdir(parents=True, exist_ok=True)
        with replacing(path, overwrite=True) as file:
            file.write(json.dumps({"minutes": run.minutes, "samples": samples}).encode() + b"\n")
    plan = json.loads(path.read_text(encoding="utf-8"))
    if plan["minutes"] != run.minutes:
        raise ValueError(f"{path}: this run was begun for {plan['minutes']:g} minutes, not {run.minutes:g}")
    return replace(run, samples=tuple(plan["samples"]))


def _fitting_samples(run: RunConfig, train: Callable[[RunConfig], object]) -> list[int]:
    """Time the steps of each phase and return how many pictures of each there is time for."""
    started = time.perf_counter()
    seconds = []  # a picture takes, in each phase
    for size, batch_size in zip(run.sizes, run.batch_sizes, strict=True):
        trial = run.short_run("pace", size, batch_size, TIMED_STEPS)
        shutil.rmtree(trial.output, ignore_errors=True)  # a killed run's, whose checkpoint would leave nothing to time
        train(trial)
        pace = json.loads((trial.output / PACE).read_text(encoding="utf-8"))
        seconds.append((pace["seconds_per_step"] + pace["seconds_per_end"] / run.epoch_steps) / batch_size)
        shutil.rmtree(trial.output)
    left = max(0.0, run.minutes * 60 - (time.perf_counter() - started)) * MARGIN
    wanted = sum(count * each for count, each in zip(run.samples, seconds, strict=True))
    return [max(batch, round(count * left / wanted)) for count, batch in zip(run.samples, run.batch_sizes, strict=True)]
