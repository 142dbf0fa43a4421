"""Other people's classifiers with ImageNet weights: torchvision's as teachers, timm's as recognisers and judges.

A teacher shows its inner feature maps, for the perceptual and distillation losses, the ``projected`` critic and the
evaluation. A recogniser shows its last feature map and its logits, for the recognition and embedding losses.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.error import URLError

import torch
import torchvision
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.fast_gradients import keep_strided_depthwise_in_float32, remember_what_relu6_gave

Classifier = TypeVar("Classifier", bound=nn.Module)

INNER_LAYERS: dict[str, tuple[int, ...]] = {
    # The ends of the stages at 1/4, 1/8, 1/16 (twice) and inside 1/32: not the 1,280 features that evaluation uses.
    "mobilenet_v2": (3, 6, 10, 13, 16),
    # The ReLUs before max-pools 3, 4 and 5, as DeOldify takes them.
    "vgg16_bn": (22, 32, 42),
    "resnet18": (4, 5, 6),
    "resnet34": (4, 5, 6),
    "resnet50": (4, 5, 6),
}
"""Classifier -> indices of the body's modules whose outputs the perceptual loss compares."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in 0..1


class TeacherError(ValueError):
    """A teacher's or an encoder's weights cannot be had; the message says which and what to do."""


@dataclass(frozen=True)
class TeacherOutput:
    """A teacher's output for a batch of pictures.

    Attributes:
        features: Inner feature maps, (B, C_i, H_i, W_i) each, from fine to coarse.
        last: The last feature map, (B, C, H / 32, W / 32).
        pooled: Mean of the last feature map over its height and width, (B, C).
        logits: Of the 1,000 ImageNet classes, (B, 1000).
    """

    features: list[Tensor]
    last: Tensor
    pooled: Tensor
    logits: Tensor


class Teacher(nn.Module):
    """A frozen torchvision classifier that also returns its inner feature maps; always in eval mode."""

    def __init__(self, name: str, classifier: nn.Module, symmetric_input: bool = False) -> None:
        """Freeze a classifier.

        Args:
            name: Its torchvision name, which selects the inner layers from ``INNER_LAYERS``.
            classifier: Has a ``features`` body, or is a ResNet.
            symmetric_input: It expects RGB in -1..1 instead of RGB normalised by ImageNet's mean and deviation.

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
        mean, std = ((0.5,) * 3, (0.5,) * 3) if symmetric_input else (IMAGENET_MEAN, IMAGENET_STD)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.requires_grad_(False)
        super().train(False)

    def train(self, mode: bool = True) -> Teacher:
        """Stay in eval mode: a teacher's batch-norm statistics never move."""
        return super().train(False)

    def forward(self, rgb: Tensor) -> TeacherOutput:
        """Return the feature maps and logits of pictures.

        Args:
            rgb: (B, 3, H, W), sRGB 0..1; gradients flow back to it.
        """
        features, x = self._run(rgb, len(self.body))
        logits = self.head(torch.flatten(self.pool(x), 1))
        return TeacherOutput(features, x, x.mean(dim=(2, 3)), logits)

    @property
    def channels(self) -> int:
        """Number of channels of the last feature map."""
        with torch.no_grad():
            return self._run(self.mean.new_zeros(1, 3, 64, 64), len(self.body))[1].shape[1]

    def inner_features(self, rgb: Tensor) -> list[Tensor]:
        """Return the inner feature maps alone, (B, C_i, H_i, W_i) each; the layers behind them are not run.

        Args:
            rgb: (B, 3, H, W), sRGB 0..1.

        Raises:
            TeacherError: ``INNER_LAYERS`` does not list this classifier.
        """
        if not self.inner:
            raise TeacherError(f"{self.name}: no inner layers are listed; use one of {', '.join(INNER_LAYERS)}")
        return self._run(rgb, self.inner[-1] + 1)[0]

    def _run(self, rgb: Tensor, depth: int) -> tuple[list[Tensor], Tensor]:
        """Return the inner feature maps among the first ``depth`` modules of the body, and the last one's output."""
        x = (rgb - self.mean) / self.std
        features = []
        for index, module in enumerate(self.body[:depth]):
            x = module(x)
            if index in self.inner:
                features.append(x)
        return features, x


def load_teacher(file: Path | None = None, name: str = "mobilenet_v2") -> Teacher:
    """Return a teacher with ImageNet weights.

    Args:
        file: A safetensors file of a torchvision classifier, whose metadata may name its ``architecture``
            (``torchvision.models.NAME``) and ``input`` range. None: torchvision's own weights, downloaded.
        name: The classifier's torchvision name, where the file does not say it.

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


class TimmClassifier(nn.Module):
    """A timm classifier that takes RGB in -1..1, as the trained judge does.

    Attributes:
        size: Side in pixels of the pictures that it was trained on.
    """

    def __init__(self, name: str, file: Path | None = None) -> None:
        """Build the classifier and load its weights.

        Args:
            name: Its name in timm.
            file: Safetensors of its weights; None: timm downloads them.

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
        """Return pictures (B, 3, H, W), sRGB 0..1, less the mean and over the deviation that the weights expect."""
        return (rgb - self.mean) / self.std

    def forward(self, x: Tensor) -> Tensor:
        # x (B, 3, H, W) in -1..1 -> (B, classes)
        return self.network(self.normalized((x + 1) / 2))


class Recogniser(nn.Module):
    """A frozen timm classifier that returns its last feature map and its logits; always in eval mode."""

    def __init__(self, name: str, file: Path | None = None) -> None:
        """Build the classifier, load its weights and freeze it.

        Args:
            name: The classifier's name in timm.
            file: Safetensors of its weights; None: timm downloads them.

        Raises:
            ValueError: timm is not installed or knows no such classifier, or the weights do not fit or cannot be had.
        """
        super().__init__()
        self.classifier = TimmClassifier(name, file)
        keep_strided_depthwise_in_float32(self.classifier)
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
        network = cast(Any, self.classifier.network)  # timm's convention, which nn.Module does not know
        features = network.forward_features(self.classifier.normalized(rgb))
        return features, network.forward_head(features)


def fold_frozen(classifier: Classifier) -> Classifier:
    """Return a copy of a frozen classifier whose batch norms are folded into the convolutions before them.

    The same answers but for rounding, without the passes over memory, forwards and backwards, that a batch norm takes.

    Args:
        classifier: Of ``Teacher`` or ``Recogniser``, in eval mode; not changed.
    """
    folded = copy.deepcopy(classifier)
    for module in folded.modules():
        conv: nn.Conv2d | None = None
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d) and conv is not None:
                # The convolution's own class stays: it may compute in float32, or pad as TensorFlow does.
                fused = fuse_conv_bn_eval(conv, child)
                conv.weight, conv.bias = (nn.Parameter(cast(Tensor, x), False) for x in (fused.weight, fused.bias))
                setattr(module, name, getattr(child, "act", nn.Identity()))  # timm's norms hold their activation
            conv = child if isinstance(child, nn.Conv2d) else None
    remember_what_relu6_gave(folded)
    return folded


def read_tensors(path: Path, error: type[ValueError]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata of an existing safetensors file.

    Args:
        path: Of the file.
        error: Class of the exception that is raised if the file is broken.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except SafetensorError as reason:
        raise error(f"{path}: not a whole safetensors file ({reason}); make or fetch it anew") from reason
