"""Key frames of films: how far their colours reach, beside no help, copying and optical flow alone.

    python -m benchmarks.keyframes film.mp4 other.mp4 --photos FOLDER --json keyframes.json

Films in colour are made grey, and some of their own frames in colour are the key frames; so the truth is known. From
photographs films are made: one pans, one turns and comes nearer, in one a thing crosses, and one has cuts; what moves
moves as far as is known. ``truth`` is the truth reduced to the network's grid. The figures are CIEDE2000 over the
frames that are no key frames, the mean of ``SAMPLES`` of them. Stop everything else first for the times.

``flow alone`` composes OpenCV's DIS flow of its preset ``medium`` at the grid's whole size; none of this package's
settings of flow count for it. The rows of ``noise``, ``shift`` and ``lightness`` have key frames with one fault of a
rough hand, those of ``rough`` have all three; ``lost`` is the share of what clean key frames gain that they do not.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from itertools import pairwise, zip_longest
from pathlib import Path

import cv2
import numpy as np

from benchmarks.temporal import make_grey, read_video
from colorize.color import Enlarger, Floats, Picture, lab_to_rgb, rgb_to_lab, shrink
from colorize.engine import Colorizer
from colorize.motion import (
    ClassifiedFrame,
    Grey,
    KeyColors,
    KeyLayer,
    KnownKeys,
    Motion,
    TemporalOptions,
    TemporalPainter,
    classify_frames,
    guide_frames,
)
from colorize.photo import read_image
from training.metrics import ciede2000

SAMPLES = 12  # frames of which a figure is the mean
MADE_FRAMES = 49  # of a film made of photographs
MADE_SIZE = 256, 384  # height and width of its frames
FAULTS = "noise", "shift", "lightness"  # of a key frame that is painted roughly
ROUGH_NOISE, ROUGH_SHIFT, ROUGH_LIGHTNESS = 6.0, 3, 12.0  # in ab, in pixels, in L of black and of white


@dataclass(frozen=True)
class Row:
    """The figures of one film, one way to set key frames and one method; milliseconds are per frame.

    The shares are of the error of another method, 0 where that was not measured before; ``lost_gain`` is the share of
    what ``key frames`` gains over ``no help`` that this method does not.
    """

    video: str
    keys: str
    method: str
    ciede2000: float
    share_of_no_help: float
    share_of_copying: float
    share_of_flow: float
    lost_gain: float
    milliseconds: float


@dataclass(frozen=True)
class Film:
    """A film whose truth is known, on the network's grid.

    Attributes:
        truth: Its frames, (H, W, 3) uint8.
        frames: What the network sees of them.
        ab: Their true ab on the grid, (h, w, 2).
        scenes: Number of the scene of each.
    """

    truth: list[Picture]
    frames: list[ClassifiedFrame]
    ab: list[Floats]
    scenes: list[int]

    @classmethod
    def of(cls, colorizer: Colorizer, truth: list[Picture]) -> Film:
        """Return a film of its frames in colour."""
        frames = list(classify_frames([colorizer.preprocess(make_grey(picture)) for picture in truth]))
        size = frames[0].grey.shape
        scenes = np.cumsum([frame.kind == "cut" for frame in frames]).tolist()
        return cls(truth, frames, [_small_ab(picture, size) for picture in truth], scenes)

    def one_in(self, step: int) -> list[int]:
        """Return every so manieth frame's index."""
        return list(range(0, len(self.frames), step))

    def one_a_scene(self) -> list[int]:
        """Return the index of the frame in the middle of each scene."""
        numbers = np.array(self.scenes)
        return [int(np.flatnonzero(numbers == scene).mean()) for scene in np.unique(numbers)]


def _small_ab(picture: Picture, size: tuple[int, ...]) -> Floats:
    return shrink(rgb_to_lab(picture)[..., 1:].copy(), (size[0], size[1]))


