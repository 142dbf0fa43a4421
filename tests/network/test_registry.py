"""The registry: weights by name or path, and files that are not what the manifest says."""

from __future__ import annotations

import json
import shutil

import pytest
from support.small_networks import write_small_weights

from colorize.base import WeightsError, sha256
from colorize.network import (
    check_file,
    find_weights,
    load_network,
    registry,
    weights_path,
)


@pytest.fixture
def file(tmp_path):
    return write_small_weights(tmp_path / "weights.safetensors", render_size=192)


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


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"weights": [{}]}', '{"weights": 5}'])
def test_a_damaged_manifest_is_a_line(tmp_path, monkeypatch, content):
    (tmp_path / "manifest.json").write_text(content)
    monkeypatch.setattr(registry, "released_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match=r"manifest\.json: .*install again"):
        find_weights("stable")


def test_an_empty_name_is_a_line():
    with pytest.raises(WeightsError, match="empty"):
        find_weights("")


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
    shutil.copytree(file.parent / "graphs", weights_path(entry).parent / "graphs")
    assert find_weights("theirs") == weights_path(entry)
    assert check_file(weights_path(entry))
    assert not check_file(file)  # nothing is known about it
    assert load_network("theirs").render_size == 192


def test_a_released_file_with_one_wrong_bit_is_never_loaded(file, monkeypatch, tmp_path):
    data = file.read_bytes()
    entry = {"name": "mine", "file": file.name, "bytes": len(data), "sha256": sha256(file)}
    (file.parent / "manifest.json").write_text(json.dumps({"weights": [entry]}))
    monkeypatch.setattr(registry, "released_folder", lambda: file.parent)
    assert check_file(file)
    load_network("mine")
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    foreign = shutil.copytree(tmp_path / "graphs", tmp_path / "elsewhere" / "graphs").with_name(file.name)
    load_network(shutil.copy(file, foreign))  # its structure is whole, and its numbers are finite: only the hash tells
    for name in ("mine", file):
        with pytest.raises(WeightsError, match=r"damaged, SHA-256 .* install again"):
            load_network(name)
    file.write_bytes(data + b"0")
    with pytest.raises(WeightsError, match=f"damaged, {len(data) + 1} bytes where {len(data)}"):
        load_network("mine")
