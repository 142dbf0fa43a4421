"""Train a critic alone: real photographs against a generator's pictures. NoGAN's second part.

python -m training.pretrain_critic --photos photos/ --output runs/critic --weights runs/pretrain/weights.safetensors
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
import tyro
from torch import nn

from colorize.network import Generator, load_generator
from training.adversarial import ADVERSARIAL_LOSSES, CriticBatches, CriticInput, CriticLoss, accuracy
from training.budget import within_minutes
from training.callbacks import DivergedError
from training.classifiers import load_teacher
from training.config import PretrainCriticConfig
from training.critic import CriticInfo, ProjectedCritic, build_critic, save_critic
from training.stage import Method, run_stage
from training.stage_data import StageData, device_of, prepare_data, uses_bfloat16


@torch.no_grad()
def validation_accuracy(critic: nn.Module, batches: CriticBatches) -> float:
    """Return the share of validation pictures, real and generated, that a critic tells right, 0..1.

    Args:
        critic: Run in eval mode; not changed.
        batches: All of them are used.
    """
    training = critic.training
    critic.eval()
    shares = [accuracy(critic(pictures).float(), real) for pictures, real in batches]
    critic.train(training)
    return float(torch.stack(shares).mean())


def pretrain_critic(config: PretrainCriticConfig, generator: Generator | None = None) -> Path:
    """Run the stage and return the critic's file.

    Args:
        config: The stage's settings.
        generator: Of the generated pictures; None: that of ``config.weights``.

    Raises:
        PhotosError: No or too few usable photographs.
        WeightsError: The generator's weights cannot be used.
        CriticError: There is no such critic.
        TeacherError: The classifier that the critic stands on cannot be had.
        CheckpointError: The output folder's checkpoint does not fit.
        DivergedError: The loss is no longer a number.
    """
    # The last weights, not their average: a mean of spectral norm's vectors has no unit length.
    run = within_minutes(
        replace(config.run, ema=0.0), lambda trial: pretrain_critic(replace(config, run=trial), generator)
    )
    config = replace(config, run=run)
    device = device_of(run)
    generator = (generator or load_generator(config.weights)).to(device)  # before a classifier is downloaded
    torch.manual_seed(run.seed)
    critic = build_critic(config.critic)
    if isinstance(critic, ProjectedCritic):
        critic.adopt(load_teacher(config.classifier, "mobilenet_v2"))
    critic_input = CriticInput(config.enhancement, uses_bfloat16(run))
    photos = prepare_data(run, config.hint_prob, config.degradation_prob)
    data = StageData(
        CriticBatches(photos.train, generator, critic_input), CriticBatches(photos.valid, generator, critic_input)
    )
    loss = CriticLoss(ADVERSARIAL_LOSSES[config.loss])
    path = run.output / "critic.safetensors"

    def write_critic(epochs: int, network: nn.Module) -> None:
        save_critic(network, path, CriticInfo(config.critic, validation_accuracy(network, data.valid)))  # type: ignore[arg-type]

    network = run_stage(config, critic, loss, data, write_critic, lambda: loss.parts, Method(betas=(0.5, 0.999)))
    if not path.is_file():
        write_critic(run.epochs, network)
    return path


def main() -> None:
    """Parse the command line and train."""
    try:
        config = tyro.cli(PretrainCriticConfig, description=__doc__)
        print(pretrain_critic(config))
    except (OSError, ValueError, DivergedError) as error:
        sys.exit(f"pretrain_critic: {error}")


if __name__ == "__main__":
    main()
