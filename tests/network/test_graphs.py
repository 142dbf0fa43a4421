"""ONNX Runtime beside torch: the same colours from one weights file, and files that do not fit are named."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorize.base import WeightsError
from colorize.color import AB_MAX, Floats
from colorize.network import (
    Generator,
    GeneratorConfig,
    Network,
    WeightsInfo,
    export_graph,
    find_weights,
    load_network,
    save_generator,
    write_graph,
)
from colorize.network.graphs import FOLDER, HALVES, Graph, find_graph, graph_name, read_graph
from colorize.network.onnx_runtime import OnnxNetwork
from colorize.network.weights_file import read_info, read_weights

MAX_DIFFERENCE = 0.05  # ab levels, between the runtimes
RELEASED = ("stable", "artistic")


def random_inputs(count: int, channels: int, height: int, width: int) -> Floats:
    """Return inputs of a network: random lightness and, in four channels, hints at a tenth of the places."""
    random = np.random.default_rng(count * height + width)
    inputs = random.uniform(-1, 1, (count, channels, height, width)).astype(np.float32)
    if channels > 1:
        inputs[:, 3] = inputs[:, 3] > 0.8
        inputs[:, 1:3] *= inputs[:, 3:]
    return inputs


def answer(network: Network, inputs: Floats, latent: Floats | None = None) -> Floats:
    return network.decode(inputs, network.encode(inputs), latent) * np.float32(AB_MAX)


@pytest.fixture(scope="module", params=RELEASED)
def networks(request: pytest.FixtureRequest) -> tuple[Network, Network]:
    """Released weights in both runtimes, on the processor, float32."""
    return load_network(request.param, "cpu", runtime="onnx"), load_network(request.param, "cpu", "float32", "torch")


@pytest.fixture
def stable() -> tuple[Graph, dict[str, np.ndarray], WeightsInfo]:
    """The released graph and weights as they are read."""
    path = find_weights("stable")
    info, tensors = read_weights(path)
    graph_file = find_graph(info.config, path)
    assert graph_file is not None
    return read_graph(graph_file), tensors, info


class TestSameColors:
    @pytest.mark.parametrize("shape", [(1, 1, 64, 96), (2, 4, 32, 64), (1, 4, 37, 51), (1, 1, 1, 1)], ids=str)
    def test_of_any_size_with_and_without_hints(self, networks, shape):
        onnx, in_torch = (answer(network, random_inputs(*shape)) for network in networks)
        assert onnx.shape == (shape[0], *shape[2:], 2)
        assert np.abs(onnx - in_torch).max() < MAX_DIFFERENCE
        assert np.abs(onnx).max() > (1 if shape[2] > 1 else 0.2)

    def test_with_another_bottleneck(self, networks):
        inputs, results = random_inputs(1, 1, 64, 64), []
        for network in networks:
            features = network.encode(inputs)
            assert features.bottleneck is not None
            other = features.with_bottleneck(features.bottleneck[:, ::-1].copy())
            results.append(network.decode(inputs, other) * np.float32(AB_MAX))
            assert np.abs(results[-1] - answer(network, inputs)).max() > 1
        assert np.abs(results[0] - results[1]).max() < MAX_DIFFERENCE

    def test_alone_and_in_a_batch(self, networks):
        network, inputs = networks[0], random_inputs(3, 1, 32, 64)
        alone = np.concatenate([answer(network, inputs[index : index + 1]) for index in range(3)])
        assert np.abs(answer(network, inputs) - alone).max() < MAX_DIFFERENCE

    def test_what_else_the_contract_says(self, networks):
        onnx, in_torch = networks
        assert onnx.stride == in_torch.stride
        assert onnx.render_size == in_torch.render_size
        assert onnx.takes_hints and in_torch.takes_hints
        assert onnx.latent_dim == in_torch.latent_dim == 0
        assert onnx.runtime.startswith("onnxruntime") and in_torch.runtime.startswith("torch")


def test_all_released_weights_have_a_graph():
    for name in RELEASED:
        path = find_weights(name)
        assert find_graph(read_info(path).config, path) is not None


def test_weights_that_differ_have_another_fingerprint():
    stable, again, artistic = (load_network(name, runtime="onnx") for name in ("stable", "stable", "artistic"))
    assert stable.fingerprint() == again.fingerprint() != artistic.fingerprint()


class TestWhatDoesNotFit:
    def start(self, graph: Graph, tensors: dict, info: WeightsInfo) -> OnnxNetwork:
        return OnnxNetwork(graph, tensors, info, "fingerprint")

    def test_a_missing_tensor(self, stable):
        graph, tensors, info = stable
        del tensors["decoder.1.bn_up.running_var"]
        with pytest.raises(WeightsError, match=r"decoder\.1\.bn_up\.running_var is missing"):
            self.start(graph, tensors, info)

    def test_a_foreign_tensor(self, stable):
        graph, tensors, info = stable
        tensors["encoder.layer9.weight"] = tensors["head.weight"]
        with pytest.raises(WeightsError, match=r"encoder\.layer9\.weight is foreign"):
            self.start(graph, tensors, info)

    @pytest.mark.parametrize("name", ["head.weight", "decoder.0.up.weight", "encoder.bn1.weight"])
    def test_another_shape(self, stable, name):
        graph, tensors, info = stable
        tensors[name] = tensors[name][:-1]
        with pytest.raises(WeightsError, match=name.split(".")[0]):
            self.start(graph, tensors, info)

    @pytest.mark.parametrize("name", ["head.bias", "encoder.bn1.running_mean"])
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_numbers_that_are_not_finite(self, stable, name, value):
        graph, tensors, info = stable
        tensors[name] = np.full_like(tensors[name], value)
        with pytest.raises(WeightsError, match="not finite"):
            self.start(graph, tensors, info)

    @pytest.mark.parametrize("half", HALVES)
    @pytest.mark.parametrize("model", [b"", b"no model"])
    def test_a_model_that_is_none(self, stable, half, model):
        graph, tensors, info = stable
        with pytest.raises(WeightsError, match=f"{half} in the graph file"):
            self.start(replace(graph, models={**graph.models, half: model}), tensors, info)

    def test_a_device_that_is_not_there(self):
        with pytest.raises(ValueError, match=r"'tpu'.* has .*cpu"):
            load_network("stable", "tpu", runtime="onnx")

    def test_a_latent_for_weights_without_one(self, networks):
        inputs = random_inputs(1, 1, 32, 32)
        with pytest.raises(ValueError, match="no latent vector"):
            answer(networks[0], inputs, np.zeros((1, 4), np.float32))


class TestGraphFiles:
    @pytest.fixture
    def path(self, tmp_path: Path, stable: tuple) -> Path:
        path = tmp_path / "some.zip"
        write_graph(path, stable[0])
        return path

    def test_a_graph_survives(self, path, stable):
        assert read_graph(path) == stable[0]

    def test_the_same_graph_is_the_same_file(self, path, stable, tmp_path):
        write_graph(tmp_path / "again.zip", stable[0])
        assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()

    def test_cut_or_foreign(self, path):
        whole = path.read_bytes()
        flipped = whole[:2000] + bytes(255 - byte for byte in whole[2000:2100]) + whole[2100:]
        for content in (whole[:-100], b"", b"no archive", flipped):
            path.write_bytes(content)
            with pytest.raises(WeightsError, match=r"some\.zip: not a graph file"):
                read_graph(path)

    @pytest.mark.parametrize("content", [{"format": "colorize-graph/9"}, {}, [], {"format": "colorize-graph/1"}])
    def test_a_description_that_cannot_be_read(self, path, content):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("graph.json", json.dumps(content))
            for half in HALVES:
                archive.writestr(f"{half}.onnx", b"")
        with pytest.raises(WeightsError, match=r"some\.zip: not a graph file"):
            read_graph(path)

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none\.zip"):
            read_graph(tmp_path / "none.zip")

    def test_the_power_of_the_hue_agreement_is_no_part_of_the_name(self):
        config = GeneratorConfig(head="classification", hue_agreement_power=1.0)
        assert graph_name(config) == graph_name(replace(config, hue_agreement_power=0.0))
        assert graph_name(config) != graph_name(replace(config, backbone="resnet18"))
        assert graph_name(config) != graph_name(replace(config, latent_dim=3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        GeneratorConfig("resnet18", (8, 8, 8, 4, 4), latent_dim=3),
        GeneratorConfig("resnet50", (8, 8, 8, 4, 4), head="classification", hue_agreement_power=0.0),
    ],
    ids=["a latent, no classes", "bottlenecks, classes"],
)
def test_the_graph_of_any_architecture(config: GeneratorConfig, tmp_path: Path):
    torch.manual_seed(0)
    generator = Generator(config)
    torch.nn.init.normal_(generator.head.weight, std=0.1)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    path = tmp_path / "mine.safetensors"
    save_generator(generator, path, WeightsInfo(config))
    with pytest.raises(WeightsError, match=r"mine\.safetensors: .*colorize-weights convert"):
        load_network(path, "cpu", runtime="onnx")
    (tmp_path / FOLDER).mkdir()
    write_graph(tmp_path / FOLDER / graph_name(config), export_graph(generator.eval()))
    onnx, in_torch = load_network(path, "cpu", runtime="onnx"), load_network(path, "cpu", "float32", "torch")
    assert onnx.latent_dim == in_torch.latent_dim == config.latent_dim
    latent = np.ones((2, config.latent_dim), np.float32) if config.latent_dim else None
    for inputs, given in ((random_inputs(2, 4, 64, 32), latent), (random_inputs(1, 1, 40, 70), None)):
        assert np.abs(answer(onnx, inputs, given) - answer(in_torch, inputs, given)).max() < MAX_DIFFERENCE
