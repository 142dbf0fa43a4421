"""The command ``colorize``. Nothing heavy is imported before the arguments are known to be good."""

from __future__ import annotations

import argparse
import io
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from colorize.base import FORMAT_SUFFIXES
from colorize.cli.console import InterruptHandler, Reporter
from colorize.cli.options import RENDER_FACTOR, build_parser, check_options

if TYPE_CHECKING:
    from colorize.batch import FileOptions
    from colorize.engine import Colorizer, Hint


OK, FAILED, INTERRUPTED = 0, 1, 130  # exit statuses


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit status: 0 all done or skipped, 1 something failed, 130 interrupted. Usage errors exit with 2.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to end
            stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    options = parser.parse_args(arguments)
    check_options(parser, options)
    interrupt_handler = InterruptHandler()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no partial file stays
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job does not hear Ctrl-C
        signal.signal(signal.SIGINT, interrupt_handler)
    try:
        return run(options, interrupt_handler)
    except KeyboardInterrupt:
        remedy = (
            "the same command goes on from here" if interrupt_handler.in_video else "--skip-existing goes on from here"
        )
        print(f"colorize: interrupted; {remedy}", file=sys.stderr)
        return INTERRUPTED


def run(options: argparse.Namespace, interrupt_handler: InterruptHandler) -> int:
    """Colour the files that the checked arguments name and return the exit status."""
    start = time.monotonic()
    try:
        colorizer, hints = _load_colorizer(options)
        file_options = _file_options(options, hints)
    except (ValueError, FileNotFoundError) as error:  # WeightsError is a ValueError
        print(f"colorize: {error}", file=sys.stderr)
        return FAILED
    from dataclasses import replace

    from colorize.batch import Job, colorize_files, plan

    entries = plan(
        options.files,
        options.output,
        recursive=options.recursive,
        suffix=FORMAT_SUFFIXES[options.format] if options.format else None,
        sheet=options.sheet,
    )
    jobs = [entry for entry in entries if isinstance(entry, Job)]
    reporter = Reporter(options.quiet, options.verbose, len(jobs), interrupt_handler)
    file_options = replace(file_options, progress=reporter.show_progress, cancel=interrupt_handler.cancel)
    for entry in entries:
        if not isinstance(entry, Job):
            reporter.report(entry)
    outcomes = colorize_files(colorizer, jobs, file_options)
    try:
        for outcome in outcomes:
            reporter.report(outcome)
            reporter.bar.update()
    finally:
        outcomes.close()
        reporter.bar.close()
    reporter.print_summary(time.monotonic() - start)
    if interrupt_handler.cancel.is_set():
        return INTERRUPTED
    return FAILED if reporter.counts["failed"] else OK


def _file_options(options: argparse.Namespace, hints: list[Hint]) -> FileOptions:
    """Return the arguments as the options of photos and films."""
    from colorize.batch import FileOptions
    from colorize.film import VideoOptions
    from colorize.motion import TemporalOptions

    video = VideoOptions(
        codec=options.codec,
        crf=options.crf,
        preset=options.preset,
        start=options.start,
        end=options.end,
        temporal=TemporalOptions(options.temporal, options.every),
        batch_size=options.batch_size or VideoOptions.batch_size,
        threads=options.threads,
    )
    return FileOptions(
        overwrite=options.overwrite,
        skip_existing=options.skip_existing,
        force=options.force,
        ai_label=not options.no_ai_label,
        quality=options.quality,
        batch_size=options.batch_size or FileOptions.batch_size,
        hints=hints,
        candidates=options.candidates,
        seed=options.seed or 0,
        sheet=options.sheet,
        video=video,
        preview=options.preview,
    )


def _load_colorizer(options: argparse.Namespace) -> tuple[Colorizer, list[Hint]]:
    """Set the threads and limits of the process and load the weights; return the colorizer and the parsed hints.

    Raises:
        ValueError: The weights cannot be used, or not for candidates.
        FileNotFoundError: There is no such weights file.
    """
    from colorize.batch import configure_process
    from colorize.engine import Colorizer, Hint, check_candidate_weights

    configure_process(options.threads, options.max_megapixels)
    hints = [Hint.parse(text) for text in options.hint]
    colorizer = Colorizer(
        options.weights,
        device=options.device,
        render_size=options.render_size or (options.render_factor and RENDER_FACTOR * options.render_factor),
        strength=options.strength,
        saturation=options.saturation,
        threads=options.threads,
        square=options.square,
    )
    if options.candidates is not None:
        check_candidate_weights(colorizer)
    return colorizer, hints
