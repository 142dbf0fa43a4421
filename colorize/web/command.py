"""The command ``colorize-web``: the page and the service in one process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from colorize import __version__


class Parser(argparse.ArgumentParser):
    """Reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(prog="colorize-web", description="A page in the browser, and an HTTP service, that colour photos.")
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    parser.add_argument("--host", default="127.0.0.1", help="address (default 127.0.0.1: this machine alone)")
    parser.add_argument("--port", type=int, default=7860, help="port (default 7860; 0: any free one)")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask for them, on the page and the service")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this server; may be several",
    )
    parser.add_argument("--root-path", default="", metavar="/PATH", help="where a proxy shows the page")
    parser.add_argument("--weights", default="stable", metavar="NAME|FILE", help="default weights (default stable)")
    parser.add_argument("--device", metavar="cpu|cuda|mps", help="where the network runs (default: the best there is)")
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads (default: one per core)")
    parser.add_argument("--max-upload-mb", type=float, default=2000, metavar="N", help="largest upload (default 2000)")
    parser.add_argument("--max-megapixels", type=float, default=100, metavar="N", help="largest photo (default 100)")
    parser.add_argument("--max-queue", type=int, default=32, metavar="N", help="photos that may wait (default 32)")
    parser.add_argument(
        "--keep-minutes", type=float, default=60, metavar="N", help="how long results are kept (default 60)"
    )
    return parser


def check(parser: Parser, options: argparse.Namespace) -> None:
    """Report arguments that are out of range, as usage errors."""
    ranges = (
        ("port", 0, 65535),
        ("threads", 1, 1024),
        ("max_upload_mb", 0.001, 1e6),
        ("max_megapixels", 0.001, 1e6),
        ("max_queue", 1, 10_000),
        ("keep_minutes", 0.01, 100_000),
    )
    for name, low, high in ranges:
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            parser.error(f"--{name.replace('_', '-')} {value:g} is not within {low:g}..{high:g}")
    if options.auth is not None and not all(options.auth.partition(":")):
        parser.error("--auth: not USER:PASSWORD")
    if options.root_path and not options.root_path.startswith("/"):
        parser.error(f"--root-path {options.root_path}: does not begin with /")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command until it is stopped.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit status: 0 stopped by the user, 1 it could not start. Usage errors exit with 2.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    check(parser, options)
    try:
        from colorize.web.server import serve
        from colorize.web.settings import WebSettings
    except ImportError as error:
        print(f"colorize-web: {error.name} is missing; install it with: pip install 'colorize[web]'", file=sys.stderr)
        return 1
    user, _, password = (options.auth or "").partition(":")
    settings = WebSettings(
        host=options.host,
        port=options.port,
        auth=(user, password) if options.auth else None,
        weights=options.weights,
        device=options.device,
        threads=options.threads,
        max_upload_mb=options.max_upload_mb,
        max_megapixels=options.max_megapixels,
        max_queue=options.max_queue,
        keep_minutes=options.keep_minutes,
        root_path=options.root_path.rstrip("/"),
        allowed_hosts=tuple(options.allow_host),
    )
    try:
        serve(settings)
    except KeyboardInterrupt:  # Ctrl-C; by then everything is closed, and uvicorn raises it again
        return 0
    except (OSError, ValueError) as error:  # WeightsError is a ValueError; an address in use is an OSError
        print(f"colorize-web: {error}", file=sys.stderr)
        return 1
    return 0
