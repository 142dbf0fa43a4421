"""Scenes of a film coloured apart from each other, in any order: the same bytes as one after the other."""

from __future__ import annotations

import os
import pickle
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.quick import only_quick
from support.videos import VideoRecipe, make_video

from colorize.engine import Colorizer
from colorize.film import SceneRange, VideoOptions, VideoStopped, color_scene, colorize_video


class Scenes(VideoRecipe):
    """A film of three scenes, of which the second is in colour; one lasts several segments."""

    cuts = (37, 72)

    def grey(self, index: int) -> Any:
        grey = super().grey(index)
        return 251 - grey if bisect_right(self.cuts, index) % 2 else grey


@pytest.fixture
def film(tmp_path: Path, short_segments: None) -> Path:
    return make_video(tmp_path / "a.mp4", Scenes(frames=110, sounds=["eng"], color_from=37, color_until=72))


def spreading(
    path: Path, out: Path, colorizer: Colorizer, options: VideoOptions, taken: list[int], count: int = 99
) -> Callable[[Sequence[SceneRange]], Iterator[SceneRange]]:
    """Return who colours at most ``count`` scenes, the last one first, as a worker does that gets them as bytes."""

    def spread(scenes: Sequence[SceneRange]) -> Iterator[SceneRange]:
        for scene in list(reversed(scenes))[:count]:
            taken.append(scene.first)
            assert color_scene(path, out, pickle.loads(pickle.dumps(scene)), colorizer, options)
            yield scene

    return spread


@pytest.mark.parametrize("mode", only_quick(["fast"], ["off", "best"]))
def test_the_same_bytes_in_any_order_and_after_a_stop(
    film: Path, tmp_path: Path, colorizer: Colorizer, mode: Any
) -> None:
    options = VideoOptions(temporal=mode)
    whole, out = tmp_path / "whole.mp4", tmp_path / "b.mp4"
    colorize_video(film, whole, colorizer=colorizer, options=options)
    taken: list[int] = []
    with pytest.raises(VideoStopped):
        spread = spreading(film, out, colorizer, options, taken, count=2)
        colorize_video(film, out, colorizer=colorizer, options=options, spread=spread)
    assert taken == [72, 37]
    spread = spreading(film, out, colorizer, options, taken)
    colorize_video(film, out, colorizer=colorizer, options=options, spread=spread)
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4", "whole.mp4"]


@pytest.mark.slow
def test_one_machine_goes_on_with_what_several_began_and_back(film: Path, tmp_path: Path, colorizer: Colorizer) -> None:
    options, out = VideoOptions(), tmp_path / "b.mp4"
    colorize_video(film, tmp_path / "whole.mp4", colorizer=colorizer, options=options)
    cancel = threading.Event()

    def stop(progress: Any) -> None:
        if progress.done >= 12:
            cancel.set()

    with pytest.raises(VideoStopped):
        colorize_video(film, out, colorizer=colorizer, options=options, progress=stop, cancel=cancel)
    taken: list[int] = []
    spread = spreading(film, out, colorizer, options, taken)
    colorize_video(film, out, colorizer=colorizer, options=options, spread=spread)
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert taken[:2] == [72, 37] and 0 < taken[2] < 37  # within a scene


def test_a_film_of_one_scene_says_that_it_cannot_be_spread(tmp_path: Path, colorizer: Colorizer) -> None:
    film = make_video(tmp_path / "a.mp4", VideoRecipe(frames=12))
    options, out = VideoOptions(), tmp_path / "b.mp4"
    spread = spreading(film, out, colorizer, options, [])
    result = colorize_video(film, out, colorizer=colorizer, options=options, spread=spread)
    assert any("a.mp4" in note and "one scene" in note for note in result.notes)
