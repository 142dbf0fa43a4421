"""Critics in training: one alone learns to tell, one that diverges stops, and what is missing is reported at once."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest
import torch
from support.adversarial import PLAIN, finetune_config, snapshot
from support.quick import only_quick

from training.adversarial import ADVERSARIAL_LOSSES, CriticInput
from training.adversarial_step import CriticTraining, CriticUpdate
from training.callbacks import DivergedError
from training.config import FinetuneConfig, PretrainCriticConfig
from training.critic import CriticError, build_critic, load_critic
from training.finetune_adversarial import finetune
from training.pretrain_critic import pretrain_critic

pytestmark = pytest.mark.trains
SOURCES = {"photos": 6, "generator": True}
RUN = {"samples": (12,)}


@pytest.fixture
def config(sources, run) -> FinetuneConfig:
    return finetune_config(sources, run)


@pytest.mark.parametrize("loss", only_quick(["hinge"], ["bce", "least-squares"]))
def test_a_critic_alone_learns_to_tell(sources, run, small_critic, loss):
    """The generator gives vivid nonsense, which a few dozen steps tell from photographs."""
    longer = replace(run, samples=(240,), batch_sizes=(6,), epoch_steps=40, learning_rate=2e-3)
    path = pretrain_critic(PretrainCriticConfig(longer, sources / "generator.safetensors", critic="patch", loss=loss))
    critic, info = load_critic(path)
    assert info.kind == "patch"
    assert info.accuracy > 0.8
    assert sum(p.numel() for p in critic.parameters()) == sum(p.numel() for p in build_critic("patch").parameters())


def test_a_critic_whose_loss_is_no_number_stops(config, small_critic, monkeypatch):
    class Broken(torch.nn.Module):
        def forward(self, real, fake):
            return real.mean() * float("nan")

    critic = build_critic("patch")
    pictures = torch.rand(2, 3, 32, 32)
    settings = CriticTraining(ADVERSARIAL_LOSSES["hinge"], CriticInput(1.2, False), "alternate", 0.65, 1e-4, 1.0)

    class Photographs:
        device = torch.device("cpu")

        def batch(self, step):
            return pictures[:, :1], pictures, pictures

    critic_update = CriticUpdate(critic, Photographs(), settings, True)  # type: ignore[arg-type]
    critic_update.critic_loss = Broken()
    before = snapshot(critic)

    def trainable(lightness, hints):
        return hints[:, :2], None

    with pytest.raises(DivergedError, match=r"critic.* nan .*step 0"):
        critic_update.train_critic(trainable)  # type: ignore[arg-type]
    assert all(torch.equal(p, before[name]) for name, p in critic.named_parameters())


def test_other_files_are_refused(config, sources, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing.*no such"):
        finetune(replace(config, critic_weights=tmp_path / "missing"))
    with pytest.raises(CriticError, match=r"generator\.safetensors.*critic"):
        finetune(replace(config, critic_weights=sources / "generator.safetensors"))


def test_a_missing_recogniser_is_reported_before_the_critic_trains(config, small_critic):
    config = replace(config, losses=replace(PLAIN, recognition=0.1))
    with pytest.raises(ValueError, match="recogniser"):
        finetune(config)
    assert not config.run.output.exists()


def test_the_command_lines_report_one_line(monkeypatch, run):
    arguments = ["finetune", "--photos", "nowhere", "--output", str(run.output), "--weights", "missing.safetensors"]
    for module in ("finetune_adversarial", "pretrain_critic"):
        script = importlib.import_module(f"training.{module}")
        monkeypatch.setattr("sys.argv", arguments)
        with pytest.raises(SystemExit) as stop:
            script.main()
        assert str(stop.value).startswith(f"{module}: ") and "missing.safetensors" in str(stop.value)
