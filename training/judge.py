"""A second judge: a small colour classifier that took no part in any training of the generators.

    python -m training.judge --photos photos/ --judged val/ --weights weights/stable.safetensors other.safetensors

It learns to tell, from colour photographs, which folder each came from (a weak label of what it shows). Then it looks
at other photographs: as they are, in grey, and coloured. Colours that mean something bring its answers nearer to those
it gives to the truth; grey is the measure to be beaten. The perceptual loss and the evaluation share one classifier,
so figures of a stranger are worth having.
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

from colorize.colorizer import Colorizer
from colorize.inference import choose_device
from colorize.lab import Picture, lab_to_rgb, rgb_to_lab
from training.grading import GREY, TRUTH
from training.photos import PhotosError, decode, iterate_files

STORED = 9 / 8  # of the judged size: room for random crops
HELD_OUT = 10  # every tenth photograph of a folder tells how good the judge is
BATCH = 64


@dataclass(frozen=True)
class JudgeSettings:
    """Train a judge and let it look.

    Attributes:
        photos: Folders or tars whose sub-folders are the labels.
        judged: Folder or tar of other photographs, which are judged.
        weights: Generators' weights files or released names.
        output: JSON file for the figures.
        size: Side in pixels of what the judge sees.
        epochs: Rounds through the photographs.
        least: Folders with fewer photographs are left out.
        learning_rate: Peak of the one cycle.
        limit: Judge only so many photographs, evenly spaced.
        seed: Of everything random.
        device: cuda, mps or cpu; chosen by itself if left out.
    """

    photos: tuple[Path, ...]
    judged: Path
    weights: tuple[str, ...]
    output: Path | None = None
    size: int = 64
    epochs: int = 8
    least: int = 200
    learning_rate: float = 2e-3
    limit: int | None = None
    seed: int = 0
    device: str | None = None


def collect(sources: Sequence[Path], side: int, least: int) -> tuple[Tensor, Tensor, list[str]]:
    """Return uint8 pictures (N, 3, side, side), their labels (N,), and the labels' names.

    Raises:
        FileNotFoundError: There is no such source.
        PhotosError: Fewer than two folders hold enough photographs.
    """
    pictures, names = [], []
    for source in sources:
        for name, picture in _pictures(source):
            pictures.append(_square(picture, side))
            names.append(Path(name).parent.name)
    counts = Counter(names)
    kept = sorted(name for name, count in counts.items() if count >= least)
    if len(kept) < 2:
        raise PhotosError(f"{len(kept)} folders hold at least {least} photographs each; a judge needs two or more")
    chosen = [index for index, name in enumerate(names) if name in kept]
    stacked = torch.from_numpy(np.stack([pictures[index] for index in chosen])).permute(0, 3, 1, 2).contiguous()
    return stacked, torch.tensor([kept.index(names[index]) for index in chosen]), kept


def train_judge(pictures: Tensor, labels: Tensor, settings: JudgeSettings, device: torch.device) -> nn.Module:
    """Return a ResNet-18 that tells labels of colour pictures apart, in eval mode."""
    torch.manual_seed(settings.seed)
    network = torchvision.models.resnet18(weights=None, num_classes=int(labels.max()) + 1)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=0.05)
    steps = settings.epochs * max(1, len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    room = pictures.shape[-1] - settings.size
    # Folders differ in size by ten times; without weights the judge would answer the largest.
    weight = 1 / torch.bincount(labels).float().sqrt()
    weight = (weight / weight.mean()).to(device)
    for step in range(steps):
        chosen = torch.randint(len(pictures), (min(BATCH, len(pictures)),))
        top, left = torch.randint(room + 1, (2,)).tolist()
        x = pictures[chosen, :, top : top + settings.size, left : left + settings.size].to(device).float() / 127.5 - 1
        if step % 2:
            x = x.flip(3)
        with torch.autocast(device.type, torch.bfloat16):
            answers = network(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(answers.float(), labels[chosen].to(device), weight, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def answers_of(network: nn.Module, pictures: Tensor, size: int, device: torch.device) -> Tensor:
    """Return log-probabilities (N, labels) of uint8 pictures, their middles and these mirrored."""
    start = (pictures.shape[-1] - size) // 2
    results = []
    for part in pictures[:, :, start : start + size, start : start + size].split(BATCH):
        x = part.to(device).float() / 127.5 - 1
        results.append(((network(x) + network(x.flip(3))) / 2).log_softmax(dim=1).cpu())
    return torch.cat(results)


def judge(settings: JudgeSettings) -> dict[str, dict[str, float]]:
    """Train the judge, let it look, and return the figures by row; the row ``judge`` tells how good it is.

    Raises:
        FileNotFoundError: There is no such source or weights file.
        PhotosError: The photographs are too few.
        WeightsError: Weights cannot be used.
    """
    device = choose_device(settings.device)
    stored = round(settings.size * STORED)
    pictures, labels, names = collect(settings.photos, stored, settings.least)
    held_out = torch.arange(len(pictures)) % HELD_OUT == 0
    network = train_judge(pictures[~held_out], labels[~held_out], settings, device)
    own, own_labels = pictures[held_out], labels[held_out]
    grey = torch.stack([_tensor(_grey(picture)) for picture in own])
    figures = {"judge": {"labels": float(len(names)), "chance": float(labels.bincount().max()) / len(labels)}}
    for name, shown in (("accuracy in colour", own), ("accuracy in grey", grey)):
        answers = answers_of(network, shown, settings.size, device)
        figures["judge"][name] = float((answers.argmax(dim=1) == own_labels).float().mean())
    truths = [picture for _, picture in _pictures(settings.judged)]
    if settings.limit:
        truths = [truths[i] for i in np.linspace(0, len(truths) - 1, settings.limit).round().astype(int)]
    rows = {TRUTH: truths, GREY: [_to_rgb(rgb_to_lab(truth)[..., 0], None) for truth in truths]}
    for weights in settings.weights:
        colorizer = Colorizer(weights, device=settings.device)
        rows[Path(weights).stem] = [_to_rgb(rgb_to_lab(truth)[..., 0], colorizer) for truth in truths]
    seen = {
        name: answers_of(network, torch.stack([_tensor(_square(p, stored)) for p in row]), settings.size, device)
        for name, row in rows.items()
    }
    return {**figures, **compare(seen)}


def compare(seen: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Return, for each row of log-probabilities, its agreement with the truth's answers.

    Returns:
        ``agreement``: share of equal answers; ``divergence``: mean Kullback-Leibler divergence from the truth's
        answers, in nats; ``gain``: share of grey's divergence that is gone.
    """
    truth = seen[TRUTH]
    divergence = {
        name: float(F.kl_div(answers, truth, reduction="batchmean", log_target=True)) for name, answers in seen.items()
    }
    return {
        name: {
            "agreement": float((answers.argmax(dim=1) == truth.argmax(dim=1)).float().mean()),
            "divergence": divergence[name],
            "gain": 1 - divergence[name] / divergence[GREY],
        }
        for name, answers in seen.items()
    }


def _pictures(source: Path) -> Iterator[tuple[str, Picture]]:
    """Yield name and upright picture of every photograph; broken ones are named and left out."""
    for name, data in iterate_files(source):
        try:
            picture = np.asarray(decode(data))
        except Exception as error:  # Pillow raises a dozen kinds on broken files
            warnings.warn(f"{source}:{name}: left out ({type(error).__name__}: {error})", stacklevel=2)
            continue
        yield name, picture


def _square(picture: Picture, side: int) -> Picture:
    """Return the middle square, reduced."""
    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    part = picture[top : top + short, left : left + short]
    return np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _grey(picture: Tensor) -> Picture:
    return _to_rgb(rgb_to_lab(picture.permute(1, 2, 0).contiguous().numpy())[..., 0], None)


def _tensor(picture: Picture) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)


def _to_rgb(lightness: np.ndarray, colorizer: Colorizer | None) -> Picture:
    ab = np.zeros((*lightness.shape, 2), np.float32) if colorizer is None else colorizer.predict_ab(lightness)
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
