"""Batches: a function of seed and step, the truth untouched, degradation and hints as asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.photos import plain_indices, plain_photos, write_photos

from colorize.color import lab_tensor_to_rgb, rgb_tensor_to_lab
from training.data import Phase, PhotoBatches
from training.degradation import degrade, early_film, random_curve
from training.hints import POINT_SIZES, dense_hints, draw_hints, point_hints
from training.photos import Photos, load_photos

PHASES = (Phase(32, 12, 4), Phase(64, 4, 2))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "photos", 9)
    return load_photos([folder / "photos"], folder / "cache", 64, progress=False)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def test_shapes_ranges_and_phases(photos):
    batches = PhotoBatches(photos, PHASES, 3, seed=0)
    sizes = [tuple(batches.batch(step)[0].shape) for step in range(6)]
    assert sizes == [(4, 1, 32, 32)] * 3 + [(2, 1, 64, 64)] * 3
    lightness, hints, lab = batches.batch(0)
    assert hints.shape == lab.shape == (4, 3, 32, 32)
    assert lightness.abs().max() <= 1
    assert lab.abs().max() <= 1 + 1e-5


def test_a_batch_is_a_function_of_seed_and_step(photos):
    first, second = (PhotoBatches(photos, PHASES, 3, seed=5) for _ in range(2))
    first.batch(0)
    for a, b in zip(first.batch(4), second.batch(4), strict=True):
        assert torch.equal(a, b)
    other = PhotoBatches(photos, PHASES, 3, seed=6)
    assert not torch.equal(other.batch(4)[2], first.batch(4)[2])


def test_an_epoch_yields_its_own_steps(photos):
    batches = PhotoBatches(photos, PHASES, 2, seed=0)
    batches.epoch = 1
    for step, batch in zip((2, 3), batches, strict=True):
        assert torch.equal(batch[2], batches.batch(step)[2])


def test_every_photograph_once_a_round():
    plain = plain_photos([""] * 9)
    batches = PhotoBatches(plain, (Phase(32, 20, 4),), 5, seed=3)
    seen = [index for _, _, lab in batches for index in plain_indices(plain, lab)]
    assert sorted(seen[:9]) == sorted(seen[9:18]) == list(range(9))
    assert seen[:9] != seen[9:18]


def test_an_upright_photograph_stands_upright():
    # The upper half red, the lower blue; stored transposed, as the cache keeps upright photographs.
    picture = np.zeros((40, 30, 3), np.uint8)
    picture[:20, :, 0] = picture[20:, :, 2] = 255
    canvas = np.zeros((1, 30, 40, 3), np.uint8)
    canvas[0] = picture.swapaxes(0, 1)
    photos = Photos(canvas, np.array([40]), np.array([True]))
    batches = PhotoBatches(photos, (Phase(32, 8, 1),), 8, seed=0)
    for step in range(8):
        rgb = lab_tensor_to_rgb(batches.batch(step)[2])[0]
        assert rgb.std(dim=2).max() < 0.02  # every row of one colour: the border runs across
        assert rgb[2, -1].mean() >= rgb[2, 0].mean()  # blue below


def test_shares_of_zero_leave_the_input_alone(photos):
    lightness, hints, lab = PhotoBatches(photos, PHASES, 3, 0, hint_prob=0, degradation_prob=0).batch(1)
    assert hints.abs().sum() == 0
    order = lab[0, 0].flatten().argsort()
    assert (lightness[0, 0].flatten()[order].diff() >= 0).all()  # a curve keeps the order of the levels


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_degradation_keeps_range_and_share(seed, share):
    x = torch.linspace(-1, 1, 32 * 32).view(1, 1, 32, 32).expand(8, 1, 32, 32)
    degraded = degrade(x, share, source(seed))
    assert degraded.shape == x.shape
    assert degraded.abs().max() <= 1
    assert torch.isfinite(degraded).all()
    if share == 0:
        assert torch.equal(degraded, x)
    if share == 1:
        assert all(not torch.equal(a, b) for a, b in zip(degraded, x, strict=True))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_early_film_sees_red_dark_and_blue_light(seed):
    rgb = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.4, 0.4, 0.4]]).view(3, 3, 1, 1).expand(3, 3, 16, 16)
    lab = rgb_tensor_to_lab(rgb)
    assert torch.equal(early_film(lab, 0.0, source(seed)), lab[:, :1])
    seen = early_film(lab.repeat(3, 1, 1, 1), 1.0, source(seed)).mean((1, 2, 3)).view(3, 3).mean(0)  # red, blue, grey
    red, blue, grey = lab[:, 0].mean((1, 2))
    assert (
        seen[0] - red < seen[2] - grey < seen[1] - blue
    )  # whatever the exposure, which is the same for all on average
    assert seen[0] < seen[1] and red > blue


def test_early_film_is_on_its_share_of_the_batches(photos):
    plain, early, again = (
        PhotoBatches(photos, PHASES, 3, 0, hint_prob=0, degradation_prob=0, early_film_prob=share).batch(1)
        for share in (0, 1, 1)
    )
    assert torch.equal(early[2], plain[2])  # the truth is left alone
    assert not torch.equal(early[0], plain[0]) and torch.equal(early[0], again[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_curve_keeps_black_white_and_order(seed):
    x = torch.linspace(-1, 1, 64).view(1, 1, 8, 8)
    y = random_curve(x, source(seed)).flatten()
    assert y[0] < -0.9
    assert y[-1] == pytest.approx(1)
    assert (y.diff() >= 0).all()


@pytest.mark.parametrize("size", POINT_SIZES)
def test_points_show_the_true_colour(size):
    ab = torch.tensor([0.3, -0.6]).view(1, 2, 1, 1).expand(4, 2, 48, 48)
    hints = point_hints(ab, size, source(1))
    mask = hints[:, 2:]
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert mask.sum() > 0
    torch.testing.assert_close(hints[:, :2], ab * mask)


def test_points_do_not_reach_further_than_their_size():
    ab = torch.randn(64, 2, 48, 48, generator=source()).clamp(-1, 1)
    mask = point_hints(ab, 1, source(2))[:, 2]
    count = mask.sum(dim=(1, 2))
    assert count.min() < 6  # few as well as many
    assert count.max() > 40


def test_dense_hints_resemble_the_truth_and_have_holes():
    ab = torch.zeros(16, 2, 64, 64)
    ab[:, 0, :, 32:] = 0.5
    hints = dense_hints(ab, source(3))
    mask = hints[:, 2:]
    assert 0.1 < mask.mean() < 0.95
    assert (hints[:, :2] * (1 - mask)).abs().sum() == 0
    assert ((hints[:, :2] - ab).abs() * mask).sum() / mask.sum() < 0.15


def test_about_half_of_the_pictures_have_hints():
    ab = torch.zeros(400, 2, 16, 16)
    hinted = draw_hints(ab, 0.5, source(4))[:, 2].amax(dim=(1, 2))
    assert 0.35 < hinted.mean() < 0.55  # a point may fall nowhere


def test_lab_tensors_come_back():
    rgb = torch.rand(2, 3, 16, 16, generator=source(5))
    torch.testing.assert_close(lab_tensor_to_rgb(rgb_tensor_to_lab(rgb)), rgb, rtol=0, atol=2e-3)
