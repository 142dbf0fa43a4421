"""The finished segments of a film on disk, so that the work goes on after a stop, however hard.

A folder beside the result holds a manifest (what the segments were made from, and how) and two files for each segment:
the encoded video, and the record without which the segment does not count. Each file is written under another name
first, so a kill at any moment leaves whole segments only; a video that was damaged later is known by its SHA-256.
The finished film takes its name before the folder is removed; a file beside it tells a kill between the two.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from colorize.base import SEGMENTS_SUFFIX, SegmentsError, move_into_place, replacing, sha256
from colorize.film.own_colors import ColorState

FORMAT = "colorize-segments/6"
MANIFEST = "manifest.json"
VIDEO_FILE_SUFFIX = ".nut"  # a container that keeps every time base exactly
RECORD_SUFFIX = ".npz"
KEY_FRAMES = "key_frames"  # in the manifest: index of a frame -> SHA-256 of its key frame
FINISHED_SUFFIX = ".finished"  # of the file that says, until the folder is removed, that the film has its name
STATE_PREFIX = "state."
FRAME_WARNINGS = ("damaged", "lost", "resized", "woven", "captions")
"""What a frame may be named for: how it was decoded, or what the result lost of it (its fields, its captions)."""


@dataclass
class Segment:
    """The record of a finished segment: all that is kept of it beside its video.

    Attributes:
        pts: Time stamps of its frames in display order, in the source's time base, from the beginning of the span.
        durations: Their durations, in the same units.
        state: The state of the painter after the segment's last frame, empty where a scene ends; a store keeps that of
            its last segment alone in memory.
        last: Whether the span ends with this segment.
        reorder_delay: How many places later in coded order than in display order a frame stands, at most.
        warnings: Name of ``FRAME_WARNINGS`` -> indices, in the span, of the frames that it is true of.
        ends_scene: Whether a cut follows, or nothing.
        stretches: Indices, in the span, of the frames with which scenes begin, or parts of scenes that are judged
            otherwise (grey or in colour).
        kept: Indices of the frames that keep their own colours.
        colors: What of the last frame the colours of those after it depend on.
    """

    pts: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    state: dict[str, np.ndarray] = field(default_factory=dict)
    last: bool = False
    reorder_delay: int = 0
    warnings: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in FRAME_WARNINGS})
    ends_scene: bool = False
    stretches: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    colors: ColorState = field(default_factory=ColorState)


class Resumption(NamedTuple):
    """What of the segments that were there cannot be gone on from.

    Attributes:
        changes: Key of the manifest -> its former and its present value, where they differ; empty: none of them, or
            there were no segments.
        damaged: The file of the first segment that is damaged or missing, from which on segments are made anew; None:
            all are whole.
        has_other_key_frames: Whether nothing has changed but key frames; the segments of scenes before the first one
            that it concerns are gone on from.
    """

    changes: dict[str, tuple[Any, Any]]
    damaged: Path | None
    has_other_key_frames: bool


class SegmentStore:
    """The folder of a film's finished segments.

    Attributes:
        folder: The folder, beside the result.
        segments: The records of the finished segments, from the first on.
    """

    def __init__(self, target: Path) -> None:
        """Name the folder that belongs to the result ``target``; nothing is read or made yet."""
        self.folder = target.with_name(target.name + SEGMENTS_SUFFIX)
        self.segments: list[Segment] = []
        self._target = target
        self._finished_path = self.folder.with_name(self.folder.name + FINISHED_SUFFIX)

    def begin(self, manifest: Mapping[str, Any]) -> Resumption:
        """Take up the finished segments if they were made from and by the same, else start afresh.

        Args:
            manifest: What the segments depend on, as JSON values.

        Returns:
            What of the segments that were there cannot be used.

        Raises:
            SegmentsError: The segments are those of another version, and stay; or the manifest is damaged.
            OSError: The folder cannot be read or written.
        """
        manifest = json.loads(json.dumps({"format": FORMAT, **manifest}))
        found = self._read_manifest()
        changes: dict[str, tuple[Any, Any]] = {}
        if found is not None:
            for key in ("format", "version"):
                if found.get(key) != manifest.get(key):
                    raise SegmentsError(
                        f"{self.folder}: made by another version of colorize ({found.get(key)} where "
                        f"{manifest.get(key)} is needed); finish with that one, or remove the folder to start afresh"
                    )
            changes = {key: (found.get(key), value) for key, value in manifest.items() if found.get(key) != value}
        key_frames = changes.pop(KEY_FRAMES, ({}, {}))
        repainted = _changed_key_frames(*key_frames)
        if found is None or changes:
            self.remove()
            self.folder.mkdir(parents=True)
            self._write_manifest(manifest)
        self._finished_path.unlink(missing_ok=True)
        self.segments, damaged = self._read_segments()
        if repainted and not changes:
            self._discard_scene(min(repainted))
            self._write_manifest(manifest)
        return Resumption(changes, damaged, bool(repainted) and not changes)

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        with replacing(self.folder / MANIFEST, overwrite=True) as file:
            file.write(json.dumps(manifest, indent=2).encode())

    def _discard_scene(self, index: int) -> None:
        """Let the segments count no more from the beginning of the scene on that the frame of an index belongs to."""
        ends = np.cumsum([len(segment.pts) for segment in self.segments])
        number = int(np.searchsorted(ends, index, side="right"))
        while number and not self.segments[number - 1].ends_scene:
            number -= 1
        for each in range(len(self.segments) - 1, number - 1, -1):  # whenever it stops, those before are whole
            self.discard(each)
        self.segments, _ = self._read_segments()

    def video_path(self, number: int) -> Path:
        """Return the path of a finished segment's video."""
        return self.folder / f"{number:06d}{VIDEO_FILE_SUFFIX}"

    def unfinished_path(self, number: int) -> Path:
        """Return the path under which a segment's video is written until it is finished."""
        return self.folder / f"{number:06d}.unfinished"

    def add(self, segment: Segment) -> None:
        """Count the next segment as finished; its video lies at its ``unfinished_path``.

        Raises:
            OSError: The record cannot be written.
        """
        number = len(self.segments)
        move_into_place(self.unfinished_path(number), self.video_path(number), durable=True)
        arrays: dict[str, Any] = {
            "pts": np.array(segment.pts, np.int64),
            "durations": np.array(segment.durations, np.int64),
            "last": np.array(segment.last),
            "ends_scene": np.array(segment.ends_scene),
            "stretches": np.array(segment.stretches, np.int64),
            "kept": np.array(segment.kept, np.int64),
            "own_share": np.array(segment.colors.own_share),
            "keeps_own": np.array([] if segment.colors.keeps_own is None else [segment.colors.keeps_own], bool),
            "reorder_delay": np.array(segment.reorder_delay),
            "video_sha256": np.array(sha256(self.video_path(number))),
            **{name: np.array(segment.warnings[name], np.int64) for name in FRAME_WARNINGS},
            **{STATE_PREFIX + name: value for name, value in segment.state.items()},
        }
        with replacing(self._record_path(number), overwrite=True, durable=True) as file:
            np.savez(file, allow_pickle=False, **arrays)
        _append(self.segments, segment)

    def adopt(self, other: SegmentStore) -> None:
        """Count all segments of another store, which is on the same disk, as the next ones; it is removed."""
        for number, segment in enumerate(other.segments):
            place = len(self.segments)
            move_into_place(other.video_path(number), self.video_path(place))
            move_into_place(other._record_path(number), self._record_path(place))
            _append(self.segments, segment)
        other.remove()

    def discard(self, number: int) -> None:
        """Let a segment and those after it count no more: the next run makes them anew."""
        self._record_path(number).unlink(missing_ok=True)
        del self.segments[number:]

    def finish(self, film: Path, record: Mapping[str, Any]) -> None:
        """Give the finished film the target's name and remove all else; ``finished`` tells if that was cut short.

        Args:
            film: The finished film, in the folder.
            record: What is to be known of it then, as JSON values.

        Raises:
            OSError: The film cannot take its name, or something cannot be removed.
        """
        with replacing(self._finished_path, overwrite=True, durable=True) as file:
            file.write(json.dumps({"identity": _identity(film), **record}).encode())
        move_into_place(film, self._target, durable=True)  # before the segments go, of which it could be made again
        self.remove()

    def finished(self) -> dict[str, Any] | None:
        """Return the record of ``finish`` if the target is that film, of which not all else was removed; else None."""
        try:
            record = json.loads(self._finished_path.read_text(encoding="utf-8"))
            return record if record["identity"] == _identity(self._target) else None
        except (OSError, ValueError, TypeError, LookupError):
            return None

    def remove(self) -> None:
        """Remove the folder with all segments, and last what says that the film is finished."""
        self.segments = []
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self._finished_path.unlink(missing_ok=True)

    def _record_path(self, number: int) -> Path:
        return self.folder / f"{number:06d}{RECORD_SUFFIX}"

    def _read_manifest(self) -> dict[str, Any] | None:
        """Return the folder's manifest; None: there is none."""
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError("no mapping")
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise SegmentsError(
                f"{self.folder / MANIFEST}: cannot be read ({error}); remove the folder to start afresh"
            ) from error
        return found

    def _read_segments(self) -> tuple[list[Segment], Path | None]:
        """Return the records of the segments that are whole, and the file that ends them; remove all other files."""
        segments: list[Segment] = []
        damaged = None
        while (record := self._record_path(len(segments))).exists():
            video = self.video_path(len(segments))
            segment = _read_segment(record, video)
            if segment is None:
                damaged = video
                break
            _append(segments, segment)
        keep = {MANIFEST}
        for number in range(len(segments)):
            keep |= {self.video_path(number).name, self._record_path(number).name}
        for path in self.folder.iterdir():
            if path.name not in keep:
                path.unlink(missing_ok=True)
        return segments, damaged


