"""The network inside the Colorizer: its grid, its chroma enlarged, folded layers, bfloat16 and devices."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000
from support.small_networks import SMALL, load_small, small_tensors, write_small_weights

from colorize.base import WeightsError
from colorize.batch import Job, colorize_files
from colorize.color import AB_MAX, Enlarger, rgb_to_lab, shrink
from colorize.engine import Colorizer
from colorize.engine.grid import grid_size, round_size
from colorize.photo import Photo, write_photo

# --- chroma ----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90), st.integers(1, 13))
def test_rows_of_an_enlargement_join_to_the_whole(h: int, w: int, height: int, width: int, step: int) -> None:
    small = np.random.default_rng(0).normal(size=(h, w, 2)).astype(np.float32)
    enlarger = Enlarger(small, (height, width))
    parts = [enlarger.rows(top, min(height, top + step)) for top in range(0, height, step)]
    whole = enlarger.rows(0, height)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    if height >= h and width >= w:
        expected = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, 2)
        np.testing.assert_allclose(whole, expected, atol=1e-4)


def test_chroma_is_not_enlarged_by_nearest() -> None:
    small = np.zeros((4, 4, 2), np.float32)
    small[:, 2:] = 50
    row = Enlarger(small, (4, 64)).rows(0, 4)[1, :, 0]
    assert len(np.unique(row.round(2))) > 10


def test_grid_keeps_the_aspect_up_to_3_to_1() -> None:
    assert grid_size((1000, 1500), 256, 32) == (256, 384)
    assert grid_size((1500, 1000), 256, 32) == (384, 256)
    assert grid_size((1, 1), 192, 32) == (192, 192)
    assert grid_size((10, 10_000), 128, 32) == (128, 384)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 20))
def test_grid_sides_are_multiples_of_32(height: int, width: int, steps: int) -> None:
    rows, columns = grid_size((height, width), 32 * steps, 32)
    assert rows % 32 == columns % 32 == 0
    assert min(rows, columns) == 32 * steps
    assert (rows >= columns) == (height > width) or rows == columns


def test_render_sizes_are_rounded() -> None:
    assert [round_size(size, 32) for size in (1, 47, 49, 250)] == [32, 32, 64, 256]


def test_a_ribbon_shrinks_one_way_and_grows_the_other() -> None:
    assert shrink(np.zeros((2, 500), np.uint8), (32, 96)).shape == (32, 96)


def test_the_networks_colours_reach_the_picture(runtime: str, tmp_path: Path, scene: np.ndarray) -> None:
    constant = small_tensors(SMALL)
    constant["head.weight"][:] = 0
    constant["head.bias"][:] = np.arctanh([20 / AB_MAX, -15 / AB_MAX])
    network = load_small(write_small_weights(tmp_path / "constant.safetensors", SMALL, constant), runtime)
    lab = rgb_to_lab(Colorizer(network, render_size=64)(scene))
    middle = (lab[..., 0] > 35) & (lab[..., 0] < 75)  # where the gamut holds it
    assert np.median(lab[middle][:, 1]) == pytest.approx(20, abs=0.5)
    assert np.median(lab[middle][:, 2]) == pytest.approx(-15, abs=0.5)


# --- the prepared network --------------------------------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_folding_changes_nothing(backbone: str) -> None:
    import torch

    from colorize.network import Generator, GeneratorConfig

    torch.manual_seed(1)
    generator = Generator(GeneratorConfig(backbone, (16, 16, 16, 16, 8))).eval()
    torch.nn.init.normal_(generator.head.weight, std=0.01)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
            assert module.running_mean is not None
            module.running_mean.normal_(std=0.1)
    lightness = torch.rand(1, 1, 64, 64) * 2 - 1
    prepared = generator.prepared(torch.device("cpu"), torch.float32)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in prepared.modules())
    with torch.inference_mode():
        torch.testing.assert_close(prepared(lightness), generator(lightness), atol=1e-4, rtol=1e-3)
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in generator.modules())  # a copy was folded


@pytest.mark.parametrize("size", [(64, 32), (96, 32), (256, 32), (64, 64), (32, 32), (32, 96)])
def test_bfloat16_reads_no_memory_of_others_on_narrow_pictures(small_generator, size: tuple[int, int]) -> None:
    import torch
    from support.memory import answers_over_nan

    # Seen with AMX: a strided convolution read freed memory where its result is one column wide and several rows high.
    network_input = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    exact, fast = (small_generator.prepared(torch.device("cpu"), p) for p in (torch.float32, torch.bfloat16))
    answers = answers_over_nan(fast, network_input)
    with torch.inference_mode():
        assert (answers[0] - exact(network_input)).abs().mean() < 0.01
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


def test_bfloat16_cannot_be_told_from_float32(small_generator, scene: np.ndarray) -> None:
    from colorize.network import torch_network

    exact = Colorizer(torch_network(small_generator, "cpu", "float32"), render_size=64)(scene)
    fast = Colorizer(torch_network(small_generator, "cpu", "bfloat16"), render_size=64)(scene)
    assert deltaE_ciede2000(rgb_to_lab(exact), rgb_to_lab(fast)).mean() < 0.5


@pytest.mark.torch
def test_devices_are_chosen_and_checked() -> None:
    from colorize.network import choose_device

    assert choose_device("cpu").type == "cpu"
    assert choose_device().type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="try --device cpu"):
        choose_device("cuda:99")


# --- numbers too large -----------------------------------------------------------------------------------------------


def test_weights_whose_numbers_grow_too_large_colour_nothing(tmp_path: Path) -> None:
    tensors = small_tensors(SMALL)
    tensors["decoder.0.bn_up.weight"][...] = 3e38
    path = write_small_weights(tmp_path / "w.safetensors", tensors=tensors)
    colorizer = Colorizer(path, runtime="onnx", threads=1)
    photo, result = tmp_path / "photo.png", tmp_path / "out.png"
    write_photo(photo, Photo(np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))))
    with pytest.raises(WeightsError, match=r"w\.safetensors: gives numbers that are not finite; get it anew"):
        colorizer(np.full((48, 64), 100, np.uint8))
    (outcome,) = colorize_files(colorizer, [Job(photo, result)])
    assert outcome.status == "failed" and not result.exists()
    assert outcome.message == f"{photo}: {path}: gives numbers that are not finite; get it anew, or take other weights"
