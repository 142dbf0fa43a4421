"""Speed of the generator's forward pass: medians, as a table and JSON.

    python -m benchmarks.generator --threads 2 --output generator.json

The baseline of the ratios is the network as it is trained (float32, batch norm not folded) in the same run.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch.utils.flop_counter import FlopCounterMode

from colorize.network import BACKBONES, Generator, GeneratorConfig, choose_precision


@dataclass(frozen=True)
class Settings:
    """Measure the generator.

    Attributes:
        backbones: The backbones to measure.
        decoder_widths: Channels of the five up blocks, from 1/16 to 1/1 of the input.
        semantic_branch: One of ``SEMANTIC_NETWORKS``; empty: none. The released weights have ``efficientnet_lite0``.
        head: One of ``HEADS``. The released weights have ``classification``.
        sizes: Sides of the square input in pixels.
        repeats: Timed passes; the median counts.
        threads: How many threads of the CPU torch uses.
        output: JSON file for the figures.
    """

    backbones: tuple[str, ...] = (GeneratorConfig().backbone,)
    decoder_widths: tuple[int, ...] = GeneratorConfig().decoder_widths
    semantic_branch: str = ""
    head: str = GeneratorConfig().head
    sizes: tuple[int, ...] = (256,)
    repeats: int = 15
    threads: int = 2
    output: Path | None = None

    def __post_init__(self) -> None:
        # Refuses values that are out of range.
        GeneratorConfig(decoder_widths=self.decoder_widths, semantic_branch=self.semantic_branch, head=self.head)
        if unknown := set(self.backbones) - set(BACKBONES):
            raise ValueError(f"unknown backbone {unknown.pop()!r}; choose of {', '.join(BACKBONES)}")


def median_ms(call: Callable[[], object], repeats: int) -> float:
    """Return the median duration of a call in milliseconds, after two that are not counted."""
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:]) * 1000


def measure(settings: Settings) -> list[dict[str, object]]:
    """Return one row for each backbone, size and variant of running it."""
    rows: list[dict[str, object]] = []
    cpu = torch.device("cpu")
    for backbone in settings.backbones:
        config = GeneratorConfig(
            backbone, settings.decoder_widths, semantic_branch=settings.semantic_branch, head=settings.head
        )
        generator = Generator(config).eval().requires_grad_(False)
        parameters = sum(p.numel() for p in generator.parameters()) / 1e6
        variants = {"as trained, float32": generator, "prepared, float32": generator.prepared(cpu, torch.float32)}
        if choose_precision(cpu) is torch.bfloat16:
            variants["prepared, bfloat16"] = generator.prepared(cpu, torch.bfloat16)
        for size in settings.sizes:
            with FlopCounterMode(display=False) as counter, torch.inference_mode():
                generator(torch.zeros(1, 1, size, size))
            baseline = None
            for variant, network in variants.items():
                x = torch.zeros(1, 1, size, size)
                with torch.inference_mode():
                    duration = median_ms(lambda network=network, x=x: network(x), settings.repeats)
                baseline = baseline or duration
                rows.append(
                    {
                        "backbone": backbone,
                        "parameters_m": round(parameters, 2),
                        "size": size,
                        "gflop": round(counter.get_total_flops() / 1e9, 2),
                        "variant": variant,
                        "median_ms": round(duration, 1),
                        "times_as_fast": round(baseline / duration, 2),
                    }
                )
    return rows


def main() -> None:
    """Parse the command line, measure, print."""
    try:
        settings = tyro.cli(Settings, prog="python -m benchmarks.generator", description=__doc__)
    except ValueError as error:
        sys.exit(f"benchmarks.generator: {error}")
    torch.set_num_threads(settings.threads)
    rows = measure(settings)
    print("| backbone | million parameters | size | GFLOP | variant | median ms | times as fast |")
    print("|---|---:|---:|---:|---|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")
    if settings.output:
        settings.output.write_text(json.dumps({"threads": settings.threads, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
