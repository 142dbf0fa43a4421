"""The losses: zero at the truth, larger where the prediction is worse, gradients that are finite."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from colorize.color import lab_tensor_to_rgb, rgb_tensor_to_lab
from colorize.network import BINS
from training.losses import (
    colourfulness_loss,
    content_loss,
    distillation_loss,
    gradient_loss,
    perceptual_loss,
    skin_loss,
    skin_mask,
)
from training.objective import GeneratorLoss, LossWeights
from training.skin import skin_mask as measured_skin


@pytest.mark.parametrize("loss", [content_loss, gradient_loss])
def test_zero_at_the_truth_and_growing(loss, rgb):
    ab = rgb_tensor_to_lab(rgb)[:, 1:]
    assert loss(ab, ab) == 0
    assert 0 < loss(ab * 0.8, ab) < loss(ab * 0.2, ab)


def test_the_gradient_loss_sees_bleeding_that_content_hardly_sees():
    truth = torch.zeros(1, 2, 32, 32)
    truth[..., 16:] = 0.4
    bled = torch.nn.functional.avg_pool2d(truth, 9, 1, 4, count_include_pad=False)
    tinted = truth + (bled - truth).abs().mean()  # the same mean error, but as a tint
    assert gradient_loss(bled, truth) > 5 * gradient_loss(tinted, truth)


def test_colourfulness_pulls_from_both_sides(rgb):
    ab = rgb_tensor_to_lab(rgb)[:, 1:]
    assert colourfulness_loss(ab, ab) == 0
    assert colourfulness_loss(0.7 * ab, ab) > 0.1
    assert colourfulness_loss(1.3 * ab, ab) > 0.1


def test_colourfulness_forgives_a_wrong_hue_but_not_grey(rgb):
    ab = rgb_tensor_to_lab(rgb)[:, 1:]
    assert colourfulness_loss(-ab, ab) < 1e-6 < colourfulness_loss(0 * ab, ab)


def test_skin_costs_what_is_blue_on_it_and_nothing_else(rgb):
    lab = rgb_tensor_to_lab(rgb)
    blue = torch.stack([lab[:, 1], -lab[:, 2].abs()], dim=1)
    assert skin_loss(lab[:, 1:], lab) < 1e-4  # some of the true skin is a trace bluish
    assert skin_loss(0 * blue, lab) == 0
    assert 0.01 < skin_loss(0.5 * blue, lab) < skin_loss(blue, lab)
    elsewhere = blue * (1 - skin_mask(lab_tensor_to_rgb(lab), lab[:, 0]))[:, None]
    assert skin_loss(elsewhere, lab) == 0


def test_pictures_without_skin_cost_nothing():
    lab = torch.zeros(1, 3, 8, 8)
    lab[:, 2] = -0.5
    assert skin_loss(lab[:, 1:], lab) == 0


def test_the_losses_skin_is_the_metrics_skin(rgb):
    picture = (rgb[0].permute(1, 2, 0) * 255).round().byte().numpy()
    lab = rgb_tensor_to_lab(rgb[:1])
    seen = skin_mask(rgb[:1], lab[:, 0])[0].bool().numpy()
    expected = measured_skin(picture, (lab[0, 0].numpy() + 1) * 50)
    assert 0.05 < expected.mean() < 0.95
    assert (seen != expected).mean() < 0.03  # OpenCV rounds Y before Cb and Cr


def test_colourfulness_cannot_be_bought_by_a_blotch_elsewhere():
    truth = torch.zeros(1, 2, 64, 64)
    truth[..., :32, :] = 0.2
    blotch = torch.zeros(1, 2, 64, 64)
    blotch[..., -8:, -8:] = 1.0
    assert colourfulness_loss(blotch, truth) > colourfulness_loss(0 * truth, truth)


def test_a_grey_start_has_a_finite_gradient(rgb, teacher):
    lab = rgb_tensor_to_lab(rgb)
    ab = torch.zeros_like(lab[:, 1:]).requires_grad_()
    GeneratorLoss(LossWeights(), teacher)((ab, torch.randn(2, 1280, 4, 4)), lab).backward()
    assert torch.isfinite(ab.grad).all()
    assert ab.grad.abs().sum() > 0


def test_black_and_white_pixels_have_a_finite_gradient():
    lab = rgb_tensor_to_lab(torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 4, 2))
    ab = torch.full((1, 2, 4, 2), 0.3).requires_grad_()
    lab_tensor_to_rgb(torch.cat([lab[:, :1], ab], dim=1)).sum().backward()
    assert torch.isfinite(ab.grad).all()


def test_perceptual_loss_prefers_the_true_colours(rgb, teacher):
    lab = rgb_tensor_to_lab(rgb)
    grey = lab_tensor_to_rgb(torch.cat([lab[:, :1], 0 * lab[:, 1:]], dim=1))
    half = lab_tensor_to_rgb(torch.cat([lab[:, :1], 0.5 * lab[:, 1:]], dim=1))
    seen_in_half, seen_in_grey, wanted = (teacher.inner_features(picture) for picture in (half, grey, rgb))
    assert perceptual_loss(wanted, wanted) == 0
    assert 0 < perceptual_loss(seen_in_half, wanted) < perceptual_loss(seen_in_grey, wanted)


def test_the_distillation_loss_compares_directions_place_by_place():
    torch.manual_seed(0)
    truth = torch.randn(2, 5, 8, 8)
    coarse = torch.nn.functional.avg_pool2d(truth, 2)
    assert distillation_loss(3 * coarse, truth) == pytest.approx(0, abs=1e-6)
    assert distillation_loss(-coarse, truth) == pytest.approx(2, abs=1e-6)
    assert distillation_loss(coarse.flip(3), truth) > 0.5  # the right things in the wrong places


def test_parts_are_those_that_are_weighted(rgb, teacher):
    lab = rgb_tensor_to_lab(rgb)
    loss = GeneratorLoss(LossWeights(content=2, perceptual=0, colourfulness=0, gradient=3, distillation=0), None)
    total = loss((lab[:, 1:] * 0.5, torch.zeros(2, 1, 4, 4)), lab)
    assert set(loss.parts) == {"content", "gradient"}
    assert total == pytest.approx(float(2 * loss.parts["content"] + 3 * loss.parts["gradient"]))


def test_the_deepest_layer_counts_alone(rgb, teacher):
    lab = rgb_tensor_to_lab(rgb)
    weights = LossWeights(content=0, perceptual=0, deepest=2, colourfulness=0, gradient=0, distillation=0)
    loss = GeneratorLoss(weights, teacher)
    total = loss((lab[:, 1:] * 0.5, torch.zeros(2, 1, 4, 4)), lab)
    half = lab_tensor_to_rgb(torch.cat([lab[:, :1], 0.5 * lab[:, 1:]], dim=1))
    seen, truth = (teacher.inner_features(picture)[-1:] for picture in (half, lab_tensor_to_rgb(lab)))
    assert total.item() == pytest.approx(2 * perceptual_loss(seen, truth).item(), rel=1e-4)
    assert set(loss.parts) == {"deepest"}


@pytest.mark.parametrize("without", ["perceptual", "distillation"])
def test_a_missing_teacher_is_an_error(without):
    with pytest.raises(ValueError, match="need a teacher"):
        GeneratorLoss(LossWeights(**{without: 0}), None)


def test_only_the_encoder_learns_from_distillation(rgb, teacher):
    lab = rgb_tensor_to_lab(rgb)
    ab = torch.zeros_like(lab[:, 1:]).requires_grad_()
    guess = torch.randn(2, 1280, 4, 4).requires_grad_()
    weights = LossWeights(content=1e-3, perceptual=0, colourfulness=0, gradient=0, distillation=2)
    loss = GeneratorLoss(weights, teacher)
    loss((ab, guess), lab).backward()
    assert set(loss.parts) == {"content", "distillation"}
    assert guess.grad.abs().sum() > 0


@pytest.mark.slow
def test_compiled_losses_are_the_same(monkeypatch):
    """The graphs that torch.compile takes the losses for compute them; what makes kernels of graphs is not ours."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    weights = LossWeights(perceptual=0, distillation=0, classification=0.5, skin=1, agreement=1)
    torch.manual_seed(0)
    lab = torch.rand(4, 3, 64, 64) * 0.4
    found = []
    for compiled in (False, True):
        torch.manual_seed(1)
        ab, logits = (torch.randn(4, channels, 32, 32).mul(0.1).requires_grad_() for channels in (2, BINS))
        loss = GeneratorLoss(weights, None, two_views=0.5, compiled=compiled)((ab, torch.zeros(1), logits), lab)
        loss.backward()
        found.append((loss.detach(), ab.grad, logits.grad))
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted)
