"""The network contract: networks that are not ours colour photos and films, and ours keeps the contract."""

from __future__ import annotations

import copy
import hashlib
import re
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.motion import pan
from torch import nn

from colorize.base import WeightsError
from colorize.color import AB_MAX, rgb_to_lab
from colorize.engine import Colorizer, Hint, draw_candidates
from colorize.motion import TemporalOptions, TemporalPainter
from colorize.network import Generator, Network, load_network, loading, torch_network
from colorize.network.weights_file import read_format

CELL = 8


@dataclass(frozen=True)
class CellMeans:
    """What ``TwoColors`` has seen: the mean lightness of each cell, (n, 1, h / 8, w / 8)."""

    bottleneck: np.ndarray

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


def test_the_bottleneck_of_ours_is_offered_and_replaced(small_generator: Generator) -> None:
    network, inputs = torch_network(small_generator, "cpu", "float32"), np.concatenate(pan(9, 3, 0))
    features = network.encode(inputs)
    bottleneck, ab = features.bottleneck, network.decode(inputs, features)
    assert bottleneck is not None
    assert (bottleneck.shape, bottleneck.dtype) == ((3, small_generator.encoder.channels[-1], 2, 3), np.float32)
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


class TinyEccv16(nn.Module):
    """Stands for the published layers: lightness 0..100 in, ab in Lab units out, sides multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(1, 2, 8, stride=8), nn.Upsample(scale_factor=8, mode="bilinear")

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        assert lightness.min() >= 0 and lightness.max() > 1
        return self.up(self.down(lightness))


@pytest.fixture
def eccv16(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CONTRIBUTING's worked example adds, run as it is written there."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## A worked example: another published network\n")[1].split("\n## ")[0]
    blocks = [textwrap.dedent(block) for block in re.findall(r"^ *```python\n(.*?)^ *```$", section, re.M | re.S)]
    names = {"Eccv16": TinyEccv16, "F": torch.nn.functional, "Path": Path, "Tensor": torch.Tensor, "copy": copy}
    names |= {"load_file": load_file, "nn": nn, "read_format": read_format, "torch": torch}
    exec("from __future__ import annotations\n" + "\n\n".join(blocks), names)
    monkeypatch.setattr(loading, "LOADERS", [*loading.LOADERS, (names["is_eccv16"], names["load_eccv16"])])


def test_the_published_network_of_the_worked_example_colours(eccv16: None, tmp_path: Path, scene: np.ndarray) -> None:
    layers, path = TinyEccv16(), tmp_path / "eccv16.safetensors"
    nn.init.zeros_(layers.down.weight)
    with torch.no_grad():
        layers.down.bias.copy_(torch.tensor([27.5, -13.75]))
    save_file(layers.state_dict(), path, {"format": "colorize-eccv16/1"})
    colorizer = Colorizer(path, device="cpu")
    assert (colorizer.render_size, colorizer.takes_hints) == (256, False)
    assert colorizer(scene).shape == (*scene.shape, 3)
    for size in ((1, 1), (9, 7), (40, 64)):
        ab = colorizer.predict_full_ab(np.full(size, 50, np.float32))
        np.testing.assert_allclose(ab, np.broadcast_to(np.float32([27.5, -13.75]), (*size, 2)), rtol=1e-5)
    film = list(TemporalPainter(colorizer).predict_ab(pan(1, 5)))
    np.testing.assert_allclose(film[4][20, 20], [27.5, -13.75], rtol=1e-5)


def test_files_of_no_known_network_are_refused(eccv16: None, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"format": "other/1"})
    with pytest.raises(WeightsError, match=r"other\.safetensors: format 'other/1'"):
        load_network(path)
