"""The torch runtime: generators in torch behind the network contract, and the device and number format to use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from colorize.base import cpu_has_bfloat16, reason
from colorize.color import Floats
from colorize.network.contract import Network, check_precision

KNOWN_DEVICES = ("cpu", "cuda", "mps", "xpu")  # torch names more, which hold no numbers or need another build
REASON_CHARACTERS = 100  # of torch's message, which may have a thousand


def choose_device(name: str | None = None) -> torch.device:
    """Return the device of a name, or the best one of this machine.

    Raises:
        ValueError: There is no such device here.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.partition(":")[0] not in KNOWN_DEVICES:
        raise ValueError(f"device {name!r} cannot be used here: PyTorch computes on {', '.join(KNOWN_DEVICES)}")
    try:
        device = torch.device(name)
        torch.ones(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
        is_unknown = isinstance(error, NotImplementedError)
        why = "this PyTorch has none" if is_unknown else reason(error).partition(". ")[0][:REASON_CHARACTERS]
        raise ValueError(f"device {name!r} cannot be used here ({why}); try --device cpu") from error
    return device


def choose_precision(device: torch.device) -> torch.dtype:
    """Return the fastest dtype of a device whose colours cannot be told from float32's."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    if device.type == "cpu" and cpu_has_bfloat16():
        return torch.bfloat16  # half the time; emulated, and slower, where the processor lacks it
    return torch.float32


class TorchGenerator(Protocol):
    """What the torch runtime asks of a generator, an ``nn.Module`` with trained weights.

    Attributes:
        stride: As of ``Network``.
        render_size: As of ``Network``.
    """

    stride: int
    render_size: int

    @property
    def takes_hints(self) -> bool:
        """Whether it has learned to follow hints."""
        ...

    @property
    def latent_dim(self) -> int:
        """Length of the latent vector that it has learned to use; 0: none."""
        ...

    @property
    def description(self) -> str:
        """What, beside its tensors, its answers depend on; part of the fingerprint."""
        ...

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return its tensors, as ``nn.Module`` does."""
        ...

    def prepared(self, device: torch.device, precision: torch.dtype) -> TorchGenerator:
        """Return a copy on a device and in a number format that runs fast and cannot be trained any more."""
        ...

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return feature maps, from fine to coarse; the last is the bottleneck; none at all: all work is ``decode``'s.

        Args:
            x: (B, 1 or 4, H, W) float32, as the inputs of ``Network``, on its device.
        """
        ...

    def decode(self, x: Tensor, features: list[Tensor], latent: Tensor | None = None) -> Tensor:
        """Return ab (B, 2, H, W), ab / 110.

        Args:
            x: As for ``encode``.
            features: ``encode``'s result, perhaps with another bottleneck.
            latent: (B, latent_dim) float32, or None.
        """
        ...


@dataclass(frozen=True, eq=False)
class TorchFeatures:
    """Feature maps of pictures on the device, from fine to coarse; none: the generator keeps nothing."""

    maps: tuple[Tensor, ...]

    @property
    def bottleneck(self) -> Floats | None:
        """The last map, (n, C, h', w') float32; None: there are none."""
        return self.maps[-1].float().cpu().numpy() if self.maps else None

    def feature_maps(self) -> tuple[Floats, ...]:
        """Return all maps, from fine to coarse, (n, C, h', w') float32."""
        return tuple(each.float().cpu().numpy() for each in self.maps)

    def with_bottleneck(self, bottleneck: Floats) -> TorchFeatures:
        """Return the same maps, but another last one."""
        return TorchFeatures((*self.maps[:-1], torch.from_numpy(bottleneck).to(self.maps[-1])))


class TorchNetwork:
    """A generator that runs in torch, as a ``Network``."""

    def __init__(self, generator: TorchGenerator, device: torch.device, precision: torch.dtype) -> None:
        self.stride = generator.stride
        self.render_size = generator.render_size
        self.takes_hints = generator.takes_hints
        self.latent_dim = generator.latent_dim
        self.runtime = f"torch {torch.__version__}, {device}, {str(precision).removeprefix('torch.')}"
        self._generator = generator.prepared(device, precision)
        self._device = device

    def fingerprint(self) -> str:
        """Return the SHA-256 of the parameters as they run, and of how they are used, as hex digits."""
        digest = hashlib.sha256(self._generator.description.encode())
        for name, value in sorted(self._generator.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.cpu().float().numpy().tobytes())
        return digest.hexdigest()

    @torch.inference_mode()
    def encode(self, inputs: Floats) -> TorchFeatures:
        """Return the feature maps of inputs; see ``Network``."""
        return TorchFeatures(tuple(self._generator.encode(self._tensor(inputs))))

    @torch.inference_mode()
    def decode(self, inputs: Floats, features: TorchFeatures, latent: Floats | None = None) -> Floats:
        """Return the ab of inputs; see ``Network``."""
        latents = None if latent is None else self._tensor(latent)
        ab = self._generator.decode(self._tensor(inputs), list(features.maps), latents)
        return ab.float().cpu().permute(0, 2, 3, 1).contiguous().numpy()

    def _tensor(self, array: Floats) -> Tensor:
        return torch.from_numpy(array).to(self._device)


def torch_network(generator: TorchGenerator, device: str | None = None, precision: str | None = None) -> Network:
    """Return a generator as a network that is ready to run; the generator itself stays as it is.

    Args:
        generator: With trained weights.
        device: ``cpu``, ``cuda``, ``mps``; None: the best one there is.
        precision: Number format, ``float32`` or ``bfloat16``; None: the fastest one without a visible difference.

    Raises:
        ValueError: The device is not there, or the number format is unknown.
    """
    check_precision(precision)
    there = choose_device(device)
    return TorchNetwork(generator, there, getattr(torch, precision) if precision else choose_precision(there))
