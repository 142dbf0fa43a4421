"""Steady colours on moving pictures: flicker, cuts, ghosts, flashes and fades, and the optical flow behind them."""

from __future__ import annotations

import numpy as np
import pytest
from support.motion import SIZE, STEADY, Paintbox, as_input, flicker, painter, pan, texture
from support.quick import only_quick

from colorize.engine import Colorizer
from colorize.motion import FlowFinder, Motion, TemporalOptions, TemporalPainter, flow_confidence
from colorize.network import Network


@pytest.mark.parametrize("options", [TemporalOptions("off"), *STEADY], ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 30])
def test_one_ab_for_each_input_in_order(options: TemporalOptions, count: int) -> None:
    inputs = pan(0, count)
    results = list(painter(options).predict_ab(inputs))
    assert len(results) == count
    for frame, ab in zip(inputs, results, strict=True):
        assert ab.shape == (*SIZE, 2) and ab.dtype == np.float32
        # Colours follow from the lightness, so a frame in another's place would be far off.
        assert np.abs(ab - Paintbox().colors(frame[0, 0]))[4:-4, 4:-4].mean() < 1.5


def test_off_is_the_colorizer_alone(small_network: Network) -> None:
    colorizer = Colorizer(small_network, render_size=64)
    inputs = pan(0, 5)
    results = list(TemporalPainter(colorizer, TemporalOptions("off"), 2).predict_ab(inputs))
    for ab, expected in zip(results, colorizer.predict_ab(inputs), strict=True):
        np.testing.assert_allclose(ab, expected, atol=1e-3)


@pytest.mark.parametrize("options", STEADY, ids=str)
@pytest.mark.parametrize("speed", only_quick([2], [0]))
def test_flicker_shrinks_to_less_than_a_third(options: TemporalOptions, speed: int) -> None:
    inputs = pan(1, 40, speed)
    alone = list(painter(TemporalOptions("off"), 5.0).predict_ab(inputs))
    steady = list(painter(options, 5.0).predict_ab(inputs))
    assert flicker(steady, speed) < flicker(alone, speed) / 3


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_colours_do_not_blur_with_time(options: TemporalOptions) -> None:
    inputs = pan(2, 120, 1)
    results = list(painter(options).predict_ab(inputs))
    expected = Paintbox().colors(inputs[-1][0, 0])
    assert results[-1].std() > 0.95 * expected.std()


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_nothing_crosses_a_cut(options: TemporalOptions) -> None:
    first = [as_input(np.clip(f[0, 0] * 0.4 - 0.5, -1, 1)) for f in pan(3, 10)]
    second = [as_input(np.clip(f[0, 0] * 0.4 + 0.5, -1, 1)) for f in pan(4, 10)]
    joined = list(painter(options).predict_ab([*first, *second]))
    for ab, alone in zip(joined[10:], painter(options).predict_ab(second), strict=True):
        np.testing.assert_array_equal(ab, alone)
    for ab, alone in zip(joined[:10], painter(options).predict_ab(first), strict=True):
        np.testing.assert_array_equal(ab, alone)


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_a_moving_thing_leaves_no_ghost(options: TemporalOptions) -> None:
    ground, thing = texture(5) * 0.3 - 0.4, texture(6) * 0.2 + 0.7
    inputs = []
    for index in range(24):
        light = ground[: SIZE[0], : SIZE[1]].copy()
        left = 6 + 3 * index
        light[20:40, left : left + 16] = thing[:20, :16]
        inputs.append(as_input(light))
    results = list(painter(options).predict_ab(inputs))
    for index, (frame, ab) in enumerate(zip(inputs, results, strict=True)):
        left = 6 + 3 * index
        wrong = np.abs(ab - Paintbox().colors(frame[0, 0])).max(axis=2)
        # The thing's colours and the ground's are 40 apart; behind, around and on it none may be the other's.
        assert wrong[24:36, left + 4 : left + 12].max() < 12
        assert wrong[16:44, : max(left - 4, 0)].max(initial=0) < 12
        assert wrong[16:44, left + 20 :].max(initial=0) < 12


def test_a_flash_keeps_the_colours() -> None:
    inputs = pan(7, 20)
    inputs[9] = inputs[10] = as_input(np.ones(SIZE, np.float32))
    results = list(painter(TemporalOptions("fast")).predict_ab(inputs))
    # White would be 40, -30 everywhere.
    expected = Paintbox().colors(inputs[8][0, 0])
    for index in (9, 10):
        assert np.abs(results[index] - expected).mean() < 2
    assert flicker(results, 0) < 3


def test_a_fade_in_takes_the_bright_frames_colours() -> None:
    base = pan(8, 1)[0][0, 0]
    inputs = [as_input((base + 1) * min(index / 16, 1) - 1) for index in range(40)]
    results = list(painter(TemporalOptions("fast")).predict_ab(inputs))
    assert np.abs(results[-1] - Paintbox().colors(base)).mean() < 1


@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (3, -2)])
def test_flow_finds_a_shift_with_confidence(shift: tuple[int, int]) -> None:
    wide = np.rint((texture(17) + 1) * 127).astype(np.uint8)
    x, y = shift
    before = wide[20 : 20 + SIZE[0], 20 : 20 + SIZE[1]]
    now = wide[20 + y : 20 + y + SIZE[0], 20 + x : 20 + x + SIZE[1]]
    backward_flow, forward_flow = FlowFinder().between(before, now)
    inside = np.s_[6:-6, 6:-6]
    assert np.abs(backward_flow.field[inside] - [x, y]).mean() < 0.3
    assert np.abs(forward_flow.field[inside] + [x, y]).mean() < 0.3
    assert flow_confidence(now, before, backward_flow)[inside].mean() > 0.9
    there_and_back = backward_flow.compose(forward_flow)
    assert np.abs(there_and_back.field[inside]).mean() < 0.3


def test_flow_depends_on_nothing_that_was_searched_before() -> None:
    random = np.random.default_rng(0)
    before, now = random.integers(0, 256, (2, *SIZE), dtype=np.uint8)  # any motion is as likely as another
    known = Motion(np.full((*SIZE, 2), 3, np.float32), np.ones(SIZE, np.float32))
    expected, used = FlowFinder().between(before, now), FlowFinder()
    used.between(*random.integers(0, 256, (2, 40, 60), dtype=np.uint8))
    used.corrected(before, now, known, known)
    for found, motion in zip(used.between(before, now), expected, strict=True):
        np.testing.assert_array_equal(found.field, motion.field)


def test_another_picture_is_not_trusted_but_another_light_is() -> None:
    frame = np.rint((texture(18, SIZE) + 1) * 100).astype(np.uint8)
    other = np.rint((texture(19, SIZE) + 1) * 100).astype(np.uint8)
    backward_flow, _ = FlowFinder().between(frame, frame)
    assert flow_confidence(frame, other, backward_flow).mean() < 0.3
    assert flow_confidence(frame, (frame * 0.6 + 30).astype(np.uint8), backward_flow).mean() > 0.9


def test_colours_on_a_finer_grid_move_by_as_many_of_its_pixels() -> None:
    y, x = np.mgrid[:48, :64].astype(np.float32)
    ab = np.dstack([x, y])  # each pixel says where it is
    coarse = Motion(np.full((16, 32, 2), (3, 1), np.float32), np.ones((16, 32), np.float32))
    moved = coarse.warp_finer(ab)  # twice as fine in x, three times in y
    np.testing.assert_array_equal(moved[:-3, :-6], ab[3:, 6:])
