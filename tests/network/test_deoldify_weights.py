"""DeOldify's files as they were published: every form loads, and nothing else ever does."""

from __future__ import annotations

import functools
import os
import pickle
from pathlib import Path

import pytest
import torch
from support.deoldify import TINY, published_file, ramp_colors, use_tiny_networks
from support.quick import only_quick

from colorize.base import WeightsError
from colorize.network import is_deoldify, load_deoldify, load_network
from colorize.network.deoldify import checkpoints


@pytest.fixture(autouse=True)
def _tiny_networks(monkeypatch):
    use_tiny_networks(monkeypatch)


@pytest.fixture
def state(tiny_states):
    return dict(tiny_states["deep"])


@pytest.fixture
def file(state, tmp_path) -> Path:
    return published_file(state, tmp_path)


@pytest.mark.parametrize("kind", TINY)
@pytest.mark.parametrize("zipped", only_quick([True], [False]))
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"model": state}])
def test_the_published_forms_load(tiny_states, kind, zipped, wrap, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(wrap(tiny_states[kind]), path, _use_new_zipfile_serialization=zipped)
    assert is_deoldify(path)
    generator = load_deoldify(path)
    assert generator.kind == kind
    assert not generator.training
    assert torch.equal(ramp_colors(generator), ramp_colors(load_deoldify(path)))
    assert torch.allclose(ramp_colors(generator), ramp_colors(load_deoldify(path, folded=False)), atol=1e-3)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_optimizers_settings_that_fastai_saved_are_passed_over(state, zipped, tmp_path):
    path = tmp_path / "with_optimizer.pth"
    settings = {"opt_func": functools.partial(torch.optim.Adam, betas=(0.9, 0.99)), "lr": [1e-3], "state": {}}
    torch.save({"model": state, "opt": settings}, path, _use_new_zipfile_serialization=zipped)
    assert load_deoldify(path).kind == "deep"


def test_half_precision_files_load(state, tmp_path):
    path = tmp_path / "half.pth"
    torch.save({name: value.half() if value.is_floating_point() else value for name, value in state.items()}, path)
    assert torch.isfinite(ramp_colors(load_deoldify(path))).all()


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
    stand_ins = {stand_in for stand_in, _ in checkpoints._OLD_GLOBALS}
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
        load_network(path)


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
    with pytest.raises(WeightsError, match="not the weights of a DeOldify"):
        load_deoldify(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite(state, value, tmp_path):
    path = tmp_path / "nan.pth"
    torch.save({**state, "layers.11.0.bias": torch.full((3,), value)}, path)
    with pytest.raises(WeightsError, match="not finite"):
        load_deoldify(path)


@pytest.mark.parametrize(
    "change", [torch.Tensor.long, torch.Tensor.bool, torch.Tensor.to_sparse, lambda value: value.to(torch.complex64)]
)
def test_numbers_of_another_kind(state, change, tmp_path):
    path = tmp_path / "whole.pth"
    torch.save({**state, "layers.11.0.weight_orig": change(state["layers.11.0.weight_orig"])}, path)
    with pytest.raises(WeightsError, match=r"whole\.pth: layers\.11\.0\.weight_orig holds no plain numbers"):
        load_deoldify(path)


def test_an_unsafe_torch_is_refused(file, monkeypatch):
    monkeypatch.setattr(torch, "__version__", type(torch.__version__)("2.5.1"))
    with pytest.raises(WeightsError, match=r"needs torch 2\.6; this is 2\.5\.1"):
        load_deoldify(file)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pth: no such"):
        load_deoldify(tmp_path / "nothing.pth")
