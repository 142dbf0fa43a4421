"""What all parts have in common: their arguments, and how they end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def part_arguments(about: str, cases: int | None = None, weights: str | None = None) -> argparse.ArgumentParser:
    """Return a parser of the arguments that parts share; a part adds its own.

    Args:
        about: What the part does, a sentence.
        cases: How many it runs by default; None: it has no count.
        weights: What it computes with by default; None: it takes no weights.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("part")
    parser.add_argument("--folder", type=Path, required=True, help="for the files and the record of what is done")
    parser.add_argument("--seconds", type=float, help="begin no case after so many; the same command goes on")
    if cases is not None:
        parser.add_argument("--count", type=int, default=cases, help=f"cases (default: {cases})")
        parser.add_argument("--first", type=int, default=0, help="number of the first case, where others ran before it")
    if weights is not None:
        parser.add_argument("--weights", help=f"released name or file; default: {weights}")
    return parser


def case_numbers(options: argparse.Namespace) -> range:
    """Return the numbers of the cases that the options ask for: those of ``--count`` from ``--first`` on."""
    return range(options.first, options.count)


def end_with(wrong: Sequence[str]) -> None:
    """Print what was wrong, a line each, and their number; the process ends with status 1 if there was any."""
    for line in wrong:
        print(f"WRONG {line}")
    print(f"wrong: {len(wrong)}")
    if wrong:
        sys.exit(1)
