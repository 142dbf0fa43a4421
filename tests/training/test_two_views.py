"""Two views of one photograph: the same thing moved, equally damaged, under other grain; where they agree, no loss."""

from __future__ import annotations

import pytest
import torch
from support.photos import write_photos

from colorize.color import lab_tensor_to_rgb
from training.config import RunConfig
from training.data import Phase, PhotoBatches
from training.objective import GeneratorLoss, LossWeights
from training.photos import load_photos
from training.stage_data import prepare_data
from training.two_views import add_second_views, agreement_loss, count_views, motion_of_views, share_damage

ONLY = dict.fromkeys(("content", "perceptual", "colourfulness", "gradient", "distillation"), 0)


@pytest.fixture
def photos(tmp_path):
    write_photos(tmp_path / "photos", 8)
    return load_photos([tmp_path / "photos"], tmp_path / "cache", 64)


@pytest.mark.parametrize(("size", "large"), [(32, 32), (96, 128), (64, 96)])
def test_the_truth_of_a_pair_agrees_on_the_networks_grid_and_nothing_else_does(size, large):
    count = 20
    lab = torch.randn(count, 3, large, large, generator=torch.Generator().manual_seed(1))
    pairs = add_second_views(lab, 0.8, size)
    assert count_views(count, 0.8) == 8 and torch.equal(pairs[:12], lab[:12])
    ab = torch.nn.functional.adaptive_avg_pool2d(pairs[:, 1:], size)
    if large % size == 0:  # else the grid's pixels lie otherwise on the truth's
        assert agreement_loss(ab, 0.8, large) < 1e-10
    assert motion_of_views(size, large) * large % size == 0
    assert agreement_loss(ab.roll(1, 0), 0.8, large) > 0.5
    assert agreement_loss(ab, 0, large) == 0 and add_second_views(lab, 0, size) is lab


def test_second_views_are_damaged_as_the_first_ones_and_have_grain_of_their_own():
    random = torch.Generator().manual_seed(2)
    plain = torch.linspace(-0.8, 0.8, 16).view(16, 1, 1, 1).expand(16, 1, 32, 32)  # each of another lightness
    seen = share_damage(plain, 1.0, 32, random)
    assert torch.equal(seen[:8], plain[:8])
    apart = seen[8:] - plain[:8]
    assert apart.mean((1, 2, 3)).abs().max() < 0.02 and apart.std((1, 2, 3)).min() > 0.01


def test_batches_hold_pairs_without_hints_and_the_validation_none(photos, tmp_path):
    phases = (Phase(32, 8, 8, perceptual_size=64),)
    batch = PhotoBatches(photos, phases, 1, 0, hint_prob=1, degradation_prob=1, two_views=0.5)
    (lightness, hints, lab), again = batch.batch(0), batch.batch(0)
    assert torch.equal(lightness, again[0])
    rgb = lab_tensor_to_rgb(lab)
    step = motion_of_views(32, 64) * 2
    assert torch.equal(rgb[6, :, :, step:], rgb[0, :, :, :-step])  # the first direction is to the right
    assert hints[[0, 1, 6, 7]].abs().sum() == 0 and hints[2:6].abs().sum() > 0
    run = RunConfig((tmp_path / "photos",), tmp_path, sizes=(32,), samples=(8,), batch_sizes=(4,), cache_size=32)
    data = prepare_data(run, 0, 0)
    paired = prepare_data(RunConfig(**{**vars(run), "two_views": 1.0}), 0, 0)
    assert torch.equal(data.valid.batch(0)[2], paired.valid.batch(0)[2])
    assert not torch.equal(data.train.batch(0)[2], paired.train.batch(0)[2])


def test_the_loss_is_of_training_batches_alone_and_needs_views():
    loss = GeneratorLoss(LossWeights(**ONLY, agreement=2), None, two_views=1)
    ab = torch.randn(4, 2, 32, 32, requires_grad=True)
    output, lab = (ab, torch.zeros(4, 1, 1, 1)), torch.zeros(4, 3, 32, 32)
    total = loss(output, lab).item()
    assert total == pytest.approx(2 * agreement_loss(ab, 1, 32).item()) and total > 0
    with torch.no_grad():
        assert loss(output, lab) == 0
    with pytest.raises(ValueError, match="two-views"):
        GeneratorLoss(LossWeights(**ONLY, agreement=1), None)
