"""Batch norm of a trained network, folded into the convolutions before it: the same answers in fewer operations."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from colorize.network.graphs import Norm

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
    for _, module, conv_name, norm_name in list(_pairs(network)):
        conv, norm = getattr(module, conv_name), getattr(module, norm_name)
        setattr(module, conv_name, fuse_conv_bn_eval(conv, norm, isinstance(conv, nn.ConvTranspose2d)))
        setattr(module, norm_name, nn.Identity())


def norms_to_fold(network: nn.Module) -> dict[str, Norm]:
    """Return the batch norms that ``fold_batch_norm`` folds, by the name of the convolution before each."""
    norms = {}
    for prefix, module, conv_name, norm_name in _pairs(network):
        is_transposed = isinstance(getattr(module, conv_name), nn.ConvTranspose2d)
        norms[prefix + conv_name] = Norm(prefix + norm_name, getattr(module, norm_name).eps, is_transposed)
    return norms


def _pairs(network: nn.Module) -> Iterator[tuple[str, nn.Module, str, str]]:
    """Yield a module that holds a convolution and its batch norm, its prefix before it, and their names after it."""
    for name, module in network.named_modules():
        for conv_name, norm_name in getattr(module, "folded_pairs", FOLDED_PAIRS):
            conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                yield f"{name}." if name else "", module, conv_name, norm_name
