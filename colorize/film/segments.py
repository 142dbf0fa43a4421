"""The finished segments of a film on disk, so that the work goes on after a stop, however hard.

A folder beside the result holds a manifest (what the segments were made from, and how) and two files for each segment,
named by the index of its first frame: the encoded video, and the record without which the segment does not count. Each
file is written under another name first, so a kill at any moment leaves whole segments only; what was damaged later is
known by its SHA-256, the video's and the record's own. Where other key frames make scenes count no more, the segments
behind wait until what is missing before them is there again.
The finished film takes its name before the folder is removed; a file beside it tells a kill between the two.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zipfile
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from colorize.base import SEGMENTS_SUFFIX, SegmentsError, move_into_place, remove_folder, replacing, sha256
from colorize.film.own_colors import ColorState

FORMAT = "colorize-segments/9"
MANIFEST = "manifest.json"
VIDEO_FILE_SUFFIX = ".nut"  # a container that keeps every time base exactly
RECORD_SUFFIX = ".npz"
KEY_FRAMES = "key_frames"  # in the manifest: index of a frame -> SHA-256 of its key frame
PROCESSORS = "processors"  # in the manifest; they round otherwise, and segments of all of them count
FINISHED_SUFFIX = ".finished"  # of the file that says, until the folder is removed, that the film has its name
STATE_PREFIX = "state."
DIGEST = "sha256"  # in a record: of all else in it; a ZIP's directory has no checksum, and one bit of it hides an array
FRAME_WARNINGS = ("damaged", "lost", "resized", "woven", "captions")
"""What a frame may be named for: how it was decoded, or what the result lost of it (its fields, its captions)."""
NO_NUMBERS = range(0)  # the same object for all segments


def _numbers() -> Sequence[int]:
    """Return an array that numbers can be added to, of eight bytes each."""
    return array("q")


@dataclass(slots=True)
class Segment:
    """The record of a segment: all that is kept of it beside its video.

    One that is under way has arrays, which frames are added to; those of a whole film stay in memory, ``compacted``.

    Attributes:
        pts: Time stamps of its frames in display order, in the source's time base, from the beginning of the span.
        durations: Their durations, in the same units; a compacted segment has that of its last frame alone.
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

    pts: Sequence[int] = field(default_factory=_numbers)
    durations: Sequence[int] = field(default_factory=_numbers)
    state: dict[str, np.ndarray] = field(default_factory=dict)
    last: bool = False
    reorder_delay: int = 0
    warnings: dict[str, Sequence[int]] = field(default_factory=lambda: {name: _numbers() for name in FRAME_WARNINGS})
    ends_scene: bool = False
    stretches: Sequence[int] = field(default_factory=_numbers)
    kept: Sequence[int] = field(default_factory=_numbers)
    colors: ColorState = field(default_factory=ColorState)

    def compacted(self) -> Segment:
        """Return the segment as it is kept in memory, where a film of two hours has hundreds of thousands of frames."""
        return replace(
            self,
            pts=_compact(self.pts),
            durations=_compact(self.durations[-1:]),
            warnings={name: _compact(indices) for name, indices in self.warnings.items()},
            stretches=_compact(self.stretches),
            kept=_compact(self.kept),
        )


def _compact(numbers: Sequence[int]) -> Sequence[int]:
    """Return rising numbers as a range where all steps are equal, which takes no memory a number."""
    steps = {later - earlier for earlier, later in pairwise(numbers)} or {1}
    step = steps.pop()
    if steps or step < 1:
        return array("q", numbers)
    return range(numbers[0], numbers[-1] + 1, step) if numbers else NO_NUMBERS


def time_stamps(segments: Iterable[Segment]) -> array[int]:
    """Return the time stamps of all frames of some segments, in display order."""
    return array("q", (pts for segment in segments for pts in segment.pts))


class Resumption(NamedTuple):
    """What of the segments that were there cannot be gone on from.

    Attributes:
        changes: Key of the manifest -> its former and its present value, where they differ; empty: none of them, or
            there were no segments.
        damaged: The file of the first segment that is damaged or missing, from which on segments are made anew; None:
            all are whole.
        has_other_key_frames: Whether nothing has changed but key frames; the segments of all scenes that this does not
            concern still count.
    """

    changes: dict[str, tuple[Any, Any]]
    damaged: Path | None
    has_other_key_frames: bool


