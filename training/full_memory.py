"""Batch sizes that fill a GPU's memory, and the learning rate that belongs to them.

Two small batches of each phase tell what a picture takes and what is there before the first one. All phases are then
given the same number of times their pictures, k, as many as fit; the learning rate (AdamW) becomes the square root of
k times as high, and an epoch has 1 / k of the steps, so that it shows as many pictures as before. A GPU with too little
memory for the batches as they are gets smaller ones by the same rule.
"""

from __future__ import annotations

import gc
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace

import torch

from colorize.base import replacing
from training.config import RunConfig

PLAN = "batches.json"
MEASURED_STEPS = 3  # of each small batch; cuDNN has chosen its algorithms by then
LARGEST_FACTOR = 2.0
"""What fits is often more, but minutes of a GPU would leave too few steps: a recipe's 2,000 become 1,000."""


def with_full_memory(run: RunConfig, share: float, total: int, peak_of: Callable[[RunConfig], int]) -> RunConfig:
    """Return a run whose batches take so large a share of a GPU's memory, or ``LARGEST_FACTOR`` times the pictures.

    The factor is fixed once, in the output folder's ``batches.json``.

    Args:
        run: With the batch sizes and the learning rate to begin from.
        share: Of the memory that a step may take at its peak, 0..1.
        total: Bytes of the GPU's memory.
        peak_of: Trains for a few steps by the settings that it is given, and returns how many bytes that took.

    Raises:
        ValueError: Not even two pictures of a phase fit.
    """
    path = run.output / PLAN
    if not path.is_file():
        fitting = (_fitting_factor(run, phase, share * total, peak_of) for phase in range(len(run.sizes)))
        factor = min(LARGEST_FACTOR, *fitting)
        run.output.mkdir(parents=True, exist_ok=True)
        with replacing(path, overwrite=True) as file:
            file.write(json.dumps({"factor": factor}).encode() + b"\n")
    return with_batches_times(run, json.loads(path.read_text(encoding="utf-8"))["factor"])


def with_batches_times(run: RunConfig, factor: float) -> RunConfig:
    """Return a run with so many times the pictures a step, and the learning rate and the epochs that belong to them."""
    return replace(
        run,
        batch_sizes=tuple(max(2, int(size * factor)) for size in run.batch_sizes),
        learning_rate=run.learning_rate * math.sqrt(factor),
        epoch_steps=max(1, round(run.epoch_steps / factor)),
    )


def peak_of_training(run: RunConfig, device: torch.device, train: Callable[[RunConfig], object]) -> int:
    """Return how many bytes of a GPU's memory a run takes at its peak.

    Args:
        run: A short one.
        device: The GPU.
        train: Trains by the settings that it is given.
    """
    gc.collect()  # of the run before
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    train(run)
    return torch.cuda.max_memory_reserved(device)


def _fitting_factor(run: RunConfig, phase: int, allowed: float, peak_of: Callable[[RunConfig], int]) -> float:
    """Return how many times the pictures of a phase's batch fit into the allowed bytes."""
    size, batch = run.sizes[phase], run.batch_sizes[phase]
    counts = max(2, batch // 8), max(4, batch // 4)
    few, more = (_measured(run, size, count, peak_of) for count in counts)
    of_a_picture = max(1.0, (more - few) / (counts[1] - counts[0]))
    fitting = counts[0] + (allowed - few) / of_a_picture
    if fitting < 2:
        raise ValueError(f"fill_memory: not even two pictures of {size} px fit into {allowed / 2**30:.1f} GiB")
    return fitting / batch


def _measured(run: RunConfig, size: int, batch: int, peak_of: Callable[[RunConfig], int]) -> int:
    """Return the bytes that a few steps of one batch size take at their peak."""
    trial = run.short_run("memory", size, batch, MEASURED_STEPS)
    shutil.rmtree(trial.output, ignore_errors=True)  # a killed run's, whose checkpoint would leave nothing to measure
    try:
        return peak_of(trial)
    finally:
        shutil.rmtree(trial.output, ignore_errors=True)
