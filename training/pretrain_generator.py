"""Train the generator alone, with losses against the true colours.

python -m training.pretrain_generator --photos photos/ --output runs/pretrain --encoder-weights imagenet
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import torch
import torchvision
import tyro
from torch import nn

from colorize.network import Generator, GeneratorConfig, WeightsInfo, load_generator, save_generator
from training.budget import within_minutes
from training.callbacks import DivergedError
from training.classifiers import TimmClassifier
from training.config import PretrainConfig, RunConfig
from training.distill_encoder import load_encoder_weights
from training.full_memory import peak_of_training, with_full_memory
from training.rendering import save_sample_sheet
from training.stage import Method, command_line_of, generator_loss, run_stage
from training.stage_data import device_of, prepare_data
from training.trainable_generator import TrainableGenerator, deep_layers, with_classification, with_config


def build_generator(config: PretrainConfig) -> Generator:
    """Return the generator that a run starts from.

    Raises:
        WeightsError: The weights to start from cannot be used.
        TeacherError: The encoder weights cannot be used.
        ValueError: The semantic branch's weights cannot be had or do not fit, or those to start from have another one.
    """
    torch.manual_seed(config.run.seed)
    if config.weights is not None:
        generator = load_generator(config.weights)
        if config.head == "classification":
            generator = with_classification(generator)
        return with_semantic_branch(generator, config.semantic_branch, config.semantic_weights).train()
    generator = Generator(GeneratorConfig(config.backbone, config.decoder_widths, head=config.head))
    if config.encoder_weights == "imagenet":
        resnet = torchvision.models.get_model(config.backbone, weights="DEFAULT")
        generator.encoder.load_rgb_weights(resnet.state_dict())
    elif config.encoder_weights != "none":
        load_encoder_weights(generator.encoder, Path(config.encoder_weights), config.backbone)
    return with_semantic_branch(generator, config.semantic_branch, config.semantic_weights)


def with_semantic_branch(generator: Generator, name: str, file: Path | None) -> Generator:
    """Return a generator with a semantic branch of ImageNet weights; its other weights and its colours are kept.

    Args:
        generator: Not changed.
        name: A name in ``colorize.network.semantic.SEMANTIC_NETWORKS``; if it is empty or that of the generator's own
            branch, the generator itself is returned.
        file: Safetensors of timm's weights; None: timm downloads them.

    Raises:
        ValueError: The generator has another semantic branch already, or the weights cannot be had or do not fit.
    """
    if name in ("", generator.config.semantic_branch):
        return generator
    if generator.config.semantic_branch:
        raise ValueError(
            f"semantic branch {name}: the weights have another one already, {generator.config.semantic_branch}"
        )
    result = with_config(generator, semantic_branch=name)
    result.semantic_branch.body.load_rgb_weights(TimmClassifier(f"tf_{name}", file).network.state_dict())
    return result


def pretrain(config: PretrainConfig, command_line: str = "") -> Path:
    """Run the stage and return its weights file.

    Raises:
        PhotosError: No or too few usable photographs.
        TeacherError: The perceptual loss's classifier cannot be had.
        WeightsError: The weights to start from cannot be used.
        CheckpointError: The output folder's checkpoint does not fit.
        DivergedError: The loss is no longer a number.
    """

    def train_shortly(trial: RunConfig) -> None:
        pretrain(replace(config, run=trial, keep_epoch=0, fill_memory=0))

    device = device_of(config.run)
    run = config.run
    if config.fill_memory and device.type == "cuda":
        peak_of = partial(peak_of_training, device=device, train=train_shortly)
        run = with_full_memory(run, config.fill_memory, torch.cuda.get_device_properties(device).total_memory, peak_of)
    run = within_minutes(run, train_shortly)
    config = replace(config, run=run)
    generator = build_generator(config)
    loss = generator_loss(config)
    loss.read_bins(generator)
    loss.to(device)
    trainable = TrainableGenerator(generator, loss.guessed_channels, config.decoder_only, config.deep_rate > 0)
    data = prepare_data(run, config.hint_prob, config.degradation_prob)
    sheet_batch = data.valid.batch(0)
    info = WeightsInfo(generator.config, config.render_size or run.sizes[-1], command_line)

    def write_weights(epochs: int, network: nn.Module) -> None:
        network.eval()
        averaged = cast(TrainableGenerator, network).generator
        save_generator(averaged, run.output / "weights.safetensors", info)
        if epochs == min(config.keep_epoch, run.epochs):  # a run for minutes may have fewer
            save_generator(averaged, run.output / "kept.safetensors", info)
        save_sample_sheet(run.output / f"samples-{epochs:04d}.png", averaged, sheet_batch)

    method = Method(slow=slow_parts(config, generator))
    network = run_stage(config, trainable, loss, data, write_weights, lambda: loss.parts, method)
    path = run.output / "weights.safetensors"
    if not path.is_file():
        write_weights(run.epochs, network)
    return path


def slow_parts(config: PretrainConfig, generator: Generator) -> list[tuple[nn.Module, float]]:
    """Return the parts of the generator that learn at another rate, with the factor of the rate."""
    if config.decoder_only:
        return [(deep_layers(generator), config.deep_rate)] if config.deep_rate else []
    slow: list[tuple[nn.Module, float]] = []
    if config.encoder_rate != 1:
        slow.append((generator.encoder, config.encoder_rate))
    if generator.config.semantic_branch:
        slow.append((generator.semantic_branch.body, config.semantic_rate))
    return slow


def main() -> None:
    """Parse the command line and train."""
    try:
        config = tyro.cli(PretrainConfig, description=__doc__)
        print(pretrain(config, command_line_of("pretrain_generator", sys.argv[1:])))
    except (OSError, ValueError, DivergedError) as error:
        sys.exit(f"pretrain_generator: {error}")


if __name__ == "__main__":
    main()
