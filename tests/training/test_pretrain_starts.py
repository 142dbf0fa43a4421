"""What a training run starts from: weights, encoders, a teacher; and which parts of the generator train."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from support.runs import SMALL
from support.small_networks import NARROW

from colorize.network import Generator, GeneratorConfig, ResNetEncoder, load_generator, save_generator
from training import pretrain_generator
from training.classifiers import TeacherError
from training.config import DistillConfig, PretrainConfig
from training.distill_encoder import distill, load_encoder_weights
from training.objective import LossWeights
from training.pretrain_generator import pretrain

WITHOUT_TEACHER = LossWeights(perceptual=0, distillation=0)
pytestmark = pytest.mark.trains
SOURCES = {"photos": 9}
RUN = {"samples": (8,), "batch_sizes": (4,)}


@pytest.fixture
def config(run) -> PretrainConfig:
    return PretrainConfig(run, WITHOUT_TEACHER, NARROW, SMALL.decoder_widths)


def test_warm_start_from_weights_only(config, run, tmp_path):
    torch.manual_seed(3)
    generator = Generator(GeneratorConfig(NARROW, (8, 8, 8, 4, 4)))
    save_generator(generator, tmp_path / "warm.safetensors")
    warm = replace(config, weights=tmp_path / "warm.safetensors", run=replace(run, learning_rate=0.0))
    result = load_generator(pretrain(warm))
    assert result.config == generator.config
    torch.testing.assert_close(result.encoder.conv1.weight, generator.encoder.conv1.weight, rtol=0, atol=1e-3)


def test_distilled_encoder_reaches_the_generator(run, config, sources):
    small = replace(run, sizes=(32,), samples=(8,), batch_sizes=(4,), output=run.output.with_name("distilled"))
    path = distill(DistillConfig(small, NARROW, sources / "teacher.safetensors", teacher_size=32))
    encoder = load_file(path)
    with_it = pretrain_generator.build_generator(replace(config, encoder_weights=str(path)))
    assert all(torch.equal(value, encoder[name]) for name, value in with_it.encoder.state_dict().items())


def test_foreign_encoder_weights_are_refused(tmp_path, sources):
    encoder = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4))).encoder
    with pytest.raises(FileNotFoundError, match=r"missing.*no such"):
        load_encoder_weights(encoder, tmp_path / "missing", "resnet18")
    with pytest.raises(TeacherError, match=r"teacher\.safetensors.*resnet18"):
        load_encoder_weights(encoder, sources / "teacher.safetensors", "resnet18")
    (tmp_path / "text").write_text("text")
    with pytest.raises(TeacherError, match=r"text.* whole"):
        load_encoder_weights(encoder, tmp_path / "text", "resnet18")


def test_a_torchvision_resnet_reaches_the_generator(config, tmp_path):
    torch.manual_seed(0)
    state = torchvision.models.resnet18(weights=None).state_dict()
    save_file(state, tmp_path / "resnet18.safetensors")
    generator = pretrain_generator.build_generator(
        replace(config, backbone="resnet18", encoder_weights=str(tmp_path / "resnet18.safetensors"))
    )
    encoder = generator.encoder.state_dict()
    assert torch.equal(encoder["layer3.1.conv2.weight"], state["layer3.1.conv2.weight"])
    torch.testing.assert_close(encoder["conv1.weight"][:, 0], state["conv1.weight"].sum(dim=1))
    with pytest.raises(TeacherError, match=r"resnet18\.safetensors.*resnet34"):
        load_encoder_weights(ResNetEncoder("resnet34", 4), tmp_path / "resnet18.safetensors", "resnet34")


def test_a_slow_encoder_moves_less(config, run):
    flat = replace(run, weight_decay=0.0, learning_rate=0.02, ema=0.0)
    moved = {}
    for rate in (1.0, 0.01):
        there = replace(config, encoder_rate=rate, run=replace(flat, output=run.output.with_name(f"rate-{rate}")))
        start = pretrain_generator.build_generator(there).encoder.layer4[1].conv2.weight.detach()
        result = load_generator(pretrain(there)).encoder.layer4[1].conv2.weight.detach()
        moved[rate] = float((result - start).abs().mean())
    assert moved[0.01] < 0.1 * moved[1.0]
    with pytest.raises(ValueError, match="encoder_rate 0 "):
        replace(config, encoder_rate=0)


def test_a_decoder_learns_alone(config, run):
    flat = replace(config, run=replace(run, weight_decay=0.0, learning_rate=0.01), decoder_only=True)
    before = pretrain_generator.build_generator(flat).state_dict()
    pretrain(flat)
    last = torch.load(run.output / "checkpoint.pt", weights_only=True)["model"]
    moved = {name for name, value in before.items() if not torch.equal(last[f"generator.{name}"], value)}
    assert moved == {
        name for name in before if name.startswith(("decoder.", "head.")) and name.endswith(("weight", "bias"))
    }
    with pytest.raises(ValueError, match=r"--losses\.distillation 0"):
        replace(flat, losses=LossWeights())


def test_perceptual_loss_by_a_file(config, sources):
    with_teacher = replace(config, losses=LossWeights(), perceptual=sources / "teacher.safetensors")
    path = pretrain(with_teacher)
    checkpoint = torch.load(config.run.output / "checkpoint.pt", weights_only=True)
    assert checkpoint["model"]["features.weight"].shape == (1280, 64, 1, 1)
    assert not any(name.startswith("features") for name in load_file(path))  # the head is left behind
