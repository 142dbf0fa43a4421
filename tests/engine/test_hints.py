"""Colour hints kept to their objects: the colour stays inside the hinted object, and nothing else changes."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorize.color import rgb_to_lab
from colorize.engine import Colorizer, Hint, draw_hints
from colorize.engine.hints import EDGE_COST, PATH_COST, blend_by_distance, geodesic_distance
from colorize.network import Network

RED = "#c03020"
BLUE = "#2040c0"


def two_halves(height: int = 64, width: int = 64) -> np.ndarray:
    """Return a lightness of 70 on the left, 30 on the right."""
    row = np.where(np.arange(width) < width // 2, 70.0, 30.0).astype(np.float32)
    return np.tile(row, (height, 1))


def test_a_path_costs_its_length_and_its_climbs() -> None:
    start = np.zeros((64, 64), bool)
    start[32, 8] = True
    distances = geodesic_distance(two_halves(), start)
    assert distances[32, 8] == 0
    assert distances[32, 28] == pytest.approx(20 * PATH_COST / 64)
    assert distances[52, 28] == pytest.approx(20 * np.sqrt(2) * PATH_COST / 64)
    assert distances[32, 40] == pytest.approx(32 * PATH_COST / 64 + 40 * EDGE_COST, rel=0.01)


def test_paths_go_around_an_edge() -> None:
    """A wall with a gap: the shortest path is through the gap, up, across and down, however often rows are swept."""
    lightness = np.full((64, 64), 60.0, np.float32)
    lightness[4:, 30:34] = 5
    start = np.zeros((64, 64), bool)
    start[60, 10] = True
    distances = geodesic_distance(lightness, start)
    assert distances[60, 50] < 140 * PATH_COST / 64
    assert distances[60, 50] > 100 * PATH_COST / 64


@given(st.integers(3, 9), st.integers(3, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_no_step_between_neighbours_is_worth_more_than_its_cost(height: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    lightness = random.uniform(0, 100, (height, width)).astype(np.float32)
    start = np.zeros((height, width), bool)
    start[random.integers(height), random.integers(width)] = True
    distances = geodesic_distance(lightness, start)
    limit = 100 * EDGE_COST + 2 * PATH_COST / min(height, width)
    assert distances[start] == 0
    for dy, dx in itertools.product((0, 1), repeat=2):
        assert np.abs(distances[dy:, dx:] - distances[: height - dy, : width - dx]).max() <= limit


def test_distances_on_a_large_grid_are_computed_on_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    start = np.zeros((128, 128), bool)
    start[60:68, 12:20] = True
    whole = geodesic_distance(two_halves(128, 128), start)
    monkeypatch.setattr("colorize.engine.hints.DISTANCE_SIDE", 64)
    small = geodesic_distance(two_halves(128, 128), start)
    assert small.shape == whole.shape
    assert np.abs(small - whole)[:, :60].max() < 0.1


def test_the_colour_stops_at_an_edge_that_the_network_ignores() -> None:
    lightness, plain = two_halves(), np.zeros((64, 64, 2), np.float32)
    hint_map = draw_hints([Hint(20, 32, RED)], (64, 64), (64, 64))
    ab = blend_by_distance(lightness, hint_map, plain, np.full((64, 64, 2), 30, np.float32))
    mask = hint_map[2] > 0
    np.testing.assert_allclose(ab[mask], np.tile(Hint(0, 0, RED).ab, (mask.sum(), 1)), atol=0.1)
    assert np.linalg.norm(ab[8:56, 8:30], axis=2).min() > 0.6 * np.linalg.norm(Hint(0, 0, RED).ab)
    assert np.linalg.norm(ab[:, 36:], axis=2).max() < 2


def test_each_hint_rules_where_it_is_nearer() -> None:
    lightness, plain = two_halves(), np.zeros((64, 64, 2), np.float32)
    hint_map = draw_hints([Hint(20, 32, RED), Hint(44, 32, BLUE)], (64, 64), (64, 64))
    ab = blend_by_distance(lightness, hint_map, plain, plain)
    red, blue = Hint(0, 0, RED).ab, Hint(0, 0, BLUE).ab
    assert np.abs(ab[32, 29] - red).max() < 12
    assert np.abs(ab[32, 35] - blue).max() < 12
    assert np.abs(ab[32, 20] - red).max() < 0.1
    assert np.abs(ab[32, 44] - blue).max() < 0.1


def test_saturation_counts_for_hints_too() -> None:
    hint_map = draw_hints([Hint(20, 32, RED)], (64, 64), (64, 64))
    plain = np.zeros((64, 64, 2), np.float32)
    one, half = (blend_by_distance(two_halves(), hint_map, plain, plain, saturation) for saturation in (1, 0.5))
    np.testing.assert_allclose(half, one / 2, atol=1e-5)


def test_a_hinted_picture_changes_only_where_it_is_hinted(small_network: Network, scene: np.ndarray) -> None:
    colorizer = Colorizer(small_network, render_size=64)
    picture = np.full((90, 120), 150, np.uint8)
    picture[:, 60:] = scene[:, 60:] // 4
    plain, hinted = rgb_to_lab(colorizer(picture)), rgb_to_lab(colorizer(picture, [Hint(20, 45, RED, 6)]))
    change = np.linalg.norm((hinted - plain)[..., 1:], axis=2)
    assert change[40:50, 15:25].mean() > 20
    assert change[:, 75:].mean() < 2


def test_hints_of_a_batch_stay_with_their_photos(small_network: Network, scene: np.ndarray) -> None:
    colorizer = Colorizer(small_network, render_size=64)
    hint_maps = [None, colorizer.draw_hints(scene, [Hint(30, 30, RED)])]
    plain, hinted = colorizer.predict_ab_with_hints([colorizer.preprocess(scene)] * 2, hint_maps)
    np.testing.assert_allclose(plain, colorizer.predict_ab([colorizer.preprocess(scene)])[0], atol=1e-3)
    assert np.abs(plain - hinted).max() > 5


def test_a_stroke_covers_what_its_discs_along_the_line_cover() -> None:
    stroke = Hint.parse("4,4,30,4,30,40,#c03020,3.2")
    assert str(stroke) == "4,4,30,4,30,40,#c03020,3.2" and stroke.path == ((30, 4), (30, 40))
    along = [Hint(x, 4, RED, 3.2) for x in np.linspace(4, 30, 200)] + [
        Hint(30, y, RED, 3.2) for y in np.linspace(4, 40, 200)
    ]
    np.testing.assert_array_equal(draw_hints([stroke], (64, 48), (64, 48))[2], draw_hints(along, (64, 48), (64, 48))[2])
    with pytest.raises(ValueError, match="60,4 lies outside"):
        draw_hints([Hint.parse("4,4,60,4,#c03020")], (64, 48), (64, 48))


@pytest.mark.parametrize("text", ["1,2,3,#c03020", "#c03020", "1,#c03020", "1,2,#c03020,3,4", "1,2,x,4,#c03020", "1,2"])
def test_no_hint(text: str) -> None:
    with pytest.raises(ValueError, match="x,y"):
        Hint.parse(text)


def test_memory_does_not_grow_with_the_number_of_colors() -> None:
    hints = [Hint(3 + 5 * (number % 12), 3 + 8 * (number // 12), f"#{number * 4:02x}8040") for number in range(60)]
    hint_map, plain = draw_hints(hints, (64, 64), (64, 64)), np.zeros((64, 64, 2), np.float32)
    tracemalloc.start()
    try:
        blend_by_distance(two_halves(), hint_map, plain, plain)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 * 64 * 64 * 8  # bytes of so many maps of distances
