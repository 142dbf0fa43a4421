"""A trained generator prepared for inference: on its device, in its precision, with batch norm folded away."""

from __future__ import annotations

import copy
from typing import overload

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from colorize.network.deoldify.generator import DeOldifyGenerator
from colorize.network.generator import Generator
from colorize.network.resnet import guard_narrow_maps
from colorize.network.torch_runtime import AnyGenerator

FOLDED_PAIRS = (  # a convolution and the batch norm that follows it, by attribute name; a module may name its own
    ("conv1", "bn1"),
    ("conv2", "bn2"),
    ("conv3", "bn3"),
    ("0", "1"),
    ("up", "bn_up"),
    ("merge", "bn_merge"),
)


@overload
def prepare(generator: Generator, device: torch.device, precision: torch.dtype) -> Generator: ...
@overload
def prepare(generator: DeOldifyGenerator, device: torch.device, precision: torch.dtype) -> DeOldifyGenerator: ...
def prepare(generator: AnyGenerator, device: torch.device, precision: torch.dtype) -> AnyGenerator:
    """Return a copy of a generator that runs faster and cannot be trained any more.

    Batch norm is folded into the convolutions, memory is channels-last, and the numbers have ``precision`` except in
    the last convolution and what follows it, because bfloat16's steps of 1/256 would show as bands in a smooth sky.
    """
    if isinstance(generator, DeOldifyGenerator):
        return generator.prepared(device, precision)
    generator = copy.deepcopy(generator).eval().requires_grad_(False)
    for module in list(generator.modules()):
        for conv_name, norm_name in getattr(module, "folded_pairs", FOLDED_PAIRS):
            conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm, isinstance(conv, nn.ConvTranspose2d)))
                setattr(module, norm_name, nn.Identity())
    guard_narrow_maps(generator.encoder)
    generator = generator.to(device, precision).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator.head.float()
    if generator.config.head == "classification":
        generator.expectation.float()
    generator.head.register_forward_pre_hook(lambda _module, inputs: (inputs[0].float(),))
    return generator
