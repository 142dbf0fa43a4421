"""The command ``colorize-web``, which serves the page and the HTTP API."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from colorize import __version__
from colorize.cli import FAILED, OK, Parser, check_ranges
from colorize.web.settings import WebSettings


def build_parser() -> Parser:
    """Return the parser of the command line; the defaults are those of ``WebSettings``."""
    parser = Parser(prog="colorize-web", description="A page in the browser, and an HTTP service, that colour photos.")
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    defaults = WebSettings()
    parser.set_defaults(**vars(defaults))
    parser.add_argument("--host", help=f"address (default {defaults.host}: this machine alone)")
    parser.add_argument("--port", type=int, help=f"port (default {defaults.port}; 0: any free one)")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask for them, on the page and the service")
    parser.add_argument(
        "--allow-host",
        dest="allowed_hosts",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this server; may be several",
    )
    parser.add_argument("--root-path", metavar="/PATH", help="where a proxy shows the page")
    parser.add_argument("--weights", metavar="NAME|FILE", help=f"default weights (default {defaults.weights})")
    parser.add_argument("--device", metavar="cpu|cuda|mps", help="where the network runs (default: the best there is)")
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads (default: one per core)")
    for name, type, description in (
        ("max_upload_mb", float, "largest upload"),
        ("max_megapixels", float, "largest photo"),
        ("max_queue", int, "photos that may wait"),
        ("keep_minutes", float, "how long results are kept"),
    ):
        description = f"{description} (default {getattr(defaults, name):g})"
        parser.add_argument(f"--{name.replace('_', '-')}", type=type, metavar="N", help=description)
    return parser


def check(parser: Parser, options: argparse.Namespace) -> None:
    """Exit with a usage error if an argument is out of range."""
    ranges = (
        ("port", 0, 65535),
        ("threads", 1, 1024),
        ("max_upload_mb", 0.001, 1e6),
        ("max_megapixels", 0.001, 1e6),
        ("max_queue", 1, 10_000),
        ("keep_minutes", 0.01, 100_000),
    )
    check_ranges(parser, options, ranges)
    if options.auth is not None and not all(options.auth.partition(":")):
        parser.error("--auth: not USER:PASSWORD")
    if options.root_path and not options.root_path.startswith("/"):
        parser.error(f"--root-path {options.root_path}: does not begin with /")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command until it is stopped.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit status: 0: the user stopped it; 1: it could not start. Usage errors exit with 2.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    check(parser, options)
    try:
        from colorize.web.server import serve
    except ImportError as error:
        print(f"colorize-web: {error.name} is missing; install it with: pip install 'colorize[web]'", file=sys.stderr)
        return FAILED
    if options.auth:
        user, _, password = options.auth.partition(":")
        options.auth = user, password
    options.allowed_hosts = tuple(options.allowed_hosts)
    options.root_path = options.root_path.rstrip("/")
    try:
        serve(WebSettings(**vars(options)))
    except KeyboardInterrupt:  # Ctrl-C; by then everything is closed, and uvicorn raises it again
        return OK
    except (OSError, ValueError) as error:  # WeightsError is a ValueError; an address in use is an OSError
        print(f"colorize-web: {error}", file=sys.stderr)
        return FAILED
    return OK
