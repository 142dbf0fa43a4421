"""The command ``colorize-web``, which serves the page and the HTTP API."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from colorize import __version__
from colorize.base import error_line, start_no_blas_threads
from colorize.cli import FAILED, OK, Parser, add_arguments, from_arguments, make_options
from colorize.web.settings import WebSettings


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="colorize-web", description="A page in the browser, and an HTTP service, that colour photos and films."
    )
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    add_arguments(parser, make_options(WebSettings))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command until it is stopped.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit status: 0: the user stopped it; 1: it could not start. Usage errors exit with 2.
    """
    start_no_blas_threads()
    parser = build_parser()
    settings = from_arguments(parser, WebSettings, parser.parse_args(arguments))
    try:
        from colorize.web.server import serve
    except ImportError as error:
        print(
            f"colorize-web: {error.name} is missing; install it with: pip install 'colorize-photos[web]'",
            file=sys.stderr,
        )
        return FAILED
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no upload stays when docker or systemd stop it
    try:
        serve(settings)
    except KeyboardInterrupt:  # Ctrl-C, or the former; by then everything is closed, and uvicorn raises it again
        return OK
    except (OSError, ValueError) as error:  # WeightsError is a ValueError; an address in use is an OSError
        print(f"colorize-web: {error_line(error)}", file=sys.stderr)
        return FAILED
    return OK
