"""Teach a ResNet, which is fed grey, to predict what an ImageNet classifier sees in the colour picture.

For places where the ResNet's own ImageNet weights cannot be had, or simply because the result knows grey pictures.

    python -m training.distill_encoder --photos photos/ --output runs/encoder --teacher mobilenet_v2.safetensors
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
import tyro
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.base import replacing
from colorize.color import lab_tensor_to_rgb
from colorize.network import HINT_CHANNELS, LIGHTNESS_CHANNELS, ResNetEncoder, metadata_in_order
from training.budget import within_minutes
from training.callbacks import DivergedError
from training.classifiers import Teacher, TeacherError, load_teacher, read_tensors
from training.config import DistillConfig
from training.stage import run_stage
from training.stage_data import device_of, prepare_data

FORMAT = "colorize-encoder/1"


class Student(nn.Module):
    """An encoder with two heads, which predict the teacher's last feature map and its logits."""

    def __init__(self, backbone: str, channels: int, classes: int) -> None:
        super().__init__()
        self.encoder = ResNetEncoder(backbone, LIGHTNESS_CHANNELS + HINT_CHANNELS)
        self.features = nn.Conv2d(self.encoder.channels[-1], channels, 1)
        self.logits = nn.Linear(self.encoder.channels[-1], classes)

    def forward(self, lightness: Tensor, hints: Tensor) -> tuple[Tensor, Tensor]:
        # lightness (B, 1, H, W), hints (B, 3, H, W) -> (B, C, H/32, W/32), (B, classes)
        last = self.encoder(torch.cat([lightness, hints], dim=1))[-1]
        return self.features(last), self.logits(last.mean(dim=(2, 3)))


class DistillationLoss(nn.Module):
    """Cosine distance of the feature maps plus divergence of the class distributions (Hinton et al. 2015).

    Attributes:
        parts: The last call's terms by name, for the log.
    """

    def __init__(self, teacher: Teacher, teacher_size: int, temperature: float = 2.0) -> None:
        super().__init__()
        self.teacher, self.size, self.temperature = teacher, teacher_size, temperature
        self.parts: dict[str, Tensor] = {}

    def forward(self, output: tuple[Tensor, Tensor], lab: Tensor) -> Tensor:
        # output: features (B, C, h, w), logits (B, classes); lab (B, 3, H, W)
        features, logits = output
        with torch.no_grad():
            rgb = lab_tensor_to_rgb(lab)
            if self.size != rgb.shape[-1]:
                rgb = F.interpolate(rgb, size=(self.size, self.size), mode="bilinear", antialias=True)
            truth = self.teacher(rgb)
            target = F.adaptive_avg_pool2d(truth.last, (features.shape[2], features.shape[3]))
        distance = 1 - F.cosine_similarity(features, target, dim=1).mean()
        divergence = F.kl_div(
            F.log_softmax(logits / self.temperature, dim=1),
            F.log_softmax(truth.logits / self.temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        self.parts = {"features": distance.detach(), "logits": divergence.detach()}
        return distance + divergence * self.temperature**2 / 4


def save_encoder(encoder: ResNetEncoder, path: Path, backbone: str) -> None:
    """Write an encoder's weights, float32, and its backbone's name; the former file survives a failure."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    with replacing(path, overwrite=True) as file:
        file.write(metadata_in_order(save(tensors, {"format": FORMAT, "backbone": backbone})))


def load_encoder_weights(encoder: ResNetEncoder, path: Path, backbone: str) -> None:
    """Load what ``save_encoder`` wrote, or a torchvision ResNet's weights, into a generator's encoder.

    Args:
        encoder: A generator's; changed in place.
        path: Safetensors of ``distill_encoder``, or of a torchvision ResNet, which takes RGB.
        backbone: The encoder's, a name in ``colorize.network.BACKBONES``.

    Raises:
        FileNotFoundError: There is no such file.
        TeacherError: The file is broken, foreign or of another backbone.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such encoder weights")
    state, metadata = read_tensors(path, TeacherError)
    if metadata.get("format") == FORMAT and metadata.get("backbone") == backbone:
        encoder.load_state_dict(state)
    elif "format" in metadata or "conv1.weight" not in state:
        raise TeacherError(f"{path}: not encoder weights of {backbone} but {metadata or 'without a description'}")
    else:
        try:
            encoder.load_rgb_weights(state)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise TeacherError(f"{path}: not a torchvision {backbone} ({reason[:100]})") from error


def distill(config: DistillConfig) -> Path:
    """Run the stage and return the encoder's file.

    Raises:
        PhotosError: No or too few usable photographs.
        TeacherError: The teacher cannot be had.
        CheckpointError: The output folder's checkpoint does not fit.
        DivergedError: The loss is no longer a number.
    """
    run = within_minutes(config.run, lambda trial: distill(replace(config, run=trial)))
    config = replace(config, run=run)
    torch.manual_seed(run.seed)
    teacher = load_teacher(config.teacher, config.teacher_name)
    with torch.no_grad():
        output = teacher(torch.zeros(1, 3, 64, 64))
    student = Student(config.backbone, output.last.shape[1], output.logits.shape[1])
    loss = DistillationLoss(teacher, config.teacher_size).to(device_of(run))
    data = prepare_data(run, hint_prob=0.0, degradation_prob=0.5)
    path = run.output / "encoder.safetensors"

    def write_encoder(epochs: int, network: nn.Module) -> None:
        save_encoder(network.encoder, path, config.backbone)  # type: ignore[arg-type]

    network = run_stage(config, student, loss, data, write_encoder, lambda: loss.parts)
    if not path.is_file():
        write_encoder(run.epochs, network)
    return path


def main() -> None:
    """Parse the command line and train."""
    try:
        config = tyro.cli(DistillConfig, description=__doc__)
        print(distill(config))
    except (OSError, ValueError, DivergedError) as error:
        sys.exit(f"distill_encoder: {error}")


if __name__ == "__main__":
    main()
