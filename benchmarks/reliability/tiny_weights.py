"""Weights of a tiny network with random numbers, where the network is not the subject: those of the tests."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests"


def add_tests() -> None:
    """Let what the tests share be imported."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))


def write_tiny_weights(path: Path) -> Path:
    """Write the weights file of a network of some 0.2 million parameters, its graph beside it; return its path."""
    add_tests()
    from support.small_networks import write_small_weights

    path.parent.mkdir(parents=True, exist_ok=True)
    return write_small_weights(path)
