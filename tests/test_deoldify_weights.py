"""DeOldify's files: the published forms load, converted ones too, and nothing else ever does."""

from __future__ import annotations

import functools
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from made_deoldify import TINY, tiny_state
from safetensors import safe_open
from safetensors.torch import save_file

from colorize import deoldify_weights
from colorize.colorizer import Colorizer
from colorize.deoldify import DeOldifyGenerator
from colorize.deoldify_network import KINDS
from colorize.deoldify_weights import is_deoldify, load_deoldify, save_deoldify
from colorize.inference import infer
from colorize.weights import WeightsError, WeightsInfo, open_weights, save_generator


@pytest.fixture(autouse=True)
def _tiny_networks(monkeypatch):
    for kind, architecture in TINY.items():
        monkeypatch.setitem(KINDS, kind, architecture)


@pytest.fixture(scope="module")
def states():
    return {kind: tiny_state(kind) for kind in TINY}


@pytest.fixture
def state(states):
    return dict(states["deep"])


@pytest.fixture
def file(state, tmp_path) -> Path:
    path = tmp_path / "ColorizeArtistic_gen.pth"
    torch.save(state, path)
    return path


def colours(generator: DeOldifyGenerator) -> torch.Tensor:
    lightness = torch.linspace(-1, 1, 32 * 48).reshape(1, 1, 32, 48)
    return infer(generator, lightness)


@pytest.mark.parametrize("kind", TINY)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"model": state}])
def test_the_published_forms_load(states, kind, zipped, wrap, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(wrap(states[kind]), path, _use_new_zipfile_serialization=zipped)
    assert is_deoldify(path)
    generator = load_deoldify(path)
    assert generator.kind == kind
    assert not generator.training
    assert torch.equal(colours(generator), colours(load_deoldify(path)))
    assert torch.allclose(colours(generator), colours(load_deoldify(path, folded=False)), atol=1e-3)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_optimizers_settings_that_fastai_saved_are_passed_over(state, zipped, tmp_path):
    path = tmp_path / "with_optimizer.pth"
    settings = {"opt_func": functools.partial(torch.optim.Adam, betas=(0.9, 0.99)), "lr": [1e-3], "state": {}}
    torch.save({"model": state, "opt": settings}, path, _use_new_zipfile_serialization=zipped)
    assert load_deoldify(path).kind == "deep"


def test_half_precision_files_load(state, tmp_path):
    path = tmp_path / "half.pth"
    torch.save({name: value.half() if value.is_floating_point() else value for name, value in state.items()}, path)
    assert torch.isfinite(colours(load_deoldify(path))).all()


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


class PartialAttack(Attack):
    """Tries the same by way of the global that old files may name."""

    def __reduce__(self):
        return functools.partial, (os.system, f"touch {self.target}")


@pytest.mark.parametrize("attack", [Attack, PartialAttack])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_never_runs(state, attack, zipped, tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"model": state, "opt": attack(tmp_path / "owned")}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"evil\.pth: not read, it holds more than tensors \(\w+\.system could"):
        load_deoldify(path)
    assert not (tmp_path / "owned").exists()


def test_the_stand_in_for_old_globals_does_nothing(state, tmp_path):
    """A call of the real functools.partial could be smuggled in; the stand-in is not even callable."""
    stand_ins = {stand_in for stand_in, _ in deoldify_weights._OLD_GLOBALS}
    assert len(stand_ins) == 1
    (stand_in,) = stand_ins
    assert not callable(stand_in(print, "x"))
    torch.save({"model": state, "opt": functools.partial(torch.optim.Adam)}, tmp_path / "old.pth")
    load_deoldify(tmp_path / "old.pth")
    assert "Ignored" not in str(torch.serialization.get_safe_globals())  # it stands in only while a file is read


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0, 0.00001, 0.01, 0.5, 0.999])
def test_truncated_files(state, share, zipped, tmp_path):
    path = tmp_path / "cut.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"cut\.pth: not a whole"):
        load_deoldify(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>file not found</html>", "a web page, not weights"),
        (pickle.dumps({"a": 1}), "not a whole torch file"),
        (b"\x80\x02garbage", "not a whole torch file"),
        (b"PK\x03\x04garbage", "not a whole torch file"),
    ],
)
def test_other_files_under_the_name(content, message, tmp_path):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        open_weights(path)


