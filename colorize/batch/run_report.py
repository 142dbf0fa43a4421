"""The reports of a run: a table of all files, and a page of figures for a person."""

from __future__ import annotations

import csv
import html
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorize.base import replacing
from colorize.batch.journal import Entry, Journal

TABLE, PAGE = "report.csv", "report.html"
COLUMNS = ("file", "result", "status", "seconds", "worker", "line")
MAX_KINDS = 20  # of failures that the page names
BARS = 60  # of throughput over time
MINUTE = 60
CHART = 900, 200  # pixels
STYLE = "body{font:16px sans-serif;max-width:60em;margin:2em auto}td{padding:.1em 1em .1em 0}rect{fill:#4078c0}"


@dataclass
class Figures:
    """Figures of a run, added up file by file.

    Attributes:
        statuses: Number of files by status.
        failures: Number of failures by kind.
        per_minute: Minute since 1970 -> files coloured in it.
        workers: Worker -> files coloured by it, and seconds that they took.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    per_minute: Counter[int] = field(default_factory=Counter)
    workers: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0, 0.0]))

    def add(self, entry: Entry) -> None:
        """Add a file."""
        self.statuses[entry.status] += 1
        if entry.status == "failed":
            self.failures[failure_kind(entry)] += 1
        elif entry.status == "done":
            self.per_minute[int(entry.ended // MINUTE)] += 1
            worker = self.workers[entry.worker]
            worker[0] += 1
            worker[1] += entry.seconds


def failure_kind(entry: Entry) -> str:
    """Return what is the same in the lines of like failures: a line without the names of files and without numbers."""
    line = entry.line.replace(entry.source, "FILE").replace(entry.target or "\0", "RESULT")
    return re.sub(r"\d+", "N", line)[:200]


def write_reports(journal: Journal) -> tuple[Path, Path]:
    """Write the table and the page into a journal's folder and return their paths.

    Raises:
        OSError: They cannot be written.
    """
    table, page = journal.folder / TABLE, journal.folder / PAGE
    figures = Figures()
    with replacing(table, overwrite=True) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="", write_through=True)
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for entry in journal.entries():
            figures.add(entry)
            row = (entry.source, entry.target, entry.status, entry.seconds, entry.worker, entry.line)
            writer.writerow(row)
        text.detach()
    with replacing(page, overwrite=True) as file:
        file.write(figures_page(figures).encode("utf-8", "backslashreplace"))
    return table, page


def figures_page(figures: Figures) -> str:
    """Return the page of a run's figures as HTML; it needs no other file."""
    statuses = [(name, str(figures.statuses[name])) for name in ("done", "skipped", "failed")]
    workers = [
        (name or "this process", str(int(count)), f"{seconds / count:.2f}")
        for name, (count, seconds) in sorted(figures.workers.items())
    ]
    kinds = [(str(count), kind) for kind, count in figures.failures.most_common(MAX_KINDS)]
    parts = [
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>colorize: a run</title>",
        f"<style>{STYLE}</style><h1>A run of colorize</h1>{_table(statuses)}",
        f"<h2>Files coloured a minute</h2>{_chart(figures.per_minute)}",
        f"<h2>Workers</h2>{_table([('worker', 'files', 'seconds a file'), *workers])}",
        f"<h2>Failures by kind</h2>{_table(kinds) if kinds else '<p>none</p>'}</html>",
    ]
    return "\n".join(parts)


def _table(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of texts as a table."""
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _chart(per_minute: Counter[int]) -> str:
    """Return the files of each minute as bars, of several minutes where there are many; pauses show as gaps."""
    if not per_minute:
        return "<p>none</p>"
    first, last = min(per_minute), max(per_minute)
    width = -(-(last - first + 1) // BARS)  # minutes a bar
    bars: Counter[int] = Counter()
    for minute, count in per_minute.items():
        bars[(minute - first) // width] += count
    highest, count = max(bars.values()), (last - first) // width + 1
    step = CHART[0] / count
    shapes = (
        f'<rect x="{place * step:.1f}" y="{CHART[1] * (1 - bars[place] / highest):.1f}" '
        f'width="{0.9 * step:.1f}" height="{CHART[1] * bars[place] / highest:.1f}"/>'
        for place in range(count)
    )
    rate, minutes = f"{highest / width:.4g}", last - first + 1
    scale = f"<p>The highest bar: {rate} files a minute. A bar: {width} min, all: {minutes} min.</p>"
    return f'<svg viewBox="0 0 {CHART[0]} {CHART[1]}" width="100%">{"".join(shapes)}</svg>{scale}'
