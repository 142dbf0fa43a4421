"""Batch norm of a trained network, folded into the convolutions before it: the same answers in fewer operations."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

FOLDED_PAIRS = (  # a convolution and the batch norm that follows it, by attribute name; a module may name its own
    ("conv1", "bn1"),
    ("conv2", "bn2"),
    ("conv3", "bn3"),
    ("0", "1"),
    ("up", "bn_up"),
    ("merge", "bn_merge"),
)


def fold_batch_norm(network: nn.Module) -> None:
    """Fold a network's batch norms, in eval mode; it cannot be trained any more."""
    for module in list(network.modules()):
        for conv_name, norm_name in getattr(module, "folded_pairs", FOLDED_PAIRS):
            conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm, isinstance(conv, nn.ConvTranspose2d)))
                setattr(module, norm_name, nn.Identity())
