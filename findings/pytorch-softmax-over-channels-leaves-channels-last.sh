#!/usr/bin/env bash
# PyTorch's softmax over the channels is slow where the channels lie together in memory, and lays them apart.
#
# In channels-last, the order in which convolutions are fastest on a processor, a pixel's channels are neighbours in memory.
# Softmax and log_softmax over them (dim=1) first copy the tensor into planes, compute across planes, and return planes: the
# next convolution has to put them together again. The same over the last dimension of a permuted view gives the same
# numbers, copies nothing, and is some ten times as fast; nothing warns. amax over the channels takes the same time either way.
# The guess before it was run: channels-last is the better order for a softmax over channels, and it keeps the order as other
# operations of single elements do.
# Seen with PyTorch 2.14.1 on two busy cores (AVX2): 8 to 15 times at 64 x 256 x 352. The script brings PyTorch, with what it needs for
# graphics cards 5 GB, and so takes longer than the others.
#
# What we do: the head that chooses among 64 colours takes its softmax over the last dimension of a permuted view
# (colorize/network/bins.py), and so does the loss that trains it (training/losses.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-cache-dir "torch==2.14.1" "numpy==2.4.2"
"$work/venv/bin/python" - <<'PYTHON'
import statistics
import sys
import time

import torch

torch.set_num_threads(min(2, torch.get_num_threads()))
pixels = torch.randn(1, 64, 256, 352, generator=torch.Generator().manual_seed(0))
pixels = pixels.contiguous(memory_format=torch.channels_last)
view = pixels.permute(0, 2, 3, 1)  # (1, 256, 352, 64), contiguous: nothing is copied


def milliseconds(compute):
    compute()
    times = []
    for _ in range(9):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


with torch.inference_mode():
    over_channels, over_last = pixels.softmax(1), view.softmax(-1).permute(0, 3, 1, 2)
    assert torch.allclose(over_channels, over_last, atol=1e-6)
    kept = [each.is_contiguous(memory_format=torch.channels_last) for each in (over_channels, over_last)]
    relu_kept = pixels.relu().is_contiguous(memory_format=torch.channels_last)
    ratio = milliseconds(lambda: pixels.softmax(1)) / milliseconds(lambda: view.softmax(-1))
print(f"PyTorch {torch.__version__}: over the channels {ratio:.1f} times as long; in channels-last afterwards: "
      f"softmax(1) {kept[0]}, softmax(-1) {kept[1]}, relu {relu_kept}")
if kept != [False, True] or not relu_kept or ratio < 2:
    print("the behaviour has changed", file=sys.stderr)
    sys.exit(1)
PYTHON
echo "a softmax over the channels leaves channels-last, slowly"
