"""Graphs: a generator's two halves as ONNX models without their numbers, which stay in the weights file alone.

A graph file is a ZIP of ``encoder.onnx``, ``decoder.onnx`` and ``graph.json``, which says how the tensors of a weights
file become the initializers of the models. It serves every weights file of its architecture.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from colorize.base import WeightsError, replacing
from colorize.color import Floats
from colorize.network.config import GeneratorConfig
from colorize.network.registry import released_folder

FORMAT = "colorize-graph/1"
FOLDER = "graphs"  # beside the weights files
HALVES = ("encoder", "decoder")
FEATURES: tuple[str, ...] = ("features_2", "features_4", "features_8", "features_16", "features_32")
"""Outputs of the encoder and inputs of the decoder, by the stride of each; the last is the bottleneck."""


_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)
"""What reading a damaged graph file raises; RuntimeError: it claims to be encrypted, or compressed in another way."""


class MisfitError(WeightsError):
    """The tensors of a weights file and a graph do not go together; the message says which tensor, not which file."""


class Norm(NamedTuple):
    """A batch norm that is folded into the convolution before it.

    Attributes:
        name: Of its tensors, without ``.weight``, ``.bias``, ``.running_mean`` and ``.running_var``.
        eps: Added to its variance.
        transposed: Whether the convolution is a transposed one, whose weights have the output channels second.
    """

    name: str
    eps: float
    transposed: bool

    @property
    def tensors(self) -> list[str]:
        """The names of its tensors."""
        return [f"{self.name}.{kind}" for kind in ("weight", "bias", "running_mean", "running_var")]


@dataclass(frozen=True)
class Graph:
    """The graph of an architecture.

    Attributes:
        models: ``encoder`` or ``decoder`` -> the ONNX model, whose initializers have names and shapes but no numbers.
        shapes: ``encoder`` or ``decoder`` -> name of an initializer -> its shape.
        norms: Name of a convolution -> the batch norm after it.
        path: The file that it was read from; None: it is new.
    """

    models: Mapping[str, bytes]
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]]
    norms: Mapping[str, Norm]
    path: Path | None = field(default=None, compare=False)

    def check_tensors(self, tensors: Mapping[str, npt.NDArray]) -> None:
        """Check that the tensors of a weights file are all that the graph wants, in its shapes, and no others.

        Args:
            tensors: Of the weights file, by name.

        Raises:
            MisfitError: One is missing or foreign, or has another shape.
        """
        wanted = {name: shape for half in HALVES for name, shape in self.shapes[half].items()}
        optional = set()
        for conv, norm in self.norms.items():
            channels = wanted[f"{conv}.weight"][1 if norm.transposed else 0]
            wanted |= dict.fromkeys([f"{conv}.bias", *norm.tensors], (channels,))
            optional.add(f"{conv}.bias")  # a convolution before a batch norm seldom has one
        if missing := sorted(set(wanted) - optional - set(tensors)):
            raise MisfitError(f"{missing[0]:.80} is missing")
        if foreign := sorted(set(tensors) - set(wanted)):
            raise MisfitError(f"{foreign[0]:.80} is foreign")
        for name, tensor in tensors.items():
            if tensor.shape != wanted[name]:
                raise MisfitError(f"{name:.80} is {tensor.shape!s:.80}, not {wanted[name]}")

    def initializers(self, half: str, tensors: Mapping[str, npt.NDArray]) -> dict[str, Floats]:
        """Return the numbers of a half's initializers by name, float32, batch norm folded into the convolutions.

        Args:
            half: ``encoder`` or ``decoder``.
            tensors: Of a weights file, by name, as ``check_tensors`` wants them.

        Raises:
            WeightsError: A tensor holds numbers that are not finite, or too large to be folded.
        """
        values: dict[str, Floats] = {}
        for name in self.shapes[half]:
            module, _, kind = name.rpartition(".")
            norm = self.norms.get(module)
            with np.errstate(all="ignore"):  # what is not finite is reported here
                value = np.asarray(tensors[name], np.float32) if norm is None else _folded(tensors, module, kind, norm)
            if not np.isfinite(value).all():
                raise WeightsError(f"{name:.80}: numbers that are not finite")
            values[name] = value
        return values


def graph_name(config: GeneratorConfig) -> str:
    """Return the name of the graph file of an architecture, such as ``resnet18-256.192.96.48.24-regression.zip``."""
    widths = ".".join(map(str, config.decoder_widths))
    parts = [config.backbone, config.semantic_branch, widths, config.head]
    if config.latent_dim:
        parts.append(f"latent{config.latent_dim}")
    return "-".join(filter(None, parts)) + ".zip"


def graph_path(config: GeneratorConfig, folder: Path) -> Path:
    """Return the path of the graph file of an architecture, for a folder of weights files."""
    return folder / FOLDER / graph_name(config)


def find_graph(config: GeneratorConfig, weights: Path) -> Path | None:
    """Return the graph file of an architecture; None: there is none.

    Args:
        config: The architecture.
        weights: The weights file. The released graphs are looked into first, then the folder ``graphs`` beside it:
            where the program has a graph of its own, nobody else's is computed.
    """
    paths = (graph_path(config, folder) for folder in (released_folder(), weights.parent))
    return next((path for path in paths if path.is_file()), None)


def is_released(graph_file: Path) -> bool:
    """Tell whether a graph file is one of those that come with the program."""
    return graph_file.parent.resolve() == (released_folder() / FOLDER).resolve()


def graph_remedy(graph_file: Path) -> str:
    """Return how a graph file that is damaged or wrong is had anew."""
    if is_released(graph_file):
        return "install again"
    return "make it anew with: colorize-weights convert WEIGHTS --overwrite"


def read_graph(path: Path) -> Graph:
    """Return the graph of a file.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: It is damaged, or no graph file of this version.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such graph file")
    try:
        with zipfile.ZipFile(path) as archive:
            content = json.loads(archive.read("graph.json"))
            models = {half: archive.read(f"{half}.onnx") for half in HALVES}
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r:.40} where {FORMAT!r} is needed")
        shapes = {half: {name: tuple(shape) for name, shape in content["shapes"][half].items()} for half in HALVES}
        norms = {conv: Norm(**norm) for conv, norm in content["norms"].items()}
        for conv, norm in norms.items():
            if not isinstance(norm.eps, int | float) or not 0 <= norm.eps < 1:
                raise ValueError(f"the batch norm {norm.name!s:.80} adds {norm.eps!r:.40}")
            if not any(len(shapes[half].get(f"{conv}.weight", ())) == 4 for half in HALVES):
                raise ValueError(f"the batch norm {norm.name!s:.80} belongs to no convolution")
    except (*_DAMAGE, OSError) as error:
        raise WeightsError(
            f"{path}: not a graph file that can be read ({str(error)[:200]}); {graph_remedy(path)}"
        ) from error
    return Graph(models, shapes, norms, path)


