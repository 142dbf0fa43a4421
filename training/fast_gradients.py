"""Layers whose gradients PyTorch computes slowly on a CPU, with the same gradients computed faster.

Each of them is an ordinary layer that has got another class: weights, their names and answers stay. Figures:
docs/experiments.md, Speed of the training.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONVOLUTION_BACKWARD: Any = torch.ops.aten.convolution_backward.default


def keep_strided_depthwise_in_float32(body: nn.Module) -> None:
    """Keep a network's depthwise convolutions with a stride in float32 under autocast on a CPU, where bfloat16 is slow.

    Args:
        body: Changed in place.
    """
    for module in body.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1 and module.stride != (1, 1):
            kind = type(module)
            module.__class__ = type(f"Float32{kind.__name__}", (_InFloat32, kind), {})


def compute_weight_gradients_by_planes(body: nn.Module) -> None:
    """Let a network's 3x3 convolutions compute their weights' gradients channels-first, on a CPU in float32.

    Args:
        body: Changed in place; convolutions with a stride or groups stay as they are.
    """
    for module in body.modules():
        if type(module) is nn.Conv2d and (module.kernel_size, module.stride, module.groups) == ((3, 3), (1, 1), 1):
            module.__class__ = _WeightGradientByPlanes


def remember_what_relu6_gave(body: nn.Module) -> None:
    """Let a network's ReLU6 work in place without a copy of what they were given.

    Args:
        body: Changed in place; no layer before a ReLU6 may need its own output for its gradient, as a batch norm in
            train mode does not either.
    """
    for module in body.modules():
        if type(module) is nn.ReLU6:
            module.__class__ = _FrugalReLU6


class _InFloat32:
    """Mixin, put before a convolution's own class, that keeps it in float32 under autocast on a CPU.

    There the input gradient of a depthwise convolution with stride 2 is three to ninety times slower in bfloat16 than
    in float32 (PyTorch 2.14); the four of MobileNetV2 were an eighth of a pretraining step at 64 px.
    """

    weight: Tensor

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu":
            return super().forward(input)  # type: ignore[misc]
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.to(self.weight.dtype))  # type: ignore[misc]


class _WeightGradientByPlanes(nn.Conv2d):
    """A convolution whose weights' gradient is computed from channels-first tensors, copied for it.

    From channels-last ones oneDNN takes 1.1 to 1.7 times as long, copies counted, in the decoder's convolutions (AVX2,
    PyTorch 2.14); answers and the input's gradient are faster from channels-last ones.
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu" or input.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        return cast(Tensor, _ByPlanes.apply(input, self.weight, self.bias, self.padding))


class _ByPlanes(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding, ctx.bias_sizes = list(padding), None if bias is None else list(bias.shape)
        return F.conv2d(x, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        needs_x, needs_weight, needs_bias, _ = ctx.needs_input_grad

        def backward(asked: list[bool], *tensors: Tensor) -> list[Tensor | None]:
            return CONVOLUTION_BACKWARD(*tensors, ctx.bias_sizes, [1, 1], ctx.padding, [1, 1], False, [0, 0], 1, asked)

        of_x = backward([True, False, False], gradient, x, weight)[0] if needs_x else None
        if not (needs_weight or needs_bias):
            return of_x, None, None, None
        planes = (tensor.contiguous() for tensor in (gradient, x, weight))
        _, of_weight, of_bias = backward([False, needs_weight, needs_bias], *planes)
        return of_x, of_weight, of_bias, None


class _FrugalReLU6(nn.ReLU6):
    """A ReLU6 in place that remembers what it gave, which says as well where the gradient passes.

    PyTorch's own, in place, copies what it was given for that.
    """

    def forward(self, input: Tensor) -> Tensor:
        return cast(Tensor, _InPlaceReLU6.apply(input)) if input.requires_grad else F.relu6(input, inplace=True)


class _InPlaceReLU6(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x.clamp_(0, 6)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (given,) = ctx.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradients[0], given, 0, 6)
