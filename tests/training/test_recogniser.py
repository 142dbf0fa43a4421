"""Recognisers, and the recognition and embedding losses that stand on them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from support.narrow import NARROW, narrow_encoders
from support.photos import write_photos
from support.runs import SMALL, small_run

from colorize.color import lab_tensor_to_rgb, rgb_tensor_to_lab
from colorize.network import load_generator
from training.classifiers import Recogniser
from training.config import FinetuneConfig, PretrainConfig
from training.losses import embedding_loss, recognition_loss
from training.objective import GeneratorLoss, LossWeights
from training.pretrain_generator import build_generator, pretrain

NAME = "tf_efficientnet_lite0"
ONLY = {"content": 0.0, "perceptual": 0.0, "colourfulness": 0.0, "gradient": 0.0, "distillation": 0.0}


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory) -> Recogniser:
    timm = pytest.importorskip("timm", reason="the extra train brings timm")
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("recogniser") / "random.safetensors"
    save_file(timm.create_model(NAME, pretrained=False).state_dict(), file)
    return Recogniser(NAME, file)


@pytest.fixture
def rgb() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.nn.functional.interpolate(torch.rand(2, 3, 8, 8), 64, mode="bilinear")


def faded(rgb: torch.Tensor, share: float) -> torch.Tensor:
    lab = rgb_tensor_to_lab(rgb)
    return lab_tensor_to_rgb(torch.cat([lab[:, :1], share * lab[:, 1:]], dim=1))


def test_map_and_answers(recogniser, rgb):
    features, logits = recogniser(rgb)
    assert features.shape == (2, 1280, 2, 2)
    assert logits.shape == (2, 1000)


def test_it_is_frozen(recogniser, rgb):
    recogniser.train()
    assert not any(module.training for module in recogniser.modules())
    assert not any(p.requires_grad for p in recogniser.parameters())
    before = {name: value.clone() for name, value in recogniser.state_dict().items()}
    recognition_loss(recogniser(rgb.requires_grad_()), recogniser(0.5 * rgb)).backward()
    assert all(torch.equal(value, before[name]) for name, value in recogniser.state_dict().items())


def test_the_loss_grows_as_colours_fade(recogniser, rgb):
    truth = recogniser(rgb)
    assert recognition_loss(truth, truth).item() == pytest.approx(0, abs=1e-5)
    half, grey = (recognition_loss(recogniser(faded(rgb, share)), truth).item() for share in (0.5, 0.0))
    assert 1e-6 < half < grey


def test_answers_are_compared_in_nats():
    features = torch.ones(1, 4, 1, 1)
    sure, torn = torch.tensor([[100.0, 0.0]]), torch.zeros(1, 2)
    assert recognition_loss((features, torn), (features, sure)).item() == pytest.approx(torch.log(torch.tensor(2.0)))
    assert recognition_loss((-features, torn), (features, torn)).item() == pytest.approx(2)  # opposite maps


def test_the_gradient_reaches_the_generator(recogniser, rgb):
    lab = rgb_tensor_to_lab(rgb)
    ab = (0.1 * lab[:, 1:]).requires_grad_()
    loss = GeneratorLoss(LossWeights(**ONLY, recognition=2), None, [recogniser])
    total = loss((ab, torch.zeros(2, 1, 2, 2)), lab)
    total.backward()
    assert set(loss.parts) == {"recognition"}
    assert total.item() == pytest.approx(2 * loss.parts["recognition"].item())
    assert torch.isfinite(ab.grad).all() and ab.grad.abs().sum() > 0


def test_it_sees_the_prediction_enlarged(recogniser, rgb):
    lab = rgb_tensor_to_lab(rgb)
    small = torch.zeros(2, 2, 32, 32)
    loss = GeneratorLoss(LossWeights(**ONLY, recognition=1), None, [recogniser])((small, torch.zeros(2, 1, 1, 1)), lab)
    assert loss.item() == pytest.approx(recognition_loss(recogniser(faded(rgb, 0)), recogniser(rgb)).item(), rel=1e-3)


@pytest.mark.parametrize("loss", ["recognition", "embedding"])
def test_a_missing_recogniser_is_an_error(loss):
    with pytest.raises(ValueError, match="recogniser"):
        GeneratorLoss(LossWeights(**ONLY, **{loss: 1}), None)


def test_embeddings_are_means_over_the_places_in_units_of_the_truths_length():
    truth = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    features = truth.clone()
    assert embedding_loss(features, truth).item() == 0
    features[0, 0, 0, 0] += 4  # the mean over four places moves by 1; the truth is 5 long
    assert embedding_loss(features, truth).item() == pytest.approx(0.2)
    moved = truth.clone()
    moved[0, 0] = torch.tensor([[2.0, 4.0], [4.0, 2.0]])  # the same mean, elsewhere
    assert embedding_loss(moved, truth).item() == pytest.approx(0)


def test_several_recognisers_count_alike(recogniser, rgb):
    lab = rgb_tensor_to_lab(rgb)
    output = (0.1 * lab[:, 1:], torch.zeros(2, 1, 2, 2))
    weights = LossWeights(**ONLY, recognition=1, embedding=3)
    losses = [GeneratorLoss(weights, None, several) for several in ([recogniser], [recogniser, deepcopy(recogniser)])]
    one, two = (float(loss(output, lab)) for loss in losses)
    assert one == pytest.approx(two)
    parts = losses[0].parts
    assert one == pytest.approx(float(parts["recognition"] + 3 * parts["embedding"]))
    assert parts["embedding"] > 0


@pytest.mark.trains
def test_a_run_learns_from_it(tmp_path, recogniser):
    write_photos(tmp_path / "photos", 4, side=32)
    file = tmp_path / "recogniser.safetensors"
    save_file(recogniser.classifier.network.state_dict(), file)
    run = small_run(tmp_path / "photos", tmp_path / "run", weight_decay=0.0, learning_rate=0.1, ema=0.0)
    losses = LossWeights(**ONLY, recognition=1)
    config = PretrainConfig(run, losses, NARROW, SMALL.decoder_widths, recogniser=(NAME,), recogniser_file=(file,))
    with narrow_encoders():
        start = build_generator(config).head.weight
        learned = load_generator(pretrain(config)).head.weight
        assert (learned - start).abs().max() > 0.01, "no other loss and no decay moves it"
        other = replace(config, run=replace(run, output=tmp_path / "other"))
        with pytest.raises(ValueError, match="recogniser"):
            pretrain(replace(other, recogniser=(), recogniser_file=()))
        file.write_bytes(b"cut off")
        with pytest.raises(ValueError, match=NAME):
            pretrain(other)


@pytest.mark.parametrize("config", [PretrainConfig, FinetuneConfig])
def test_files_are_as_many_as_recognisers(tmp_path, config):
    needed = {"weights": tmp_path / "start.safetensors"} if config is FinetuneConfig else {}
    run = small_run(tmp_path / "photos", tmp_path / "run")
    with pytest.raises(ValueError, match=r"2 .* 1 recogniser_file"):
        config(run, **needed, recogniser=(NAME, NAME), recogniser_file=(tmp_path / "one.safetensors",))


def test_an_unknown_name_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no-such-network"):
        Recogniser("no-such-network")
