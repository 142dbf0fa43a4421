"""Memory that a network must not read: full of NaN when it is given back, before every convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def leave_nan(*_: object) -> None:
    """Fill memory of many sizes with NaN and give it back."""
    junk = [torch.full((2**power,), torch.nan, dtype=torch.bfloat16) for power in range(6, 20) for _ in range(4)]
    del junk


def answers_over_nan(prepared: nn.Module, network_input: Tensor, count: int = 3) -> list[Tensor]:
    """Return a prepared generator's answers to one input, while its convolutions find NaN in what is free."""
    convolutions = [module for module in prepared.modules() if isinstance(module, nn.Conv2d)]
    hooks = [module.register_forward_pre_hook(leave_nan) for module in convolutions]
    with torch.inference_mode():
        answers = [prepared(network_input) for _ in range(count)]
    for hook in hooks:
        hook.remove()
    return answers
