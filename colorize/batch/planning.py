"""The plan of a run: the photos and films that a command line names, each with the name of its result."""

from __future__ import annotations

import errno
import glob
import os
import stat
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from colorize.base import name_key
from colorize.batch.folders import DVD_SUFFIX, FRAME_SUFFIXES, files_in
from colorize.batch.jobs import Job, JobList, Outcome, result_paths
from colorize.batch.names import is_reference, is_result, name_result, names_a_file, result_suffix, steady_part
from colorize.batch.options import FileOptions
from colorize.film import first_part, is_pipe, names_frames, patterns_in

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP, errno.EINVAL)  # the last: Windows, of a pattern
SEQUENCE_FOLDER = "colorized"  # for the results of numbered frames, beside them


def plan(
    inputs: Iterable[str | Path],
    output: Path | None = None,
    *,
    recursive: bool = False,
    suffix: str | None = None,
    sheet: bool = False,
    sequence: bool = False,
    options: FileOptions | None = None,
) -> JobList:
    """Return the jobs of files, folders and patterns, and a failure for each input that holds no photo or film.

    Folders and patterns leave out the results of earlier runs, which are known by how their names end, or lie in
    ``output``, where that is a folder within them; a file that is named itself is never left out. A result that would
    replace what is to be coloured itself is a failure, unless that has a result's name.

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
        options: What is written of each file, and whether it replaces what is there; None: the defaults.
    """
    options = options or FileOptions()
    is_file = output is not None and names_a_file(output)
    planned = JobList()
    keys = array("q")  # hashes of the results' names, which of a million take a tenth of the names
    replaced, sources = array("q"), array("q")  # likewise, of results that may replace a file, and of the sources
    titles: set[Path] = set()  # DVD's films
    for found in _find(inputs, recursive, sequence, None if is_file else output):
        if isinstance(found, Outcome):
            planned.add_outcome(found)
            continue
        source, folder = found
        if (part := first_part(source)) != source and part in titles:
            planned.add_outcome(Outcome(source, "skipped", f"{source}: a part of the film that {part.name} begins"))
            continue
        if is_file and output is not None:
            target = output
        elif names_frames(source):
            target = (output or source.parent / SEQUENCE_FOLDER) / source.with_suffix(result_suffix(source)).name
        else:
            place = None if output is None else output / source.relative_to(folder)
            target = name_result(source, place, suffix, sheet)
        planned.add(source, target)
        results = [hash(name_key(path)) for path in result_paths(Job(source, target), options)]
        keys.append(results[0])
        if options.photo.overwrite or options.video.overwrite:
            replaced.extend(results)
            sources.append(hash(name_key(source)))
        if source.suffix.lower() == DVD_SUFFIX:
            titles.add(source)
    if _has_equal(keys):
        planned = _with_each_result_once(planned, options)
    if _have_common(replaced, sources):
        planned = _without_replaced_sources(planned, options)
    return planned


def _has_equal(numbers: array[int]) -> bool:
    """Return whether any two are equal; they are put into another order."""
    if len(numbers) < 2:
        return False
    ordered = np.frombuffer(numbers, np.int64)
    ordered.sort()
    return bool((ordered[1:] == ordered[:-1]).any())


def _have_common(numbers: array[int], others: array[int]) -> bool:
    """Return whether any number is one of others too, which are put into another order."""
    if not numbers or not others:
        return False
    ordered = np.frombuffer(others, np.int64)
    ordered.sort()
    places = np.searchsorted(ordered, np.frombuffer(numbers, np.int64)).clip(max=len(ordered) - 1)
    return bool((ordered[places] == np.frombuffer(numbers, np.int64)).any())


def _with_each_result_once(planned: JobList, options: FileOptions) -> JobList:
    """Return a plan with an outcome in place of each job whose result is already that of one before."""
    firsts: dict[str, Path] = {}
    once = JobList()
    for entry in planned:
        if isinstance(entry, Outcome):
            once.add_outcome(entry)
            continue
        source, result = entry.source, result_paths(entry, options)[0]
        if (key := name_key(result)) not in firsts:
            firsts[key] = source
            once.add(source, entry.target)
        elif name_key(firsts[key]) == name_key(source):
            once.add_outcome(Outcome(source, "skipped", f"{source}: named twice; it is coloured once"))
        else:
            message = f"{source}: its result {result} is already that of {firsts[key]}; give the results two folders"
            once.add_outcome(Outcome(source, "failed", message))
    return once


def _without_replaced_sources(planned: JobList, options: FileOptions) -> JobList:
    """Return a plan with a failure in place of each job of which a result would replace the source of another one."""
    jobs = (entry for entry in planned if isinstance(entry, Job))
    sources = {name_key(job.source): job.source for job in jobs if not is_result(job.source.name)}
    kept = JobList()
    for entry in planned:
        if isinstance(entry, Outcome):
            kept.add_outcome(entry)
            continue
        own = name_key(entry.source)
        keys = (name_key(path) for path in result_paths(entry, options))
        if (other := next((sources[key] for key in keys if key != own and key in sources), None)) is None:
            kept.add(entry.source, entry.target)
        else:
            message = f"{entry.source}: its result would replace {other}, which is to be coloured itself"
            kept.add_outcome(Outcome(entry.source, "failed", f"{message}; give another -o"))
    return kept


