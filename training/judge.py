"""A second judge: a classifier that took no part in any training of the generators.

    python -m training.judge --judged val/ --weights weights/stable.safetensors --classifier tf_efficientnet_lite0
    python -m training.judge --judged val/ --weights weights/stable.safetensors --photos photos/

The first takes an ImageNet classifier from timm. The second trains a small one: it learns to tell, from colour
photographs, which folder each came from (a weak label of what it shows). Then the judge classifies other photographs:
as they are, in grey, and colorized. Colours that mean something bring its class distribution nearer to that for the
truth; grey is the measure to be beaten. The perceptual loss and the evaluation share one classifier, so figures of
another one are worth having.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.color import Picture, lab_to_rgb, rgb_to_lab
from colorize.engine import Colorizer
from colorize.network import choose_device, choose_precision
from training.classifiers import TimmClassifier
from training.grading import GREY, TRUTH
from training.metrics import top1_gain
from training.photos import PhotosError, decode, iterate_files

BATCH_SIZE = 64
STORED = 9 / 8  # side of the stored squares over that of the judge's input: room for random crops
HELD_OUT = 10  # every tenth photograph of a folder tells how good a trained judge is


@dataclass(frozen=True)
class JudgeSettings:
    """Train a judge, or take one of timm's, and let it classify photographs in grey, colorized and as they are.

    Attributes:
        judged: Folder or tar of photographs, which are judged.
        weights: Generators' weights files or released names.
        photos: Other folders or tars, whose sub-folders are the labels that a judge learns.
        classifier: A timm classifier that judges instead; nothing is trained then.
        classifier_file: Safetensors of its weights; downloaded if left out.
        output: JSON file for the figures.
        size: Side in pixels of a trained judge's input.
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
    """Return the figures of grey, of each weights file and of the truth, by row.

    A trained judge adds the row ``judge``, which tells how good it is.

    Raises:
        FileNotFoundError: There is no such source or weights file.
        PhotosError: The photographs are too few.
        WeightsError: Weights cannot be used.
        ValueError: The classifier cannot be had.
    """
    device = choose_device(settings.device)
    if settings.classifier:
        network = TimmClassifier(settings.classifier, settings.classifier_file).to(device).eval()
        size, figures = network.size, {}
    else:
        network, figures = _train_on_folders(settings, device)
        size = settings.size
    stored = round(size * STORED)
    truths = [picture for _, picture in read_pictures(settings.judged)]
    if settings.limit:
        truths = [truths[i] for i in np.linspace(0, len(truths) - 1, settings.limit).round().astype(int)]
    rows = {TRUTH: truths, GREY: [_to_rgb(rgb_to_lab(truth)[..., 0], None) for truth in truths]}
    for weights in settings.weights:
        colorizer = Colorizer(weights, device=settings.device)
        rows[Path(weights).stem] = [_to_rgb(rgb_to_lab(truth)[..., 0], colorizer) for truth in truths]
    log_probs = {
        name: predict_log_probs(network, torch.stack([_tensor(middle_square(p, stored)) for p in row]), size, device)
        for name, row in rows.items()
    }
    return {**figures, **compare(log_probs)}


def read_pictures(source: Path) -> Iterator[tuple[str, Picture]]:
    """Yield the name and the upright picture of every photograph; warn of broken ones and leave them out."""
    for name, data in iterate_files(source):
        try:
            picture = np.asarray(decode(data))
        except Exception as error:  # Pillow raises a dozen kinds on broken files
            warnings.warn(f"{source}:{name}: left out ({type(error).__name__}: {error})", stacklevel=2)
            continue
        yield name, picture


def middle_square(picture: Picture, side: int) -> Picture:
    """Return the middle square of a picture, resized to (side, side, 3)."""
    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = picture[top : top + short, left : left + short]
    return np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def read_labelled(sources: Sequence[Path], side: int, least: int) -> tuple[Tensor, Tensor, list[str]]:
    """Return uint8 pictures (N, 3, side, side), their labels (N,), and the labels' names: folders, in order.

    Args:
        sources: Folders or tars.
        side: In pixels.
        least: Folders with fewer photographs are left out.

    Raises:
        FileNotFoundError: There is no such source.
        PhotosError: Fewer than two folders hold enough photographs.
    """
    pictures, names = [], []
    for source in sources:
        for name, picture in read_pictures(source):
            pictures.append(middle_square(picture, side))
            names.append(Path(name).parent.name)
    counts = Counter(names)
    kept = sorted(name for name, count in counts.items() if count >= least)
    if len(kept) < 2:
        raise PhotosError(f"{len(kept)} folders hold at least {least} photographs each; a judge needs two or more")
    chosen = [index for index, name in enumerate(names) if name in kept]
    stacked = torch.from_numpy(np.stack([pictures[index] for index in chosen])).permute(0, 3, 1, 2).contiguous()
    return stacked, torch.tensor([kept.index(names[index]) for index in chosen]), kept


