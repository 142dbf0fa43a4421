"""The terms of a generator's loss against the true colours, one function each; ``training.objective`` adds them up.

Every loss compares the predicted ab with the true Lab picture; the truth's lightness completes the prediction.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from colorize.color import AB_MAX, lab_tensor_to_rgb
from colorize.network import BINS
from training.skin import in_skin_box

SOFTNESS = 6 / AB_MAX  # standard deviation of the Gaussian around the true ab in the classification loss


def content_loss(ab: Tensor, truth: Tensor) -> Tensor:
    """Return the Huber distance of ab in units of 0.1 (11 ab levels), where it turns from square to linear.

    Args:
        ab: (B, 2, H, W), predicted.
        truth: (B, 2, H, W).
    """
    return F.huber_loss(ab * 10, truth * 10, delta=1.0)


def gradient_loss(ab: Tensor, truth: Tensor) -> Tensor:
    """Return the mean distance of neighbouring differences of ab, which penalises colour that bleeds over an edge.

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
    chroma, target = (
        F.adaptive_avg_pool2d((x.square().sum(dim=1, keepdim=True) + 1e-4).sqrt(), 8) for x in (ab, truth)
    )
    return (chroma - target).abs().mean() * 10  # in the content loss's unit


def skin_loss(ab: Tensor, truth: Tensor) -> Tensor:
    """Return the mean of -b, cut at 0, over the pixels whose true colour may be skin's: how blue the skin is.

    Only b below 0 costs, so that the loss does not pull everything uncertain towards the colour of skin, as weighing
    skin's distances more would. Sand, wood and brick look like skin here; blue is wrong on them too.

    Args:
        ab: (B, 2, H, W), predicted.
        truth: (B, 3, H, W), Lab.
    """
    mask = skin_mask(lab_tensor_to_rgb(truth), truth[:, 0])
    return (F.relu(-ab[:, 1]) * mask).sum() / mask.sum().clamp_min(1) * 10  # in the content loss's unit


def skin_mask(rgb: Tensor, lightness: Tensor) -> Tensor:
    """Return 1 where a picture may show skin, else 0, (B, H, W): the box in CbCr of ``training.skin.skin_mask``.

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

    The truth lies between bins: each bin gets the share of a Gaussian of 6 ab levels around the true colour (Zhang et
    al. 2016 spread theirs over five neighbours). Only every other pixel of every other row counts; its neighbours are
    nearly the same.

    Args:
        logits: (B, BINS, H, W).
        truth: (B, 2, H, W), ab.
        centres: (BINS, 2), of the bins.

    Raises:
        ValueError: The logits are not those of ``colorize.network.bins``.
    """
    if logits.shape[1] != BINS:
        raise ValueError(f"{logits.shape[1]} channels are no logits of {BINS} bins; the head must be a classification")
    # With the bins last in memory, as the head leaves them, a softmax is ten times as fast as across planes.
    logits, truth = (x.permute(0, 2, 3, 1)[:, ::2, ::2].float() for x in (logits, truth))
    # -|t - c|^2 / 2 without |t|^2, which is the same for every bin
    target = torch.addmm(-centres.square().sum(dim=1) / 2, truth.reshape(-1, 2), centres.T) / SOFTNESS**2
    logits = logits.reshape(-1, BINS)
    # The cross-entropy of two distributions, in one kernel.
    return F.cross_entropy(logits, target.softmax(dim=1))


def perceptual_loss(features: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Return the mean distance of a classifier's inner features, each layer in units of its own mean activation.

    Args:
        features: Of the prediction, (B, C_i, H_i, W_i) each.
        truth: Of the true picture, of the same shapes.
    """
    pairs = zip(features, truth, strict=True)
    return sum(
        (
            (feature.float() - target.float()).abs().mean() / (target.float().abs().mean() + 1e-6)
            for feature, target in pairs
        ),
        start=truth[0].new_zeros(()),
    ) / len(truth)


def embedding_loss(features: Tensor, truth: Tensor) -> Tensor:
    """Return the distance of a classifier's embeddings of the prediction and of the true picture, 0 where equal.

    It is the mean Euclidean distance of the pooled last feature maps, in units of the truths' mean length. Its
    gradient agrees better with that of classifiers that take no part than the gradient of the class distributions'
    divergence does (docs/experiments.md, run 15).

    Args:
        features: Last feature map (B, C, h, w) of the prediction.
        truth: The same of the true picture.
    """
    embedding, target = (maps.float().mean(dim=(2, 3)) for maps in (features, truth))
    return (embedding - target).norm(dim=1).mean() / (target.norm(dim=1).mean() + 1e-6)


def recognition_loss(output: tuple[Tensor, Tensor], truth: tuple[Tensor, Tensor]) -> Tensor:
    """Return how differently a classifier understands the prediction and the true picture.

    It is the mean cosine distance of the last feature maps, place by place, plus the Kullback-Leibler divergence of the
    predicted class distribution from that of the truth, in nats.

    Args:
        output: Last feature map (B, C, h, w) and logits (B, N) of the prediction.
        truth: The same of the true picture.
    """
    distance = 1 - F.cosine_similarity(output[0].float(), truth[0].float(), dim=1).mean()
    divergence = F.kl_div(
        output[1].float().log_softmax(dim=1),
        truth[1].float().log_softmax(dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return distance + divergence


def distillation_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """Return the mean cosine distance of the guessed from the true feature map, place by place.

    Args:
        guess: (B, C, h, w), guessed from what the encoder makes of the degraded grey picture.
        truth: (B, C, H, W), the classifier's last feature map of the true picture.
    """
    target = F.adaptive_avg_pool2d(truth.float(), (guess.shape[2], guess.shape[3]))
    return 1 - F.cosine_similarity(guess, target, dim=1).mean()
