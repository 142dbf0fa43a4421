"""Judges: classifiers that take no part in the training of generators. One is trained here, another is timm's."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.inference import choose_precision
from colorize.lab import Picture
from training.photos import PhotosError, decode, iterate_files

BATCH = 64


class TakenClassifier(nn.Module):
    """A timm classifier that is shown RGB in -1..1, as the trained judge is."""

    def __init__(self, name: str, file: Path | None = None) -> None:
        """Build it.

        Raises:
            ValueError: timm is not installed or knows no such classifier, or the weights do not fit or cannot be had.
        """
        super().__init__()
        try:
            import timm
            from timm.data.config import resolve_model_data_config
        except ImportError as error:
            raise ValueError(f"{name}: timm is not installed; pip install timm") from error
        try:
            self.network = timm.create_model(name, pretrained=file is None)
            if file is not None:
                state = load_file(file)
                self.network.load_state_dict({**self.network.state_dict(), **state})
        except (RuntimeError, OSError, SafetensorError) as error:
            raise ValueError(f"{name}: {str(error).splitlines()[-1].strip()[:150]}; give classifier_file") from error
        config = resolve_model_data_config(self.network)
        self.size: int = config["input_size"][-1]
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(config["mean"]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(config["std"]).view(1, 3, 1, 1))

    def normalized(self, rgb: Tensor) -> Tensor:
        """Return pictures (B, 3, H, W), sRGB 0..1, as the classifier was trained on them."""
        return (rgb - self.mean) / self.std

    def forward(self, x: Tensor) -> Tensor:
        # x (B, 3, H, W) in -1..1 -> (B, classes)
        return self.network(self.normalized((x + 1) / 2))


def collect(sources: Sequence[Path], side: int, least: int) -> tuple[Tensor, Tensor, list[str]]:
    """Return uint8 pictures (N, 3, side, side), their labels (N,), and the labels' names.

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
    steps = epochs * max(1, len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    # Emulated bfloat16 takes six times as long as float32, and a judge of two plain colours stayed at chance in it.
    precision = choose_precision(device)
    room = pictures.shape[-1] - size
    # Folders differ in size by ten times; without weights the judge would answer the largest.
    weight = 1 / torch.bincount(labels).float().sqrt()
    weight = (weight / weight.mean()).to(device)
    for step in range(steps):
        chosen = torch.randint(len(pictures), (min(BATCH, len(pictures)),))
        top, left = torch.randint(room + 1, (2,)).tolist()
        x = pictures[chosen, :, top : top + size, left : left + size].to(device).float() / 127.5 - 1
        if step % 2:
            x = x.flip(3)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision is torch.bfloat16):
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


def read_pictures(source: Path) -> Iterator[tuple[str, Picture]]:
    """Yield name and upright picture of every photograph; broken ones are named and left out."""
    for name, data in iterate_files(source):
        try:
            picture = np.asarray(decode(data))
        except Exception as error:  # Pillow raises a dozen kinds on broken files
            warnings.warn(f"{source}:{name}: left out ({type(error).__name__}: {error})", stacklevel=2)
            continue
        yield name, picture


def middle_square(picture: Picture, side: int) -> Picture:
    """Return the middle square, reduced."""
    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    part = picture[top : top + short, left : left + short]
    return np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
