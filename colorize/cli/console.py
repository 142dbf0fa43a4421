"""The command's console: what it says of files, and how it hears Ctrl-C."""

from __future__ import annotations

import sys
import threading
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

    from colorize.batch import Outcome
    from colorize.film import Progress


class Interruption:
    """Handles Ctrl-C: a film's part at work is finished first, all else ends at once; a second one ends that too.

    Attributes:
        cancel: Set by the first Ctrl-C while a film is at work.
        at_film: Whether a film is at work.
    """

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self.at_video = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if not self.at_video or self.cancel.is_set():
            raise KeyboardInterrupt
        self.cancel.set()
        print("\ncolorize: finishing the part at work; Ctrl-C again ends at once", file=sys.stderr)


class Reporter:
    """Says what becomes of the files: results on stdout, all else on stderr."""

    def __init__(self, quiet: bool, verbose: bool, count: int, interruption: Interruption) -> None:
        from tqdm import tqdm

        self._quiet = quiet
        self._verbose = verbose
        self._count = count
        self._interruption = interruption
        self.counts: Counter[str] = Counter()
        self.bar = tqdm(total=count, unit="file", disable=quiet or count < 2 or not sys.stderr.isatty(), leave=False)
        self._video: tqdm | None = None

    def follow(self, path: Path, progress: Progress) -> None:
        """Show how far a film is: frames, frames per second, time left."""
        from tqdm import tqdm

        self._interruption.at_video = True
        if self._video is None:
            hidden = self._quiet or not sys.stderr.isatty()
            self._video = tqdm(
                desc=path.name, total=progress.total, initial=progress.done, unit="frame", disable=hidden, leave=False
            )
        if progress.stage == "joining":
            self._video.set_description(f"{path.name}, joining")
        self._video.update(progress.done - self._video.n)

    def report(self, outcome: Outcome) -> None:
        """Count an outcome, and print it where it is to be told."""
        self._interruption.at_video = False
        if self._video is not None:
            self._video.close()
            self._video = None
        self.counts[outcome.status] += 1
        if not self._quiet:
            for note in outcome.notes:
                self.bar.write(f"colorize: {note}", file=sys.stderr)
        if outcome.status == "failed":
            self.bar.write(f"colorize: {outcome.message}", file=sys.stderr)
            if self._verbose and outcome.error is not None:
                self.bar.write("".join(traceback.format_exception(outcome.error)), file=sys.stderr)
        elif outcome.status == "stopped" or (outcome.status == "skipped" and not self._quiet):
            self.bar.write(f"colorize: {outcome.message}", file=sys.stderr)
        elif outcome.status == "done" and (self._verbose or (self._count == 1 and not self._quiet)):
            self.bar.write(outcome.message, file=sys.stdout)

    def summarise(self, seconds: float) -> None:
        """Print the summary line of several files."""
        if self._quiet or sum(self.counts.values()) < 2:
            return
        parts = [f"{self.counts['done']} coloured"]
        parts += [
            f"{self.counts[status]} {status}" for status in ("skipped", "failed", "stopped") if self.counts[status]
        ]
        print(f"{', '.join(parts)} in {seconds:.1f} s", file=sys.stderr)
