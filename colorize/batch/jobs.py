"""Jobs: which photo or film is coloured, where the result goes, and what became of it."""

from __future__ import annotations

import errno
import os
import traceback
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from colorize.base import CONTAINERS, PHOTO_FORMATS, ImageError
from colorize.batch.names import RESULT_SUFFIX, same_file
from colorize.batch.options import FileOptions
from colorize.engine import HINTS_SUFFIX
from colorize.film import frame_numbers, frame_path, is_pipe, is_sequence, names_video

if TYPE_CHECKING:
    from colorize.engine import Hint
    from colorize.film import SegmentStore

STRETCH = 256  # entries of a plan that are looked up together
KEY_FRAME_LIST = "keyframes.json"  # that stands for the key frames of a film


@dataclass(frozen=True)
class Job:
    """One photo or film to colour.

    Attributes:
        source: The file to colour.
        target: The file to write.
        hints: Colour hints of this photo alone; None: those of the options.
    """

    source: Path
    target: Path
    hints: tuple[Hint, ...] | None = None

    @property
    def is_video(self) -> bool:
        """Whether the source has the name of a film."""
        return names_video(self.source)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one photo or film.

    Attributes:
        source: The file, or the folder or pattern that gave none.
        status: ``done``, ``skipped``, ``failed``, ``stopped`` (a film, which the same command goes on with), or
            ``planned`` (of a dry run: it would be coloured).
        message: One line that names the file, and the remedy where there is one.
        error: The error behind a failure or a stop; None: there is none.
        notes: Further lines for the user: what was changed, left out or damaged.
    """

    source: Path
    status: Literal["done", "skipped", "failed", "stopped", "planned"]
    message: str
    error: BaseException | None = None
    notes: tuple[str, ...] = ()

    def portable(self) -> Outcome:
        """Return the outcome as it can go to another process: its error as the text of a traceback."""
        if self.error is None:
            return self
        from colorize.base import RemoteError  # with what starts processes

        return replace(self, error=RemoteError("".join(traceback.format_exception(self.error))))


class JobList(Sequence[Job | Outcome]):
    """The jobs of a command line, and outcomes of inputs that give none, in order.

    A folder may hold a million photographs, so of a job the two names are kept, or one where they are equal, in one
    text with those of others, and the folders once. A job is made anew each time that it is asked for.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._stretches: list[_Stretch] = []
        self._begins = array("q")  # index of the first entry of each stretch
        self._length = 0

    def add(self, source: Path, target: Path) -> None:
        """Add a job without hints of its own."""
        names = f"{source.name}/{'' if source.name == target.name else target.name}"
        self._append(names, str(source.parent), str(target.parent))

    def add_outcome(self, outcome: Outcome) -> None:
        """Add the outcome of an input that gives no job."""
        self._append(outcome)

    def _append(self, entry: str | Outcome, *folders: str) -> None:
        last = self._stretches[-1] if self._stretches else None
        if last is None or last.is_full or (folders and last.folders != folders):
            if last is not None:
                last.close()
                if last.folders == folders:
                    folders = last.folders  # the same texts, once
            last = _Stretch(folders)
            self._stretches.append(last)
            self._begins.append(self._length)
        last.add(entry)
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Job | Outcome]:
        return (entry for stretch in self._stretches for entry in stretch)

    @overload
    def __getitem__(self, index: int) -> Job | Outcome: ...

    @overload
    def __getitem__(self, index: slice) -> list[Job | Outcome]: ...

    def __getitem__(self, index: int | slice) -> Job | Outcome | list[Job | Outcome]:
        """Return an entry, or several as a list."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._length))]
        index = range(self._length)[index]
        number = bisect_right(self._begins, index) - 1
        return self._stretches[number].entry(index - self._begins[number])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class _Stretch:
    """Jobs that follow each other and have the same folders, and outcomes between them."""

    __slots__ = ("_names", "_outcomes", "_text", "folders")

    def __init__(self, folders: tuple[str, ...]) -> None:
        """Begin with none.

        Args:
            folders: That of the sources and that of the results; none where there are only outcomes.
        """
        self.folders = folders
        self._names: list[str] = []  # of each job those of source and result, a slash between them, the second if other
        self._outcomes: dict[int, Outcome] | None = None
        self._text: str | None = None  # the names, once there are all

    @property
    def is_full(self) -> bool:
        return len(self._names) == STRETCH

    def add(self, entry: str | Outcome) -> None:
        if isinstance(entry, Outcome):
            self._outcomes = self._outcomes or {}
            self._outcomes[len(self._names)] = entry
            entry = "/"
        self._names.append(entry)

    def close(self) -> None:
        """Keep the names in less room; nothing is added any more."""
        self._text, self._names = "/".join(self._names), []

    def __iter__(self) -> Iterator[Job | Outcome]:
        names = self._single_names()
        return (self._entry(number, names) for number in range(len(names) // 2))

    def entry(self, number: int) -> Job | Outcome:
        return self._entry(number, self._single_names())

    def _single_names(self) -> list[str]:
        """Return two names of each entry, one after the other; no name has a slash."""
        return ("/".join(self._names) if self._text is None else self._text).split("/")

    def _entry(self, number: int, names: list[str]) -> Job | Outcome:
        if self._outcomes and number in self._outcomes:
            return self._outcomes[number]
        source, target = names[2 * number : 2 * number + 2]
        return Job(Path(self.folders[0], source), Path(self.folders[1], target or source))


def result_paths(job: Job, options: FileOptions) -> list[Path]:
    """Return the files that a job writes: one, or ``NAME_1``, ``NAME_2`` and so on of candidates.

    Key frames of a film have a list. The preview of a film lies under the target's name where that is a photo's.
    """
    target = job.target
    if job.is_video:
        if options.export_keyframes is not None:
            return [target.with_name(KEY_FRAME_LIST)]
        if options.preview is None or target.suffix.lower() in PHOTO_FORMATS:
            return [target]
        return [target.with_name(f"{job.source.stem}_preview{RESULT_SUFFIX}.jpg")]
    if options.photo.candidates is None or options.photo.sheet:
        return [target]
    numbers = range(1, options.photo.candidates + 1)
    return [target.with_name(f"{target.stem}_{number}{target.suffix}") for number in numbers]


def _writes_frames(job: Job, options: FileOptions) -> bool:
    """Return whether a job's results are numbered frames, which its target is the pattern of."""
    is_pattern = is_sequence(job.target) and job.target.suffix.lower() not in CONTAINERS
    return job.is_video and is_pattern and options.preview is None and options.export_keyframes is None


