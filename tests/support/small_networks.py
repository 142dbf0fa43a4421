"""Small random networks for tests: a graph that is kept, and numbers made by a recipe, the same in both runtimes.

The graphs in ``tests/data/graphs`` are made by ``python -m support.small_graphs``, which needs torch.
"""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from colorize.network import GeneratorConfig, Network, graph_path, load_network
from colorize.network.graphs import HALVES, Graph, read_graph
from colorize.network.weights_file import FORMAT

DATA = Path(__file__).parent.parent / "data"
NARROW = "resnet18-narrow"
"""A ResNet-18 of an eighth of the width; torch knows it within ``support.narrow.narrow_encoders``."""
SMALL = GeneratorConfig(NARROW, (16, 16, 16, 16, 8))
LATENT = GeneratorConfig(NARROW, (16, 16, 16, 16, 8), latent_dim=8)
HEAD_DEVIATION = 0.07  # vivid colours


def small_tensors(config: GeneratorConfig, takes_hints: bool = True) -> dict[str, np.ndarray]:
    """Return random tensors of a small network by name, float32, every one by its own name alone.

    Args:
        config: ``SMALL`` or ``LATENT``.
        takes_hints: False: the first convolution does not look at hints.
    """
    shapes = tensor_shapes(read_graph(graph_path(config, DATA)))
    tensors = {name: _tensor(name, shape) for name, shape in shapes.items()}
    if not takes_hints:
        tensors["encoder.conv1.weight"][:, 1:] = 0
    return tensors


def tensor_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a weights file's tensors by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for half in HALVES:
        for name, shape in graph.shapes[half].items():
            module, _, kind = name.rpartition(".")
            norm = graph.norms.get(module)
            if norm is None:
                shapes[name] = shape
            elif kind == "weight":
                channels = shape[1 if norm.transposed else 0]
                shapes |= {name: shape, **{tensor: (channels,) for tensor in norm.tensors}}
    return shapes


def write_small_weights(
    path: Path, config: GeneratorConfig = SMALL, tensors: dict[str, np.ndarray] | None = None, render_size: int = 64
) -> Path:
    """Write the weights file of a small network, its graph beside it, and return its path.

    Args:
        path: Of the weights file.
        config: ``SMALL`` or ``LATENT``.
        tensors: None: those of ``small_tensors``.
        render_size: That the file asks for.
    """
    described = {"config": config.to_dict(), "render_size": render_size, "trained_on": "", "metrics": {}}
    metadata = {"format": FORMAT, **{name: json.dumps(value) for name, value in described.items()}}
    save_file(small_tensors(config) if tensors is None else tensors, path, metadata)
    graph = graph_path(config, path.parent)
    graph.parent.mkdir(exist_ok=True)
    shutil.copyfile(graph_path(config, DATA), graph)
    return path


def load_small(path: Path, runtime: str) -> Network:
    """Return the network of ``write_small_weights`` on the processor, float32."""
    if runtime == "onnx":
        return load_network(path, "cpu", runtime="onnx", threads=1)
    from colorize.network import torch_network
    from support.narrow import load_narrow

    return torch_network(load_narrow(path), "cpu", "float32")


def _tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return random numbers; a batch norm changes little, and convolutions keep the deviation (He et al. 2015)."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    kind = name.rpartition(".")[2]
    if kind == "running_var" or (kind == "weight" and len(shape) == 1):
        return random.uniform(0.8, 1.2, shape).astype(np.float32)
    if len(shape) == 1:  # biases and means
        return random.normal(0, 0.02, shape).astype(np.float32)
    if name.endswith(".up.weight"):  # all four phases are equal, as in a new generator: colours are smooth
        phase = random.normal(0, np.sqrt(2 / shape[0]), (*shape[:2], 1, 1))
        return np.broadcast_to(phase, shape).astype(np.float32)
    fan = np.prod(shape[2:]) * shape[0 if name.startswith("encoder.") else 1]
    deviation = {"head.weight": HEAD_DEVIATION, "latent.weight": 1.0}.get(name, np.sqrt(2 / fan))
    return random.normal(0, deviation, shape).astype(np.float32)