def train_judge(
    pictures: Tensor, labels: Tensor, size: int, epochs: int, learning_rate: float, seed: int, device: torch.device
) -> nn.Module:
    """Return a ResNet-18 that tells labels of colour pictures apart, in eval mode.

    Args:
        pictures: uint8 (N, 3, side, side).
        labels: (N,).
        size: Side in pixels of the random crops that it sees.
        epochs: Rounds through the pictures.
        learning_rate: Peak of the one cycle.
        seed: Of everything random.
        device: Where it trains and stays.
    """
    torch.manual_seed(seed)
    network = torchvision.models.resnet18(weights=None, num_classes=int(labels.max()) + 1)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=0.05)
    steps = epochs * max(1, len(pictures) // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    # Emulated bfloat16 takes six times as long as float32, and a judge of two plain colours stayed at chance in it.
    precision = choose_precision(device)
    room = pictures.shape[-1] - size
    # Folders differ in size by ten times; without weights the judge would answer the largest.
    weight = 1 / torch.bincount(labels).float().sqrt()
    weight = (weight / weight.mean()).to(device)
    for step in range(steps):
        chosen = torch.randint(len(pictures), (min(BATCH_SIZE, len(pictures)),))
        top, left = torch.randint(room + 1, (2,)).tolist()
        x = pictures[chosen, :, top : top + size, left : left + size].to(device).float() / 127.5 - 1
        if step % 2:
            x = x.flip(3)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision is torch.bfloat16):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), labels[chosen].to(device), weight, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def predict_log_probs(network: nn.Module, pictures: Tensor, size: int, device: torch.device) -> Tensor:
    """Return the log-probabilities (N, labels) of pictures, from the mean logits of their middle and its mirror image.

    Args:
        network: Takes RGB (B, 3, size, size) in -1..1 and returns logits.
        pictures: uint8 (N, 3, side, side), the side at least the size.
        size: Side in pixels of the network's input.
        device: Where the network is.
    """
    start = (pictures.shape[-1] - size) // 2
    results = []
    for batch in pictures[:, :, start : start + size, start : start + size].split(BATCH_SIZE):
        x = batch.to(device).float() / 127.5 - 1
        results.append(((network(x) + network(x.flip(3))) / 2).log_softmax(dim=1).cpu())
    return torch.cat(results)


def _train_on_folders(settings: JudgeSettings, device: torch.device) -> tuple[nn.Module, dict[str, dict[str, float]]]:
    """Return a judge that was trained on labelled photographs, and how good it is on those held out."""
    stored = round(settings.size * STORED)
    pictures, labels, names = read_labelled(settings.photos, stored, settings.least)
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
    in_color, true_labels = pictures[held_out], labels[held_out]
    in_grey = torch.stack([_tensor(_grey(picture)) for picture in in_color])
    row = {"labels": float(len(names)), "chance": float(labels.bincount().max()) / len(labels)}
    for name, inputs in (("accuracy in colour", in_color), ("accuracy in grey", in_grey)):
        log_probs = predict_log_probs(network, inputs, settings.size, device)
        row[name] = float((log_probs.argmax(dim=1) == true_labels).float().mean())
    return network, {"judge": row}


def compare(log_probs: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Return how well each row's log-probabilities agree with those of the row of true pictures.

    Args:
        log_probs: (N, labels) by row; at least grey and truth, of the same pictures in the same order.

    Returns:
        By row: ``agreement``, the share of equal likeliest labels; ``divergence``, the mean Kullback-Leibler divergence
        from the truth's distribution, in nats; ``gain``, the share of grey's divergence that is gone; ``top1_gain``,
        the share of grey's disagreement that is gone.
    """
    truth = log_probs[TRUTH]
    divergence = {
        name: float(F.kl_div(row, truth, reduction="batchmean", log_target=True)) for name, row in log_probs.items()
    }
    agreement = {
        name: float((row.argmax(dim=1) == truth.argmax(dim=1)).float().mean()) for name, row in log_probs.items()
    }
    return {
        name: {
            "agreement": agreement[name],
            "top1_gain": top1_gain(agreement[name], agreement[GREY], agreement[TRUTH]),
            "divergence": divergence[name],
            "gain": 1 - divergence[name] / divergence[GREY],
        }
        for name in log_probs
    }


def _grey(picture: Tensor) -> Picture:
    return _to_rgb(rgb_to_lab(picture.permute(1, 2, 0).contiguous().numpy())[..., 0], None)


def _tensor(picture: Picture) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)


def _to_rgb(lightness: np.ndarray, colorizer: Colorizer | None) -> Picture:
    """Return a lightness (H, W), L 0..100, in a colorizer's colours, or in grey without one."""
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