def write_graph(path: Path, graph: Graph) -> None:
    """Write a graph to a file, which is replaced where it exists; the same graph is the same bytes."""
    norms = {conv: norm._asdict() for conv, norm in graph.norms.items()}
    content = json.dumps({"format": FORMAT, "shapes": graph.shapes, "norms": norms}, indent=1)
    with replacing(path, overwrite=True) as file, zipfile.ZipFile(file, "w") as archive:
        for name, data in [
            ("graph.json", content.encode()),
            *((f"{half}.onnx", graph.models[half]) for half in HALVES),
        ]:
            entry = zipfile.ZipInfo(name)  # of 1980
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data)


def _folded(tensors: Mapping[str, npt.NDArray], conv: str, kind: str, norm: Norm) -> Floats:
    """Return the weight or the bias of a convolution that does what it and the batch norm after it did.

    A batch norm in eval mode is ``(x - mean) / sqrt(variance + eps) * weight + bias``, for each output channel.
    """
    weight, bias, mean, variance = (np.asarray(tensors[name], np.float32) for name in norm.tensors)
    scale = np.asarray(weight / np.sqrt(variance + np.float32(norm.eps)), np.float32)
    if kind == "weight":
        shape = (1, -1, 1, 1) if norm.transposed else (-1, 1, 1, 1)
        return np.asarray(np.asarray(tensors[f"{conv}.weight"], np.float32) * scale.reshape(shape), np.float32)
    before = np.asarray(tensors.get(f"{conv}.bias", 0), np.float32)
    return (before - mean) * scale + bias
