"""The journal of a run over many files: what became of each, on disk, so that the same command goes on after any stop.

It is a folder. ``settings.json`` holds what the results depend on. What happens is appended to ``000001.jsonl.open``, a
line when a file is begun and one when it is done; a chunk of so many lines is closed and takes its name,
``000001.jsonl``. A later line about a file stands over an earlier one. A kill at any moment loses at most a line that
was being written, and then the file counts as begun.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from colorize.base import move_into_place, reason, replacing
from colorize.batch.jobs import Job, Outcome
from colorize.batch.key_table import KeyTable

JOURNAL_NAME = "colorize-journal"  # of the folder, within that of the results
JOURNAL_SUFFIX = ".journal"  # of the folder beside a list
SETTINGS = "settings.json"
FORMAT = "colorize-journal/1"
CLOSED, OPEN = ".jsonl", ".jsonl.open"
CHUNK_LINES = 1000
BEGUN, BEGUN_ANEW, DONE, SKIPPED, FAILED, LEFT, BLOCKED = 1, 2, 3, 4, 5, 6, 7
"""States of a file: begun where a result was there before, or none; coloured; left as it is; failed; left since a
result was there, or failed for that, which another option or its removal may change."""
TEXTS, NUMBERS = ("file", "result", "hints", "status", "line", "worker"), ("seconds", "ended")  # in a line
MAX_SECONDS = 1e11  # of a time in a line; what is beyond, in the year 5138, is damaged
STATES = {"done": DONE, "skipped": SKIPPED, "failed": FAILED}
IN_THE_WAY = {"skipped": LEFT, "failed": BLOCKED}  # where a result was


class JournalError(ValueError):
    """A journal cannot be gone on with; the message names it and the remedy."""


@dataclass(frozen=True)
class Entry:
    """What a journal holds of one file.

    Attributes:
        source: The file.
        target: Its result; empty: it had none, as where a row of a list was no file.
        status: ``done``, ``skipped`` or ``failed``.
        line: What was said of it.
        seconds: That it took.
        worker: Who coloured it; empty: this process.
        ended: Seconds since 1970 when it ended.
    """

    source: str
    target: str
    status: str
    line: str
    seconds: float
    worker: str
    ended: float


class Journal:
    """A journal that is read, and open for writing until it is closed.

    Attributes:
        folder: The folder.
        changes: What was other when the journal was begun, in words; empty: nothing, or there was none.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Read the journal of a folder, if there is one; nothing is written yet.

        Args:
            folder: The folder, which need not exist.
            identity: What the results depend on, as JSON values by name.

        Raises:
            JournalError: It is that of another version, or damaged.
            OSError: It cannot be read.
        """
        self.folder = folder
        self._identity: dict[str, Any] = json.loads(json.dumps(dict(identity)))
        self._states = KeyTable()
        self._file: TextIO | None = None
        self._lines = 0
        self._lock = FileLock(folder / "lock")
        self.changes = ""
        self._has_results = False
        self._seen: list[tuple[str, int]] = []  # names and sizes of the files of lines that were read
        self._read()

    def _read(self) -> None:
        """Read what is there, in place of what was read before."""
        self._seen = self._sizes()
        found = self._read_identity()
        self.changes = "" if found is None else _changes(found, self._identity)
        self._states, self._has_results = KeyTable(), False
        for line in self._read_lines() if found is not None else ():  # else a kill has begun to start afresh
            if line["result"]:  # what is no file, such as a row without a name, each run says anew
                self._note(line)
            self._has_results |= line["status"] == "done"

    def state(self, job: Job) -> int:
        """Return the state of a file, such as ``DONE``; 0: it is not known, or its settings were others."""
        return 0 if self.changes else self._states.get(_line_key(_names(job)))

    def open(self, replaces: bool) -> None:
        """Begin to write: go on with what is there, or afresh where the settings were others.

        Args:
            replaces: Results that exist are to be replaced or to be left, so starting afresh can do something.

        Raises:
            JournalError: Another run is writing it; or the settings were others, and its results are in the way.
            OSError: It cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise JournalError(f"{self.folder}: another run is at work with it; wait for its end") from error
        if self._sizes() != self._seen:  # a run has ended since
            self._read()
        is_new = not (self.folder / SETTINGS).exists()
        if self.changes or is_new:
            if self.changes and self._has_results and not replaces:
                self._lock.release()
                raise JournalError(
                    f"{self.folder}: made with other settings ({self.changes}); --overwrite starts afresh and replaces "
                    "the results, or give another -o"
                )
            (self.folder / SETTINGS).unlink(missing_ok=True)  # without it the lines count no more
            for path in self._chunks():
                path.unlink()
            self._states, self.changes = KeyTable(), ""
        with replacing(self.folder / SETTINGS, overwrite=True, durable=True) as file:
            file.write(json.dumps({"format": FORMAT, "results": self._identity}, indent=2).encode())
        for path in self._chunks():
            if path.name.endswith(OPEN):  # of a run that was killed
                move_into_place(path, path.with_name(path.name.removesuffix(OPEN) + CLOSED), durable=True)

    def begin(self, job: Job, anew: bool) -> None:
        """Note that a file is begun.

        Args:
            job: The file.
            anew: There is no result of it, so one that is found later is this run's own.
        """
        self._append({**_names(job), "status": "begun", "anew": anew})

    def end(
        self, job: Job, outcome: Outcome, seconds: float = 0.0, worker: str = "", *, in_the_way: bool = False
    ) -> None:
        """Note what became of a file.

        Args:
            job: The file.
            outcome: ``done``, ``skipped`` or ``failed``.
            seconds: That it took.
            worker: Who coloured it.
            in_the_way: It was skipped, or failed, only because a result was there.
        """
        details: dict[str, Any] = {
            "line": outcome.message,
            "seconds": round(seconds, 3),
            "worker": worker,
            "ended": round(time.time(), 1),
            **({"left": True} if in_the_way else {}),
        }
        self._append({**_names(job), "status": outcome.status, **details})

    def close(self) -> None:
        """Close the chunk at work and let others write; a second time nothing happens.

        Raises:
            JournalError: The chunk cannot be written.
        """
        try:
            self._close_chunk()
        finally:
            self._lock.release()

    def entries(self) -> Iterator[Entry]:
        """Yield what is known last of each file that has ended, once."""
        seen = KeyTable()
        for line in self._read_lines():
            key = _line_key(line)
            if line["status"] != "begun" and _state_of(line) == self._states.get(key) and not seen.get(key):
                seen.set(key, 1)
                details = (
                    line.get("line", ""),
                    line.get("seconds", 0.0),
                    line.get("worker", ""),
                    line.get("ended", 0.0),
                )
                yield Entry(line["file"], line["result"], line["status"], *details)

    def _append(self, line: dict[str, Any]) -> None:
        self._note(line)
        try:
            if self._file is None:
                number = max((int(path.name[:6]) for path in self._chunks()), default=0) + 1
                self._file = (self.folder / f"{number:06d}{OPEN}").open("x", encoding="ascii")
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        self._lines += 1
        if self._lines == CHUNK_LINES:
            self._close_chunk()

    def _close_chunk(self) -> None:
        file, self._file, self._lines = self._file, None, 0
        if file is not None:
            try:
                file.close()
                path = Path(file.name)
                move_into_place(path, path.with_name(path.name.removesuffix(OPEN) + CLOSED), durable=True)
            except OSError as error:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> JournalError:
        line = f"{self.folder}: cannot be written ({reason(error)}); once it can be, the same command goes on"
        return JournalError(line)

    def _note(self, line: Mapping[str, Any]) -> None:
        self._states.set(_line_key(line), _state_of(line))

    def _sizes(self) -> list[tuple[str, int]]:
        """Return the names and sizes of the files of lines, the oldest first."""
        return [(path.name, path.stat().st_size) for path in self._chunks()]

    def _chunks(self) -> list[Path]:
        """Return the files of lines, the oldest first."""
        with contextlib.suppress(FileNotFoundError):
            names = (name for name in os.listdir(self.folder) if name.endswith((CLOSED, OPEN)) and name[:6].isdecimal())
            return [self.folder / name for name in sorted(names)]
        return []

    def _read_lines(self) -> Iterator[dict[str, Any]]:
        """Yield the lines that are whole, the oldest first."""
        for path in self._chunks():
            with path.open(encoding="ascii", errors="replace") as file:
                for text in file:
                    if (line := _read_line(text)) is not None:
                        yield line

    def _read_identity(self) -> dict[str, Any] | None:
        """Return what the results of the journal depend on; None: there is no journal."""
        path = self.folder / SETTINGS
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(found, dict) or not isinstance(found.get("results", {}), dict):
                raise ValueError("no mapping")
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise JournalError(
                f"{path}: cannot be read ({str(error)[:200]}); remove the folder to start afresh"
            ) from error
        if found.get("format") != FORMAT:
            raise JournalError(f"{self.folder}: made by another version of colorize; finish with that, or remove it")
        return found.get("results", {})


