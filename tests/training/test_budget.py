"""Runs for a given time: so many pictures as fit into it, written down once, in the proportions of the phases."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from support.runs import SMALL
from support.small_networks import NARROW

from training.budget import PACE, TIMED_STEPS, within_minutes
from training.config import PretrainConfig
from training.objective import LossWeights
from training.pretrain_generator import pretrain

pytestmark = pytest.mark.trains
SOURCES = {"photos": 9}
RUN = {"sizes": (32, 64), "samples": (8, 4), "batch_sizes": (4, 2)}


def trial_of(seconds: dict[int, float]):
    """Return a trial that reports these seconds a step for each size, and takes no time."""

    def train(run):
        assert run.minutes == 0 and run.samples == (run.batch_sizes[0] * TIMED_STEPS,)
        run.output.mkdir(parents=True)
        (run.output / PACE).write_text(
            json.dumps({"seconds_per_step": seconds[run.sizes[0]] / 2, "seconds_per_end": seconds[run.sizes[0]] * 50})
        )

    return train


def test_the_pictures_take_nearly_the_minutes_in_the_phases_proportions(run):
    timed = replace(run, minutes=10, epoch_steps=100)
    planned = within_minutes(timed, trial_of({32: 0.4, 64: 0.8}))
    assert planned.samples[0] == pytest.approx(2 * planned.samples[1], rel=1e-3)
    seconds = planned.samples[0] / 4 * 0.4 + planned.samples[1] / 2 * 0.8
    assert 0.85 * 600 < seconds < 600
    again = within_minutes(timed, trial_of({}))  # times nothing: the plan is there
    assert again == planned
    with pytest.raises(ValueError, match=r"plan\.json.* 10 .* 5"):
        within_minutes(replace(run, minutes=5), trial_of({}))
    assert within_minutes(run, trial_of({})) == run


@pytest.mark.slow
def test_a_run_for_minutes_ends_in_time_and_goes_on_by_the_same_command(run):
    started = time.perf_counter()
    config = PretrainConfig(
        replace(run, minutes=0.4, epoch_steps=4, samples_every=100, split_mib=0.25),
        LossWeights(perceptual=0, distillation=0),
        NARROW,
        SMALL.decoder_widths,
    )
    path = pretrain(config)
    assert 0.5 * 24 < time.perf_counter() - started < 1.3 * 24
    before = load_file(path)
    parts = list(run.output.glob("checkpoint.pt.*.part-*"))
    assert len(parts) > 1 and not (run.output / "checkpoint.pt").exists()
    after = load_file(pretrain(config))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_what_a_killed_timing_left_is_not_timed(run):
    (run.output / "pace").mkdir(parents=True)
    (run.output / "pace" / "checkpoint.pt").write_bytes(b"of the killed run")
    assert within_minutes(replace(run, minutes=10), trial_of({32: 0.4, 64: 0.8})).samples[0] > 8
    assert not (run.output / "pace").exists()
