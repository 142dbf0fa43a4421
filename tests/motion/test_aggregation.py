"""Feature aggregation: one decision for a scene, and nothing from another one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from support.motion import SIZE, STEADY, as_input, flicker, pan, texture
from support.quick import only_quick

from colorize.color import AB_MAX
from colorize.engine import Colorizer
from colorize.motion import FlowFinder, TemporalOptions, TemporalPainter
from colorize.motion.aggregation import HISTORY_SHARE, Aggregation, motions_to_predicted, warp_features
from colorize.motion.flow import Motion, half_size
from colorize.motion.frames import PlannedFrame, TrackedFrame

CELLS = (SIZE[0] // 32, SIZE[1] // 32)
HALF = (SIZE[0] // 2, SIZE[1] // 2)
STILL = Motion(np.zeros((*HALF, 2), np.float32), np.ones(HALF, np.float32))


@dataclass(frozen=True)
class CellFeatures:
    """Features of ``Wavering``; ``bottleneck`` is None where it hides them."""

    cells: np.ndarray
    offered: bool

    @property
    def bottleneck(self) -> np.ndarray | None:
        return self.cells if self.offered else None

    def feature_maps(self) -> tuple[np.ndarray, ...]:
        return (self.cells,) if self.offered else ()

    def with_bottleneck(self, bottleneck: np.ndarray) -> CellFeatures:
        return CellFeatures(bottleneck, self.offered)


class Wavering:
    """A network whose features are the lightness of each cell, and noise; colours follow."""

    stride, render_size, takes_hints, latent_dim, runtime = 32, SIZE[0], False, 0, "numpy"

    def __init__(self, offers_features: bool = True) -> None:
        self.offers_features = offers_features
        self._random = np.random.default_rng(0)

    def fingerprint(self) -> str:
        return "wavering"

    def encode(self, inputs: np.ndarray) -> CellFeatures:
        cells = inputs.reshape(len(inputs), 1, CELLS[0], 32, CELLS[1], 32).mean(axis=(3, 5))
        return CellFeatures(cells + noise(self._random, cells.shape), self.offers_features)

    def decode(self, inputs: np.ndarray, features: CellFeatures, latent: np.ndarray | None = None) -> np.ndarray:
        maps = features.cells[:, 0].repeat(32, 1).repeat(32, 2) * np.float32(10 / AB_MAX)
        return np.stack([maps, maps], axis=-1)


def noise(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.standard_normal(shape, np.float32)


def features_of(seed: int, count: int, channels: int) -> np.ndarray:
    return noise(np.random.default_rng(seed), (count, channels, *CELLS))


def frame(light: np.ndarray, to_predicted: Motion | None = None) -> PlannedFrame:
    grey = np.rint((light + 1) * 127.5).clip(0, 255).astype(np.uint8)
    tracked = TrackedFrame(as_input(light), grey, "same", (), None, half_size(grey), None, to_predicted, None)
    return PlannedFrame(**vars(tracked), to_anchor=to_predicted, needs_network=True, to_predicted=to_predicted)


@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (-3, 1)])
def test_features_are_warped_by_whole_cells(shift: tuple[int, int]) -> None:
    x, y = shift
    features = noise(np.random.default_rng(0), (1, 5, 8, 10))
    field = np.broadcast_to(np.array([32 * x, 32 * y], np.float32), (256, 320, 2)).copy()
    motion = Motion(field, np.ones((256, 320), np.float32))
    warped, confidence = warp_features(features, motion, np.full((256, 320), 0.5, np.float32))
    expected = np.roll(features, (-y, -x), (2, 3))
    inside = np.s_[:, :, max(0, -y) : 8 - max(0, y), max(0, -x) : 10 - max(0, x)]
    np.testing.assert_allclose(warped[inside], expected[inside], atol=1e-4)
    np.testing.assert_allclose(confidence, np.full((1, 1, 8, 10), 0.5))


def test_a_still_scene_settles_on_the_mean() -> None:
    light = texture(1)[: SIZE[0], : SIZE[1]]
    aggregation, true, random = Aggregation(), features_of(0, 1, 7), np.random.default_rng(1)
    results = [
        aggregation.mix(true + noise(random, true.shape), [frame(light, STILL if index else None)])
        for index in range(80)
    ]
    error = np.mean([np.sqrt(np.square(result - true).mean()) for result in results[40:]])
    # The weights (1 - k) k^n of independent noise leave a standard deviation of sqrt((1 - k) / (1 + k)), .23 at .9.
    assert error < 1.25 * ((1 - HISTORY_SHARE) / (1 + HISTORY_SHARE)) ** 0.5
    assert np.sqrt(np.square(results[0] - true).mean()) > 0.7


def test_where_a_scene_begins_or_nothing_can_be_followed_a_frame_keeps_its_own() -> None:
    aggregation, first, second = Aggregation(), features_of(0, 1, 3), features_of(1, 1, 3)
    aggregation.mix(first, [frame(texture(2)[: SIZE[0], : SIZE[1]])])
    np.testing.assert_array_equal(aggregation.mix(second, [frame(texture(3)[: SIZE[0], : SIZE[1]])]), second)
    lost = Motion(STILL.field, np.zeros(HALF, np.float32))
    np.testing.assert_allclose(aggregation.mix(first, [frame(texture(3)[: SIZE[0], : SIZE[1]], lost)]), first, 1e-5)


def test_a_batch_is_taken_in_order() -> None:
    light, features = texture(4)[: SIZE[0], : SIZE[1]], features_of(0, 4, 3)
    frames = [frame(light), *(frame(light, STILL) for _ in range(3))]
    one_by_one, at_once = Aggregation(), Aggregation()
    expected = np.concatenate([one_by_one.mix(own[None], [each]) for own, each in zip(features, frames, strict=True)])
    np.testing.assert_array_equal(at_once.mix(features, frames), expected)


def test_a_scene_that_fades_in_is_decided_by_its_bright_frames() -> None:
    light = texture(5)[: SIZE[0], : SIZE[1]]
    dark, bright = (np.full((1, 2, *CELLS), value, np.float32) for value in (-1, 1))
    aggregation = Aggregation()
    for index in range(10):
        aggregation.mix(dark, [frame((light + 1) * 0.05 - 1, STILL if index else None)])
    for _ in range(3):
        result = aggregation.mix(bright, [frame(light, STILL)])
    assert result.mean() > 0.5
    steady = Aggregation()
    for index in range(10):
        steady.mix(dark, [frame(light, STILL if index else None)])
    assert steady.mix(bright, [frame(light, STILL)]).mean() < -0.5


@pytest.mark.parametrize("options", STEADY, ids=str)
@pytest.mark.parametrize("speed", only_quick([1], [0]))
def test_a_wavering_network_wavers_less(options: TemporalOptions, speed: int) -> None:
    inputs = pan(6, 60, speed)
    steady, alone = (
        list(TemporalPainter(Colorizer(Wavering(offers)), options).predict_ab(inputs)) for offers in (True, False)
    )
    assert flicker(steady[20:], speed) < 0.85 * flicker(alone[20:], speed)


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_features_are_followed_along_a_pan(options: TemporalOptions) -> None:
    inputs, speed, errors = pan(7, 69, 1), 1, []
    x = np.arange(SIZE[1] // 8, dtype=np.float32) * 8

    class Places(Wavering):
        def encode(self, inputs: np.ndarray) -> CellFeatures:
            rows = [np.tile(self.places(each) + self.doubt(), (SIZE[0] // 8, 1)) for each in inputs]
            return CellFeatures(np.stack(rows)[:, None], True)

        def places(self, frame: np.ndarray) -> np.ndarray:
            # Where each cell lies in the scene, in pixels: a ramp, which bilinear resampling keeps.
            return x + speed * next(i for i, each in enumerate(inputs) if np.array_equal(each[0], frame))

        def doubt(self) -> float:
            self.asked = getattr(self, "asked", -1) + 1
            return 4.0 * (self.asked > 0) * (-1) ** self.asked

        def decode(self, inputs: np.ndarray, features: CellFeatures, latent: np.ndarray | None = None) -> np.ndarray:
            places = np.stack([self.places(each) for each in inputs])[:, None, None]
            errors.extend(np.median(np.abs(features.cells - places)[:, 0, 2:-2, 1:4], axis=(1, 2)))
            return np.zeros((len(inputs), *SIZE, 2), np.float32)

    painter = TemporalPainter(Colorizer(Places()), options)
    list(painter.predict_ab(inputs))
    assert len(errors) == painter.network_frames > 4
    # A frame skipped or taken twice would move the places by a pixel each time; unmixed they are four pixels off.
    assert np.max(errors) < 0.8


def test_an_interval_without_predicted_frames_inside_leads_to_the_anchor() -> None:
    wide = np.rint((texture(8) + 1) * 127).astype(np.uint8)
    greys = [wide[20 : 20 + SIZE[0], 3 * index : 3 * index + SIZE[1]] for index in range(4)]
    interval = [
        TrackedFrame(
            np.zeros((1, 1, *SIZE), np.float32), now, "same", (), None, now, None, *FlowFinder().between(before, now)
        )
        for before, now in pairwise(greys)
    ]
    first, second, third = motions_to_predicted(interval, [STILL] * 3, [False, True, True])
    assert first is None
    assert second is STILL
    assert third is interval[2].backward_flow


def test_a_state_brings_it_back_and_another_is_refused() -> None:
    light, features = texture(10)[: SIZE[0], : SIZE[1]], features_of(0, 3, 3)
    aggregation = Aggregation()
    assert aggregation.state() == {}
    aggregation.mix(features[:1], [frame(light)])
    aggregation.mix(features[1:2], [frame(light, STILL)])
    state = aggregation.state()
    former = {
        name.replace("bottleneck_", "seen_").replace("bottleneck", "seen"): value for name, value in state.items()
    }
    expected = aggregation.mix(features[2:], [frame(light, STILL)])
    for each in ({**state, "other": np.zeros(1)}, former):
        np.testing.assert_array_equal(Aggregation.restored(each).mix(features[2:], [frame(light, STILL)]), expected)
    assert Aggregation.restored({}).state() == {}
    with pytest.raises(ValueError, match=r"bottleneck \(3, 3\).* colour the film anew"):
        Aggregation.restored({**state, "bottleneck": np.zeros((3, 3), np.float32)})
    with pytest.raises(KeyError, match="bottleneck_grey"):
        Aggregation.restored({"bottleneck": np.zeros((1, 3, 2, 3), np.float32)})


def test_a_cell_that_can_be_followed_by_half_counts_half() -> None:
    confidence = np.zeros((64, 64), np.float32)
    confidence[:, :16] = 1
    motion = Motion(np.zeros((64, 64, 2), np.float32), confidence)
    _, cells = warp_features(np.zeros((1, 1, 2, 2), np.float32), motion, confidence)
    np.testing.assert_allclose(cells[0, 0], [[0.5, 0], [0.5, 0]], atol=1e-6)
