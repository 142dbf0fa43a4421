#!/usr/bin/env bash
# fastai's GANLearner moves the network that stands still, and a second optimizer leaves the critic out.
#
# Generator and critic train in turns: GANTrainer takes requires_grad from the one whose turn it is not. But both are in one
# optimizer, whose zero_grad sets gradients to zero, not to None; Adam takes a parameter whose gradient is zero for one to be
# stepped, so its momentum (and the weight decay) carries the network that is said to be frozen nearly as far as in its own
# turn. Only before its first turn it stands still. And a fit leaves the critic without requires_grad, because it ends with
# a validation of the generator: an optimizer that is made then (fit with reset_opt=True, or another GANLearner of the same
# networks) holds the generator alone. The critic never learns again, and its gradients are summed up for ever, since nobody
# sets them back; the losses that are printed go on.
# The guess before it was run: what is frozen stays bit-equal until its turn; a second optimizer is made as the first was.
# Whom it hurts: who trains as DeOldify was, with fits one after another; a critic "held still" is what the method rests on.
# Seen with fastai 2.8.12, PyTorch 2.14.1 (CPU), Python 3.11.
#
# What we do: the critic has an optimizer of its own, stepped in its own turn alone, and a test holds that the other network
# does not move (training/adversarial_step.py, tests/training/test_finetune_adversarial.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-cache-dir "torch==2.14.1" "fastai==2.8.12"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import fastai
import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.vision.gan import FixedGANSwitcher, GANLearner
from torch import nn
from torch.nn.utils import parameters_to_vector

torch.manual_seed(0)
torch.set_num_threads(1)
pairs = [(torch.rand(1, 8, 8), torch.rand(3, 8, 8)) for _ in range(24)]
loaders = DataLoaders(DataLoader(pairs, bs=4), DataLoader(pairs[:4], bs=4))
networks = {
    "generator": nn.Conv2d(1, 3, 3, padding=1),
    "critic": nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 1), nn.Flatten(0)),
}
moved = []  # of each step: whose turn it is -> how far each network goes


class Watch(Callback):
    def before_step(self):
        self.before = {name: parameters_to_vector(network.parameters()).clone() for name, network in networks.items()}

    def after_step(self):
        turn = "generator" if self.learn.gan_trainer.gen_mode else "critic"
        far = {
            name: float((parameters_to_vector(network.parameters()) - self.before[name]).abs().max())
            for name, network in networks.items()
        }
        moved.append((turn, far))


learner = GANLearner(
    loaders,
    *networks.values(),
    lambda judged, *_: -judged.mean(),
    lambda real, fake: fake.mean() - real.mean(),
    switcher=FixedGANSwitcher(1, 1),
    cbs=Watch(),
    wd=0.0,
)
with learner.no_bar(), learner.no_logging():
    learner.fit(1, 1e-3)
first, moved[:] = list(moved), []
with learner.no_bar(), learner.no_logging():
    learner.fit(1, 1e-3, reset_opt=True)
others = [far["critic" if turn == "generator" else "generator"] for turn, far in first]
print(f"fastai {fastai.__version__}, PyTorch {torch.__version__}, learning rate .001")
print("moved while the other trained:", " ".join(f"{far:.6f}" for far in others))
print("the critic's steps in the second fit:", " ".join(f"{far['critic']:.6f}" for turn, far in moved if turn == "critic"))
still = [far["critic"] for _, far in moved]
if others[0] != 0 or min(others[1:]) < 3e-4 or any(still) or max(far["generator"] for _, far in moved) < 3e-4:
    print("the behaviour has changed", file=sys.stderr)
    sys.exit(1)
PYTHON
echo "the network whose turn it is not goes on by its momentum; after a fit a new optimizer has no critic"
