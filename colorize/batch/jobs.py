"""Jobs: which photos and films are coloured, where the results go, and what became of each."""

from __future__ import annotations

import errno
import glob
import os
import re
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from colorize.base import (
    CONTAINERS,
    DEFAULT_VIDEO_SUFFIX,
    FOREIGN_SUFFIXES,
    PHOTO_FORMATS,
    READ_ONLY_SUFFIXES,
    SEGMENTS_SUFFIX,
    VIDEO_SUFFIXES,
    ImageError,
    name_key,
)
from colorize.batch.options import FileOptions
from colorize.engine import HINTS_SUFFIX
from colorize.film import (
    SEQUENCE_SUFFIXES,
    VIDEO_FOLDER,
    first_part,
    frame_numbers,
    frame_path,
    is_menu,
    is_pipe,
    is_sequence,
    names_video,
    patterns_in,
)

if TYPE_CHECKING:
    from colorize.engine import Hint
    from colorize.film import SegmentStore

KEY_FRAME_LIST = "keyframes.json"  # that stands for the key frames of a film
RESULT_SUFFIX = "_colorized"  # of the name of a result beside its source
SEQUENCE_FOLDER = "colorized"  # for the results of numbered frames, beside them
FRAME_SUFFIXES = frozenset((*SEQUENCE_SUFFIXES, *PHOTO_FORMATS, *READ_ONLY_SUFFIXES))  # of numbered frames
LEAST_FRAMES = 24  # numbered without a gap, that look like a film's
REFERENCE_MARK = ".ref"  # before the suffix of a reference that lies beside its photo
SHEET_SUFFIX = "_sheet"  # of the name of the contact sheet of a photo's candidates
DEFAULT_SUFFIX = ".png"  # of a photo whose name has none: nothing is lost in it
PHOTO_SUFFIXES = (*PHOTO_FORMATS, *READ_ONLY_SUFFIXES)
TAKEN_SUFFIXES = frozenset((*PHOTO_FORMATS, *READ_ONLY_SUFFIXES, *VIDEO_SUFFIXES))  # that a folder gives
TEXT_SUFFIXES = frozenset((".txt", ".xmp", ".json", ".xml", ".csv", ".html", ".htm", ".md", ".db", ".ini", ".aae"))
RAW_KINDS = ("camera raw", "DNG")  # many of which begin as a TIFF does
MAX_NAMED = 5  # files that were left out of a folder
_RESULT = re.compile(rf"{RESULT_SUFFIX}(_\d+|{SHEET_SUFFIX})?$")  # how names of results end


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

    A folder may hold a million photographs, so a job is kept as the text of its two paths, which is a quarter of what
    it takes, and made anew each time it is asked for.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._entries: list[tuple[str, str] | Outcome] = []

    def add(self, source: str, target: Path) -> None:
        """Add a job without hints of its own; ``source`` is the text of its path."""
        self._entries.append((source, str(target)))

    def add_outcome(self, outcome: Outcome) -> None:
        """Add the outcome of an input that gives no job."""
        self._entries.append(outcome)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Job | Outcome: ...

    @overload
    def __getitem__(self, index: slice) -> list[Job | Outcome]: ...

    def __getitem__(self, index: int | slice) -> Job | Outcome | list[Job | Outcome]:
        """Return an entry, or several as a list."""
        if isinstance(index, slice):
            return [_entry(each) for each in self._entries[index]]
        return _entry(self._entries[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def _entry(kept: tuple[str, str] | Outcome) -> Job | Outcome:
    return kept if isinstance(kept, Outcome) else Job(Path(kept[0]), Path(kept[1]))


def plan(
    inputs: Iterable[str | Path],
    output: Path | None = None,
    *,
    recursive: bool = False,
    suffix: str | None = None,
    sheet: bool = False,
    sequence: bool = False,
) -> JobList:
    """Return the jobs of files, folders and patterns, and a failure for each input that holds no photo or film.

    Folders and patterns leave out the results of earlier runs, which are known by how their names end; a file that is
    named itself is never left out.

    A result lies beside its source as ``NAME_colorized``, or under ``output`` with the source's name and sub-folder.
    A film in a container that is not written becomes an MP4. Of numbered frames, ``scan_%06d.dpx``, the result is
    numbered frames too, in a sub-folder ``colorized`` or in ``output``.

    Args:
        inputs: Files, folders, or patterns with ``*``, ``?`` and ``**``.
        output: The result's name where it ends in a photo's or film's suffix and is no folder, else their folder;
            None: beside the sources.
        recursive: Take the sub-folders too.
        suffix: Suffix of the coloured photos, such as ``.png``; None: each photo's own.
        sheet: The results are contact sheets of candidates and are named so, unless ``output`` names the file.
        sequence: Take the numbered frames of a folder for a film.
    """
    is_file = output is not None and names_a_file(output)
    planned = JobList()
    sources: dict[str, str] = {}  # by target
    for found in _find(inputs, recursive, sequence):
        if isinstance(found, Outcome):
            planned.add_outcome(found)
            continue
        text, folder = found
        source = Path(text)
        if (part := first_part(source)) != source and str(part) in sources.values():
            planned.add_outcome(Outcome(source, "skipped", f"{source}: a part of the film that {part.name} begins"))
            continue
        if is_file and output is not None:
            target = output
        elif is_sequence(source) and not source.exists():
            target = (output or source.parent / SEQUENCE_FOLDER) / source.with_suffix(result_suffix(source)).name
        else:
            place = None if output is None else output / source.relative_to(folder)
            target = name_result(source, place, suffix, sheet)
        key = name_key(target)
        first = sources.get(key)
        if first == text:
            planned.add_outcome(Outcome(source, "skipped", f"{source}: named twice; it is coloured once"))
        elif first is not None:
            message = f"{source}: its result {target} is already that of {first}; give the results two folders"
            planned.add_outcome(Outcome(source, "failed", message))
        else:
            sources[key] = text
            planned.add(text, target)
    return planned


def name_result(source: Path, place: Path | None, suffix: str | None = None, sheet: bool = False) -> Path:
    """Return the path of a photo's or film's result.

    Args:
        source: The photo or film.
        place: Where it lies under an output folder, with the source's name; None: beside the source.
        suffix: Suffix of coloured photos; None: each photo's own.
        sheet: The result is a contact sheet of candidates.
    """
    end = result_suffix(source, suffix)
    target = (place or source).with_suffix(end)
    if place is None or same_file(source, target):
        target = target.with_name(f"{source.stem}{RESULT_SUFFIX}{end}")
    return target.with_name(f"{target.stem}{SHEET_SUFFIX}{end}") if sheet else target


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
    targets = result_paths(job, options)
    if is_sequence(job.target) and options.preview is None:
        if _segments(job).folder.exists():
            return None  # the frames that are there are those of a run that goes on
        targets = [frame_path(job.target, number) for number in frame_numbers(job.target)]
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


def names_a_file(output: Path) -> bool:
    """Return whether an output names one result, not a folder for results."""
    return is_pipe(output) or is_sequence(output) or (output.suffix.lower() in TAKEN_SUFFIXES and not output.is_dir())


def result_suffix(source: Path, suffix: str | None = None) -> str:
    """Return the suffix of a result: the source's own where such files are written.

    Args:
        source: A photo or film.
        suffix: Suffix for photos; None: the source's own.
    """
    if is_sequence(source):
        return source.suffix if source.suffix.lower() in SEQUENCE_SUFFIXES else DEFAULT_SUFFIX
    if source.suffix.lower() in VIDEO_SUFFIXES:
        return source.suffix if source.suffix.lower() in CONTAINERS else DEFAULT_VIDEO_SUFFIX
    own = source.suffix if source.suffix.lower() in PHOTO_FORMATS else None
    return suffix or own or READ_ONLY_SUFFIXES.get(source.suffix.lower(), DEFAULT_SUFFIX)


def _segments(job: Job) -> SegmentStore:
    """Return the segments of a film."""
    from colorize.film import SegmentStore  # brings PyAV, which photographs do without

    return SegmentStore(job.target)


def _find(inputs: Iterable[str | Path], recursive: bool, sequence: bool) -> Iterator[tuple[str, Path] | Outcome]:
    """Yield each photo and film with the folder that its path under an output folder is relative to, or a failure.

    The path is a text, as a job list keeps it: of a large folder the paths would take four times as much while they are
    sorted, and what is freed afterwards lies between what stays.
    """
    for given in inputs:
        path = Path(given)
        if given == "":  # as a path it would be the folder of this process
            yield Outcome(path, "failed", "a file without a name: the name is empty")
            continue
        if is_pipe(path):
            yield str(path), path.parent
            continue
        try:
            is_folder, exists = path.is_dir(), path.exists()
        except OSError as error:  # a name too long, a folder that may not be entered
            yield Outcome(path, "failed", f"{path}: {(error.strerror or 'unreadable').lower()}", error)
            continue
        if is_folder and sequence:
            patterns = [(str(pattern), path) for pattern in patterns_in(path, FRAME_SUFFIXES)]
            yield from patterns or [Outcome(path, "failed", f"{path}: a folder without numbered frames")]
        elif is_folder:
            files, lonely = _without_references(_files_in(path, recursive))
            yield from ((file, path) for file in files)
            yield from lonely
            if not files and not lonely:
                remedy = "" if recursive else "; -r looks into its sub-folders"
                yield Outcome(path, "failed", f"{path}: a folder without films, without photos{remedy}")
        elif not exists and glob.has_magic(str(given)):
            names = glob.iglob(str(given), recursive=True)
            files = sorted((str(Path(name)) for name in names if os.path.isfile(name)), key=_by_folder)
            sources, lonely = _without_references(file for file in files if not _RESULT.search(Path(file).stem))
            yield from ((file, Path(file).parent) for file in sources)
            yield from lonely
            if not sources and not lonely:
                problem = "only results have such names; give one by its name" if files else "no file has such a name"
                yield Outcome(path, "failed", f"{path}: {problem}")
        else:
            yield str(path), path.parent  # a missing file fails when it is read, in its turn


def reference_beside(source: Path) -> Path | None:
    """Return the reference that lies beside a photo or film, ``NAME.ref`` with a photo's suffix; None: there is none.

    Of a folder of photos and films in which two have one name, both have it.
    """
    own = source.suffix if source.suffix.lower() in PHOTO_SUFFIXES else ".jpg"
    for suffix in dict.fromkeys((own, own.lower(), own.upper(), *PHOTO_SUFFIXES)):
        path = source.with_name(f"{source.stem}{REFERENCE_MARK}{suffix}")
        if path.is_file():
            return path
    return None


def _by_folder(file: str) -> str:
    """Return a key by which paths are sorted folder by folder, as ``Path`` sorts them."""
    return os.path.normcase(file).replace(os.sep, "\0")


def _without_references(files: Iterable[str]) -> tuple[list[str], list[Outcome]]:
    """Return files without those that are references beside others, and a failure for each that lies beside none."""
    sources: list[str] = []
    references: list[Path] = []
    for file in files:
        name, suffix = os.path.splitext(file)
        if suffix.lower() in PHOTO_SUFFIXES and os.path.splitext(name)[1].lower() == REFERENCE_MARK:
            references.append(Path(file))
        else:
            sources.append(file)
    others = {os.path.splitext(file)[0] for file in sources} if references else set()
    remedy = "give it by its name if it is to be coloured itself"
    return sources, [
        Outcome(file, "failed", f"{file}: a reference by its name, without a file {_own_name(file)}.*; {remedy}")
        for file in references
        if str(file.with_name(_own_name(file))) not in others
    ]


def _own_name(reference: Path) -> str:
    """Return the name without its suffix of the photo or film beside which a reference lies."""
    return Path(reference.stem).stem


def _files_in(folder: Path, recursive: bool) -> Iterator[str]:
    """Yield the paths of the photos and films of a folder, sorted, but for hidden files and results."""
    for parent, names in _walk(folder, recursive):
        for name in names:
            file = Path(parent, name)
            hidden = name.startswith(".")
            known = file.suffix.lower() in TAKEN_SUFFIXES
            if known and not hidden and not _RESULT.search(file.stem) and not _is_within_dvd(file):
                yield str(file)


def _is_within_dvd(file: Path) -> bool:
    """Return whether a file of a folder is a menu of a DVD, or a part of a film that another one begins."""
    first = first_part(file)
    return is_menu(file) or (first != file and first.is_file())


def _walk(folder: Path, recursive: bool) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder, or each of its sub-folders too, with the sorted names of its files.

    The folder of a DVD's films counts too; hidden sub-folders and those of films' segments are passed over.
    """
    for parent, folders, names in os.walk(folder):
        wanted = (name for name in folders if not name.startswith(".") and not name.endswith(SEGMENTS_SUFFIX))
        folders[:] = sorted(name for name in wanted if recursive or name.upper() == VIDEO_FOLDER)
        yield parent, sorted(names)


def left_out(inputs: Iterable[str | Path], *, recursive: bool = False) -> str | None:
    """Return a line about the pictures and films of folders that ``plan`` does not take; None: there are none.

    A file looks like one by its suffix or by its first bytes; texts, sidecars and thumbnails' files do not. The first
    ones are named, each with its kind, the others are counted by kind.

    Args:
        inputs: As ``plan`` takes them.
        recursive: Look into the sub-folders too.
    """
    named: list[tuple[str, str]] = []
    for folder in (Path(given) for given in inputs if _is_folder(Path(given))):
        for parent, names in _walk(folder, recursive):
            for name in names:
                file = Path(parent, name)
                if not name.startswith(".") and not _RESULT.search(file.stem) and (kind := _foreign_kind(file)):
                    named.append((f"{file.relative_to(folder)} ({kind})", kind))
    if not named:
        return None
    counts = Counter(kind for _, kind in named[MAX_NAMED:])
    others = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    more = f" and {counts.total()} more ({others})" if others else ""
    count = "1 file was" if len(named) == 1 else f"{len(named)} files were"
    first = ", ".join(name for name, _ in named[:MAX_NAMED])
    return f"{count} left out: {first}{more}; give one by its name to learn what to do"


def numbered_frames(inputs: Iterable[str | Path]) -> list[str]:
    """Return a line about each folder whose files look like the frames of a film, for they are taken one by one.

    Args:
        inputs: As ``plan`` takes them.
    """
    lines = []
    for folder in (Path(given) for given in inputs if _is_folder(Path(given))):
        for pattern in patterns_in(folder, FRAME_SUFFIXES):
            numbers = frame_numbers(pattern)
            if len(numbers) >= LEAST_FRAMES and numbers[-1] - numbers[0] + 1 == len(numbers):
                lines.append(
                    f"{pattern}: {len(numbers)} numbered files; if they are the frames of a film, --sequence takes "
                    "them for one, in steady colours"
                )
    return lines


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the same input fails in ``plan``, which says why
        return False


def _foreign_kind(file: Path) -> str | None:
    """Return what a picture or film is that folders do not give; None: it is taken, or it is neither."""
    suffix = file.suffix.lower()
    if suffix in TAKEN_SUFFIXES or suffix in TEXT_SUFFIXES:
        return None
    from colorize.photo import identify

    try:
        kind = identify(file)
    except OSError:
        kind = None
    named = (FOREIGN_SUFFIXES[suffix] or suffix[1:].upper()) if suffix in FOREIGN_SUFFIXES else None
    if kind is None or (kind.format == "TIFF" and named in RAW_KINDS):
        return named
    return kind.name


def same_file(a: Path, b: Path) -> bool:
    """Return whether two paths are one file, by name or by link."""
    try:
        return a == b or os.path.samefile(a, b)
    except OSError:  # one of them is not there
        return False


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
