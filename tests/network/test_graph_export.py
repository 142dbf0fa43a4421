"""Graphs as torch exports them: ONNX Runtime and torch give the same colours from one weights file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import load_from_string
from support.answers import MAX_DIFFERENCE, answer, random_inputs
from support.quick import only_quick
from support.small_networks import LATENT, SMALL, load_small, write_small_weights

from colorize.base import WeightsError
from colorize.color import AB_MAX
from colorize.network import (
    CHECKOUT_FOLDER,
    Generator,
    GeneratorConfig,
    Network,
    WeightsInfo,
    export_graph,
    find_weights,
    graph_path,
    load_network,
    read_info,
    save_generator,
    write_graph,
)
from colorize.network.graphs import FOLDER, graph_name, read_graph

RELEASED = ("stable", "artistic")


@pytest.fixture(scope="module", params=RELEASED)
def networks(request: pytest.FixtureRequest) -> tuple[Network, Network]:
    """Released weights in both runtimes, on the processor, float32."""
    return load_network(request.param, "cpu", runtime="onnx"), load_network(request.param, "cpu", "float32", "torch")


SHAPES = only_quick([(2, 4, 32, 64)], [(1, 1, 64, 96), (1, 4, 37, 51), (1, 1, 1, 1)])


class TestSameColors:
    @pytest.mark.parametrize(
        "shape", only_quick([(2, 4, 32, 64)], [(1, 1, 64, 96), (1, 4, 37, 51), (1, 1, 1, 1)]), ids=str
    )
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

    def test_what_else_the_contract_says(self, networks):
        onnx, in_torch = networks
        assert onnx.stride == in_torch.stride
        assert onnx.render_size == in_torch.render_size
        assert onnx.takes_hints and in_torch.takes_hints
        assert onnx.latent_dim == in_torch.latent_dim == 0
        assert onnx.runtime.startswith("onnxruntime") and in_torch.runtime.startswith("torch")


@pytest.mark.parametrize("config", [SMALL, LATENT], ids=["small", "latent"])
def test_the_small_networks_of_tests_are_torchs_too(config: GeneratorConfig, tmp_path: Path):
    path = write_small_weights(tmp_path / "small.safetensors", config)
    onnx, in_torch = (load_small(path, runtime) for runtime in ("onnx", "torch"))
    inputs, latent = random_inputs(2, 4, 64, 32), np.ones((2, config.latent_dim), np.float32)
    given = latent if config.latent_dim else None
    assert np.abs(answer(onnx, inputs, given) - answer(in_torch, inputs, given)).max() < MAX_DIFFERENCE
    assert np.abs(answer(onnx, inputs)).mean() > 5


def test_limits_are_numbers_that_onnx_runtime_need_not_compute():
    """Else it neither joins an activation to its convolution nor leaves its map in the order of convolutions."""
    path = graph_path(read_info(find_weights("stable")).config, CHECKOUT_FOLDER)
    nodes = load_from_string(read_graph(path).models["encoder"]).graph.node
    limited = [node for node in nodes if node.op_type == "Clip"]
    constants = {node.output[0] for node in nodes if node.op_type == "Constant"}
    assert limited and all(set(node.input[1:]) <= constants for node in limited)


@pytest.mark.slow
def test_the_graph_of_another_architecture(tmp_path: Path):
    """One with bottlenecks and classes; a latent is among the small networks."""
    config = GeneratorConfig("resnet50", (8, 8, 8, 4, 4), head="classification", hue_agreement_power=0.0)
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
    for inputs in (random_inputs(2, 4, 64, 32), random_inputs(1, 1, 40, 70)):
        assert np.abs(answer(onnx, inputs) - answer(in_torch, inputs)).max() < MAX_DIFFERENCE