def made_films(photos: Sequence[Path]) -> Iterator[tuple[str, list[Picture]]]:
    """Yield films in colour that are made of photographs, with their names; three photographs make four films."""
    height, width = MADE_SIZE
    for number in range(len(photos) // 3):
        wide = [_photo(path) for path in photos[3 * number : 3 * number + 3]]
        steps = np.linspace(0, 1, MADE_FRAMES)
        yield f"pan {number}", [_view(wide[0], 0.9 * step, 1.0, 0) for step in steps]
        yield f"turn {number}", [_view(wide[1], 0.5, 1.0 + 0.4 * step, 20 * step - 10) for step in steps]
        mask = np.zeros(MADE_SIZE, np.float32)
        thing = cv2.resize(wide[2], (width, height))
        crossing = []
        for step in steps:
            mask[:] = 0
            x = round((1.4 * step - 0.2) * width)
            cv2.ellipse(mask, (x, height // 2), (width // 9, height // 3), 0, 0, 360, 1, -1, cv2.LINE_AA)
            moved = np.roll(thing, x - width // 2, axis=1)
            back = _view(wide[0], 0.3, 1.0, 0)
            crossing.append((back + mask[..., None] * (moved.astype(np.float32) - back)).astype(np.uint8))
        yield f"cross {number}", crossing
        third = MADE_FRAMES // 3
        shots = [_view(picture, 0.2 + 0.3 * step, 1.05, 0) for picture in wide for step in steps[:third]]
        yield f"cuts {number}", shots


def _photo(path: Path) -> Picture:
    """Return a photograph as wide as a pan needs it, (2 H, 3 W / 2, 3)."""
    picture = read_image(path)
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, 2)
    height, width = MADE_SIZE
    scale = max(1.2 * height / picture.shape[0], 1.5 * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _view(wide: Picture, place: float, zoom: float, degrees: float) -> Picture:
    """Return what a camera sees of a photograph: (H, W, 3), ``place`` 0 at its left and 1 at its right."""
    height, width = MADE_SIZE
    room = wide.shape[1] - width
    centre = width / 2 + place * room, wide.shape[0] / 2
    matrix = cv2.getRotationMatrix2D(centre, degrees, zoom)
    matrix[:, 2] += np.array([width / 2 - centre[0], height / 2 - centre[1]])
    return np.asarray(
        cv2.warpAffine(wide, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.uint8
    )


Method = Callable[[Colorizer, Film, list[int]], list[Floats]]


def by_network(colorizer: Colorizer, film: Film, keys: list[int]) -> list[Floats]:
    """Return the colours without any help."""
    return _painted(colorizer, film, film.frames, "fast")


def by_copying(colorizer: Colorizer, film: Film, keys: list[int]) -> list[Floats]:
    """Return the colours of the nearest key frame, as they are."""
    return [film.ab[_nearest(film, keys, index)] for index in range(len(film.frames))]


def by_flow(colorizer: Colorizer, film: Film, keys: list[int]) -> list[Floats]:
    """Return the colours of the nearest key frame, carried by composed optical flow."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def motion(here: Grey, there: Grey) -> Motion:
        field = np.asarray(flow.calc(here, there, np.zeros((*here.shape, 2), np.float32)), np.float32)
        return Motion(field, np.ones(here.shape, np.float32))

    greys = [np.ascontiguousarray(frame.grey) for frame in film.frames]
    steps = [(motion(now, before), motion(before, now)) for before, now in pairwise(greys)]
    results = []
    for index in range(len(film.frames)):
        key = _nearest(film, keys, index)
        path = [steps[i][0] for i in range(index - 1, key - 1, -1)] or [steps[i][1] for i in range(index, key)]
        results.append(reduce(Motion.compose, path).warp(film.ab[key]) if path else film.ab[key])
    return results


def by_guides(mode: str, *faults: str) -> Method:
    """Return this package's method in a mode of steady colours, with key frames that have faults of ``FAULTS``."""

    def colors(colorizer: Colorizer, film: Film, keys: list[int]) -> list[Floats]:
        def of_key(index: int, grey: Grey) -> KeyColors:
            lab = rgb_to_lab(_roughened(film, index, faults) if faults else film.truth[index])
            small = shrink(lab, (grey.shape[0], grey.shape[1]))
            colors = KeyColors(np.ascontiguousarray(small[..., 1:]), np.ones(grey.shape, np.float32))
            return colors.tidied(np.ascontiguousarray(small[..., 0]), grey)

        return _painted(colorizer, film, with_guides(film.frames, KnownKeys(keys, of_key)), mode)

    return colors


def with_guides(frames: list[ClassifiedFrame], *layers: KeyLayer) -> list[ClassifiedFrame]:
    """Return frames with the guides that layers of key frames give them."""
    guides = zip_longest(frames, guide_frames(frames, 0, layers))
    return [replace(frame, guide=guide) for frame, guide in guides]


def by_truth(colorizer: Colorizer, film: Film, keys: list[int]) -> list[Floats]:
    """Return the true colours."""
    return film.ab


METHODS: dict[str, Method] = {
    "no help": by_network,
    "copying": by_copying,
    "flow alone": by_flow,
    "key frames": by_guides("fast"),
    "key frames, off": by_guides("off"),
    "key frames, best": by_guides("best"),
    **{fault: by_guides("fast", fault) for fault in FAULTS},
    "rough": by_guides("fast", *FAULTS),
    "truth": by_truth,
}

COMPARED = "no help", "copying", "flow alone"  # whose errors others are shares of


def _roughened(film: Film, index: int, faults: Sequence[str]) -> Picture:
    """Return a key frame that was painted roughly."""
    lab = rgb_to_lab(film.truth[index])
    if "noise" in faults:
        lab[..., 1:] += np.random.default_rng(index).normal(0, ROUGH_NOISE, lab[..., 1:].shape)
    if "lightness" in faults:
        lab[..., 0] = ROUGH_LIGHTNESS + lab[..., 0] * (1 - 2 * ROUGH_LIGHTNESS / 100)  # which makes nothing white
    picture = lab_to_rgb(lab)
    return np.roll(picture, ROUGH_SHIFT, axis=1) if "shift" in faults else picture


def _nearest(film: Film, keys: list[int], index: int) -> int:
    same = [key for key in keys if film.scenes[key] == film.scenes[index]] or keys
    return min(same, key=lambda key: abs(key - index))


def _painted(colorizer: Colorizer, film: Film, frames: list[ClassifiedFrame], mode: str) -> list[Floats]:
    painter = TemporalPainter(colorizer, TemporalOptions(mode))
    marked = [(frame, "scene" if frame is frames[-1] else None) for frame in frames]
    return [ab for ab, _ in painter.predict_segments(iter(marked))]  # type: ignore[arg-type]


def error_of(film: Film, results: list[Floats], keys: list[int]) -> float:
    """Return the CIEDE2000 over the frames that are no key frames."""
    others = [index for index in range(len(film.frames)) if index not in keys]
    chosen = [others[round(place)] for place in np.linspace(0, len(others) - 1, min(SAMPLES, len(others)))]
    errors = []
    for index in chosen:
        lab = rgb_to_lab(film.truth[index])
        colored = lab.copy()
        colored[..., 1:] = Enlarger(results[index], lab.shape[:2]).rows(0, len(lab))
        errors.append(float(np.mean(ciede2000(rgb_to_lab(lab_to_rgb(colored)), lab))))
    return float(np.mean(errors))


def measure(colorizer: Colorizer, name: str, truth: list[Picture], wanted: Sequence[str]) -> Iterator[Row]:
    """Yield the figures of a film."""
    film = Film.of(colorizer, truth)
    known: dict[str, list[Floats]] = {}  # what is the same whatever the key frames are
    for label, keys in (("one in 24", film.one_in(24)), ("one a scene", film.one_a_scene())):
        errors: dict[str, float] = {}
        for method in wanted:
            start = time.perf_counter()
            results = known.get(method) or METHODS[method](colorizer, film, keys)
            seconds = time.perf_counter() - start
            if method == "no help":
                known[method] = results
            error = errors[method] = error_of(film, results, keys)
            to_none, to_copying, to_flow = (error / errors[each] if errors.get(each) else 0.0 for each in COMPARED)
            gain = errors.get("no help", 0.0) - errors.get("key frames", 0.0)
            lost = (error - errors["key frames"]) / gain if "key frames" in errors and gain > 0 else 0.0
            yield Row(name, label, method, error, to_none, to_copying, to_flow, lost, 1000 * seconds / len(truth))


def main() -> None:
    """Print the figures of films."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="*", type=Path, help="films in colour")
    parser.add_argument("--photos", type=Path, help="a folder of photographs in colour, of which films are made")
    parser.add_argument("--made", type=int, default=1, help="groups of three photographs, each of four films")
    parser.add_argument("--weights", default="stable")
    parser.add_argument("--short-side", type=int, default=256)
    parser.add_argument("--frames", type=int, default=96, help="of each film, at most")
    parser.add_argument("--skip", type=int, default=0, help="frames of each film before these, such as dark ones")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    colorizer = Colorizer(arguments.weights)
    films = []
    for path in arguments.films:
        pictures = read_video(path, arguments.short_side, arguments.skip + arguments.frames)
        films.append((path.name, pictures[arguments.skip :]))
    if arguments.photos:
        photos = sorted(path for path in arguments.photos.iterdir() if path.suffix.lower() in (".jpg", ".png"))
        films += list(made_films(photos[: 3 * arguments.made]))
    heads = "".join(f"{head:>7}" for head in ("dE00", "/none", "/copy", "/flow", "lost"))
    print(f"{'video':24}{'keys':13}{'method':18}{heads}")
    rows = []
    for name, truth in films:
        for row in measure(colorizer, name, truth, arguments.methods):
            print(
                f"{row.video[:23]:24}{row.keys:13}{row.method:18}{row.ciede2000:7.2f}{row.share_of_no_help:7.2f}"
                f"{row.share_of_copying:7.2f}{row.share_of_flow:7.2f}{row.lost_gain:7.2f}{row.milliseconds:9.1f} ms",
                flush=True,
            )
            rows.append(row)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
