"""Tables of options in the documents, made from the settings: ``python -m colorize.cli.reference docs/usage.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from colorize.cli.arguments import Option
from colorize.cli.options import LETTERS, grouped_options

ESCAPED = r"\|"  # a line inside a cell
BEGIN, END = "<!-- options -->", "<!-- end of options -->"


def option_tables() -> str:
    """Return the options of ``colorize`` as Markdown: a heading and a table for each group."""
    groups = grouped_options().items()
    return "\n\n".join(f"### {title.capitalize()}\n\n{option_table(options)}" for title, options in groups)


def option_table(options: Iterable[Option]) -> str:
    """Return options as a table of Markdown, a row for each."""
    return "\n".join(["| option | what |", "|---|---|", *map(_row, options)])


def insert_tables(text: str, tables: str) -> str:
    """Return a document with other tables between its two markers.

    Args:
        text: The document.
        tables: As ``option_tables`` or ``option_table`` gives them.

    Raises:
        ValueError: A marker is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} followed by {END}")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def _row(option: Option) -> str:
    """Return an option as a row of a table: its names and value; what it does, and what each of its choices means."""
    choices = option.spec.choices
    names = ", ".join(name for name in (LETTERS.get(option.setting.name), option.name) if name)
    meanings = [f"{choice}: {meaning}" for choice, meaning in choices.items()] if isinstance(choices, Mapping) else []
    cells = f"`{names} {option.metavar}".rstrip() + "`", "<br>".join([option.help, *meanings])
    return f"| {' | '.join(cell.replace('|', ESCAPED) for cell in cells)} |"


def write_tables(tables: str, documents: Sequence[str]) -> int:
    """Write tables between the markers of documents, or print them if none is named; return the exit status."""
    for name in documents:
        path = Path(name)
        path.write_text(insert_tables(path.read_text("utf-8"), tables), "utf-8")
    if not documents:
        print(tables)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables of ``colorize`` between the markers of the documents that are named, or print them."""
    return write_tables(option_tables(), sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
