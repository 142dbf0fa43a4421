"""A second judge: a classifier that took no part in any training of the generators.

    python -m training.judge --judged val/ --weights weights/stable.safetensors --classifier tf_efficientnet_lite0
    python -m training.judge --judged val/ --weights weights/stable.safetensors --photos photos/

The first takes an ImageNet classifier from timm. The second trains a small one: it learns to tell, from colour
photographs, which folder each came from (a weak label of what it shows). Then the judge looks at other photographs: as
they are, in grey, and coloured. Colours that mean something bring its answers nearer to those it gives to the truth;
grey is the measure to be beaten. The perceptual loss and the evaluation share one classifier, so figures of a stranger
are worth having.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.color import Picture, lab_to_rgb, rgb_to_lab
from colorize.engine import Colorizer
from colorize.network import choose_device
from training.classifiers import TakenClassifier, answers_of, collect, middle_square, read_pictures, train_judge
from training.grading import GREY, TRUTH
from training.metrics import top1_gain

STORED = 9 / 8  # of the judged size: room for random crops
HELD_OUT = 10  # every tenth photograph of a folder tells how good the judge is


@dataclass(frozen=True)
class JudgeSettings:
    """Train a judge, or take one, and let it look.

    Attributes:
        judged: Folder or tar of photographs, which are judged.
        weights: Generators' weights files or released names.
        photos: Other folders or tars, whose sub-folders are the labels that a judge learns.
        classifier: A timm classifier that judges instead; nothing is trained then.
        classifier_file: Safetensors of its weights; downloaded if left out.
        output: JSON file for the figures.
        size: Side in pixels of what a trained judge sees.
        epochs: Rounds through the photographs.
        least: Folders with fewer photographs are left out.
        learning_rate: Peak of the one cycle.
        limit: Judge only so many photographs, evenly spaced.
        seed: Of everything random.
        device: cuda, mps or cpu; chosen by itself if left out.
    """

    judged: Path
    weights: tuple[str, ...]
    photos: tuple[Path, ...] = ()
    classifier: str | None = None
    classifier_file: Path | None = None
    output: Path | None = None
    size: int = 64
    epochs: int = 8
    least: int = 200
    learning_rate: float = 2e-3
    limit: int | None = None
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        if bool(self.photos) == bool(self.classifier):
            raise ValueError("a judge is either trained (photos) or taken (classifier); give one of the two")


def judge(settings: JudgeSettings) -> dict[str, dict[str, float]]:
    """Let a judge look, and return the figures by row; the row ``judge`` tells how good a trained one is.

    Raises:
        FileNotFoundError: There is no such source or weights file.
        PhotosError: The photographs are too few.
        WeightsError: Weights cannot be used.
        ValueError: The classifier cannot be had.
    """
    device = choose_device(settings.device)
    if settings.classifier:
        network = TakenClassifier(settings.classifier, settings.classifier_file).to(device).eval()
        size, figures = network.size, {}
    else:
        network, figures = _made_judge(settings, device)
        size = settings.size
    stored = round(size * STORED)
    truths = [picture for _, picture in read_pictures(settings.judged)]
    if settings.limit:
        truths = [truths[i] for i in np.linspace(0, len(truths) - 1, settings.limit).round().astype(int)]
    rows = {TRUTH: truths, GREY: [_to_rgb(rgb_to_lab(truth)[..., 0], None) for truth in truths]}
    for weights in settings.weights:
        colorizer = Colorizer(weights, device=settings.device)
        rows[Path(weights).stem] = [_to_rgb(rgb_to_lab(truth)[..., 0], colorizer) for truth in truths]
    seen = {
        name: answers_of(network, torch.stack([_tensor(middle_square(p, stored)) for p in row]), size, device)
        for name, row in rows.items()
    }
    return {**figures, **compare(seen)}


def _made_judge(settings: JudgeSettings, device: torch.device) -> tuple[nn.Module, dict[str, dict[str, float]]]:
    """Return a judge that was trained on labelled photographs, and how good it is on those held out."""
    stored = round(settings.size * STORED)
    pictures, labels, names = collect(settings.photos, stored, settings.least)
    held_out = torch.arange(len(pictures)) % HELD_OUT == 0
    network = train_judge(
        pictures[~held_out],
        labels[~held_out],
        settings.size,
        settings.epochs,
        settings.learning_rate,
        settings.seed,
        device,
    )
    own, own_labels = pictures[held_out], labels[held_out]
    grey = torch.stack([_tensor(_grey(picture)) for picture in own])
    row = {"labels": float(len(names)), "chance": float(labels.bincount().max()) / len(labels)}
    for name, shown in (("accuracy in colour", own), ("accuracy in grey", grey)):
        answers = answers_of(network, shown, settings.size, device)
        row[name] = float((answers.argmax(dim=1) == own_labels).float().mean())
    return network, {"judge": row}


def compare(seen: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Return, for each row of log-probabilities, its agreement with the truth's answers.

    Returns:
        ``agreement``: share of equal answers; ``divergence``: mean Kullback-Leibler divergence from the truth's
        answers, in nats; ``gain``: share of grey's divergence that is gone; ``top1_gain``: of grey's disagreement.
    """
    truth = seen[TRUTH]
    divergence = {
        name: float(F.kl_div(answers, truth, reduction="batchmean", log_target=True)) for name, answers in seen.items()
    }
    agreement = {
        name: float((answers.argmax(dim=1) == truth.argmax(dim=1)).float().mean()) for name, answers in seen.items()
    }
    return {
        name: {
            "agreement": agreement[name],
            "top1_gain": top1_gain(agreement[name], agreement[GREY], agreement[TRUTH]),
            "divergence": divergence[name],
            "gain": 1 - divergence[name] / divergence[GREY],
        }
        for name in seen
    }


def _grey(picture: Tensor) -> Picture:
    return _to_rgb(rgb_to_lab(picture.permute(1, 2, 0).contiguous().numpy())[..., 0], None)


def _tensor(picture: Picture) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)


def _to_rgb(lightness: np.ndarray, colorizer: Colorizer | None) -> Picture:
    ab = np.zeros((*lightness.shape, 2), np.float32) if colorizer is None else colorizer.predict_full_ab(lightness)
    return lab_to_rgb(np.dstack([lightness, ab]))


def main() -> None:
    """Parse the command line, judge, print."""
    settings = tyro.cli(JudgeSettings, description=__doc__)
    try:
        figures = judge(settings)
    except (OSError, ValueError) as error:
        sys.exit(f"judge: {error}")
    for name, row in figures.items():
        print(f"{name:<14}" + "  ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if settings.output:
        settings.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
