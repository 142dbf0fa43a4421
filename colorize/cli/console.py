"""The console of the command ``colorize``: its messages and progress bars, and its handling of Ctrl-C."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from colorize.cli.progress_bar import progress_bar

if TYPE_CHECKING:
    from tqdm import tqdm

    from colorize.batch import Outcome
    from colorize.film import Progress


class InterruptHandler:
    """Handles Ctrl-C: a film's segment at work is finished first, all else ends at once; a second Ctrl-C ends that too.

    Attributes:
        cancel: Set by the first Ctrl-C while a film is being coloured.
        in_video: Whether a film is being coloured.
    """

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self.in_video = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal.

        Raises:
            KeyboardInterrupt: No film is being coloured, or this is the second Ctrl-C.
        """
        if not self.in_video or self.cancel.is_set():
            if (pipes := sys.modules.get("colorize.film.pipes")) is not None:  # else none is open
                pipes.give_up_pipes()
            raise KeyboardInterrupt
        self.cancel.set()
        print("\ncolorize: finishing the segment at work; Ctrl-C again ends at once", file=sys.stderr)


class Reporter:
    """Prints what becomes of the files: results on stdout, all else on stderr.

    Attributes:
        counts: How many outcomes there were, by status.
    """

    def __init__(
        self, quiet: bool, verbose: bool, count: int, interrupt_handler: InterruptHandler, into_pipe: bool = False
    ) -> None:
        """Make the progress bar of several files, but where it would not help: its library is slow to import.

        Args:
            quiet: Print errors alone.
            verbose: Print every result, and where an error came from.
            count: How many files will be reported.
            interrupt_handler: Is told whether a film is being coloured.
            into_pipe: Name no result, for frames alone go to stdout.
        """
        self._quiet = quiet
        self._verbose = verbose
        self._count = count
        self._interrupt_handler = interrupt_handler
        self._into_pipe = into_pipe
        self.counts: Counter[str] = Counter()
        hidden = quiet or count < 2 or not sys.stderr.isatty()
        self._bar = None if hidden else progress_bar(total=count, unit="file", leave=False)
        self._video_bar: tqdm | None = None
        self._shown_notes: tuple[str, ...] = ()

    def show_progress(self, path: Path, progress: Progress) -> None:
        """Show a film's progress: frames, frames per second, time left; before them, what there is to be known."""
        self._interrupt_handler.in_video = True
        if progress.notes != self._shown_notes:
            self._show_notes(progress.notes)
            self._shown_notes = progress.notes
        if self._video_bar is None:
            hidden = self._quiet or not sys.stderr.isatty()
            self._video_bar = progress_bar(
                desc=path.name,
                total=progress.total or None,
                initial=progress.done,
                unit="frame",
                disable=hidden,
                leave=False,
            )
        if progress.stage == "joining":
            self._video_bar.set_description(f"{path.name}, joining")
        self._video_bar.update(progress.done - self._video_bar.n)

    def report(self, outcome: Outcome) -> None:
        """Count a file's outcome, and print its notes and its message where they are asked for."""
        self._interrupt_handler.in_video = False
        if self._video_bar is not None:
            self._video_bar.close()
            self._video_bar = None
        self.counts[outcome.status] += 1
        self._show_notes([note for note in outcome.notes if note not in self._shown_notes])
        self._shown_notes = ()
        if isinstance(outcome.error, BrokenPipeError):
            return  # who read the frames has seen enough, and said so
        if outcome.status == "failed":
            self._write(f"colorize: {outcome.message}", sys.stderr)
            if self._verbose and outcome.error is not None:
                import traceback  # slow to import, and seldom wanted

                self._write("".join(traceback.format_exception(outcome.error)), sys.stderr)
        elif outcome.status == "stopped" or (outcome.status == "skipped" and not self._quiet):
            self._write(f"colorize: {outcome.message}", sys.stderr)
        elif outcome.status == "planned" and self._verbose:
            self._write(outcome.message, sys.stdout)
        elif outcome.status == "done" and self._into_pipe:
            return  # frames alone go to stdout
        elif outcome.status == "done" and (self._verbose or (self._count == 1 and not self._quiet)):
            self._write(outcome.message, sys.stdout)

    def advance(self) -> None:
        """Move the progress bar on by a file."""
        if self._bar is not None:
            self._bar.update()

    def advance_to(self, done: int) -> None:
        """Move the progress bar on to so many files."""
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Remove the progress bar."""
        if self._bar is not None:
            self._bar.close()

    def _write(self, text: str, file: TextIO) -> None:
        """Print a text above the progress bars."""
        bar = self._video_bar if self._bar is None else self._bar
        if bar is None:
            print(text, file=file)
        else:
            bar.write(text, file=file)

    def _show_notes(self, notes: Iterable[str]) -> None:
        """Print lines about a file, unless errors alone are asked for."""
        for note in notes if not self._quiet else ():
            self._write(f"colorize: {note}", sys.stderr)

    def print_summary(self, seconds: float) -> None:
        """Print one line about several files: how many were coloured, skipped, failed, stopped, in how many seconds.

        Of several of which all but one were at their end before, it is said of that one, which no line names.
        """
        total = sum(self.counts.values())
        if self._quiet or not total or max(total, self._count) < 2:
            return
        counts = [f"{self.counts['done']} coloured"]
        counts += [
            f"{self.counts[status]} {status}" for status in ("skipped", "failed", "stopped") if self.counts[status]
        ]
        print(f"{', '.join(counts)} in {seconds:.1f} s", file=sys.stderr)
