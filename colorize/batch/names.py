"""The names of results, and of references that lie beside photos and films."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from colorize.base import CONTAINERS, DEFAULT_VIDEO_SUFFIX, PHOTO_FORMATS, READ_ONLY_SUFFIXES, VIDEO_SUFFIXES
from colorize.film import SEQUENCE_SUFFIXES, is_pipe, is_sequence, names_frames

RESULT_SUFFIX = "_colorized"  # of the name of a result beside its source
SHEET_SUFFIX = "_sheet"  # of the name of the contact sheet of a photo's candidates
DEFAULT_SUFFIX = ".png"  # of a photo whose name has none: nothing is lost in it
REFERENCE_MARK = ".ref"  # before the suffix of a reference that lies beside its photo
PHOTO_SUFFIXES = (*PHOTO_FORMATS, *READ_ONLY_SUFFIXES)
TAKEN_SUFFIXES = frozenset((*PHOTO_SUFFIXES, *VIDEO_SUFFIXES))  # that a folder gives
_RESULT = re.compile(rf"{RESULT_SUFFIX}(_\d+|{SHEET_SUFFIX})?$")  # how names of results end


def is_result(name: str) -> bool:
    """Return whether a file's name is that of a result that lies beside its source."""
    return _RESULT.search(os.path.splitext(name)[0]) is not None


def is_reference(name: str) -> bool:
    """Return whether a file's name is that of a reference that lies beside a photo or film."""
    stem, suffix = os.path.splitext(name)
    return suffix.lower() in PHOTO_SUFFIXES and os.path.splitext(stem)[1].lower() == REFERENCE_MARK


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


def names_a_file(output: Path) -> bool:
    """Return whether an output names one result, not a folder for results."""
    return (
        is_pipe(output)
        or is_sequence(output)
        or (output.suffix.lower() in TAKEN_SUFFIXES and not os.path.isdir(output))
    )


def result_suffix(source: Path, suffix: str | None = None) -> str:
    """Return the suffix of a result: the source's own where such files are written.

    Args:
        source: A photo or film.
        suffix: Suffix for photos; None: the source's own.
    """
    if names_frames(source):
        return source.suffix if source.suffix.lower() in SEQUENCE_SUFFIXES else DEFAULT_SUFFIX
    if source.suffix.lower() in VIDEO_SUFFIXES:
        return source.suffix if source.suffix.lower() in CONTAINERS else DEFAULT_VIDEO_SUFFIX
    own = source.suffix if source.suffix.lower() in PHOTO_FORMATS else None
    return suffix or own or READ_ONLY_SUFFIXES.get(source.suffix.lower(), DEFAULT_SUFFIX)


def reference_beside(source: Path) -> Path | None:
    """Return the reference that lies beside a photo or film, ``NAME.ref`` with a photo's suffix; None: there is none.

    Of a folder of photos and films in which two have one name, both have it.
    """
    own = source.suffix if source.suffix.lower() in PHOTO_SUFFIXES else ".jpg"
    for suffix in dict.fromkeys((own, own.lower(), own.upper(), *PHOTO_SUFFIXES)):
        path = source.with_name(f"{source.stem}{REFERENCE_MARK}{suffix}")
        if os.path.isfile(path):  # unlike Path's it is false, too, of a name that is too long for any file
            return path
    return None


def steady_part(pattern: str) -> Path:
    """Return the folder that all that a pattern matches lies in."""
    parts = Path(pattern).parts
    steady = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:steady])


def same_file(a: Path, b: Path) -> bool:
    """Return whether two paths are one file, by name or by link."""
    try:
        return a == b or os.path.samefile(a, b)
    except OSError:  # one of them is not there
        return False
