"""The metrics of single pictures and of many against cases worked by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from skimage import data
from skimage.color import deltaE_ciede2000
from support.lab import checker, flat_lab

from colorize.color import lab_to_rgb
from training import metrics


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    return data.coffee()[100:228, 200:392]


class TestPsnr:
    def test_of_one_level_everywhere(self, coffee: np.ndarray) -> None:
        darker = np.clip(coffee, 1, 255) - 1
        assert metrics.psnr(darker.astype(np.uint8), np.clip(coffee, 1, 255)) == pytest.approx(20 * np.log10(255))

    def test_of_equal_pictures_is_infinite(self, coffee: np.ndarray) -> None:
        assert metrics.psnr(coffee, coffee.copy()) == float("inf")


class TestCiede2000:
    def test_of_a_published_pair(self) -> None:
        # Sharma, Wu and Dalal 2005, table 1, pair 1.
        one, other = flat_lab(50, 2.6772, -79.7751), flat_lab(50, 0, -82.7485)
        assert metrics.ciede2000(one, other) == pytest.approx(2.0425, abs=1e-3)

    def test_in_strips_is_the_whole_picture_s(self) -> None:
        random = np.random.default_rng(0)
        shape = (metrics.STRIP * 2 + 7, 9, 3)
        one, other = (random.uniform((0, -80, -80), (100, 80, 80), shape).astype(np.float32) for _ in range(2))
        whole = deltaE_ciede2000(other.astype(np.float64), one.astype(np.float64)).mean()
        assert metrics.ciede2000(one, other) == pytest.approx(whole, abs=1e-4)


class TestColourfulness:
    def test_of_two_pixels_worked_by_hand(self) -> None:
        # rg = +-100 and yb = +-150 with means of 0; the absolute values do not deviate, their means are 100 and 150.
        picture = np.uint8([[[200, 100, 0], [0, 100, 200]]])
        assert metrics.colourfulness(picture) == pytest.approx(np.hypot(100, 150))
        assert metrics.colourfulness(picture, absolute=True) == pytest.approx(0.3 * np.hypot(100, 150))

    def test_of_one_colour_is_its_mean(self) -> None:
        picture = np.full((3, 4, 3), (130, 90, 70), np.uint8)
        assert metrics.colourfulness(picture) == pytest.approx(0.3 * np.hypot(40, 40))

    @given(st.integers(0, 2**32 - 1))
    def test_of_grey_is_0(self, seed: int) -> None:
        grey = np.random.default_rng(seed).integers(0, 256, (5, 7, 1), np.uint8).repeat(3, axis=2)
        assert metrics.colourfulness(grey) == 0
        assert metrics.colourfulness(grey, absolute=True) == 0


class TestRampFree:
    @settings(deadline=None)
    @given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1))
    def test_plane_is_the_least_squares_one(self, height: int, width: int, seed: int) -> None:
        lab = np.random.default_rng(seed).uniform(-60, 60, (height, width, 3)).astype(np.float32)
        y, x = np.mgrid[:height, :width]
        plane = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
        ab = lab[..., 1:].reshape(-1, 2).astype(np.float64)
        residual = ab - plane @ np.linalg.lstsq(plane, ab, rcond=None)[0] + ab.mean(axis=0)
        result = metrics.without_ramp(lab)
        np.testing.assert_allclose(result[..., 1:].reshape(-1, 2), residual, atol=1e-3)
        np.testing.assert_array_equal(result[..., 0], lab[..., 0])

    def test_a_ramp_loses_nearly_all(self) -> None:
        lab = flat_lab(60, 0, 0)
        lab[..., 1:] = np.linspace(-1, 1, 24)[:, None, None] * np.float32([12, 40])  # blue top, brown bottom
        before = metrics.colourfulness(lab_to_rgb(lab))
        assert before > 30
        assert metrics.ramp_free_colourfulness(lab) < 0.05 * before

    def test_a_checker_keeps_nearly_all(self) -> None:
        lab = checker((30, 20), (-30, 0))
        before = metrics.colourfulness(lab_to_rgb(lab))
        assert metrics.ramp_free_colourfulness(lab) == pytest.approx(before, rel=0.02)


def test_top1_gain_is_the_share_of_the_gap() -> None:
    assert metrics.top1_gain(0.622, 0.597, 0.789) == pytest.approx(0.13, abs=0.001)
    assert metrics.top1_gain(0.5, 0.6) == pytest.approx(-0.25)
    assert np.isnan(metrics.top1_gain(1.0, 1.0))


class TestFrechetDistance:
    @staticmethod
    def sample(mean: np.ndarray, covariance: np.ndarray, count: int, seed: int) -> np.ndarray:
        """Return rows that have exactly this mean and covariance."""
        noise = np.random.default_rng(seed).standard_normal((count, len(mean)))
        noise -= noise.mean(axis=0)
        white = noise @ np.linalg.inv(np.linalg.cholesky(np.cov(noise.T)).T)
        return mean + white @ np.linalg.cholesky(covariance).T

    def test_of_shifted_means(self) -> None:
        covariance = np.diag([1.0, 2.0, 3.0])
        one = self.sample(np.zeros(3), covariance, 20, 0)
        other = self.sample(np.array([3.0, 4.0, 0.0]), covariance, 30, 1)
        assert metrics.frechet_distance(one, other) == pytest.approx(25)

    def test_of_different_deviations(self) -> None:
        one = self.sample(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 20, 0)
        other = self.sample(np.zeros(3), np.diag([4.0, 4.0, 1.0]), 20, 1)
        assert metrics.frechet_distance(one, other) == pytest.approx((2 - 1) ** 2 + 0 + (3 - 1) ** 2)

    def test_of_covariances_that_do_not_commute(self) -> None:
        first, second = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[5.0, -2.0], [-2.0, 1.0]])
        one, other = self.sample(np.zeros(2), first, 9, 0), self.sample(np.zeros(2), second, 12, 1)
        expected = np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
        assert metrics.frechet_distance(one, other) == pytest.approx(expected)

    def test_with_fewer_pictures_than_features(self) -> None:
        # Columns that are always 0 change nothing but make the covariance singular and take the other branch.
        random = np.random.default_rng(0)
        one, other = random.random((6, 4)), random.random((7, 4)) * 2
        padded = [np.pad(features, ((0, 0), (0, 40))) for features in (one, other)]
        assert metrics.frechet_distance(padded[0], padded[1]) == pytest.approx(metrics.frechet_distance(one, other))

    def test_to_itself_is_0(self) -> None:
        features = np.random.default_rng(0).random((8, 30)).astype(np.float32)
        assert metrics.frechet_distance(features, features[::-1]) == pytest.approx(0, abs=1e-9)

    def test_refuses_one_picture_and_other_features(self) -> None:
        with pytest.raises(ValueError, match="at least two"):
            metrics.frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
        with pytest.raises(ValueError, match="3 and 4 columns"):
            metrics.frechet_distance(np.zeros((5, 3)), np.zeros((5, 4)))


class TestHistogram:
    def test_grey_with_rounding_noise_is_one_bin(self) -> None:
        noise = np.random.default_rng(0).uniform(-0.01, 0.01, (24, 32, 2))
        counts = metrics.ab_histogram(np.dstack([np.full((24, 32), 50), noise]))
        assert counts.sum() == counts.max() == 24 * 32

    def test_counts_each_colour_in_its_bin(self) -> None:
        counts = metrics.ab_histogram(np.float32([[[50, 42, -110], [50, 42, -110], [50, -87, 94]]]))
        assert counts[11 + 4, 0] == 2
        assert counts[11 - 9, 11 + 9] == 1

    def test_distance_worked_by_hand(self) -> None:
        one, both, other = np.array([[4, 0]]), np.array([[3, 3]]), np.array([[0, 9]])
        assert metrics.histogram_distance(one, one * 7) == pytest.approx(0)
        assert metrics.histogram_distance(one, other) == pytest.approx(1)
        mixture = -0.75 * np.log2(0.75) - 0.25 * np.log2(0.25)
        assert metrics.histogram_distance(one, both) == pytest.approx(mixture - 0.5 * 1)


class TestBleeding:
    @staticmethod
    def halves() -> np.ndarray:
        """Return a Lab picture whose lightness and ab change at the same edge."""
        lab = flat_lab(30, 40, 20)
        lab[:, 16:] = (70, -30, -20)
        return lab

    def test_rises_as_ab_is_blurred_over_the_edge(self) -> None:
        lab = self.halves()
        figures = [metrics.bleeding(lab, lab[..., 0])]
        for sigma in (1, 3):
            blurred = np.dstack([lab[..., 0], cv2.GaussianBlur(lab[..., 1:], (0, 0), sigma)])
            figures.append(metrics.bleeding(blurred, lab[..., 0]))
        assert figures[0] == 0
        assert figures[0] < figures[1] < figures[2]

    def test_of_a_slope_worked_by_hand(self) -> None:
        lab = flat_lab(50, 0, 0)
        lab[..., 1] = 0.3 * np.arange(32)
        lab[..., 2] = 0.4 * np.arange(24)[:, None]
        assert metrics.bleeding(lab, lab[..., 0]) == pytest.approx(0.5, rel=1e-4)

    def test_without_a_flat_place_is_nan(self) -> None:
        lab = flat_lab(0, 10, 10)
        lab[..., 0] = 2 * np.arange(32)
        assert np.isnan(metrics.bleeding(lab, lab[..., 0]))
