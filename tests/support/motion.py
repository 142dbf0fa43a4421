"""Moving pictures for tests, their flicker, and a network that colours them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from colorize.color import AB_MAX
from colorize.engine import Colorizer
from colorize.motion import TemporalOptions, TemporalPainter

SIZE = (64, 96)
STEADY = [TemporalOptions("fast"), TemporalOptions("fast", 3), TemporalOptions("best"), TemporalOptions("best", 2)]


class NoFeatures:
    """Features of a network that offers none."""

    bottleneck = None

    def feature_maps(self) -> tuple[np.ndarray, ...]:
        return ()

    def with_bottleneck(self, bottleneck: np.ndarray) -> NoFeatures:
        return self


class Paintbox:
    """A network whose colours follow from the lightness, and flicker."""

    stride, render_size, takes_hints, latent_dim, runtime = 1, SIZE[0], False, 0, "numpy"

    def __init__(self, flicker: float = 0.0) -> None:
        self.flicker = flicker
        self.batches: list[int] = []
        self._random = np.random.default_rng(0)

    def fingerprint(self) -> str:
        return f"paintbox {self.flicker}"

    def encode(self, inputs: np.ndarray) -> NoFeatures:
        self.batches.append(len(inputs))
        return NoFeatures()

    def decode(self, inputs: np.ndarray, features: NoFeatures, latent: np.ndarray | None = None) -> np.ndarray:
        return np.stack([self.colors(light) + self._noise() for light in inputs[:, 0]]) / np.float32(AB_MAX)

    def _noise(self) -> np.ndarray:
        return self._random.normal(0, self.flicker, 2).astype(np.float32)

    def colors(self, light: np.ndarray) -> np.ndarray:
        """Return the ab of a lightness in Lab units, without the flicker."""
        soft = cv2.GaussianBlur(light, (5, 5), 1)
        return np.dstack([40 * soft, -30 * soft]).astype(np.float32)


def texture(seed: int, size: tuple[int, int] = (SIZE[0] + 40, SIZE[1] + 160)) -> np.ndarray:
    """Make lightness -0.8..0.8 with shapes that flow can hold on to."""
    random = np.random.default_rng(seed)
    rough = sum(
        cv2.resize(random.uniform(-1, 1, (size[0] // cell, size[1] // cell)), size[::-1], interpolation=cv2.INTER_CUBIC)
        for cell in (6, 12, 24)
    )
    return np.asarray(np.clip(rough / 2, -0.8, 0.8), np.float32)


def as_input(light: np.ndarray) -> np.ndarray:
    """Return a lightness (h, w) as the network's input."""
    return np.ascontiguousarray(light, np.float32)[None, None]


def pan(seed: int, count: int, speed: int = 1) -> list[np.ndarray]:
    """Return inputs along a picture, some pixels further at each."""
    wide = texture(seed)
    return [as_input(wide[20 : 20 + SIZE[0], speed * index : speed * index + SIZE[1]]) for index in range(count)]


def flicker(results: Sequence[np.ndarray], speed: int = 0) -> float:
    """Return the mean change of ab along a known pan."""
    width = SIZE[1] - speed
    pairs = pairwise(results)
    return float(np.mean([np.abs(now[:, :width] - before[:, speed:]).mean() for before, now in pairs]))


def painter(options: TemporalOptions, flicker: float = 0.0, batch_size: int = 8) -> TemporalPainter:
    """Return a painter of steady colours that has a ``Paintbox``."""
    return TemporalPainter(Colorizer(Paintbox(flicker)), options, batch_size)
