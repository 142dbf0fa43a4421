"""A trained generator made ready to run: device, precision, and batch norm folded into the convolutions."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from typing import overload

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from colorize.chroma import STRIDE
from colorize.deoldify import STRIDE as DEOLDIFY_STRIDE
from colorize.deoldify import DeOldifyGenerator
from colorize.generator import LIGHTNESS_CHANNELS, Generator
from colorize.resnet import guard_narrow_maps
from colorize.spaces import Floats

AnyGenerator = Generator | DeOldifyGenerator

_FOLDED_PAIRS = (  # a convolution and the batch norm that follows it, by attribute name; a module may name its own
    ("conv1", "bn1"),
    ("conv2", "bn2"),
    ("conv3", "bn3"),
    ("0", "1"),
    ("up", "bn_up"),
    ("merge", "bn_merge"),
)


def choose_device(name: str | None = None) -> torch.device:
    """Return the device of a name, or the best one of this machine.

    Raises:
        ValueError: There is no such device here.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used here ({reason}); try --device cpu") from error
    return device


def choose_precision(device: torch.device) -> torch.dtype:
    """Return the fastest dtype of a device whose colours cannot be told from float32's."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    if device.type == "cpu" and _processor_has_bfloat16():
        return torch.bfloat16  # half the time; emulated, and slower, where the processor lacks it
    return torch.float32


def _processor_has_bfloat16() -> bool:
    # torch has no public question for it; where this private one is missing, float32 is right everywhere.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


@overload
def prepare(generator: Generator, device: torch.device, precision: torch.dtype) -> Generator: ...
@overload
def prepare(generator: DeOldifyGenerator, device: torch.device, precision: torch.dtype) -> DeOldifyGenerator: ...
def prepare(generator: AnyGenerator, device: torch.device, precision: torch.dtype) -> AnyGenerator:
    """Return a copy of a generator that runs fast and cannot be trained any more.

    Batch norm is folded into the convolutions, memory is channels-last, and the numbers have ``precision`` except in
    the last convolution and what follows it, because bfloat16's steps of 1/256 would show as bands in a smooth sky.
    """
    if isinstance(generator, DeOldifyGenerator):
        return generator.prepared(device, precision)
    generator = copy.deepcopy(generator).eval().requires_grad_(False)
    for module in list(generator.modules()):
        for conv_name, norm_name in getattr(module, "folded_pairs", _FOLDED_PAIRS):
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


def render_stride(generator: AnyGenerator) -> int:
    """Return the step of a generator's render sizes in pixels."""
    return DEOLDIFY_STRIDE if isinstance(generator, DeOldifyGenerator) else STRIDE


def takes_hints(generator: AnyGenerator) -> bool:
    """Tell whether a generator has learned to follow hints: its first convolution looks at them."""
    if isinstance(generator, DeOldifyGenerator):
        return False
    return bool(generator.encoder.conv1.weight[:, LIGHTNESS_CHANNELS:].any())


def latent_dim(generator: AnyGenerator) -> int:
    """Return the length of a generator's latent vector, 0 where it has none or has not learned to heed it."""
    if isinstance(generator, DeOldifyGenerator) or not generator.config.latent_dim:
        return 0
    return generator.config.latent_dim if bool(generator.latent.weight.any()) else 0


@torch.inference_mode()
def infer(
    generator: AnyGenerator,
    lightness: Tensor,
    hints: Tensor | None = None,
    latent: Tensor | None = None,
    recall: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return a prepared generator's ab (B, 2, H, W), float32 on the CPU, in network units.

    Args:
        generator: ``prepare``'s result.
        lightness: (B, 1, H, W) on any device, L / 50 - 1.
        hints: (B, 3, H, W), see ``Generator.forward``.
        latent: (B, latent_dim); None: the deterministic answer.
        recall: See ``Generator.forward``; DeOldify's networks do without.
    """
    if isinstance(generator, DeOldifyGenerator):
        return generator(lightness.to(generator.mean.device), hints, latent).cpu()
    weight = generator.encoder.conv1.weight
    lightness = lightness.to(weight.device, weight.dtype)
    hints = None if hints is None else hints.to(weight.device, weight.dtype)
    latent = None if latent is None else latent.to(weight.device, weight.dtype)
    return generator(lightness, hints, latent, recall).float().cpu()


def infer_groups(
    generator: AnyGenerator,
    looks: Sequence[Tensor],
    hints: Sequence[Tensor | None],
    latents: Sequence[Tensor | None],
    recall: Callable[[Tensor], Tensor] | None = None,
) -> list[Floats]:
    """Return ab (h, w, 2) in network units of each look; looks of equal shape run together.

    Args:
        generator: ``prepare``'s result.
        looks: (1, 1, h, w) each, L / 50 - 1.
        hints: (1, 3, h, w) of each look, or None.
        latents: (1, latent_dim) of each look, or None for the deterministic answer.
        recall: See ``infer``.
    """
    groups: dict[torch.Size, list[int]] = {}
    for index, look in enumerate(looks):
        groups.setdefault(look.shape, []).append(index)
    results: dict[int, Floats] = {}
    for shape, group in groups.items():
        given = _stacked([hints[index] for index in group], torch.zeros(1, 3, *shape[2:]))
        latent = _stacked([latents[index] for index in group], torch.zeros(1, latent_dim(generator)))
        ab = infer(generator, torch.cat([looks[index] for index in group]), given, latent, recall)
        results.update(zip(group, ab.permute(0, 2, 3, 1).contiguous().numpy(), strict=True))
    return [results[index] for index in range(len(looks))]


def _stacked(parts: Sequence[Tensor | None], none: Tensor) -> Tensor | None:
    """Return parts in one tensor, ``none`` in the place of those that are missing; None: all are."""
    if all(part is None for part in parts):
        return None
    return torch.cat([none if part is None else part for part in parts])


def fingerprint(generator: AnyGenerator) -> str:
    """Return the SHA-256 of a generator's parameters as they run, and of how they are used, as hex digits."""
    digest = hashlib.sha256()
    if isinstance(generator, Generator):
        digest.update(repr(generator.config).encode())  # caution is no parameter
    for name, value in sorted(generator.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().float().numpy().tobytes())
    return digest.hexdigest()


def resize_hints(hints: Tensor, size: tuple[int, int]) -> Tensor:
    """Return hints (1, 3, h, w) at another size; a place has a hint where any of its source pixels has one.

    Raises:
        ValueError: They are not (1, 3, h, w).
    """
    if hints.ndim != 4 or hints.shape[:2] != (1, 3):
        raise ValueError(f"hints must be (1, 3, h, w), not {tuple(hints.shape)}")
    if hints.shape[2:] == size:
        return hints.float()
    hints = hints.float()
    colours = F.adaptive_avg_pool2d(hints[:, :2] * hints[:, 2:], size)
    share = F.adaptive_avg_pool2d(hints[:, 2:], size)
    # The mean over the hinted pixels alone: holes are not grey.
    return torch.cat([colours / share.clamp_min(1e-6), (share > 0).float()], dim=1)
