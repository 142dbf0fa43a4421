"""Predictions rendered as they are used: small colours on full lightness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorize.color import rgb_tensor_to_lab
from training.config import RunConfig
from training.data import Phase, PhotoBatches
from training.objective import GeneratorLoss, LossWeights
from training.photos import Photos
from training.rendering import compose_lab, reduce_lab, save_sample_sheet


@pytest.fixture(scope="module")
def photos():
    pixels = torch.randint(0, 256, (4, 64, 85, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Photos(pixels.numpy(), torch.full((4,), 85).numpy(), torch.zeros(4, dtype=torch.bool).numpy())


def test_the_perceptual_size_gives_the_same_crop_enlarged(photos):
    lightness, hints, lab = PhotoBatches(
        photos, (Phase(32, 8, 4, perceptual_size=64),), 2, 3, hint_prob=1.0, degradation_prob=0.0
    ).batch(0)
    assert lightness.shape == (4, 1, 32, 32) and hints.shape == (4, 3, 32, 32) and lab.shape == (4, 3, 64, 64)
    plain = PhotoBatches(photos, (Phase(64, 8, 4),), 2, 3, hint_prob=1.0, degradation_prob=0.0).batch(0)
    assert torch.equal(lab, plain[2])


def test_lightness_is_kept_and_colours_are_enlarged():
    lab = torch.rand(2, 3, 64, 64)
    ab = torch.rand(2, 2, 32, 32)
    picture = compose_lab(ab, lab)
    assert torch.equal(picture[:, :1], lab[:, :1])
    torch.testing.assert_close(picture[:, 1:].mean(dim=(2, 3)), ab.mean(dim=(2, 3)), rtol=0, atol=0.01)
    assert torch.equal(compose_lab(lab[:, 1:], lab), lab) and reduce_lab(lab, 64) is lab
    torch.testing.assert_close(reduce_lab(lab, 32).mean(dim=(2, 3)), lab.mean(dim=(2, 3)), rtol=0, atol=0.01)


def test_losses_compare_at_the_predictions_size_and_the_gradient_reaches_it():
    lab = torch.rand(2, 3, 64, 64) * 2 - 1
    loss = GeneratorLoss(LossWeights(perceptual=0, distillation=0), None)
    ab = reduce_lab(lab, 32)[:, 1:].clone().requires_grad_()
    value = loss((ab, torch.zeros(2, 1, 1, 1)), lab)
    assert float(value.detach()) == pytest.approx(0, abs=1e-6)
    worse = loss((ab + 0.1, torch.zeros(2, 1, 1, 1)), lab)
    worse.backward()
    assert float(worse.detach()) > 0.1 and ab.grad is not None and float(ab.grad.abs().sum()) > 0


def test_a_sample_sheet_has_grey_predictions_hinted_ones_and_truths(tmp_path):
    lab = rgb_tensor_to_lab(torch.tensor([0.9, 0.5, 0.1]).reshape(1, 3, 1, 1).expand(2, 3, 32, 32))
    hints = torch.cat([lab[:, 1:], torch.ones(2, 1, 32, 32)], dim=1)

    def generator(lightness, hints=None):  # knows nothing but the hints
        return torch.zeros(2, 2, 32, 32) if hints is None else hints[:, :2]

    save_sample_sheet(tmp_path / "sheet.png", generator, (lab[:, :1], hints, lab))
    with Image.open(tmp_path / "sheet.png") as file:
        sheet = np.asarray(file)
    assert sheet.shape == (4 * 32, 2 * 32, 3)
    grey, plain, hinted, truth = sheet[16::32, 0]
    assert np.ptp(grey) <= 1 and (plain == grey).all()
    np.testing.assert_allclose(truth, [230, 128, 26], atol=1)
    assert (hinted == truth).all()


def test_a_sample_sheet_that_cannot_be_written_is_an_error_that_leaves_nothing(tmp_path):
    lab = torch.zeros(1, 3, 32, 32)
    (tmp_path / "sheet.png").mkdir()
    with pytest.raises(OSError, match=r"sheet\.png"):
        save_sample_sheet(tmp_path / "sheet.png", lambda *_: lab[:, 1:], (lab[:, :1], lab, lab))
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize("perceptual_size", [48, 32, 96])
def test_a_perceptual_size_that_does_not_fit_is_an_error(tmp_path, perceptual_size):
    with pytest.raises(
        ValueError, match=f"perceptual_size {perceptual_size}|smaller than the largest picture size {perceptual_size}"
    ):
        RunConfig(
            (tmp_path,),
            tmp_path,
            cache_size=64,
            sizes=(64,),
            perceptual_size=perceptual_size,
            samples=(4,),
            batch_sizes=(2,),
        )
