"""Layers whose gradients are computed in another way: the same answers and gradients as PyTorch's own layers have."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from training.fast_gradients import compute_weight_gradients_by_planes, remember_what_relu6_gave


def gradients(body: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Return the answer to x, the gradient of x and those of the weights that train."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    answer = body(x)
    (answer * torch.linspace(-1, 1, answer.numel()).view_as(answer)).sum().backward()
    return [answer, x.grad, *(p.grad for p in body.parameters() if p.requires_grad)]


@pytest.mark.parametrize("frozen", [(), ("0.weight", "0.bias"), ("2.weight", "2.bias")], ids=["none", "first", "last"])
def test_weight_gradients_by_planes_are_pytorchs(frozen):
    torch.manual_seed(0)
    own = nn.Sequential(nn.Conv2d(5, 12, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(12, 7, 3, padding=1))
    own.to(memory_format=torch.channels_last)
    for name, parameter in own.named_parameters():
        parameter.requires_grad_(name not in frozen)
    other = copy.deepcopy(own)
    compute_weight_gradients_by_planes(other)
    assert list(other.state_dict()) == list(own.state_dict())
    x = torch.randn(2, 5, 9, 14).to(memory_format=torch.channels_last)
    for got, wanted in zip(gradients(other, x), gradients(own, x), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_a_relu6_that_remembers_what_it_gave_has_pytorchs_gradient():
    own = nn.Sequential(nn.ReLU6(inplace=True), nn.Identity())
    other = copy.deepcopy(own)
    remember_what_relu6_gave(other)
    x = torch.tensor([[-3.0, 0.0, 0.1, 5.9, 6.0, 6.1]]) + 0.0  # at 0 and 6 too, where the gradient jumps

    def run(body: nn.Module) -> list[torch.Tensor]:
        return gradients(nn.Sequential(nn.Hardtanh(-100, 100), body), x)  # a leaf cannot be changed in place

    for got, wanted in zip(run(other), run(own), strict=True):
        assert torch.equal(got, wanted)
    with torch.no_grad():
        assert torch.equal(other(x.clone()), own(x.clone()))
