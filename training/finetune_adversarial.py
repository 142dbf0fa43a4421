"""Train generator and critic against each other for a short time, and choose a checkpoint by a rule (NoGAN).

    python -m training.finetune_adversarial --photos photos/ --output runs/artistic --weights weights/stable.safetensors

Each cycle first trains the critic alone. The rule that chooses and stops is in ``training.stopping``.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
import tyro
from fastai.callback.core import CancelFitException  # type: ignore[attr-defined]  (made at import)
from torch import nn

from colorize.network import Generator, WeightsInfo, load_generator, read_info, save_generator
from training.adversarial import ADVERSARIAL_LOSSES, CriticBatches, CriticInput
from training.adversarial_step import CriticTraining, CriticUpdate, FinetuningLoss, Latents
from training.budget import within_minutes
from training.callbacks import DivergedError
from training.classifiers import load_teacher
from training.config import FinetuneConfig, PretrainCriticConfig
from training.critic import load_critic
from training.data import PhotoBatches
from training.objective import GeneratorLoss
from training.pretrain_critic import pretrain_critic, validation_accuracy
from training.probe import Probe, ProbeReport
from training.rendering import save_sample_sheet
from training.stage import Method, command_line_of, generator_loss, run_stage
from training.stage_data import PhotoData, device_of, prepare_data, uses_bfloat16
from training.stopping import choose, pareto_front, plot_reports, read_reports, stop_reason, write_reports
from training.trainable_generator import TrainableGenerator, with_config


def with_latent(generator: Generator, latent_dim: int) -> Generator:
    """Return a generator that takes a noise vector; its other weights are kept.

    Args:
        generator: Not changed; one with a noise vector of this length is returned.
        latent_dim: Length of the noise vector; 0: the generator itself is returned.

    Raises:
        ValueError: The generator takes a noise vector of another length.
    """
    if latent_dim in (0, generator.config.latent_dim):
        return generator
    if generator.config.latent_dim:
        raise ValueError(f"latent_dim {latent_dim}: the weights have a latent vector of {generator.config.latent_dim}")
    return with_config(generator, latent_dim=latent_dim)


def finetune(config: FinetuneConfig, command_line: str = "") -> Path:
    """Run the cycles and return the file of the weights that the rule chose in the last one.

    Args:
        config: The stage's settings.
        command_line: For the weights file's description.

    Raises:
        PhotosError: No or too few usable photographs.
        WeightsError: The generator's weights cannot be used.
        CriticError: The critic cannot be built or loaded.
        TeacherError: A classifier cannot be had.
        CheckpointError: The output folder's checkpoint does not fit.
        DivergedError: A loss is no longer a number.
    """
    path = config.weights
    # What these two need is missed now, not after the critic's training.
    read_info(path)
    supervised = generator_loss(config)
    critic_minutes, cycle_minutes = _divided_minutes(config)
    for cycle in range(config.cycles):
        folder = config.run.output / f"cycle-{cycle + 1}"
        critic_file = config.critic_weights
        if critic_file is None or cycle:
            critic_file = pretrain_critic(_critic_config(config, path, folder / "critic", critic_minutes))
        run = replace(config.run, output=folder, minutes=cycle_minutes)
        cycle_config = replace(config, run=run, weights=path)
        path = train_cycle(cycle_config, supervised, critic_file, command_line)
    result = config.run.output / "weights.safetensors"
    shutil.copyfile(path, result)
    return result


def _divided_minutes(config: FinetuneConfig) -> tuple[float, float]:
    """Return the minutes of a critic's training alone and of both together in one cycle, by their pictures."""
    alone, together = config.critic_samples, sum(config.run.samples)
    minutes = config.run.minutes / config.cycles
    return minutes * alone / (alone + together), minutes * together / (alone + together)


def _critic_config(config: FinetuneConfig, weights: Path, output: Path, minutes: float) -> PretrainCriticConfig:
    """Return the settings of the critic's training alone, against the generator of a weights file."""
    run = replace(
        config.run,
        output=output,
        sizes=config.run.sizes[-1:],
        samples=(config.critic_samples,),
        minutes=minutes,
        batch_sizes=config.run.batch_sizes[-1:],
        learning_rate=config.critic_learning_rate,
        cache=config.run.cache or config.run.output / "photo-cache",
    )
    return PretrainCriticConfig(
        run,
        weights,
        config.critic,
        config.loss,
        config.enhancement,
        config.hint_prob,
        config.degradation_prob,
        config.perceptual,
    )


