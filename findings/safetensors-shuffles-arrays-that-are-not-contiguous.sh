#!/usr/bin/env bash
# safetensors writes NumPy arrays that do not lie in one row of memory with their numbers in the wrong places.
#
# safetensors.numpy.save gives the shape of the array but the bytes as they lie in memory: a transposed array (as every
# convolution that comes from another framework's order of axes), a reversed one or every second column is saved without a
# word and read back as another array of the right shape. numpy.save, and Torch's side of the same package, copy or refuse.
# The guess before it was run: any array comes back equal.
# Seen with safetensors 0.8.0 and NumPy 2.2.6.
#
# What we do: weights are written by the Torch side of the package, which refuses; a caller makes arrays contiguous first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.2.6
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

plain = np.arange(12, dtype=np.float32).reshape(3, 4)
arrays = {
    "plain": plain,
    "transposed": plain.T,
    "column order": np.asfortranarray(plain),
    "reversed": plain[::-1],
    "every second column": plain[:, ::2],
}
kept = {}
for name, array in arrays.items():
    back = load(save({"x": array}))["x"]
    assert back.shape == array.shape
    kept[name] = np.array_equal(back, array)
copied = [np.array_equal(load(save({"x": np.ascontiguousarray(array)}))["x"], array) for array in arrays.values()]
print(f"safetensors {safetensors.__version__}, NumPy {np.__version__}: equal after a round trip: {kept}")
print(f"the same arrays, made contiguous first: {copied}")
if [name for name, is_equal in kept.items() if is_equal] != ["plain"] or not all(copied):
    sys.exit("the behaviour has changed: not the contiguous array alone comes back equal")
print("only the array that is contiguous comes back as it was")
PYTHON
