"""Small adversarial runs for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training import finetune_adversarial
from training.config import FinetuneConfig, RunConfig
from training.critic import CRITICS, CriticInfo, DcganCritic, PatchCritic, build_critic, save_critic
from training.objective import LossWeights
from training.probe import ProbeSettings

PLAIN = LossWeights(perceptual=0, distillation=0)


def finetune_config(sources: Path, run: RunConfig) -> FinetuneConfig:
    """Return the settings of an adversarial run from the generator and with the teacher of ``write_sources``."""
    probe = ProbeSettings(sources / "teacher.safetensors", pictures=3, videos=1, frames=2, patience=9)
    return FinetuneConfig(run, sources / "generator.safetensors", PLAIN, critic="patch", critic_samples=4, probe=probe)


def use_small_critics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the critics an eighth as wide and draw no curves, to be quick."""
    monkeypatch.setattr(finetune_adversarial, "plot_reports", lambda *_: None)
    monkeypatch.setitem(CRITICS, "patch", lambda: PatchCritic(8))
    monkeypatch.setitem(CRITICS, "dcgan", lambda: DcganCritic(8))


def with_random_critic(config: FinetuneConfig) -> FinetuneConfig:
    """Return the settings with a random critic to begin with, so that none is trained first."""
    path = config.run.output.with_name("random-critic.safetensors")
    save_critic(build_critic(config.critic), path, CriticInfo(config.critic, 0.5))
    return replace(config, critic_weights=path)


def snapshot(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of a module's weights and buffers."""
    return {name: value.clone() for name, value in module.state_dict().items()}
