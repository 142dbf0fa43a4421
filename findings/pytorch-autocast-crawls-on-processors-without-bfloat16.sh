#!/usr/bin/env bash
# On a processor without instructions for bfloat16, autocast makes convolutions many times slower, without a word.
#
# torch.autocast("cpu") takes bfloat16 on any processor, and warns on none. Where there is AVX2 alone a convolution takes 5 to
# 91 times as long as in float32, forwards and for the gradient of its input, and longest where one was told to be fastest, in
# channels-last: dense ones with stride 2 some 6 times forwards and 20 backwards, depthwise ones 23 to 91 times both ways.
# (Where the processor has the instructions, dense ones are quick, and the gradients of depthwise ones with a stride were seen
# to be 3 to 90 times slower; on a processor with AVX2 alone those cannot be told from the rest.)
# The guess before it was run: what is emulated costs up to twice the time, backwards as forwards, dense as depthwise.
# Whom it hurts: who trains, fine-tunes or runs a network on an ordinary processor with the autocast that tutorials show.
# Seen with PyTorch 2.14.1 on an AMD EPYC with AVX2, one thread, beside other work (times of the processor).
#
# What we do: bfloat16 only where torch says that the processor computes it (cpu_has_bfloat16 in colorize/base/compat.py),
# in training too (uses_bfloat16 in training/stage_data.py),
# and strided depthwise convolutions of frozen classifiers stay in float32 under autocast (training/classifiers.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-cache-dir "torch==2.14.1" "numpy==2.4.2"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys
import time

import torch

torch.set_num_threads(1)
if torch.backends.cpu.get_cpu_capability() != "AVX2":
    print(f"needs a processor with AVX2 alone, this one has {torch.backends.cpu.get_cpu_capability()}", file=sys.stderr)
    sys.exit(2)


def milliseconds(conv, x, cast):
    """The least processor time of four runs, forwards and of the input's gradient."""
    forwards, backwards = [], []
    for _ in range(5):
        leaf = x.detach().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=cast):
            start = time.process_time()
            y = conv(leaf)
            forwards.append(time.process_time() - start)
        given = torch.ones_like(y)
        start = time.process_time()
        torch.autograd.grad(y, leaf, given)
        backwards.append(time.process_time() - start)
    return min(forwards[1:]) * 1000, min(backwards[1:]) * 1000


print(f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}; 8 x 96 x 32 x 32, channels-last")
ratios = []
for name, stride, groups in (("dense", 2, 1), ("depthwise", 1, 96), ("depthwise", 2, 96)):
    conv = torch.nn.Conv2d(96, 96, 3, stride, 1, groups=groups, bias=False).requires_grad_(False)
    conv = conv.to(memory_format=torch.channels_last)
    x = torch.rand(8, 96, 32, 32).contiguous(memory_format=torch.channels_last)
    plain, cast = milliseconds(conv, x, False), milliseconds(conv, x, True)
    both = [mine / other for mine, other in zip(cast, plain)]
    ratios += both
    print(f"{name}, stride {stride}: forwards {both[0]:.1f}, backwards {both[1]:.1f} times as long in bfloat16")
if min(ratios) < 3:
    print("the behaviour has changed", file=sys.stderr)
    sys.exit(1)
PYTHON
echo "autocast in bfloat16 crawls where the processor has no instructions for it"
