"""A cache of training photographs: files on disk become one uint8 array, decoded and resized once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock
from PIL import Image, ImageOps
from tqdm import tqdm

from colorize.base import decode_avif_in_one_thread, move_into_place, remove_folder
from training.metrics import colourfulness

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff"})
ASPECT = 4 / 3  # long over short side of the canvas; longer photographs are cut to the middle
CHUNK = 256  # photographs decoded at a time, so that a million of them do not lie in memory
VERSION = 2  # of the cache

decode_avif_in_one_thread()  # photographs are decoded side by side

T = TypeVar("T")
R = TypeVar("R")


class PhotosError(ValueError):
    """The photographs cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Photos:
    """Photographs resized to one short side, in one array; upright ones are transposed.

    Attributes:
        pixels: uint8 (N, S, L, 3), sRGB; L = S * 4 / 3. Beyond ``extents`` the last column is repeated.
        extents: int64 (N,), the used length of the long axis.
        upright: bool (N,), whether the photograph is higher than wide and therefore transposed.
        bad: Name and reason of every photograph that could not be read.
        dropped: Names of the photographs that were left out for being nearly grey.
        folders: Of each photograph, the first folder of its name within its source; empty where there is none.
    """

    pixels: np.ndarray
    extents: np.ndarray
    upright: np.ndarray
    bad: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.extents)


def load_photos(
    sources: Sequence[Path], cache: Path, short_side: int, min_colourfulness: float = 8.0, progress: bool = True
) -> Photos:
    """Return the photographs of folders and tars, from the cache if it was made of the same files.

    Args:
        sources: Folders (searched at all depths) and tar files.
        cache: Folder to keep the decoded array in; made anew if the sources or settings differ, by one process at a
            time, and what a killed one has left there is removed.
        short_side: Pixels of the shorter side.
        min_colourfulness: Photographs with a smaller Hasler-Suesstrunk colourfulness are dropped: grey ones teach
            grey.
        progress: Show a progress bar, where there is a terminal.

    Raises:
        FileNotFoundError: A source does not exist.
        PhotosError: No usable photograph is left.
    """
    key = _fingerprint(sources, short_side, min_colourfulness)
    folder = Path(cache) / key
    if not (folder / "index.json").is_file():
        Path(cache).mkdir(parents=True, exist_ok=True)
        with FileLock(Path(cache) / ".lock"):
            for left in Path(cache).glob("*.tmp"):  # of a run that was killed: who holds the lock is alone
                remove_folder(left)
            if not (folder / "index.json").is_file():  # else another run has made it meanwhile
                _build(sources, folder, short_side, min_colourfulness, progress)
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return Photos(
        pixels=np.memmap(folder / "pixels.raw", np.uint8, "c", shape=tuple(index["shape"])),
        extents=np.array(index["extents"], np.int64),
        upright=np.array(index["upright"], bool),
        bad=tuple((name, reason) for name, reason in index["bad"]),
        dropped=tuple(index["dropped"]),
        folders=tuple(index["folders"]),
    )


def iterate_files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every photograph file in a folder (all depths) or a tar, in a fixed order.

    Raises:
        FileNotFoundError: The source does not exist.
        PhotosError: The source is neither a folder nor a tar.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    if not source.exists():
        raise FileNotFoundError(f"{source}: no such folder or tar of photographs")
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None and Path(member.name).suffix.lower() in SUFFIXES:
                    yield member.name, file.read()
    except tarfile.TarError as error:
        raise PhotosError(f"{source}: neither a folder nor a tar ({str(error).splitlines()[0]})") from error


def _fingerprint(sources: Sequence[Path], short_side: int, min_colourfulness: float) -> str:
    """Return a name for the cache that depends on every file's name, size and time and on the settings."""
    digest = hashlib.sha256(json.dumps([VERSION, short_side, min_colourfulness]).encode())
    for source in map(Path, sources):
        if not source.exists():
            raise FileNotFoundError(f"{source}: no such folder or tar of photographs")
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            status = path.lstat() if path.is_symlink() and not path.exists() else path.stat()  # a link may lead nowhere
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _build(sources: Sequence[Path], folder: Path, short_side: int, min_colourfulness: float, progress: bool) -> None:
    """Decode all photographs into a temporary folder, which is renamed when it is complete."""
    temporary = folder.with_name(f"{folder.name}.tmp")
    temporary.mkdir()
    files = ((source, name, data) for source in map(Path, sources) for name, data in iterate_files(source))
    bad: list[tuple[str, str]] = []
    dropped: list[str] = []
    folders: list[str] = []
    extents: list[int] = []
    upright: list[bool] = []

    def prepare(item: tuple[Path, str, bytes]) -> tuple[str, str, tuple[np.ndarray, int, bool] | str]:
        source, name, data = item
        folder = name.split("/")[0] if "/" in name else ""
        try:
            return f"{source}:{name}", folder, _to_canvas(data, short_side)
        except Exception as error:  # Pillow raises a dozen kinds on broken files; each is counted and named
            return f"{source}:{name}", folder, f"{type(error).__name__}: {error}"

    try:
        with (
            ThreadPoolExecutor(os.cpu_count()) as pool,
            tqdm(desc="photographs", unit="", disable=None if progress else True) as bar,
            open(temporary / "pixels.raw", "wb") as raw,
        ):
            for name, folder_of_photo, prepared in _map_in_chunks(pool, prepare, files):
                bar.update()
                if isinstance(prepared, str):
                    bad.append((name, prepared))
                elif colourfulness(prepared[0][:, : prepared[1]]) < min_colourfulness:
                    dropped.append(name)
                else:
                    raw.write(prepared[0].tobytes())
                    folders.append(folder_of_photo)
                    extents.append(prepared[1])
                    upright.append(prepared[2])
        if not extents:
            raise PhotosError(f"no usable photograph among {len(bad) + len(dropped)} in {', '.join(map(str, sources))}")
        shape = (len(extents), short_side, round(short_side * ASPECT), 3)
        index = {
            "shape": shape,
            "extents": extents,
            "upright": upright,
            "bad": bad,
            "dropped": dropped,
            "folders": folders,
        }
        (temporary / "index.json").write_text(json.dumps(index), encoding="utf-8")
        move_into_place(temporary, folder)
    finally:
        remove_folder(temporary)


def _map_in_chunks(pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterator[T]) -> Iterator[R]:
    """Yield a function's results in order, computed side by side, of ``CHUNK`` items at a time."""
    while chunk := list(islice(items, CHUNK)):
        yield from pool.map(function, chunk)


def decode(data: bytes) -> Image.Image:
    """Return the upright RGB picture of a photograph's file.

    Raises:
        Exception: Pillow's, of a dozen kinds, if the file is broken.
    """
    with Image.open(io.BytesIO(data)) as file:
        return ImageOps.exif_transpose(file).convert("RGB")


def _to_canvas(data: bytes, short_side: int) -> tuple[np.ndarray, int, bool]:
    """Return a photograph as uint8 (S, L, 3), the used length, and whether it is transposed."""
    image = decode(data)
    upright = image.height > image.width
    if upright:
        image = image.transpose(Image.Transpose.TRANSPOSE)
    extent = min(round(short_side * image.width / image.height), round(short_side * ASPECT))
    image = ImageOps.fit(image, (extent, short_side), Image.Resampling.BICUBIC)
    canvas = np.empty((short_side, round(short_side * ASPECT), 3), np.uint8)
    canvas[:, :extent] = np.asarray(image)
    canvas[:, extent:] = canvas[:, extent - 1 : extent]
    return canvas, extent, upright
