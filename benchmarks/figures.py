"""Figures of a benchmark: measured, compared with what is asked, printed and kept as JSON."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MEGABYTE = 1_000_000
# The peak is asked for inside: what the parent's wait states begins with the parent's own.
COMMAND = """
import sys
from benchmarks.figures import peak_megabytes
from colorize.cli import main
status = main()
print(peak_megabytes())
sys.exit(status)
"""


@dataclass(frozen=True)
class Figure:
    """One measured figure and what is asked of it."""

    name: str
    value: float
    unit: str
    target: str
    met: bool


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """Return a figure that may not be above a limit."""
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit)


def at_least(name: str, value: float, unit: str, limit: float) -> Figure:
    """Return a figure that may not be below a limit."""
    return Figure(name, value, unit, f">= {limit:g}", value >= limit)


def print_figures(figures: Sequence[Figure]) -> None:
    """Print figures as a table, with a word at those that miss their target."""
    for figure in figures:
        verdict = "" if figure.met else "  MISSED"
        print(f"{figure.name:36}{figure.value:9.2f} {figure.unit:9}{figure.target:>8}{verdict}")


def write_figures(path: Path, figures: Sequence[Figure], more: Mapping[str, object]) -> None:
    """Write figures as JSON, together with what they depend on."""
    record = {**more, "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def median_seconds(action: Callable[[], object], repeats: int) -> float:
    """Return the median time of some calls after one that does not count."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def start_command(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start ``colorize`` in a new process that says its peak memory at its end."""
    return subprocess.Popen([sys.executable, "-c", COMMAND, *arguments, "-q"], stdout=subprocess.PIPE, text=True)


def run_command(arguments: Sequence[str]) -> tuple[float, float]:
    """Run ``colorize`` in a new process; return its seconds and its peak memory in megabytes."""
    start = time.perf_counter()
    process = start_command(arguments)
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the command failed with status {process.returncode}: colorize {' '.join(arguments)}")
    return time.perf_counter() - start, float(said.split()[-1])


def peak_megabytes() -> float:
    """Return the most memory that this process has held; ``ru_maxrss`` begins with its parent's on Linux."""
    stated = Path("/proc/self/status")
    for line in stated.read_text(encoding="utf-8").splitlines() if stated.exists() else ():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    import resource  # not on Windows

    scale = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / MEGABYTE
