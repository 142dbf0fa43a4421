"""What a generator is told: content, perceptual, colourfulness and gradient losses, summed by weights.

Every loss compares the predicted ab with the true Lab picture; the truth's lightness completes the prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.lab import lab_tensor_to_rgb
from training.teacher import Teacher


def content_loss(ab: Tensor, truth: Tensor) -> Tensor:
    """Return the Huber distance of ab in units of 0.1 (11 ab levels), where it turns from square to linear.

    Args:
        ab: (B, 2, H, W), predicted.
        truth: (B, 2, H, W).
    """
    return F.huber_loss(ab * 10, truth * 10, delta=1.0)


def gradient_loss(ab: Tensor, truth: Tensor) -> Tensor:
    """Return the mean distance of neighbouring differences of ab: colour that bleeds over an edge is seen here.

    Args:
        ab: (B, 2, H, W), predicted.
        truth: (B, 2, H, W).
    """
    rows = (ab.diff(dim=2) - truth.diff(dim=2)).abs().mean()
    columns = (ab.diff(dim=3) - truth.diff(dim=3)).abs().mean()
    return (rows + columns) * 10  # in the content loss's unit


def colourfulness_loss(ab: Tensor, truth: Tensor) -> Tensor:
    """Return the mean gap, from either side, to the truth's mean chroma in each of 8 x 8 cells.

    How colourful a place is can be known where its hue cannot, and an average of hues is grey. One number for the whole
    picture, such as Hasler and Suesstrunk's colourfulness, invites a trick that we have seen: a few blue pixels at the
    border raise it and cost the other losses nearly nothing. A cell is compared with its own truth only.

    Args:
        ab: (B, 2, H, W), predicted.
        truth: (B, 2, H, W).
    """
    # The square root's slope is infinite at 0, where a grey prediction starts; 1e-4 is a chroma of 1.1.
    chroma, wanted = (
        F.adaptive_avg_pool2d((x.square().sum(dim=1, keepdim=True) + 1e-4).sqrt(), 8) for x in (ab, truth)
    )
    return (chroma - wanted).abs().mean() * 10  # in the content loss's unit


class PerceptualLoss(nn.Module):
    """The distance of a classifier's inner features, each channel in units of its own mean activation."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.teacher = teacher

    def forward(self, rgb: Tensor, truth: Tensor) -> Tensor:
        """Return the mean distance over the inner layers.

        Args:
            rgb: (B, 3, H, W), predicted, 0..1.
            truth: (B, 3, H, W).
        """
        with torch.no_grad():
            wanted = self.teacher.inner_features(truth)
        total = rgb.new_zeros(())
        for feature, target in zip(self.teacher.inner_features(rgb), wanted, strict=True):
            total = total + (feature - target).abs().mean() / (target.abs().mean() + 1e-6)
        return total / len(wanted)


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generator's losses; 0 leaves one out.

    Attributes:
        content: Huber distance of ab.
        perceptual: Distance of a classifier's inner features.
        colourfulness: Gap of the mean chroma of 8 x 8 cells, from both sides.
        gradient: Distance of the neighbouring differences of ab.
    """

    content: float = 1.0
    perceptual: float = 2.0
    colourfulness: float = 0.3
    gradient: float = 0.2


class GeneratorLoss(nn.Module):
    """The weighted sum; ``parts`` keeps the last call's unweighted terms for the log."""

    def __init__(self, weights: LossWeights, teacher: Teacher | None) -> None:
        """Choose the terms.

        Raises:
            ValueError: The perceptual loss is asked for without a teacher.
        """
        super().__init__()
        if weights.perceptual and teacher is None:
            raise ValueError("the perceptual loss needs a teacher; name one or set its weight to 0")
        self.weights = weights
        self.perceptual = PerceptualLoss(teacher) if teacher is not None and weights.perceptual else None
        self.parts: dict[str, Tensor] = {}

    def forward(self, ab: Tensor, lab: Tensor) -> Tensor:
        # ab (B, 2, H, W) predicted, lab (B, 3, H, W) true
        ab = ab.float()
        terms: dict[str, Callable[[], Tensor]] = {
            "content": lambda: content_loss(ab, lab[:, 1:]),
            "gradient": lambda: gradient_loss(ab, lab[:, 1:]),
            "colourfulness": lambda: colourfulness_loss(ab, lab[:, 1:]),
        }
        if self.perceptual is not None:
            perceptual = self.perceptual
            rgb = lab_tensor_to_rgb(torch.cat([lab[:, :1], ab], dim=1))
            terms["perceptual"] = lambda: perceptual(rgb, lab_tensor_to_rgb(lab))
        total = ab.new_zeros(())
        self.parts = {}
        for name, term in terms.items():
            weight = getattr(self.weights, name)
            if weight:
                value = term()
                self.parts[name] = value.detach()
                total = total + weight * value
        return total
