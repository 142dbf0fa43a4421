"""The pretraining stage: tiny runs from the command line's own function; killed and resumed runs end bit-equal."""

from __future__ import annotations

from dataclasses import replace

import cv2
import pytest
import torch
from safetensors.torch import load_file
from support.runs import SMALL
from support.small_networks import NARROW

from colorize.network import read_info
from training import pretrain_generator
from training.callbacks import Checkpoint, CheckpointError, DivergedError
from training.config import PretrainConfig
from training.objective import LossWeights
from training.pretrain_generator import pretrain

WITHOUT_TEACHER = LossWeights(perceptual=0, distillation=0)
pytestmark = pytest.mark.trains
SOURCES = {"photos": 9}
RUN = {"sizes": (32, 64), "samples": (8, 8), "batch_sizes": (4, 2)}


class Killed(Exception):
    """Stands for a kill: nothing after it runs."""


@pytest.fixture
def config(run) -> PretrainConfig:
    return PretrainConfig(run, WITHOUT_TEACHER, NARROW, SMALL.decoder_widths)


@pytest.fixture
def short(config, run) -> PretrainConfig:
    """Two epochs of one step."""
    return replace(config, run=replace(run, sizes=(32,), samples=(8,), batch_sizes=(4,), epoch_steps=1))


def test_a_run_writes_all_its_files(config):
    path = pretrain(replace(config, decoder_widths=(16, 16, 16, 16, 8)), "the command")
    info = read_info(path)
    assert info.config.decoder_widths == (16, 16, 16, 16, 8)
    assert info.render_size == 64
    assert info.trained_on == "the command"
    names = {p.name for p in config.run.output.iterdir()}
    assert {"weights.safetensors", "checkpoint.pt", "history.csv", "tensorboard", "samples-0003.png"} <= names
    assert "kept.safetensors" not in names
    rows = (config.run.output / "history.csv").read_text().splitlines()
    assert len(rows) == 1 + config.run.epochs
    assert list((config.run.output / "tensorboard").iterdir())
    sheet = cv2.imread(str(config.run.output / "samples-0003.png"))
    assert sheet.shape == (4 * 64, 2 * 64, 3)


@pytest.mark.slow
def test_training_learns(config, run):
    """A hundred steps on nine photographs bring the loss well under the grey start's."""
    long = replace(config, run=replace(run, sizes=(32,), samples=(400,), batch_sizes=(4,), epoch_steps=50, ema=0.9))
    pretrain(long)
    rows = (run.output / "history.csv").read_text().splitlines()
    losses = [float(row.split(",")[1]) for row in rows[1:]]
    assert losses[-1] < 0.9 * losses[0]


def test_killed_and_resumed_ends_bit_equal(config, run, monkeypatch):
    whole = load_file(pretrain(config))
    second = replace(config, run=replace(run, output=run.output.with_name("second")))
    after_epoch = Checkpoint.after_epoch

    def killed_after_the_second(self):
        after_epoch(self)
        if self.epoch == 0:
            raise Killed("now")

    monkeypatch.setattr(Checkpoint, "after_epoch", killed_after_the_second)
    with pytest.raises(Killed):
        pretrain(second)
    monkeypatch.setattr(Checkpoint, "after_epoch", after_epoch)
    resumed = load_file(pretrain(second))
    rows = [(c.run.output / "history.csv").read_text().splitlines() for c in (config, second)]
    # fastai's running mean of the training loss starts anew, and the times differ; epoch and validation loss do not.
    kept = [[(row.split(",")[0], row.split(",")[2]) for row in lines] for lines in rows]
    assert kept[0] == kept[1]
    assert whole.keys() == resumed.keys()
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


def test_the_weights_after_an_epoch_can_be_kept(short):
    path = pretrain(replace(short, keep_epoch=1))
    kept, last = load_file(path.with_name("kept.safetensors")), load_file(path)
    assert any(not torch.equal(kept[name], last[name]) for name in last)
    with pytest.raises(ValueError, match="keep_epoch 1 "):
        replace(short, keep_epoch=1, run=replace(short.run, samples_every=2))


def test_a_finished_run_is_not_run_again(short):
    path = pretrain(short)
    before = path.read_bytes()
    history = (short.run.output / "history.csv").read_text()
    assert pretrain(short) == path
    assert path.read_bytes() == before
    assert (short.run.output / "history.csv").read_text() == history


def test_other_settings_do_not_resume(short):
    pretrain(short)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt.*other settings"):
        pretrain(replace(short, run=replace(short.run, learning_rate=0.5)))


def test_a_broken_checkpoint_is_named(short):
    short.run.output.mkdir()
    (short.run.output / "checkpoint.pt").write_bytes(b"PK broken")
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt.*whole"):
        pretrain(short)


def test_a_full_disk_keeps_the_former_checkpoint(short, monkeypatch):
    pretrain(short)
    path = short.run.output / "checkpoint.pt"
    saved = torch.save
    checkpoint = torch.load(path, weights_only=True)
    saved({**checkpoint, "epochs": 1}, path)  # one epoch is left to do
    before, files = path.read_bytes(), sorted(short.run.output.iterdir())

    def full_disk(state, target):
        saved({"partial": 1}, target)
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(CheckpointError, match="the former checkpoint is kept"):
        pretrain(short)
    assert path.read_bytes() == before
    assert sorted(short.run.output.iterdir()) == files


def test_a_loss_that_is_no_number_stops_before_the_weights(config, run):
    with pytest.raises(DivergedError, match=r"loss is (nan|inf) at step"):
        pretrain(replace(config, run=replace(run, learning_rate=1e38)))
    assert not (run.output / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (32,)}, r"sizes \(32,\)"),
        ({"sizes": (32, 50)}, r"size 50 .*32"),
        ({"cache_size": 32}, "cache_size 32 "),
        ({"batch_sizes": (0, 2)}, r"batch_sizes.* 1"),
    ],
)
def test_wrong_settings_are_named(run, change, message):
    with pytest.raises(ValueError, match=message):
        replace(run, **change)


def test_too_few_photographs(config, run):
    with pytest.raises(ValueError, match=r"9 photographs.* 64"):
        pretrain(replace(config, run=replace(run, batch_sizes=(64, 2))))


@pytest.mark.parametrize(("option", "value"), [("--photos", "nowhere"), ("--sizes", "50")])
def test_the_command_line_reports_one_line(run, monkeypatch, option, value):
    no_teacher = ["--losses.perceptual", "0", "--losses.distillation", "0"]
    one_phase = ["--sizes", "32", "--samples", "4", "--batch-sizes", "2"]
    arguments = ["--photos", "photos", "--output", str(run.output), *one_phase, *no_teacher, option, value]
    monkeypatch.setattr("sys.argv", ["pretrain_generator", *arguments])
    with pytest.raises(SystemExit) as stop:
        pretrain_generator.main()
    text = str(stop.value)
    assert text.startswith("pretrain_generator: ") and value in text and "\n" not in text
