"""The table of the command's options, made from the settings: ``python -m colorize.cli.reference docs/usage.md``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from colorize.cli.arguments import Option
from colorize.cli.options import LETTERS, grouped_options

ESCAPED = r"\|"  # a line inside a cell
BEGIN, END = "<!-- options -->", "<!-- end of options -->"


def option_tables() -> str:
    """Return the options as Markdown: a heading and a table for each group."""
    tables = []
    for title, options in grouped_options().items():
        rows = "\n".join(["| option | what |", "|---|---|", *map(_row, options)])
        tables.append(f"### {title.capitalize()}\n\n{rows}")
    return "\n\n".join(tables)


def insert_tables(text: str) -> str:
    """Return a document with the tables of today between its two markers.

    Raises:
        ValueError: A marker is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} followed by {END}")
    return f"{before}{BEGIN}\n\n{option_tables()}\n\n{END}{after}"


def _row(option: Option) -> str:
    """Return an option as a row of a table: its names and value; what it does, and what each of its choices means."""
    choices = option.spec.choices
    names = ", ".join(name for name in (LETTERS.get(option.setting.name), option.name) if name)
    meanings = [f"{choice}: {meaning}" for choice, meaning in choices.items()] if isinstance(choices, Mapping) else []
    cells = f"`{names} {option.metavar}".rstrip() + "`", "<br>".join([option.help, *meanings])
    return f"| {' | '.join(cell.replace('|', ESCAPED) for cell in cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables between the markers of the documents that are named; without a name, print them."""
    for name in (paths := list(sys.argv[1:] if arguments is None else arguments)):
        path = Path(name)
        path.write_text(insert_tables(path.read_text("utf-8")), "utf-8")
    if not paths:
        print(option_tables())
    return 0


if __name__ == "__main__":
    sys.exit(main())
