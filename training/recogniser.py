"""Recognisers: other ImageNet classifiers, whose opinions tell the generator which colours make things known.

Perceptual losses compare how places look; a thing in the wrong colour can have all the right textures. A classifier's
last layers compare what the picture seems to show. The classifier of the perceptual loss also grades the result by its
last layers, so those must never be trained on: these are others, of any of timm's names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional as F

from training.judges import TakenClassifier
from training.teacher import keep_strided_depthwise_in_float32


class Recogniser(nn.Module):
    """A frozen timm classifier that shows its last feature map and its answers; always in eval mode."""

    def __init__(self, name: str, file: Path | None = None) -> None:
        """Build it.

        Args:
            name: One of timm's.
            file: Safetensors of its weights; None: timm downloads them.

        Raises:
            ValueError: timm is not installed or knows no such classifier, or the weights do not fit or cannot be had.
        """
        super().__init__()
        self.taken = TakenClassifier(name, file)
        keep_strided_depthwise_in_float32(self.taken)
        self.requires_grad_(False)
        super().train(False)

    def train(self, mode: bool = True) -> Recogniser:
        """Stay in eval mode: its batch-norm statistics never move."""
        return super().train(False)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last feature map (B, C, h, w) and the logits (B, classes).

        Args:
            rgb: (B, 3, H, W), sRGB 0..1; gradients flow back to it.
        """
        network = cast(Any, self.taken.network)  # timm's convention, which nn.Module does not know
        features = network.forward_features(self.taken.normalized(rgb))
        return features, network.forward_head(features)


def embedding_loss(seen: Tensor, truth: Tensor) -> Tensor:
    """Return how far apart a classifier's embeddings of a prediction and of the true picture lie, 0 where equal.

    The mean Euclidean distance of its pooled last feature maps, in units of the truths' mean length. The gradient of
    this agrees better with that of classifiers which take no part than that of the answers does (docs/training.md,
    run 15).

    Args:
        seen: Last feature map (B, C, h, w) of the prediction.
        truth: The same of the true picture.
    """
    ours, wanted = (features.float().mean(dim=(2, 3)) for features in (seen, truth))
    return (ours - wanted).norm(dim=1).mean() / (wanted.norm(dim=1).mean() + 1e-6)


def recognition_loss(seen: tuple[Tensor, Tensor], truth: tuple[Tensor, Tensor]) -> Tensor:
    """Return how differently a classifier understands a prediction and the true picture.

    The sum of the cosine distance of its last feature maps, place by place, and of the Kullback-Leibler divergence of
    its answers from those to the truth, in nats.

    Args:
        seen: Last feature map (B, C, h, w) and logits (B, N) of the prediction.
        truth: The same of the true picture.
    """
    places = 1 - F.cosine_similarity(seen[0].float(), truth[0].float(), dim=1).mean()
    answers = F.kl_div(
        seen[1].float().log_softmax(dim=1),
        truth[1].float().log_softmax(dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return places + answers
