"""Scene cuts and flashes: what begins a scene, and what only looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from colorize.motion.cuts import LOOKAHEAD, CutFinder, Thumbnail

SIZE = (72, 128)


def scene(seed: int, count: int, pan: int = 0, grain: float = 2.0) -> list[np.ndarray]:
    """Make frames of soft shapes that may pan, with grain."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1] + pan * count]
    wide = 128 + 60 * np.sin(x / random.uniform(6, 20) + seed) + 50 * np.cos(y / random.uniform(5, 15) + 2 * seed)
    wide += random.uniform(-40, 40)
    frames = [wide[:, pan * index : pan * index + SIZE[1]] for index in range(count)]
    return [_grey(frame + random.normal(0, grain, SIZE)) for frame in frames]


def _grey(frame: np.ndarray) -> np.ndarray:
    return np.clip(frame, 0, 255).astype(np.uint8)


def kinds(frames: list[np.ndarray], finder: CutFinder | None = None) -> dict[int, str]:
    """Return the kinds of frames other than ``same``, by frame number."""
    finder = finder or CutFinder()
    thumbnails = [Thumbnail.of(frame) for frame in frames]
    found = {index: finder.classify(thumbnails[index : index + LOOKAHEAD + 1]) for index in range(len(frames))}
    return {index: kind for index, kind in found.items() if kind != "same"}


def fade(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [_grey(frame * (1 - index / len(frames))) for index, frame in enumerate(frames)]


def dissolve(before: list[np.ndarray], after: list[np.ndarray]) -> list[np.ndarray]:
    share = np.linspace(0, 1, len(before))
    return [_grey(one * (1 - part) + other * part) for one, other, part in zip(before, after, share, strict=True)]


@pytest.mark.parametrize("lengths", [(10, 12), (8, 1, 9), (5, 2, 2, 8), (1, 6)])
def test_cuts_are_found_where_scenes_meet(lengths: tuple[int, ...]) -> None:
    frames = [frame for seed, count in enumerate(lengths) for frame in scene(3 * seed + 1, count)]
    starts = np.cumsum(lengths)[:-1]
    assert kinds(frames) == {int(start): "cut" for start in starts}


def test_a_cut_between_moving_scenes() -> None:
    assert kinds(scene(1, 12, pan=3) + scene(4, 12, pan=3)) == {12: "cut"}


@pytest.mark.parametrize(
    "frames",
    [
        scene(1, 20, pan=4),
        scene(2, 20, grain=25),
        fade(scene(3, 20)),
        fade(scene(3, 20))[::-1],
        dissolve(scene(1, 20), scene(4, 20)),
        [np.zeros(SIZE, np.uint8)] * 8,
    ],
    ids=["pan", "grain", "fade out", "fade in", "dissolve", "black"],
)
def test_what_is_no_cut(frames: list[np.ndarray]) -> None:
    assert kinds(frames) == {}


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("light", [lambda frame: np.full_like(frame, 255), lambda frame: _grey(frame * 0.5 + 127)])
def test_a_flash_is_no_cut(length: int, light) -> None:
    frames = scene(1, 20)
    frames[8 : 8 + length] = [light(frame) for frame in frames[8 : 8 + length]]
    assert kinds(frames) == {index: "flash" for index in range(8, 8 + length)}


def test_a_short_insert_is_another_scene() -> None:
    frames = scene(1, 20)
    frames[9:11] = scene(4, 2)
    assert kinds(frames) == {9: "cut", 11: "cut"}


def test_a_finder_goes_on_from_the_frames_of_another() -> None:
    frames = scene(1, 10) + scene(4, 10)
    first, second = CutFinder(), CutFinder()
    assert kinds(frames[:10], first) == {}
    second.recent.extend(first.recent)
    assert kinds(frames[10:], second) == {0: "cut"}
    assert kinds(frames[10:]) == {}
