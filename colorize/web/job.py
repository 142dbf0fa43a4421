"""One photo or film of a client: where it lies, how far it is, what its folder and its messages may show."""

from __future__ import annotations

import secrets
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colorize.containers import FILM_SUFFIXES
from colorize.film_options import Progress
from colorize.jobs import Outcome

Kind = Literal["photo", "film"]
Status = Literal["waiting", "working", "done", "failed", "cancelled"]
LONGEST_NAME = 120  # of the 255 bytes that a file's name may have; the result's name is longer


@dataclass(eq=False)
class WebJob:
    """One photo or film of a client.

    Attributes:
        kind: ``photo`` or ``film``.
        folder: Its own; gone when the job is forgotten.
        id: Nobody can guess it.
        status: Where it is.
        progress: Of a film at work.
        outcome: What became of it; None: not yet.
        result: The file that was made; None: none.
        alias: The client's name of a source that was given a suffix here; empty: its name was kept.
        cancel: Set to take it back.
        future: Done when the job is; its one exception is ``CancelledJobError``.
        made: Seconds of the monotonic clock at which it was made.
        queued: Whether it was put into the queue.
        begun: Seconds of the clock at which the work began; None: it has not.
        ended: The same, of its end.
    """

    kind: Kind
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    status: Status = "waiting"
    progress: Progress | None = None
    outcome: Outcome | None = None
    result: Path | None = None
    alias: str = ""
    cancel: threading.Event = field(default_factory=threading.Event)
    future: Future[Outcome] = field(default_factory=Future)
    made: float = field(default_factory=time.monotonic)
    queued: bool = False
    begun: float | None = None
    ended: float | None = None

    def place(self, name: str) -> Path:
        """Return where an upload of this name goes: in the job's folder, whatever the client calls it."""
        folder = self.folder / "in"
        folder.mkdir(exist_ok=True)
        place = folder / safe_name(name)
        if self.kind == "film" and place.suffix.lower() not in FILM_SUFFIXES:
            self.alias = place.name
            place = place.with_name(f"{place.name}.mp4")  # what it is, is seen when it is opened
        return place

    def words(self, text: str) -> str:
        """Return a message without the server's folders, which are not the client's business."""
        for inner in ("in", "out"):
            text = text.replace(f"{self.folder / inner}/", "").replace(f"{self.folder / inner}\\", "")
        return text.replace(f"{self.alias}.mp4", self.alias) if self.alias else text

    @property
    def seconds_left(self) -> float | None:
        """Return how long a film will still take at its speed so far; None: nobody knows."""
        progress = self.progress
        if self.begun is None or progress is None or not progress.done or not progress.total:
            return None
        return (time.monotonic() - self.begun) * max(0, progress.total - progress.done) / progress.done


def safe_name(name: str) -> str:
    """Return the last part of a client's file name, fit for any disk; its suffix is kept."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join("_" if letter in '<>:"|?*' or not letter.isprintable() else letter for letter in name).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    stem = (stem if dot else name) or "file"
    while len(stem.encode()) > LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}.{suffix[:8]}" if dot else stem
