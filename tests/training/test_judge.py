"""The second judge: it learns labels from folders, and tells how near its answers are to those for the truth."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from training.classifiers import TimmClassifier
from training.judge import JudgeSettings, compare, judge, read_labelled, train_judge
from training.photos import PhotosError

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two kinds of pictures that only their colours tell apart: both have a lightness of 46.5."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, color in (("red", (200, 60, 60)), ("blue", (60, 106, 200))):
        (folder / name).mkdir()
        for index in range(24):
            noise = random.integers(-40, 40, (40, 48, 3))
            Image.fromarray(np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)).save(
                folder / name / f"{index}.png"
            )
    (folder / "few").mkdir()
    Image.new("RGB", (40, 40)).save(folder / "few" / "0.png")
    (folder / "red" / "broken.png").write_bytes(b"no picture")
    return folder


def test_labels_are_folders_and_small_ones_are_left_out(photos):
    pictures, labels, names = read_labelled([photos], 36, least=5)
    assert names == ["blue", "red"] and pictures.shape == (48, 3, 36, 36) and pictures.dtype == torch.uint8
    assert labels.bincount().tolist() == [24, 24]
    blue = pictures[labels == 0].float().mean(dim=(0, 2, 3))
    assert blue[2] > blue[0]


def test_too_few_folders(photos):
    with pytest.raises(PhotosError, match="two or more"):
        read_labelled([photos / "red"], 36, least=5)


def small_classifier(weights: None, num_classes: int) -> nn.Module:
    """Return a network that learns in thirty steps, in a hundredth of a ResNet-18's time."""
    layers: list[nn.Module] = []
    for channels, width in ((3, 16), (16, 32)):
        layers += [nn.Conv2d(channels, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, num_classes))


def test_a_judge_of_colours_sees_that_grey_has_none(photos, weights_file, monkeypatch):
    # Eight seeds of pictures and weights at 0.002, 0.01 and 0.02 each: 1 in colour, 0.4 or 0.6 in grey, agreement 0.5.
    monkeypatch.setattr("torchvision.models.resnet18", small_classifier)
    monkeypatch.setattr("training.judge.choose_precision", lambda _device: torch.float32)  # the same everywhere
    paths, settings = (
        (str(weights_file),),
        {"size": 32, "epochs": 30, "least": 5, "learning_rate": 1e-2, "device": "cpu"},
    )
    figures = judge(JudgeSettings(photos, paths, (photos,), **settings))
    assert figures["judge"]["accuracy in colour"] == 1
    assert figures["judge"]["accuracy in grey"] < 0.9
    assert figures["truth"]["agreement"] == 1 and figures["truth"]["gain"] == pytest.approx(1)
    assert figures["grey"]["gain"] == 0 and figures["grey"]["agreement"] < 0.9
    assert set(figures) == {"judge", "truth", "grey", "small"}


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_judge_trains_in_what_the_device_has(monkeypatch, precision):
    """Where bfloat16 is emulated, it takes six times as long, and two colours were told apart by chance alone."""
    monkeypatch.setattr("training.judge.choose_precision", lambda _device: precision)
    dtypes = set()
    hook = nn.modules.module.register_module_forward_hook(lambda module, _, y: dtypes.add((type(module), y.dtype)))
    try:
        pictures = torch.randint(256, (4, 3, 36, 36), dtype=torch.uint8)
        network = train_judge(pictures, torch.tensor([0, 0, 1, 1]), 32, 1, 1e-3, 0, torch.device("cpu"))
    finally:
        hook.remove()
    assert {dtype for kind, dtype in dtypes if kind is nn.Conv2d} == {precision}
    assert not network.training and network.fc.weight.dtype == torch.float32


def test_compare():
    truth = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log()
    log_probs = {"truth": truth, "grey": torch.full((2, 2), 0.5).log(), "right": (truth.exp() * 0.5 + 0.25).log()}
    figures = compare(log_probs)
    assert 0 < figures["right"]["gain"] < 1
    assert figures["right"]["divergence"] < figures["grey"]["divergence"]
    assert figures["right"]["agreement"] == 1
    assert figures["right"]["top1_gain"] == 1  # grey's answers are ties, which go to the first label


def test_a_judge_from_timm_gets_its_own_range(tmp_path, photos, weights_file):
    torch.manual_seed(0)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    save_file(network.state_dict(), tmp_path / "lite0.safetensors")
    classifier = TimmClassifier("tf_efficientnet_lite0", tmp_path / "lite0.safetensors").eval()
    assert classifier.size == 224
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(classifier(pixels * 2 - 1), network((pixels - 0.5) / 0.5))
    settings = JudgeSettings(
        photos,
        (str(weights_file),),
        classifier="tf_efficientnet_lite0",
        classifier_file=tmp_path / "lite0.safetensors",
        limit=2,
        device="cpu",
    )
    figures = judge(settings)
    assert set(figures) == {"truth", "grey", "small"}
    assert figures["truth"]["agreement"] == 1 and figures["truth"]["divergence"] == 0 < figures["grey"]["divergence"]


def test_a_judge_that_cannot_be_had(tmp_path, photos):
    with pytest.raises(ValueError, match=r"photos.*classifier"):
        JudgeSettings(photos, ())
    with pytest.raises(ValueError, match="no_such_network"):
        TimmClassifier("no_such_network", tmp_path / "missing")
    (tmp_path / "text").write_text("text")
    with pytest.raises(ValueError, match="classifier_file"):
        TimmClassifier("tf_efficientnet_lite0", tmp_path / "text")
