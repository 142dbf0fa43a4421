"""Random generators in torch: narrow encoders, for tests of what does not hang on an encoder's width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from colorize.network import (
    BACKBONES,
    Generator,
    GeneratorConfig,
    WeightsInfo,
    load_generator,
    loading,
    save_generator,
)
from support.small_networks import NARROW


@contextmanager
def narrow_encoders(*names: str) -> Iterator[None]:
    """Make backbones an eighth as wide within the context; ``NARROW`` is there too, a ResNet-18.

    The released graphs are of the full width, so torch computes these.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "find_graph", lambda *_: None)
        for name, full in [(NARROW, "resnet18"), *((name, name) for name in names)]:
            patch.setitem(BACKBONES, name, BACKBONES[full]._replace(widths=(8, 16, 32, 64)))
        yield


def load_narrow(path: Path) -> Generator:
    """Return the generator of a weights file whose backbone is ``NARROW``."""
    with narrow_encoders():
        return load_generator(path)


def write_full_width(path: Path) -> Path:
    """Write the weights of a random generator of vivid colours, its decoder alone narrow, and return the path."""
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig("resnet18", (16, 16, 16, 16, 8)))
    torch.nn.init.normal_(generator.head.weight, std=0.1)
    save_generator(generator, path, WeightsInfo(generator.config, render_size=64))
    return path
