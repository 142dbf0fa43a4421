"""The table of ``colorize-web``'s options in the documents: ``python -m colorize.web.reference docs/server.md``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from colorize.cli import make_options, option_table, write_tables
from colorize.web.settings import WebSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table between the markers of the documents that are named; without a name, print it."""
    return write_tables(option_table(make_options(WebSettings)), sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