def _identity(path: Path) -> list[int]:
    """Return what a file keeps when it is renamed: its size in bytes, and when it was written."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _changed_key_frames(former: Mapping[str, str] | None, present: Mapping[str, str] | None) -> list[int]:
    """Return the indices of the frames whose key frames are not what they were, or were or are none."""
    former, present = former or {}, present or {}
    return [int(index) for index in {*former, *present} if former.get(index) != present.get(index)]


def _append(segments: list[Segment], segment: Segment) -> None:
    """Append the next segment, from whose state the film goes on; that of the one before, a megabyte, is let go."""
    if segments:
        segments[-1] = replace(segments[-1], state={})
    segments.append(segment)


def _read_segment(path: Path, video: Path) -> Segment | None:
    """Return a segment's record; None: it is not whole, or the segment's video is not the one that it was made for."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if sha256(video) != str(arrays["video_sha256"]):
                return None
            return Segment(
                pts=arrays["pts"].tolist(),
                durations=arrays["durations"].tolist(),
                state={
                    name[len(STATE_PREFIX) :]: arrays[name] for name in arrays.files if name.startswith(STATE_PREFIX)
                },
                last=bool(arrays["last"]),
                ends_scene=bool(arrays["ends_scene"]),
                stretches=arrays["stretches"].tolist(),
                kept=arrays["kept"].tolist(),
                colors=ColorState(float(arrays["own_share"]), next(iter(arrays["keeps_own"].tolist()), None)),
                reorder_delay=int(arrays["reorder_delay"]),
                warnings={name: arrays[name].tolist() for name in FRAME_WARNINGS},
            )
    except (OSError, ValueError, TypeError, LookupError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None  # the segment is made again
