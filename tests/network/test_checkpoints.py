"""Weights files: what is written comes back, the former format still loads, and nothing else is taken for weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from colorize.base import WeightsError
from colorize.network import (
    Generator,
    GeneratorConfig,
    WeightsInfo,
    checkpoints,
    load_generator,
    read_info,
    save_generator,
)
from colorize.network.weights_file import FORMAT, FORMER_FORMAT


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


def test_the_same_weights_are_the_same_bytes(file, generator):
    before = file.read_bytes()
    for _ in range(3):
        save_generator(generator, file, read_info(file))
        assert file.read_bytes() == before


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
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors: no such"):
        load_generator(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1])
def test_truncated_file(file, keep):
    data = file.read_bytes()
    file.write_bytes(data[:keep])
    with pytest.raises(WeightsError, match=r"weights\.safetensors: not a whole"):
        load_generator(file)


def test_pickle_is_never_read(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_generator(path)


def contents(path):
    """Return a file's tensors by name, and its metadata."""
    with safe_open(path, "pt") as handle:
        return {name: handle.get_tensor(name) for name in handle.keys()}, handle.metadata()  # noqa: SIM118


def rewrite(path, tensors=None, **metadata):
    """Exchange some of a file's tensors (None: leave it out) and of its metadata."""
    values, description = contents(path)
    values.update(tensors or {})
    save_file({k: v for k, v in values.items() if v is not None}, path, {**description, **metadata})


def test_foreign_safetensors(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="not weights of this program"):
        load_generator(path)


@pytest.mark.parametrize("read", [read_info, load_generator])
def test_another_format_is_refused_with_the_names_of_those_that_are_read(file, read):
    rewrite(file, format="colorize-generator/99")
    message = rf"format 'colorize-generator/99' where '{FORMAT}' or '{FORMER_FORMAT}' is needed"
    with pytest.raises(WeightsError, match=message):
        read(file)


# --- the former format -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def semantic_file(tmp_path_factory) -> Path:
    """A file of the present format whose generator has everything that was renamed since the former one."""
    torch.manual_seed(0)
    config = GeneratorConfig(
        "resnet18",
        (8, 8, 8, 4, 4),
        semantic_branch="efficientnet_lite0",
        head="classification",
        hue_agreement_power=0.5,
    )
    generator = Generator(config)
    for layer in (generator.semantic_branch.spatial_proj, generator.semantic_branch.global_proj, generator.head):
        torch.nn.init.normal_(layer.weight, std=0.1)
    path = tmp_path_factory.mktemp("semantic") / "present.safetensors"
    save_generator(generator, path, WeightsInfo(config, 192, "made by a test", {"gain": 0.5}))
    return path


@pytest.fixture
def former_file(semantic_file, tmp_path) -> Path:
    """The same file as it was written before: its format, names of tensors and fields of the config."""
    tensors, metadata = contents(semantic_file)
    names = {
        name: name.replace("semantic_branch.spatial_proj.", "prior.places.")
        .replace("semantic_branch.global_proj.", "prior.whole.")
        .replace("semantic_branch.", "prior.")
        for name in tensors
    }
    fields = json.loads(metadata["config"])
    fields["prior"], fields["caution"] = fields.pop("semantic_branch"), fields.pop("hue_agreement_power")
    path = tmp_path / "former.safetensors"
    metadata = {**metadata, "format": "colorize-generator/1", "config": json.dumps(fields)}
    save_file({names[name]: tensor for name, tensor in tensors.items()}, path, metadata)
    return path


def test_a_new_file_has_the_present_format_and_names(semantic_file):
    tensors, metadata = contents(semantic_file)
    assert metadata["format"] == "colorize-generator/2"
    assert {"semantic_branch.spatial_proj.weight", "semantic_branch.global_proj.weight"} <= tensors.keys()
    assert not [name for name in tensors if name.startswith("prior")]
    assert json.loads(metadata["config"]).keys() >= {"semantic_branch", "hue_agreement_power"}


def test_a_file_of_the_former_format_loads_equal(former_file, semantic_file):
    names = contents(former_file)[0].keys()
    assert {"prior.places.weight", "prior.places.bias", "prior.whole.weight", "prior.body.conv_stem.weight"} <= names
    assert read_info(former_file) == read_info(semantic_file)
    former, present = load_generator(former_file), load_generator(semantic_file)
    assert former.config == present.config
    assert former.config.hue_agreement_power == 0.5
    wanted = present.state_dict()
    found = former.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_a_file_of_the_former_format_is_written_anew_in_the_present_one(former_file, semantic_file, tmp_path):
    save_generator(load_generator(former_file), tmp_path / "again.safetensors", read_info(former_file))
    (found, found_metadata), (wanted, metadata) = contents(tmp_path / "again.safetensors"), contents(semantic_file)
    assert found_metadata == metadata
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_former_names_count_only_in_the_former_format(former_file):
    fields = json.loads(contents(former_file)[1]["config"])
    rewrite(former_file, format=FORMAT)
    with pytest.raises(WeightsError, match=r"description cannot be read.*(prior|caution)"):
        load_generator(former_file)
    current = {"prior": "semantic_branch", "caution": "hue_agreement_power"}
    rewrite(former_file, config=json.dumps({current.get(name, name): value for name, value in fields.items()}))
    with pytest.raises(WeightsError, match="do not fit its config"):
        load_generator(former_file)


@pytest.mark.parametrize("name", ["former_file", "file"])
def test_an_unknown_field_is_an_error_in_either_format(request, name):
    path = request.getfixturevalue(name)
    fields = json.loads(contents(path)[1]["config"])
    rewrite(path, config=json.dumps({**fields, "mood": 0.5}))
    with pytest.raises(WeightsError, match=r"description cannot be read.*mood"):
        load_generator(path)


# --- damaged files ---------------------------------------------------------------------------------------------------


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

    monkeypatch.setattr(checkpoints, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_generator(generator, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]
