"""Small training runs, what they start from, and small random generators, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors.torch import save_file

from colorize.network import Generator, GeneratorConfig, save_generator
from support.photos import write_photos
from support.small_networks import NARROW
from training.config import RunConfig

SMALL = GeneratorConfig("resnet18", (8, 8, 8, 4, 4))
CLASSIFYING = replace(SMALL, head="classification")
HUE_AGREEMENT = replace(CLASSIFYING, hue_agreement_power=0.5)


def small_run(photos: Path, output: Path, **changes: Any) -> RunConfig:
    """Return a run of two steps at 32 px on the CPU; ``changes`` are fields of ``RunConfig``."""
    run = RunConfig(
        photos=(photos,),
        output=output,
        validation=photos,
        cache_size=32,
        sizes=(32,),
        samples=(4,),
        batch_sizes=(2,),
        epoch_steps=2,
        device="cpu",
        bf16=False,
        threads=1,
    )
    return replace(run, **changes)


def settle_batch_norm(network: torch.nn.Module) -> None:
    """Give batch norms random statistics and scales, so that a wrong order or a lost tensor changes the output."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)


def make_generator(config: GeneratorConfig = CLASSIFYING, std: float = 0.5) -> Generator:
    """Return a random generator whose batch norms are settled and whose head gives colours."""
    torch.manual_seed(3)
    generator = Generator(config).eval()
    settle_batch_norm(generator)
    torch.nn.init.normal_(generator.head.weight, std=std)
    return generator


def write_sources(folder: Path, photos: int, generator: bool = False) -> Path:
    """Write photographs, a random teacher and, if asked for, a small ``NARROW`` generator; return their folder."""
    write_photos(folder / "photos", photos, side=64)
    torch.manual_seed(0)
    state = {k: v for k, v in torchvision.models.mobilenet_v2().state_dict().items() if "tracked" not in k}
    save_file(state, folder / "teacher.safetensors", {"architecture": "torchvision.models.mobilenet_v2"})
    if generator:
        small = Generator(replace(SMALL, backbone=NARROW))
        torch.nn.init.normal_(small.head.weight, std=0.1)
        save_generator(small, folder / "generator.safetensors")
    return folder


def stage_run(sources: Path, output: Path, **changes: Any) -> RunConfig:
    """Return a small run on the photographs of ``write_sources``, with averaged weights and a cache beside them."""
    return small_run(sources / "photos", output, cache=sources / "cache", cache_size=64, ema=0.5, **changes)
