"""What a generator is told: the losses against the true colours, summed by weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn

from colorize.color import lab_tensor_to_rgb
from colorize.network import Generator, ring_centres
from training.classifiers import Recogniser, Teacher, embedding_loss, recognition_loss
from training.losses import (
    classification_loss,
    colourfulness_loss,
    content_loss,
    distillation_loss,
    gradient_loss,
    perceptual_loss,
    skin_loss,
)
from training.rendering import joined, reduced

T = TypeVar("T")


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generator's losses; 0 leaves one out.

    Attributes:
        content: Huber distance of ab.
        classification: Cross-entropy of the bins of a generator that classifies.
        perceptual: Distance of a classifier's inner features.
        deepest: Distance of the deepest of these inner layers alone.
        colourfulness: Gap of the mean chroma of 8 x 8 cells, from both sides.
        gradient: Distance of the neighbouring differences of ab.
        distillation: Cosine distance of the encoder's guess to the last feature map of the classifier.
        recognition: How differently other classifiers understand the picture (``training.classifiers``).
        embedding: How far apart their pooled features of the picture and of the truth lie.
        skin: How blue the prediction is where the truth has a skin's colour.
    """

    content: float = 1.0
    classification: float = 0.0
    perceptual: float = 2.0
    deepest: float = 0.0
    colourfulness: float = 0.3
    gradient: float = 0.2
    distillation: float = 1.0
    recognition: float = 0.0
    embedding: float = 0.0
    skin: float = 0.0

    @property
    def needs_teacher(self) -> bool:
        """Whether a classifier has to look at the true picture."""
        return bool(self.perceptual or self.deepest or self.distillation)

    @property
    def needs_recogniser(self) -> bool:
        """Whether other classifiers have to look at the pictures."""
        return bool(self.recognition or self.embedding)


class GeneratorLoss(nn.Module):
    """The weighted sum; ``parts`` keeps the last call's unweighted terms for the log."""

    centres: Tensor

    def __init__(
        self,
        weights: LossWeights,
        teacher: Teacher | None,
        recognisers: Sequence[Recogniser] = (),
        bf16: bool = False,
    ) -> None:
        """Choose the terms.

        Args:
            weights: Of the terms.
            teacher: For the perceptual losses and the distillation loss.
            recognisers: For the recognition and the embedding loss, which are the means over all of them.
            bf16: Run the classifiers in bfloat16.

        Raises:
            ValueError: A perceptual or the distillation loss is asked for without a teacher, or the recognition or
                the embedding loss without a recogniser.
        """
        super().__init__()
        if weights.needs_teacher and teacher is None:
            raise ValueError("perceptual and distillation losses need a teacher; name one or set both weights to 0")
        if weights.needs_recogniser and not recognisers:
            raise ValueError(
                "recognition and embedding losses need a recogniser; name one (--recogniser) or set both weights to 0"
            )
        self.weights = weights
        self.teacher = teacher if weights.needs_teacher else None
        self.recognisers = nn.ModuleList(recognisers if weights.needs_recogniser else ())
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
            lab: (B, 3, H, W), true; or larger, then the classifier sees it so (``training.rendering``).
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
            with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self.bf16):
                return classifier(rgb)

        if (teacher := self.teacher) is not None:
            with torch.no_grad():
                truth = look(teacher, true_picture())
            terms["distillation"] = lambda: distillation_loss(guess, truth.last)
            features = cache(lambda: look(teacher.inner_features, picture()))
            terms["perceptual"] = lambda: perceptual_loss(features(), truth.features)
            terms["deepest"] = lambda: perceptual_loss(features()[-1:], truth.features[-1:])
        if self.recognisers:
            with torch.no_grad():
                known = [look(recogniser, true_picture()) for recogniser in self.recognisers]
            pairs = cache(lambda: list(zip([look(each, picture()) for each in self.recognisers], known, strict=True)))
            terms["recognition"] = lambda: torch.stack([recognition_loss(*pair) for pair in pairs()]).mean()
            terms["embedding"] = lambda: torch.stack([embedding_loss(a[0], b[0]) for a, b in pairs()]).mean()
        total = ab.new_zeros(())
        self.parts = {}
        for name, term in terms.items():
            weight = getattr(self.weights, name)
            if weight:
                value = term()
                self.parts[name] = value.detach()
                total = total + weight * value
        return total
