"""Pictures in colour are told from grey and toned ones, whatever small coloured thing or noise these have."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.data

from colorize.color import is_grey, lab_to_rgb, measure_color, rgb_to_lightness

NAMES = ("astronaut", "coffee", "chelsea", "rocket")
COLORS = [(220, 30, 30), (255, 140, 40), (240, 230, 40), (40, 160, 60), (40, 60, 160), (150, 40, 160)]


def colored(name: str) -> np.ndarray:
    return getattr(skimage.data, name)()[::2, ::2]


def from_lab(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return lab_to_rgb(np.dstack([lightness, a, b]).astype(np.float32))


def grey(lightness: np.ndarray) -> np.ndarray:
    return from_lab(lightness, 0 * lightness, 0 * lightness)


def sepia(lightness: np.ndarray) -> np.ndarray:
    bow = 1 - (lightness / 50 - 1) ** 2
    return from_lab(lightness, 8 * bow, 20 * bow)


def cyanotype(lightness: np.ndarray) -> np.ndarray:
    dark = 1 - lightness / 100
    return from_lab(15 + 0.8 * lightness, -8 * dark, -4 - 45 * dark * np.sqrt(1.1 - dark))


def two_tones(lightness: np.ndarray) -> np.ndarray:
    step = np.tanh(6 * (lightness / 100 - 0.5))
    return from_lab(5 + 0.9 * lightness, 5 * step, 22 * step)


def unevenly_yellowed(lightness: np.ndarray) -> np.ndarray:
    x = np.linspace(0.3, 1, lightness.shape[1])
    return from_lab(10 + 0.85 * lightness, x * (4 + lightness / 10), x * (8 + lightness / 4))


TONES = [grey, sepia, cyanotype, two_tones, unevenly_yellowed]
Tone = Callable[[np.ndarray], np.ndarray]


def with_patch(picture: np.ndarray, share: float, color: tuple[int, int, int]) -> np.ndarray:
    picture = picture.copy()
    height, width = (round(side * share**0.5) for side in picture.shape[:2])
    picture[12 : 12 + height, -12 - width : -12] = color
    return picture


def with_chroma_noise(picture: np.ndarray, deviation: float) -> np.ndarray:
    """Add noise of the Cb and Cr of a tape, whose blots are wider than high."""
    random = np.random.default_rng(0)
    planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    for channel in (1, 2):
        noise = cv2.resize(random.normal(0, 1, (45, 30)), picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        planes[..., channel] += noise / noise.std() * deviation
    return cv2.cvtColor(planes.round().clip(0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


@pytest.mark.parametrize("name", NAMES)
def test_colour_photographs_are_in_colour(name: str) -> None:
    picture = colored(name)
    assert not is_grey(picture)
    assert not is_grey(picture.astype(np.uint16) * 257)
    assert not is_grey(with_chroma_noise(picture, 6))
    large = cv2.resize(picture, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert measure_color(large).ratio == pytest.approx(measure_color(picture).ratio, rel=0.1)


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("name", NAMES)
def test_grey_and_toned_photographs_are_grey_with_a_patch_of_any_colour(name: str, tone: Tone) -> None:
    picture = tone(rgb_to_lightness(colored(name)))
    assert is_grey(picture)
    for color in COLORS:
        for share in (0.005, 0.05):
            assert is_grey(with_patch(picture, share, color)), (color, share)


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("name", NAMES[:3])
def test_grey_and_toned_photographs_with_noise_are_grey(name: str, tone: Tone) -> None:
    picture = tone(rgb_to_lightness(colored(name)))
    for deviation in (3, 6):
        assert is_grey(with_chroma_noise(picture, deviation)), deviation
    grain = np.random.default_rng(0).normal(0, 12, picture.shape)
    assert is_grey((picture + grain).round().clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("share", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("side", [120, 256, 1200])
def test_the_share_of_a_patch_is_told(share: float, side: int) -> None:
    picture = cv2.resize(sepia(rgb_to_lightness(colored("astronaut"))), (side, side), interpolation=cv2.INTER_AREA)
    measure = measure_color(with_patch(picture, share, (40, 60, 160)))
    assert measure.patch_share == pytest.approx(share, rel=0.25)
    assert measure_color(picture).patch_share == 0


def test_a_border_of_one_colour_leaves_a_photograph_grey() -> None:
    picture = grey(rgb_to_lightness(colored("coffee")))
    for rows, columns in (np.s_[:, :14], np.s_[-10:, :]):
        bordered = picture.copy()
        bordered[rows, columns] = (200, 40, 30)
        assert is_grey(bordered)
    framed = cv2.copyMakeBorder(picture, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(200, 40, 30))
    assert is_grey(framed)


def test_two_colours_or_a_large_patch_are_in_colour() -> None:
    picture = grey(rgb_to_lightness(colored("coffee")))
    assert not is_grey(with_patch(picture, 0.15, (220, 30, 30)))
    for index, color in enumerate(COLORS):
        picture[20:60, 10 + 45 * index : 50 + 45 * index] = color
    assert not is_grey(picture)


def test_smooth_colours_are_no_cast() -> None:
    y, x = np.mgrid[:64, :64] * 4
    assert not is_grey(np.dstack([y, 255 - x, x]).astype(np.uint8))


@pytest.mark.parametrize("name", NAMES[:3])
def test_weak_colours_are_in_colour_and_none_are_not(name: str) -> None:
    grey_copy = grey(rgb_to_lightness(colored(name))).astype(float)
    ratios = []
    for strength in (0, 0.5, 1):
        picture = (grey_copy + strength * (colored(name) - grey_copy)).round().astype(np.uint8)
        ratios.append(measure_color(picture).ratio)
    assert ratios[0] < 0.5
    assert min(ratios[1:]) > 1


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (5, 5, 3), (2, 3000, 3), (40, 40)])
def test_tiny_and_plain_pictures_are_grey(shape: tuple[int, ...]) -> None:
    assert is_grey(np.zeros(shape, np.uint8))
    assert is_grey(np.full(shape, 200, np.uint16))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (5, 5, 3)])
def test_tiny_pictures_have_a_finite_measure(shape: tuple[int, ...]) -> None:
    assert np.isfinite(measure_color(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)).ratio)
