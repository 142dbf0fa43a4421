"""A picture whose hints change has the colours that it has at once, and its palette is what it shows."""

from __future__ import annotations

import numpy as np
import pytest

from colorize.engine import Colorizer, Hint, HintedPicture, likely_colors

HINTS = [Hint(30, 20, "#c03020", 8), Hint(90, 70, "#2040c0", 8)]


def test_its_colours_are_the_colorizers(colorizer: Colorizer, scene: np.ndarray) -> None:
    picture = HintedPicture(colorizer, scene)
    for hints in ([], HINTS[:1], HINTS, HINTS[1:], [Hint(31, 20, "#c03020", 8)], []):
        np.testing.assert_array_equal(colorizer.compose(scene, picture.predict_ab(hints)), colorizer(scene, hints))
    with pytest.raises(ValueError, match="120,5 lies outside"):
        picture.predict_ab([Hint(120, 5, "#000000")])


def test_likely_colours_are_those_that_are_there_the_most_frequent_first() -> None:
    lightness = np.full((40, 40), 50, np.float32)
    ab = np.zeros((40, 40, 2), np.float32)
    ab[:, :25], ab[:, 25:] = (40, 30), (0, -40)
    found = [Hint(0, 0, color).ab for color in likely_colors(lightness, ab)]
    assert len(found) == 2  # not ten that differ in nothing
    np.testing.assert_allclose(found, [(40, 30), (0, -40)], atol=1.5)
    one = likely_colors(np.full((1, 1), 50, np.float32), np.zeros((1, 1, 2), np.float32))
    assert len(one) == 1
