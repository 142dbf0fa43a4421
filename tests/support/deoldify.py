"""DeOldify weights for tests: by a fixed recipe, the same everywhere, for the published networks and for tiny ones.

``tests/network/deoldify/*.npz`` hold what the original implementation (fastai 1) gives for the recipe's weights:
``grey`` (1, 1, 96, 128) in 0..1 and ``output`` (1, 3, 96, 128) in ImageNet's deviations, in eval mode on a CPU.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from colorize.network import KINDS, DeOldifyGenerator, build_unet
from colorize.network.deoldify.unet import Architecture

FOLDER = Path(__file__).parent.parent / "network" / "deoldify"
TINY = {"deep": Architecture("resnet18", None, stem=8), "wide": Architecture("resnet50", 32, stem=8)}
POWER_ITERATIONS = 30


def published_shapes(name: str) -> dict[str, list[int]]:
    """Return every key of the published ``artistic`` or ``stable`` file with its shape."""
    return json.loads((FOLDER / f"{name}_keys.json").read_text())


def reference(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the grey input (1, 1, 96, 128), 0..1, and the original's output (1, 3, 96, 128)."""
    arrays = np.load(FOLDER / f"{name}.npz")
    return torch.from_numpy(arrays["grey"]), torch.from_numpy(arrays["output"])


def tiny_state(kind: str) -> dict[str, torch.Tensor]:
    """Return a state dict for the ``TINY`` network of a kind, vivid enough to be seen."""
    published = KINDS[kind]
    KINDS[kind] = TINY[kind]
    try:
        shapes = {name: list(value.shape) for name, value in build_unet(kind).state_dict().items()}
    finally:
        KINDS[kind] = published
    state = weights_by_recipe(shapes)
    state["layers.11.0.weight_u"] *= 0.05  # a smaller singular value: a stronger head
    return state


def use_tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the ``TINY`` networks stand for the published ones."""
    for kind, architecture in TINY.items():
        monkeypatch.setitem(KINDS, kind, architecture)


def published_file(state: dict[str, torch.Tensor], folder: Path) -> Path:
    """Write a state dict under a published file's name and return its path."""
    path = folder / "ColorizeArtistic_gen.pth"
    torch.save(state, path)
    return path


def ramp_colors(generator: DeOldifyGenerator) -> torch.Tensor:
    """Return the ab that a generator predicts for a ramp of lightness."""
    lightness = torch.linspace(-1, 1, 32 * 48).reshape(1, 1, 32, 48)
    with torch.inference_mode():
        return generator(lightness)


def weights_by_recipe(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    """Return a state dict; every tensor follows from its own name alone."""
    state = {}
    for key, shape in shapes.items():
        last = key.split(".")[-1]
        if last == "weight_u" or (last == "weight_v" and len(shape) == 1):
            continue  # the vectors of spectral norm, below
        state[key] = _tensor(key, last, shape)
    for key in shapes:
        if key.endswith("weight_u"):
            state[key], state[key[:-1] + "v"] = _singular_vectors(state[key[:-1] + "orig"])
    return state


def _tensor(key: str, last: str, shape: list[int]) -> torch.Tensor:
    if last == "num_batches_tracked":
        return torch.zeros((), dtype=torch.long)
    random = np.random.RandomState(zlib.crc32(key.encode()))
    normal = random.standard_normal(shape).astype(np.float32)
    if last == "running_var":
        values = 0.5 + random.random_sample(shape).astype(np.float32)
    elif last in ("running_mean", "bias"):
        values = 0.1 * normal
    elif last == "gamma":
        values = np.full(shape, 0.3, np.float32)
    elif last == "weight_g":
        values = 1 + 0.1 * normal
    elif len(shape) == 1:
        values = np.float32(0.5) * (1 + 0.1 * normal)
    else:
        values = normal * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    return torch.tensor(np.asarray(values, dtype=np.float32))


def _singular_vectors(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    matrix = weight.flatten(1).double()
    u = torch.ones(matrix.shape[0], dtype=torch.double)
    u /= u.norm()
    v = u
    for _ in range(POWER_ITERATIONS):
        v = matrix.T @ u
        v /= v.norm()
        u = matrix @ v
        u /= u.norm()
    return u.float(), v.float()
