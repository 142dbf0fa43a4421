"""Which pictures of a batch get hints or damage, chosen on the host: to count them no device has to be waited for."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import torch
from torch import Tensor


def on_a_part(
    batch: Tensor,
    share: float,
    host: Random,
    change: Callable[[Tensor], Tensor],
    leave: Callable[[Tensor], Tensor] = lambda rest: rest,
) -> Tensor:
    """Return a batch in which a function was applied to a share of the pictures, which follow one another.

    Batches are shuffled, so neighbours are as good as any; the first one is drawn, so that two parts are independent.

    Args:
        batch: (B, ...).
        share: Of the pictures that are changed, 0..1; what is left of a picture is drawn.
        host: The source of randomness.
        change: Takes (n, ...) and returns (n, ...), n > 0.
        leave: The same for the others.

    Returns:
        (B, ...).
    """
    count = len(batch)
    chosen, first = draw_count(count, share, host), host.randrange(count)
    if not chosen:
        return leave(batch)
    rolled = batch.roll(-first, 0)
    return torch.cat([change(rolled[:chosen]), leave(rolled[chosen:])]).roll(first, 0)


def draw_count(count: int, share: float, host: Random) -> int:
    """Return ``share * count``, rounded up or down at random so that the mean is right."""
    return min(count, int(share * count + host.random()))
