#!/usr/bin/env bash
# ONNX Runtime folds constants, but not a CastLike of one, though the type is known: an activation with such limits stays alone.
#
# A ReLU6 is Clip(0, 6) in ONNX. PyTorch's exporter (dynamo, unless its optimizer is let at the model, which renames weights)
# writes the limits as CastLike(constant, the tensor that is limited). Every type in the model is known when it is loaded, and
# and constants are folded then; but a CastLike becomes a Cast that is left. So limits are computed in every run, the Clip stays
# a node of its own, and since it has no form for the blocked order that convolutions like, each map is put into planes before
# it and back into blocks after it.
# The numbers are the same; nothing warns. With limits that are constants all of it is one convolution node.
# The guess before it was run: at the highest level of optimization the limits are folded, so both models become the same nodes.
# Seen with ONNX Runtime 1.32.0 (no blocked order on ARM: there the Clip stays alone all the same). In a MobileNet-like branch
# with 33 of them it took a twentieth of an encoder's time.
#
# What we do: graphs are written with constant limits (colorize/network/graph_export.py), and a test holds the released one to it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check "onnxruntime==1.32.0" "onnx==1.23.2" "numpy==2.4.2"
cd "$work"
ORT_DISABLE_TELEMETRY=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
from collections import Counter

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(0)
CHANNELS, LAYERS = 16, 3


def constant(name, value):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.float32(value)))


def model(limits_like_the_tensor):
    nodes, weights, last = [], [], "inputs"
    for layer in range(LAYERS):
        kernel = rng.standard_normal((CHANNELS, CHANNELS, 3, 3)).astype(np.float32) / 12
        weights.append(numpy_helper.from_array(kernel, f"weight{layer}"))
        nodes.append(helper.make_node("Conv", [last, f"weight{layer}"], [f"map{layer}"], pads=[1, 1, 1, 1]))
        limits = []
        for name, value in (("low", 0), ("high", 6)):
            nodes.append(constant(f"{name}{layer}", value))
            limits.append(f"{name}{layer}")
            if limits_like_the_tensor:
                nodes.append(helper.make_node("CastLike", [limits[-1], f"map{layer}"], [f"{name}{layer}_cast"]))
                limits[-1] += "_cast"
        last = f"limited{layer}" if layer < LAYERS - 1 else "outputs"
        nodes.append(helper.make_node("Clip", [f"map{layer}", *limits], [last]))
    sides = ["count", CHANNELS, "height", "width"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("inputs", "outputs")]
    made = helper.make_model(
        helper.make_graph(nodes, "relu6", ends[:1], ends[1:], weights), opset_imports=[helper.make_opsetid("", 20)]
    )
    made.ir_version = 10
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def run(made, name):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = name
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    pixels = np.linspace(-2, 9, CHANNELS * 40 * 56, dtype=np.float32).reshape(1, CHANNELS, 40, 56)
    return session.run(None, {"inputs": pixels})[0], Counter(node.op_type for node in onnx.load(name).graph.node)


rng = np.random.default_rng(0)
plain, plain_nodes = run(model(False), "plain.onnx")
rng = np.random.default_rng(0)
like, like_nodes = run(model(True), "like.onnx")
print(f"ONNX Runtime {onnxruntime.__version__}, three convolutions with a ReLU6 each, once optimized:")
print("  limits that are constants:             ", dict(plain_nodes))
print("  limits that are CastLike of constants: ", dict(like_nodes))
assert np.allclose(plain, like, atol=1e-5) and 0 <= plain.min() < 1 < plain.max() <= 6
if plain_nodes["Clip"] != 0 or like_nodes["Clip"] != LAYERS:
    print("the behaviour has changed", file=sys.stderr)
    sys.exit(1)
PYTHON
echo "a CastLike of a constant is computed in every run, and keeps an activation from its convolution"
