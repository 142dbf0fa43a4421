"""Key frames to paint in: frames of a film that are worth it, as the network colours them, and grey beside them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from colorize.base import VideoError, replacing
from colorize.color import Picture
from colorize.engine import Colorizer
from colorize.film.keyframes import LIST, FrameClock, key_frame_name
from colorize.film.options import VideoOptions, VideoStopped
from colorize.film.pixels import read_luma
from colorize.film.sources import Source
from colorize.motion import Thumbnail, classify_frames
from colorize.photo import Photo, write_photo

CANDIDATES_PER_SECOND = 4  # of which the frames of a scene are chosen
COMPARED = 50  # candidates of a scene with which its first frame is chosen
MIN_CONTRAST_SHARE = 0.5  # of the scene's frame with the most contrast; fades and black frames have less
GREY_FOLDER = "grey"
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SceneFrame:
    """A frame of a film that is worth painting, and the scene that it lies in.

    Attributes:
        scene: Number of its scene in the part that is coloured, from 1 on.
        first: Number of that scene's first frame, from 0 at the film's beginning.
        last: Number of that scene's last frame.
        number: The frame's own.
        seconds: From the film's beginning to the frame.
        name: Of a key frame of it, such as ``000123_00-00-05.125.png``.
        grey: Its own picture, (H, W) uint8 or uint16.
        colored: It as the network colours it by itself, (H, W, 3) of the same dtype.
    """

    scene: int
    first: int
    last: int
    number: int
    seconds: float
    name: str
    grey: Picture
    colored: Picture


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A frame that may be chosen: its index in the span, and its thumbnail."""

    index: int
    thumbnail: npt.NDArray[np.uint8]

    def difference(self, other: _Candidate) -> float:
        """Return the mean absolute difference to another one in grey levels."""
        return float(np.abs(self.thumbnail.astype(np.int16) - other.thumbnail).mean())


