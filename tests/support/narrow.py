"""Narrow encoders, for tests of what does not hang on an encoder's width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from colorize.network import BACKBONES, loading

NARROW = "resnet18-narrow"
"""A ResNet-18 of an eighth of the width, within ``narrow_encoders``: a run's time and files are its encoder's."""


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
