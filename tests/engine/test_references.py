"""References: colours are taken where both pictures show the same things, in their share, under hints."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support.motion import Paintbox

from colorize.color import lab_to_rgb, rgb_to_lab, rgb_to_lightness
from colorize.engine import Colorizer, Hint, draw_candidates
from colorize.engine.references import Cells, Reference, match_references
from colorize.network import Network

RED, ORANGE, BLUE, VIOLET = (45.0, 25.0), (20.0, 50.0), (5.0, -40.0), (40.0, -30.0)


@pytest.fixture(scope="module")
def colorizer(small_network: Network) -> Colorizer:
    return Colorizer(small_network, render_size=64)


def painted(scene: np.ndarray) -> np.ndarray:
    """Return a picture in colour: red over orange on the left, blue over violet on the right."""
    lightness = 30 + 0.5 * rgb_to_lightness(np.dstack([scene] * 3))
    y, x = np.indices(scene.shape) * 2 // np.array(scene.shape)[:, None, None]
    ab = np.array([[RED, BLUE], [ORANGE, VIOLET]])[y, x]
    return lab_to_rgb(np.dstack([lightness, ab]).astype(np.float32))


def grey(picture: np.ndarray) -> np.ndarray:
    lightness = rgb_to_lightness(picture)
    return lab_to_rgb(np.dstack([lightness, np.zeros((*lightness.shape, 2), np.float32)]))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(rgb_to_lab(a)[..., 1:] - rgb_to_lab(b)[..., 1:]).mean())


def test_a_picture_that_shows_the_same_gets_the_colours_in_their_share(colorizer: Colorizer, scene: np.ndarray) -> None:
    truth = painted(scene)
    reference = colorizer.read_reference(truth)
    picture = grey(truth)
    plain = colorizer(picture)
    errors = [
        distance(colorizer(picture, references=[reference], reference_strength=strength), truth)
        for strength in (0, 0.5, 1)
    ]
    assert errors[0] == distance(plain, truth)
    assert errors[1] < 0.7 * errors[0] and errors[2] < 0.35 * errors[0]
    moved = colorizer(np.ascontiguousarray(picture[:, ::-1]), references=[reference])
    assert distance(moved, truth[:, ::-1]) < distance(moved, truth)  # by what is seen, not by place


def test_several_references_are_one(colorizer: Colorizer, scene: np.ndarray) -> None:
    truth = painted(scene)
    picture, middle = grey(truth), scene.shape[1] // 2
    halves = [colorizer.read_reference(np.ascontiguousarray(half)) for half in (truth[:, :middle], truth[:, middle:])]
    both = distance(colorizer(picture, references=halves), truth)
    assert both < min(distance(colorizer(picture, references=[half]), truth) for half in halves)


def test_a_hint_lies_over_a_reference(colorizer: Colorizer, scene: np.ndarray) -> None:
    truth = painted(scene)
    reference, hint = colorizer.read_reference(truth), Hint(20, 40, "#208040", 6)
    alone, both = colorizer(grey(truth), [hint]), colorizer(grey(truth), [hint], references=[reference])
    np.testing.assert_allclose(rgb_to_lab(both)[38:43, 18:23, 1:].mean(axis=(0, 1)), hint.ab, atol=12)
    assert distance(both[:, 60:], truth[:, 60:]) < 0.8 * distance(alone[:, 60:], truth[:, 60:])  # far from the hint


def test_a_reference_holds_in_every_candidate(colorizer: Colorizer, scene: np.ndarray) -> None:
    truth = painted(scene)
    reference = colorizer.read_reference(truth)
    candidates = draw_candidates(colorizer, grey(truth), 3, references=[reference])
    plain = distance(colorizer(grey(truth)), truth)
    assert all(distance(candidate, truth) < 0.5 * plain for candidate in candidates)


@pytest.mark.parametrize(("strength", "named"), [(1.5, "1.5"), (-0.1, "-0.1"), (float("nan"), "nan")])
def test_a_strength_out_of_range_is_named(colorizer: Colorizer, scene: np.ndarray, strength: float, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        colorizer(scene, references=[colorizer.read_reference(painted(scene))], reference_strength=strength)


def test_what_cannot_be_a_reference_is_refused(colorizer: Colorizer, scene: np.ndarray) -> None:
    for picture in (scene, np.dstack([scene] * 3)):
        with pytest.raises(ValueError, match="without colours"):
            colorizer.read_reference(picture)
    with pytest.raises(ValueError, match="these weights"):
        Colorizer(Paintbox()).read_reference(painted(scene))


@pytest.mark.parametrize("light", [0.3, 2])
def test_a_colour_is_taken_as_it_is_in_the_pictures_own_light(
    colorizer: Colorizer, scene: np.ndarray, light: float
) -> None:
    halves = np.where(np.arange(scene.shape[1])[:, None] * 2 < scene.shape[1], (0.9, 0.35, 0.2), (0.25, 0.35, 0.9))
    linear = (0.05 + 0.4 * (scene[..., None] / 255.0) ** 2) * halves

    def seen(light: float) -> np.ndarray:
        return np.uint8(np.round(255 * (1.055 * np.clip(light * linear, 0.0031308, 1) ** (1 / 2.4) - 0.055)))

    def chroma_taken(light: float) -> tuple[float, float]:
        """Return the chroma that a picture has, and that it takes, on average."""
        colors = colorizer.match_references(colorizer.preprocess(grey(seen(light))), [reference])
        assert colors is not None and colors.share.mean() > 0.05
        own = cv2.resize(rgb_to_lab(seen(light))[..., 1:], colors.share.shape[::-1])
        return tuple(np.average(np.linalg.norm(ab, axis=-1), weights=colors.share) for ab in (own, colors.ab))

    reference = colorizer.read_reference(seen(1))
    (before, taken_before), (now, taken) = chroma_taken(1), chroma_taken(light)
    assert abs(now / before - 1) > 0.15
    assert taken / taken_before == pytest.approx(now / before, rel=0.06)


@pytest.mark.parametrize(("alike", "expected"), [("all", 1), ("inside", 1), ("borders", 0)])
def test_what_is_alike_at_the_borders_alone_is_not_taken(alike: str, expected: float) -> None:
    side, other = 16, np.ones((16, 16), bool)
    other[1:-1, 1:-1] = False
    known = {"all": np.ones_like(other), "inside": ~other, "borders": other}[alike].ravel()
    light = np.full(side * side, 50, np.float32)
    seen = np.eye(side * side, 2 * side * side, dtype=np.float32)  # each cell is like none of the same picture
    elsewhere = np.roll(seen, side * side, axis=1)
    cells = Cells((side, side), seen, light, light * 0)
    reference = Cells((side, side), np.where(known[:, None], seen, elsewhere), light, light * 0)
    colors = match_references(cells, [Reference(reference, np.full((side * side, 2), 20, np.float32))], (64, 64), 1)
    taken = colors.share[24:40, 24:40] if alike != "borders" else colors.share
    np.testing.assert_allclose(taken, expected, atol=0.02)
