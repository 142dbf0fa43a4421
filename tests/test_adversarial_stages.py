"""The adversarial stages: who waits stands exactly still; killed runs go on bit-equal; the rule's files are there."""

from __future__ import annotations

import importlib
from dataclasses import asdict, replace

import pytest
import torch
import torchvision
from made_photos import write_photos
from safetensors.torch import load_file, save_file

from colorize.generator import Generator, GeneratorConfig
from colorize.weights import load_generator, read_info, save_generator
from training import finetune_adversarial
from training.adversarial import ADVERSARIAL_LOSSES, Showing
from training.callbacks import Checkpoint, DivergedError
from training.config import FinetuneConfig, PretrainCriticConfig
from training.critic import CRITICS, CriticError, DcganCritic, PatchCritic, build_critic
from training.critic_file import load_critic
from training.finetune_adversarial import finetune, with_latent
from training.objective import LossWeights
from training.players import SCHEDULES, CriticTraining, Opponent
from training.pretrain_critic import pretrain_critic
from training.probe import ProbeSettings
from training.run_config import RunConfig
from training.stopping import pareto_front, read_reports

PLAIN = LossWeights(perceptual=0, distillation=0)


class Killed(Exception):
    """Stands for a kill: nothing after it runs."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    write_photos(folder / "photos", 6, side=64)
    torch.manual_seed(0)
    state = {k: v for k, v in torchvision.models.mobilenet_v2().state_dict().items() if "tracked" not in k}
    save_file(state, folder / "teacher.safetensors", {"architecture": "torchvision.models.mobilenet_v2"})
    generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4)))
    torch.nn.init.normal_(generator.head.weight, std=0.1)
    save_generator(generator, folder / "generator.safetensors")
    return folder


@pytest.fixture
def run(sources, tmp_path) -> RunConfig:
    return RunConfig(
        photos=(sources / "photos",),
        output=tmp_path / "run",
        validation=sources / "photos",
        cache=sources / "cache",
        cache_size=64,
        sizes=(32,),
        pictures=(12,),
        batch_sizes=(2,),
        epoch_steps=2,
        ema=0.5,
        device="cpu",
        bf16=False,
        threads=1,
    )


@pytest.fixture
def config(sources, run) -> FinetuneConfig:
    probe = ProbeSettings(sources / "teacher.safetensors", pictures=3, films=1, frames=2, patience=9)
    return FinetuneConfig(run, sources / "generator.safetensors", PLAIN, critic="patch", critic_pictures=4, probe=probe)


@pytest.fixture
def small_critic(monkeypatch):
    """Critics of an eighth of the width and no curves, to be quick."""
    monkeypatch.setattr(finetune_adversarial, "plot_reports", lambda *_: None)
    monkeypatch.setitem(CRITICS, "patch", lambda: PatchCritic(8))
    monkeypatch.setitem(CRITICS, "dcgan", lambda: DcganCritic(8))


def snapshot(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def moved(module: torch.nn.Module, before: dict[str, torch.Tensor]) -> float:
    return max(float((value - before[name]).abs().max()) for name, value in module.state_dict().items())


@pytest.mark.parametrize("critic", ["patch", "dcgan"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_who_waits_stands_exactly_still(config, small_critic, monkeypatch, critic, schedule):
    """Weights, batch-norm statistics and spectral-norm vectors of the idle half move 0.0; the other half does move."""
    watched: list[tuple[float, float, float]] = []  # generator in its idle turn, critic in its idle turn, encoder
    before_batch = Opponent.before_batch
    idle: dict[str, dict[str, torch.Tensor]] = {}

    def turn(self):
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

    monkeypatch.setattr(Opponent, "before_batch", turn)
    finetune(replace(config, critic=critic, schedule=schedule))
    assert len(watched) == 6
    assert all(figures == (0.0, 0.0, 0.0) for figures in watched), watched


def test_a_training_encoder_moves(config, small_critic):
    path = finetune(replace(config, train_encoder=True, run=replace(config.run, learning_rate=1e-2)))
    last = load_generator(path.parent / "cycle-1" / "last.safetensors")
    start = load_generator(config.weights)
    assert not torch.equal(last.encoder.layer1[0].conv1.weight, start.encoder.layer1[0].conv1.weight)


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
    assert a["opponent"] == b["opponent"] == {"steps": 6}
    assert all(torch.equal(value, b["critic"][key]) for key, value in a["critic"].items())
    reports = [read_reports(file.parent / "cycle-1" / "reports.json") for file in (whole, resumed)]
    for first, second in zip(*reports, strict=True):
        assert asdict(first) == pytest.approx(asdict(second), rel=1e-5, nan_ok=True)


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
    path = finetune(wild)
    assert "probes without a better checkpoint than epoch 0's" in (path.parent / "cycle-1/stopped.txt").read_text()
    assert len(read_reports(path.parent / "cycle-1" / "reports.json")) == 2
    start, chosen = load_file(config.weights), load_file(path)
    assert all(torch.equal(start[name], chosen[name]) for name in start)


def test_the_latent_vector_learns(config, small_critic):
    path = finetune(replace(config, latent_dim=4, mode_seeking=0.1))
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
    with pytest.raises(ValueError, match="latent vector of 3"):
        with_latent(wider, 5)


@pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES)
def test_a_critic_alone_learns_to_tell(sources, run, small_critic, loss):
    """The generator gives vivid nonsense, which a few dozen steps tell from photographs."""
    longer = replace(run, pictures=(240,), batch_sizes=(6,), epoch_steps=40, learning_rate=2e-3)
    path = pretrain_critic(PretrainCriticConfig(longer, sources / "generator.safetensors", critic="patch", loss=loss))
    critic, info = load_critic(path)
    assert info.kind == "patch"
    assert info.accuracy > 0.8
    assert sum(p.numel() for p in critic.parameters()) == sum(p.numel() for p in build_critic("patch").parameters())


def test_a_critic_that_is_no_number_stops(config, small_critic, monkeypatch):
    class Broken(torch.nn.Module):
        def forward(self, real, fake):
            return real.mean() * float("nan")

    critic = build_critic("patch")
    pictures = torch.rand(2, 3, 32, 32)
    how = CriticTraining(ADVERSARIAL_LOSSES["hinge"], Showing(1.2, False), "alternate", 0.65, 1e-4, 1.0)

    class Photographs:
        device = torch.device("cpu")

        def batch(self, step):
            return pictures[:, :1], pictures, pictures

    opponent = Opponent(critic, Photographs(), how, True)  # type: ignore[arg-type]
    opponent.critic_loss = Broken()
    before = snapshot(critic)

    def pupil(lightness, hints):
        return hints[:, :2], None

    with pytest.raises(DivergedError, match="critic's loss is nan at its step 0"):
        opponent.train_critic(pupil)  # type: ignore[arg-type]
    assert all(torch.equal(p, before[name]) for name, p in critic.named_parameters())


def test_other_files_are_refused(config, sources, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such critic"):
        finetune(replace(config, critic_weights=tmp_path / "missing"))
    with pytest.raises(CriticError, match="not a critic's file"):
        finetune(replace(config, critic_weights=sources / "generator.safetensors"))


def test_a_missing_recogniser_is_said_before_the_critic_trains(config, small_critic):
    config = replace(config, losses=replace(PLAIN, recognition=0.1))
    with pytest.raises(ValueError, match="need a recogniser"):
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
