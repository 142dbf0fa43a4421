"""Lists of files to colour, a row for each, as text, CSV or Parquet; they are read as a stream and never held whole."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TextIO

from colorize.base import name_key
from colorize.batch.jobs import Job, Outcome, result_paths
from colorize.batch.key_table import KeyTable
from colorize.batch.names import is_result, name_result
from colorize.batch.options import FileOptions
from colorize.engine import Hint

LIST_SUFFIXES = (".txt", ".csv", ".parquet")
FILE_COLUMNS = ("file", "path", "source")  # the first of them that is there names the files
RESULT_COLUMN, HINTS_COLUMN = "result", "hints"
NOT_TAKEN = ("reference",)  # a column that means something which is not done here
DELIMITERS = ",;\t"
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://")  # of what is no path, such as s3://
ROWS_READ = 1024  # of a Parquet file at a time


@dataclass(frozen=True)
class FileList:
    """A list of files to colour.

    Attributes:
        path: The list.
        column: Name of the column of the files; empty: it is a text, with a path on each line.
    """

    path: Path
    column: str

    @classmethod
    def open(cls, path: Path) -> FileList:
        """Return a list whose columns are known.

        Raises:
            ValueError: It is no such list, has no column of files, or one whose meaning is not followed.
            ImportError: It is a Parquet file, and what reads them is not installed.
            OSError: It cannot be read.
        """
        suffix = path.suffix.lower()
        if suffix not in LIST_SUFFIXES:
            raise ValueError(f"{path}: a list is one of {', '.join(LIST_SUFFIXES)}, by its name")
        if suffix == ".txt":
            with path.open("rb"):
                return cls(path, "")
        columns = _parquet_columns(path) if suffix == ".parquet" else _csv_columns(path)
        for name in NOT_TAKEN:
            if name in columns:
                raise ValueError(f"{path}: its column {name!r} is not followed in lists; leave it out")
        for name in FILE_COLUMNS:
            if name in columns:
                return cls(path, name)
        shown = ", ".join(f"{name!r:.40}" for name in columns[:10]) or "none"
        raise ValueError(f"{path}: has no column {FILE_COLUMNS[0]!r}, which names the files; its columns: {shown}")

    def count(self) -> int:
        """Return the number of its rows."""
        if self.path.suffix.lower() == ".parquet":
            return _open_parquet(self.path).metadata.num_rows
        return sum(1 for _ in self.rows())

    def rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Yield the number of each row (in a text or CSV file its line) and its cells by column.

        Raises:
            ValueError: It is damaged.
            OSError: It cannot be read any more.
        """
        suffix = self.path.suffix.lower()
        if suffix == ".parquet":
            return self._parquet_rows()
        return self._csv_rows() if suffix == ".csv" else self._lines()

    def _lines(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        with _open_text(self.path) as file:
            for number, line in enumerate(file, 1):
                if name := line.rstrip("\r\n"):
                    yield number, {"": name}

    def _csv_rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        with _open_text(self.path) as file:
            reader = csv.reader(file, delimiter=_delimiter(self.path))
            try:
                columns = [name.strip() for name in next(reader)]
                for row in reader:
                    if row:
                        yield reader.line_num, dict(zip_longest(columns, row[: len(columns)], fillvalue=""))
            except csv.Error as error:
                raise ValueError(f"{self.path}: line {reader.line_num} is damaged ({error})") from error

    def _parquet_rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        file = _open_parquet(self.path)
        wanted = [name for name in (self.column, RESULT_COLUMN, HINTS_COLUMN) if name in file.schema_arrow.names]
        number = 0
        for batch in file.iter_batches(ROWS_READ, columns=wanted, use_threads=False):
            for row in batch.to_pylist():
                number += 1
                yield number, {name: "" if value is None else str(value) for name, value in row.items()}


def plan_list(
    files: FileList,
    output: Path | None = None,
    *,
    suffix: str | None = None,
    sheet: bool = False,
    options: FileOptions | None = None,
) -> Iterator[Job | Outcome]:
    """Yield the job of each row, and a failure for each row that is none or whose result is that of an earlier one.

    A result that would replace the file of another row is a failure too, unless that has a result's name.

    A result lies where the row's ``result`` says, under ``output`` if that is given; else beside its source, or under
    ``output`` as the row writes the source's path (without ``..``, and without the root it may begin with).

    Args:
        files: The list.
        output: A folder for results; None: beside the sources.
        suffix: Suffix of coloured photos, such as ``.png``; None: each photo's own.
        sheet: The results are contact sheets of candidates.
        options: What is written of each file, and whether it replaces what is there; None: the defaults.

    Raises:
        ValueError: The list is damaged.
        OSError: It cannot be read any more.
    """
    options = options or FileOptions()
    replaces = options.photo.overwrite or options.video.overwrite
    sources = _sources(files) if replaces else KeyTable()
    targets = KeyTable()
    for number, row in files.rows():
        where = f"{files.path}, row {number}"
        if not (name := row[files.column]):
            yield Outcome(files.path, "failed", f"{where}: names no file")
            continue
        try:
            hints = tuple(map(Hint.parse, row.get(HINTS_COLUMN, "").replace(";", " ").split()))
        except ValueError as error:
            yield Outcome(Path(name), "failed", f"{where}: {name}: {error}")
            continue
        if address := next(filter(ADDRESS.match, (name, row.get(RESULT_COLUMN, ""))), None):
            line = f"{where}: {address}: an address, not a path; mount the storage and name the path there"
            yield Outcome(Path(name), "failed", line)
            continue
        source = Path(name)
        target = _target(source, row.get(RESULT_COLUMN, ""), output, suffix, sheet)
        job = Job(source, target, hints or None)
        results = result_paths(job, options)
        if targets.get(key := name_key(results[0])):
            yield Outcome(source, "failed", f"{where}: {source}: its result {results[0]} is that of an earlier row")
            continue
        own = name_key(source)
        other = next((path for path in results if (name := name_key(path)) != own and sources.get(name)), None)
        if other is not None:
            line = f"{where}: {source}: its result would replace {other}, which another row names; give another result"
            yield Outcome(source, "failed", line)
            continue
        targets.set(key, 1)
        yield job


def _sources(files: FileList) -> KeyTable:
    """Return the names of a list's files, but for those with a result's name."""
    sources = KeyTable()
    for _, row in files.rows():
        if (name := row[files.column]) and not is_result(name):
            sources.set(name_key(Path(name)), 1)
    return sources


def _target(source: Path, result: str, output: Path | None, suffix: str | None, sheet: bool) -> Path:
    """Return where the result of a row goes."""
    if result:
        return Path(result) if output is None else output / result
    below = Path(*(part for part in source.parts if part not in (source.anchor, "..")))
    return name_result(source, None if output is None else output / below, suffix, sheet)


def _open_text(path: Path) -> TextIO:
    """Open a list as text; names in another encoding come through as the system's functions take them."""
    return path.open(
        encoding="utf-8-sig", errors="surrogateescape", newline="" if path.suffix.lower() == ".csv" else None
    )


def _delimiter(path: Path) -> str:
    """Return what parts the cells of a CSV file: the sign that its first line has most of."""
    with _open_text(path) as file:
        first = file.readline()
    return max(DELIMITERS, key=first.count)


def _csv_columns(path: Path) -> list[str]:
    with _open_text(path) as file:
        try:
            return [name.strip() for name in next(csv.reader(file, delimiter=_delimiter(path)), [])]
        except csv.Error as error:
            raise ValueError(f"{path}: is no CSV file ({error})") from error


def _parquet_columns(path: Path) -> list[str]:
    return list(_open_parquet(path).schema_arrow.names)


def _open_parquet(path: Path):
    """Return a Parquet file that is open.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: It is no Parquet file.
    """
    try:
        import pyarrow  # pyright: ignore[reportMissingImports] - large, and seldom wanted
        from pyarrow.parquet import ParquetFile  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(f"{path}: Parquet needs a package: pip install pyarrow; or give the list as .csv") from error
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())  # its own pools keep what rows took that are read
    try:
        return ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path}: is no Parquet file ({' '.join(str(error).split())[:100]})") from error
