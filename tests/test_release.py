"""Releasing: figures travel in the file and in the manifest, and a wrong evaluation is refused."""

from __future__ import annotations

import json

import pytest
import torch

from colorize import weights as weights_module
from colorize.generator import Generator, GeneratorConfig
from colorize.weights import WeightsError, WeightsInfo, find_weights, load_generator, read_info, save_generator, sha256
from training.release import ReleaseSettings, release


@pytest.fixture
def settings(tmp_path):
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4)))
    save_generator(generator, tmp_path / "weights.safetensors", WeightsInfo(generator.config, 128, "the command"))
    row = {"ciede2000": 10.123456, "psnr": None}
    rows = {"grey": row, "weights": row, "truth": row}
    report = {"weights": "weights.safetensors", "photos": "val", "pictures": 3, "render_size": 128, "rows": rows}
    (tmp_path / "evaluation.json").write_text(json.dumps(report))
    (tmp_path / "released").mkdir()
    return ReleaseSettings(
        tmp_path / "weights.safetensors", "mine", tmp_path / "evaluation.json", "a note", tmp_path / "released"
    )


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
    monkeypatch.setattr(weights_module, "released_folder", lambda: settings.folder)
    assert find_weights("mine") == path


def test_the_tensors_are_those_that_were_measured(settings):
    measured, released = load_generator(settings.weights), load_generator(release(settings))
    for name, value in measured.state_dict().items():
        assert torch.equal(released.state_dict()[name], value), name


def test_a_second_release_replaces_its_entry_only(settings):
    release(settings)
    release(ReleaseSettings(settings.weights, "other", settings.evaluation, "", settings.folder))
    release(settings)
    entries = json.loads((settings.folder / "manifest.json").read_text())["weights"]
    assert [entry["name"] for entry in entries] == ["other", "mine"]


def test_an_evaluation_of_other_weights_is_refused(settings):
    report = json.loads(settings.evaluation.read_text())
    settings.evaluation.write_text(json.dumps({**report, "weights": "others.safetensors"}))
    with pytest.raises(WeightsError, match=r"measured others\.safetensors, not weights\.safetensors"):
        release(settings)
    assert not (settings.folder / "mine.safetensors").exists()


def test_too_large_a_file_is_refused(settings, monkeypatch):
    monkeypatch.setattr("training.release.MAX_BYTES", 1000)
    with pytest.raises(WeightsError, match="bytes are more than the 1000"):
        release(settings)
    assert not (settings.folder / "mine.safetensors").exists()
