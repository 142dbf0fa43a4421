"""The ImageNet teacher: what a classifier sees in a colour picture.

It serves three ends: its inner layers are the perceptual loss, its last map and logits teach an encoder that is fed
grey (``training.distill_encoder``), and its pooled features and answers grade the result (``training.evaluate``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor, nn

from training.tensor_file import read_tensors

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
