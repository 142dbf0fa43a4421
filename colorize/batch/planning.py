"""The plan of a run: the photos and films that a command line names, each with the name of its result."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from colorize.base import name_key
from colorize.batch.folders import FRAME_SUFFIXES, files_in
from colorize.batch.jobs import JobList, Outcome
from colorize.batch.names import is_reference, is_result, name_result, names_a_file, result_suffix
from colorize.film import first_part, is_pipe, is_sequence, patterns_in

SEQUENCE_FOLDER = "colorized"  # for the results of numbered frames, beside them


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
            files, lonely = _without_references(files_in(path, recursive))
            yield from ((file, path) for file in files)
            yield from lonely
            if not files and not lonely:
                remedy = "" if recursive else "; -r looks into its sub-folders"
                yield Outcome(path, "failed", f"{path}: a folder without films, without photos{remedy}")
        elif not exists and glob.has_magic(str(given)):
            names = glob.iglob(str(given), recursive=True)
            files = sorted((str(Path(name)) for name in names if os.path.isfile(name)), key=_by_folder)
            sources, lonely = _without_references(file for file in files if not is_result(Path(file)))
            yield from ((file, Path(file).parent) for file in sources)
            yield from lonely
            if not sources and not lonely:
                problem = "only results have such names; give one by its name" if files else "no file has such a name"
                yield Outcome(path, "failed", f"{path}: {problem}")
        else:
            yield str(path), path.parent  # a missing file fails when it is read, in its turn


def _by_folder(file: str) -> str:
    """Return a key by which paths are sorted folder by folder, as ``Path`` sorts them."""
    return os.path.normcase(file).replace(os.sep, "\0")


def _without_references(files: Iterable[str]) -> tuple[list[str], list[Outcome]]:
    """Return files without those that are references beside others, and a failure for each that lies beside none."""
    sources: list[str] = []
    references: list[Path] = []
    for file in files:
        path = Path(file)
        if is_reference(path):
            references.append(path)
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
