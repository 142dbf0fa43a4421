"""Key frames to paint in: frames of a film that are worth it, as the network colours them, and grey beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from colorize.base import VideoError, replacing
from colorize.engine import Colorizer
from colorize.film.keyframes import LIST, FrameClock, key_frame_name
from colorize.film.options import VideoOptions
from colorize.film.pixels import read_luma
from colorize.film.sources import Source
from colorize.motion import Thumbnail, classify_frames
from colorize.photo import Photo, write_photo

CANDIDATES_PER_SECOND = 4  # of which the frames of a scene are chosen
COMPARED = 50  # candidates of a scene with which its first frame is chosen
MIN_CONTRAST_SHARE = 0.5  # of the scene's frame with the most contrast; fades and black frames have less
GREY_FOLDER = "grey"


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
    """A scene, its candidates and those that are chosen, with the difference of each candidate to the nearest."""

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


def export_key_frames(
    source: Source, folder: Path, count: int, colorizer: Colorizer, options: VideoOptions | None = None
) -> list[Path]:
    """Write frames that are worth painting, named by number and time, with a list of them; return their paths.

    Each scene gives one at least, so there may be more than ``count``; the others lie where a scene has changed most.
    Each frame is coloured by itself, in full size; the grey ones lie in the folder ``grey`` within.

    Args:
        source: The film.
        folder: Where they are written.
        count: How many.
        colorizer: Colours them; at full strength, since the film's is applied to what is carried.
        options: ``start`` and ``end``, and whether files are replaced; None: the defaults.

    Raises:
        VideoError: The film cannot be read, has no frame, or is a pipe.
        FileExistsError: A file is there, and ``overwrite`` is off.
        OSError: A file cannot be written.
    """
    options = options or VideoOptions()
    video = source.video
    if not source.is_repeatable:
        raise VideoError(f"{video.path}: key frames need a film's file, which can be read twice; a pipe cannot")
    if (folder / LIST).exists() and not options.overwrite:
        raise FileExistsError(f"{folder / LIST}: exists already; --overwrite replaces it and the key frames")
    scene_of = _chosen_scenes(source, count, colorizer, options)
    if not scene_of:
        raise VideoError(f"{video.path}: no frame to export; get it anew, or choose another part")
    (folder / GREY_FOLDER).mkdir(parents=True, exist_ok=True)
    clock = FrameClock(source)
    offset = clock.first_number(options.span)
    painter = colorizer.adjusted(strength=1.0)
    entries, paths = [], []
    for frame in source.decode(options.span):
        if frame.index not in scene_of:
            continue
        number, seconds = offset + frame.index, float(frame.pts * video.time_base + options.span.start)
        name = key_frame_name(number, seconds)
        grey = read_luma(video, frame.image).picture()
        write_photo(folder / GREY_FOLDER / name, Photo(grey), overwrite=options.overwrite)
        colored = Photo(grey).with_colors(painter(grey), ai_label=options.ai_label)
        write_photo(folder / name, colored, overwrite=options.overwrite)
        entries.append({"file": name, "frame": number, "time": round(seconds, 3), "scene": scene_of[frame.index]})
        paths.append(folder / name)
    with replacing(folder / LIST, overwrite=options.overwrite) as file:
        file.write(json.dumps({"film": video.path.name, "frames": entries}, indent=2).encode())
    return paths


def _chosen_scenes(source: Source, count: int, colorizer: Colorizer, options: VideoOptions) -> dict[int, int]:
    """Return the index of each frame that is chosen -> the number of its scene, from 1 on."""
    scenes = list(_scenes(source, colorizer, options))
    for scene in scenes:
        scene.choose()
    for _ in range(count - len(scenes)):
        widest = max(scenes, key=lambda scene: float(scene.distances.max()), default=None)
        if widest is None or widest.distances.max() == 0:
            break  # all frames that differ are chosen
        widest.choose()
    return {each.index: number for number, scene in enumerate(scenes, 1) for each in scene.chosen}


def _scenes(source: Source, colorizer: Colorizer, options: VideoOptions) -> Iterator[_Scene]:
    """Yield the scenes of a film with their candidates."""
    video = source.video
    step = max(1, round(video.rate / CANDIDATES_PER_SECOND))
    frames = source.decode(options.span)
    inputs = (colorizer.preprocess(read_luma(video, frame.image).picture()) for frame in frames)
    scene: _Scene | None = None
    place = 0
    for index, frame in enumerate(classify_frames(inputs)):
        if scene is None or frame.kind == "cut":
            if scene is not None:
                yield scene
            scene, place = _Scene(), 0
        if place % step == 0 and (frame.kind != "flash" or not scene.candidates):
            scene.candidates.append(_Candidate(index, Thumbnail.of(frame.grey).grey.astype(np.uint8)))
        place += 1
    if scene is not None:
        yield scene
