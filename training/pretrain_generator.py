"""Train the generator alone: content, perceptual, colourfulness and gradient losses against the true colours.

python -m training.pretrain_generator --photos photos/ --output runs/pretrain --encoder-weights imagenet
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
import torchvision
import tyro
from torch import Tensor, nn

from colorize.generator import Generator, GeneratorConfig
from colorize.lab import lab_tensor_to_rgb
from colorize.weights import WeightsInfo, load_generator, save_generator
from training.callbacks import DivergedError
from training.config import PretrainConfig
from training.distill_encoder import load_encoder_weights
from training.losses import GeneratorLoss
from training.stage import command_line_of, device_of, prepare_data, run_stage
from training.teacher import load_teacher


def build_generator(config: PretrainConfig) -> Generator:
    """Return the generator that a run starts from.

    Raises:
        WeightsError: The weights to start from cannot be used.
        TeacherError: The encoder weights cannot be used.
    """
    if config.weights is not None:
        return load_generator(config.weights).train()
    torch.manual_seed(config.run.seed)
    generator = Generator(GeneratorConfig(backbone=config.backbone))
    if config.encoder_weights == "imagenet":
        resnet = torchvision.models.get_model(config.backbone, weights="DEFAULT")
        generator.encoder.load_rgb_weights(resnet.state_dict())
    elif config.encoder_weights != "none":
        load_encoder_weights(generator.encoder, Path(config.encoder_weights), config.backbone)
    return generator


class Pupil(nn.Module):
    """A generator in training, with a head that makes its encoder guess what a classifier sees in colour.

    Knowing what things are is the bottleneck of colouring, and the encoder forgets it when only ab is asked of it.
    The head is left behind when the generator is released.
    """

    def __init__(self, generator: Generator, channels: int) -> None:
        """Add the head.

        Args:
            generator: To be trained.
            channels: Of the classifier's last feature map; 0: no classifier, the guess is not used.
        """
        super().__init__()
        self.generator = generator
        width = generator.encoder.channels[-1]
        self.features = nn.Conv2d(width, channels, 1) if channels else nn.Identity()

    def forward(self, lightness: Tensor, hints: Tensor) -> tuple[Tensor, Tensor]:
        # lightness (B, 1, H, W), hints (B, 3, H, W), H and W multiples of 32 -> ab (B, 2, H, W), (B, C, H/32, W/32)
        x = torch.cat([lightness, hints], dim=1)
        seen = self.generator.encoder(x)
        return self.generator.decode(x, seen), self.features(seen[-1])


def sample_sheet(generator: nn.Module, batch: tuple[Tensor, Tensor, Tensor], count: int = 12) -> np.ndarray:
    """Return a picture with a row each of: grey, result, result with hints, truth.

    Args:
        generator: In eval mode.
        batch: lightness, hints, lab.
        count: Columns.

    Returns:
        uint8 (4 * H, count * W, 3), BGR as OpenCV writes it.
    """
    lightness, hints, lab = (part[:count] for part in batch)
    with torch.inference_mode():
        plain, hinted = generator(lightness), generator(lightness, hints)
    rows = [torch.zeros_like(plain), plain, hinted, lab[:, 1:]]
    rgb = [lab_tensor_to_rgb(torch.cat([lab[:, :1], ab.float()], dim=1)) for ab in rows]
    strips = [torch.cat(list(row), dim=2) for row in rgb]
    sheet = (torch.cat(strips, dim=1).permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    return np.ascontiguousarray(sheet[..., ::-1])


def pretrain(config: PretrainConfig, command_line: str = "") -> Path:
    """Run the stage and return its weights file.

    Raises:
        PhotosError: No or too few usable photographs.
        TeacherError: The perceptual loss's classifier cannot be had.
        WeightsError: The weights to start from cannot be used.
        CheckpointError: The output folder's checkpoint does not fit.
        DivergedError: The loss is no longer a number.
    """
    run = config.run
    device = device_of(run)
    generator = build_generator(config)
    teacher = load_teacher(config.perceptual, config.perceptual_name) if config.losses.needs_teacher else None
    loss = GeneratorLoss(config.losses, teacher).to(device)
    pupil = Pupil(generator, teacher.channels if teacher is not None and config.losses.distillation else 0)
    data = prepare_data(run, config.hinted, config.damaged)
    sheet_batch = data.valid.batch(0)
    info = WeightsInfo(generator.config, config.render_size or run.sizes[-1], command_line)

    def release(epochs: int, network: nn.Module) -> None:
        network.eval()
        released = cast(Pupil, network).generator
        save_generator(released, run.output / "weights.safetensors", info)
        cv2.imwrite(str(run.output / f"samples-{epochs:04d}.png"), sample_sheet(released, sheet_batch))

    network = run_stage(config, pupil, loss, data, release, lambda: loss.parts)
    path = run.output / "weights.safetensors"
    if not path.is_file():
        release(run.epochs, network)
    return path


def main() -> None:
    """Parse the command line and train."""
    config = tyro.cli(PretrainConfig, description=__doc__)
    try:
        print(pretrain(config, command_line_of("pretrain_generator", sys.argv[1:])))
    except (OSError, ValueError, DivergedError) as error:
        sys.exit(f"pretrain_generator: {error}")


if __name__ == "__main__":
    main()
