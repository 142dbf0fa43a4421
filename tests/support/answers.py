"""Answers of networks to random inputs, and those that torch gave for the released weights, which are kept.

``python -m support.answers`` makes those of new weights; it needs torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from colorize.color import AB_MAX, Floats
from colorize.network import Network, load_network, read_manifest

FOLDER = Path(__file__).parent.parent / "data" / "answers"
EVERY = 5  # pixels; those between them are not kept
MAX_DIFFERENCE = 0.05  # ab levels, between the runtimes


def random_inputs(count: int, channels: int, height: int, width: int) -> Floats:
    """Return inputs of a network: random lightness and, in four channels, hints at a tenth of the places."""
    random = np.random.default_rng(count * height + width)
    inputs = random.uniform(-1, 1, (count, channels, height, width)).astype(np.float32)
    if channels > 1:
        inputs[:, 3] = inputs[:, 3] > 0.8
        inputs[:, 1:3] *= inputs[:, 3:]
    return inputs


def answer(network: Network, inputs: Floats, latent: Floats | None = None) -> Floats:
    return network.decode(inputs, network.encode(inputs), latent) * np.float32(AB_MAX)


def make_answers(network: Network) -> dict[str, Floats]:
    """Return a network's ab at some pixels: without and with hints, and with another bottleneck."""
    hinted = random_inputs(1, 4, 64, 96)
    plain = hinted[:, :1]
    features = network.encode(plain)
    assert features.bottleneck is not None
    other = features.with_bottleneck(features.bottleneck[:, ::-1].copy())
    answers = {
        "plain": answer(network, plain),
        "hints": answer(network, hinted),
        "odd size": answer(network, plain[:, :, :37, :51].copy()),
        "bottleneck": network.decode(plain, other) * np.float32(AB_MAX),
    }
    return {question: ab[:, ::EVERY, ::EVERY] for question, ab in answers.items()}


def read_answers(name: str) -> dict[str, Floats]:
    """Return the answers that torch gave for released weights, as ``make_answers`` does."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def main() -> None:
    """Write the answers of torch, float32, for all released weights."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in [name for name, entry in read_manifest().items() if "url" not in entry]:
        np.savez_compressed(FOLDER / f"{name}.npz", **make_answers(load_network(name, "cpu", "float32", "torch")))
        print(FOLDER / f"{name}.npz")


if __name__ == "__main__":
    main()
