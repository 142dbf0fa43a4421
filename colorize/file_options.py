"""How files are treated: what the command line and the page ask of ``colorize.files``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorize.film_options import FilmOptions, Progress
from colorize.images import DEFAULT_QUALITY
from colorize.marks import Mark


@dataclass(frozen=True)
class FileOptions:
    """How files are treated.

    Attributes:
        overwrite: Replace existing results.
        skip_existing: Leave photos whose result exists.
        force: Colour pictures that are in colour already.
        mark: Say in the metadata that a network made the colours.
        quality: 1..100, of lossy formats.
        batch_size: Photos that pass through the network together, where their shapes agree.
        marks: Known colours, of every photo.
        candidates: Of every photo, write so many candidates, numbered from 1; None: the one deterministic picture.
        seed: Of the candidates, 0 or more.
        sheet: Write a contact sheet of the candidates instead of the candidates.
        film: How films are coloured; ``overwrite`` and ``mark`` of these options count.
        preview: Of a film, write this many coloured frames as a contact sheet instead; None: colour it.
        progress: Called with a film and how far it is, from another thread.
        cancel: When set, the film at work stops at the end of its part, and no other file is begun.
    """

    overwrite: bool = False
    skip_existing: bool = False
    force: bool = False
    mark: bool = True
    quality: int = DEFAULT_QUALITY
    batch_size: int = 1
    marks: Sequence[Mark] = ()
    candidates: int | None = None
    seed: int = 0
    sheet: bool = False
    film: FilmOptions = field(default_factory=FilmOptions)
    preview: int | None = None
    progress: Callable[[Path, Progress], None] | None = None
    cancel: threading.Event | None = None
