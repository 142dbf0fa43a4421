"""Generators at work in torch: the device and precision to use, what a generator can do, and inference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from colorize.color import Floats
from colorize.network.deoldify.generator import STRIDE as DEOLDIFY_STRIDE
from colorize.network.deoldify.generator import DeOldifyGenerator
from colorize.network.generator import LIGHTNESS_CHANNELS, STRIDE, Generator

AnyGenerator = Generator | DeOldifyGenerator
"""A generator of ours, or one of DeOldify's."""


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
    # torch has no public function for it; where this private one is missing, float32 is right everywhere.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


def render_stride(generator: AnyGenerator) -> int:
    """Return the number of pixels that a generator's render sizes are multiples of."""
    return DEOLDIFY_STRIDE if isinstance(generator, DeOldifyGenerator) else STRIDE


def takes_hints(generator: AnyGenerator) -> bool:
    """Tell whether a generator has learned to follow hints: its first convolution gives them some weight."""
    if isinstance(generator, DeOldifyGenerator):
        return False
    return bool(generator.encoder.conv1.weight[:, LIGHTNESS_CHANNELS:].any())


def latent_dim(generator: AnyGenerator) -> int:
    """Return the length of a generator's latent vector, 0 where it has none or has not learned to use it."""
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
    inputs: Sequence[Tensor],
    hints: Sequence[Tensor | None],
    latents: Sequence[Tensor | None],
    recall: Callable[[Tensor], Tensor] | None = None,
) -> list[Floats]:
    """Return ab (h, w, 2) in network units of each input; inputs of equal shape run together.

    Args:
        generator: ``prepare``'s result.
        inputs: (1, 1, h, w) each, L / 50 - 1.
        hints: (1, 3, h, w) of each input, or None.
        latents: (1, latent_dim) of each input, or None for the deterministic answer.
        recall: See ``infer``.
    """
    groups: dict[torch.Size, list[int]] = {}
    for index, network_input in enumerate(inputs):
        groups.setdefault(network_input.shape, []).append(index)
    results: dict[int, Floats] = {}
    for shape, group in groups.items():
        batch = torch.cat([inputs[index] for index in group])
        batch_hints = _stacked([hints[index] for index in group], torch.zeros(1, 3, *shape[2:]))
        batch_latents = _stacked([latents[index] for index in group], torch.zeros(1, latent_dim(generator)))
        ab = infer(generator, batch, batch_hints, batch_latents, recall)
        results.update(zip(group, ab.permute(0, 2, 3, 1).contiguous().numpy(), strict=True))
    return [results[index] for index in range(len(inputs))]


def _stacked(tensors: Sequence[Tensor | None], default: Tensor) -> Tensor | None:
    """Return a batch of tensors, ``default`` in the place of each None; None where there is nothing but None."""
    if all(tensor is None for tensor in tensors):
        return None
    return torch.cat([default if tensor is None else tensor for tensor in tensors])


def fingerprint(generator: AnyGenerator) -> str:
    """Return the SHA-256 of a generator's parameters as they run, and of how they are used, as hex digits."""
    digest = hashlib.sha256()
    if isinstance(generator, Generator):
        digest.update(repr(generator.config).encode())  # the hue agreement's power is no parameter
    for name, value in sorted(generator.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().float().numpy().tobytes())
    return digest.hexdigest()
