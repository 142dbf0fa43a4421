"""What a generator is told: content, perceptual, colourfulness, gradient and skin losses, summed by weights.

Every loss compares the predicted ab with the true Lab picture; the truth's lightness completes the prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.bins import BINS, ring_centres
from colorize.generator import Generator
from colorize.lab import AB_MAX, lab_tensor_to_rgb
from training.metrics import in_skin_box
from training.recogniser import Recogniser, recognition_loss
from training.teacher import Teacher
from training.views import joined, reduced

T = TypeVar("T")

SOFTNESS = 6 / AB_MAX  # of the truth in the classification loss


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


def skin_loss(ab: Tensor, truth: Tensor) -> Tensor:
    """Return how blue the prediction is where the truth has a skin's colour: 0 where it is anything but bluish.

    Only b below 0 costs, so that the loss does not pull everything uncertain towards the colour of skin, as weighing
    skin's distances more would. Sand, wood and brick look like skin here; blue is wrong on them too.

    Args:
        ab: (B, 2, H, W), predicted.
        truth: (B, 3, H, W), Lab.
    """
    mask = skin_mask(lab_tensor_to_rgb(truth), truth[:, 0])
    return (F.relu(-ab[:, 1]) * mask).sum() / mask.sum().clamp_min(1) * 10  # in the content loss's unit


def skin_mask(rgb: Tensor, lightness: Tensor) -> Tensor:
    """Return 1 where a picture may show skin, else 0, (B, H, W): the box in CbCr of ``training.metrics.skin_mask``.

    Args:
        rgb: (B, 3, H, W), sRGB 0..1.
        lightness: (B, H, W), L / 50 - 1.
    """
    red, green, blue = rgb.mul(255).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-T T.871, as JPEG has it
    cb, cr = ((blue - luma) * 0.564 + 128).round(), ((red - luma) * 0.713 + 128).round()
    return in_skin_box(cb, cr, (lightness + 1) * 50).to(rgb.dtype)


def classification_loss(logits: Tensor, truth: Tensor, centres: Tensor) -> Tensor:
    """Return the cross-entropy between the predicted distribution over the bins and the truth, in nats.

    The truth lies between bins: each gets the share of a Gaussian of 6 ab levels around the true colour (Zhang et al.
    2016 spread theirs over five neighbours). Every other pixel of every other row is looked at; its neighbours say
    nearly the same.

    Args:
        logits: (B, BINS, H, W).
        truth: (B, 2, H, W), ab.
        centres: (BINS, 2), of the bins.

    Raises:
        ValueError: The logits are not those of ``colorize.bins``.
    """
    if logits.shape[1] != BINS:
        raise ValueError(f"{logits.shape[1]} channels are no logits of {BINS} bins; the head must be a classification")
    logits, truth = logits[..., ::2, ::2].float(), truth[..., ::2, ::2]
    # |t - c|^2 without |t|^2, which is the same for every bin
    distance = centres.square().sum(dim=1)[:, None, None] - 2 * torch.einsum("bahw,ka->bkhw", truth, centres)
    wanted = (-distance / (2 * SOFTNESS**2)).softmax(dim=1)
    return -(wanted * logits.log_softmax(dim=1)).sum(dim=1).mean()


def perceptual_loss(features: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Return the mean distance of a classifier's inner features, each layer in units of its own mean activation.

    Args:
        features: (B, C_i, H_i, W_i) each, seen in the prediction.
        truth: The same, seen in the true picture.
    """
    pairs = zip(features, truth, strict=True)
    return sum(
        (
            (feature.float() - target.float()).abs().mean() / (target.float().abs().mean() + 1e-6)
            for feature, target in pairs
        ),
        start=truth[0].new_zeros(()),
    ) / len(truth)


