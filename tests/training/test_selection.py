"""Parts of a batch: the share is right on the mean, two parts are independent, the others are left as they are."""

from __future__ import annotations

from random import Random

import pytest
import torch

from training.selection import on_a_part


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("count", [1, 2, 16])
def test_the_share_is_right_on_the_mean_at_every_place(count, share):
    batch = torch.arange(count) + 1.0
    host = Random(0)
    changed = torch.stack([on_a_part(batch, share, host, torch.neg) for _ in range(2000)])
    assert torch.equal(changed.abs(), batch.expand(2000, count))
    assert ((changed < 0).float().mean(dim=0) - share).abs().max() < 0.05


def test_two_parts_are_independent():
    batch = torch.ones(10)
    host, other = Random(1), Random(2)
    both = [on_a_part(batch, 0.5, host, torch.neg) + on_a_part(batch, 0.5, other, torch.neg) for _ in range(2000)]
    assert ((torch.stack(both) == -2).float().mean() - 0.25).abs() < 0.03
