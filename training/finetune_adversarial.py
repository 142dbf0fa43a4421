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

import cv2
import torch
import tyro
from fastai.callback.core import CancelFitException  # type: ignore[attr-defined]  (made at import)
from torch import nn

from colorize.network import Generator, WeightsInfo, load_generator, read_info, save_generator
from training.adversarial import ADVERSARIAL_LOSSES, CriticBatches, CriticInput
from training.adversarial_step import CriticTraining, CriticUpdate, FinetuningLoss, Latents
from training.callbacks import DivergedError
from training.classifiers import load_teacher
from training.config import FinetuneConfig, PretrainCriticConfig
from training.critic import load_critic
from training.data import PhotoBatches
from training.objective import GeneratorLoss
from training.pretrain_critic import pretrain_critic, validation_accuracy
from training.probe import Probe, Report
from training.rendering import sample_sheet
from training.stage import Method, command_line_of, generator_loss, run_stage
from training.stage_data import PhotoData, device_of, prepare_data
from training.stopping import choose, pareto_front, plot_reports, read_reports, verdict, write_reports
from training.trainable_generator import TrainableGenerator, widened


def with_latent(generator: Generator, latent_dim: int) -> Generator:
    """Return a generator with a noise vector of a length; its other weights are kept.

    Raises:
        ValueError: It has one of another length already.
    """
    if latent_dim in (0, generator.config.latent_dim):
        return generator
    if generator.config.latent_dim:
        raise ValueError(f"latent_dim {latent_dim}: the weights have a latent vector of {generator.config.latent_dim}")
    return widened(generator, latent_dim=latent_dim)


def finetune(config: FinetuneConfig, command_line: str = "") -> Path:
    """Run the cycles and return the weights that the rule chose in the last one.

    Raises:
        PhotosError: No or too few usable photographs.
        WeightsError: The generator's weights cannot be used.
        CriticError: The critic's cannot.
        TeacherError: A classifier cannot be had.
        CheckpointError: The output folder's checkpoint does not fit.
        DivergedError: A loss is no longer a number.
    """
    path = config.weights
    read_info(path)
    content = generator_loss(config)  # what either needs is missed now, not after the critic's training
    for cycle in range(config.cycles):
        folder = config.run.output / f"cycle-{cycle + 1}"
        critic = config.critic_weights
        if critic is None or cycle:
            critic = pretrain_critic(_critic_config(config, path, folder / "critic"))
        part = replace(config, run=replace(config.run, output=folder), weights=path)
        path = play(part, content, critic, command_line)
    result = config.run.output / "weights.safetensors"
    shutil.copyfile(path, result)
    return result


