"""Blend two weights files and calibrate the blend: chroma, temperature of the logits, doubt about the hue.

python -m training.interpolate stable.safetensors artistic.safetensors --weight 0.5 --output video.safetensors
"""

from __future__ import annotations

import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import torch
import tyro

from colorize.base import WeightsError
from colorize.network import (
    AB_CHANNELS,
    HINT_CHANNELS,
    LIGHTNESS_CHANNELS,
    STRIDE,
    Generator,
    UpBlock,
    WeightsInfo,
    load_generator,
    read_info,
    save_generator,
)
from training.trainable_generator import with_config


@dataclass(frozen=True)
class InterpolateSettings:
    """Blend two weights files and calibrate the blend.

    Attributes:
        a: The first weights file.
        b: The second, trained from the first or from the same start; else the blend is noise.
        output: The blend's weights file.
        weight: Of the second, 0..1: 0 gives the first, 1 the second.
        chroma: Factor of the predicted chroma; the colours of hints come out as they were given.
        inverse_temperature: Factor of a classification's logits: above 1 the colours move from the mean of all likely
            ones towards the likeliest.
        hue_agreement_power: How much chroma a classification loses where it doubts the hue: the power of the likely
            hues' agreement (``colorize.network.bins``), 0 for none; left out: that of the first.
        render_size: Short side in pixels at which the blend is to be used; 0: that of the first.
    """

    a: Annotated[Path, tyro.conf.Positional]
    b: Annotated[Path, tyro.conf.Positional]
    output: Path
    weight: float = 0.5
    chroma: float = 1.0
    inverse_temperature: float = 1.0
    hue_agreement_power: float | None = None
    render_size: int = 0


def blend(a: Generator, b: Generator, weight: float) -> Generator:
    """Return a generator whose weights are interpolated between two others' (Wang et al. 2019).

    Args:
        a: The result at weight 0.
        b: The result at weight 1; of the same config.
        weight: 0..1.

    Raises:
        ValueError: The weight is out of range, or the generators are built differently.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight {weight:g} is not within 0..1")
    if a.config != b.config:
        raise ValueError(f"they are built differently: {a.config} and {b.config}")
    result = Generator(a.config)
    b_state = b.state_dict()
    result.load_state_dict(
        {
            name: torch.lerp(value, b_state[name], weight) if value.is_floating_point() else value
            for name, value in a.state_dict().items()
        }
    )
    return result


def scale_chroma(generator: Generator, factor: float) -> Generator:
    """Return a generator whose predicted chroma is multiplied: exactly, or before the last tanh of a regression.

    The weights that take in colour hints are divided by the factor, so what is copied from a hint keeps its colour: the
    same as dividing the hints and multiplying the result.

    Args:
        generator: Not changed.
        factor: Above 0; 1 changes nothing.

    Raises:
        ValueError: The factor is not above 0.
    """
    if not factor > 0:
        raise ValueError(f"chroma {factor:g} is not above 0")
    result = deepcopy(generator)
    hinted_ab = slice(LIGHTNESS_CHANNELS, LIGHTNESS_CHANNELS + AB_CHANNELS)
    skip = cast(UpBlock, result.decoder[-1]).merge  # its input: the up block's channels, then the generator's input
    inner = skip.in_channels - LIGHTNESS_CHANNELS - HINT_CHANNELS
    with torch.no_grad():
        scaled = [result.expectation.centres] if result.config.head == "classification" else result.head.parameters()
        for tensor in scaled:
            tensor.mul_(factor)
        result.encoder.conv1.weight[:, hinted_ab].div_(factor)
        skip.weight[:, inner + hinted_ab.start : inner + hinted_ab.stop].div_(factor)
    return result


def scale_logits(generator: Generator, factor: float) -> Generator:
    """Return a generator with multiplied logits: the "annealed mean" of Zhang et al. 2016 at temperature 1 / factor.

    Args:
        generator: Not changed.
        factor: Inverse temperature, above 0; 1 changes nothing.

    Raises:
        ValueError: The factor is not above 0, or the generator does not classify.
    """
    if factor == 1:
        return generator
    if not factor > 0:
        raise ValueError(f"inverse_temperature {factor:g} is not above 0")
    if generator.config.head != "classification":
        raise ValueError(f"inverse_temperature {factor:g} needs a generator that classifies; the head is a regression")
    result = deepcopy(generator)
    with torch.no_grad():
        for parameter in result.head.parameters():
            parameter.mul_(factor)
    return result


def interpolate(settings: InterpolateSettings) -> Path:
    """Write the blend and return its file.

    Raises:
        FileNotFoundError: A file does not exist.
        WeightsError: A file cannot be used.
        ValueError: The two do not fit each other, or the weight, a factor or the render size is out of range.
    """
    if settings.render_size < 0 or settings.render_size % STRIDE:
        raise ValueError(f"render_size {settings.render_size} is not a multiple of {STRIDE}")
    infos = read_info(settings.a), read_info(settings.b)
    try:
        generator = blend(load_generator(settings.a), load_generator(settings.b), settings.weight)
        generator = scale_chroma(scale_logits(generator, settings.inverse_temperature), settings.chroma)
        if settings.hue_agreement_power is not None:
            generator = with_config(generator, hue_agreement_power=settings.hue_agreement_power)
    except ValueError as error:
        if isinstance(error, WeightsError):
            raise
        raise ValueError(f"{settings.a} and {settings.b}: {error}") from error
    trained_on = f"{1 - settings.weight:g} of [{infos[0].trained_on}], {settings.weight:g} of [{infos[1].trained_on}]"
    if settings.inverse_temperature != 1:
        trained_on = f"inverse_temperature {settings.inverse_temperature:g} of ({trained_on})"
    if settings.chroma != 1:
        trained_on = f"chroma x {settings.chroma:g} of ({trained_on})"
    if settings.hue_agreement_power is not None:
        trained_on = f"hue_agreement_power {settings.hue_agreement_power:g} of ({trained_on})"
    render_size = settings.render_size or infos[0].render_size
    save_generator(generator, settings.output, WeightsInfo(generator.config, render_size, trained_on))
    return settings.output


def main() -> None:
    """Parse the command line and blend."""
    try:
        print(interpolate(tyro.cli(InterpolateSettings, description=__doc__)))
    except (OSError, ValueError) as error:
        sys.exit(f"interpolate: {error}")


if __name__ == "__main__":
    main()
