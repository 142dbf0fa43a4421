"""Speed and memory of the DeOldify networks, as published and as colorize runs them, each in a process of its own.

    python -m benchmarks.deoldify --threads 2 --output deoldify.json

"original" is the published network: float32, channels first, normalisations computed at every pass, attention and last
layers whole in memory. Stop everything else first: a training in the background falsifies every figure.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MethodType

import torch
import tyro
from torch import Tensor

from benchmarks.figures import peak_megabytes
from benchmarks.generator import median_ms
from colorize.network import KINDS, SelfAttention, build_unet, choose_precision, load_deoldify
from colorize.network.deoldify import unet

CHILD = "import sys; from benchmarks.deoldify import child; child(*sys.argv[1:])"
VARIANTS = {"original, float32": None, "colorize, float32": torch.float32, "colorize, bfloat16": torch.bfloat16}
TIMES_AS_FAST, MEMORY_MB = 1.8, 1600  # asked of bfloat16 at the largest size; the memory of the deep network


@dataclass(frozen=True)
class Settings:
    """Measure the DeOldify networks.

    Attributes:
        kinds: ``deep`` (artistic), ``wide`` (stable, video; needs 4 GB).
        sizes: Sides of the square input in pixels.
        weights: A ``.pth`` for all kinds asked for; none: random numbers, which cost the same time.
        repeats: Timed passes; the median counts.
        threads: How many threads of the CPU torch uses.
        output: JSON file for the figures.
    """

    kinds: tuple[str, ...] = ("deep",)
    sizes: tuple[int, ...] = (256, 384, 560)
    weights: Path | None = None
    repeats: int = 3
    threads: int = 2
    output: Path | None = None

    def __post_init__(self) -> None:
        if unknown := set(self.kinds) - set(KINDS):
            raise ValueError(f"unknown kind {unknown.pop()!r}; choose of {', '.join(KINDS)}")


def random_weights(kind: str, path: Path) -> None:
    """Write a published-form file of random weights whose spectral norms are about right, so nothing overflows."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    for name, wanted in build_unet(kind).state_dict().items():
        last = name.rsplit(".", 1)[-1]
        if last == "num_batches_tracked":
            state[name] = torch.zeros((), dtype=torch.long)
        elif wanted.ndim > 1:
            state[name] = torch.randn(wanted.shape, generator=random) * math.sqrt(2 / wanted[0].numel())
        elif last in ("running_var", "gamma") or (last == "weight" and wanted.ndim == 1):
            state[name] = torch.ones(wanted.shape)
        else:
            state[name] = torch.zeros(wanted.shape)
    for name in [name for name in state if name.endswith("weight_u")]:
        matrix = state[name[:-1] + "orig"].flatten(1)
        v = torch.nn.functional.normalize(matrix.T @ torch.ones(len(matrix)), dim=0)
        state[name], state[name[:-1] + "v"] = torch.nn.functional.normalize(matrix @ v, dim=0), v
    torch.save(state, path)


def published_attention(attention: SelfAttention, x: Tensor) -> Tensor:
    """Return what the attention gives, by the published formula, which holds all N x N weights."""
    tokens = x.flatten(2)
    query, key, value = (part.weight[:, :, 0] @ tokens for part in (attention.query, attention.key, attention.value))
    found = value @ torch.softmax(query.transpose(1, 2) @ key, dim=1)
    return attention.gamma * found.unflatten(2, x.shape[2:]) + x


def child(variant: str, path: str, size: str, repeats: str, threads: str) -> None:
    """Measure one variant of running a file, and print the milliseconds and the peak memory of this process."""
    torch.set_num_threads(int(threads))
    precision, side = VARIANTS[variant], int(size)
    generator = load_deoldify(path, folded=precision is not None)
    with torch.inference_mode():
        if precision is None:
            unet.STRIP_ROWS = side  # the last layers at full size, not in strips
            for module in generator.modules():
                if isinstance(module, SelfAttention):
                    module.forward = MethodType(published_attention, module)
            x = torch.linspace(-2, 2, side * side).reshape(1, 1, side, side).repeat(1, 3, 1, 1)
            duration = median_ms(lambda: generator.network(x), int(repeats))
        else:
            generator = generator.prepared(torch.device("cpu"), precision)
            lightness = torch.linspace(-1, 1, side * side).reshape(1, 1, side, side)
            duration = median_ms(lambda: generator(lightness), int(repeats))
    print(json.dumps({"median_ms": duration, "peak_mb": peak_megabytes()}))


def measure(settings: Settings, folder: Path) -> Iterator[dict[str, object]]:
    """Yield one row for each kind, size and variant, as they are measured."""
    bfloat16 = choose_precision(torch.device("cpu")) is torch.bfloat16
    for kind in settings.kinds:
        path = settings.weights or folder / f"{kind}.pth"
        if not settings.weights:
            random_weights(kind, path)
        for size in settings.sizes:
            baseline = 0.0
            for variant, precision in VARIANTS.items():
                if precision is torch.bfloat16 and not bfloat16:
                    continue
                arguments = [variant, str(path), str(size), str(settings.repeats), str(settings.threads)]
                command = [sys.executable, "-c", CHILD, *arguments]
                result = subprocess.run(command, capture_output=True, text=True, check=False)
                if result.returncode:
                    raise SystemExit(f"{variant}, {kind}, {size} px failed: {result.stderr.strip().splitlines()[-1]}")
                figures = json.loads(result.stdout)
                baseline = baseline or figures["median_ms"]
                yield {
                    "kind": kind,
                    "size": size,
                    "variant": variant,
                    "median_ms": round(figures["median_ms"]),
                    "times_as_fast": round(baseline / figures["median_ms"], 2),
                    "peak_mb": round(figures["peak_mb"]),
                }
        if not settings.weights:
            path.unlink()


def main() -> None:
    """Parse the command line, measure, print."""
    try:
        settings = tyro.cli(Settings, prog="python -m benchmarks.deoldify", description=__doc__)
    except ValueError as error:
        sys.exit(f"benchmarks.deoldify: {error}")
    print("| network | size | variant | median ms | times as fast | peak MB |")
    print("|---|---:|---|---:|---:|---:|")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in measure(settings, Path(folder)):
            rows.append(row)
            print(f"| {' | '.join(map(str, row.values()))} |", flush=True)
    print(f"asked of bfloat16 at 560 px: {TIMES_AS_FAST} times as fast; of deep there: at most {MEMORY_MB} MB")
    if settings.output:
        settings.output.write_text(json.dumps({"threads": settings.threads, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
