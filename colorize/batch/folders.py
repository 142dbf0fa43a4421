"""What folders hold: the photos and films that are taken, and what is left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from colorize.base import FOREIGN_SUFFIXES, PHOTO_FORMATS, READ_ONLY_SUFFIXES, SEGMENTS_SUFFIX
from colorize.batch.names import TAKEN_SUFFIXES, is_result
from colorize.film import SEQUENCE_SUFFIXES, VIDEO_FOLDER, first_part, frame_numbers, is_menu, patterns_in

FRAME_SUFFIXES = frozenset((*SEQUENCE_SUFFIXES, *PHOTO_FORMATS, *READ_ONLY_SUFFIXES))  # of numbered frames
LEAST_FRAMES = 24  # numbered without a gap, that look like a film's
TEXT_SUFFIXES = frozenset((".txt", ".xmp", ".json", ".xml", ".csv", ".html", ".htm", ".md", ".db", ".ini", ".aae"))
RAW_KINDS = ("camera raw", "DNG")  # many of which begin as a TIFF does
DVD_SUFFIX = ".vob"
MAX_NAMED = 5  # files that were left out of a folder


def files_in(
    folder: Path, recursive: bool, results: Path | None = None, on_error: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder, or each of its sub-folders too, with the sorted names of its photos and films.

    Hidden files and results are left out.

    Args:
        folder: The folder.
        recursive: Look into the sub-folders too.
        results: The folder of results, which is passed over where it is one of the sub-folders; None: there is none.
        on_error: Called with the error of each folder that cannot be read.
    """
    for parent, names in _walk(folder, recursive, results, on_error):
        yield parent, [name for name in names if _is_taken(parent, name)]


def _is_taken(parent: Path, name: str) -> bool:
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in TAKEN_SUFFIXES or name.startswith(".") or is_result(name):
        return False
    return suffix != DVD_SUFFIX or not _is_within_dvd(parent / name)


def _walk(
    folder: Path,
    recursive: bool,
    results: Path | None = None,
    on_error: Callable[[OSError], None] | None = None,
    on_passed: Callable[[Path], None] | None = None,
) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder, or each of its sub-folders too, with the sorted names of its files.

    The folder of a DVD's films counts too; hidden sub-folders and those of films' segments are passed over. Names are
    texts, since a path of each of a million takes ten times as much.

    Args:
        folder: The folder.
        recursive: Look into the sub-folders too.
        results: The folder of results, which is passed over where it is one of the sub-folders; None: there is none.
        on_error: Called with the error of each folder that cannot be read.
        on_passed: Called with each sub-folder that is passed over for being a link, or the folder of results.
    """
    avoided = None if results is None else _status(results)
    for parent, folders, names in os.walk(folder, onerror=on_error):
        wanted = (name for name in folders if not name.startswith(".") and not name.endswith(SEGMENTS_SUFFIX))
        folders[:] = sorted(name for name in wanted if recursive or name.upper() == VIDEO_FOLDER)
        for name in list(folders):
            path = Path(parent, name)
            if path.is_symlink() or (avoided is not None and _is_same(path, avoided)):  # links may lead in circles
                folders.remove(name)
                if on_passed is not None:
                    on_passed(path)
        names.sort()
        yield Path(parent), names


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _is_same(path: Path, status: os.stat_result) -> bool:
    own = _status(path)
    return own is not None and os.path.samestat(own, status)


def _is_within_dvd(file: Path) -> bool:
    """Return whether a file of a folder is a menu of a DVD, or a part of a film that another one begins."""
    first = first_part(file)
    return is_menu(file) or (first != file and first.is_file())


def passed_over(folders: Sequence[Path]) -> str | None:
    """Return a line about sub-folders that ``plan`` does not look into; None: there are none.

    Args:
        folders: Links, and the folder of results, as ``left_out`` finds them.
    """
    if not folders:
        return None
    links = [path for path in folders if path.is_symlink()]
    parts = [f"{path} (the folder of results)" for path in dict.fromkeys(folders) if path not in links]
    parts += [f"{path} (a link)" for path in links[:MAX_NAMED]]
    more = f" and {len(links) - MAX_NAMED} more links" if len(links) > MAX_NAMED else ""
    return f"not looked into: {', '.join(parts)}{more}; name such a folder itself to have what it holds coloured"


def left_out(
    inputs: Iterable[str | Path],
    *,
    recursive: bool = False,
    results: Path | None = None,
    on_passed: Callable[[Path], None] | None = None,
) -> str | None:
    """Return a line about the pictures and films of folders that ``plan`` does not take; None: there are none.

    A file looks like one by its suffix or by its first bytes; texts, sidecars and thumbnails' files do not. The first
    ones are named, each with its kind, the others are counted by kind.

    Args:
        inputs: As ``plan`` takes them.
        recursive: Look into the sub-folders too.
        results: The folder of results; None: there is none.
        on_passed: Called with each sub-folder that is passed over for being a link, or the folder of results.
    """
    named: list[tuple[str, str]] = []
    for folder in (Path(given) for given in inputs if _is_folder(Path(given))):
        for parent, names in _walk(folder, recursive, results, on_passed=on_passed):
            for name in names:
                if not name.startswith(".") and not is_result(name) and (kind := _foreign_kind(parent, name)):
                    named.append((f"{(parent / name).relative_to(folder)} ({kind})", kind))
    if not named:
        return None
    counts = Counter(kind for _, kind in named[MAX_NAMED:])
    others = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    more = f" and {counts.total()} more ({others})" if others else ""
    count = "1 file was" if len(named) == 1 else f"{len(named)} files were"
    first = ", ".join(name for name, _ in named[:MAX_NAMED])
    return f"{count} left out: {first}{more}; give one by its name to learn what to do"


def _foreign_kind(parent: Path, name: str) -> str | None:
    """Return what a picture or film is that folders do not give; None: it is taken, or it is neither."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in TAKEN_SUFFIXES or suffix in TEXT_SUFFIXES:
        return None
    from colorize.photo import identify

    path = parent / name
    try:
        kind = identify(path) if os.path.isfile(path) else None  # a pipe would be waited for
    except OSError:
        kind = None
    named = (FOREIGN_SUFFIXES[suffix] or suffix[1:].upper()) if suffix in FOREIGN_SUFFIXES else None
    if kind is None or (kind.format == "TIFF" and named in RAW_KINDS):
        return named
    return kind.name


def numbered_frames(inputs: Iterable[str | Path]) -> list[str]:
    """Return a line about each folder whose files look like the frames of a film, for they are taken one by one.

    Args:
        inputs: As ``plan`` takes them.
    """
    lines = []
    for folder in (Path(given) for given in inputs if _is_folder(Path(given))):
        try:
            patterns = patterns_in(folder, FRAME_SUFFIXES)
        except OSError:  # ``plan`` says that it cannot be read
            continue
        for pattern in patterns:
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
