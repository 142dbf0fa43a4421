"""The critics, networks that tell real colours from a generator's: one table, ``CRITICS``, and their files.

A critic sees ``lab`` (B, 3, H, W) in network units, so it knows the lightness that the colours belong to and needs no
second input. It returns flat logits (B, N), one a patch or one a picture, above 0 for real; no softmax, no sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from colorize.base import replacing
from colorize.color import lab_tensor_to_rgb
from colorize.network import metadata_in_order
from training.classifiers import Teacher, read_tensors

AB_GAIN = 3.0  # photographs' ab in network units spread a third as wide as their lightness; colours are what counts
COLOR_CELLS = (
    32  # a side; with finer ones colours learn to fringe edges and hair like a rainbow, which classifiers like
)
FORMAT = "colorize-critic/1"  # of a critic's file
LEAK = 0.2  # slope of LeakyReLU below 0 (Radford et al. 2016)


class CriticError(ValueError):
    """A critic cannot be built or loaded; the message says which and what to do."""


class SelfAttention(nn.Module):
    """Self-attention over all places of a feature map (Zhang et al. 2019), which starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key, self.value = (
            spectral_norm(nn.Conv2d(channels, width, 1, bias=False)) for width in (inner, inner, channels)
        )
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        # x (B, C, H, W)
        query, key, value = (
            layer(x).flatten(2).transpose(1, 2).contiguous() for layer in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.gain * attended.transpose(1, 2).reshape(x.shape)


class _Critic(nn.Module):
    """What critics that see Lab share: their input's ab is scaled, their output flattened."""

    layers: nn.Module

    def forward(self, lab: Tensor) -> Tensor:
        # lab (B, 3, H, W) -> (B, N)
        return self.layers(torch.cat([lab[:, :1], lab[:, 1:] * AB_GAIN], dim=1)).flatten(1)


class PatchCritic(_Critic):
    """Strided 4x4 convolutions with 3x3 ones between, spectral norm everywhere: one logit a patch of about 150 pixels.

    DeOldify's critic at a quarter of its width, which suffices (DDColor); Miyato et al. 2018 for the norm.
    """

    def __init__(self, width: int = 64, attention: bool = False) -> None:
        """Build the critic with random weights.

        Args:
            width: Channels at 1/2; doubled at each of 1/4, 1/8 and 1/16.
            attention: Put self-attention at 1/4.
        """
        super().__init__()

        def conv(channels_in: int, channels_out: int, kernel: int, stride: int) -> list[nn.Module]:
            layer = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=1)
            return [spectral_norm(layer), nn.LeakyReLU(LEAK)]

        layers = [*conv(3, width, 4, 2), *conv(width, width, 3, 1)]
        for step in range(3):
            layers += [*conv(width << step, width << (step + 1), 4, 2)]
            if step == 0 and attention:
                layers.append(SelfAttention(width << 1))
            layers += [*conv(width << (step + 1), width << (step + 1), 3, 1)]
        layers.append(spectral_norm(nn.Conv2d(width << 3, 1, 4, padding=1)))
        self.layers = nn.Sequential(*layers)


