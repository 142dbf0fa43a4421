"""The command on very many files: from a list, dry, with a journal, on one machine or on many."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from colorize.base import error_line
from colorize.cli.command import FAILED, INTERRUPTED, OK, isolation_of, load_colorizer, plan_inputs, print_left_out
from colorize.cli.console import InterruptHandler, Reporter
from colorize.cli.options import Command

SAMPLE_ROWS = 100  # among which a file is looked for that all machines are asked for

if TYPE_CHECKING:
    from colorize.batch import Job, Journal, JournaledRun, Outcome, Workforce


def run_dry(command: Command, interrupt_handler: InterruptHandler) -> int:
    """Say what would become of the files of a command line, and return the exit status: 1 if one would fail."""
    from colorize.batch import DryRun, configure_process

    configure_process(command.runtime)
    start = time.monotonic()
    try:
        journal = _read_journal(command)
        entries, count = _entries(command)
    except (ValueError, OSError, ImportError) as error:
        return _refused(error)
    own = command.settings
    reporter = Reporter(own.quiet, own.verbose, count, interrupt_handler)
    if journal is not None and journal.changes:
        print(f"colorize: {journal.folder}: made with other settings ({journal.changes})", file=sys.stderr)
    dry = DryRun(command.options, journal, command.run.retry_failed)
    try:
        for outcome in dry.outcomes(entries):
            reporter.report(outcome)
            reporter.advance()
    except (ValueError, OSError) as error:  # the list is damaged further down
        return _refused(error)
    finally:
        reporter.close()
    print_left_out(command)
    if not own.quiet:
        print(f"{dry.summary()} ({time.monotonic() - start:.1f} s)", file=sys.stderr)
        others = [f"{reporter.counts[status]} {status}" for status in ("skipped", "failed") if reporter.counts[status]]
        if others:
            print(f"would be {', '.join(others)}", file=sys.stderr)
    return FAILED if reporter.counts["failed"] or dry.earlier["failed"] else OK


def run_with_journal(command: Command, interrupt_handler: InterruptHandler) -> int:
    """Colour the files of a command line, or go on with them, and return the exit status."""
    from colorize.batch import JournaledRun, check_ray, configure_process, write_reports

    start = time.monotonic()
    configure_process(command.runtime)
    own, options = command.settings, command.options
    journal = None
    try:
        if command.run.ray is not None:
            check_ray()
        journal = _read_journal(command)
        assert journal is not None
        changes = journal.changes
        entries, count = _entries(command)
        reporter = Reporter(own.quiet, own.verbose, count, interrupt_handler)
        options = replace(options, progress=reporter.show_progress, cancel=interrupt_handler.cancel)
        entries, sample = _with_sample(entries)
        journal.open(replaces=options.photo.overwrite or options.skip_existing)
        work = _workforce(replace(command, options=options), journal, sample, count)
    except (ValueError, OSError, ImportError) as error:
        if journal is not None:
            journal.close()
        return _refused(error)
    if changes and not own.quiet:
        print(f"colorize: {journal.folder}: other settings ({changes}); starting afresh", file=sys.stderr)

    def report(outcome: Outcome) -> None:
        reporter.report(outcome)
        reporter.advance_to(reporter.counts.total() + run.earlier.total())

    run = JournaledRun(journal, options, report, command.run.retry_failed)
    try:
        run.run(entries, work)
        journal.close()
    except (ValueError, OSError) as error:  # the list is damaged further down; the journal cannot be written
        return _refused(error)
    finally:
        reporter.close()
        with suppress(ValueError):  # it was said already that it cannot be written
            journal.close()
    print_left_out(command)
    reporter.print_summary(time.monotonic() - start)
    if not own.quiet:
        for line in _journal_lines(journal, run):
            print(line, file=sys.stderr)
    try:
        write_reports(journal)
    except OSError as error:
        return _refused(error)
    if interrupt_handler.cancel.is_set():
        return INTERRUPTED
    return FAILED if reporter.counts["failed"] or run.earlier["failed"] else OK


def _journal_lines(journal: Journal, run: JournaledRun) -> list[str]:
    """Return lines about what earlier runs had brought to an end, and where the reports are."""
    lines = []
    if run.earlier:
        remedy = "; --retry-failed tries those that failed once more" if run.earlier["failed"] else ""
        counts = ", ".join(f"{count} {status}" for status, count in sorted(run.earlier.items()))
        lines.append(f"from earlier runs, by {journal.folder}: {counts}{remedy}")
    return [*lines, f"all files: {journal.folder / 'report.csv'}; figures: {journal.folder / 'report.html'}"]


def _read_journal(command: Command) -> Journal | None:
    """Return the journal of a command line's run, not open for writing; None: it keeps none.

    Raises:
        ValueError: The weights cannot be used, or the journal cannot.
        OSError: One of them cannot be read.
    """
    from colorize.batch import Journal, hash_weights, journal_folder, run_identity

    weights = hash_weights(command.runtime.weights)
    if not command.run.keeps_journal:
        return None
    folder = journal_folder(command.files, command.settings.output, command.run.files)
    return Journal(folder, run_identity(weights, command.colors, command.options))


def _entries(command: Command) -> tuple[Iterable[Job | Outcome], int]:
    """Return the jobs of a command line and how many they are.

    Raises:
        ValueError: Its list is none.
        ImportError: It needs a package.
        OSError: It cannot be read.
    """
    if command.run.files is None:
        entries = plan_inputs(command)
        return entries, len(entries)
    from colorize.batch import FileList, plan_list

    photo = command.options.photo
    files = FileList.open(command.run.files)
    output, options = command.settings.output, command.options
    return plan_list(files, output, suffix=photo.suffix, sheet=photo.sheet, options=options), files.count()


def _workforce(command: Command, journal: Journal, sample: Job | None, count: int) -> Workforce:
    """Return who colours: this process, or workers of Ray.

    Args:
        command: The command line.
        journal: That of the run.
        sample: One of the files; None: there is none.
        count: How many files there are.

    Raises:
        ValueError: The weights cannot be used, or the cluster cannot.
        ImportError: Ray is not installed.
        OSError: The weights cannot be read, or the journal's folder cannot be written.
    """
    from colorize.batch import in_this_process, ray_workforce

    run = command.run
    if run.ray is None:
        return in_this_process(load_colorizer(command, count), command.options, isolation_of(command, count))
    return ray_workforce(command.runtime, command.colors, command.options, run, journal.folder, sample)


def _with_sample(entries: Iterable[Job | Outcome]) -> tuple[Iterable[Job | Outcome], Job | None]:
    """Return the same entries, and the first job among the first of them; None: there is none."""
    from colorize.batch import Job

    following = iter(entries)
    first = list(islice(following, SAMPLE_ROWS))
    return chain(first, following), next((entry for entry in first if isinstance(entry, Job)), None)


def _refused(error: Exception) -> int:
    """Print the line of an error that ends the run, and return the exit status."""
    print(f"colorize: {error_line(error)}", file=sys.stderr)
    return FAILED