def train_cycle(config: FinetuneConfig, supervised: GeneratorLoss, critic_file: Path, command_line: str = "") -> Path:
    """Train generator and critic together for one cycle and return the file of the weights that the rule chose.

    Args:
        config: Its ``run.output`` is the cycle's folder, its ``weights`` are the generator's at the cycle's start.
        supervised: The losses against the true colours.
        critic_file: The critic at the cycle's start.
        command_line: For the weights file's description.
    """
    run = within_minutes(
        config.run, lambda trial: train_cycle(replace(config, run=trial), supervised, critic_file, command_line)
    )
    config = replace(config, run=run)
    device = device_of(run)
    torch.manual_seed(run.seed)
    generator = with_latent(load_generator(config.weights), config.latent_dim).train()
    generator.encoders.requires_grad_(config.train_encoder)
    supervised.read_bins(generator)
    critic, _ = load_critic(critic_file)
    trainable = TrainableGenerator(generator, supervised.guessed_channels).to(device)
    adversarial_loss = ADVERSARIAL_LOSSES[config.loss]
    bf16 = uses_bfloat16(run)
    loss = FinetuningLoss(supervised, critic, adversarial_loss, config.adversarial, config.mode_seeking, bf16)
    loss.to(device)
    data = prepare_data(run, config.hint_prob, config.degradation_prob)
    critic_input = CriticInput(config.enhancement, bf16)
    critic_training = CriticTraining(
        adversarial_loss,
        critic_input,
        config.schedule,
        config.threshold,
        config.critic_learning_rate,
        run.clip,
    )
    # The critic has photographs of its own: it never sees the truth of those that the generator is about to colorize.
    critic_batches = PhotoBatches(
        data.train.photos,
        run.phases,
        run.epoch_steps,
        run.seed + 1,
        device,
        config.hint_prob,
        config.degradation_prob,
        run.mosaic,
        run.sampling_weights,
        run.early_film,
        run.two_views,
    )
    critic_update = CriticUpdate(critic, critic_batches, critic_training, freeze_encoder=not config.train_encoder)
    callbacks = [critic_update, *([Latents(loss, run.seed)] if generator.config.latent_dim else [])]
    method = Method("flat", (0.0, 0.9), callbacks, critic_update.states)
    selector = CheckpointSelector(config, data, critic, critic_input, command_line)
    selector.probe_checkpoint(0, trainable)
    run_stage(config, trainable, loss, data, selector, lambda: loss.parts, method)
    return run.output / "weights.safetensors"


class CheckpointSelector:
    """Probes the averaged generator, and keeps the Pareto front of its checkpoints and the one that the rule chooses.

    Call it with the number of finished epochs and the averaged network, as ``run_stage`` does.
    """

    def __init__(
        self, config: FinetuneConfig, data: PhotoData, critic: nn.Module, critic_input: CriticInput, command_line: str
    ) -> None:
        """Make the cycle's folder and the probe.

        Args:
            config: The cycle's settings.
            data: Its validation photographs are probed.
            critic: Whose accuracy is reported.
            critic_input: Makes the critic's batches.
            command_line: For the weights files' description.

        Raises:
            TeacherError: The feature network cannot be had.
        """
        self.config, self.data, self.critic, self.critic_input = config, data, critic, critic_input
        self.folder = config.run.output
        self.front = self.folder / "front"
        self.front.mkdir(parents=True, exist_ok=True)
        self.render_size = config.render_size or config.run.sizes[-1]
        self.command_line = command_line
        feature_network = load_teacher(config.probe.feature_network)
        device = str(device_of(config.run))
        self.probe = Probe(data.valid.photos, config.probe, feature_network, self.render_size, device)
        self.sheet_batch = data.valid.batch(0)

    def __call__(self, epochs: int, network: nn.Module) -> None:
        """Probe a network; end the run by ``CancelFitException`` if the rule says so."""
        self.probe_checkpoint(epochs, network)
        reason = stop_reason(read_reports(self.folder / "reports.json"), self.config.probe)
        if reason:
            (self.folder / "stopped.txt").write_text(reason + "\n", encoding="utf-8")
            raise CancelFitException

    def probe_checkpoint(self, epochs: int, network: nn.Module) -> None:
        """Measure a generator, and write its weights, the reports, the curves and a sample sheet.

        Args:
            epochs: Number of finished epochs; 0 is the start, which a resumed run does not measure again.
            network: A ``TrainableGenerator``; its mode is restored.
        """
        reports = [report for report in read_reports(self.folder / "reports.json") if report.epoch < epochs]
        if epochs == 0 and (self.front / _file_name(0)).is_file():
            return
        training = network.training
        network.eval()
        generator = cast(TrainableGenerator, network).generator
        critic_batches = CriticBatches(self.data.valid, generator, self.critic_input) if epochs else None
        accuracy = validation_accuracy(self.critic, critic_batches) if critic_batches else float("nan")
        reports.append(self.probe(generator, epochs, accuracy))
        info = WeightsInfo(generator.config, self.render_size, self.command_line)
        save_generator(generator, self.front / _file_name(epochs), info)
        save_generator(generator, self.folder / "last.safetensors", info)
        save_sample_sheet(self.folder / f"samples-{epochs:04d}.png", generator, self.sheet_batch)
        network.train(training)
        self._update_front(reports)

    def _update_front(self, reports: list[ProbeReport]) -> None:
        """Write the reports and the chosen weights, and delete the checkpoints that are off the Pareto front."""
        chosen = choose(reports, self.config.probe)
        kept = {_file_name(report.epoch) for report in [chosen, *pareto_front(reports)]}
        shutil.copyfile(self.front / _file_name(chosen.epoch), self.folder / "weights.safetensors")
        write_reports(reports, self.folder / "reports.json")
        plot_reports(reports, chosen, self.folder / "curves.png")
        for file in self.front.glob("*.safetensors"):
            if file.name not in kept:
                file.unlink()


def _file_name(epoch: int) -> str:
    return f"epoch-{epoch:04d}.safetensors"


def main() -> None:
    """Parse the command line and train."""
    try:
        config = tyro.cli(FinetuneConfig, description=__doc__)
        print(finetune(config, command_line_of("finetune_adversarial", sys.argv[1:])))
    except (OSError, ValueError, DivergedError) as error:
        sys.exit(f"finetune_adversarial: {error}")


if __name__ == "__main__":
    main()
