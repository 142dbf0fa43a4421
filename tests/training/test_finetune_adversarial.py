"""The adversarial stage: one network trains, the other is frozen; killed runs resume bit-equal; the rule's files."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import load_file
from support.adversarial import finetune_config, snapshot, with_random_critic
from support.quick import only_quick

from colorize.network import Generator, GeneratorConfig, load_generator, read_info
from training.adversarial_step import CriticUpdate
from training.callbacks import Checkpoint
from training.config import FinetuneConfig
from training.finetune_adversarial import finetune, with_latent
from training.stopping import pareto_front, read_reports


class Killed(Exception):
    """Stands for a kill: nothing after it runs."""


pytestmark = pytest.mark.trains
SOURCES = {"photos": 6, "generator": True}
RUN = {"samples": (12,)}


@pytest.fixture
def config(sources, run) -> FinetuneConfig:
    return finetune_config(sources, run)


def moved(module: torch.nn.Module, before: dict[str, torch.Tensor]) -> float:
    return max(float((value - before[name]).abs().max()) for name, value in module.state_dict().items())


@pytest.mark.parametrize("critic", only_quick(["patch"], ["dcgan"]))
@pytest.mark.parametrize("schedule", only_quick(["threshold"], ["alternate"]))
def test_the_network_that_does_not_train_does_not_move(config, small_critic, monkeypatch, critic, schedule):
    """Weights, batch-norm statistics and spectral-norm vectors of the idle half move 0.0; the other half does move."""
    watched: list[tuple[float, float, float]] = []  # generator in its idle turn, critic in its idle turn, encoder
    before_batch = CriticUpdate.before_batch
    idle: dict[str, dict[str, torch.Tensor]] = {}

    def watched_update(self):
        if not self.training:
            return before_batch(self)
        if idle:  # since the generator's turn began
            watched[-1] = (watched[-1][0], moved(self.critic, idle["critic"]), watched[-1][2])
            generator = moved(self.model, idle["generator"])
            assert generator > 0, "the generator's own turn moves it"
            watched[-1] = (*watched[-1][:2], moved(self.model.generator.encoder, idle["encoder"]))
        generator, critic_before = snapshot(self.model), snapshot(self.critic)
        before_batch(self)
        assert moved(self.critic, critic_before) > 0, "the critic's own turn moves it"
        watched.append((moved(self.model, generator), 0.0, 0.0))
        idle["critic"], idle["generator"] = snapshot(self.critic), snapshot(self.model)
        idle["encoder"] = snapshot(self.model.generator.encoder)

    monkeypatch.setattr(CriticUpdate, "before_batch", watched_update)
    short = replace(config.run, samples=(6,), epoch_steps=3)  # one look of the probe is enough here
    finetune(with_random_critic(replace(config, critic=critic, schedule=schedule, run=short)))
    assert len(watched) == 3
    assert all(figures == (0.0, 0.0, 0.0) for figures in watched), watched


@pytest.mark.slow
def test_a_training_encoder_moves(config, small_critic):
    run = replace(config.run, learning_rate=1e-2, samples=(6,), epoch_steps=3)
    path = finetune(with_random_critic(replace(config, train_encoder=True, run=run)))
    last = load_generator(path.parent / "cycle-1" / "last.safetensors")
    start = load_generator(config.weights)
    assert not torch.equal(last.encoder.layer1[0].conv1.weight, start.encoder.layer1[0].conv1.weight)


@pytest.mark.slow
def test_a_killed_run_ends_as_an_uninterrupted_one(config, small_critic, monkeypatch, tmp_path):
    whole = finetune(config)
    after_epoch = Checkpoint.after_epoch

    def dies(self):
        after_epoch(self)
        if self.epoch == 1 and "critic" in self.states:
            raise Killed("now")

    other = replace(config, run=replace(config.run, output=tmp_path / "killed"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpoint, "after_epoch", dies)
        finetune(other)
    resumed = finetune(other)
    for name in ("weights.safetensors", "cycle-1/last.safetensors"):
        a, b = load_file(whole.parent / name), load_file(resumed.parent / name)
        assert all(torch.equal(a[key], b[key]) for key in a), name
    a, b = (
        torch.load(file.parent / "cycle-1" / "checkpoint.pt", weights_only=True)["states"] for file in (whole, resumed)
    )
    assert a["critic_update"] == b["critic_update"] == {"steps": 6}
    assert all(torch.equal(value, b["critic"][key]) for key, value in a["critic"].items())
    reports = [read_reports(file.parent / "cycle-1" / "reports.json") for file in (whole, resumed)]
    for first, second in zip(*reports, strict=True):
        assert asdict(first) == pytest.approx(asdict(second), rel=1e-5, nan_ok=True)


@pytest.mark.slow
def test_cycles_follow_each_other(config, small_critic):
    path = finetune(replace(config, cycles=2), "the command line")
    for cycle in ("cycle-1", "cycle-2"):
        folder = path.parent / cycle
        reports = read_reports(folder / "reports.json")
        assert [report.epoch for report in reports] == [0, 1, 2, 3]
        assert (folder / "samples-0003.png").is_file()
        front = {f"epoch-{report.epoch:04d}.safetensors" for report in pareto_front(reports)}
        assert front <= {file.name for file in (folder / "front").iterdir()}
    chosen = load_file(path.parent / "cycle-1" / "weights.safetensors")
    start = load_file(path.parent / "cycle-2" / "front" / "epoch-0000.safetensors", device="cpu")
    assert all(torch.equal(value, start[name]) for name, value in chosen.items())
    assert read_info(path).trained_on == "the command line"


def test_a_run_that_goes_bad_stops_itself(config, small_critic):
    hopeless = replace(config.probe, patience=1)
    wild = replace(config, probe=hopeless, adversarial=0.0, run=replace(config.run, learning_rate=0.0))
    path = finetune(with_random_critic(wild))
    assert "epoch 0" in (path.parent / "cycle-1" / "stopped.txt").read_text()
    assert len(read_reports(path.parent / "cycle-1" / "reports.json")) == 2
    start, chosen = load_file(config.weights), load_file(path)
    assert all(torch.equal(start[name], chosen[name]) for name in start)


@pytest.mark.slow
def test_the_latent_vector_learns(config, small_critic):
    one_epoch = replace(config.run, epoch_steps=6)
    path = finetune(with_random_critic(replace(config, latent_dim=4, mode_seeking=0.1, run=one_epoch)))
    last = load_generator(path.parent / "cycle-1" / "last.safetensors")
    assert last.config.latent_dim == 4
    first = load_generator(path.parent / "cycle-1" / "front" / "epoch-0000.safetensors")
    assert not torch.equal(last.latent.weight, first.latent.weight)
    lightness = torch.rand(1, 1, 32, 32)
    assert torch.equal(last.eval()(lightness), last(lightness, latent=torch.zeros(1, 4)))


def test_a_latent_is_added_once():
    generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4)))
    wider = with_latent(generator, 3)
    lightness = torch.rand(1, 1, 32, 32)
    assert torch.equal(wider.eval()(lightness), generator.eval()(lightness))
    assert with_latent(wider, 3) is wider and with_latent(generator, 0) is generator
    with pytest.raises(ValueError, match=r"latent_dim 5.* 3"):
        with_latent(wider, 5)
