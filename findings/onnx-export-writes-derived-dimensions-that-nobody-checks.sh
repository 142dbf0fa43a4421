#!/usr/bin/env bash
# torch.onnx.export writes a derived dimension, such as 32*h, as a name; ONNX Runtime takes any size, and the name is untrue.
#
# torch.export knows dimensions that follow from others: 32 * Dim("h") says that a side is a multiple of 32, and what is
# computed for a side that is none is not promised. In the ONNX file nothing is left of it but a text, "32*h", for sides of
# the input and of the output alike: ONNX has no arithmetic of dimensions. ONNX Runtime checks only that dimensions of one
# name are equal within the inputs of one run: a picture of 42 x 42 goes through a network of stride 4 without a word, and
# out comes one of 44 x 44, under the same name. And Dim("h", min=1) does not let the example be 1: torch takes a 1 for a
# fixed size, so that an example of 32 x 32 is refused ("Constraints violated"), though min says that it may be; with
# a larger example the graph computes 32 x 32 too.
# The guess before it was run: the runtime refuses what is no multiple of 32, or what comes out is as large as the file
# says; an example of the least size that min allows can be exported.
# Whom it hurts: who relies on the file to keep pictures away that were never thought of; sides differ by some pixels.
# Seen with PyTorch 2.14.1, onnx 1.23.2, onnxscript 0.7.2, ONNX Runtime 1.32.0.
#
# What we do: pictures are reduced to a grid of whole multiples before a graph is given them (colorize/engine/grid.py), and
# graphs are exported from an example of two of everything, with min=2 for sides (colorize/network/graph_export.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-cache-dir "torch==2.14.1" "onnx==1.23.2" \
    "onnxscript==0.7.2" "onnxruntime==1.32.0" "numpy==2.4.2"
ORT_DISABLE_TELEMETRY=1 "$work/venv/bin/python" -W ignore - 2> "$work/errors" <<'PYTHON' || { tail -n 3 "$work/errors" >&2; exit 1; }
import sys

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.export import Dim

network = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.Conv2d(2, 2, 3, 2, 1), nn.ConvTranspose2d(2, 1, 4, 4)).eval()
sizes = ({2: 32 * Dim("h", min=1), 3: 32 * Dim("w", min=1)},)


def export(height, width):
    return torch.onnx.export(
        network, (torch.zeros(1, 1, height, width),), dynamo=True, dynamic_shapes=sizes, verbose=False
    ).model_proto


model = export(64, 96)
named = [
    [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    for value in (*model.graph.input, *model.graph.output)
]
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
given = session.get_inputs()[0].name
came = {
    side: session.run(None, {given: np.zeros((1, 1, side, side), np.float32)})[0].shape[2:] for side in (32, 64, 42, 5)
}
try:
    export(32, 32)
    smallest = "exported"
except Exception as error:
    smallest = type(error).__name__
print(f"PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}")
print("the file says", *named, sep=" ")
print("what comes out:", ", ".join(f"{side} -> {shape}" for side, shape in came.items()))
print("an example of 32 x 32:", smallest)
expected = {32: (32, 32), 64: (64, 64), 42: (44, 44), 5: (8, 8)}
if named != [[1, 1, "32*h", "32*w"]] * 2 or came != expected or smallest == "exported":
    print("the behaviour has changed", file=sys.stderr)
    sys.exit(1)
PYTHON
echo "dimensions that are derived are names in the file, and nobody checks them"
