"""The figures of an evaluation: hints are true colours, the truth stays hidden, rows are relative to grey and truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.photo_files import boxes_picture

from colorize.color import rgb_to_lab
from training import evaluate
from training.grading import Row
from training.skin import SkinTally


class ObedientColorizer:
    """Stands in for a trained one: colours what is hinted, and the rest with one colour."""

    def __init__(self) -> None:
        self.inputs: list[np.ndarray] = []

    def grid(self, size: tuple[int, int]) -> tuple[int, int]:
        return size

    def predict_full_ab(self, lightness: np.ndarray, hint_map: np.ndarray | None = None) -> np.ndarray:
        self.inputs.append(lightness)
        ab = np.full((*lightness.shape, 2), (5, 10), np.float32)
        if hint_map is not None:
            hinted_ab, mask = hint_map[0, :2].transpose(1, 2, 0) * 110, hint_map[0, 2] > 0
            ab[mask] = hinted_ab[mask]
        return ab


def test_hints_are_true_colours_and_the_truth_is_hidden() -> None:
    truth = boxes_picture(64, 96, 3)  # the network's own grid, so that its hint map has the hints' places
    truth_lab = rgb_to_lab(truth)
    colorizer = ObedientColorizer()
    hints = evaluate.draw_test_hints(truth, seed=7)
    grey, plain, hinted = evaluate.colorize_lightness(colorizer, truth_lab[..., 0], hints)  # type: ignore[arg-type]
    assert all(lightness.ndim == 2 for lightness in colorizer.inputs)  # lightness only
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    for picture in (grey, plain, hinted):
        np.testing.assert_allclose(rgb_to_lab(picture)[..., 0], truth_lab[..., 0], atol=0.8)
    changed = (plain != hinted).any(axis=2)
    y, x = np.mgrid[:64, :96]
    inside = np.any([np.hypot(x - hint.x, y - hint.y) <= 4 for hint in hints], axis=0)
    assert changed.any()
    assert not (changed & ~inside).any()
    before, after = (np.abs(rgb_to_lab(picture) - truth_lab)[inside].mean() for picture in (plain, hinted))
    assert after < 0.5 * before


def test_hints_are_drawn_inside_and_fixed_by_the_seed() -> None:
    truth = np.full((16, 40, 3), (200, 80, 17), np.uint8)
    hints = evaluate.draw_test_hints(truth, seed=1)
    assert len(hints) == 16
    assert {hint.color for hint in hints} == {"#c85011"}
    assert all(4 <= hint.x < 36 and 4 <= hint.y < 12 and hint.radius == 4 for hint in hints)
    assert hints == evaluate.draw_test_hints(truth, seed=1)
    assert hints != evaluate.draw_test_hints(truth, seed=2)


def made_row(psnr: list[float], answers: list[int], shift: float) -> Row:
    figures = [
        {"psnr": value, "colourfulness": 40 + shift, "colourfulness_absolute": 30.0, "ramp_free_colourfulness": 30.0}
        for value in psnr
    ]
    random = np.random.default_rng(0)
    features = [random.random(6) + shift for _ in answers]
    return Row(figures, features, answers, np.ones((23, 23), np.int64), SkinTally(10, 2, 1 + 1j))


def test_summary_is_relative_to_grey_and_truth() -> None:
    infinite = math.inf
    rows = {
        "grey": made_row([20, infinite], [1, 5, 6, 7], 2.0),
        "mine": made_row([24, 26], [1, 2, 6, 7], 1.0),
        "truth": made_row([infinite, infinite], [1, 2, 3, 4], 0.0),
    }
    summary = evaluate.summarize(rows)
    assert [summary[name]["psnr"] for name in rows] == [20, 25, infinite]
    assert [summary[name]["top1"] for name in rows] == [0.25, 0.5, 1]
    assert [summary[name]["top1_gain"] for name in rows] == pytest.approx([0, 1 / 3, 1])
    assert [summary[name]["feature_distance"] for name in rows] == pytest.approx([24, 6, 0], abs=1e-6)
    assert summary["mine"]["feature_distance_ratio"] == pytest.approx(0.25)
    assert summary["mine"]["colourfulness_gap"] == 1
    assert summary["mine"]["ramp_free_share"] == pytest.approx(30 / 41)
    assert summary["mine"]["skin_blue_share"] == 0.2


def test_hint_reduction_in_percent() -> None:
    assert evaluate.hint_reduction(10, 8) == pytest.approx(20)
    assert evaluate.hint_reduction(10, 11) == pytest.approx(-10)
    assert math.isnan(evaluate.hint_reduction(0, 0))
