"""Jobs: which photos and films to colour, and where the results go."""

from __future__ import annotations

import errno
import glob
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colorize.base import CONTAINERS, DEFAULT_QUALITY, DEFAULT_VIDEO_SUFFIX, PHOTO_FORMATS, VIDEO_SUFFIXES, ImageError
from colorize.engine import Hint
from colorize.film import Progress, VideoOptions

RESULT_SUFFIX = "_colorized"
SHEET_SUFFIX = "_sheet"  # of the contact sheet of a photo's candidates
DEFAULT_SUFFIX = ".png"  # of a file whose name has none: nothing is lost in it
_RESULT = re.compile(rf"{RESULT_SUFFIX}(_\d+|{SHEET_SUFFIX})?$")  # how names of results end


@dataclass(frozen=True)
class Job:
    """One photo or film and where its colours go."""

    source: Path
    target: Path

    @property
    def is_video(self) -> bool:
        """Whether the file's name is a film's."""
        return self.source.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class Outcome:
    """What became of one photo or film.

    Attributes:
        source: The file, or what was given in its place.
        status: ``done``, ``skipped``, ``failed``, or ``stopped`` (a film: the same command goes on with it).
        message: One line that names the file, and the remedy where there is one.
        error: What was raised.
        notes: Further lines that the user should read: what was changed, left out, damaged.
    """

    source: Path
    status: Literal["done", "skipped", "failed", "stopped"]
    message: str
    error: BaseException | None = None
    notes: tuple[str, ...] = ()


def plan(
    inputs: Iterable[str | Path],
    output: Path | None = None,
    *,
    recursive: bool = False,
    suffix: str | None = None,
    sheet: bool = False,
) -> list[Job | Outcome]:
    """Return the jobs of files, folders and patterns, and a failure for each input that holds no photo or film.

    A result lies beside its source as ``NAME_colorized``, or under ``output`` with the source's name and sub-folder.
    A film in a container that is not written becomes an MP4.

    Args:
        inputs: Files, folders, or patterns with ``*``, ``?`` and ``**``.
        output: The result's name where it ends in a photo's or film's suffix and is no folder, else a folder.
        recursive: Take the sub-folders too.
        suffix: Of the coloured photos, such as ``.png``; None: each photo's own.
        sheet: The results are contact sheets of candidates and are named so, unless ``output`` names the file.
    """
    is_file = output is not None and names_a_file(output)
    plan: list[Job | Outcome] = []
    taken: dict[Path, Path] = {}
    for found in _find(inputs, recursive):
        if isinstance(found, Outcome):
            plan.append(found)
            continue
        source, folder = found
        if is_file and output is not None:
            target = output
        else:
            end = result_suffix(source, suffix)
            target = (source if output is None else output / source.relative_to(folder)).with_suffix(end)
            if output is None or same_file(source, target):
                target = target.with_name(f"{source.stem}{RESULT_SUFFIX}{end}")
            if sheet:
                target = target.with_name(f"{target.stem}{SHEET_SUFFIX}{end}")
        first = taken.setdefault(target, source)
        if first is not source:
            message = f"{source}: its result {target} is already that of {first}; give the results two folders"
            plan.append(Outcome(source, "failed", message))
        else:
            plan.append(Job(source, target))
    return plan


def candidate_paths(target: Path, count: int) -> list[Path]:
    """Return where the candidates of a result go: ``NAME_1``, ``NAME_2`` and so on."""
    return [target.with_name(f"{target.stem}_{number}{target.suffix}") for number in range(1, count + 1)]


def names_a_file(output: Path) -> bool:
    """Tell whether an output names one result, not a folder for results."""
    return output.suffix.lower() in (*PHOTO_FORMATS, *VIDEO_SUFFIXES) and not output.is_dir()


def result_suffix(source: Path, suffix: str | None = None) -> str:
    """Return the suffix of a result: the source's own where it is written, unless a photo is to have another."""
    if source.suffix.lower() in VIDEO_SUFFIXES:
        return source.suffix if source.suffix.lower() in CONTAINERS else DEFAULT_VIDEO_SUFFIX
    return suffix or (source.suffix if source.suffix.lower() in PHOTO_FORMATS else DEFAULT_SUFFIX)