class DcganCritic(_Critic):
    """DCGAN's critic (Radford et al. 2016): strided convolutions, batch norm but in the first and last, one logit."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(LEAK)]
        for step in range(3):
            layers += [
                nn.Conv2d(width << step, width << (step + 1), 4, 2, 1, bias=False),
                nn.BatchNorm2d(width << (step + 1)),
                nn.LeakyReLU(LEAK),
            ]
        # The paper's last map is 4x4 at its 64 pixels; the pooling makes it so at any size.
        layers += [nn.AdaptiveAvgPool2d(4), nn.Conv2d(width << 3, 1, 4)]
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)


class ClassifierCritic(_Critic):
    """The convolutions of any torchvision classifier, from random weights, pooled, with one logit."""

    def __init__(self, name: str) -> None:
        super().__init__()
        classifier = torchvision.models.get_model(name, weights=None)
        body = getattr(classifier, "features", None)
        if body is None:  # a ResNet: all but its pooling and its classifier
            body = nn.Sequential(*list(classifier.children())[:-2])
        with torch.no_grad():
            channels = body.eval()(torch.zeros(1, 3, 64, 64)).shape[1]
        self.layers = nn.Sequential(body.train(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 1, 1))


class ProjectedCritic(nn.Module):
    """Small heads on the inner features of a frozen classifier that knows ImageNet (Sauer et al. 2021).

    A critic that begins from nothing learns textures first, and its generator answers with patches of any hue. This one
    sees things from its first step, so it knows that grass is not orange. It never uses the classifier's last features,
    by which the evaluation grades. The classifier is random until ``adopt`` loads its weights.
    """

    def __init__(self, width: int = 64) -> None:
        """Build the heads on a classifier with random weights.

        Args:
            width: Channels of the heads.
        """
        super().__init__()
        classifier = torchvision.models.get_model("mobilenet_v2", weights=None)
        self.teacher = Teacher("mobilenet_v2", classifier)
        self.teacher.head = nn.Identity()  # its logits are not used
        with torch.no_grad():
            features = self.teacher.inner_features(torch.zeros(1, 3, 32, 32))
        self.heads = nn.ModuleList(_head(feature.shape[1], width) for feature in features)

    def adopt(self, teacher: Teacher) -> None:
        """Copy a classifier's weights.

        Raises:
            CriticError: The classifier is no MobileNetV2.
        """
        try:
            body = {key: value for key, value in teacher.state_dict().items() if not key.startswith("head.")}
            self.teacher.load_state_dict(body)
        except RuntimeError as error:
            raise CriticError(
                f"a projected critic stands on mobilenet_v2, not on {teacher.name}; take another critic or MobileNetV2"
            ) from error

    def requires_grad_(self, requires_grad: bool = True) -> ProjectedCritic:
        """Set whether the heads train; the classifier never does."""
        self.heads.requires_grad_(requires_grad)
        return self

    def forward(self, lab: Tensor) -> Tensor:
        # lab (B, 3, H, W) -> (B, 4 per head): every scale counts alike, whatever its size
        cells = F.adaptive_avg_pool2d(lab[:, 1:], COLOR_CELLS)
        ab = F.interpolate(cells, lab.shape[2:], mode="bilinear", align_corners=False)
        features = self.teacher.inner_features(lab_tensor_to_rgb(torch.cat([lab[:, :1], ab], dim=1)))
        logits = [F.adaptive_avg_pool2d(head(x), 2) for head, x in zip(self.heads, features, strict=True)]
        return torch.cat(logits, dim=1).flatten(1)


def _head(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, width, 1)),
        nn.LeakyReLU(LEAK),
        spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
        nn.LeakyReLU(LEAK),
        spectral_norm(nn.Conv2d(width, 1, 1)),
    )


CRITICS: dict[str, Callable[[], nn.Module]] = {
    "patch": PatchCritic,
    "patch-attention": partial(PatchCritic, attention=True),
    "dcgan": DcganCritic,
    "projected": ProjectedCritic,
    "resnet18": partial(ClassifierCritic, "resnet18"),
    "vgg16_bn": partial(ClassifierCritic, "vgg16_bn"),
}
"""Name -> how to build the critic, with random weights."""


def build_critic(kind: str) -> nn.Module:
    """Return a critic with random weights.

    Raises:
        CriticError: There is no such kind.
    """
    if kind not in CRITICS:
        raise CriticError(f"unknown critic {kind!r}; choose one of {', '.join(CRITICS)}")
    return CRITICS[kind]()


@dataclass(frozen=True)
class CriticInfo:
    """What a critic's file says about it.

    Attributes:
        kind: Its name in ``CRITICS``.
        accuracy: Share of the real and generated validation pictures that it told right when it was written, 0..1.
    """

    kind: str
    accuracy: float


def save_critic(critic: nn.Module, path: Path, info: CriticInfo) -> None:
    """Write a critic's weights, float32, with its description; the former file survives a failure."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in critic.state_dict().items()}
    with replacing(path, overwrite=True) as file:
        metadata = {"format": FORMAT, "kind": info.kind, "accuracy": repr(info.accuracy)}
        file.write(metadata_in_order(save(tensors, metadata)))


def load_critic(path: Path) -> tuple[nn.Module, CriticInfo]:
    """Return a critic and the description in its file.

    Raises:
        FileNotFoundError: There is no such file.
        CriticError: The file is broken or foreign.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such critic; make one with training.pretrain_critic")
    state, metadata = read_tensors(path, CriticError)
    if metadata.get("format") != FORMAT:
        raise CriticError(f"{path}: not a critic's file; give one that training.pretrain_critic wrote")
    critic = build_critic(metadata["kind"])
    try:
        critic.load_state_dict(state)
    except RuntimeError as error:
        raise CriticError(f"{path}: its tensors do not fit a {metadata['kind']} critic; make it anew") from error
    return critic, CriticInfo(metadata["kind"], float(metadata["accuracy"]))
