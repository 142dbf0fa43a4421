"""Releasing: figures travel in the file and in the manifest, thumbnails are made, a wrong evaluation is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from colorize.base import WeightsError, sha256
from colorize.engine import Colorizer
from colorize.network import (
    Generator,
    GeneratorConfig,
    WeightsInfo,
    find_weights,
    load_generator,
    read_info,
    registry,
    save_generator,
)
from training.release import STEP, ReleaseSettings, read_golden, release, thumbnails, write_golden

pytestmark = pytest.mark.usefixtures("narrow_resnet18")


@pytest.fixture
def settings(tmp_path, scene):
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4)))
    torch.nn.init.normal_(generator.head.weight, std=0.1)  # vivid colours
    save_generator(generator, tmp_path / "weights.safetensors", WeightsInfo(generator.config, 128, "the command"))
    row = {"ciede2000": 10.123456, "psnr": None}
    rows = {"grey": row, "weights": row, "truth": row}
    report = {"weights": "weights.safetensors", "photos": "val", "pictures": 3, "render_size": 128, "rows": rows}
    (tmp_path / "evaluation.json").write_text(json.dumps(report))
    (tmp_path / "released").mkdir()
    (tmp_path / "samples").mkdir()
    Image.fromarray(scene).save(tmp_path / "samples" / "scene.jpg")
    Image.fromarray(scene).save(tmp_path / "samples" / "scene_colorized.jpg")
    weights, evaluation = tmp_path / "weights.safetensors", tmp_path / "evaluation.json"
    folders = (tmp_path / name for name in ("released", "golden", "samples"))
    return ReleaseSettings(weights, "mine", evaluation, "a note", *folders, graph=False)


def test_file_and_manifest_agree(settings, monkeypatch):
    path = release(settings)
    (entry,) = json.loads((settings.folder / "manifest.json").read_text())["weights"]
    assert entry["bytes"] == path.stat().st_size
    assert entry["sha256"] == sha256(path)
    assert entry["made_by"]["command"] == "the command"
    info = read_info(path)
    assert info.trained_on == "the command. a note"
    assert info.render_size == entry["render_size"] == 128
    assert info.metrics == entry["metrics"]
    assert entry["metrics"]["weights"] == {"ciede2000": 10.1235, "psnr": None}
    monkeypatch.setattr(registry, "released_folder", lambda: settings.folder)
    assert find_weights("mine") == path


def test_the_tensors_are_those_that_were_measured(settings):
    measured, released = load_generator(settings.weights), load_generator(release(settings))
    for name, value in measured.state_dict().items():
        assert torch.equal(released.state_dict()[name], value), name


def test_a_second_release_replaces_its_entry_only(settings):
    release(settings)
    release(replace(settings, name="other", note=""))
    release(settings)
    entries = json.loads((settings.folder / "manifest.json").read_text())["weights"]
    assert [entry["name"] for entry in entries] == ["other", "mine"]


def test_an_evaluation_of_other_weights_is_refused(settings):
    report = json.loads(settings.evaluation.read_text())
    settings.evaluation.write_text(json.dumps({**report, "weights": "others.safetensors"}))
    with pytest.raises(WeightsError, match=r"evaluation\.json.*others\.safetensors"):
        release(settings)
    assert not (settings.folder / "mine.safetensors").exists()


def test_too_large_a_file_is_refused(settings, monkeypatch):
    monkeypatch.setattr("training.release.MAX_BYTES", 1000)
    with pytest.raises(WeightsError, match=r"weights\.safetensors.* 1000 "):
        release(settings)
    assert not (settings.folder / "mine.safetensors").exists()


def test_a_refused_release_leaves_the_former_one(settings, monkeypatch):
    former = release(settings).read_bytes()
    monkeypatch.setattr("training.release.MAX_BYTES", 1000)
    with pytest.raises(WeightsError, match="1000"):
        release(settings)
    assert (settings.folder / "mine.safetensors").read_bytes() == former
    assert sorted(path.name for path in settings.folder.iterdir()) == ["manifest.json", "mine.safetensors"]


def test_golden_thumbnails_are_those_of_the_released_weights(settings):
    pictures = thumbnails(Colorizer(release(settings)), settings.samples)
    golden = read_golden(settings.golden / "mine.npz")
    assert golden.keys() == pictures.keys() == {"scene"}
    assert golden["scene"].shape == (64, 85, 3)
    assert np.abs(golden["scene"] - pictures["scene"]).max() <= STEP / 2 + 1e-5
    assert np.ptp(golden["scene"][..., 1:]) > 1  # random weights, but not grey


def test_thumbnails_keep_strong_colours(tmp_path):
    lab = np.float32([[[0, 0, 0], [100, 0, 0], [53.2, 80.1, 67.2], [32.3, 79.2, -107.9], [87.7, -86.2, 83.2]]])
    write_golden(tmp_path / "golden.npz", {"patches": lab})
    assert read_golden(tmp_path / "golden.npz")["patches"] == pytest.approx(lab, abs=STEP)
