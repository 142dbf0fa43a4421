"""A run over many files that keeps a journal: it goes on after any stop, colours nothing twice, and misses nothing."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorize.base import sha256, specs
from colorize.batch.dates import FileDates
from colorize.batch.files import colorize_files
from colorize.batch.jobs import Job, Outcome, check_target, existing_results, failed_outcome, has_results
from colorize.batch.journal import (
    BEGUN,
    BEGUN_ANEW,
    BLOCKED,
    DONE,
    FAILED,
    JOURNAL_NAME,
    JOURNAL_SUFFIX,
    LEFT,
    SKIPPED,
    Journal,
)
from colorize.batch.names import names_a_file, steady_part
from colorize.batch.options import FileOptions
from colorize.engine import Colorizer, ColorSettings
from colorize.network import check_file, find_weights

if TYPE_CHECKING:
    from colorize.batch.isolation import Isolation

NOT_OF_RESULTS = ("overwrite", "skip_existing", "batch_size", "threads")  # settings that results do not depend on


@dataclass(frozen=True)
class Finished:
    """A file that has ended, and how.

    Attributes:
        job: The file.
        outcome: What became of it.
        seconds: From the end of the file before it in the same worker.
        worker: Who coloured it; empty: this process.
    """

    job: Job
    outcome: Outcome
    seconds: float
    worker: str = ""


Workforce = Callable[[Iterator[Job]], Generator[Finished, None, None]]
"""Colours jobs, which it takes when there is room for them, and yields them as they end, in any order."""


def journal_folder(inputs: Iterable[str | Path], output: Path | None, file_list: Path | None) -> Path:
    """Return where the journal of a run lies: with the results, or beside its list or its first input.

    Args:
        inputs: Files, folders and patterns.
        output: The result or the folder of the results; None: beside the sources.
        file_list: The list of the sources; None: there is none.
    """
    if output is not None:
        return (output.parent if names_a_file(output) else output) / JOURNAL_NAME
    if file_list is not None:
        return file_list.with_name(file_list.name + JOURNAL_SUFFIX)
    first = next(iter(inputs))
    if os.path.isdir(first):
        return Path(first) / JOURNAL_NAME
    return (Path(first).parent if os.path.exists(first) else steady_part(str(first))) / JOURNAL_NAME


def hash_weights(weights: str) -> str:
    """Return the SHA-256 of the weights file behind a name or path.

    Raises:
        WeightsError: There is no such file, or it is damaged.
    """
    path = find_weights(weights)
    return check_file(path) or sha256(path)


def run_identity(weights_sha256: str, colors: ColorSettings, options: FileOptions) -> dict[str, Any]:
    """Return what the results of a run depend on, by name: settings and weights."""
    values: dict[str, Any] = {"weights": weights_sha256, **asdict(colors)}
    for settings in (options, options.photo, options.video):
        for each, _ in specs(type(settings)):
            if each.name not in NOT_OF_RESULTS:
                value = getattr(settings, each.name)
                values[each.name] = value if isinstance(value, bool | int | float | str | None) else str(value)
    return values


def in_this_process(
    colorizer: Colorizer, options: FileOptions, isolation: AbstractContextManager[Isolation | None] | None = None
) -> Workforce:
    """Return the workforce of one machine without Ray: ``colorize_files`` in this process.

    Args:
        colorizer: The colorizer.
        options: Those of the files.
        isolation: Entered for the run, and left after it; None: there is none.
    """

    def work(jobs: Iterator[Job]) -> Generator[Finished, None, None]:
        taken: deque[Job] = deque()

        def remembered() -> Iterator[Job]:
            for job in jobs:
                taken.append(job)
                yield job

        with isolation or nullcontext() as isolated:
            outcomes = colorize_files(colorizer, remembered(), options, isolated)
            former = time.monotonic()
            try:
                for outcome in outcomes:
                    now = time.monotonic()
                    yield Finished(taken.popleft(), outcome, now - former)
                    former = now
            finally:
                outcomes.close()

    return work


def earlier_status(state: int, job: Job, options: FileOptions, retry_failed: bool) -> str | None:
    """Return what an earlier run made of a file; None: it is to be coloured in this one.

    Args:
        state: Of the file in the journal.
        job: The file.
        options: Those of the files.
        retry_failed: Try once more what failed.
    """
    replaces = options.photo.overwrite or options.video.overwrite
    try:
        is_there = state in (DONE, LEFT) and has_results(job, options)
    except OSError:  # nobody may look there any more, which is told when it is to be coloured
        is_there = False
    if is_there and (state == DONE or not replaces):
        return "done" if state == DONE else "skipped"
    is_tried = retry_failed or (state == BLOCKED and (replaces or options.skip_existing))
    if state in (FAILED, BLOCKED) and not is_tried:
        return "failed"
    return "skipped" if state == SKIPPED else None


class JournaledRun:
    """A run over many files with its journal, which is open.

    Attributes:
        earlier: How many files earlier runs had brought to an end, by status.
    """

    def __init__(
        self, journal: Journal, options: FileOptions, report: Callable[[Outcome], None], retry_failed: bool = False
    ) -> None:
        """Begin.

        Args:
            journal: Open for writing.
            options: Those of the files.
            report: Called with what becomes of each file that earlier runs had not brought to an end.
            retry_failed: Try once more what failed.
        """
        self.earlier: Counter[str] = Counter()
        self._journal = journal
        self._options = options
        self._report = report
        self._retry_failed = retry_failed

    def run(self, entries: Iterable[Job | Outcome], work: Workforce) -> None:
        """Colour what is not done yet.

        Args:
            entries: As ``plan`` and ``plan_list`` give them.
            work: Who colours.
        """
        finished = work(self._to_do(entries))
        try:
            for each in finished:
                if each.outcome.status == "stopped":  # a film that the next run goes on with: it counts as begun
                    self._report(each.outcome)
                else:
                    self._end(each.job, each.outcome, each.seconds, each.worker)
        finally:
            finished.close()

    def _to_do(self, entries: Iterable[Job | Outcome]) -> Iterator[Job]:
        """Yield the files that are to be coloured, once that is noted; note and report all others."""
        for entry in entries:
            if isinstance(entry, Outcome):
                self._end(Job(entry.source, Path()), entry)
                continue
            state = self._journal.state(entry)
            if (status := earlier_status(state, entry, self._options, self._retry_failed)) is not None:
                self.earlier[status] += 1
            elif (anew := self._make_room(entry)) is not None:
                self._journal.begin(entry, anew)
                yield entry

    def _make_room(self, job: Job) -> bool | None:
        """Return whether no result of a file is there; None: the file has ended, and that is noted."""
        state = self._journal.state(job)
        try:
            existing = existing_results(job, self._options)
            if existing and state == BEGUN_ANEW:  # of a run that was killed
                if job.is_video:
                    return self._go_on_with_film(job)
                for path in existing:  # it is whole, but perhaps without its dates and sidecars
                    path.unlink()
                return True
            if state != BEGUN and (outcome := check_target(job, self._options)) is not None:
                return self._end(job, outcome, in_the_way=True)
            return not existing
        except FileExistsError as error:
            return self._end(job, failed_outcome(job, error), in_the_way=True)
        except Exception as error:  # any surprise in one file must not stop the others
            return self._end(job, failed_outcome(job, error))

    def _go_on_with_film(self, job: Job) -> bool | None:
        """Return True where a film of which there is a result has something left to do; None: it has ended.

        A film takes its name when it is whole, and its segments are removed after that.
        """
        from colorize.film import SegmentStore  # brings PyAV, which photographs do without

        store = SegmentStore(job.target)
        if store.finished() is not None or not has_results(job, self._options):
            return True
        notes = ()
        if self._options.keep_dates and job.target.exists() and job.source.exists():
            notes = FileDates.of(job.source).try_to_give(job.target)
        return self._end(job, Outcome(job.source, "done", f"{job.source} -> {job.target}", notes=notes))

    def _end(
        self, job: Job, outcome: Outcome, seconds: float = 0.0, worker: str = "", *, in_the_way: bool = False
    ) -> None:
        self._journal.end(job, outcome, seconds, worker, in_the_way=in_the_way)
        self._report(outcome)
