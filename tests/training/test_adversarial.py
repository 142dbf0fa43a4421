"""The adversarial losses, the critic's schedules and its input."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from training.adversarial import (
    ADVERSARIAL_LOSSES,
    CriticBatches,
    CriticInput,
    CriticLoss,
    accuracy,
    enhance,
    mode_seeking_loss,
)
from training.adversarial_step import MAX_CRITIC_STEPS, SCHEDULES


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
class TestLosses:
    def test_the_critic_wants_real_up_and_generated_down(self, name):
        loss = ADVERSARIAL_LOSSES[name]
        high, low = torch.full((2, 3), 0.9), torch.full((2, 3), -0.9)
        assert loss.critic(high, low) < loss.critic(0 * high, 0 * low) < loss.critic(low, high)

    def test_the_generator_wants_the_opposite(self, name):
        loss = ADVERSARIAL_LOSSES[name]
        logits = torch.zeros(2, 3, requires_grad=True)
        loss.generator(logits).backward()
        assert (logits.grad < 0).all()  # raising them lowers its loss
        logits = torch.zeros(2, 3, requires_grad=True)
        loss.critic(torch.zeros(2, 3), logits).backward()
        assert (logits.grad > 0).all()

    @given(real=st.floats(-50, 50), fake=st.floats(-50, 50))
    def test_finite_and_not_negative(self, name, real, fake):
        value = ADVERSARIAL_LOSSES[name].critic(torch.tensor([[real]]), torch.tensor([[fake]]))
        assert torch.isfinite(value) and value >= 0


def test_accuracy_counts_pictures_by_their_mean_patch():
    logits = torch.tensor([[3.0, -1.0], [1.0, -3.0], [-1.0, -1.0], [0.5, 0.1]])
    assert accuracy(logits, torch.tensor([1.0, 1.0, 0.0, 0.0])) == 0.5


def test_the_critic_loss_splits_the_batch():
    loss = CriticLoss(ADVERSARIAL_LOSSES["hinge"])
    assert loss(torch.tensor([[2.0], [-2.0]]), torch.tensor([1.0, 0.0])) == 0
    assert loss.parts["accuracy"] == 1
    assert loss(torch.tensor([[2.0], [-2.0]]), torch.tensor([0.0, 1.0])) == 3
    assert loss.parts["accuracy"] == 0


@given(factor=st.floats(0, 3))
def test_enhancement_scales_chroma_within_the_range(factor):
    lab = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    result = enhance(lab, factor)
    assert torch.equal(result[:, :1], lab[:, :1])
    torch.testing.assert_close(result[:, 1:], (lab[:, 1:] * factor).clamp(-1, 1))


def test_mode_seeking_does_not_count_tints():
    torch.manual_seed(0)
    ab, latents = torch.zeros(2, 2, 8, 8), torch.randn(2, 2, 4)
    tint, pattern = ab + 0.3, ab + torch.randn(2, 2, 8, 8) * 0.3
    same = mode_seeking_loss(ab, ab, *latents)
    assert mode_seeking_loss(ab, tint, *latents) == pytest.approx(float(same), rel=1e-3)
    assert mode_seeking_loss(ab, pattern, *latents) < same / 5


def test_the_schedules():
    assert not SCHEDULES["alternate"]([], 0) and SCHEDULES["alternate"]([9.0], 0)
    threshold = SCHEDULES["threshold"]
    assert not threshold([], 0.65) and not threshold([0.9, 0.7], 0.65) and threshold([0.9, 0.6], 0.65)
    assert threshold([0.9] * MAX_CRITIC_STEPS, 0.65)  # a critic that cannot win does not keep the generator waiting


def test_the_critic_s_input():
    lab = torch.rand(3, 3, 32, 32) * 0.5
    batch = (lab[:, :1] * 0.9, torch.zeros(3, 3, 32, 32), lab)

    class Photographs:
        epoch, device = 0, torch.device("cpu")

        def __len__(self):
            return 1

        def __iter__(self):
            yield batch

    conv = nn.Conv2d(4, 2, 1)

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = conv

        def forward(self, lightness, hints):
            return self.conv(torch.cat([lightness, hints], dim=1))

    batches = CriticBatches(Photographs(), Generator(), CriticInput(1.2, bf16=False))  # type: ignore[arg-type]
    ((pictures, real),) = batches
    assert pictures.shape == (6, 3, 32, 32) and real.tolist() == [1, 1, 1, 0, 0, 0]
    assert torch.equal(pictures[:, 0], lab[:, 0].repeat(2, 1, 1)), "both kinds have the true lightness"
    torch.testing.assert_close(pictures[:3, 1:], lab[:, 1:] * 1.2)
    assert not pictures.requires_grad and not conv.weight.requires_grad