@pytest.mark.parametrize("content", [[1, 2], {}, {"model": 3}, {"a": torch.zeros(3), "b": "text"}, torch.zeros(3)])
def test_torch_files_without_a_state_dict(content, tmp_path):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"other\.pth: holds no state dict"):
        load_deoldify(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("layers.11.0.bias", None, r"layers\.11\.0\.bias is missing; 1 of"),
        ("layers.11.0.bias", torch.zeros(4), r"layers\.11\.0\.bias is \(4,\); 1 of"),
        ("extra", torch.zeros(1), r"extra is foreign; 1 of"),
    ],
)
def test_every_key_and_shape_must_be_there(state, key, value, message, tmp_path):
    path = tmp_path / "near.pth"
    torch.save({name: v for name, v in {**state, key: value}.items() if v is not None}, path)
    with pytest.raises(WeightsError, match=rf"near\.pth: not the weights of a DeOldify generator \({message}"):
        load_deoldify(path)


def test_another_network(small_generator, tmp_path):
    path = tmp_path / "other.pth"
    torch.save(small_generator.state_dict(), path)
    with pytest.raises(WeightsError, match="not the weights of a DeOldify generator"):
        load_deoldify(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite(state, value, tmp_path):
    path = tmp_path / "nan.pth"
    torch.save({**state, "layers.11.0.bias": torch.full((3,), value)}, path)
    with pytest.raises(WeightsError, match="not finite"):
        load_deoldify(path)


def test_an_unsafe_torch_is_refused(file, monkeypatch):
    monkeypatch.setattr(torch, "__version__", type(torch.__version__)("2.5.1"))
    with pytest.raises(WeightsError, match=r"needs torch 2\.6; this is 2\.5\.1"):
        load_deoldify(file)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pth: no such weights file"):
        load_deoldify(tmp_path / "nothing.pth")


@pytest.mark.parametrize("kind", TINY)
def test_converted_in_float32_nothing_changes(states, kind, tmp_path):
    torch.save(states[kind], tmp_path / "a.pth")
    generator = load_deoldify(tmp_path / "a.pth")
    generator.render_size = 336
    save_deoldify(generator, tmp_path / "a.safetensors", torch.float32)
    assert is_deoldify(tmp_path / "a.safetensors")
    converted = load_deoldify(tmp_path / "a.safetensors")
    assert (converted.kind, converted.render_size) == (kind, 336)
    assert torch.equal(colours(converted), colours(generator))


def test_converted_in_half_precision_hardly_anything_changes(file, tmp_path):
    generator = load_deoldify(file)
    save_deoldify(generator, tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", "pt") as handle:
        for name in handle.keys():  # noqa: SIM118
            tensor = handle.get_tensor(name)
            assert tensor.dtype == (torch.float16 if tensor.ndim > 1 else torch.float32), name
    exact, rounded = colours(generator), colours(load_deoldify(tmp_path / "a.safetensors"))
    assert exact.std() > 0.02
    assert (exact - rounded).abs().max() * 110 < 0.5  # in Lab units


def test_a_failed_write_keeps_the_former_file(file, tmp_path, monkeypatch):
    generator = load_deoldify(file)
    target = tmp_path / "a.safetensors"
    save_deoldify(generator, target)
    before = target.read_bytes()

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(deoldify_weights, "save", full_disk)
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
        open_weights(path)


def test_a_cut_converted_file(file, tmp_path):
    path = tmp_path / "a.safetensors"
    save_deoldify(load_deoldify(file), path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(WeightsError, match="not a whole"):
        open_weights(path)


def test_a_colorizer_takes_either_file(file, tmp_path, scene):
    save_deoldify(load_deoldify(file), tmp_path / "a.safetensors", torch.float32)
    pictures = []
    for path in (file, tmp_path / "a.safetensors"):
        colorizer = Colorizer(path, device="cpu", render_size=48, precision=torch.float32)
        assert not colorizer.takes_hints
        pictures.append(colorizer(scene))
    assert np.array_equal(*pictures)
    assert Colorizer(file, device="cpu").render_size == 560


def test_safetensors_are_known_whatever_their_length(small_generator, tmp_path):
    """The file begins with the length of its JSON, whose first byte may be a pickle's."""
    path, first = tmp_path / "own.safetensors", b"\x80"
    for spare in range(0, 256, 8):
        save_generator(small_generator, path, WeightsInfo(small_generator.config, 64, "x" * spare))
        if path.read_bytes()[:1] == first:
            break
    assert path.read_bytes()[:1] == first
    assert not is_deoldify(path)
    generator, render_size = open_weights(path)
    assert (generator.config, render_size) == (small_generator.config, 64)


def test_a_plain_pickle_whose_ninth_byte_is_a_brace_is_no_safetensors(tmp_path):
    path = tmp_path / "pickle.bin"
    path.write_bytes(b"\x80\x02\x8a\x0al\xfc\x9cF{" + bytes(50))
    assert is_deoldify(path)
