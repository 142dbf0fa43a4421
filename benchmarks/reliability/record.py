"""The record of a part: one line of JSON for each case, so that the same command goes on after a stop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def run_cases(
    path: Path, cases: range, run: Callable[[int], dict[str, Any]], seconds: float | None = None
) -> Iterator[dict[str, Any]]:
    """Yield what became of each case: those of the record first, then those that it lacks, which are added to it.

    Args:
        path: The record; its folder is made.
        cases: Their numbers.
        run: Runs a case and returns what became of it, JSON values by name.
        seconds: After which no further case is begun; None: all are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    yield from known
    begin = time.monotonic()
    for number in sorted(set(cases) - {case["number"] for case in known}):
        if seconds is not None and time.monotonic() - begin > seconds:
            return
        case = {"number": number, **run(number)}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(case) + "\n")
        yield case
