"""The second judge: it learns labels from folders, and tells how near answers are to the truth's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from training.judge import JudgeSettings, collect, compare, judge
from training.photos import PhotosError


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two kinds of pictures that only their colours tell apart."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, color in (("red", (200, 60, 60)), ("blue", (60, 60, 200))):
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
    pictures, labels, names = collect([photos], 36, least=5)
    assert names == ["blue", "red"] and pictures.shape == (48, 3, 36, 36) and pictures.dtype == torch.uint8
    assert labels.bincount().tolist() == [24, 24]
    blue = pictures[labels == 0].float().mean(dim=(0, 2, 3))
    assert blue[2] > blue[0]


def test_too_few_folders(photos):
    with pytest.raises(PhotosError, match="a judge needs two or more"):
        collect([photos / "red"], 36, least=5)


def test_a_judge_of_colours_sees_that_grey_has_none(photos, weights_file):
    settings = JudgeSettings((photos,), photos, (str(weights_file),), size=32, epochs=30, least=5, device="cpu")
    figures = judge(settings)
    assert figures["judge"]["accuracy in colour"] == 1
    assert figures["judge"]["accuracy in grey"] < 0.9
    assert figures["truth"]["agreement"] == 1 and figures["truth"]["gain"] == pytest.approx(1)
    assert figures["grey"]["gain"] == 0 and figures["grey"]["agreement"] < 0.9
    assert set(figures) == {"judge", "truth", "grey", "small"}


def test_compare():
    truth = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log()
    seen = {"truth": truth, "grey": torch.full((2, 2), 0.5).log(), "right": (truth.exp() * 0.5 + 0.25).log()}
    figures = compare(seen)
    assert 0 < figures["right"]["gain"] < 1
    assert figures["right"]["divergence"] < figures["grey"]["divergence"]
    assert figures["right"]["agreement"] == 1
