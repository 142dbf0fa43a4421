"""Bins of the ab plane: the colours whose probabilities a generator with a classifying head predicts.

A regression's best answer to "red or blue" is the grey between them. A classification says how likely each colour is
(Zhang et al. 2016), and what is shown is the expectation, which a sharper distribution moves towards the likeliest.

How far the likely hues agree is known too. Where they do not, the expectation has a weak colour that is right by
chance; where they do, it may be as strong as photographs' colours are. So ``hue_agreement_power`` takes chroma from the
former, and ``training.interpolate --chroma`` gives it to all: sky, foliage and skin become livelier, blotches on cloth
fainter.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from colorize.color import AB_MAX

RINGS = ((0, 1), (6, 6), (13, 8), (22, 10), (33, 12), (47, 12), (65, 9), (90, 6))
"""Chroma of each ring of bins in ab levels, and number of its bins; closest near grey, where most colours are."""
BINS = sum(count for _, count in RINGS)
CHROMA_EPS = 0.01 / AB_MAX  # far below what can be seen


def bin_centres() -> Tensor:
    """Return the centres of the bins, (BINS, 2), in units of 110 ab levels, every other ring turned by half a step."""
    centres = []
    for ring, (chroma, count) in enumerate(RINGS):
        hue = (torch.arange(count) + 0.5 * (ring % 2)) * (2 * math.pi / count)
        centres.append(torch.stack([hue.cos(), hue.sin()], dim=1) * (chroma / AB_MAX))
    return torch.cat(centres)


def bin_areas() -> Tensor:
    """Return the area of the ab plane that belongs to each bin, (BINS,), in units of 110 x 110 ab levels.

    A ring's area reaches half-way to the neighbouring rings; the last ring's as far outwards as inwards.
    """
    chromas = [chroma / AB_MAX for chroma, _ in RINGS]
    edges = [0.0, *((a + b) / 2 for a, b in itertools.pairwise(chromas))]
    edges.append(2 * chromas[-1] - edges[-1])
    areas = []
    for (_, count), (inner, outer) in zip(RINGS, itertools.pairwise(edges), strict=True):
        areas += [math.pi * (outer**2 - inner**2) / count] * count
    return torch.tensor(areas)


class Expectation(nn.Module):
    """The expected colour of logits over the bins; the bins' centres are stored with the weights."""

    centres: Tensor

    def __init__(self, hue_agreement_power: float = 0.0) -> None:
        """Build the layer with the centres of ``bin_centres``.

        Args:
            hue_agreement_power: Power of the hue agreement by which the expected colour is multiplied; 0: the
                expectation itself. The agreement is the length of the expectation over the expected chroma, 0..1: the
                mean resultant length of circular statistics (Mardia and Jupp 2000), weighted by chroma.
        """
        super().__init__()
        self.hue_agreement_power = hue_agreement_power
        self.register_buffer("centres", bin_centres())

    def forward(self, logits: Tensor) -> Tensor:
        # logits (B, BINS, H, W) -> ab (B, 2, H, W) in -1..1
        return expected_ab(logits, self.centres, self.hue_agreement_power).permute(0, 3, 1, 2)


def expected_ab(logits: Tensor, centres: Tensor, hue_agreement_power: float | Tensor) -> Tensor:
    """Return the expected colour of logits, (B, H, W, 2) in -1..1.

    Args:
        logits: (B, BINS, H, W).
        centres: (BINS, 2), of the bins, ab / 110.
        hue_agreement_power: See ``Expectation``.
    """
    # A softmax in bfloat16 would show as bands in a smooth sky.
    # Prepared generators are channels-last: at 256x352 a softmax over dim 1 took 35 ms, one over the last 2 ms.
    probabilities = logits.float().permute(0, 2, 3, 1).softmax(dim=-1)
    centres = centres.float()
    if isinstance(hue_agreement_power, float) and not hue_agreement_power:
        return (probabilities @ centres).clamp(-1, 1)
    expected = probabilities @ torch.cat([centres, centres.norm(dim=1, keepdim=True)], dim=1)
    # ONNX Runtime (1.32) computes in planes some fifteen times as fast as where the last dimension is 1 or 2.
    a, b, chroma = expected.permute(3, 0, 1, 2).unbind()
    # The slope of a length is endless at 0, and so is a quotient's.
    length = (a.square() + b.square() + CHROMA_EPS**2).sqrt()
    factor = (length / (chroma + CHROMA_EPS)) ** hue_agreement_power
    return torch.stack([a * factor, b * factor], dim=1).permute(0, 2, 3, 1).clamp(-1, 1)
