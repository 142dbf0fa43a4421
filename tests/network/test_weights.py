"""Weights files: what is written comes back, and nothing else is ever taken for weights."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from colorize.base import WeightsError, sha256
from colorize.network import (
    Generator,
    GeneratorConfig,
    WeightsInfo,
    check_file,
    checkpoints,
    find_weights,
    load_generator,
    load_network,
    read_info,
    registry,
    save_generator,
    weights_path,
)


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4)))


@pytest.fixture
def file(generator, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_generator(generator, path, WeightsInfo(generator.config, 192, "made by a test", {"gain": 0.5}))
    return path


def test_the_description_comes_back(file, generator):
    assert read_info(file) == WeightsInfo(generator.config, 192, "made by a test", {"gain": 0.5})


def test_matrices_are_half_and_vectors_single_precision(file):
    with safe_open(file, "pt") as handle:
        for name in handle.keys():  # noqa: SIM118
            tensor = handle.get_tensor(name)
            assert tensor.dtype == (torch.float16 if tensor.ndim > 1 else torch.float32), name


def test_a_variance_beyond_half_precision_survives(generator, tmp_path):
    generator.encoder.bn1.running_var.fill_(1e-8)
    generator.encoder.bn1.running_mean.fill_(1e5)
    save_generator(generator, tmp_path / "w.safetensors")
    loaded = load_generator(tmp_path / "w.safetensors")
    assert torch.equal(loaded.encoder.bn1.running_var, generator.encoder.bn1.running_var)
    assert torch.equal(loaded.encoder.bn1.running_mean, generator.encoder.bn1.running_mean)


def test_loaded_is_ready_to_use(file):
    loaded = load_generator(file)
    assert not loaded.training
    assert all(p.dtype == torch.float32 for p in loaded.parameters())


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors: no such weights file"):
        load_generator(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1])
def test_truncated_file(file, keep):
    data = file.read_bytes()
    file.write_bytes(data[:keep])
    with pytest.raises(WeightsError, match=r"weights\.safetensors: not a whole safetensors file"):
        load_generator(file)


def test_pickle_is_never_read(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_generator(path)


def test_foreign_safetensors(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="not weights of this program"):
        load_generator(path)


def test_newer_format(file, monkeypatch):
    monkeypatch.setattr(checkpoints, "FORMAT", "colorize-generator/99")
    with pytest.raises(WeightsError, match="colorize-generator/1"):
        load_generator(file)


def rewrite(path, tensors=None, **metadata):
    with safe_open(path, "pt") as handle:
        values = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
        values.update(tensors or {})
        save_file({k: v for k, v in values.items() if v is not None}, path, {**handle.metadata(), **metadata})


@pytest.mark.parametrize("change", [None, torch.zeros(2, 4, 4, 4), torch.zeros(1)])
def test_a_missing_or_wrong_tensor(file, change):
    rewrite(file, {"head.weight": change})
    with pytest.raises(WeightsError, match="do not fit its config"):
        load_generator(file)


def test_an_extra_tensor(file):
    rewrite(file, {"extra.weight": torch.zeros(1)})
    with pytest.raises(WeightsError, match="do not fit its config"):
        load_generator(file)


def test_numbers_that_are_not_finite(file):
    rewrite(file, {"head.bias": torch.tensor([float("nan"), 0.0])})
    with pytest.raises(WeightsError, match="not finite"):
        load_generator(file)


@pytest.mark.parametrize("config", ["{", "[]", '{"backbone": "vgg"}'])
def test_an_unreadable_description(file, config):
    rewrite(file, config=config)
    with pytest.raises(WeightsError, match="description cannot be read"):
        load_generator(file)


def test_a_failed_write_keeps_the_former_file(file, generator, monkeypatch):
    before = file.read_bytes()

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(registry, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_generator(generator, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_find_by_path_and_by_name(file, monkeypatch):
    assert find_weights(file) == file
    entry = {"name": "mine", "file": file.name}
    (file.parent / "manifest.json").write_text(json.dumps({"weights": [entry]}))
    monkeypatch.setattr(registry, "released_folder", lambda: file.parent)
    assert find_weights("mine") == file
    with pytest.raises(WeightsError, match="yours: neither a weights file nor a released name; released: mine"):
        find_weights("yours")
    file.unlink()
    with pytest.raises(WeightsError, match="are missing; install again"):
        find_weights("mine")


def test_published_weights_lie_in_the_cache(file, monkeypatch, tmp_path):
    entry = {"name": "theirs", "file": "theirs.safetensors", "url": "https://example.org/theirs"}
    (file.parent / "manifest.json").write_text(json.dumps({"weights": [entry]}))
    monkeypatch.setattr(registry, "released_folder", lambda: file.parent)
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    assert weights_path(entry) == tmp_path / "home" / "weights" / "theirs.safetensors"
    with pytest.raises(WeightsError, match="theirs: not on this machine yet; get it with: colorize-weights get theirs"):
        load_network("theirs")
    weights_path(entry).parent.mkdir(parents=True)
    shutil.copy(file, weights_path(entry))
    assert find_weights("theirs") == weights_path(entry)
    assert not check_file(weights_path(entry))  # nothing is known about it
    generator, render_size = load_network("theirs")
    assert isinstance(generator, Generator)
    assert render_size == 192


def test_a_released_file_with_one_wrong_bit_is_never_loaded(file, monkeypatch):
    data = file.read_bytes()
    entry = {"name": "mine", "file": file.name, "bytes": len(data), "sha256": sha256(file)}
    (file.parent / "manifest.json").write_text(json.dumps({"weights": [entry]}))
    monkeypatch.setattr(registry, "released_folder", lambda: file.parent)
    assert check_file(file)
    load_network("mine")
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    load_generator(file)  # its structure is whole, and its numbers are finite: only the hash tells
    for name in ("mine", file):
        with pytest.raises(WeightsError, match=r"damaged, SHA-256 .* install again"):
            load_network(name)
    file.write_bytes(data + b"0")
    with pytest.raises(WeightsError, match=f"damaged, {len(data) + 1} bytes where {len(data)}"):
        load_network("mine")