class SegmentStore:
    """The folder of a film's finished segments.

    Attributes:
        folder: The folder, beside the result.
        segments: The records of the finished segments, from the first on.
        later: Index of the first frame -> record of the finished segments behind the first gap.
        processors: The vector instructions of the processors that made them, each once.
    """

    def __init__(self, target: Path) -> None:
        """Name the folder that belongs to the result ``target``; nothing is read or made yet."""
        self.folder = target.with_name(target.name + SEGMENTS_SUFFIX)
        self.segments: list[Segment] = []
        self.later: dict[int, Segment] = {}
        self.processors: list[str] = []
        self._manifest: Mapping[str, Any] = {}
        self._begins = [0]  # index of each segment's first frame, and of the one that comes next
        self._target = target
        self._finished_path = self.folder.with_name(self.folder.name + FINISHED_SUFFIX)

    def begin(self, manifest: Mapping[str, Any], processor: str = "") -> Resumption:
        """Take up the finished segments if they were made from and by the same, else start afresh.

        Args:
            manifest: What the segments depend on, as JSON values.
            processor: The vector instructions by which more are made; empty: not known.

        Returns:
            What of the segments that were there cannot be used.

        Raises:
            SegmentsError: The segments are those of another version, and stay; or the manifest is damaged.
            OSError: The folder cannot be read or written.
        """
        manifest = _as_json(manifest)
        found = self._read_manifest()
        changes: dict[str, tuple[Any, Any]] = {}
        if found is not None:
            for key in ("format", "version"):
                if found.get(key) != manifest.get(key):
                    raise SegmentsError(
                        f"{self.folder}: made by another version of colorize ({found.get(key)!s:.40} where "
                        f"{manifest.get(key)} is needed); finish with that one, or remove the folder to start afresh"
                    )
            changes = {key: (found.get(key), value) for key, value in manifest.items() if found.get(key) != value}
        key_frames = changes.pop(KEY_FRAMES, ({}, {}))
        repainted = _changed_key_frames(*key_frames)
        self._manifest = manifest
        former = [] if found is None or changes else [str(name) for name in found.get(PROCESSORS, [])]
        self.processors = [*former, *{processor} - {"", *former}]
        if found is None or changes:
            self.remove()
            self.folder.mkdir(parents=True)
            self._write_manifest()
        self._finished_path.unlink(missing_ok=True)
        damaged = self._read_segments()
        if repainted and not changes:
            self._discard_scenes(repainted)
            self._write_manifest()
            self._read_segments()
        elif self.processors != former:
            self._write_manifest()
        return Resumption(changes, damaged, bool(repainted) and not changes)

    def is_whole(self) -> bool:
        """Tell whether the last segment of all is there, as after ``clean_up`` with ``keep_segments``."""
        begin = max((int(path.stem) for path in self.folder.glob(f"[0-9]*{RECORD_SUFFIX}")), default=None)
        segment = None if begin is None else _read_segment(_record_of(self._path(begin)), self._path(begin))
        return segment is not None and segment.last

    def is_made_by(self, manifest: Mapping[str, Any]) -> bool:
        """Tell whether ``begin`` with a manifest would take up all segments; it changes nothing.

        Raises:
            SegmentsError: The folder's manifest is damaged.
        """
        found = self._read_manifest()
        return found is not None and {**found, PROCESSORS: None} == {**_as_json(manifest), PROCESSORS: None}

    def _write_manifest(self) -> None:
        with replacing(self.folder / MANIFEST, overwrite=True) as file:
            file.write(json.dumps({**self._manifest, PROCESSORS: self.processors}, indent=2).encode())

    def take_later(self) -> int | None:
        """Go on with the later segments that follow the last one without a gap.

        Returns:
            The index of the frame before which the next gap ends; None: no segment lies behind one.
        """
        while (following := self.later.pop(self._begins[-1], None)) is not None:
            self._append(following)
        return min(self.later, default=None)

    def count_frames(self) -> int:
        """Return how many frames finished segments have, the later ones too."""
        return self._begins[-1] + sum(len(segment.pts) for segment in self.later.values())

    def videos(self) -> dict[int, Path]:
        """Return the index of each finished segment's first frame -> its video, the later ones too."""
        return {begin: self._path(begin) for begin in (*self._begins[:-1], *self.later)}

    def video_path(self, number: int) -> Path:
        """Return the path of the video of a finished segment, or of the one that comes next."""
        return self._path(self._begins[number])

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
        with replacing(_record_of(self.video_path(number)), overwrite=True, durable=True) as file:
            np.savez(file, allow_pickle=False, **arrays, **{DIGEST: np.array(_digest(arrays))})
        self._append(segment.compacted())

    def adopt(self, other: SegmentStore) -> None:
        """Count all segments of another store, which is on the same disk, as the next ones; it is removed."""
        for number, segment in enumerate(other.segments):
            video, place = other.video_path(number), self.video_path(len(self.segments))
            move_into_place(video, place)
            move_into_place(_record_of(video), _record_of(place))
            self._append(segment)
        others = [name for name in other.processors if name not in self.processors]
        if others:
            self.processors += others
            self._write_manifest()
        other.remove()

    def discard(self, begin: int) -> None:
        """Let the segments count no more that begin with the frame of an index or behind it; they are made anew."""
        for first, video in sorted(self.videos().items(), reverse=True):  # whenever it stops, those before are whole
            if first >= begin:
                _record_of(video).unlink(missing_ok=True)
        self._read_segments()

    def discard_later(self) -> None:
        """Let the segments behind the first gap count no more."""
        if self.later:
            self.discard(min(self.later))

    def finish(self, film: Path, record: Mapping[str, Any], keep_segments: bool = False) -> None:
        """Give the finished film the target's name and remove all else; ``finished`` tells if that was cut short.

        Args:
            film: The finished film, in the folder.
            record: What is to be known of it then, as JSON values.
            keep_segments: Leave the folder, for a film with other key frames.

        Raises:
            OSError: The film cannot take its name.
            SegmentsError: It has its name, but not all else can be removed now.
        """
        with replacing(self._finished_path, overwrite=True, durable=True) as file:
            file.write(json.dumps({"identity": _identity(film), **record}).encode())
        move_into_place(film, self._target, durable=True)  # before the segments go, of which it could be made again
        self.clean_up(keep_segments)

    def clean_up(self, keep_segments: bool) -> None:
        """Remove what a finished film does not need, the folder of segments too, unless those are to be kept.

        Raises:
            SegmentsError: They cannot be removed now.
        """
        try:
            if keep_segments:
                self._finished_path.unlink(missing_ok=True)
            else:
                self.remove()
        except OSError as error:
            raise SegmentsError(
                f"{self._target}: is whole, but {error.filename or self.folder} cannot be removed "
                f"({error.strerror or error}); the same command tries again"
            ) from error

    def finished(self) -> dict[str, Any] | None:
        """Return the record of ``finish`` if the target is that film, of which not all else was removed; else None."""
        try:
            record = json.loads(self._finished_path.read_text(encoding="utf-8"))
            return record if record["identity"] == _identity(self._target) else None
        except (OSError, ValueError, TypeError, LookupError):
            return None

    def remove(self) -> None:
        """Remove the folder with all segments, and last what says that the film is finished."""
        self.segments, self.later, self._begins = [], {}, [0]
        remove_folder(self.folder)
        self._finished_path.unlink(missing_ok=True)

    def _path(self, begin: int) -> Path:
        return self.folder / f"{begin:06d}{VIDEO_FILE_SUFFIX}"

    def _append(self, segment: Segment) -> None:
        """Append the next segment, from whose state the film goes on; the one before lets go of its own, a megabyte."""
        if self.segments:
            self.segments[-1] = replace(self.segments[-1], state={})
        self.segments.append(segment)
        self._begins.append(self._begins[-1] + len(segment.pts))

    def _read_manifest(self) -> dict[str, Any] | None:
        """Return the folder's manifest; None: there is none."""
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError("no mapping")
            _check_parts(found)
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise SegmentsError(
                f"{self.folder / MANIFEST}: cannot be read ({str(error)[:200]}); remove the folder to start afresh"
            ) from error
        return found

    def _read_segments(self) -> Path | None:
        """Read the records of the segments that count, and remove all other files.

        Scenes may be missing, or their ends. Behind a segment that is damaged nothing counts.

        Returns:
            The video of that segment; None: none is damaged.
        """
        found: dict[int, Segment] = {}
        end, last, damaged = 0, None, None
        for begin in sorted(int(path.stem) for path in self.folder.glob(f"[0-9]*{RECORD_SUFFIX}")):
            segment = _read_segment(_record_of(self._path(begin)), self._path(begin))
            if segment is None:
                damaged = self._path(begin)
                break
            if begin == end and last is not None:
                found[last] = replace(found[last], state={})  # memory would grow with the film
            found[begin] = segment
            end, last = begin + len(segment.pts), begin
        self.segments, self.later, self._begins = [], found, [0]
        self.take_later()
        videos = self.videos().values()
        keep = {MANIFEST, *(path.name for video in videos for path in (video, _record_of(video)))}
        for path in self.folder.iterdir():
            if path.name not in keep:
                path.unlink(missing_ok=True)
        return damaged

    def _discard_scenes(self, indices: Sequence[int]) -> None:
        """Let the segments count no more of the scenes that the frames of some indices belong to."""
        finished = {**dict(zip(self._begins, self.segments, strict=False)), **self.later}
        scenes: list[list[int]] = []  # what each segment of a scene, or of several short ones, begins with
        end: float = 0
        ends_scene = True
        for begin, segment in finished.items():
            if ends_scene or begin != end:
                scenes.append([])
            scenes[-1].append(begin)
            end, ends_scene = begin + len(segment.pts), segment.ends_scene
        for scene, following in zip(scenes, [*scenes[1:], [math.inf]], strict=True):
            last = finished[scene[-1]]
            end = scene[-1] + len(last.pts) if last.ends_scene else following[0]  # its end may be missing
            if any(scene[0] <= index < end for index in indices):
                for begin in reversed(scene):  # should it stop here, what is left is known by its beginning
                    _record_of(self._path(begin)).unlink(missing_ok=True)


