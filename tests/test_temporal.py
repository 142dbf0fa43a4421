"""Steady colours on moving pictures that the tests make themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from colorize.colorizer import Colorizer
from colorize.flow import FlowFinder, trust
from colorize.generator import Generator
from colorize.temporal import REACH, TemporalOptions, TemporalPainter

SIZE = (64, 96)
STEADY = [TemporalOptions("fast"), TemporalOptions("fast", 3), TemporalOptions("best"), TemporalOptions("best", 2)]


class Paintbox:
    """Stands in for a Colorizer: colours that follow from the lightness, and flicker."""

    def __init__(self, flicker: float = 0.0) -> None:
        self.flicker = flicker
        self.batches: list[int] = []
        self._random = np.random.default_rng(0)

    def paint(self, looks: Sequence[Tensor], hints: object = None, recall: object = None) -> list[np.ndarray]:
        self.batches.append(len(looks))
        return [self._colors(look[0, 0].numpy()) + self._noise() for look in looks]

    def _noise(self) -> np.ndarray:
        return self._random.normal(0, self.flicker, 2).astype(np.float32)

    def _colors(self, light: np.ndarray) -> np.ndarray:
        soft = cv2.GaussianBlur(light, (5, 5), 1)
        return np.dstack([40 * soft, -30 * soft]).astype(np.float32)


def texture(seed: int, size: tuple[int, int] = (SIZE[0] + 40, SIZE[1] + 160)) -> np.ndarray:
    """Make lightness -0.8..0.8 with shapes that flow can hold on to."""
    random = np.random.default_rng(seed)
    rough = sum(
        cv2.resize(random.uniform(-1, 1, (size[0] // cell, size[1] // cell)), size[::-1], interpolation=cv2.INTER_CUBIC)
        for cell in (6, 12, 24)
    )
    return np.asarray(np.clip(rough / 2, -0.8, 0.8), np.float32)


def look(light: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(light, np.float32))[None, None]


def pan(seed: int, count: int, speed: int = 1) -> list[Tensor]:
    wide = texture(seed)
    return [look(wide[20 : 20 + SIZE[0], speed * index : speed * index + SIZE[1]]) for index in range(count)]


def painter(options: TemporalOptions, flicker: float = 0.0, batch_size: int = 8) -> TemporalPainter:
    return TemporalPainter(Paintbox(flicker), options, batch_size)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("every", [2, 5])
def test_every_counts_the_networks_frames(every: int) -> None:
    steady = painter(TemporalOptions("fast", every))
    list(steady.paint(pan(9, 31)))
    assert steady.network_frames == 1 + 30 // every


def test_automatic_is_sparse_where_motion_is_slow_and_dense_where_flow_fails() -> None:
    slow, lost = painter(TemporalOptions()), painter(TemporalOptions())
    list(slow.paint(pan(10, 33, 1)))
    random = np.random.default_rng(0)
    list(lost.paint([look(random.uniform(-0.5, 0.5, SIZE)) for _ in range(33)]))
    assert slow.network_frames == 1 + 32 // REACH
    assert lost.network_frames == 33


@pytest.mark.parametrize(
    ("options", "cut_at_seam"),
    [*((options, False) for options in STEADY), (STEADY[0], True), (STEADY[2], True)],
    ids=str,
)
def test_restored_parts_are_bit_equal(options: TemporalOptions, cut_at_seam: bool, small_generator: Generator) -> None:
    colorizer = Colorizer(small_generator, device="cpu", render_size=64, precision=torch.float32)
    looks = [*pan(11, 14), *pan(12, 14)] if cut_at_seam else pan(11, 28)
    parts = [looks[:5], looks[5:14], looks[14:15], looks[15:]]
    whole = TemporalPainter(colorizer, options)
    expected = [list(whole.paint(part)) for part in parts]
    state: dict[str, np.ndarray] = {}
    for part, results in zip(parts, expected, strict=True):
        resumed = TemporalPainter(colorizer, options)
        resumed.restore(state)
        for ab, result in zip(resumed.paint(part), results, strict=True):
            np.testing.assert_array_equal(ab, result)
        state = {name: array.copy() for name, array in resumed.state().items()}


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_the_seam_of_two_parts_is_no_jump(options: TemporalOptions) -> None:
    looks = pan(13, 48, 0)
    steady = painter(options, 5.0)
    results = [*steady.paint(looks[:24]), *steady.paint(looks[24:])]
    steps = [np.abs(now - before).mean() for before, now in pairwise(results)]
    assert steps[23] <= max(steps[:23] + steps[24:])


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_lookahead_is_bounded(options: TemporalOptions) -> None:
    taken = 0

    def counted() -> Iterator[Tensor]:
        nonlocal taken
        for frame in pan(14, 90):
            taken += 1
            yield frame

    ahead = [taken - index for index, _ in enumerate(painter(options).paint(counted()))]
    assert max(ahead) <= 40


@pytest.mark.parametrize("mode", ["off", "fast", "best"])
def test_batches_are_not_larger_than_asked(mode) -> None:
    box = Paintbox()
    list(TemporalPainter(box, TemporalOptions(mode), 3).paint(pan(15, 20)))  # type: ignore[arg-type]
    assert max(box.batches) <= 3


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_another_size_begins_anew(options: TemporalOptions) -> None:
    small = [look(frame[0, 0].numpy()[:32, :64]) for frame in pan(16, 5)]
    results = list(painter(options).paint([*pan(16, 6), *small]))
    assert [ab.shape[:2] for ab in results] == [SIZE] * 6 + [(32, 64)] * 5


def test_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match="'slow' is unknown; use one of off, fast, best"):
        TemporalOptions("slow")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"every 0 is not within 1\.\.16"):
        TemporalOptions("fast", 0)
    with pytest.raises(ValueError, match=r"every 4 .* use temporal mode fast or best"):
        TemporalOptions("off", 4)
    with pytest.raises(ValueError, match="batch size 0"):
        painter(TemporalOptions(), batch_size=0)


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks 'ab'"):
        painter(TemporalOptions()).restore({"grey": np.zeros(SIZE, np.uint8)})
    good = painter(TemporalOptions())
    list(good.paint(pan(0, 3)))
    with pytest.raises(ValueError, match="colour the film anew"):
        painter(TemporalOptions()).restore({**good.state(), "ab": np.zeros((3, 3, 2), np.float32)})


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
    assert trust(now, before, back)[inside].mean() > 0.9
    there_and_back = back.then(forth)
    assert np.abs(there_and_back.field[inside]).mean() < 0.3


def test_another_picture_is_not_trusted_but_another_light_is() -> None:
    frame = np.rint((texture(18, SIZE) + 1) * 100).astype(np.uint8)
    other = np.rint((texture(19, SIZE) + 1) * 100).astype(np.uint8)
    back, _ = FlowFinder().between(frame, frame)
    assert trust(frame, other, back).mean() < 0.3
    assert trust(frame, (frame * 0.6 + 30).astype(np.uint8), back).mean() > 0.9