def distillation_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the mean cosine distance of feature maps, place by place.

    Args:
        guess: (B, C, h, w), what the encoder, which saw the damaged grey picture, thinks a classifier sees.
        truth: (B, C, H, W), what the classifier sees in the true picture.
    """
    wanted = F.adaptive_avg_pool2d(truth.float(), (guess.shape[2], guess.shape[3]))
    return 1 - F.cosine_similarity(guess, wanted, dim=1).mean()


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generator's losses; 0 leaves one out.

    Attributes:
        content: Huber distance of ab.
        classification: Cross-entropy of the bins of a generator that classifies.
        perceptual: Distance of a classifier's inner features.
        colourfulness: Gap of the mean chroma of 8 x 8 cells, from both sides.
        gradient: Distance of the neighbouring differences of ab.
        distillation: Cosine distance of the encoder's guess to the last feature map of the classifier.
        recognition: How differently a second classifier understands the picture (``training.recogniser``).
        skin: How blue the prediction is where the truth has a skin's colour.
    """

    content: float = 1.0
    classification: float = 0.0
    perceptual: float = 2.0
    colourfulness: float = 0.3
    gradient: float = 0.2
    distillation: float = 1.0
    recognition: float = 0.0
    skin: float = 0.0

    @property
    def needs_teacher(self) -> bool:
        """Whether a classifier has to look at the true picture."""
        return bool(self.perceptual or self.distillation)


class GeneratorLoss(nn.Module):
    """The weighted sum; ``parts`` keeps the last call's unweighted terms for the log."""

    centres: Tensor

    def __init__(
        self,
        weights: LossWeights,
        teacher: Teacher | None,
        recogniser: Recogniser | None = None,
        bf16: bool = False,
    ) -> None:
        """Choose the terms.

        Args:
            weights: Of the terms.
            teacher: For the perceptual and the distillation loss.
            recogniser: For the recognition loss.
            bf16: Run both classifiers in bfloat16 where the pictures are on a GPU.

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
        self.bf16 = bf16
        self.parts: dict[str, Tensor] = {}
        self.register_buffer("centres", ring_centres(), persistent=False)

    def read_bins(self, generator: Generator) -> None:
        """Take the centres of a generator's bins, which stand elsewhere once its chroma has been scaled."""
        if generator.config.head == "classification":
            self.centres = generator.expectation.centres.detach().clone()

    @property
    def guessed_channels(self) -> int:
        """Channels of the feature map that the encoder has to guess; 0: nothing is to be guessed."""
        return self.teacher.channels if self.teacher is not None and self.weights.distillation else 0

    def forward(self, answer: Sequence[Tensor], lab: Tensor) -> Tensor:
        """Return the sum.

        Args:
            answer: ab (B, 2, H, W) predicted, the encoder's guess (B, C, H / 32, W / 32) of the classifier's last
                feature map, and the head's numbers (B, N, H, W); what follows is not looked at.
            lab: (B, 3, H, W), true; or larger, then the classifier sees it so (``training.views``).
        """
        ab, guess = (part.float() for part in answer[:2])
        small = reduced(lab, ab.shape[-1])
        wanted = small[:, 1:]
        terms: dict[str, Callable[[], Tensor]] = {
            "content": lambda: content_loss(ab, wanted),
            "classification": lambda: classification_loss(answer[2], wanted, self.centres),
            "gradient": lambda: gradient_loss(ab, wanted),
            "colourfulness": lambda: colourfulness_loss(ab, wanted),
            "skin": lambda: skin_loss(ab, small),
        }
        picture, true_picture = cache(lambda: lab_tensor_to_rgb(joined(ab, lab))), cache(lambda: lab_tensor_to_rgb(lab))

        def look(classifier: Callable[[Tensor], T], rgb: Tensor) -> T:
            with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self.bf16 and rgb.is_cuda):
                return classifier(rgb)

        if (teacher := self.teacher) is not None:
            with torch.no_grad():
                truth = look(teacher, true_picture())
            terms["distillation"] = lambda: distillation_loss(guess, truth.last)
            terms["perceptual"] = lambda: perceptual_loss(look(teacher.inner_features, picture()), truth.features)
        if (recogniser := self.recogniser) is not None:
            with torch.no_grad():
                known = look(recogniser, true_picture())
            terms["recognition"] = lambda: recognition_loss(look(recogniser, picture()), known)
        total = ab.new_zeros(())
        self.parts = {}
        for name, term in terms.items():
            weight = getattr(self.weights, name)
            if weight:
                value = term()
                self.parts[name] = value.detach()
                total = total + weight * value
        return total