def _as_json(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest as it is read again, with the format of the segments."""
    return json.loads(json.dumps({"format": FORMAT, **manifest}))


def _record_of(video: Path) -> Path:
    """Return the path of the record of a segment's video."""
    return video.with_suffix(RECORD_SUFFIX)


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of a record's arrays, as hex digits."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _identity(path: Path) -> list[int]:
    """Return what a file keeps when it is renamed: its size in bytes, and when it was written."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _check_parts(manifest: Mapping[str, Any]) -> None:
    """Raise a ``ValueError`` where a part of a manifest that is looked into is of another kind than it should be."""
    processors, key_frames = manifest.get(PROCESSORS, []), manifest.get(KEY_FRAMES, {})
    if not isinstance(processors, list) or not all(isinstance(name, str) for name in processors):
        raise ValueError(f"{PROCESSORS} is no list of names")
    if not isinstance(key_frames, dict) or not all(re.fullmatch("[0-9]{1,18}", index) for index in key_frames):
        raise ValueError(f"{KEY_FRAMES} is no mapping of frames")


def _changed_key_frames(former: Mapping[str, str] | None, present: Mapping[str, str] | None) -> list[int]:
    """Return the indices of the frames whose key frames are not what they were, or were or are none."""
    former, present = former or {}, present or {}
    return [int(index) for index in {*former, *present} if former.get(index) != present.get(index)]


def _read_segment(path: Path, video: Path) -> Segment | None:
    """Return a segment's record; None: it is not whole, or the segment's video is not the one that it was made for."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if str(arrays.pop(DIGEST)) != _digest(arrays) or sha256(video) != str(arrays["video_sha256"]):
            return None
        return Segment(
            pts=arrays["pts"].tolist(),
            durations=arrays["durations"].tolist(),
            state={name[len(STATE_PREFIX) :]: value for name, value in arrays.items() if name.startswith(STATE_PREFIX)},
            last=bool(arrays["last"]),
            ends_scene=bool(arrays["ends_scene"]),
            stretches=arrays["stretches"].tolist(),
            kept=arrays["kept"].tolist(),
            colors=ColorState(float(arrays["own_share"]), next(iter(arrays["keeps_own"].tolist()), None)),
            reorder_delay=int(arrays["reorder_delay"]),
            warnings={name: arrays[name].tolist() for name in FRAME_WARNINGS},
        ).compacted()
    except (OSError, ValueError, TypeError, LookupError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None  # the segment is made again
