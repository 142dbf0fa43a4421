"""Feature aggregation: one decision for a scene, and nothing from another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from support.motion import SIZE, STEADY, as_input, flicker, pan, texture
from torch import Tensor

from colorize.engine import Colorizer
from colorize.motion import FlowFinder, TemporalOptions, TemporalPainter
from colorize.motion.aggregation import HISTORY_SHARE, Aggregation, track_predicted, warp_features
from colorize.motion.anchors import Frame
from colorize.motion.cuts import Thumbnail
from colorize.motion.flow import Motion
from colorize.network import Generator

CELLS = (SIZE[0] // 32, SIZE[1] // 32)
STILL = Motion(np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.float32))


class Wavering:
    """A stand-in for a Colorizer: features are the lightness of each cell, and noise; colours follow."""

    def __init__(self, recalls: bool = True) -> None:
        self.recalls = recalls
        self._random = torch.Generator().manual_seed(0)

    def predict_ab(
        self, inputs: Sequence[Tensor], hint_maps: object = None, recall: Callable[[Tensor], Tensor] | None = None
    ) -> list[np.ndarray]:
        features = torch.nn.functional.avg_pool2d(torch.cat(list(inputs)), 32)
        features = features + torch.randn(features.shape, generator=self._random)
        if recall is not None and self.recalls:
            features = recall(features)
        maps = features[:, 0].repeat_interleave(32, 1).repeat_interleave(32, 2).numpy() * 10
        return [np.dstack([ab, ab]) for ab in maps]


def frame(light: np.ndarray, to_predicted: Motion | None = None) -> Frame:
    grey = np.rint((light + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return Frame(as_input(light), grey, Thumbnail.of(grey), to_predicted=to_predicted)


@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (-3, 1)])
def test_features_are_warped_by_whole_cells(shift: tuple[int, int]) -> None:
    x, y = shift
    features = torch.randn(1, 5, 8, 10)
    field = np.broadcast_to(np.array([32 * x, 32 * y], np.float32), (256, 320, 2)).copy()
    motion = Motion(field, np.ones((256, 320), np.float32))
    warped, confidence = warp_features(features, motion, np.full((256, 320), 0.5, np.float32))
    expected = torch.roll(features, (-y, -x), (2, 3))
    inside = np.s_[:, :, max(0, -y) : 8 - max(0, y), max(0, -x) : 10 - max(0, x)]
    torch.testing.assert_close(warped[inside], expected[inside], atol=1e-4, rtol=0)
    assert torch.allclose(confidence, torch.full((1, 1, 8, 10), 0.5))


def test_a_still_scene_settles_on_the_mean() -> None:
    light = texture(1)[: SIZE[0], : SIZE[1]]
    aggregation, true, noise = Aggregation(), torch.randn(1, 7, *CELLS), torch.Generator().manual_seed(1)
    results = [
        aggregation.recall(true + torch.randn(true.shape, generator=noise), [frame(light, STILL if index else None)])
        for index in range(80)
    ]
    error = torch.stack([(result - true).square().mean().sqrt() for result in results[40:]]).mean()
    # The weights (1 - k) k^n of independent noise leave a standard deviation of sqrt((1 - k) / (1 + k)), .23 at .9.
    assert error < 1.25 * ((1 - HISTORY_SHARE) / (1 + HISTORY_SHARE)) ** 0.5
    assert (results[0] - true).square().mean().sqrt() > 0.7


def test_where_a_scene_begins_or_nothing_can_be_followed_a_frame_keeps_its_own() -> None:
    aggregation, first, second = Aggregation(), torch.randn(1, 3, *CELLS), torch.randn(1, 3, *CELLS)
    aggregation.recall(first, [frame(texture(2)[: SIZE[0], : SIZE[1]])])
    torch.testing.assert_close(aggregation.recall(second, [frame(texture(3)[: SIZE[0], : SIZE[1]])]), second)
    lost = Motion(STILL.field, np.zeros(SIZE, np.float32))
    torch.testing.assert_close(aggregation.recall(first, [frame(texture(3)[: SIZE[0], : SIZE[1]], lost)]), first)


def test_a_batch_is_taken_in_order() -> None:
    light, features = texture(4)[: SIZE[0], : SIZE[1]], torch.randn(4, 3, *CELLS)
    frames = [frame(light), *(frame(light, STILL) for _ in range(3))]
    one_by_one, at_once = Aggregation(), Aggregation()
    expected = torch.cat([one_by_one.recall(own, [each]) for own, each in zip(features.split(1), frames, strict=True)])
    torch.testing.assert_close(at_once.recall(features, frames), expected)


def test_a_scene_that_fades_in_is_decided_by_its_bright_frames() -> None:
    light = texture(5)[: SIZE[0], : SIZE[1]]
    dark, bright = torch.full((1, 2, *CELLS), -1.0), torch.full((1, 2, *CELLS), 1.0)
    aggregation = Aggregation()
    for index in range(10):
        aggregation.recall(dark, [frame((light + 1) * 0.05 - 1, STILL if index else None)])
    for _ in range(3):
        result = aggregation.recall(bright, [frame(light, STILL)])
    assert result.mean() > 0.5
    steady = Aggregation()
    for index in range(10):
        steady.recall(dark, [frame(light, STILL if index else None)])
    assert steady.recall(bright, [frame(light, STILL)]).mean() < -0.5


@pytest.mark.parametrize("options", STEADY, ids=str)
@pytest.mark.parametrize("speed", [0, 1])
def test_a_wavering_network_wavers_less(options: TemporalOptions, speed: int) -> None:
    inputs = pan(6, 60, speed)
    steady, alone = (
        list(TemporalPainter(Wavering(recalls), options).predict_ab(inputs))  # type: ignore[arg-type]
        for recalls in (True, False)
    )
    assert flicker(steady[20:], speed) < 0.85 * flicker(alone[20:], speed)


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_predicted_frames_have_the_motion_to_the_one_before(options: TemporalOptions) -> None:
    inputs, speed, motions = pan(7, 40, 2), 2, []

    class Recorder(Wavering):
        def predict_ab(
            self, inputs: Sequence[Tensor], hint_maps: object = None, recall: object = None
        ) -> list[np.ndarray]:
            motions.extend(each.to_predicted for each in recall.keywords["frames"])  # type: ignore[attr-defined]
            return super().predict_ab(inputs)

    painter = TemporalPainter(Recorder(), options)  # type: ignore[arg-type]
    list(painter.predict_ab(inputs))
    assert len(motions) == painter.network_frames > 4
    assert motions[0] is None
    middle = [motion.field[20:44, 30:66] for motion in motions[1:]]
    gaps = [float(np.median(field[..., 0])) / speed for field in middle]
    # Together the motions lead from the last frame to the first: none is skipped, none taken twice.
    assert sum(gaps) == pytest.approx(39, abs=1.5)
    assert all(abs(gap - round(gap)) < 0.2 and gap > 0.5 for gap in gaps)


def test_an_interval_without_predicted_frames_inside_leads_to_the_anchor() -> None:
    wide = np.rint((texture(8) + 1) * 127).astype(np.uint8)
    greys = [wide[20 : 20 + SIZE[0], 3 * index : 3 * index + SIZE[1]] for index in range(4)]
    interval = [Frame(torch.zeros(1, 1, *SIZE), grey, Thumbnail.of(grey)) for grey in greys]
    for before, now in zip(greys, interval[1:], strict=False):
        now.backward_flow, now.forward_flow = FlowFinder().between(before, now.grey)
    for each in interval[1:]:
        each.to_anchor = STILL
    interval[2].needs_network = interval[3].needs_network = True
    track_predicted(interval[1:])
    assert interval[1].to_predicted is None
    assert interval[2].to_predicted is STILL
    assert interval[3].to_predicted is interval[3].backward_flow


def test_features_are_recalled_for_a_film_and_not_for_photographs(small_generator: Generator) -> None:
    colorizer = Colorizer(small_generator, device="cpu", render_size=64, precision=torch.float32)
    inputs = pan(9, 3, 0)
    shapes: list[tuple[int, ...]] = []

    def recall(features: Tensor) -> Tensor:
        shapes.append(tuple(features.shape))
        return torch.zeros_like(features)

    recalled, alone = colorizer.predict_ab(inputs, recall=recall), colorizer.predict_ab(inputs)
    assert shapes == [(3, small_generator.encoder.channels[-1], *CELLS)]
    assert np.abs(recalled[0] - alone[0]).max() > 0.1


def test_a_state_brings_it_back_and_another_is_refused() -> None:
    light = texture(10)[: SIZE[0], : SIZE[1]]
    aggregation, features = Aggregation(), torch.randn(3, 3, *CELLS)
    assert aggregation.state() == {}
    aggregation.recall(features[:1], [frame(light)])
    aggregation.recall(features[1:2], [frame(light, STILL)])
    again = Aggregation.restored({**aggregation.state(), "other": np.zeros(1)})
    went_on, resumed = (each.recall(features[2:], [frame(light, STILL)]) for each in (aggregation, again))
    torch.testing.assert_close(resumed, went_on, atol=0, rtol=0)
    assert Aggregation.restored({}).state() == {}
    with pytest.raises(ValueError, match=r"seen \(3, 3\).* colour the film anew"):
        Aggregation.restored({**aggregation.state(), "seen": np.zeros((3, 3), np.float32)})
    with pytest.raises(KeyError, match="seen_grey"):
        Aggregation.restored({"seen": np.zeros((1, 3, 2, 3), np.float32)})


def test_a_cell_that_can_be_followed_by_half_counts_half() -> None:
    confidence = np.zeros((64, 64), np.float32)
    confidence[:, :16] = 1
    motion = Motion(np.zeros((64, 64, 2), np.float32), confidence)
    _, cells = warp_features(torch.zeros(1, 1, 2, 2), motion, confidence)
    np.testing.assert_allclose(cells[0, 0], [[0.5, 0], [0.5, 0]], atol=1e-6)
