"""The finished parts of a film on disk, so that the work goes on after a stop, however hard.

A folder beside the result holds a manifest (what the parts were made from, and how) and two files per part: the encoded
pictures, and the record that makes the part count. Each is written under another name first, so a kill at any moment
leaves whole parts only.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from colorize.base import VideoError

FORMAT = "colorize-segments/1"
MANIFEST = "manifest.json"
FOLDER_SUFFIX = ".segments"
PICTURES = ".nut"  # keeps every time base exactly
SEGMENT = ".npz"
STATE = "state."
DECODE_WARNINGS = ("damaged", "lost", "resized")


@dataclass
class Segment:
    """What is known of a part beside its pictures.

    Attributes:
        pts: Time stamps of its frames, in the film's time base.
        durations: In the same units.
        state: The painter's, at its end.
        last: Whether the film ends here.
        reorder_delay: How many places later than shown a frame is stored, at most.
        decode_warnings: Kind of fault -> indices of the frames that have it, counted from the film's beginning.
    """

    pts: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    state: dict[str, np.ndarray] = field(default_factory=dict)
    last: bool = False
    reorder_delay: int = 0
    decode_warnings: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in DECODE_WARNINGS})


class SegmentStore:
    """The folder of a film's parts.

    Attributes:
        folder: Where they lie.
        segments: Of the finished parts, from the first on.
    """

    def __init__(self, target: Path) -> None:
        """Take the folder that belongs to a result; nothing is read or made yet."""
        self.folder = target.with_name(target.name + FOLDER_SUFFIX)
        self.segments: list[Segment] = []

    def begin(self, manifest: Mapping[str, Any]) -> str | None:
        """Take up the finished parts if they were made from and by the same, else start afresh.

        Args:
            manifest: What the parts depend on; JSON values.

        Returns:
            Why parts that are there cannot be used, such as ``other settings``; None: they can, or there are none.

        Raises:
            VideoError: The parts are those of another version of the program; they stay.
        """
        manifest = json.loads(json.dumps({"format": FORMAT, **manifest}))
        found = self._read_manifest()
        changed = None
        if found is not None:
            for key in ("format", "version"):
                if found.get(key) != manifest.get(key):
                    raise VideoError(
                        f"{self.folder}: made by another version of colorize ({found.get(key)} where "
                        f"{manifest.get(key)} is needed); finish with that one, or remove the folder to start afresh"
                    )
            changed = ", ".join(key for key in manifest if found.get(key) != manifest[key]) or None
        if found is None or changed:
            self.remove()
            self.folder.mkdir(parents=True)
            self._write(MANIFEST, json.dumps(manifest, indent=2).encode())
        self.segments = self._read_segments()
        return changed and f"other {changed}"

    def pictures(self, number: int) -> Path:
        """Return the name of a part's pictures."""
        return self.folder / f"{number:06d}{PICTURES}"

    def unfinished(self, number: int) -> Path:
        """Return the name under which a part's pictures are written."""
        return self.folder / f"{number:06d}.unfinished"

    def add(self, segment: Segment) -> None:
        """Count the next part as finished; its pictures lie under ``unfinished``."""
        number = len(self.segments)
        with open(self.unfinished(number), "rb") as file:
            os.fsync(file.fileno())
        os.replace(self.unfinished(number), self.pictures(number))
        arrays: dict[str, Any] = {
            "pts": np.array(segment.pts, np.int64),
            "durations": np.array(segment.durations, np.int64),
            "last": np.array(segment.last),
            "reorder_delay": np.array(segment.reorder_delay),
            **{name: np.array(segment.decode_warnings[name], np.int64) for name in DECODE_WARNINGS},
            **{STATE + name: value for name, value in segment.state.items()},
        }
        temporary = self.folder / f"{number:06d}.tmp"
        with open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, temporary.with_suffix(SEGMENT))
        self.segments.append(segment)

    def remove(self) -> None:
        """Remove the folder with all parts."""
        self.segments = []
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _read_manifest(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, UnicodeDecodeError) as error:
            raise VideoError(
                f"{self.folder / MANIFEST}: cannot be read ({error}); remove the folder to start afresh"
            ) from error
        return found if isinstance(found, dict) else {}

    def _read_segments(self) -> list[Segment]:
        """Return the records of the parts that are whole, and remove what lies behind them."""
        segments: list[Segment] = []
        while self.pictures(len(segments)).exists():
            segment = _read_segment(self.pictures(len(segments)).with_suffix(SEGMENT))
            if segment is None:
                break
            segments.append(segment)
        keep = {MANIFEST}
        for number in range(len(segments)):
            keep |= {self.pictures(number).name, self.pictures(number).with_suffix(SEGMENT).name}
        for path in self.folder.iterdir():
            if path.name not in keep:
                path.unlink(missing_ok=True)
        return segments

    def _write(self, name: str, data: bytes) -> None:
        temporary = self.folder / f"{name}.tmp"
        temporary.write_bytes(data)
        os.replace(temporary, self.folder / name)


def _read_segment(path: Path) -> Segment | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Segment(
                pts=arrays["pts"].tolist(),
                durations=arrays["durations"].tolist(),
                state={name[len(STATE) :]: arrays[name] for name in arrays.files if name.startswith(STATE)},
                last=bool(arrays["last"]),
                reorder_delay=int(arrays["reorder_delay"]),
                decode_warnings={name: arrays[name].tolist() for name in DECODE_WARNINGS},
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # not whole: its part is made again
