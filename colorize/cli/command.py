"""The command ``colorize``. Nothing heavy is imported before the arguments are known to be good."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from colorize.base import error_line, start_no_blas_threads
from colorize.cli.arguments import USAGE_ERROR
from colorize.cli.console import InterruptHandler, Reporter
from colorize.cli.options import Command, parse_command

if TYPE_CHECKING:
    from colorize.batch import FileOptions, Isolation, Job, Outcome
    from colorize.engine import Colorizer


OK, FAILED, INTERRUPTED = 0, 1, 130  # exit statuses
PHOTOS_AT_ONCE = 4  # of several, that the network computes at most, each in some 90 MB of memory


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit status: 0 all done or skipped, 1 something failed, 130 interrupted. Usage errors exit with 2.
    """
    start_no_blas_threads()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to end
            stream.reconfigure(errors="backslashreplace")
    command = parse_command(arguments)
    interrupt_handler = InterruptHandler()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no partial file stays
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job does not hear Ctrl-C
        signal.signal(signal.SIGINT, interrupt_handler)
    try:
        return run(command, interrupt_handler)
    except KeyboardInterrupt:
        print(f"colorize: interrupted; {_remedy(command, interrupt_handler)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads what is printed any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        return FAILED


def _remedy(command: Command, interrupt_handler: InterruptHandler) -> str:
    """Return what goes on with what was interrupted."""
    from colorize.film import is_pipe

    if any(is_pipe(name) for name in (*command.files, command.settings.output or "")):
        return "a pipe cannot be gone on from"
    if command.run.dry_run:
        return "a dry run has written nothing"
    if interrupt_handler.in_video or command.run.keeps_journal:
        return "the same command goes on from here"
    if command.options.photo.overwrite:  # the results of before look like those of this run
        return "the same command begins anew"
    return "--skip-existing goes on from here"


def run_process() -> NoReturn:
    """Run the command as a process of its own, which ends with the command's exit status."""
    gc.disable()  # what is imported stays, and would be looked through again and again; ``_collect_garbage`` ends it
    end_process(main())


def _collect_garbage() -> None:
    """Have Python collect garbage from here on, but for what is there, where ``run_process`` has put that off."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def end_process(status: int) -> NoReturn:
    """End this process once all its files are closed and nothing is computed any more.

    The system takes the memory back at once; Python would give it back piece by piece, which takes a tenth of the time
    of a photograph.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except OSError:  # nobody reads what was printed
        sys.exit(status)
    os._exit(status)


def run(command: Command, interrupt_handler: InterruptHandler) -> int:
    """Colour the files that a command line names and return the exit status."""
    start = time.monotonic()
    # NumPy first: where other imports lie below its own, Python 3.11 gets another piece of its stack again and again,
    # and NumPy takes half as long again.
    import numpy  # noqa: F401

    if command.options.photo.references and (line := _bad_reference(command)):
        print(f"colorize: --reference {line}", file=sys.stderr)
        return USAGE_ERROR
    if command.run.dry_run or command.run.keeps_journal:
        _collect_garbage()
        from colorize.cli.long_run import run_dry, run_with_journal

        return (
            run_dry(command, interrupt_handler) if command.run.dry_run else run_with_journal(command, interrupt_handler)
        )
    from colorize.batch import Job
    from colorize.film import is_pipe

    entries = plan_inputs(command)
    count = sum(isinstance(entry, Job) for entry in entries)
    with isolation_of(command, count) as isolation:
        try:
            color_files = _with_network(command, entries, count, isolation)
        except (ValueError, OSError) as error:  # WeightsError is a ValueError
            print(f"colorize: {error_line(error)}", file=sys.stderr)
            return FAILED
        _collect_garbage()
        own = command.settings
        into_pipe = own.output is not None and is_pipe(own.output)
        reporter = Reporter(own.quiet, own.verbose, count, interrupt_handler, into_pipe)
        options = replace(command.options, progress=reporter.show_progress, cancel=interrupt_handler.cancel)
        for entry in entries:
            if not isinstance(entry, Job):
                reporter.report(entry)
        jobs = (entry for entry in entries if isinstance(entry, Job))
        outcomes = color_files(jobs, options)
        try:
            for outcome in outcomes:
                reporter.report(outcome)
                reporter.advance()
        finally:
            outcomes.close()
            reporter.close()
    print_left_out(command)
    reporter.print_summary(time.monotonic() - start)
    if interrupt_handler.cancel.is_set():
        return INTERRUPTED
    return FAILED if reporter.counts["failed"] else OK


def _with_network(
    command: Command, entries: Sequence[Job | Outcome], count: int, isolation: Isolation | None
) -> Callable[[Iterable[Job], FileOptions], Generator[Outcome, None, None]]:
    """Load the network where it is needed, and return what colours files with it.

    Films alone need it in their own process, and in this one it would take as much memory once more.

    Raises:
        ValueError: The weights cannot be used, or not for candidates.
        FileNotFoundError: There is no such weights file.
    """
    from colorize.batch import Job, colorize_files, colorize_films

    if isolation is not None:
        jobs = (entry for entry in entries if isinstance(entry, Job))
        if command.options.photo.candidates is None and all(map(isolation.takes_film, jobs)):
            isolation.load_network(command.runtime, command.colors)
            return partial(colorize_films, isolation, command.colors)
        isolation.start()  # while the weights are loaded
    colorizer = load_colorizer(command, count)
    return lambda jobs, options: colorize_files(colorizer, jobs, options, isolation)


def isolation_of(command: Command, count: int) -> AbstractContextManager[Isolation | None]:
    """Return what keeps a crash to one file of so many; None: there is one file, or no other process can be started."""
    if count < 2:
        return nullcontext()
    from colorize.batch import Isolation  # brings what starts processes

    return Isolation(command.runtime) if Isolation.is_possible() else nullcontext()


def _bad_reference(command: Command) -> str:
    """Return why a reference cannot be one, before any file is begun; empty: they all can."""
    from colorize.batch import configure_process
    from colorize.engine import read_reference_photo

    configure_process(command.runtime)
    for reference in command.options.photo.references:
        try:
            read_reference_photo(reference)
        except ValueError as error:
            return str(error)
    return ""


def plan_inputs(command: Command) -> Sequence[Job | Outcome]:
    """Return the jobs of the files, folders and patterns of a command line, and a failure for each that gives none."""
    from colorize.batch import plan

    own, photo = command.settings, command.options.photo
    return plan(
        command.files,
        own.output,
        recursive=own.recursive,
        suffix=photo.suffix,
        sheet=photo.sheet,
        sequence=own.sequence,
        options=command.options,
    )


def print_left_out(command: Command) -> None:
    """Name what the folders of a command line hold beside what is coloured, and what looks like a film's frames."""
    from colorize.batch import left_out, numbered_frames, passed_over

    own = command.settings
    if own.quiet or own.sequence:
        return
    for line in numbered_frames(command.files):
        print(f"colorize: {line}", file=sys.stderr)
    passed: list[Path] = []
    line = left_out(command.files, recursive=own.recursive, results=own.output, on_passed=passed.append)
    for each in filter(None, (line, passed_over(passed))):
        print(f"colorize: {each}", file=sys.stderr)


def _pictures_at_once(command: Command, count: int) -> int:
    """Return how many pictures mostly come together: the frames of films, or photos."""
    return command.options.video.batch_size if _are_films(command) else max(1, min(count, PHOTOS_AT_ONCE))


def _are_films(command: Command) -> bool:
    """Return whether only films, or their numbered frames, were given."""
    from colorize.film import names_video

    return command.settings.sequence or (bool(command.files) and all(map(names_video, command.files)))


def _is_one_photo(command: Command) -> bool:
    """Return whether a photo's name is all that was given."""
    from colorize.film import names_video

    return len(command.files) == 1 and os.path.isfile(command.files[0]) and not names_video(command.files[0])


def load_colorizer(command: Command, count: int) -> Colorizer:
    """Set the threads and limits of the process, and load the weights.

    Args:
        command: What was asked for.
        count: Of the photos and films.

    Raises:
        ValueError: The weights cannot be used, or not for candidates.
        FileNotFoundError: There is no such weights file.
    """
    from colorize.base import share_heaps
    from colorize.batch import configure_process
    from colorize.engine import Colorizer, check_candidate_weights

    runtime = command.runtime
    is_one_photo = _is_one_photo(command)
    if not is_one_photo:
        share_heaps()  # else memory grows by a kilobyte a photo, and with a film's minutes, for a long time
    configure_process(runtime)
    colorizer = Colorizer(
        runtime.weights,
        command.colors,
        device=runtime.device,
        threads=runtime.threads,
        runtime=runtime.runtime,
        pictures_at_once=_pictures_at_once(command, count),
        keep_memory=not is_one_photo,
        in_background=_are_films(command),  # which are read meanwhile
    )
    if command.options.photo.candidates is not None:
        check_candidate_weights(colorizer)
    return colorizer
