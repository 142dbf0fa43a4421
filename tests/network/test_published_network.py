"""CONTRIBUTING's worked example of another published network, run as it is written there."""

from __future__ import annotations

import copy
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.motion import pan
from torch import nn

from colorize.base import WeightsError
from colorize.engine import Colorizer
from colorize.motion import TemporalPainter
from colorize.network import load_network, loading
from colorize.network.weights_file import read_format


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
