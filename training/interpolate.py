"""Blend two weights files: a generator between two others, where training cannot hit the mark itself.

python -m training.interpolate stable.safetensors artistic.safetensors --weight 0.5 --output video.safetensors
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro

from colorize.generator import Generator
from colorize.weights import WeightsError, WeightsInfo, load_generator, read_info, save_generator


@dataclass(frozen=True)
class InterpolateSettings:
    """Blend two weights files.

    Attributes:
        a: The first.
        b: The second, trained from the first or from the same start; else the blend is noise.
        output: Where the blend goes.
        weight: 0 gives the first, 1 the second.
    """

    a: Annotated[Path, tyro.conf.Positional]
    b: Annotated[Path, tyro.conf.Positional]
    output: Path
    weight: float = 0.5


def blend(a: Generator, b: Generator, weight: float) -> Generator:
    """Return a generator whose every number lies between two others' (Wang et al. 2019, deep network interpolation).

    Args:
        a: Taken wholly at weight 0.
        b: Taken wholly at weight 1.
        weight: 0..1.

    Raises:
        ValueError: The weight is out of range, or the generators are built differently.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight {weight:g} is not within 0..1")
    if a.config != b.config:
        raise ValueError(f"they are built differently: {a.config} and {b.config}")
    result = Generator(a.config)
    others = b.state_dict()
    result.load_state_dict(
        {
            name: torch.lerp(value, others[name], weight) if value.is_floating_point() else value
            for name, value in a.state_dict().items()
        }
    )
    return result


def interpolate(settings: InterpolateSettings) -> Path:
    """Write the blend and return its file.

    Raises:
        FileNotFoundError: A file does not exist.
        WeightsError: A file cannot be used, or the two do not fit each other.
        ValueError: The weight is out of range.
    """
    infos = read_info(settings.a), read_info(settings.b)
    try:
        generator = blend(load_generator(settings.a), load_generator(settings.b), settings.weight)
    except ValueError as error:
        if isinstance(error, WeightsError):
            raise
        raise ValueError(f"{settings.a} and {settings.b}: {error}") from error
    trained_on = f"{1 - settings.weight:g} of [{infos[0].trained_on}], {settings.weight:g} of [{infos[1].trained_on}]"
    save_generator(generator, settings.output, WeightsInfo(generator.config, infos[0].render_size, trained_on))
    return settings.output


def main() -> None:
    """Parse the command line and blend."""
    try:
        print(interpolate(tyro.cli(InterpolateSettings, description=__doc__)))
    except (OSError, ValueError) as error:
        sys.exit(f"interpolate: {error}")


if __name__ == "__main__":
    main()
