"""Coloured frames as numbered files: a sink that writes each whole, and goes on after a stop.

Its segments are lists of the frames' files, which lie where they belong from the beginning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from colorize.color import SRGB, Floats, Picture, convert_to_srgb
from colorize.engine import Colorizer
from colorize.film.names import frame_numbers, frame_path
from colorize.film.pipeline import FrameTask, SegmentPlan, record_frame
from colorize.film.pixels import rgb_picture
from colorize.film.segments import VIDEO_FILE_SUFFIX, Segment, SegmentStore
from colorize.film.stills import FrameLabel, write_still
from colorize.film.timecode import Timecode


class FrameFileSink:
    """The numbered files of coloured frames: a sink that writes them.

    Attributes:
        segments: See ``Sink``.
    """

    def __init__(
        self,
        pattern: Path,
        store: SegmentStore,
        plan: SegmentPlan,
        colorizer: Colorizer,
        first_number: int,
        timecode: Timecode | None,
        ai_label: bool,
    ) -> None:
        """Go on with the finished frames.

        Args:
            pattern: Of the files' names.
            store: The lists of those that are finished.
            plan: What is coloured.
            colorizer: Composes the frames.
            first_number: That of the span's first frame, in its name.
            timecode: That of the span's first frame; None: the frames' own stay, if they have any.
            ai_label: Say in the frames that a network made the colours.
        """
        self.segments = store.segments
        self._pattern = pattern
        self._store = store
        self._plan = plan
        self._colorizer = colorizer
        self._first_number = first_number
        self._timecode = timecode
        self._ai_label = ai_label
        self._segment = Segment()
        self._sizes: dict[str, int] = {}
        self._begun: dict[str, Path] = {}  # name -> frame that this run writes, which is on no finished list

    def compose(self, task: FrameTask, ab: Floats) -> Path:
        """Write a frame in the colours ab (h, w, 2), and return its path."""
        frame = task.frame
        still = frame.still
        colored = self._colored(task, ab)
        number = self._first_number + frame.index
        path = frame_path(self._pattern, number)
        timecode = None if self._timecode is None else self._timecode.later(frame.index)
        label = FrameLabel(self._plan.format.rate, self._plan.format.aspect, number, timecode, self._ai_label)
        write_still(path, colored, still, label)  # whole or not at all
        self._begun[path.name] = path
        return path

    def _colored(self, task: FrameTask, ab: Floats) -> Picture:
        """Return a frame (H, W, 3) in the colours ab, as far as it does not keep its own."""
        still = task.frame.still
        if still is not None:
            picture, space = still.picture, still.space
        elif task.own_share or self._colorizer.settings.strength < 1:
            picture, space = _deep(rgb_picture(self._plan.video, task.image)), SRGB
        else:
            picture, space = task.luma.deep_picture(), SRGB
        own = picture if picture.ndim == 3 or space is SRGB else convert_to_srgb(picture, space)
        if task.own_share == 1:
            return _rgb(own)
        colored = self._colorizer.compose(picture, ab, space)
        if not task.own_share:
            return colored
        return np.asarray(cv2.addWeighted(colored, 1 - task.own_share, _rgb(own), task.own_share, 0), colored.dtype)

    def begin(self, task: FrameTask) -> None:
        """Begin a list of frames."""
        self._segment, self._sizes = Segment(), {}

    def write(self, task: FrameTask) -> None:
        """Wait until a frame is written, and put it on the list."""
        assert task.composed is not None
        path: Path = task.composed.result()
        self._sizes[path.name] = path.stat().st_size
        record_frame(self._segment, task, self._plan)

    def finish(self, task: FrameTask, state: dict[str, np.ndarray]) -> None:
        """Add the list of frames, with the painter's state after them, to the store."""
        self._segment.state, self._segment.last = state, task.ends_span
        self._segment.ends_scene, self._segment.colors = task.end == "scene", task.colors
        self._store.unfinished_path(len(self._store.segments)).write_text(json.dumps(self._sizes))
        self._store.add(self._segment)
        for name in self._sizes:
            self._begun.pop(name, None)

    def abandon(self) -> None:
        """Leave the frames of the list that is not finished; they are written anew."""

    def remove_unlisted(self) -> None:
        """Remove the frames that this run has written of a list that is not finished: all that is there is finished."""
        for path in self._begun.values():
            path.unlink(missing_ok=True)
        self._begun.clear()


def _rgb(picture: Picture) -> Picture:
    """Return a picture, which may be grey, as (H, W, 3)."""
    return picture if picture.ndim == 3 else np.dstack([picture] * 3)


def _deep(picture: Picture) -> Picture:
    """Return a picture as uint16."""
    return picture if picture.dtype == np.uint16 else picture.astype(np.uint16) * 257


def read_lists(store: SegmentStore) -> dict[Path, str]:
    """Return the lists of earlier runs, by their paths; to be asked before the store begins."""
    lists = sorted(store.folder.glob(f"[0-9]*{VIDEO_FILE_SUFFIX}"))
    return {path: path.read_text(encoding="utf-8", errors="replace") for path in lists}


def remove_uncounted(pattern: Path, former: Mapping[Path, str], store: SegmentStore) -> None:
    """Remove the frames of earlier runs whose lists count no more: they are other than those that are written now.

    Args:
        pattern: Of the files' names.
        former: What ``read_lists`` returned.
        store: The lists that count.
    """
    counted = set(store.videos().values())
    names: set[str] = set()
    for path, text in former.items():
        with suppress(ValueError, TypeError):  # a damaged list
            names |= set() if path in counted else set(json.loads(text))
    for number in frame_numbers(pattern) if names else ():
        if (path := frame_path(pattern, number)).name in names:
            path.unlink(missing_ok=True)


def discard_damaged(pattern: Path, store: SegmentStore) -> Path | None:
    """Let the lists from the first one on count no more of which a frame is missing or of another size; return that."""
    for begin, lists in sorted(store.videos().items()):
        sizes: dict[str, int] = json.loads(lists.read_text())
        for name, size in sizes.items():
            path = pattern.with_name(name)
            if not path.exists() or path.stat().st_size != size:
                store.discard(begin)
                return path
    return None