def _find(
    inputs: Iterable[str | Path], recursive: bool, sequence: bool, results: Path | None
) -> Iterator[tuple[Path, Path] | Outcome]:
    """Yield each photo and film with the folder that its path under an output folder is relative to, or a failure.

    Args:
        inputs: Files, folders, or patterns.
        recursive: Take the sub-folders too.
        sequence: Take the numbered frames of a folder for a film.
        results: The folder of results; None: there is none.
    """
    for given in inputs:
        path = Path(given)
        if given == "":  # as a path it would be the folder of this process
            yield Outcome(path, "failed", "a file without a name: the name is empty")
            continue
        if is_pipe(path):
            yield path, path.parent
            continue
        try:
            mode = _mode_of(path)
        except OSError as error:
            yield Outcome(path, "failed", f"{path}: {(error.strerror or 'unreadable').lower()}", error)
            continue
        except ValueError as error:
            yield Outcome(path, "failed", f"{str(path)!r}: a null byte is in no file's name", error)
            continue
        is_folder, exists = mode is not None and stat.S_ISDIR(mode), mode is not None
        if is_folder and sequence:
            try:
                patterns = [(pattern, path) for pattern in patterns_in(path, FRAME_SUFFIXES)]
            except OSError as error:
                yield _unreadable(error, path)
                continue
            yield from patterns or [Outcome(path, "failed", f"{path}: a folder without numbered frames")]
        elif is_folder:
            yield from _in_folder(path, recursive, results)
        elif not exists and glob.has_magic(str(given)):
            yield from _matching(str(given), results)
        else:
            yield path, path.parent  # a missing file fails when it is read, in its turn


def _mode_of(path: Path) -> int | None:
    """Return the mode of a file or folder; None: there is none.

    ``Path.exists`` says the same of one that cannot be asked for, from Python 3.14 on.

    Raises:
        OSError: The name is too long, or a folder above may not be entered.
        ValueError: It holds a null byte.
    """
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in NOT_THERE:
            return None
        raise


def _in_folder(folder: Path, recursive: bool, results: Path | None) -> Iterator[tuple[Path, Path] | Outcome]:
    """Yield what ``_find`` does of a folder."""
    lonely: list[str] = []
    errors: list[OSError] = []
    is_empty = True
    for parent, names in files_in(folder, recursive, results, errors.append):
        is_empty = is_empty and not names
        sources, more = _without_references(names)
        lonely += (os.path.join(parent, name) for name in more)
        yield from ((Path(os.path.join(parent, name)), folder) for name in sources)
    yield from map(_lonely_reference, lonely)
    yield from (_unreadable(error, folder) for error in errors)
    if is_empty and not errors:
        remedy = "" if recursive else "; -r looks into its sub-folders"
        yield Outcome(folder, "failed", f"{folder}: a folder without films, without photos{remedy}")


def _unreadable(error: OSError, folder: Path) -> Outcome:
    """Return the failure of a folder that cannot be read, and so of all that it holds."""
    path = Path(error.filename or folder)
    reason = (error.strerror or "unreadable").lower()
    return Outcome(path, "failed", f"{path}: {reason}, so nothing of this folder was seen; allow it to be read", error)


def _matching(pattern: str, results: Path | None) -> Iterator[tuple[Path, Path] | Outcome]:
    """Yield what ``_find`` does of a pattern."""
    names = (str(Path(name)) for name in glob.iglob(pattern, recursive=True) if os.path.isfile(name))
    files = sorted(names, key=_by_folder)
    if results is not None and not _is_within(steady_part(pattern), results):
        files = [file for file in files if not _is_within(Path(file), results)]
    sources, lonely = _without_references([file for file in files if not is_result(os.path.basename(file))])
    for source in map(Path, sources):
        yield source, source.parent
    yield from map(_lonely_reference, lonely)
    if not sources and not lonely:
        problem = "only results have such names; give one by its name" if files else "no file has such a name"
        yield Outcome(Path(pattern), "failed", f"{Path(pattern)}: {problem}")


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether a path is a folder, or leads into it."""
    own, whole = (os.path.realpath(each) for each in (path, folder))
    return own == whole or own.startswith(os.path.join(whole, ""))


def _by_folder(file: str) -> str:
    """Return a key by which paths are sorted folder by folder, as ``Path`` sorts them."""
    return os.path.normcase(file).replace(os.sep, "\0")


def _without_references(files: list[str]) -> tuple[list[str], list[str]]:
    """Return files without those that are references beside others, and those that are references beside none.

    Args:
        files: Their paths, or their names in one folder.
    """
    references = [file for file in files if is_reference(os.path.basename(file))]
    if not references:
        return files, []
    sources = [file for file in files if not is_reference(os.path.basename(file))]
    others = {os.path.splitext(file)[0] for file in sources}
    return sources, [file for file in references if _without_mark(file) not in others]


def _lonely_reference(file: str) -> Outcome:
    path = Path(file)
    own_name = _without_mark(path.name)
    remedy = "give it by its name if it is to be coloured itself"
    return Outcome(path, "failed", f"{path}: a reference by its name, without a file {own_name}.*; {remedy}")


def _without_mark(reference: str) -> str:
    """Return the path without its suffix of the photo or film beside which a reference lies."""
    return os.path.splitext(os.path.splitext(reference)[0])[0]
