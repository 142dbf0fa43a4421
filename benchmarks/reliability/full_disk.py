"""A full disk: a film's result goes to a disk that is full at a place, then has room; the same command goes on.

    sudo python -m benchmarks.reliability disk --count 50 --folder runs/disk
    unshare -rm python -m benchmarks.reliability disk --count 50 --folder runs/disk

The disk is one in memory, which is mounted in the folder, so the command needs the right to mount. A case leaves so
many bytes free on it, from none to what the film and its segments need. Wrong is: anything is done there that is not
whole, no line says that the disk is full, or the same command with room does not end as an uninterrupted one. What is
done is kept in the folder, and the same command goes on after a stop. The exit status is 1 if anything was wrong.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.reliability.arguments import case_numbers, end_with, part_arguments
from benchmarks.reliability.record import run_cases
from benchmarks.reliability.tasks import COMMAND, FILM_MODULES, TEMPORAL, make_film
from benchmarks.reliability.tiny_weights import write_tiny_weights
from benchmarks.reliability.victim import End, Stage

DISK_BYTES = 16 << 20
MOST = 6  # times the finished film is what it and its segments need at most
SAID = re.compile(r"no space|disk is full|full disk", re.IGNORECASE)


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """Mount a small disk in memory in a folder within the context."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]
    if subprocess.run(mount, check=False).returncode:
        raise SystemExit(
            f"{folder}: nothing can be mounted there; see the beginning of benchmarks/reliability/full_disk.py"
        )
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=False)


class FullDisk:
    """Runs the cases."""

    def __init__(self, folder: Path, disk: Path, count: int) -> None:
        """Make what the cases begin with.

        Args:
            folder: For the sources.
            disk: The small disk, empty.
            count: Of cases, among which the places are spread.
        """
        self._disk, self._count = disk, count
        self._weights = write_tiny_weights(folder / "weights" / "tiny.safetensors")
        make_film(folder / "source")
        self._film = folder / "source" / "film.mkv"
        self._stage = Stage(folder / "output", FILM_MODULES)
        self._wholes: dict[str, tuple[str, int]] = {}

    def run(self, number: int) -> dict[str, Any]:
        """Return what became of a case."""
        temporal = TEMPORAL[number % len(TEMPORAL)]
        digest, size = self._whole(temporal)
        free = round(size * MOST * number / max(1, self._count - 1))
        filler = self._disk / "filler"
        with filler.open("wb") as file:
            file.write(bytes(DISK_BYTES - 4096 * ((free + 8191) // 4096)))
        end = self._command(temporal)
        wrong = []
        if end.status == 0 and self._digest() != digest:
            wrong.append("done, but not whole")
        if end.status != 0 and (self._disk / "out.mp4").exists():
            wrong.append("failed, but a result is there")
        if end.status != 0 and not SAID.search(end.output):
            wrong.append(f"not said: {end.output[-500:]}")
        filler.unlink()
        if end.status != 0:
            again = self._command(temporal)
            if again.status != 0 or self._digest() != digest:
                wrong.append(f"with room, exit status {again.status}: {again.output[-500:]}")
        if left := sorted(path.name for path in self._disk.iterdir() if path.name != "out.mp4"):
            wrong.append(f"left behind: {', '.join(left)}")
        self._clear()
        return {"temporal": temporal, "free": free, "full": end.status != 0, "wrong": "; ".join(wrong)}

    def _command(self, temporal: str) -> End:
        words = [str(self._film), "-o", str(self._disk / "out.mp4"), "--weights", str(self._weights)]
        return self._stage.run(COMMAND, [*words, "--threads", "1", "--temporal", temporal], self._disk)

    def _digest(self) -> str:
        out = self._disk / "out.mp4"
        return hashlib.sha256(out.read_bytes()).hexdigest() if out.exists() else ""

    def _whole(self, temporal: str) -> tuple[str, int]:
        """Return the SHA-256 and the size of what an uninterrupted command makes."""
        if temporal not in self._wholes:
            end = self._command(temporal)
            if end.status != 0:
                raise SystemExit(f"an uninterrupted command fails: {end.output}")
            self._wholes[temporal] = self._digest(), (self._disk / "out.mp4").stat().st_size
            self._clear()
        return self._wholes[temporal]

    def _clear(self) -> None:
        for path in sorted(self._disk.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def main(words: list[str]) -> None:
    """Run all cases and print the table.

    Args:
        words: Of the command line.
    """
    parser = part_arguments("Colour a film onto a disk that is full at so many places.", cases=50)
    options = parser.parse_args(words)
    folder = options.folder.absolute()
    with mounted(folder / "disk") as disk:
        cases = FullDisk(folder, disk, options.count)
        done = list(run_cases(folder / "disk.jsonl", case_numbers(options), cases.run, options.seconds))
    print(f"{len(done)} of {options.count} places")
    for (temporal, full), count in sorted(Counter((case["temporal"], case["full"]) for case in done).items()):
        print(f"{count:6} {temporal}: {'the disk was full' if full else 'there was room'}")
    wrong = [case for case in done if case["wrong"]]
    end_with([f"{case['number']} {case['temporal']}, {case['free']} bytes free: {case['wrong']}" for case in wrong])
