"""The options of the command ``colorize``: their parser, and checks of their values. Imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from colorize import __version__
from colorize.base import (
    CODECS,
    DEFAULT_QUALITY,
    DEFAULT_WEIGHTS,
    FORMAT_SUFFIXES,
    MAX_RENDER_SIZE,
    VIDEO_SUFFIXES,
    parse_time,
)

USAGE_ERROR = 2  # exit status
RENDER_FACTOR = 16  # pixels: DeOldify's render factor counts in steps of them
MAX_CANDIDATES = 16


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with status 2."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


def parse_every(text: str) -> int | None:
    """Return the number of frames that ``--every`` gives; None: ``auto``.

    Raises:
        ValueError: The text is neither a whole number nor ``auto``.
    """
    return None if text == "auto" else int(text)


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="colorize",
        description="Colour black-and-white photographs and films. The result lies beside each as NAME_colorized.",
        epilog="exit status: 0 all done or skipped, 1 a file failed, 2 wrong usage, 130 interrupted",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a photo, a film, a folder, or a pattern such as 'a/*.jpg'"
    )
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    files = parser.add_argument_group("files")
    files.add_argument("-o", "--output", type=Path, metavar="PATH", help="the result's name, or a folder for results")
    files.add_argument("-r", "--recursive", action="store_true", help="take the sub-folders of folders too")
    files.add_argument("--overwrite", action="store_true", help="replace results that exist; never a source itself")
    files.add_argument("--skip-existing", action="store_true", help="leave files whose result exists")
    files.add_argument("--format", choices=FORMAT_SUFFIXES, help="of coloured photos (default: as the photo)")
    files.add_argument(
        "--quality",
        type=int,
        default=DEFAULT_QUALITY,
        metavar="1..100",
        help=f"of JPEG, WebP, AVIF and HEIC (default {DEFAULT_QUALITY})",
    )
    files.add_argument("--no-ai-label", action="store_true", help="do not say 'AI-colorized' in the metadata")
    files.add_argument(
        "--max-megapixels", type=float, default=300, metavar="N", help="refuse larger photos (default 300)"
    )
    colors = parser.add_argument_group("colours")
    colors.add_argument("--force", action="store_true", help="colour what is in colour already")
    colors.add_argument(
        "--strength", type=float, default=1, metavar="0..1", help="1 new colours (default), 0 the original"
    )
    colors.add_argument("--saturation", type=float, default=1, metavar="0..2", help="factor of the chroma (default 1)")
    colors.add_argument(
        "--hint",
        action="append",
        default=[],
        metavar="X,Y,#RRGGBB[,RADIUS]",
        help="the colour of a place, in pixels of the photo; may be given several times",
    )
    colors.add_argument("--candidates", type=int, metavar="N", help="write N colourings of each photo, 2..16, numbered")
    colors.add_argument("--seed", type=int, metavar="N", help="other candidates; the first always stays (default 0)")
    colors.add_argument("--sheet", action="store_true", help="write the candidates as one contact sheet instead")
    colors.add_argument(
        "--render-size", type=int, metavar="N", help="short side of what the network sees (default: the weights' own)"
    )
    colors.add_argument("--render-factor", type=int, metavar="N", help="the same in steps of 16 pixels, as in DeOldify")
    colors.add_argument(
        "--square", action="store_true", help="stretch pictures to a square for the network, as DeOldify does"
    )
    colors.add_argument(
        "--weights",
        default=DEFAULT_WEIGHTS,
        metavar="NAME|FILE",
        help=f"released name, weights file, or DeOldify's .pth (default {DEFAULT_WEIGHTS})",
    )
    _add_video_options(parser)
    work = parser.add_argument_group("work")
    work.add_argument("--device", metavar="cpu|cuda|mps", help="where the network runs (default: the best there is)")
    work.add_argument("--threads", type=int, metavar="N", help="processor threads (default: one per core)")
    work.add_argument(
        "--batch-size", type=int, metavar="N", help="pictures in the network at once (default: photos 1, frames 8)"
    )
    verbosity = work.add_mutually_exclusive_group()
    verbosity.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    verbosity.add_argument(
        "-v", "--verbose", action="store_true", help="name every file; show where an error came from"
    )
    return parser


def _add_video_options(parser: Parser) -> None:
    video = parser.add_argument_group("films")
    video.add_argument("--codec", choices=CODECS, help="of the pictures (default h264; webm: vp9)")
    video.add_argument("--crf", type=float, metavar="N", help="quality, lower is better (default: of h264 18)")
    video.add_argument("--preset", metavar="NAME", help="speed against size, in the encoder's words (h264: veryfast)")
    video.add_argument(
        "--start", type=parse_time, default=0.0, metavar="TIME", help="colour from here: seconds or h:mm:ss"
    )
    video.add_argument("--end", type=parse_time, metavar="TIME", help="colour up to here")
    video.add_argument("--preview", type=int, metavar="N", help="only a sheet of N coloured frames, to look at first")
    video.add_argument(
        "--temporal", choices=("off", "fast", "best"), default="fast", help="how colours are kept steady (default fast)"
    )
    video.add_argument(
        "--every", type=parse_every, metavar="K|auto", help="the network sees every K-th frame (default auto)"
    )


def _check_hints(parser: Parser, texts: Sequence[str]) -> None:
    """Report a hint that cannot be parsed, as a usage error."""
    if texts:
        from colorize.engine import Hint

        try:
            for text in texts:
                Hint.parse(text)
        except ValueError as error:
            parser.error(f"--hint: {error}")


def _check_candidates(parser: Parser, options: argparse.Namespace) -> None:
    """Report options of candidates without ``--candidates``, and candidates of a film, as usage errors."""
    if options.candidates is None:
        if options.sheet or options.seed is not None:
            parser.error(f"{'--sheet' if options.sheet else '--seed'} belongs to --candidates; give that too")
        return
    for name in options.files:
        if Path(name).suffix.lower() in VIDEO_SUFFIXES and not Path(name).is_dir():
            parser.error(f"--candidates is for photos, and {name} is a film")


def check_ranges(parser: Parser, options: argparse.Namespace, ranges: Sequence[tuple[str, float, float]]) -> None:
    """Report options that are out of range, as usage errors.

    Args:
        parser: Reports the error and exits.
        options: The parsed options; one that was not given is None.
        ranges: Name, lowest and highest value of each option to check.
    """
    for name, low, high in ranges:
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            parser.error(f"--{name.replace('_', '-')} {value:g} is not within {low:g}..{high:g}")


def check_options(parser: Parser, options: argparse.Namespace) -> None:
    """Report options that are out of range or contradict each other, as usage errors."""
    ranges = (
        ("strength", 0, 1),
        ("saturation", 0, 2),
        ("quality", 1, 100),
        ("render_size", 1, MAX_RENDER_SIZE),
        ("render_factor", 1, MAX_RENDER_SIZE // RENDER_FACTOR),
        ("threads", 1, 1024),
        ("batch_size", 1, 1024),
        ("max_megapixels", 0.001, 1e6),
        ("crf", 0, 63),
        ("preview", 1, 100),
        ("candidates", 2, MAX_CANDIDATES),
        ("seed", 0, 2**63),
        ("every", 1, 100),
    )
    check_ranges(parser, options, ranges)
    if options.render_size and options.render_factor:
        parser.error("--render-size and --render-factor say the same; give one of them")
    if options.overwrite and options.skip_existing:
        parser.error("--overwrite and --skip-existing contradict each other; give one of them")
    if options.hint and (len(options.files) > 1 or Path(options.files[0]).is_dir()):
        parser.error("--hint belongs to one photo; give that photo alone")
    _check_hints(parser, options.hint)
    _check_candidates(parser, options)
    if options.end is not None and options.end <= options.start:
        parser.error(f"--end {options.end:g} is not after --start {options.start:g} (seconds)")
    output = options.output
    if output is None or output.is_dir():
        return
    format = FORMAT_SUFFIXES.get(output.suffix[1:].lower())
    if format or output.suffix.lower() in VIDEO_SUFFIXES:
        if len(options.files) > 1 or Path(options.files[0]).is_dir():
            parser.error(f"-o {output} names one file; give a folder for the results of several files")
        if options.format and format != FORMAT_SUFFIXES[options.format]:
            parser.error(f"-o {output} and --format {options.format} contradict each other")
