"""Hints for the Colorizer: how they are written, how they are drawn for the network, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_networks import SMALL, load_small, small_tensors, write_small_weights

from colorize.color import AB_MAX, rgb_to_lab, rgb_to_lightness
from colorize.engine import Colorizer, Hint, draw_hints
from colorize.engine.hints import resize_hint_map
from colorize.network import Network


@pytest.fixture(scope="module")
def colorizer(small_network: Network) -> Colorizer:
    return Colorizer(small_network, render_size=64)


def test_a_hint_map_has_the_colour_of_a_hint() -> None:
    hint_map = draw_hints([Hint(50, 20, "#c03020", 10)], (100, 200), (64, 128))
    a, b = rgb_to_lab(np.array([[[0xC0, 0x30, 0x20]]], np.uint8))[0, 0, 1:]
    assert hint_map[:, 13, 32] == pytest.approx([a / AB_MAX, b / AB_MAX, 1])
    assert hint_map[2].sum() == pytest.approx(np.pi * 6.4**2, rel=0.1)
    assert not hint_map[:, hint_map[2] == 0].any()


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 50))
def test_every_hint_covers_a_pixel(height: int, width: int, x: float, y: float, radius: float) -> None:
    hint = Hint(x * (width - 1), y * (height - 1), "#00ff00", radius)
    assert draw_hints([hint], (height, width), (32, 64))[2].any()


def test_a_later_hint_lies_on_top() -> None:
    hint_map = draw_hints([Hint(5, 5, "#ff0000", 3), Hint(5, 5, "#0000ff", 3)], (32, 32), (32, 32))
    assert hint_map[1, 5, 5] < -0.5  # blue


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -0.5), (120, 0), (0, 90)])
def test_a_hint_outside_the_picture_is_refused(colorizer: Colorizer, scene: np.ndarray, x: float, y: float) -> None:
    with pytest.raises(ValueError, match=rf"{x:g},{y:g} lies outside .* 120 x 90"):
        colorizer(scene, [Hint(x, y, "#ff0000")])


@pytest.mark.parametrize(
    "text", ["1,2", "1,2,red", "a,2,#ff0000", "1,2,#ff0000,0", "1,2,#ff0000,nan", "1,2,#ff0000,1,1"]
)
def test_hints_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hint"):
        Hint.parse(text)


def test_hints_are_parsed() -> None:
    assert Hint.parse("10, 20.5,#Ff0000,7") == Hint(10, 20.5, "#Ff0000", 7)
    assert Hint.parse("1,2,#000000").radius is None


def test_hints_reach_the_network(colorizer: Colorizer, scene: np.ndarray) -> None:
    plain, hinted = colorizer(scene), colorizer(scene, [Hint(60, 45, "#ff0000", 12)])
    assert (plain != hinted).any()


def test_weights_without_hints_say_so(small_network: Network, runtime: str, tmp_path: Path, scene: np.ndarray) -> None:
    path = write_small_weights(tmp_path / "deaf.safetensors", SMALL, small_tensors(SMALL, takes_hints=False))
    assert small_network.takes_hints
    colorizer = Colorizer(load_small(path, runtime), render_size=64)
    assert not colorizer.takes_hints
    colorizer(scene)
    with pytest.raises(ValueError, match="no colour hints"):
        colorizer(scene, [Hint(1, 1, "#ff0000")])


def test_a_hint_map_of_a_photos_size_is_resized_to_the_grid(colorizer: Colorizer, scene: np.ndarray) -> None:
    hint_map = np.zeros((1, 3, *scene.shape), np.float32)
    hint_map[:, :, 40:44, 60:64] = np.array([0.5, 0.25, 1])[None, :, None, None]
    small = resize_hint_map(hint_map, (32, 32))
    hit = small[0, 2] > 0
    assert 1 <= hit.sum() <= 9
    np.testing.assert_allclose(small[0, 0][hit], 0.5, rtol=1e-6)  # holes are not grey
    lightness = rgb_to_lightness(scene)
    assert np.abs(colorizer.predict_full_ab(lightness, hint_map) - colorizer.predict_full_ab(lightness)).max() > 0
