"""Candidates: functions of picture, seed and number; the first is the colorizer's own answer; hints hold in all."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_networks import LATENT, SMALL, load_small, small_tensors, write_small_weights

from colorize.color import AB_MAX, rgb_to_lab
from colorize.engine import Colorizer, Hint, draw_candidates, predict_candidates
from colorize.engine.candidates import (
    MAX_GREENING,
    MEMORY_COLOR_SHARE,
    PATCH_SIDE,
    perturb_colors,
    perturbation_mask,
    sample_hints,
)
from colorize.network import Network

RED = "#c03020"


@pytest.fixture(scope="module", params=["hints", "latent"])
def colorizer(request: pytest.FixtureRequest, small_network: Network, latent_network: Network) -> Colorizer:
    """One colorizer for each kind of weights that give candidates."""
    return Colorizer(latent_network if request.param == "latent" else small_network, render_size=64)


def test_the_first_is_the_colorizers_own_and_all_differ(colorizer: Colorizer, scene: np.ndarray) -> None:
    candidates = draw_candidates(colorizer, scene, 4)
    np.testing.assert_array_equal(candidates[0], colorizer(scene))
    labs = [rgb_to_lab(candidate) for candidate in candidates]
    for one, other in combinations(labs, 2):
        assert np.linalg.norm((one - other)[..., 1:], axis=2).mean() > 1
        assert np.abs((one - other)[..., 0]).mean() < 0.3  # the lightness is the picture's own


def test_more_candidates_begin_with_the_same_ones(colorizer: Colorizer, scene: np.ndarray) -> None:
    few, many = draw_candidates(colorizer, scene, 2, seed=7), draw_candidates(colorizer, scene, 4, seed=7)
    for one, other in zip(few, many, strict=False):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_others_but_the_first(colorizer: Colorizer, scene: np.ndarray) -> None:
    one, other = draw_candidates(colorizer, scene, 2, seed=1), draw_candidates(colorizer, scene, 2, seed=2)
    np.testing.assert_array_equal(one[0], other[0])
    assert np.abs(one[1].astype(int) - other[1]).mean() > 1


def test_hints_hold_in_every_candidate(colorizer: Colorizer) -> None:
    grey = np.full((90, 120), 120, np.uint8)
    grey[:, 60:] = 220
    hint = Hint(30, 45, RED, 8)
    candidates = draw_candidates(colorizer, grey, 3, hints=[hint])
    np.testing.assert_array_equal(candidates[0], colorizer(grey, [hint]))
    for candidate in candidates:
        here = rgb_to_lab(candidate)[43:48, 28:33, 1:].mean(axis=(0, 1))
        assert np.abs(here - hint.ab).max() < 4
    assert np.abs(candidates[1].astype(int) - candidates[2])[:, 70:].mean() > 1  # beyond the edge they differ


def test_16_bits_and_colour_pictures(colorizer: Colorizer, scene: np.ndarray) -> None:
    picture = np.dstack([scene] * 3).astype(np.uint16) * 257
    candidates = draw_candidates(colorizer, picture, 2)
    assert [(own.shape, own.dtype) for own in candidates] == [((90, 120, 3), np.uint16)] * 2


def test_saturation_scales_candidates(colorizer: Colorizer, scene: np.ndarray) -> None:
    half, none = (colorizer.adjusted(render_size=64, saturation=value) for value in (0.5, 0.0))
    network_input = colorizer.preprocess(scene)
    (_, full), (_, scaled) = (predict_candidates(own, network_input, 2) for own in (colorizer, half))
    np.testing.assert_allclose(scaled, full / 2, atol=0.01)
    assert np.ptp(draw_candidates(none, scene, 2)[1], axis=2).max() <= 1


def test_latents_count_only_where_they_were_learned(latent_network: Network, runtime: str, tmp_path: Path) -> None:
    assert Colorizer(latent_network).latent_dim == 8
    tensors = small_tensors(LATENT)
    tensors["latent.weight"][:] = 0
    assert load_small(write_small_weights(tmp_path / "a.safetensors", LATENT, tensors), runtime).latent_dim == 0


def test_a_latent_beside_none_in_a_batch(latent_network: Network, scene: np.ndarray) -> None:
    colorizer = Colorizer(latent_network, render_size=64)
    network_input, latent = colorizer.preprocess(scene), np.ones((1, 8), np.float32)
    plain, other = colorizer.predict_ab([network_input, network_input], None, [None, latent])
    # In bfloat16 batches differ a little.
    np.testing.assert_allclose(plain, colorizer.predict_ab([network_input])[0], atol=1)
    np.testing.assert_allclose(other, colorizer.predict_ab([network_input], None, [latent])[0], atol=1)
    assert np.abs(plain - other).max() > 5


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (2, -1)])
def test_numbers_out_of_range(colorizer: Colorizer, scene: np.ndarray, count: int, seed: int) -> None:
    with pytest.raises(ValueError, match=f"{count} candidates of seed {seed}"):
        draw_candidates(colorizer, scene, count, seed=seed)


def test_weights_that_give_one_answer_alone(runtime: str, tmp_path: Path, scene: np.ndarray) -> None:
    path = write_small_weights(tmp_path / "deaf.safetensors", SMALL, small_tensors(SMALL, takes_hints=False))
    with pytest.raises(ValueError, match="one picture alone") as caught:
        draw_candidates(Colorizer(load_small(path, runtime), render_size=32), scene, 2)
    assert "\n" not in str(caught.value)


def test_deoldifys_weights_give_one_answer_alone(
    tiny_states: dict, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.deoldify import use_tiny_networks

    from colorize.network import DeOldifyGenerator, build_unet, torch_network

    use_tiny_networks(monkeypatch)
    network = build_unet("deep")
    network.load_state_dict(tiny_states["deep"], assign=True)
    with pytest.raises(ValueError, match="one picture alone"):
        draw_candidates(Colorizer(torch_network(DeOldifyGenerator(network, "deep").eval(), "cpu")), scene, 2)


# --- sampled hints ---------------------------------------------------------------------------------------------------


def flat(lightness: float, a: float, b: float, size: tuple[int, int] = (64, 85)) -> tuple[np.ndarray, np.ndarray]:
    return np.full(size, lightness, np.float32), np.tile(np.array([a, b], np.float32), (*size, 1))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32))
@settings(max_examples=20)
def test_patches_are_small_and_all_over_the_picture(height: int, width: int, seed: int) -> None:
    lightness, ab = flat(50, 5, 10, (height, width))
    hint_map = sample_hints(lightness, ab, np.random.default_rng(seed))
    assert hint_map.shape == (1, 3, height, width)
    mask = hint_map[0, 2] > 0
    assert set(np.unique(hint_map[0, 2])) <= {0, 1}
    assert not hint_map[0, :2, ~mask].any()
    assert np.abs(hint_map[:, :2]).max() <= 1
    cells = round(height / 21) or 1, round(width / 21) or 1
    assert mask.sum() <= np.prod(cells) * PATCH_SIDE**2
    for rows in np.array_split(mask, cells[0]):
        for part in np.array_split(rows, cells[1], axis=1):
            assert part.any() or min(part.shape) < PATCH_SIDE


def test_skin_changes_less_than_a_coat_and_nothing_turns_green() -> None:
    skin, coat = flat(70, 14, 18), flat(25, 3, 4)
    moved = {"skin": 0.0, "coat": 0.0}
    for seed in range(12):
        for name, (lightness, ab) in {"skin": skin, "coat": coat}.items():
            other = perturb_colors(lightness, ab, np.random.default_rng(seed))
            moved[name] += float(np.linalg.norm(other - ab, axis=2).mean()) / 12
            assert other[..., 0].min() >= -MAX_GREENING
        hue = np.degrees(np.arctan2(*np.moveaxis(perturb_colors(*skin, np.random.default_rng(seed)), 2, 0)[::-1]))
        assert 10 < hue.min() <= hue.max() < 100  # from pink to yellow, never blue or purple
    assert moved["coat"] > 5 > moved["skin"]


def test_what_looks_alike_stays_alike() -> None:
    lightness, ab = flat(40, 5, 10)
    lightness[:, 40:] = 41
    lightness[32:] = 90
    other = perturb_colors(lightness, ab, np.random.default_rng(0))
    step = np.linalg.norm(np.diff(other, axis=1), axis=2)
    assert step.max() < 1.5
    assert np.linalg.norm(other[31] - other[32], axis=1).mean() > 3 * step.max()


@pytest.mark.parametrize(
    ("lightness", "a", "b", "share"),
    [
        (70, 14, 18, MEMORY_COLOR_SHARE),  # skin
        (50, -20, 25, MEMORY_COLOR_SHARE),  # foliage
        (75, -4, -20, MEMORY_COLOR_SHARE),  # sky
        (75, 1, 1, 1),  # a white wall
        (20, 14, 18, 1),  # dark brown
        (50, 50, -5, 1),  # purple
    ],
)
def test_memory_colours_change_less(lightness: float, a: float, b: float, share: float) -> None:
    assert perturbation_mask(*flat(lightness, a, b, (1, 1)))[0, 0] == pytest.approx(share)


def test_patches_have_the_perturbed_colours() -> None:
    lightness, ab = flat(30, 2, 3)
    other = perturb_colors(lightness, ab, np.random.default_rng(5))
    hint_map = sample_hints(lightness, ab, np.random.default_rng(5))[0]
    mask = hint_map[2] > 0
    given_ab = np.moveaxis(hint_map[:2], 0, 2)[mask] * AB_MAX
    assert np.linalg.norm(given_ab - other[mask], axis=1).max() < 1
