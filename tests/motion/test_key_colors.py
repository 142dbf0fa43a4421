"""Key frames as they are painted: moved onto their frames, without noise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from colorize.color import Floats, lab_to_rgb, rgb_to_lab
from colorize.motion import Grey, KeyColors

SIZE = (128, 192)


@pytest.fixture
def painted() -> tuple[Floats, Grey]:
    """A key frame (h, w, 3) in Lab with areas of colour and lightness, and its frame."""
    random = np.random.default_rng(0)
    coarse = np.stack([random.uniform(35, 75, (8, 12)), *random.uniform(-22, 22, (2, 8, 12))], axis=-1)
    lab = cv2.resize(coarse.astype(np.float32), SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    lab = rgb_to_lab(lab_to_rgb(cv2.GaussianBlur(lab, (3, 3), 0.6)))
    return lab, np.rint(lab[..., 0] * 2.55).astype(np.uint8)


def tidied(lab: Floats, grey: Grey) -> Floats:
    colors = KeyColors(np.ascontiguousarray(lab[..., 1:]), np.ones(grey.shape, np.float32))
    return colors.tidied(np.ascontiguousarray(lab[..., 0]), grey).ab


def error(ab: Floats, lab: Floats) -> float:
    inside = slice(8, -8), slice(8, -8)
    return float(np.abs(ab[inside] - lab[..., 1:][inside]).mean())


@pytest.mark.parametrize(("x", "y"), [(3, 0), (-2, 1)])
@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_a_shift_and_noise_are_taken_out(painted: tuple[Floats, Grey], x: int, y: int, noise: float) -> None:
    lab, grey = painted
    rough = np.roll(lab, (y, x), axis=(0, 1)) + np.float32([12, 0, 0])
    rough[..., 1:] += np.random.default_rng(1).normal(0, noise, rough[..., 1:].shape)
    assert error(tidied(rough, grey), lab) < 0.35 * error(rough[..., 1:], lab)


@pytest.mark.parametrize("size", [(108, 72), (96, 64)])
def test_noise_of_a_picture_smaller_than_the_grid_is_taken_out(
    painted: tuple[Floats, Grey], size: tuple[int, int]
) -> None:
    lab, grey = painted
    noise = np.random.default_rng(1).normal(0, 6, (*size[::-1], 2)).astype(np.float32)
    rough = lab + np.dstack([np.zeros(SIZE, np.float32), cv2.resize(noise, SIZE[::-1])])
    assert error(tidied(rough, grey), lab) < 0.6 * error(rough[..., 1:], lab)


@pytest.mark.parametrize("lightness", ["own", "flat", "other"])
def test_clean_colours_in_their_place_stay_whatever_the_lightness(painted: tuple[Floats, Grey], lightness: str) -> None:
    lab, grey = painted
    other = {"own": lab[..., 0], "flat": np.full(SIZE, 50, np.float32), "other": lab[::-1, ::-1, 0]}[lightness]
    given = np.dstack([other, lab[..., 1:]]).astype(np.float32)
    np.testing.assert_array_equal(tidied(given, grey), lab[..., 1:])


@pytest.mark.parametrize("size", [(1, 1), (9, 300), (32, 32)])
def test_a_frame_of_any_size(size: tuple[int, int]) -> None:
    lab = np.random.default_rng(0).uniform(0, 40, (*size, 3)).astype(np.float32)
    assert tidied(lab, np.full(size, 100, np.uint8)).shape == (*size, 2)
