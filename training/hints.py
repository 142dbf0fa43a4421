"""Random colour hints for training: none, points as a user sets them, or dense ones as from a film's previous frame."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from training.selection import draw_count, on_a_part

POINT_SIZES = (1, 3, 5, 7, 11)  # sides of the square points in pixels
MAX_POINTS = 100  # expected number in a picture with most of them
DENSE_SHARE = 0.35  # of the pictures with hints


def draw_hints(ab: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Return random hints made of the true colours.

    Args:
        ab: (B, 2, H, W), the truth in network units.
        share: Of the pictures that get hints, 0..1.
        random: The source of randomness, on ab's device.

    Returns:
        (B, 3, H, W): ab where a colour is given, elsewhere 0, and the 0/1 mask.
    """
    host = Random(random.initial_seed() + 1)  # the degradation draws from the seed itself

    def hint(part: Tensor) -> Tensor:
        dense = draw_count(len(part), DENSE_SHARE, host)
        # Neighbours in a random order share a size, so that few calls do the work of many.
        points = zip(POINT_SIZES, part[dense:].tensor_split(len(POINT_SIZES)), strict=True)
        parts = [dense_hints(part[:dense], random)] if dense else []
        return torch.cat([*parts, *(point_hints(group, size, random) for size, group in points if len(group))])

    return on_a_part(ab, share, host, hint, lambda rest: rest.new_zeros(len(rest), 3, *rest.shape[2:]))


def point_hints(ab: Tensor, size: int, random: torch.Generator) -> Tensor:
    """Return hints (B, 3, H, W) of about 1 to 100 square points a picture, each of the mean true colour under it.

    Few points are more frequent than many.

    Args:
        ab: (B, 2, H, W).
        size: Side of a point in pixels, odd.
        random: The source of randomness, on ab's device.
    """
    count, _, height, width = ab.shape
    exponent = torch.rand(count, 1, 1, 1, generator=random, device=ab.device)
    expected = MAX_POINTS**exponent  # log-uniform in 1..100
    seeds = (
        torch.rand(count, 1, height, width, generator=random, device=ab.device) < expected / (height * width)
    ).float()
    mask = F.max_pool2d(seeds, size, stride=1, padding=size // 2)
    mean = F.avg_pool2d(ab, size, stride=1, padding=size // 2, count_include_pad=False)
    # The colour of the nearest seed, spread over its square; where squares overlap they are averaged.
    weight = F.avg_pool2d(seeds, size, stride=1, padding=size // 2, divisor_override=1).clamp_min(1)
    spread = F.avg_pool2d(mean * seeds, size, stride=1, padding=size // 2, divisor_override=1) / weight
    return torch.cat([spread, mask], dim=1)


def dense_hints(ab: Tensor, random: torch.Generator) -> Tensor:
    """Return hints (B, 3, H, W) that are a warped, recoloured, noisy copy of the truth with holes.

    Args:
        ab: (B, 2, H, W).
        random: The source of randomness, on ab's device.
    """
    count, _, height, width = ab.shape
    device = ab.device

    def smooth(channels: int, cells: int) -> Tensor:
        coarse = torch.randn(count, channels, cells, cells, generator=random, device=device)
        return F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(count, 1, 1, 1, device=device).uniform_(low, high, generator=random)

    identity = torch.eye(2, 3, device=device).expand(count, 2, 3)
    grid = F.affine_grid(identity, [count, 2, height, width], align_corners=False)
    flow = smooth(2, 4) * uniform(0, 0.06)  # in units of half the side: up to about 3 % of it
    copy = F.grid_sample(ab, grid + flow.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)
    copy = copy * uniform(0.8, 1.1) + smooth(2, 2) * uniform(0, 0.04)
    copy = copy + torch.randn(ab.shape, generator=random, device=device) * uniform(0, 0.03)
    mask = (smooth(1, 6) > uniform(-2, 1)).float()  # from hardly any hole to mostly holes
    return torch.cat([copy.clamp(-1, 1) * mask, mask], dim=1)
