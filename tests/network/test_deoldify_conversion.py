"""DeOldify's files converted: the colours stay, and what is damaged or foreign is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from support.deoldify import TINY, published_file, ramp_colors, use_tiny_networks

from colorize.base import WeightsError
from colorize.color import AB_MAX
from colorize.engine import Colorizer
from colorize.network import WeightsInfo, is_deoldify, load_deoldify, load_network, save_deoldify, save_generator
from colorize.network.deoldify import checkpoints


@pytest.fixture(autouse=True)
def _tiny_networks(monkeypatch):
    use_tiny_networks(monkeypatch)


@pytest.fixture
def file(tiny_states, tmp_path) -> Path:
    return published_file(tiny_states["deep"], tmp_path)


@pytest.mark.parametrize("kind", TINY)
def test_converted_in_float32_nothing_changes(tiny_states, kind, tmp_path):
    torch.save(tiny_states[kind], tmp_path / "a.pth")
    generator = load_deoldify(tmp_path / "a.pth")
    generator.render_size = 336
    save_deoldify(generator, tmp_path / "a.safetensors", torch.float32)
    assert is_deoldify(tmp_path / "a.safetensors")
    converted = load_deoldify(tmp_path / "a.safetensors")
    assert (converted.kind, converted.render_size) == (kind, 336)
    assert torch.equal(ramp_colors(converted), ramp_colors(generator))


def test_converted_in_half_precision_hardly_anything_changes(file, tmp_path):
    generator = load_deoldify(file)
    save_deoldify(generator, tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", "pt") as handle:
        for name in handle.keys():  # noqa: SIM118
            tensor = handle.get_tensor(name)
            assert tensor.dtype == (torch.float16 if tensor.ndim > 1 else torch.float32), name
    exact, rounded = ramp_colors(generator), ramp_colors(load_deoldify(tmp_path / "a.safetensors"))
    assert exact.std() > 0.02
    assert (exact - rounded).abs().max() * AB_MAX < 0.5


def test_a_failed_write_keeps_the_former_file(file, tmp_path, monkeypatch):
    generator = load_deoldify(file)
    target = tmp_path / "a.safetensors"
    save_deoldify(generator, target)
    before = target.read_bytes()

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoints, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_deoldify(generator, target)
    assert target.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([file, target])


def rewrite(path: Path, tensors: dict | None = None, **metadata: str) -> None:
    with safe_open(path, "pt") as handle:
        values = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
        values.update(tensors or {})
        save_file({k: v for k, v in values.items() if v is not None}, path, {**handle.metadata(), **metadata})


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        ({"layers.11.0.bias": None}, {}, "do not fit 'deep'"),
        ({"layers.11.0.bias": torch.zeros(2)}, {}, "do not fit 'deep'"),
        ({"extra": torch.zeros(2)}, {}, "do not fit 'deep'"),
        ({"layers.11.0.bias": torch.full((3,), float("nan"))}, {}, "not finite"),
        ({}, {"kind": '"flat"'}, "unknown network 'flat'"),
        ({}, {"kind": "{"}, "description cannot be read"),
        ({}, {"format": "colorize-deoldify/9"}, "format 'colorize-deoldify/9' where"),
    ],
)
def test_damaged_converted_files(file, tmp_path, tensors, metadata, message):
    path = tmp_path / "a.safetensors"
    save_deoldify(load_deoldify(file), path)
    rewrite(path, tensors, **metadata)
    with pytest.raises(WeightsError, match=message):
        load_network(path)


def test_a_cut_converted_file(file, tmp_path):
    path = tmp_path / "a.safetensors"
    save_deoldify(load_deoldify(file), path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(WeightsError, match="not a whole"):
        load_network(path)


def test_a_colorizer_takes_either_file(file, tmp_path, scene):
    save_deoldify(load_deoldify(file), tmp_path / "a.safetensors", torch.float32)
    pictures = []
    for path in (file, tmp_path / "a.safetensors"):
        colorizer = Colorizer(path, device="cpu", render_size=48, precision="float32")
        assert not colorizer.takes_hints
        pictures.append(colorizer(scene))
    assert np.array_equal(*pictures)
    assert Colorizer(file, device="cpu").render_size == 560


def test_safetensors_are_known_whatever_their_length(small_generator, narrow_resnet18, tmp_path):
    """The file begins with the length of its JSON, whose first byte may be a pickle's."""
    path, first = tmp_path / "own.safetensors", b"\x80"
    for spare in range(0, 256, 8):
        save_generator(small_generator, path, WeightsInfo(small_generator.config, 64, "x" * spare))
        if path.read_bytes()[:1] == first:
            break
    assert path.read_bytes()[:1] == first
    assert not is_deoldify(path)
    network = load_network(path, "cpu")
    assert (network.render_size, network.takes_hints) == (64, True)


def test_a_plain_pickle_whose_ninth_byte_is_a_brace_is_no_safetensors(tmp_path):
    path = tmp_path / "pickle.bin"
    path.write_bytes(b"\x80\x02\x8a\x0al\xfc\x9cF{" + bytes(50))
    assert is_deoldify(path)
