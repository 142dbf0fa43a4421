"""What a generator is told: content, perceptual, colourfulness and gradient losses, summed by weights.

Every loss compares the predicted ab with the true Lab picture; the truth's lightness completes the prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.lab import lab_tensor_to_rgb
from training.recogniser import Recogniser, recognition_loss
from training.teacher import Teacher
from training.views import joined, reduced


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


def perceptual_loss(features: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Return the mean distance of a classifier's inner features, each layer in units of its own mean activation.

    Args:
        features: (B, C_i, H_i, W_i) each, seen in the prediction.
        truth: The same, seen in the true picture.
    """
    pairs = zip(features, truth, strict=True)
    return sum(
        ((feature - target).abs().mean() / (target.abs().mean() + 1e-6) for feature, target in pairs),
        start=truth[0].new_zeros(()),
    ) / len(truth)


def distillation_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the mean cosine distance of feature maps, place by place.

    Args:
        guess: (B, C, h, w), what the encoder, which saw the damaged grey picture, thinks a classifier sees.
        truth: (B, C, H, W), what the classifier sees in the true picture.
    """
    wanted = F.adaptive_avg_pool2d(truth, (guess.shape[2], guess.shape[3]))
    return 1 - F.cosine_similarity(guess, wanted, dim=1).mean()


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generator's losses; 0 leaves one out.

    Attributes:
        content: Huber distance of ab.
        perceptual: Distance of a classifier's inner features.
        colourfulness: Gap of the mean chroma of 8 x 8 cells, from both sides.
        gradient: Distance of the neighbouring differences of ab.
        distillation: Cosine distance of the encoder's guess to the last feature map of the classifier.
        recognition: How differently a second classifier understands the picture (``training.recogniser``).
    """

    content: float = 1.0
    perceptual: float = 2.0
    colourfulness: float = 0.3
    gradient: float = 0.2
    distillation: float = 1.0
    recognition: float = 0.0

    @property
    def needs_teacher(self) -> bool:
        """Whether a classifier has to look at the true picture."""
        return bool(self.perceptual or self.distillation)


class GeneratorLoss(nn.Module):
    """The weighted sum; ``parts`` keeps the last call's unweighted terms for the log."""

    def __init__(self, weights: LossWeights, teacher: Teacher | None, recogniser: Recogniser | None = None) -> None:
        """Choose the terms.

        Raises:
            ValueError: The perceptual or the distillation loss is asked for without a teacher, or the recognition
                loss without a recogniser.
        """
        super().__init__()
        if weights.needs_teacher and teacher is None:
            raise ValueError("perceptual and distillation losses need a teacher; name one or set both weights to 0")
        if weights.recognition and recogniser is None:
            raise ValueError("the recognition loss needs a recogniser; name one or set its weight to 0")
        self.weights = weights
        self.teacher = teacher if weights.needs_teacher else None
        self.recogniser = recogniser if weights.recognition else None
        self.parts: dict[str, Tensor] = {}

    @property
    def guessed_channels(self) -> int:
        """Channels of the feature map that the encoder has to guess; 0: nothing is to be guessed."""
        return self.teacher.channels if self.teacher is not None and self.weights.distillation else 0

    def forward(self, answer: Sequence[Tensor], lab: Tensor) -> Tensor:
        """Return the sum.

        Args:
            answer: ab (B, 2, H, W) predicted, and the encoder's guess (B, C, H / 32, W / 32) of the classifier's
                last feature map; what follows is not looked at.
            lab: (B, 3, H, W), true; or larger, then the classifier sees it so (``training.views``).
        """
        ab, guess = (part.float() for part in answer[:2])
        wanted = reduced(lab, ab.shape[-1])[:, 1:]
        terms: dict[str, Callable[[], Tensor]] = {
            "content": lambda: content_loss(ab, wanted),
            "gradient": lambda: gradient_loss(ab, wanted),
            "colourfulness": lambda: colourfulness_loss(ab, wanted),
        }
        picture, true_picture = cache(lambda: lab_tensor_to_rgb(joined(ab, lab))), cache(lambda: lab_tensor_to_rgb(lab))
        if (teacher := self.teacher) is not None:
            with torch.no_grad():
                truth = teacher(true_picture())
            terms["distillation"] = lambda: distillation_loss(guess, truth.last)
            terms["perceptual"] = lambda: perceptual_loss(teacher.inner_features(picture()), truth.features)
        if (recogniser := self.recogniser) is not None:
            with torch.no_grad():
                known = recogniser(true_picture())
            terms["recognition"] = lambda: recognition_loss(recogniser(picture()), known)
        total = ab.new_zeros(())
        self.parts = {}
        for name, term in terms.items():
            weight = getattr(self.weights, name)
            if weight:
                value = term()
                self.parts[name] = value.detach()
                total = total + weight * value
        return total
