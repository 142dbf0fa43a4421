"""Other people's classifiers, and one that is trained here: as teachers, as recognisers in a loss, and as judges."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError

import cv2
import numpy as np
import torch
import torchvision
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.color import Picture
from colorize.network import choose_precision
from training.photos import PhotosError, decode, iterate_files


def read_tensors(path: Path, error: type[ValueError]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file that is there, and its metadata.

    Args:
        path: Of a safetensors file.
        error: Raised if it is not whole.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except SafetensorError as reason:
        raise error(f"{path}: not a whole safetensors file ({reason}); make or fetch it anew") from reason


INNER_LAYERS: dict[str, tuple[int, ...]] = {
    # The ends of the stages at 1/4, 1/8, 1/16 (twice) and inside 1/32: not the 1,280 features that evaluation grades.
    "mobilenet_v2": (3, 6, 10, 13, 16),
    # The ReLUs before max-pools 3, 4 and 5, as DeOldify takes them.
    "vgg16_bn": (22, 32, 42),
    "resnet18": (4, 5, 6),
    "resnet34": (4, 5, 6),
    "resnet50": (4, 5, 6),
}
"""Classifier -> indices of the body's modules whose outputs the perceptual loss compares."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, what torchvision's weights expect


class TeacherError(ValueError):
    """A teacher cannot be had; the message says which and what to do."""


@dataclass(frozen=True)
class TeacherOutput:
    """What a classifier sees.

    Attributes:
        features: Inner feature maps, (B, C_i, H_i, W_i) each, from fine to coarse.
        last: The last feature map (B, C, H / 32, W / 32).
        pooled: Its mean over the places, (B, C).
        logits: (B, 1000).
    """

    features: list[Tensor]
    last: Tensor
    pooled: Tensor
    logits: Tensor


class _InFloat32:
    """Mixed in before a convolution's own class: autocast leaves it in float32 on a CPU.

    There the input gradient of a depthwise convolution with stride 2 is three to ninety times slower in bfloat16 than
    in float32 (PyTorch 2.14); the four of MobileNetV2 were an eighth of a pretraining step at 64 px.
    """

    weight: Tensor

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu":
            return super().forward(input)  # type: ignore[misc]
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.to(self.weight.dtype))  # type: ignore[misc]


def keep_strided_depthwise_in_float32(body: nn.Module) -> None:
    """Let autocast pass by the depthwise convolutions with a stride, which are slow in bfloat16 on a CPU."""
    for module in body.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1 and module.stride != (1, 1):
            kind = type(module)
            module.__class__ = type(f"Float32{kind.__name__}", (_InFloat32, kind), {})


class Teacher(nn.Module):
    """A frozen torchvision classifier that also shows its inner layers; always in eval mode."""

    def __init__(self, name: str, classifier: nn.Module, symmetric_input: bool = False) -> None:
        """Wrap a classifier.

        Args:
            name: Its torchvision name; decides which inner layers are compared.
            classifier: With a ``features`` body, or a ResNet.
            symmetric_input: It wants RGB in -1..1 rather than ImageNet's mean and deviation.

        Raises:
            TeacherError: The classifier has neither a ``features`` body nor a ResNet's stages.
        """
        super().__init__()
        self.name = name
        self.inner = INNER_LAYERS.get(name, ())
        head = getattr(classifier, "classifier", None) or getattr(classifier, "fc", None)
        body = getattr(classifier, "features", None)
        if body is None and hasattr(classifier, "layer4"):
            stages = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
            body = [classifier.get_submodule(stage) for stage in stages]
        if body is None or head is None:
            raise TeacherError(
                f"{name}: neither a classifier with a `features` body nor a ResNet; choose another teacher"
            )
        self.body = nn.ModuleList(body)
        keep_strided_depthwise_in_float32(self.body)
        self.pool: nn.Module = getattr(classifier, "avgpool", None) or nn.AdaptiveAvgPool2d(1)
        self.head: nn.Module = head
        self.mean: Tensor
        self.std: Tensor
        mean, std = ((0.5,) * 3, (0.5,) * 3) if symmetric_input else (MEAN, STD)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.requires_grad_(False)
        super().train(False)

    def train(self, mode: bool = True) -> Teacher:
        """Stay in eval mode: a teacher's batch-norm statistics never move."""
        return super().train(False)

    def forward(self, rgb: Tensor) -> TeacherOutput:
        """Look at pictures.

        Args:
            rgb: (B, 3, H, W), sRGB 0..1; gradients flow back to it.
        """
        features, x = self._walk(rgb, len(self.body))
        logits = self.head(torch.flatten(self.pool(x), 1))
        return TeacherOutput(features, x, x.mean(dim=(2, 3)), logits)

    @property
    def channels(self) -> int:
        """Channels of the last feature map."""
        with torch.no_grad():
            return self._walk(self.mean.new_zeros(1, 3, 64, 64), len(self.body))[1].shape[1]

    def inner_features(self, rgb: Tensor) -> list[Tensor]:
        """Return only the inner feature maps; the last layers are not run.

        Args:
            rgb: (B, 3, H, W), sRGB 0..1.
        """
        if not self.inner:
            raise TeacherError(f"{self.name}: no inner layers are listed; use one of {', '.join(INNER_LAYERS)}")
        return self._walk(rgb, self.inner[-1] + 1)[0]

    def _walk(self, rgb: Tensor, depth: int) -> tuple[list[Tensor], Tensor]:
        x = (rgb - self.mean) / self.std
        features = []
        for index, module in enumerate(self.body[:depth]):
            x = module(x)
            if index in self.inner:
                features.append(x)
        return features, x


def load_teacher(file: Path | None = None, name: str = "mobilenet_v2") -> Teacher:
    """Return a classifier with ImageNet weights.

    Args:
        file: A safetensors file of a torchvision classifier, whose metadata may name its ``architecture``
            (``torchvision.models.NAME``) and ``input`` range. None: torchvision's own weights, downloaded.
        name: The torchvision name, where the file does not say it.

    Raises:
        FileNotFoundError: There is no such file.
        TeacherError: The weights cannot be downloaded, or the file does not fit.
    """
    if file is None:
        try:
            return Teacher(name, torchvision.models.get_model(name, weights="DEFAULT"))
        except (URLError, OSError, ValueError) as error:
            raise TeacherError(f"{name}: its ImageNet weights cannot be downloaded ({error}); name a file") from error
    if not Path(file).is_file():
        raise FileNotFoundError(f"{file}: no such teacher file")
    tensors, metadata = read_tensors(file, TeacherError)
    state = {name: value.float() for name, value in tensors.items()}
    name = metadata.get("architecture", name).removeprefix("torchvision.models.")
    classifier = torchvision.models.get_model(name, weights=None)
    counters = {key: value for key, value in classifier.state_dict().items() if key.endswith("num_batches_tracked")}
    try:
        classifier.load_state_dict({**counters, **state})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise TeacherError(f"{file}: not the weights of {name} ({reason[:100]})") from error
    return Teacher(name, classifier, symmetric_input="[-1,1]" in metadata.get("input", ""))


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
