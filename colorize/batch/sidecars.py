"""XMP sidecars: files of words beside a photo (``photo.xmp``, ``photo.jpg.xmp``), which its result gets too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from colorize.base import reason, replacing
from colorize.batch.dates import FileDates
from colorize.batch.names import same_file
from colorize.photo import is_sideways, is_whole, label_xmp, upright_xmp

SUFFIXES = (".xmp", ".XMP")


def copy_sidecars(
    source: Path, target: Path, *, ai_label: bool, overwrite: bool, keep_dates: bool = False
) -> tuple[str, ...]:
    """Copy a photo's sidecars to its result's name, upright as the result is.

    Programs that read a sidecar believe it rather than the photo, so the AI label stands in it too; all else stays byte
    for byte.

    Args:
        source: The photo.
        target: Its result, which is written already.
        ai_label: Say that a network made the colours.
        overwrite: Replace sidecars that exist; never a source's own.
        keep_dates: Give the copies the dates of the sidecars.

    Returns:
        A line about each sidecar that could not be copied.
    """
    notes: list[str] = []
    for sidecar, copy in _sidecars(source, target):
        try:
            dates = FileDates.of(sidecar)
            if same_file(sidecar, copy):
                notes.append(f"{sidecar}: belongs to {source.name} and {target.name} now, and is left as it is")
                continue
            own = sidecar.read_bytes()
            packet = upright_xmp(own, swapped=is_sideways(own))
            if ai_label and is_whole(packet):
                packet = label_xmp(packet)
            if copy.exists() and copy.read_bytes() == packet:
                continue
            with replacing(copy, overwrite) as file:
                file.write(packet)
            notes += dates.try_to_give(copy) if keep_dates else ()
        except FileExistsError as error:
            notes.append(str(error))
        except OSError as error:
            notes.append(f"{sidecar}: cannot be copied to {copy} ({reason(error)}); copy it yourself")
    return tuple(notes)


def _sidecars(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the sidecars of a photo, and the names of those of its result."""
    names = (lambda path, suffix: path.with_suffix(suffix), lambda path, suffix: path.with_name(path.name + suffix))
    for name in names:
        for suffix in SUFFIXES:
            sidecar = name(source, suffix)
            if os.path.isfile(sidecar):  # unlike Path's it is false, too, of a name that is too long for any file
                yield sidecar, name(target, suffix)
                break  # where names have no case, both are one file
