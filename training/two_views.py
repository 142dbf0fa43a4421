"""Two views of one photograph, as neighbouring frames of a film are: moved a little, under other grain.

A network that gives them the same colours does not flicker in films. Part of a batch are second views: its last
pictures are the first ones once more, each moved in one of eight directions, and the agreement loss compares the two.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from training.degradation import grain

MOTION = 3  # pixels of the network's grid, or the least more that are whole ones in the truth's too
GRAIN = 0.02, 0.09  # least and most of a second view's own, in units of the lightness -1..1
DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))  # rows, columns


def count_views(count: int, share: float) -> int:
    """Return how many pictures of a batch have a second view in it, at most half of them.

    Args:
        count: Pictures of the batch.
        share: Of the pictures that are one of two views, 0..1.
    """
    return int(count * share / 2)


def add_second_views(lab: Tensor, share: float, size: int) -> Tensor:
    """Return a batch whose last pictures are the first ones, moved; what moves in is the border's.

    Args:
        lab: (B, C, P, P).
        share: Of the pictures that are one of two views, 0..1.
        size: Side S of the network's grid, S <= P; the motion is of whole pixels in both.
    """
    count = count_views(len(lab), share)
    if not count:
        return lab
    step = motion_of_views(size, lab.shape[-1]) * lab.shape[-1] // size
    return torch.cat([lab[:-count], _moved(lab[:count], step)])


def share_damage(lightness: Tensor, share: float, large: int, random: torch.Generator) -> Tensor:
    """Return the network's inputs, the second views as damaged as the first ones, with grain of their own besides.

    Args:
        lightness: (B, 1, S, S) in -1..1, degraded or not.
        share: Of the pictures that are one of two views, 0..1.
        large: Side P of the truth.
        random: The source of randomness, on lightness's device; not used if there is no second view.
    """
    count = count_views(len(lightness), share)
    if not count:
        return lightness
    step = motion_of_views(lightness.shape[-1], large)
    strength = torch.empty(count, 1, 1, 1, device=lightness.device).uniform_(*GRAIN, generator=random)
    second = _moved(lightness[:count], step) + grain(lightness[:count].shape, random) * strength
    return torch.cat([lightness[:-count], second.clamp(-1, 1)])


def agreement_loss(ab: Tensor, share: float, large: int) -> Tensor:
    """Return the Huber distance between the predictions for the two views of each pair, in units of 0.1.

    Args:
        ab: (B, 2, S, S), predicted for a batch of ``add_second_views``.
        share: The same as there.
        large: Side P of the truth.

    Returns:
        A scalar; 0 where the batch is too small for a pair.
    """
    count = count_views(len(ab), share)
    if not count:
        return ab.new_zeros(())
    side = ab.shape[-1]
    step = motion_of_views(side, large)
    inner = (..., slice(step, side - step), slice(step, side - step))  # what both views show
    return F.huber_loss(_moved(ab[:count], step)[inner] * 10, ab[-count:][inner] * 10, delta=1.0)


def motion_of_views(size: int, large: int) -> int:
    """Return by how many pixels of the network's grid views are moved, which is a whole number of the truth's pixels.

    Args:
        size: Side S of the network's grid.
        large: Side P of the truth.
    """
    step = size // math.gcd(size, large)
    return step * -(-MOTION // step)


def _moved(pictures: Tensor, step: int) -> Tensor:
    """Return pictures (n, C, H, W), each moved by ``step`` pixels in a direction that its place decides."""
    padded = F.pad(pictures, (step,) * 4, mode="replicate")
    height, width = pictures.shape[2:]
    moved = torch.empty_like(pictures)
    for place, (down, right) in enumerate(DIRECTIONS):
        top, left = step * (1 - down), step * (1 - right)
        moved[place :: len(DIRECTIONS)] = padded[place :: len(DIRECTIONS), :, top : top + height, left : left + width]
    return moved