def _find(inputs: Iterable[str | Path], recursive: bool) -> Iterator[tuple[Path, Path] | Outcome]:
    """Yield each photo and film with the folder that its place under an output folder is counted from."""
    for given in inputs:
        path = Path(given)
        try:
            is_folder, is_there = path.is_dir(), path.exists()
        except OSError as error:  # a name too long, a folder that may not be entered
            yield Outcome(path, "failed", f"{path}: {(error.strerror or 'unreadable').lower()}", error)
            continue
        if is_folder:
            found = [(file, path) for file in _files_in(path, recursive)]
            remedy = "" if recursive else "; -r looks into its sub-folders"
            yield from found or [Outcome(path, "failed", f"{path}: a folder without films, without photos{remedy}")]
        elif not is_there and glob.has_magic(str(given)):
            files = sorted(Path(name) for name in glob.glob(str(given), recursive=True) if Path(name).is_file())
            found = [(file, file.parent) for file in files if RESULT_SUFFIX not in file.stem]
            yield from found or [Outcome(path, "failed", f"{path}: no file has such a name")]
        else:
            yield path, path.parent  # a missing file fails when it is read, in its turn


def _files_in(folder: Path, recursive: bool) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        for name in sorted(names):
            file = Path(parent, name)
            hidden = name.startswith(".")
            known = file.suffix.lower() in (*PHOTO_FORMATS, *VIDEO_SUFFIXES)
            if known and not hidden and not _RESULT.search(file.stem):
                yield file


def same_file(a: Path, b: Path) -> bool:
    """Tell whether two paths are one file, by name or by link."""
    try:
        return a == b or os.path.samefile(a, b)
    except OSError:  # one of them is not there
        return False


@dataclass(frozen=True)
class FileOptions:
    """How files are treated.

    Attributes:
        overwrite: Replace existing results.
        skip_existing: Leave photos whose result exists.
        force: Colour pictures that are in colour already.
        ai_label: Say in the metadata that a network made the colours.
        quality: 1..100, of lossy formats.
        batch_size: Photos that pass through the network together, where their shapes agree.
        hints: Known colours, of every photo.
        candidates: Of every photo, write so many candidates, numbered from 1; None: the one deterministic picture.
        seed: Of the candidates, 0 or more.
        sheet: Write a contact sheet of the candidates instead of the candidates.
        video: How films are coloured; ``overwrite`` and ``ai_label`` of these options count.
        preview: Of a film, write this many coloured frames as a contact sheet instead; None: colour it.
        progress: Called with a film and how far it is, from another thread.
        cancel: When set, the film at work stops at the end of its part, and no other file is begun.
    """

    overwrite: bool = False
    skip_existing: bool = False
    force: bool = False
    ai_label: bool = True
    quality: int = DEFAULT_QUALITY
    batch_size: int = 1
    hints: Sequence[Hint] = ()
    candidates: int | None = None
    seed: int = 0
    sheet: bool = False
    video: VideoOptions = field(default_factory=VideoOptions)
    preview: int | None = None
    progress: Callable[[Path, Progress], None] | None = None
    cancel: threading.Event | None = None


def failed_outcome(job: Job, error: BaseException) -> Outcome:
    """Return the outcome of a job that ended with an error."""
    return Outcome(job.source, "failed", " ".join(_describe(job, error).split()), error)


def _describe(job: Job, error: BaseException) -> str:
    """Return the line that says which file failed, why, and what helps."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        place = error.filename or job.target
        reason = os.strerror(error.errno)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"{job.target}: the disk is full; make room or choose another place with -o"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and str(place) != str(job.source):
            return f"{job.target}: no permission to write there; choose another place with -o"
        return f"{place}: {reason.lower()}"
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return f"{job.source}: not enough memory; close other programs or try --device cpu"
    if isinstance(error, OSError | ImageError):
        return text if str(job.source) in text or str(job.target) in text else f"{job.source}: {text}"
    if isinstance(error, ValueError):
        return text if str(job.source) in text else f"{job.source}: {text}"
    return f"{job.source}: unexpected {type(error).__name__}: {text}; -v shows where"