def existing_results(job: Job, options: FileOptions) -> list[Path]:
    """Return those of a job's results that are there.

    Raises:
        OSError: Nobody may look there.
    """
    if _writes_frames(job, options):
        return [frame_path(job.target, number) for number in frame_numbers(job.target)]
    return [path for path in result_paths(job, options) if path.exists()]


def has_results(job: Job, options: FileOptions) -> bool:
    """Return whether all results of a job are there, of numbered frames some, and no segments to go on from.

    Raises:
        OSError: Nobody may look there.
    """
    found = existing_results(job, options)
    if _writes_frames(job, options):
        return bool(found) and not _segments(job).folder.exists()
    return found == result_paths(job, options)


def skipped_film(job: Job, options: FileOptions) -> Outcome | None:
    """Return the outcome of a film that the options do not go with; None: they do, or it is a photo."""
    if job.is_video and options.photo.candidates is not None:
        return Outcome(job.source, "skipped", f"{job.source}: a film; --candidates is for photos")
    if job.is_video and (options.photo.has_hints or job.hints):
        return Outcome(job.source, "skipped", f"{job.source}: a film; its hints say a time")
    return None


def hints_path(job: Job) -> Path:
    """Return the file into which the hints of a job's photo are saved: beside its result, named as the photo."""
    return job.target.with_name(f"{job.source.stem}{HINTS_SUFFIX}")


def check_target(job: Job, options: FileOptions) -> Outcome | None:
    """Return the outcome of a job whose results are all there and are to be left; None: there is something to write.

    Raises:
        ValueError: A result would replace the source itself.
        FileExistsError: There is such a result, and it is neither to be left nor to be replaced.
    """
    if is_pipe(job.target):
        return None
    if _writes_frames(job, options):
        if _segments(job).folder.exists():
            return None  # the frames that are there are those of a run that goes on
        targets = existing_results(job, options)
    else:
        targets = result_paths(job, options)
    if any(same_file(job.source, target) for target in targets):
        kind = "film" if job.is_video else "photo"
        raise ValueError(f"{job.source}: the result would replace the {kind} itself; give another -o")
    existing = [target for target in targets if target.exists()]
    if job.is_video and existing == [job.target] and _segments(job).finished() is not None:
        return None  # a run that was stopped at its very end has something left to remove
    if options.skip_existing and existing and existing == targets:
        return Outcome(job.source, "skipped", f"{job.source}: {existing[-1]} exists already")
    own = options.video if job.is_video else options.photo
    if existing and not (own.overwrite or options.skip_existing):
        raise FileExistsError(f"{existing[0]}: exists already; --overwrite replaces it, --skip-existing leaves it")
    saves_hints = not job.is_video and options.photo.save_hints
    if saves_hints and not (own.overwrite or options.skip_existing) and (saved := hints_path(job)).exists():
        raise FileExistsError(f"{saved}: exists already; --overwrite replaces it, --skip-existing leaves it")
    return None


def _segments(job: Job) -> SegmentStore:
    """Return the segments of a film."""
    from colorize.film import SegmentStore  # brings PyAV, which photographs do without

    return SegmentStore(job.target)


def failed_outcome(job: Job, error: BaseException) -> Outcome:
    """Return the outcome of a job that ended with an error, its message on one line."""
    return Outcome(job.source, "failed", " ".join(_failure_message(job, error).split()), error)


def _failure_message(job: Job, error: BaseException) -> str:
    """Return the message that says which file failed, why, and what helps."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        place = error.filename or job.target
        description = os.strerror(error.errno)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"{job.target}: the disk is full; make room or choose another place with -o"
        if error.errno == errno.ENAMETOOLONG:
            return f"{job.source}: a name would be too long for the disk; give a shorter one, or a folder with -o"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and str(place) != str(job.source):
            return f"{job.target}: no permission to write there; choose another place with -o"
        return f"{place}: {description.lower()}"
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return f"{job.source}: not enough memory; close other programs or try --device cpu"
    if isinstance(error, OSError | ImageError):
        return text if str(job.source) in text or str(job.target) in text else f"{job.source}: {text}"
    if isinstance(error, ValueError):
        return text if str(job.source) in text else f"{job.source}: {text}"
    return f"{job.source}: unexpected {type(error).__name__}: {text}; -v shows where"