def _read_line(text: str) -> dict[str, Any] | None:
    """Return what a line of a journal holds; None: it was being written when the run was killed, or is damaged."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not {"file", "result", "status"} <= line.keys():
        return None
    has_texts = all(_is_text(line.get(name, "")) for name in TEXTS)
    numbers = [line.get(name, 0.0) for name in NUMBERS]
    has_numbers = all(isinstance(value, int | float) and 0 <= value < MAX_SECONDS for value in numbers)
    return line if has_texts and has_numbers and line["status"] in ("begun", *STATES) else None


def _state_of(line: Mapping[str, Any]) -> int:
    """Return the state that a line gives its file."""
    states = IN_THE_WAY if line.get("left") else STATES
    return states.get(line["status"], BEGUN_ANEW if line.get("anew") else BEGUN)


def _is_text(value: Any) -> bool:
    """Return whether a value is a text that can be written, as names and lines can; half a character cannot."""
    try:
        return isinstance(value, str) and value.encode("utf-8", "surrogateescape") is not None
    except UnicodeEncodeError:
        return False


def _changes(former: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    """Return in words which values are other than they were."""
    names = [name for name in {**former, **present} if former.get(name) != present.get(name)]
    return ", ".join(
        f"{name.replace('_', ' '):.40} {former.get(name)!s:.40} -> {present.get(name)!s:.40}" for name in names
    )


def _names(job: Job) -> dict[str, str]:
    names = {"file": str(job.source), "result": "" if job.target == Path() else str(job.target)}
    return {**names, "hints": _hints_text(job)} if job.hints else names


def _hints_text(job: Job) -> str:
    return " ".join(map(str, job.hints or ()))


def _line_key(line: Mapping[str, Any]) -> str:
    """Return what a file is known by; what is none, by what was said of it."""
    return "\0".join((line["file"], line["result"], line.get("hints", "") if line["result"] else line.get("line", "")))
