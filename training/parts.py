"""Files in parts of a given size, for ways of transport that take no larger ones; what reads them joins them again.

    python -m training.parts runs/stable/stable.safetensors --mib 15
    python -m training.parts runs/stable/stable.safetensors

The first writes ``stable.safetensors.1f40fc92.part-01-of-03`` and so on beside the file; the second makes the file of
them.
"""

from __future__ import annotations

import glob
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from colorize.base import replacing

MIB = 1 << 20
NAME = re.compile(r"\.([0-9a-f]{8})\.part-(\d+)-of-(\d+)$")  # beginning of the whole file's SHA-256, number, count


class PartsError(ValueError):
    """Parts of a file are missing; the message says of which."""


def write_parts(path: Path, data: bytes, mib: float) -> list[Path]:
    """Write a file's bytes in parts beside ``path``, and then remove the parts of its former bytes.

    A kill between two parts leaves the former ones whole, and a file that says that the new ones are not
    (``remove_unfinished``).

    Args:
        path: Of the whole file, which is not written.
        data: Its bytes.
        mib: Largest size of a part in MiB, above 0.
    """
    size = max(1, int(mib * MIB))
    count = max(1, -(-len(data) // size))
    digest = _digest(data)
    stem = f"{path.name}.{digest}.part-"
    mark = path.with_name(f".{path.name}.{digest}.unfinished")
    mark.touch()
    written = [path.with_name(f"{stem}{number:02}-of-{count:02}") for number in range(1, count + 1)]
    for number, part in enumerate(written):
        with replacing(part, overwrite=True) as file:
            file.write(data[number * size : (number + 1) * size])
    mark.unlink()
    for other in find_parts(path):
        if other not in written:
            other.unlink()
    return written


def find_parts(path: Path) -> list[Path]:
    """Return the parts of a file that are there, in order."""
    found = ((NAME.search(file.name), file) for file in path.parent.glob(f"{glob.escape(path.name)}.*.part-*"))
    ordered = sorted((match[1], int(match[3]), int(match[2]), file) for match, file in found if match)
    return [file for *_, file in ordered]


def read_whole(path: Path) -> bytes | None:
    """Return the bytes of a file, or of its parts joined; None where there are neither.

    Raises:
        PartsError: Parts are missing or damaged.
    """
    if path.is_file():
        return path.read_bytes()
    parts = find_parts(path)
    if not parts:
        return None
    files = _whole_parts(path, parts)
    data = b"".join(part.read_bytes() for part in files)
    if _digest(data) != NAME.search(files[0].name)[1]:  # type: ignore[index]
        raise PartsError(f"{path}: its parts are damaged ({files[0].name}); bring them anew")
    return data


def remove_unfinished(path: Path) -> None:
    """Remove the parts whose writing was killed; those of which some were not brought here are not touched."""
    for mark in path.parent.glob(f".{glob.escape(path.name)}.*.unfinished"):
        parts = [
            part for part in find_parts(path) if part.name.startswith(f"{path.name}.{mark.suffixes[-2][1:]}.part-")
        ]
        if parts and len(parts) < int(NAME.search(parts[0].name)[3]):  # type: ignore[index]
            for part in parts:
                part.unlink()
        mark.unlink()


def remove_others(path: Path) -> None:
    """Remove the parts that ``read_whole``, which has read the file, does not take: a kill left them there."""
    parts = find_parts(path)
    taken = [] if path.is_file() or not parts else _whole_parts(path, parts)
    for part in set(parts) - set(taken):
        part.unlink()


def _whole_parts(path: Path, parts: Sequence[Path]) -> list[Path]:
    """Return those of the parts that make the file, in order.

    Raises:
        PartsError: Parts are missing.
    """
    sets: dict[tuple[str, int], list[Path]] = {}
    for part in parts:
        digest, _, count = NAME.search(part.name).groups()  # type: ignore[union-attr]
        sets.setdefault((digest, int(count)), []).append(part)
    whole = [files for (_, count), files in sets.items() if len(files) == count]
    if not whole:
        raise PartsError(f"{path}: only {len(parts)} of its parts are here ({parts[0].name}); bring all of them")
    # Where a kill left the former ones beside the new ones, the new ones are taken.
    return max(whole, key=lambda files: files[-1].stat().st_mtime_ns)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]


@dataclass(frozen=True)
class PartsSettings:
    """Split a file into parts, or join them.

    Attributes:
        file: The whole file, which is there or not.
        mib: Largest size of a part in MiB; 0: join the parts that lie beside it.
    """

    file: Annotated[Path, tyro.conf.Positional]
    mib: float = 0.0


def main() -> None:
    """Parse the command line, split or join, and print what was written."""
    settings = tyro.cli(PartsSettings, prog="python -m training.parts", description=__doc__)
    try:
        data = read_whole(settings.file)
        if data is None:
            raise FileNotFoundError(f"{settings.file}: neither the file nor parts of it are here")
        if settings.mib > 0:
            print(*write_parts(settings.file, data, settings.mib), sep="\n")
            return
        with replacing(settings.file, overwrite=True) as file:
            file.write(data)
        print(settings.file)
    except (OSError, ValueError) as error:
        sys.exit(f"parts: {error}")


if __name__ == "__main__":
    main()
