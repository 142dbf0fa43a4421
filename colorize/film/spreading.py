"""A film's scenes, coloured each by itself, perhaps by several workers on several machines, and joined.

No scene depends on another, so each is coloured into a segment store of its own, which the film's store adopts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colorize.engine import Colorizer
from colorize.film.own_colors import ColorState, FilmColors
from colorize.film.pipeline import SegmentPlan, divide_film
from colorize.film.segments import Segment, SegmentStore


@dataclass(frozen=True)
class SceneRange:
    """Frames of a film that one worker colours: a scene, short ones together, or what is left of it.

    Attributes:
        first: Index in the span of the first frame.
        end: Index after the last one.
        before: The segments before it; of scenes before it one stands for all, and says nothing but where they end.
        colors: What samples of the film say of its own colours; None: no scene keeps them.
    """

    first: int
    end: int
    before: tuple[Segment, ...]
    colors: FilmColors | None

    def store(self, target: Path) -> SegmentStore:
        """Return the segment store of these frames of the film that becomes ``target``."""
        return SegmentStore(target.with_name(f"{target.name}.{self.first:08d}-{self.end:08d}"))


Spread = Callable[[Sequence[SceneRange]], Iterator[SceneRange]]
"""Colours scenes by ``color_scene``, somewhere, and yields each when it is done, in any order."""


def find_scenes(plan: SegmentPlan, colorizer: Colorizer, segments: Sequence[Segment]) -> list[SceneRange]:
    """Return the scenes that follow finished segments; all frames are decoded, none is seen by the network."""
    scenes: list[SceneRange] = []
    before = tuple(segments)
    first = sum(len(segment.pts) for segment in before)
    for task in divide_film(plan, colorizer, segments):
        if task.end == "scene":
            scenes.append(SceneRange(first, task.index + 1, before, plan.colors))
            first = task.index + 1
            before = (_stand_in(first, task.frame.pts, task.colors),)
    return scenes


def _stand_in(frames: int, pts: int, colors: ColorState) -> Segment:
    """Return a segment that stands for all before a scene: so many frames, the last of which has ``pts``."""
    return Segment(pts=range(pts - frames + 1, pts + 1), ends_scene=True, colors=colors)
