"""Lab of pictures: against scikit-image, over the whole 16-bit range, outside the gamut, and against the tensors'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.color import rgb2lab

from colorize.color import (
    AB_MAX,
    L_HALF,
    SRGB,
    ColorSpace,
    lab_planes_to_rgb,
    lab_to_rgb,
    rgb_to_lab,
    rgb_to_lightness,
    strips,
)
from colorize.color.lab import look_up

pictures = hnp.arrays(
    st.sampled_from([np.uint8, np.uint16]),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 255),
)


@given(pictures)
def test_lab_agrees_with_scikit_image(picture: np.ndarray) -> None:
    picture = picture * np.array(257 if picture.dtype == np.uint16 else 1, picture.dtype)
    expected = rgb2lab(picture / np.iinfo(picture.dtype).max)
    # scikit-image rounds its matrix to six digits, and its white differs in the fifth.
    np.testing.assert_allclose(rgb_to_lab(picture), expected, atol=0.01)


@given(pictures)
def test_round_trip_keeps_every_level(picture: np.ndarray) -> None:
    back = lab_to_rgb(rgb_to_lab(picture), picture.dtype)
    assert back.dtype == picture.dtype
    np.testing.assert_allclose(back.astype(int), picture, atol=0 if picture.dtype == np.uint8 else 1)


@given(pictures)
def test_lightness_is_the_l_of_lab(picture: np.ndarray) -> None:
    np.testing.assert_allclose(rgb_to_lightness(picture), rgb_to_lab(picture)[..., 0], atol=1e-4)


@pytest.mark.parametrize("shape", [(7, 300), (300, 7), (1, 1), (5, 1, 3), (40, 60, 3)])
@pytest.mark.parametrize("entry", [np.float32, np.uint8])
@pytest.mark.parametrize("level", [np.uint8, np.uint16])
def test_a_table_is_looked_up_for_every_level(shape: tuple[int, ...], entry: type, level: type) -> None:
    random = np.random.default_rng(1)
    count = np.iinfo(level).max + 1
    table = random.integers(0, 256, count).astype(entry)
    picture = random.integers(0, count, shape).astype(level)
    picture.flat[:1] = count - 1
    found = look_up(table, picture)
    assert found.dtype == entry and found.shape == shape
    np.testing.assert_array_equal(found, table[picture])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_planes_that_become_rgb_stay_as_they_are(dtype: type) -> None:
    random = np.random.default_rng(2)
    planes = [random.uniform(*limits, (20, 30)).astype(np.float32) for limits in ((0, 100), (-120, 120), (-120, 120))]
    before = [plane.copy() for plane in planes]
    picture = np.zeros((20, 30, 3), dtype)
    lab_planes_to_rgb(planes[0], planes[1], planes[2], picture)
    for plane, former in zip(planes, before, strict=True):
        np.testing.assert_array_equal(plane, former)
    np.testing.assert_array_equal(picture, lab_to_rgb(np.dstack(planes), dtype))


def test_a_16_bit_grey_ramp_keeps_all_levels() -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    lab = rgb_to_lab(ramp)
    assert len(np.unique(lab[..., 0])) == 65536
    assert not lab[..., 1:].any()
    np.testing.assert_array_equal(lab_to_rgb(lab, np.uint16), np.dstack([ramp] * 3))


def test_a_toned_16_bit_ramp_keeps_its_lightness() -> None:
    lab = rgb_to_lab(np.arange(65536, dtype=np.uint16).reshape(256, 256))
    lab[..., 1:] = (12, 25)
    result = rgb_to_lightness(lab_to_rgb(lab, np.uint16))
    assert np.abs(result - lab[..., 0]).max() < 0.01
    assert len(np.unique(result)) > 60_000


def test_grey_becomes_grey_and_the_ends_stay() -> None:
    grey = np.arange(256, dtype=np.uint8)[None]
    lab = rgb_to_lab(grey)
    assert lab[0, 0].tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert lab[0, 255].tolist() == pytest.approx([100, 0, 0], abs=1e-4)
    np.testing.assert_array_equal(lab_to_rgb(lab), np.dstack([grey] * 3))


labs = hnp.arrays(np.float32, (3, 4, 3), elements=st.floats(-110, 110, width=32)).map(
    lambda lab: np.concatenate([np.abs(lab[..., :1]).clip(0, 100), lab[..., 1:]], axis=-1)
)


@given(labs)
@settings(max_examples=200)
def test_colours_outside_the_gamut_keep_lightness_and_hue(lab: np.ndarray) -> None:
    result = rgb_to_lab(lab_to_rgb(lab, np.uint16)).astype(float)
    assert np.abs(result[..., 0] - lab[..., 0]).max() < 0.1
    before, after = np.hypot(lab[..., 1], lab[..., 2]), np.hypot(result[..., 1], result[..., 2])
    assert (after < before + 0.3).all()
    across = lab[..., 1] * result[..., 2] - lab[..., 2] * result[..., 1]  # chroma x chroma x sine of the hue's turn
    assert (np.abs(across) < 0.3 * np.maximum(before, 1)).all()


@pytest.mark.torch
def test_clipping_channels_would_not_pass_for_gamut_reduction() -> None:
    import torch

    from colorize.color import lab_tensor_to_rgb

    lab = np.full((1, 1, 3), (90, 90, -60), np.float32)
    clipped = lab_tensor_to_rgb(torch.tensor([[[[90 / L_HALF - 1]], [[90 / AB_MAX]], [[-60 / AB_MAX]]]]))
    lightness = rgb_to_lightness((clipped[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))[0, 0]
    assert abs(lightness - 90) > 3  # the defect that lab_to_rgb avoids
    assert abs(rgb_to_lightness(lab_to_rgb(lab))[0, 0] - 90) < 0.3


def test_reduction_is_no_stronger_than_needed() -> None:
    inside = np.array([[[200, 30, 40]]], np.uint8)
    lab = rgb_to_lab(inside)
    np.testing.assert_array_equal(lab_to_rgb(lab), inside)
    lab[..., 1:] *= 3
    assert {0, 255} & set(lab_to_rgb(lab).ravel().tolist())  # on the gamut's surface, not inside it


@pytest.mark.torch
def test_arrays_and_tensors_agree() -> None:
    import torch

    from colorize.color import rgb_tensor_to_lab

    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    tensor = torch.from_numpy(picture / 255).float().permute(2, 0, 1)[None]
    lab = rgb_tensor_to_lab(tensor)[0].permute(1, 2, 0).numpy()
    lab = np.dstack([(lab[..., 0] + 1) * L_HALF, lab[..., 1:] * AB_MAX])
    np.testing.assert_allclose(rgb_to_lab(picture), lab, atol=0.01)


def test_a_pure_gamma_keeps_its_dark_levels() -> None:
    curve = np.linspace(0, 1, 65536) ** 2.2
    space = ColorSpace(SRGB.matrix, np.stack([curve] * 3))
    levels = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_array_equal(lab_to_rgb(rgb_to_lab(levels, space), np.uint8, space)[..., 0], levels)
    levels_16_bit = np.arange(32, 65536, dtype=np.uint16)[None]  # the first 31 are less light than 1e-7
    back = lab_to_rgb(rgb_to_lab(levels_16_bit, space), np.uint16, space)[..., 0]
    assert np.abs(back.astype(int) - levels_16_bit).max() <= 1


def test_curves_may_differ_between_channels() -> None:
    level = np.linspace(0, 1, 65536)
    space = ColorSpace(SRGB.matrix, np.stack([level**1.8, level**2.2, level**2.4]))
    picture = np.random.default_rng(1).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(lab_to_rgb(rgb_to_lab(picture, space), np.uint8, space), picture)


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_strips_cover_every_row_once(height: int, width: int) -> None:
    position = 0
    for rows in strips((height, width)):
        assert rows.start == position < rows.stop
        position = rows.stop
    assert position == height


@pytest.mark.parametrize("shape", [(0, 3), (3, 3, 4), (3,), (2, 0, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a picture is"):
        rgb_to_lab(np.zeros(shape, np.uint8))


def test_floats_are_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"not float32; scale it to 0\.\.255"):
        rgb_to_lab(np.zeros((2, 2, 3), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("picture", ["photo.jpg", [[0, 255]]])
def test_what_is_no_array_is_refused_with_the_remedy(picture: Any) -> None:
    with pytest.raises(ValueError, match=f"not {type(picture).__name__}; read_image"):
        rgb_to_lab(picture)


@pytest.mark.parametrize("shape", [(0, 3), (3, 3, 4), (3,), (2, 3)])
def test_other_shapes_are_no_lab(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"a Lab picture is \(H, W, 3\)"):
        lab_to_rgb(np.zeros(shape, np.float32))


def test_lab_becomes_8_or_16_bits_alone() -> None:
    with pytest.raises(ValueError, match="uint8 or uint16, not float64"):
        lab_to_rgb(np.zeros((2, 2, 3), np.float32), float)
