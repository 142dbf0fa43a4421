"""Films of high dynamic range: what the network sees of them, and colours at their own luma."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from colorize.color import HdrSystem, PlaneFormat, StoredLuma, color_planes, luma_of_hdr, rgb_to_lab

PQ, HLG = 16, 18
BT2020 = np.array([[0.636958, 0.144617, 0.168881], [0.2627, 0.677998, 0.059302], [0.0, 0.028073, 1.060985]])
"""Linear RGB of BT.2020 -> XYZ (D65)."""
CODES = np.arange(64, 941, dtype=np.uint16)


def light_of(transfer: int, encoded: npt.NDArray) -> npt.NDArray:
    """Return the light that encoded values stand for (BT.2100, tables 4 and 5); of HLG the scene's."""
    if transfer == PQ:
        power = np.clip(encoded, 0, 1) ** (32 / 2523)
        return (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610)
    return np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - 0.55991073) / 0.17883277) + 0.28466892) / 12)


def colored(transfer: int, ab: tuple[float, float], chroma: str = "444") -> tuple[npt.NDArray, ...]:
    """Return the planes of a ramp of all luma codes in one colour; each code has 2 x 2 pixels."""
    levels = np.repeat(np.repeat(CODES[None], 2, axis=0), 2, axis=1)
    system = HdrSystem(transfer)
    luma = luma_of_hdr(StoredLuma(levels, 10, False), system)
    planes = color_planes(luma, np.full((1, 1, 2), ab, np.float32), format=PlaneFormat(10, chroma, False, True, system))
    np.testing.assert_array_equal(planes[0], levels)
    return planes


@pytest.mark.parametrize(("transfer", "white"), [(PQ, 0.58), (HLG, 0.75)])
def test_the_network_sees_white_as_white_and_highlights_apart(transfer: int, white: float) -> None:
    grey = HdrSystem(transfer).grey_of(np.array([0, 0.3, white, (1 + white) / 2, 1]))
    assert grey[0] == 0
    assert 0.85 < grey[2] < 0.95  # the reference white of BT.2408; what is lighter has room
    assert grey[-1] <= 1
    assert (np.diff(grey) > 0).all()


def test_both_curves_show_the_same_light_alike() -> None:
    pq, hlg = HdrSystem(PQ).grey_of(np.array([0.5807])), HdrSystem(HLG).grey_of(np.array([0.7499]))
    assert abs(pq - hlg) < 0.002


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("chroma", ["420", "444"])
def test_grey_stays_neutral_at_every_luma(transfer: int, chroma: str) -> None:
    _, cb, cr = colored(transfer, (0, 0), chroma)
    assert (cb == 512).all()
    assert (cr == 512).all()


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("ab", [(40, 30), (-40, 30), (0, -30), (50, -10)])
def test_a_colour_keeps_its_hue_and_chroma_at_the_films_own_luma(transfer: int, ab: tuple[float, float]) -> None:
    y, cb, cr = (plane[0, ::2].astype(float) for plane in colored(transfer, ab))
    luma, blue, red = (y - 64) / 876, (cb - 512) / 896, (cr - 512) / 896
    red, blue = luma + 1.4746 * red, luma + 1.8814 * blue
    green = (luma - 0.2627 * red - 0.0593 * blue) / 0.6780
    rgb = np.stack([red, green, blue], axis=-1)
    assert rgb.min() > -0.01
    assert rgb.max() < 1.01
    xyz = light_of(transfer, rgb) @ BT2020.T / BT2020.sum(axis=1)
    grey = HdrSystem(transfer).grey_of(luma)
    dim = np.flatnonzero((grey > 0.3) & (grey < 0.6))  # where standard range has the colour
    for place in (dim[0], dim[len(dim) // 2], dim[-1]):
        lightness = rgb_to_lab(np.full((1, 1), round(grey[place] * 65535), np.uint16))[0, 0, 0]
        relative = xyz[place] / xyz[place, 1] * ((lightness + 16) / 116) ** 3
        x, middle, z = np.cbrt(relative)
        a, b = 500 * (x - middle), 200 * (middle - z)
        assert abs(np.degrees(np.angle((a + 1j * b) / complex(*ab)))) < 2
        assert abs(np.hypot(a, b) / np.hypot(*ab) - 1) < 0.06


def test_what_is_darker_than_black_and_lighter_than_white_has_no_colour() -> None:
    system = HdrSystem(PQ)
    levels = np.repeat(np.array([[0, 40, 64, 940, 1000, 1023]], np.uint16), 2, axis=0)
    luma = luma_of_hdr(StoredLuma(levels, 10, False), system)
    ab = np.full((1, 1, 2), 60, np.float32)
    y, cb, cr = color_planes(luma, ab, format=PlaneFormat(10, "444", False, True, system))
    np.testing.assert_array_equal(y, levels)
    assert (cb == 512).all()
    assert (cr == 512).all()
