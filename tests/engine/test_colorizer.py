"""The Colorizer: the photo's own lightness survives, its tone is replaced, and every method gives the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000

from colorize.color import SRGB, ColorSpace, lab_to_rgb, rgb_to_lab, rgb_to_lightness
from colorize.engine import Colorizer
from colorize.network import Network


@pytest.fixture(scope="module")
def colorizer(small_network: Network) -> Colorizer:
    return Colorizer(small_network, render_size=64)


# --- lightness and size ----------------------------------------------------------------------------------------------


def test_lightness_survives_in_8_bits(colorizer: Colorizer, scene: np.ndarray) -> None:
    result = colorizer(scene)
    moved = np.abs(rgb_to_lightness(result) - rgb_to_lightness(scene))
    assert moved.mean() <= 0.15
    assert moved.max() <= 0.8
    assert np.ptp(result, axis=2).mean() > 10  # and it did get colours


def test_a_16_bit_ramp_keeps_its_levels(colorizer: Colorizer) -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    result = colorizer(ramp)
    assert result.dtype == np.uint16
    lightness = rgb_to_lightness(result)
    assert len(np.unique(lightness)) >= 60_000
    assert np.abs(lightness - rgb_to_lightness(ramp)).max() < 0.02


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([np.uint8, np.uint16]), st.booleans())
@settings(max_examples=8)
def test_any_size_comes_back_in_its_own_size(
    colorizer: Colorizer, height: int, width: int, dtype: type, grey: bool
) -> None:
    shape = (height, width) if grey else (height, width, 3)
    picture = np.random.default_rng(height).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
    result = colorizer(picture)
    assert result.shape == (height, width, 3)
    assert result.dtype == dtype
    assert np.abs(rgb_to_lightness(result) - rgb_to_lightness(picture)).max() <= 0.8


@pytest.mark.parametrize("level", [0, 255])
def test_black_stays_black_and_white_stays_white(colorizer: Colorizer, level: int) -> None:
    assert (colorizer(np.full((20, 30), level, np.uint8)) == level).all()


def test_a_very_wide_picture(colorizer: Colorizer) -> None:
    picture = np.tile(np.arange(30_000) % 256, (3, 1)).astype(np.uint8)
    assert colorizer(picture).shape == (3, 30_000, 3)


def test_the_picture_itself_is_not_changed(colorizer: Colorizer, scene: np.ndarray) -> None:
    before = scene.copy()
    colorizer(scene)
    np.testing.assert_array_equal(scene, before)


def test_strips_do_not_show(colorizer: Colorizer, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = colorizer(scene)
    monkeypatch.setattr("colorize.color.lab.STRIP_PIXELS", 7 * scene.shape[1])
    np.testing.assert_array_equal(colorizer(scene), whole)


# --- strength, saturation, toned originals ---------------------------------------------------------------------------


def sepia(grey: np.ndarray, tone: float = 1) -> np.ndarray:
    lab = rgb_to_lab(grey)
    bow = tone * (1 - (lab[..., 0] / 50 - 1) ** 2)
    return lab_to_rgb(np.dstack([lab[..., 0], 8 * bow, 20 * bow]).astype(np.float32))


def test_strength_0_is_the_original(small_network: Network, scene: np.ndarray) -> None:
    nothing = Colorizer(small_network, render_size=64, strength=0)
    toned = sepia(scene)
    np.testing.assert_array_equal(nothing(toned), toned)
    np.testing.assert_array_equal(nothing(scene), np.dstack([scene] * 3))


def test_strength_blends_with_the_originals_tone(small_network: Network, scene: np.ndarray) -> None:
    toned = sepia(scene)
    full = rgb_to_lab(Colorizer(small_network, render_size=64)(toned))
    half = rgb_to_lab(Colorizer(small_network, render_size=64, strength=0.5)(toned))
    expected = (full + rgb_to_lab(toned)) / 2
    inside = (full[..., 0] > 35) & (full[..., 0] < 75)
    assert np.abs(half - expected)[inside].mean() < 1.0


def test_a_sepia_photo_gets_new_colours_not_its_tone(colorizer: Colorizer, scene: np.ndarray) -> None:
    ab = rgb_to_lab(colorizer(sepia(scene)))[..., 1:] - rgb_to_lab(colorizer(scene))[..., 1:]
    assert np.abs(ab).mean() < 1.0


def test_saturation_scales_chroma(small_network: Network, scene: np.ndarray) -> None:
    lightness = rgb_to_lightness(scene)
    one = Colorizer(small_network, render_size=64).predict_full_ab(lightness)
    two = Colorizer(small_network, render_size=64, saturation=2).predict_full_ab(lightness)
    np.testing.assert_allclose(two, 2 * one, atol=1e-3)
    none = Colorizer(small_network, render_size=64, saturation=0)
    np.testing.assert_array_equal(none(scene), np.dstack([scene] * 3))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("strength", 1.5), ("strength", float("nan")), ("saturation", -1), ("render_size", 0)],
)
def test_settings_out_of_range_are_refused(small_network: Network, setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=setting.replace("_", " ")):
        Colorizer(small_network, **{setting: value})


@pytest.mark.parametrize(("name", "value"), [("device", "toaster"), ("precision", "int3")])
def test_what_runs_the_network_is_known_or_refused(weights_file: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} '{value}'"):
        Colorizer(weights_file, **{name: value})


def test_a_loaded_network_keeps_its_device_and_precision(small_network: Network) -> None:
    for name, value in (("device", "cpu"), ("precision", "float32")):
        with pytest.raises(ValueError, match=f"{name} {value}"):
            Colorizer(small_network, **{name: value})


# --- methods ---------------------------------------------------------------------------------------------------------


def test_predict_full_ab_is_what_a_call_composes(colorizer: Colorizer, scene: np.ndarray) -> None:
    lightness = rgb_to_lightness(scene)
    ab = colorizer.predict_full_ab(lightness)
    assert ab.shape == (*scene.shape, 2)
    assert ab.dtype == np.float32
    composed = lab_to_rgb(np.dstack([lightness, ab]))
    difference = deltaE_ciede2000(rgb_to_lab(composed), rgb_to_lab(colorizer(scene)))
    assert difference.mean() < 1.0


def test_batches_and_frames_equal_single_pictures(colorizer: Colorizer, scene: np.ndarray) -> None:
    pictures = [scene, scene.T.copy(), 255 - scene, scene[:40, :40]]
    singles = [colorizer(picture).astype(int) for picture in pictures]
    for results in (colorizer.batch(pictures), list(colorizer.frames(iter(pictures), batch_size=3))):
        for result, single in zip(results, singles, strict=True):
            assert np.abs(result - single).max() <= 3  # sums in another order, in bfloat16


def test_frames_are_taken_one_at_a_time(colorizer: Colorizer, scene: np.ndarray) -> None:
    taken = []

    def video() -> Iterator[np.ndarray]:
        for index in range(100):
            taken.append(index)
            yield scene

    next(colorizer.frames(video()))
    assert len(taken) == 1


def test_frames_in_batches_of_none_are_refused(colorizer: Colorizer, scene: np.ndarray) -> None:
    with pytest.raises(ValueError, match="batch size 0 is not at least 1"):
        list(colorizer.frames([scene], batch_size=0))


def test_weights_have_their_own_render_size(weights_file: object) -> None:
    assert Colorizer(str(weights_file), device="cpu").render_size == 64
    assert Colorizer(str(weights_file), device="cpu", render_size=100).render_size == 96


def test_a_colour_picture_keeps_its_space_and_a_grey_one_becomes_srgb(colorizer: Colorizer, scene: np.ndarray) -> None:
    gamma = ColorSpace(SRGB.matrix, np.stack([np.linspace(0, 1, 65536) ** 1.5] * 3))
    toned = np.dstack([scene] * 3)
    kept = colorizer(toned, space=gamma)
    assert np.abs(rgb_to_lightness(kept, gamma) - rgb_to_lightness(toned, gamma)).max() <= 0.8
    left = colorizer(scene, space=gamma)
    assert np.abs(rgb_to_lightness(left) - rgb_to_lightness(scene, gamma)).max() <= 0.8


def test_adjusted_shares_the_weights_and_equals_one_made_so(small_network, scene):
    first = Colorizer(small_network, render_size=64)
    other = first.adjusted(render_size=96, strength=0.5, saturation=1.5, square=True)
    made = Colorizer(small_network, render_size=96, strength=0.5, saturation=1.5, square=True)
    assert other.network is first.network
    assert np.array_equal(other(scene), made(scene))
    assert not np.array_equal(other(scene), first(scene))
    assert first.render_size == 64 and first.settings.strength == 1


@pytest.mark.parametrize("threads", [0, -1, 100_000])  # the machine would be busy with starting so many
def test_numbers_of_threads_out_of_range_are_refused(small_network, threads):
    with pytest.raises(ValueError, match=rf"threads {threads} is not within 1\.\.1024"):
        Colorizer(small_network, threads=threads)


@pytest.mark.parametrize("setting", [{"strength": 1.1}, {"saturation": -0.1}, {"render_size": 0}])
def test_adjusted_refuses_what_the_making_refuses(small_network, setting):
    with pytest.raises(ValueError, match="is not within"):
        Colorizer(small_network).adjusted(**setting)
