"""Graphs in ONNX Runtime: they give the answers of torch that are kept, and files that do not fit are named."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.answers import MAX_DIFFERENCE, answer, make_answers, random_inputs, read_answers

from colorize.base import WeightsError
from colorize.network import GeneratorConfig, Network, WeightsInfo, find_weights, load_network, write_graph
from colorize.network.graphs import HALVES, Graph, find_graph, graph_name, read_graph
from colorize.network.onnx_runtime import OnnxNetwork
from colorize.network.weights_file import read_info, read_weights

RELEASED = ("stable", "artistic")


@pytest.fixture(scope="module", params=RELEASED)
def released(request: pytest.FixtureRequest) -> Network:
    """Released weights in ONNX Runtime, on the processor."""
    return load_network(request.param, "cpu", runtime="onnx")


@pytest.fixture
def stable() -> tuple[Graph, dict[str, np.ndarray], WeightsInfo]:
    """The released graph and weights as they are read."""
    path = find_weights("stable")
    info, tensors = read_weights(path)
    graph_file = find_graph(info.config, path)
    assert graph_file is not None
    return read_graph(graph_file), tensors, info


@pytest.mark.parametrize("name", RELEASED)
def test_the_answers_of_torch_that_are_kept(name: str, runtime: str):
    network, kept = load_network(name, "cpu", "float32", runtime), read_answers(name)
    answers = make_answers(network)
    assert answers.keys() == kept.keys()
    for question, ab in answers.items():
        assert np.abs(ab - kept[question]).max() < MAX_DIFFERENCE, question
    for question in ("hints", "bottleneck"):
        assert np.abs(answers[question] - answers["plain"]).max() > 1, question


def test_alone_and_in_a_batch(released: Network):
    inputs = random_inputs(3, 1, 32, 64)
    alone = np.concatenate([answer(released, inputs[index : index + 1]) for index in range(3)])
    assert np.abs(answer(released, inputs) - alone).max() < MAX_DIFFERENCE


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

    def test_a_latent_for_weights_without_one(self, released):
        inputs = random_inputs(1, 1, 32, 32)
        with pytest.raises(ValueError, match="no latent vector"):
            answer(released, inputs, np.zeros((1, 4), np.float32))


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
