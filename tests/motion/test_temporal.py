"""Steady colours on moving pictures that the tests make themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from support.motion import SIZE, STEADY, Paintbox, look, painter, pan, texture

from colorize.engine import Colorizer
from colorize.motion import FlowFinder, TemporalOptions, TemporalPainter, flow_confidence
from colorize.network import Generator


def flicker(results: Sequence[np.ndarray], speed: int = 0) -> float:
    """Return the mean change of ab along a known pan."""
    width = SIZE[1] - speed
    pairs = pairwise(results)
    return float(np.mean([np.abs(now[:, :width] - before[:, speed:]).mean() for before, now in pairs]))


@pytest.mark.parametrize("options", [TemporalOptions("off"), *STEADY], ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 30])
def test_one_ab_for_each_look_in_order(options: TemporalOptions, count: int) -> None:
    looks = pan(0, count)
    results = list(painter(options).paint(looks))
    assert len(results) == count
    for frame, ab in zip(looks, results, strict=True):
        assert ab.shape == (*SIZE, 2) and ab.dtype == np.float32
        # Colours follow from the lightness, so a frame in another's place would be far off.
        assert np.abs(ab - Paintbox()._colors(frame[0, 0].numpy()))[4:-4, 4:-4].mean() < 1.5


def test_off_is_the_colorizer_alone(small_generator: Generator) -> None:
    colorizer = Colorizer(small_generator, device="cpu", render_size=64, precision=torch.float32)
    looks = pan(0, 5)
    results = list(TemporalPainter(colorizer, TemporalOptions("off"), 2).paint(looks))
    for ab, expected in zip(results, colorizer.paint(looks), strict=True):
        np.testing.assert_allclose(ab, expected, atol=1e-3)


@pytest.mark.parametrize("options", STEADY, ids=str)
@pytest.mark.parametrize("speed", [0, 2])
def test_flicker_shrinks_to_less_than_a_third(options: TemporalOptions, speed: int) -> None:
    looks = pan(1, 40, speed)
    alone = list(painter(TemporalOptions("off"), 5.0).paint(looks))
    steady = list(painter(options, 5.0).paint(looks))
    assert flicker(steady, speed) < flicker(alone, speed) / 3


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_colours_do_not_blur_with_time(options: TemporalOptions) -> None:
    looks = pan(2, 120, 1)
    results = list(painter(options).paint(looks))
    expected = Paintbox()._colors(looks[-1][0, 0].numpy())
    assert results[-1].std() > 0.95 * expected.std()


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_nothing_crosses_a_cut(options: TemporalOptions) -> None:
    first = [look(np.clip(f[0, 0].numpy() * 0.4 - 0.5, -1, 1)) for f in pan(3, 10)]
    second = [look(np.clip(f[0, 0].numpy() * 0.4 + 0.5, -1, 1)) for f in pan(4, 10)]
    joined = list(painter(options).paint([*first, *second]))
    for ab, alone in zip(joined[10:], painter(options).paint(second), strict=True):
        np.testing.assert_array_equal(ab, alone)
    for ab, alone in zip(joined[:10], painter(options).paint(first), strict=True):
        np.testing.assert_array_equal(ab, alone)


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_a_moving_thing_leaves_no_ghost(options: TemporalOptions) -> None:
    ground, thing = texture(5) * 0.3 - 0.4, texture(6) * 0.2 + 0.7
    looks = []
    for index in range(24):
        light = ground[: SIZE[0], : SIZE[1]].copy()
        left = 6 + 3 * index
        light[20:40, left : left + 16] = thing[:20, :16]
        looks.append(look(light))
    results = list(painter(options).paint(looks))
    for index, (frame, ab) in enumerate(zip(looks, results, strict=True)):
        left = 6 + 3 * index
        wrong = np.abs(ab - Paintbox()._colors(frame[0, 0].numpy())).max(axis=2)
        # The thing's colours and the ground's are 40 apart; behind, around and on it none may be the other's.
        assert wrong[24:36, left + 4 : left + 12].max() < 12
        assert wrong[16:44, : max(left - 4, 0)].max(initial=0) < 12
        assert wrong[16:44, left + 20 :].max(initial=0) < 12


def test_a_flash_keeps_the_colours() -> None:
    looks = pan(7, 20)
    looks[9] = looks[10] = look(np.ones(SIZE, np.float32))
    results = list(painter(TemporalOptions("fast")).paint(looks))
    # White would be 40, -30 everywhere.
    expected = Paintbox()._colors(looks[8][0, 0].numpy())
    for index in (9, 10):
        assert np.abs(results[index] - expected).mean() < 2
    assert flicker(results, 0) < 3


def test_a_fade_in_takes_the_bright_frames_colours() -> None:
    base = pan(8, 1)[0][0, 0].numpy()
    looks = [look((base + 1) * min(index / 16, 1) - 1) for index in range(40)]
    results = list(painter(TemporalOptions("fast")).paint(looks))
    assert np.abs(results[-1] - Paintbox()._colors(base)).mean() < 1


@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (3, -2)])
def test_flow_finds_a_shift_and_is_sure_of_it(shift: tuple[int, int]) -> None:
    wide = np.rint((texture(17) + 1) * 127).astype(np.uint8)
    x, y = shift
    before = wide[20 : 20 + SIZE[0], 20 : 20 + SIZE[1]]
    now = wide[20 + y : 20 + y + SIZE[0], 20 + x : 20 + x + SIZE[1]]
    back, forth = FlowFinder().between(before, now)
    inside = np.s_[6:-6, 6:-6]
    assert np.abs(back.field[inside] - [x, y]).mean() < 0.3
    assert np.abs(forth.field[inside] + [x, y]).mean() < 0.3
    assert flow_confidence(now, before, back)[inside].mean() > 0.9
    there_and_back = back.then(forth)
    assert np.abs(there_and_back.field[inside]).mean() < 0.3


def test_another_picture_is_not_trusted_but_another_light_is() -> None:
    frame = np.rint((texture(18, SIZE) + 1) * 100).astype(np.uint8)
    other = np.rint((texture(19, SIZE) + 1) * 100).astype(np.uint8)
    back, _ = FlowFinder().between(frame, frame)
    assert flow_confidence(frame, other, back).mean() < 0.3
    assert flow_confidence(frame, (frame * 0.6 + 30).astype(np.uint8), back).mean() > 0.9