@dataclass
class _Scene:
    """A scene, its candidates and those that are chosen, with the difference of each candidate to the nearest.

    Attributes:
        first: Index of its first frame in the span.
        last: Index of its last frame.
        candidates: Its frames that may be chosen.
        chosen: Those that are.
        distances: The difference of each candidate to the nearest one that is chosen.
    """

    first: int
    last: int
    candidates: list[_Candidate] = field(default_factory=list)
    chosen: list[_Candidate] = field(default_factory=list)
    distances: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def choose(self) -> None:
        """Choose the frame that is most like all others; then, at each call, the one that is least like the chosen."""
        if not self.chosen:
            contrasts = [float(each.thumbnail.std()) for each in self.candidates]
            limit = MIN_CONTRAST_SHARE * max(contrasts)
            self.candidates = [each for each, value in zip(self.candidates, contrasts, strict=True) if value >= limit]
            compared = self.candidates[:: -(-len(self.candidates) // COMPARED)]
            means = [sum(each.difference(other) for other in compared) for each in compared]
            best = compared[int(np.argmin(means))]
            self.distances = np.array([each.difference(best) for each in self.candidates])
        else:
            best = self.candidates[int(np.argmax(self.distances))]
            news = np.array([each.difference(best) for each in self.candidates])
            self.distances = np.minimum(self.distances, news)
        self.chosen.append(best)


def scene_frames(
    source: Source,
    count: int,
    colorizer: Colorizer,
    options: VideoOptions | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[SceneFrame]:
    """Yield the frames of a film that are worth painting, in order, each coloured by itself.

    Each scene gives one at least, so ``count`` 1 lists the scenes with a frame each: that which is most like all others
    of its scene. Further ones lie where a scene has changed most. The film is read to its end before the first one.

    Args:
        source: The film, such as ``open_source(path)``.
        count: How many frames.
        colorizer: Colours them; at full strength, since the film's is applied to what is carried.
        options: ``start`` and ``end``; None: the defaults.
        cancel: When it is set the work stops.

    Raises:
        VideoError: The film cannot be read, has no frame, or is a pipe.
        VideoStopped: ``cancel`` was set.
    """
    options, cancel = options or VideoOptions(), cancel or threading.Event()
    video = source.video
    if not source.is_repeatable:
        raise VideoError(f"{video.path}: key frames need a film's file, which can be read twice; a pipe cannot")
    scenes = _chosen_scenes(source, count, colorizer, options, cancel)
    if not scenes:
        raise VideoError(f"{video.path}: no frame to export; get it anew, or choose another part")
    scene_of = {each.index: number for number, scene in enumerate(scenes, 1) for each in scene.chosen}
    offset = FrameClock(source).first_number(options.span)
    painter = colorizer.adjusted(strength=1.0)
    for frame in _until(cancel, source.decode(options.span), video.path):
        if frame.index not in scene_of:
            continue
        number, seconds = offset + frame.index, float(frame.pts * video.time_base + options.span.start)
        grey = read_luma(video, frame.image).picture()
        scene = scenes[scene_of[frame.index] - 1]
        bounds = offset + scene.first, offset + scene.last
        name = key_frame_name(number, seconds)
        yield SceneFrame(scene_of[frame.index], *bounds, number, seconds, name, grey, painter(grey))


def export_key_frames(
    source: Source,
    folder: Path,
    count: int,
    colorizer: Colorizer,
    options: VideoOptions | None = None,
    cancel: threading.Event | None = None,
) -> list[Path]:
    """Write frames that are worth painting, named by number and time, with a list of them; return their paths.

    They are those of ``scene_frames``, in full size; the grey ones lie in the folder ``grey`` within.

    Args:
        source: The film.
        folder: Where they are written.
        count: How many.
        colorizer: Colours them.
        options: ``start`` and ``end``, and whether files are replaced; None: the defaults.
        cancel: When it is set the work stops.

    Raises:
        VideoError: The film cannot be read, has no frame, or is a pipe.
        VideoStopped: ``cancel`` was set.
        FileExistsError: A file is there, and ``overwrite`` is off.
        OSError: A file cannot be written.
    """
    options = options or VideoOptions()
    if (folder / LIST).exists() and not options.overwrite:
        raise FileExistsError(f"{folder / LIST}: exists already; --overwrite replaces it and the key frames")
    entries, paths = [], []
    for frame in scene_frames(source, count, colorizer, options, cancel):
        (folder / GREY_FOLDER).mkdir(parents=True, exist_ok=True)
        photo = Photo(frame.grey)
        write_photo(folder / GREY_FOLDER / frame.name, photo, overwrite=options.overwrite)
        colored = photo.with_colors(frame.colored, ai_label=options.ai_label)
        write_photo(folder / frame.name, colored, overwrite=options.overwrite)
        entry = {"file": frame.name, "frame": frame.number, "time": round(frame.seconds, 3), "scene": frame.scene}
        entries.append(entry)
        paths.append(folder / frame.name)
    with replacing(folder / LIST, overwrite=options.overwrite) as file:
        file.write(json.dumps({"film": source.video.path.name, "frames": entries}, indent=2).encode())
    return paths


def _chosen_scenes(
    source: Source, count: int, colorizer: Colorizer, options: VideoOptions, cancel: threading.Event
) -> list[_Scene]:
    """Return the scenes, in each of which the frames are chosen that are worth painting."""
    scenes = list(_scenes(source, colorizer, options, cancel))
    for scene in scenes:
        scene.choose()
    for _ in range(count - len(scenes)):
        widest = max(scenes, key=lambda scene: float(scene.distances.max()), default=None)
        if widest is None or widest.distances.max() == 0:
            break  # all frames that differ are chosen
        widest.choose()
    return scenes


def _scenes(source: Source, colorizer: Colorizer, options: VideoOptions, cancel: threading.Event) -> Iterator[_Scene]:
    """Yield the scenes of a film with their candidates."""
    video = source.video
    step = max(1, round(video.rate / CANDIDATES_PER_SECOND))
    frames = _until(cancel, source.decode(options.span), video.path)
    inputs = (colorizer.preprocess(read_luma(video, frame.image).picture()) for frame in frames)
    scene: _Scene | None = None
    place = 0
    for index, frame in enumerate(classify_frames(inputs)):
        if scene is None or frame.kind == "cut":
            if scene is not None:
                yield scene
            scene, place = _Scene(index, index), 0
        if place % step == 0 and (frame.kind != "flash" or not scene.candidates):
            scene.candidates.append(_Candidate(index, Thumbnail.of(frame.grey).grey.astype(np.uint8)))
        place += 1
        scene.last = index
    if scene is not None:
        yield scene


def _until(cancel: threading.Event, frames: Iterable[T], path: Path) -> Iterator[T]:
    """Yield frames.

    Raises:
        VideoStopped: The flag was set.
    """
    for frame in frames:
        if cancel.is_set():
            raise VideoStopped(f"{path}: stopped")
        yield frame