def _critic_config(config: FinetuneConfig, weights: Path, output: Path) -> PretrainCriticConfig:
    run = replace(
        config.run,
        output=output,
        sizes=config.run.sizes[-1:],
        samples=(config.critic_pictures,),
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


def play(config: FinetuneConfig, content: GeneratorLoss, critic_file: Path, command_line: str = "") -> Path:
    """Train one cycle's generator and critic together and return the weights that the rule chose.

    Args:
        config: Its ``run.output`` is the cycle's folder and its ``weights`` where the cycle starts.
        content: The losses against the true colours.
        critic_file: Where the critic starts.
        command_line: For the weights file's description.
    """
    run = config.run
    device = device_of(run)
    torch.manual_seed(run.seed)
    generator = with_latent(load_generator(config.weights), config.latent_dim).train()
    generator.encoders.requires_grad_(config.train_encoder)
    content.read_bins(generator)
    critic, _ = load_critic(critic_file)
    trainable = TrainableGenerator(generator, content.guessed_channels).to(device)
    pair = ADVERSARIAL_LOSSES[config.loss]
    loss = FinetuningLoss(content, critic, pair, config.adversarial, config.mode_seeking, run.bf16).to(device)
    data = prepare_data(run, config.hint_prob, config.degradation_prob)
    critic_input = CriticInput(config.enhancement, run.bf16)
    how = CriticTraining(pair, critic_input, config.schedule, config.threshold, config.critic_learning_rate, run.clip)
    # Photographs of its own: the critic never sees the truth of those that the generator is about to colour.
    batches = PhotoBatches(
        data.train.photos,
        run.phases,
        run.epoch_steps,
        run.seed + 1,
        device,
        config.hint_prob,
        config.degradation_prob,
        run.mosaic,
        run.sampling_weights,
    )
    critic_update = CriticUpdate(critic, batches, how, not config.train_encoder)
    callbacks = [critic_update, *([Latents(loss, run.seed)] if generator.config.latent_dim else [])]
    method = Method("flat", (0.0, 0.9), callbacks, critic_update.states)
    judge = CheckpointSelector(config, data, critic, critic_input, command_line)
    judge.see(0, trainable)
    run_stage(config, trainable, loss, data, judge, lambda: loss.parts, method)
    return run.output / "weights.safetensors"


class CheckpointSelector:
    """Probes the averaged generator, keeps the Pareto front of its checkpoints and what the rule chooses."""

    def __init__(
        self, config: FinetuneConfig, data: PhotoData, critic: nn.Module, critic_input: CriticInput, command_line: str
    ) -> None:
        self.config, self.data, self.critic, self.critic_input = config, data, critic, critic_input
        self.folder = config.run.output
        self.folder.joinpath("front").mkdir(parents=True, exist_ok=True)
        self.render_size = config.render_size or config.run.sizes[-1]
        self.command_line = command_line
        grader = load_teacher(config.probe.feature_network)
        device = str(device_of(config.run))
        self.probe = Probe(data.valid.photos, config.probe, grader, self.render_size, device)
        self.sheet_batch = data.valid.batch(0)

    def __call__(self, epochs: int, network: nn.Module) -> None:
        """Probe; end the run where the rule says so."""
        self.see(epochs, network)
        reason = verdict(read_reports(self.folder / "reports.json"), self.config.probe)
        if reason:
            (self.folder / "stopped.txt").write_text(reason + "\n", encoding="utf-8")
            raise CancelFitException

    def see(self, epochs: int, network: nn.Module) -> None:
        """Measure a generator, and write its weights, the reports, the curves and a sample sheet."""
        reports = [report for report in read_reports(self.folder / "reports.json") if report.epoch < epochs]
        if epochs == 0 and (self.folder / "front" / _name(0)).is_file():
            return  # a resumed run: its start was measured
        training = network.training
        network.eval()
        generator = cast(TrainableGenerator, network).generator
        judged = CriticBatches(self.data.valid, generator, self.critic_input) if epochs else None
        share = validation_accuracy(self.critic, judged) if judged else float("nan")
        reports.append(self.probe(generator, epochs, share))
        info = WeightsInfo(generator.config, self.render_size, self.command_line)
        save_generator(generator, self.folder / "front" / _name(epochs), info)
        save_generator(generator, self.folder / "last.safetensors", info)
        sheet = sample_sheet(generator, self.sheet_batch)
        cv2.imwrite(str(self.folder / f"samples-{epochs:04d}.png"), sheet)
        network.train(training)
        self._keep(reports)

    def _keep(self, reports: list[Report]) -> None:
        chosen = choose(reports, self.config.probe)
        kept = {_name(report.epoch) for report in [chosen, *pareto_front(reports)]}
        shutil.copyfile(self.folder / "front" / _name(chosen.epoch), self.folder / "weights.safetensors")
        write_reports(reports, self.folder / "reports.json")
        plot_reports(reports, chosen, self.folder / "curves.png")
        for file in self.folder.joinpath("front").glob("*.safetensors"):
            if file.name not in kept:
                file.unlink()


def _name(epoch: int) -> str:
    return f"epoch-{epoch:04d}.safetensors"


def main() -> None:
    """Parse the command line and train."""
    config = tyro.cli(FinetuneConfig, description=__doc__)
    try:
        print(finetune(config, command_line_of("finetune_adversarial", sys.argv[1:])))
    except (OSError, ValueError, DivergedError) as error:
        sys.exit(f"finetune_adversarial: {error}")


if __name__ == "__main__":
    main()
