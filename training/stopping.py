"""When to stop adversarial training and which checkpoint to take: a rule that is fixed before the run.

DeOldify's author chose by eye, "the last one before skin turns orange". The rule here says the same in figures:

1. A checkpoint is *allowed* if its skin's hue is not much further off than at the start, not much more skin is blue,
   its chroma bleeds no more than photographs' does where lightness is flat, and its films flicker not much more.
2. Of the allowed ones the best has the smallest *score*: feature distance / grey's + colourfulness gap / the truth's.
   Both fall while colours become right and plentiful; overshooting colours make the gap grow again.
3. The run stops once ``patience`` probes in a row were not allowed or no better than the best.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from colorize.base import replacing
from training.probe import ProbeReport, ProbeSettings

INVISIBLE_FLICKER = 0.05  # Lab units; up to here growth is no fault
PARETO_FIGURES = ("feature_distance", "colourfulness_gap", "hue_drift", "blue_skin", "bleeding", "flicker")
"""The figures that the Pareto front compares; all are small in a good checkpoint."""


def flicker(report: ProbeReport) -> float:
    """Return the larger of a report's two flicker figures, in Lab units."""
    return max(report.flicker_still, report.flicker_moving)


def broken_limits(report: ProbeReport, start: ProbeReport, limits: ProbeSettings) -> list[str]:
    """Return the limits that a checkpoint breaks, in words; it is allowed if there are none.

    A figure that is NaN breaks nothing.
    """
    checks = (
        ("skin hue", report.hue_drift, start.hue_drift + limits.hue_drift),
        ("blue skin", report.blue_skin, start.blue_skin + limits.blue_skin),
        ("bleeding", report.bleeding, max(limits.bleeding, start.bleeding)),
        ("flicker", flicker(report), max(INVISIBLE_FLICKER, flicker(start) * limits.flicker)),
    )
    return [f"{name} {value:.3g} over {limit:.3g}" for name, value, limit in checks if value > limit]


def score(report: ProbeReport) -> float:
    """Return the sum of feature distance and colourfulness gap, which is smallest for the best checkpoint."""
    return report.feature_distance + report.colourfulness_gap


def choose(reports: Sequence[ProbeReport], limits: ProbeSettings) -> ProbeReport:
    """Return the report of the best allowed checkpoint; the first is the start's, which is always allowed."""
    start = reports[0]
    return min((report for report in reports if not broken_limits(report, start, limits)), key=score)


def stop_reason(reports: Sequence[ProbeReport], limits: ProbeSettings) -> str:
    """Return why a run should stop now, or an empty string if it should go on."""
    best = choose(reports, limits)
    since = len(reports) - 1 - reports.index(best)
    if since < limits.patience:
        return ""
    broken = broken_limits(reports[-1], reports[0], limits)
    reason = ", ".join(broken) if broken else f"score {score(reports[-1]):.3f}, best {score(best):.3f}"
    return f"{since} probes without a better checkpoint than epoch {best.epoch}'s ({reason})"


def pareto_front(reports: Sequence[ProbeReport]) -> list[ProbeReport]:
    """Return the reports of which no other is at least as good in everything and better in something."""
    points = [[*(getattr(report, name) for name in PARETO_FIGURES[:-1]), flicker(report)] for report in reports]

    def is_beaten(point: list[float]) -> bool:
        return any(all(a <= b for a, b in zip(other, point, strict=True)) and other != point for other in points)

    return [report for report, point in zip(reports, points, strict=True) if not is_beaten(point)]


def write_reports(reports: Sequence[ProbeReport], path: Path) -> None:
    """Write reports as JSON; the former file survives a failure."""
    text = json.dumps([asdict(report) for report in reports], indent=1) + "\n"
    with replacing(path, overwrite=True) as file:
        file.write(text.encode())


def read_reports(path: Path) -> list[ProbeReport]:
    """Return what ``write_reports`` wrote, or an empty list if there is no file."""
    if not path.is_file():
        return []
    return [ProbeReport(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]


def plot_reports(reports: Sequence[ProbeReport], chosen: ProbeReport, path: Path) -> None:
    """Draw every figure over the epochs, with a line at the chosen checkpoint, into an image file."""
    from matplotlib.figure import Figure  # without pyplot: no window system is asked for

    names = [name for name in asdict(reports[0]) if name != "epoch"]
    figure = Figure(figsize=(13, 9))  # a layout that is computed takes as long again
    figure.subplots_adjust(left=0.04, right=0.99, bottom=0.06, top=0.96, wspace=0.2, hspace=0.25)
    for place, name in enumerate([*names, "score"], start=1):
        axes = figure.add_subplot(3, -(-(len(names) + 1) // 3), place)
        values = [score(report) if name == "score" else getattr(report, name) for report in reports]
        axes.plot([report.epoch for report in reports], values, marker=".")
        axes.axvline(chosen.epoch, linestyle="--", color="tab:green")
        axes.set_title(name.replace("_", " "), fontsize=9)
        axes.tick_params(labelsize=7)
    figure.supxlabel("epochs; the line is the chosen checkpoint", fontsize=9)
    figure.savefig(path, dpi=110)
