"""Which values of a parameter the quick tests take; the slow ones take the others too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def only_quick(quick: Iterable[Any], slow: Iterable[Any], spread: bool = False) -> list[Any]:
    """Return the values of a parameter, of which those of ``slow`` are marked so.

    For a test whose values go nearly the same way through the program.

    Args:
        quick: Values of which each is tested always.
        slow: The others.
        spread: Each value is a tuple of several parameters' values.
    """
    parameters = [value if spread else (value,) for value in slow]
    return [*quick, *(pytest.param(*values, marks=pytest.mark.slow) for values in parameters)]
