"""Small training runs and unsettled networks for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from training.run_config import RunConfig


def small_run(photos: Path, output: Path, **changes: Any) -> RunConfig:
    """Return a run of two steps at 32 px on the CPU; ``changes`` are fields of ``RunConfig``."""
    run = RunConfig(
        photos=(photos,),
        output=output,
        validation=photos,
        cache_size=32,
        sizes=(32,),
        pictures=(4,),
        batch_sizes=(2,),
        epoch_steps=2,
        device="cpu",
        bf16=False,
        threads=1,
    )
    return replace(run, **changes)


def settle_batch_norm(network: torch.nn.Module) -> None:
    """Give batch norms statistics and scales that a wrong order or a lost tensor would show."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
