"""The command ``colorize``. Nothing heavy is imported before the arguments are known to be good."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from colorize import __version__

if TYPE_CHECKING:
    from colorize.colorizer import Colorizer
    from colorize.jobs import Outcome

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
RENDER_FACTOR = 16  # DeOldify's render factor counts steps of 16 pixels
MAX_RENDER_SIZE = 2048
FORMATS = {
    "jpg": ".jpg",
    "jpeg": ".jpg",
    "png": ".png",
    "tif": ".tif",
    "tiff": ".tif",
    "webp": ".webp",
    "bmp": ".bmp",
    "avif": ".avif",
    "heic": ".heic",
}


class Parser(argparse.ArgumentParser):
    """Reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit status: 0 all done or skipped, 1 something failed, 130 interrupted. Usage errors exit with 2.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    check(parser, options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: no partial file stays
    try:
        return run(options)
    except KeyboardInterrupt:
        print("colorize: interrupted; --skip-existing goes on from here", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="colorize",
        description="Colour black-and-white photographs. The result lies beside each photo as NAME_colorized.",
        epilog="exit status: 0 all done or skipped, 1 a photo failed, 2 wrong usage, 130 interrupted",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a photo, a folder, or a pattern such as 'a/*.jpg'")
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    files = parser.add_argument_group("files")
    files.add_argument("-o", "--output", type=Path, metavar="PATH", help="the result's name, or a folder for results")
    files.add_argument("-r", "--recursive", action="store_true", help="take the sub-folders of folders too")
    files.add_argument("--overwrite", action="store_true", help="replace results that exist; never a photo itself")
    files.add_argument("--skip-existing", action="store_true", help="leave photos whose result exists")
    files.add_argument("--format", choices=FORMATS, help="of the results (default: as the photo)")
    files.add_argument(
        "--quality", type=int, default=95, metavar="1..100", help="of JPEG, WebP, AVIF and HEIC (default 95)"
    )
    files.add_argument("--no-mark", action="store_true", help="do not say 'AI-colorized' in the metadata")
    files.add_argument(
        "--max-megapixels", type=float, default=300, metavar="N", help="refuse larger photos (default 300)"
    )
    look = parser.add_argument_group("colours")
    look.add_argument("--force", action="store_true", help="colour photos that are in colour already")
    look.add_argument(
        "--strength", type=float, default=1, metavar="0..1", help="1 new colours (default), 0 the original"
    )
    look.add_argument("--saturation", type=float, default=1, metavar="0..2", help="factor of the chroma (default 1)")
    look.add_argument(
        "--mark",
        action="append",
        default=[],
        metavar="X,Y,#RRGGBB[,RADIUS]",
        help="the colour of a place, in pixels of the photo; may be given several times",
    )
    look.add_argument(
        "--render-size", type=int, metavar="N", help="short side of what the network sees (default: the weights' own)"
    )
    look.add_argument("--render-factor", type=int, metavar="N", help="the same in steps of 16 pixels, as in DeOldify")
    look.add_argument("--weights", default="stable", metavar="NAME|FILE", help="released name or file (default stable)")
    work = parser.add_argument_group("work")
    work.add_argument("--device", metavar="cpu|cuda|mps", help="where the network runs (default: the best there is)")
    work.add_argument("--threads", type=int, metavar="N", help="processor threads (default: one per core)")
    work.add_argument(
        "--batch-size", type=int, default=1, metavar="N", help="photos in the network at once (default 1)"
    )
    talk = work.add_mutually_exclusive_group()
    talk.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    talk.add_argument("-v", "--verbose", action="store_true", help="name every file; show where an error came from")
    return parser


def check(parser: Parser, options: argparse.Namespace) -> None:
    """Report arguments that are out of range or contradict each other, as usage errors."""
    ranges = (
        ("strength", 0, 1),
        ("saturation", 0, 2),
        ("quality", 1, 100),
        ("render_size", 1, MAX_RENDER_SIZE),
        ("render_factor", 1, MAX_RENDER_SIZE // RENDER_FACTOR),
        ("threads", 1, 1024),
        ("batch_size", 1, 1024),
        ("max_megapixels", 0.001, 1e6),
    )
    for name, low, high in ranges:
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            parser.error(f"--{name.replace('_', '-')} {value:g} is not within {low:g}..{high:g}")
    if options.render_size and options.render_factor:
        parser.error("--render-size and --render-factor say the same; give one of them")
    if options.overwrite and options.skip_existing:
        parser.error("--overwrite and --skip-existing contradict each other; give one of them")
    if options.mark and (len(options.photos) > 1 or Path(options.photos[0]).is_dir()):
        parser.error("--mark belongs to one photo; give that photo alone")
    output = options.output
    if output is not None and output.suffix[1:].lower() in FORMATS and not output.is_dir():
        if len(options.photos) > 1 or Path(options.photos[0]).is_dir():
            parser.error(f"-o {output} names one file; give a folder for the results of several photos")
        if options.format and FORMATS[output.suffix[1:].lower()] != FORMATS[options.format]:
            parser.error(f"-o {output} and --format {options.format} contradict each other")


def run(options: argparse.Namespace) -> int:
    """Colour what the checked arguments ask for and return the exit status."""
    start = time.monotonic()
    try:
        colorizer, marks = _load(options)
    except (ValueError, FileNotFoundError) as error:  # WeightsError is a ValueError
        print(f"colorize: {error}", file=sys.stderr)
        return FAILED
    from colorize.files import FileOptions, colorize_files
    from colorize.jobs import Job, plan

    entries = plan(
        options.photos,
        options.output,
        recursive=options.recursive,
        suffix=FORMATS[options.format] if options.format else None,
    )
    file_options = FileOptions(
        overwrite=options.overwrite,
        skip_existing=options.skip_existing,
        force=options.force,
        mark=not options.no_mark,
        quality=options.quality,
        batch_size=options.batch_size,
        marks=marks,
    )
    jobs = [entry for entry in entries if isinstance(entry, Job)]
    reporter = Reporter(options.quiet, options.verbose, len(jobs))
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
    reporter.summarise(time.monotonic() - start)
    return FAILED if reporter.counts["failed"] else OK


def _load(options: argparse.Namespace) -> tuple[Colorizer, list]:
    """Import what is heavy, set threads and limits of the process, and load the weights."""
    import logging
    import warnings

    import cv2
    import torch
    from PIL import Image

    from colorize.colorizer import Colorizer
    from colorize.marks import Mark

    if options.threads:
        torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)  # strips run in our own threads
    # Pillow warns above this number and refuses above twice as many.
    Image.MAX_IMAGE_PIXELS = max(1, int(options.max_megapixels * 1e6 / 2))
    # A damaged file gives one line, ours; what the decoders tell each other about it stays quiet.
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    marks = [Mark.parse(text) for text in options.mark]
    colorizer = Colorizer(
        options.weights,
        device=options.device,
        render_size=options.render_size or (options.render_factor and RENDER_FACTOR * options.render_factor),
        strength=options.strength,
        saturation=options.saturation,
        threads=options.threads,
    )
    return colorizer, marks


class Reporter:
    """Says what becomes of the photos: results on stdout, all else on stderr."""

    def __init__(self, quiet: bool, verbose: bool, count: int) -> None:
        from tqdm import tqdm

        self._quiet = quiet
        self._verbose = verbose
        self._count = count
        self.counts: Counter[str] = Counter()
        self.bar = tqdm(total=count, unit="photo", disable=quiet or count < 2 or not sys.stderr.isatty(), leave=False)

    def report(self, outcome: Outcome) -> None:
        """Count an outcome, and print it where it is to be told."""
        self.counts[outcome.status] += 1
        if outcome.status == "failed":
            self.bar.write(f"colorize: {outcome.message}", file=sys.stderr)
            if self._verbose and outcome.error is not None:
                self.bar.write("".join(traceback.format_exception(outcome.error)), file=sys.stderr)
        elif outcome.status == "skipped" and not self._quiet:
            self.bar.write(f"colorize: {outcome.message}", file=sys.stderr)
        elif outcome.status == "done" and (self._verbose or (self._count == 1 and not self._quiet)):
            self.bar.write(outcome.message, file=sys.stdout)

    def summarise(self, seconds: float) -> None:
        """Print the summary line of several photos."""
        if self._quiet or sum(self.counts.values()) < 2:
            return
        parts = [f"{self.counts['done']} coloured"]
        parts += [f"{self.counts[status]} {status}" for status in ("skipped", "failed") if self.counts[status]]
        print(f"{', '.join(parts)} in {seconds:.1f} s", file=sys.stderr)
