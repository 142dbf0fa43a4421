"""The registry: weights by name or path, and files that are not what the manifest says."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from colorize.base import WeightsError, sha256
from colorize.network import (
    Generator,
    GeneratorConfig,
    WeightsInfo,
    check_file,
    find_weights,
    load_generator,
    load_network,
    registry,
    save_generator,
    weights_path,
)


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4)))
    path = tmp_path / "weights.safetensors"
    save_generator(generator, path, WeightsInfo(generator.config, 192, "made by a test"))
    return path


def test_find_by_path_and_by_name(file, monkeypatch):
    assert find_weights(file) == file
    entry = {"name": "mine", "file": file.name}
    (file.parent / "manifest.json").write_text(json.dumps({"weights": [entry]}))
    monkeypatch.setattr(registry, "released_folder", lambda: file.parent)
    assert find_weights("mine") == file
    with pytest.raises(WeightsError, match=r"yours: .*released: mine"):
        find_weights("yours")
    file.unlink()
    with pytest.raises(WeightsError, match="are missing; install again"):
        find_weights("mine")


def test_published_weights_lie_in_the_cache(file, monkeypatch, tmp_path):
    entry = {"name": "theirs", "file": "theirs.safetensors", "url": "https://example.org/theirs"}
    entry |= {"bytes": file.stat().st_size, "sha256": sha256(file)}
    (file.parent / "manifest.json").write_text(json.dumps({"weights": [entry]}))
    monkeypatch.setattr(registry, "released_folder", lambda: file.parent)
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    assert weights_path(entry) == tmp_path / "home" / "weights" / "theirs.safetensors"
    with pytest.raises(WeightsError, match=r"theirs: .*colorize-weights get theirs"):
        load_network("theirs")
    weights_path(entry).parent.mkdir(parents=True)
    shutil.copy(file, weights_path(entry))
    assert find_weights("theirs") == weights_path(entry)
    assert check_file(weights_path(entry))
    assert not check_file(file)  # nothing is known about it
    assert load_network("theirs").render_size == 192


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
