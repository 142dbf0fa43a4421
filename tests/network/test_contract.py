"""The network contract: networks that are not ours colour photos and films, and ours keeps the contract."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from support.motion import pan

from colorize.color import AB_MAX, rgb_to_lab
from colorize.engine import Colorizer, Hint, draw_candidates
from colorize.motion import TemporalOptions, TemporalPainter
from colorize.network import Network

CELL = 8


@dataclass(frozen=True)
class CellMeans:
    """What ``TwoColors`` has seen: the mean lightness of each cell, (n, 1, h / 8, w / 8)."""

    bottleneck: np.ndarray

    def feature_maps(self) -> tuple[np.ndarray, ...]:
        return (self.bottleneck,)

    def with_bottleneck(self, bottleneck: np.ndarray) -> CellMeans:
        return CellMeans(bottleneck)


class TwoColors:
    """A network in numpy: dark cells are blue, light ones are yellow."""

    stride = CELL
    render_size = 48
    takes_hints = False
    latent_dim = 0
    runtime = f"numpy {np.__version__}"

    def __init__(self, chroma: float = 40.0) -> None:
        self.chroma = chroma

    def fingerprint(self) -> str:
        return hashlib.sha256(f"two colours {self.chroma}".encode()).hexdigest()

    def encode(self, inputs: np.ndarray) -> CellMeans:
        count, channels, height, width = inputs.shape
        assert channels == 1  # it takes no hints, so it is given none
        padded = np.pad(inputs, ((0, 0), (0, 0), (0, -height % CELL), (0, -width % CELL)), mode="edge")
        rows, columns = padded.shape[2] // CELL, padded.shape[3] // CELL
        return CellMeans(padded.reshape(count, 1, rows, CELL, columns, CELL).mean(axis=(3, 5)))

    def decode(self, inputs: np.ndarray, features: CellMeans, latent: np.ndarray | None = None) -> np.ndarray:
        means = features.bottleneck[:, 0].repeat(CELL, axis=1).repeat(CELL, axis=2)
        b = np.tanh(4 * means[:, : inputs.shape[2], : inputs.shape[3]]) * (self.chroma / AB_MAX)
        return np.stack([np.zeros_like(b), b], axis=-1).astype(np.float32)


def test_a_network_in_numpy_colours_a_photo(scene: np.ndarray) -> None:
    colorizer = Colorizer(TwoColors())
    assert colorizer.render_size == 48
    lab, grey = rgb_to_lab(colorizer(scene)), rgb_to_lab(np.dstack([scene] * 3))
    np.testing.assert_allclose(lab[..., 0], grey[..., 0], atol=0.8)
    inside = (grey[..., 0] > 20) & (grey[..., 0] < 95)
    assert np.corrcoef(lab[..., 2][inside], grey[..., 0][inside])[0, 1] > 0.7
    assert Colorizer(TwoColors(), render_size=51).grid((51, 90)) == (48, 88)  # by its own stride
    together = colorizer.batch([scene, scene[::-1].copy(), scene.T.copy()])
    np.testing.assert_array_equal(together[0], colorizer(scene))
    with pytest.raises(ValueError, match="take no colour hints"):
        colorizer(scene, [Hint(5, 5, "#ff0000")])
    with pytest.raises(ValueError, match="one picture alone"):
        draw_candidates(colorizer, scene, 2)


@pytest.mark.parametrize("temporal", ["off", "fast", "best"])
def test_a_network_in_numpy_colours_a_film(temporal: str) -> None:
    colorizer, inputs = Colorizer(TwoColors()), pan(1, 20)
    painter = TemporalPainter(colorizer, TemporalOptions(temporal))
    results = [*painter.predict_ab(inputs[:12]), *painter.predict_ab(inputs[12:])]
    alone = colorizer.predict_ab(inputs)
    for ab, expected in zip(results, alone, strict=True):
        assert ab.shape == (64, 96, 2)
        assert np.abs(ab - expected).mean() < (1e-6 if temporal == "off" else 8)
    assert np.abs(alone[0][..., 1]).mean() > 20


def test_another_network_has_another_fingerprint(small_network: Network) -> None:
    prints = [Colorizer(network).fingerprint() for network in (TwoColors(), TwoColors(), TwoColors(20), small_network)]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_the_bottleneck_of_ours_is_offered_and_replaced(small_network: Network) -> None:
    network, inputs = small_network, np.concatenate(pan(9, 3, 0))
    features = network.encode(inputs)
    bottleneck, ab = features.bottleneck, network.decode(inputs, features)
    assert bottleneck is not None
    assert (bottleneck.shape, bottleneck.dtype) == ((3, 64, 2, 3), np.float32)
    assert (ab.shape, ab.dtype) == ((3, 64, 96, 2), np.float32)
    np.testing.assert_array_equal(network.decode(inputs, features.with_bottleneck(bottleneck)), ab)
    other = network.decode(inputs, features.with_bottleneck(np.zeros_like(bottleneck)))
    assert np.abs(other - ab).max() > 0.1 / AB_MAX
    np.testing.assert_array_equal(network.decode(inputs, features), ab)  # the features are as they were


@pytest.mark.parametrize("size", [(1, 1), (33, 50)])
def test_lightness_without_hints_is_the_same_as_with_none(small_network: Network, size: tuple[int, int]) -> None:
    lightness = np.random.default_rng(0).uniform(-1, 1, (1, 1, *size)).astype(np.float32)
    inputs = np.concatenate([lightness, np.zeros((1, 3, *size), np.float32)], axis=1)
    plain, empty = (small_network.decode(each, small_network.encode(each)) for each in (lightness, inputs))
    assert plain.shape == (1, *size, 2)
    np.testing.assert_array_equal(plain, empty)


def test_two_threads_give_what_one_gives(small_network: Network, scene: np.ndarray) -> None:
    colorizer = Colorizer(small_network, render_size=64)
    pictures = [np.roll(scene, 7 * shift, axis=1) for shift in range(8)]
    hints = [[Hint(20, 10 * index + 5, "#c03020")] if index % 2 else [] for index in range(8)]
    one_by_one = [colorizer(picture, each) for picture, each in zip(pictures, hints, strict=True)]
    with ThreadPoolExecutor(2) as pool:
        at_once = list(pool.map(colorizer, pictures, hints))
    np.testing.assert_array_equal(at_once, one_by_one)
