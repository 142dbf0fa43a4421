"""The generator's objective: the weighted sum of the losses against the true colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from colorize.color import lab_tensor_to_rgb
from colorize.network import Generator, bin_centres
from training.classifiers import Recogniser, Teacher, fold_frozen
from training.losses import (
    classification_loss,
    colourfulness_loss,
    content_loss,
    distillation_loss,
    embedding_loss,
    gradient_loss,
    perceptual_loss,
    recognition_loss,
    skin_loss,
)
from training.rendering import compose_lab, reduce_lab
from training.two_views import agreement_loss

P = ParamSpec("P")
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
        distillation: Cosine distance of the encoder's guess from the last feature map of the classifier.
        recognition: Distance of other classifiers' last feature maps and class distributions.
        embedding: Distance of other classifiers' pooled features.
        skin: Blueness of the prediction where the truth has a skin's colour.
        agreement: Distance of the predictions for two views of one photograph, of which ``two_views`` puts some into
            each batch.
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
    agreement: float = 0.0

    @property
    def needs_teacher(self) -> bool:
        """Whether a teacher has to see the true picture."""
        return bool(self.perceptual or self.deepest or self.distillation)

    @property
    def needs_recogniser(self) -> bool:
        """Whether recognisers have to see the pictures."""
        return bool(self.recognition or self.embedding)


class GeneratorLoss(nn.Module):
    """The weighted sum of the losses against the true colours.

    Attributes:
        parts: The last call's unweighted terms by name, for the log.
        centres: Of a classification's bins, (BINS, 2), ab in network units.
    """

    centres: Tensor
    teacher: Teacher | None

    def __init__(
        self,
        weights: LossWeights,
        teacher: Teacher | None,
        recognisers: Sequence[Recogniser] = (),
        bf16: bool = False,
        two_views: float = 0.0,
        compiled: bool = False,
    ) -> None:
        """Choose the terms and their classifiers.

        Args:
            weights: Of the terms.
            teacher: For the perceptual losses and the distillation loss.
            recognisers: For the recognition and the embedding loss, which are the means over all of them.
            bf16: Run the classifiers in bfloat16.
            two_views: Share of the pictures of a training batch that are one of two views of a photograph, 0..1.
            compiled: Let torch.compile make single kernels of the terms' own arithmetic; classifiers stay as they are.

        Raises:
            ValueError: The agreement loss is asked for without second views, a perceptual or the distillation loss
                without a teacher, or the recognition or the embedding loss without a recogniser.
        """
        super().__init__()
        if weights.needs_teacher and teacher is None:
            raise ValueError("perceptual and distillation losses need a teacher; name one or set both weights to 0")
        if weights.needs_recogniser and not recognisers:
            raise ValueError(
                "recognition and embedding losses need a recogniser; name one (--recogniser) or set both weights to 0"
            )
        if weights.agreement and not two_views:
            raise ValueError("the agreement loss needs second views; add --two-views .25 or set its weight to 0")
        self.weights, self.two_views = weights, two_views
        self.teacher = fold_frozen(teacher) if teacher is not None and weights.needs_teacher else None
        self.recognisers = nn.ModuleList(map(fold_frozen, recognisers) if weights.needs_recogniser else ())
        self.bf16 = bf16
        self.compiled = compiled
        self.parts: dict[str, Tensor] = {}
        self.register_buffer("centres", bin_centres(), persistent=False)

    def read_bins(self, generator: Generator) -> None:
        """Copy the centres of a generator's bins, which differ from the default once its chroma has been scaled."""
        if generator.config.head == "classification":
            self.centres = generator.expectation.centres.detach().clone()

    @property
    def guessed_channels(self) -> int:
        """Channels of the feature map that the encoder has to guess; 0: it has nothing to guess."""
        return self.teacher.channels if self.teacher is not None and self.weights.distillation else 0

    def forward(self, output: Sequence[Tensor], lab: Tensor) -> Tensor:
        """Return the weighted sum, a scalar.

        Args:
            output: What ``TrainableGenerator`` returns: ab (B, 2, H, W), the guess (B, C, H / 32, W / 32) of the
                teacher's last feature map, and the head's output (B, N, H, W); what follows is ignored.
            lab: The true picture (B, 3, H, W); it may be larger, then classifiers see it and the prediction at its
                size (``training.rendering``).
        """
        ab, guess = (part.float() for part in output[:2])
        small = reduce_lab(lab, ab.shape[-1])
        target = small[:, 1:]

        def kernel(function: Callable[P, T]) -> Callable[P, T]:
            return _compiled(function) if self.compiled else function

        terms: dict[str, Callable[[], Tensor]] = {
            "content": lambda: kernel(content_loss)(ab, target),
            "classification": lambda: kernel(classification_loss)(output[2], target, self.centres),
            "gradient": lambda: kernel(gradient_loss)(ab, target),
            "colourfulness": lambda: kernel(colourfulness_loss)(ab, target),
            "skin": lambda: kernel(skin_loss)(ab, small),
        }
        if torch.is_grad_enabled():  # batches of the validation have no second views
            terms["agreement"] = lambda: kernel(agreement_loss)(ab, self.two_views, lab.shape[-1])
        picture = cache(lambda: kernel(_rendered)(ab, lab))
        true_picture = cache(lambda: kernel(_rendered)(lab[:, 1:], lab))

        def run(classifier: Callable[[Tensor], T], rgb: Tensor) -> T:
            with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self.bf16):
                return classifier(rgb)

        if (teacher := self.teacher) is not None:
            with torch.no_grad():
                truth = run(teacher, true_picture())
            terms["distillation"] = lambda: kernel(distillation_loss)(guess, truth.last)
            features = cache(lambda: run(teacher.inner_features, picture()))
            terms["perceptual"] = lambda: kernel(perceptual_loss)(features(), truth.features)
            terms["deepest"] = lambda: kernel(perceptual_loss)(features()[-1:], truth.features[-1:])
        if self.recognisers:
            with torch.no_grad():
                true_outputs = [run(recogniser, true_picture()) for recogniser in self.recognisers]
            pairs = cache(
                lambda: list(zip([run(each, picture()) for each in self.recognisers], true_outputs, strict=True))
            )
            terms["recognition"] = lambda: torch.stack([kernel(recognition_loss)(*pair) for pair in pairs()]).mean()
            terms["embedding"] = lambda: torch.stack([kernel(embedding_loss)(a[0], b[0]) for a, b in pairs()]).mean()
        total = ab.new_zeros(())
        self.parts = {}
        for name, term in terms.items():
            weight = getattr(self.weights, name)
            if weight:
                value = term()
                self.parts[name] = value.detach()
                total = total + weight * value
        return total


def _rendered(ab: Tensor, lab: Tensor) -> Tensor:
    """Return pictures in sRGB, in the order of memory in which convolutions are fastest, once for all classifiers."""
    return lab_tensor_to_rgb(compose_lab(ab, lab)).contiguous(memory_format=torch.channels_last)


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False)  # each phase has its own shapes
