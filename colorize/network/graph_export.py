"""Making graphs: torch traces a generator's two halves, and their numbers are taken out of the ONNX models."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.export import Dim

from colorize.network.bins import expected_ab
from colorize.network.config import HINT_CHANNELS, LIGHTNESS_CHANNELS, STRIDE
from colorize.network.folding import fold_batch_norm, norms_to_fold
from colorize.network.generator import Generator
from colorize.network.graphs import FEATURES, Graph

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OPSET = 20
PREFIX = "generator."  # of the tensors' names inside a half
EXAMPLE = (2, LIGHTNESS_CHANNELS + HINT_CHANNELS, 4 * STRIDE, 5 * STRIDE)  # no two alike that could be confused
FEATURE_STRIDES = (2, 4, 8, 16, 32)


class _Encoder(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.generator.encode(inputs))


class _Decoder(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, inputs: Tensor, features: list[Tensor], latent: Tensor | None, power: Tensor | None) -> Tensor:
        # -> ab (B, H, W, 2)
        logits = self.generator.logits(inputs, features, latent)
        if power is None:
            return torch.tanh(logits).permute(0, 2, 3, 1)
        return expected_ab(logits, self.generator.expectation.centres, power)


def export_graph(generator: Generator) -> Graph:
    """Return the graph of a generator's architecture.

    Sizes are free: any number of pictures, any height and width that are multiples of 32. The power of the hue
    agreement is an input, so weights that differ in it share a graph.

    Args:
        generator: Any mode; it stays as it is. Its numbers do not matter.

    Raises:
        ImportError: ``onnx`` or ``onnxscript`` is missing.
    """
    norms = norms_to_fold(generator)
    generator = copy.deepcopy(generator).cpu().float().eval().requires_grad_(False)
    fold_batch_norm(generator)
    inputs = torch.zeros(EXAMPLE)
    # The numbers of rows and columns of the coarsest map; ``min=2``, because torch takes a 1 for a fixed size.
    count, rows, columns = Dim("count", min=1), Dim("rows", min=2), Dim("columns", min=2)
    sizes = {0: count, 2: STRIDE * rows, 3: STRIDE * columns}
    feature_sizes = [
        {0: count, 2: _times(rows, STRIDE // stride), 3: _times(columns, STRIDE // stride)}
        for stride in FEATURE_STRIDES
    ]
    latent = torch.zeros(EXAMPLE[0], generator.config.latent_dim) if generator.config.latent_dim else None
    power = torch.ones(()) if generator.config.head == "classification" else None
    names = ["inputs", *FEATURES]
    names += ["latent"] if latent is not None else []
    names += ["hue_agreement_power"] if power is not None else []
    encoder, encoder_shapes = _export(_Encoder(generator), (inputs,), (sizes,), ["inputs"], FEATURES)
    decoder, decoder_shapes = _export(
        _Decoder(generator),
        (inputs, generator.encode(inputs), latent, power),
        (sizes, feature_sizes, None if latent is None else {0: count}, None if power is None else {}),
        names,
        ["ab"],
    )
    shapes = {"encoder": encoder_shapes, "decoder": decoder_shapes}
    return Graph({"encoder": encoder, "decoder": decoder}, shapes, norms)


def _times(dim: Any, factor: int) -> Any:
    return dim if factor == 1 else factor * dim


def _export(
    half: nn.Module, arguments: tuple[Any, ...], sizes: tuple[Any, ...], inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[bytes, dict[str, tuple[int, ...]]]:
    """Return a half as an ONNX model without numbers, and the shapes of its initializers by name."""
    from onnx import TensorProto

    with warnings.catch_warnings():  # the exporter warns of what it does itself
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            half.eval(),
            arguments,
            dynamo=True,
            dynamic_shapes=sizes,
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            optimize=False,  # it folds tensors into others, under other names; ONNX Runtime simplifies when it loads
            verbose=False,
        )
    assert program is not None
    model: ModelProto = program.model_proto
    tensors = half.state_dict()
    shapes: dict[str, tuple[int, ...]] = {}
    renamed = {}
    for initializer in model.graph.initializer:
        if initializer.name not in tensors:
            continue  # a constant of the architecture, which stays in the model
        renamed[initializer.name] = initializer.name.removeprefix(PREFIX)
        shapes[renamed[initializer.name]] = tuple(tensors[initializer.name].shape)
        initializer.name = renamed[initializer.name]
        initializer.ClearField("raw_data")
        initializer.data_location = TensorProto.EXTERNAL
        location = initializer.external_data.add()
        location.key, location.value = "location", "weights"
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.doc_string = ""
        del node.metadata_props[:]  # where in the source it comes from
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    _fix_types_of_constants(model)
    return model.SerializeToString(deterministic=True), shapes


def _fix_types_of_constants(model: ModelProto) -> None:
    """Make float32 constants of those that are to take the type of a tensor, which is float32 everywhere here.

    The exporter writes the limits of a ReLU6 so. ONNX Runtime (1.32) computes such a limit anew each time, and then
    neither joins the ReLU6 to the convolution before it nor keeps the map in the order that convolutions want.
    """
    from onnx import helper, numpy_helper

    def value(node: NodeProto) -> npt.NDArray[np.float32]:
        (attribute,) = node.attribute
        content = helper.get_attribute_value(attribute)
        return np.asarray(numpy_helper.to_array(content) if attribute.HasField("t") else content, np.float32)

    constants = {node.output[0]: node for node in model.graph.node if node.op_type == "Constant"}
    for node in model.graph.node:
        if node.op_type == "CastLike" and node.input[0] in constants:
            tensor = numpy_helper.from_array(value(constants[node.input[0]]))
            node.CopyFrom(helper.make_node("Constant", [], node.output, value=tensor))
    wanted = {name for node in model.graph.node for name in node.input} | {each.name for each in model.graph.output}
    kept = [node for node in model.graph.node if node.op_type != "Constant" or node.output[0] in wanted]
    del model.graph.node[:]
    model.graph.node.extend(kept)
