"""The Colorizer: the photo's own lightness survives, colours follow the network, marks reach it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_memory import answers_over_nan
from skimage.color import deltaE_ciede2000

from colorize.chroma import Enlarger, grid_size, round_size, shrink
from colorize.colorizer import Colorizer
from colorize.generator import Generator, GeneratorConfig
from colorize.inference import choose_device, infer, prepare, resize_hints, takes_hints
from colorize.lab import AB_MAX, lab_to_rgb, rgb_to_lab, rgb_to_lightness
from colorize.marks import Mark, draw_hints
from colorize.spaces import SRGB, ColorSpace
from colorize.tone import is_grey


@pytest.fixture(scope="module")
def colorizer(small_generator: Generator) -> Colorizer:
    return Colorizer(small_generator, device="cpu", render_size=64)


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
    monkeypatch.setattr("colorize.lab.STRIP_PIXELS", 7 * scene.shape[1])
    np.testing.assert_array_equal(colorizer(scene), whole)


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
    assert grid_size((1000, 1500), 256) == (256, 384)
    assert grid_size((1500, 1000), 256) == (384, 256)
    assert grid_size((1, 1), 192) == (192, 192)
    assert grid_size((10, 10_000), 128) == (128, 384)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 20))
def test_grid_sides_are_multiples_of_32(height: int, width: int, steps: int) -> None:
    rows, columns = grid_size((height, width), 32 * steps)
    assert rows % 32 == columns % 32 == 0
    assert min(rows, columns) == 32 * steps
    assert (rows >= columns) == (height > width) or rows == columns


def test_render_sizes_are_rounded() -> None:
    assert [round_size(size) for size in (1, 47, 49, 250)] == [32, 32, 64, 256]


def test_a_ribbon_shrinks_one_way_and_grows_the_other() -> None:
    assert shrink(np.zeros((2, 500), np.uint8), (32, 96)).shape == (32, 96)


def test_colours_that_the_network_gives_arrive(small_generator: Generator, scene: np.ndarray) -> None:
    constant = Generator(GeneratorConfig("resnet18", (16, 16, 16, 16, 8))).eval()
    torch.nn.init.zeros_(constant.head.weight)
    assert constant.head.bias is not None
    with torch.no_grad():
        constant.head.bias.copy_(torch.atanh(torch.tensor([20 / AB_MAX, -15 / AB_MAX])))
    lab = rgb_to_lab(Colorizer(constant, device="cpu", render_size=64)(scene))
    middle = (lab[..., 0] > 35) & (lab[..., 0] < 75)  # where the gamut holds it
    assert np.median(lab[middle][:, 1]) == pytest.approx(20, abs=0.5)
    assert np.median(lab[middle][:, 2]) == pytest.approx(-15, abs=0.5)


# --- strength, saturation, toned originals ---------------------------------------------------------------------------


def sepia(grey: np.ndarray, tone: float = 1) -> np.ndarray:
    lab = rgb_to_lab(grey)
    bow = tone * (1 - (lab[..., 0] / 50 - 1) ** 2)
    return lab_to_rgb(np.dstack([lab[..., 0], 8 * bow, 20 * bow]).astype(np.float32))


def test_strength_0_is_the_original(small_generator: Generator, scene: np.ndarray) -> None:
    nothing = Colorizer(small_generator, device="cpu", render_size=64, strength=0)
    toned = sepia(scene)
    np.testing.assert_array_equal(nothing(toned), toned)
    np.testing.assert_array_equal(nothing(scene), np.dstack([scene] * 3))


def test_strength_blends_with_the_originals_tone(small_generator: Generator, scene: np.ndarray) -> None:
    toned = sepia(scene)
    full = rgb_to_lab(Colorizer(small_generator, device="cpu", render_size=64)(toned))
    half = rgb_to_lab(Colorizer(small_generator, device="cpu", render_size=64, strength=0.5)(toned))
    expected = (full + rgb_to_lab(toned)) / 2
    inside = (full[..., 0] > 35) & (full[..., 0] < 75)
    assert np.abs(half - expected)[inside].mean() < 1.0


def test_a_sepia_photo_gets_new_colours_not_its_tone(colorizer: Colorizer, scene: np.ndarray) -> None:
    ab = rgb_to_lab(colorizer(sepia(scene)))[..., 1:] - rgb_to_lab(colorizer(scene))[..., 1:]
    assert np.abs(ab).mean() < 1.0


def test_saturation_scales_chroma(small_generator: Generator, scene: np.ndarray) -> None:
    lightness = rgb_to_lightness(scene)
    one = Colorizer(small_generator, device="cpu", render_size=64).predict_ab(lightness)
    two = Colorizer(small_generator, device="cpu", render_size=64, saturation=2).predict_ab(lightness)
    np.testing.assert_allclose(two, 2 * one, atol=1e-3)
    none = Colorizer(small_generator, device="cpu", render_size=64, saturation=0)
    np.testing.assert_array_equal(none(scene), np.dstack([scene] * 3))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("strength", 1.5), ("strength", float("nan")), ("saturation", -1), ("render_size", 0), ("device", "toaster")],
)
def test_settings_out_of_range_are_refused(small_generator: Generator, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=setting.replace("_", " ")):
        Colorizer(small_generator, **{setting: value})  # type: ignore[arg-type]


# --- ways in ---------------------------------------------------------------------------------------------------------


def test_predict_ab_is_what_a_call_joins(colorizer: Colorizer, scene: np.ndarray) -> None:
    lightness = rgb_to_lightness(scene)
    ab = colorizer.predict_ab(lightness)
    assert ab.shape == (*scene.shape, 2)
    assert ab.dtype == np.float32
    joined = lab_to_rgb(np.dstack([lightness, ab]))
    difference = deltaE_ciede2000(rgb_to_lab(joined), rgb_to_lab(colorizer(scene)))
    assert difference.mean() < 1.0


def test_batches_and_frames_equal_single_pictures(colorizer: Colorizer, scene: np.ndarray) -> None:
    pictures = [scene, scene.T.copy(), 255 - scene, scene[:40, :40]]
    singles = [colorizer(picture).astype(int) for picture in pictures]
    for way in (colorizer.batch(pictures), list(colorizer.frames(iter(pictures), batch_size=3))):
        for result, single in zip(way, singles, strict=True):
            assert np.abs(result - single).max() <= 3  # sums in another order, in bfloat16


def test_frames_are_taken_one_at_a_time(colorizer: Colorizer, scene: np.ndarray) -> None:
    taken = []

    def film() -> Iterator[np.ndarray]:
        for index in range(100):
            taken.append(index)
            yield scene

    next(colorizer.frames(film()))
    assert len(taken) == 1


def test_weights_bring_their_own_render_size(weights_file: object) -> None:
    assert Colorizer(str(weights_file), device="cpu").render_size == 64
    assert Colorizer(str(weights_file), device="cpu", render_size=100).render_size == 96


def test_a_space_is_kept_by_colour_and_left_by_grey(colorizer: Colorizer, scene: np.ndarray) -> None:
    gamma = ColorSpace(SRGB.matrix, np.stack([np.linspace(0, 1, 65536) ** 1.5] * 3))
    toned = np.dstack([scene] * 3)
    kept = colorizer(toned, space=gamma)
    assert np.abs(rgb_to_lightness(kept, gamma) - rgb_to_lightness(toned, gamma)).max() <= 0.8
    left = colorizer(scene, space=gamma)
    assert np.abs(rgb_to_lightness(left) - rgb_to_lightness(scene, gamma)).max() <= 0.8


# --- the prepared network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_folding_changes_nothing(backbone: str) -> None:
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
    with torch.inference_mode():
        expected = generator(lightness)
    prepared = prepare(generator, torch.device("cpu"), torch.float32)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in prepared.modules())
    torch.testing.assert_close(infer(prepared, lightness), expected, atol=1e-4, rtol=1e-3)
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in generator.modules())  # a copy was folded


@pytest.mark.parametrize("size", [(64, 32), (96, 32), (256, 32), (64, 64), (32, 32), (32, 96)])
def test_bfloat16_reads_no_memory_of_others_on_narrow_pictures(
    small_generator: Generator, size: tuple[int, int]
) -> None:
    # Seen with AMX: a strided convolution read freed memory where its result is one column wide and several rows high.
    look = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    exact, fast = (prepare(small_generator, torch.device("cpu"), p) for p in (torch.float32, torch.bfloat16))
    answers = answers_over_nan(fast, look)
    assert (answers[0] - infer(exact, look)).abs().mean() < 0.01
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


def test_bfloat16_cannot_be_told_from_float32(small_generator: Generator, scene: np.ndarray) -> None:
    exact = Colorizer(small_generator, device="cpu", render_size=64, precision=torch.float32)(scene)
    fast = Colorizer(small_generator, device="cpu", render_size=64, precision=torch.bfloat16)(scene)
    assert deltaE_ciede2000(rgb_to_lab(exact), rgb_to_lab(fast)).mean() < 0.5


def test_devices_are_chosen_and_checked() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device().type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="try --device cpu"):
        choose_device("cuda:99")


# --- marks -----------------------------------------------------------------------------------------------------------


def test_hints_hold_the_colour_of_a_mark() -> None:
    hints = draw_hints([Mark(50, 20, "#c03020", 10)], (100, 200), (64, 128))
    a, b = rgb_to_lab(np.array([[[0xC0, 0x30, 0x20]]], np.uint8))[0, 0, 1:]
    assert hints[:, 13, 32] == pytest.approx([a / AB_MAX, b / AB_MAX, 1])
    assert hints[2].sum() == pytest.approx(np.pi * 6.4**2, rel=0.1)
    assert not hints[:, hints[2] == 0].any()


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 50))
def test_every_mark_covers_a_pixel(height: int, width: int, x: float, y: float, radius: float) -> None:
    mark = Mark(x * (width - 1), y * (height - 1), "#00ff00", radius)
    assert draw_hints([mark], (height, width), (32, 64))[2].any()


def test_a_later_mark_lies_on_top() -> None:
    hints = draw_hints([Mark(5, 5, "#ff0000", 3), Mark(5, 5, "#0000ff", 3)], (32, 32), (32, 32))
    assert hints[1, 5, 5] < -0.5  # blue


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -0.5), (120, 0), (0, 90)])
def test_a_mark_outside_the_picture_is_refused(colorizer: Colorizer, scene: np.ndarray, x: float, y: float) -> None:
    with pytest.raises(ValueError, match=r"outside the photo, which is 120 x 90 pixels; x goes from 0 to 119"):
        colorizer(scene, [Mark(x, y, "#ff0000")])


@pytest.mark.parametrize(
    "text", ["1,2", "1,2,red", "a,2,#ff0000", "1,2,#ff0000,0", "1,2,#ff0000,nan", "1,2,#ff0000,1,1"]
)
def test_marks_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mark"):
        Mark.parse(text)


def test_marks_are_parsed() -> None:
    assert Mark.parse("10, 20.5,#Ff0000,7") == Mark(10, 20.5, "#Ff0000", 7)
    assert Mark.parse("1,2,#000000").radius is None


def test_marks_reach_the_network(colorizer: Colorizer, scene: np.ndarray) -> None:
    plain, marked = colorizer(scene), colorizer(scene, [Mark(60, 45, "#ff0000", 12)])
    assert (plain != marked).any()


def test_weights_without_hints_say_so(small_generator: Generator, scene: np.ndarray) -> None:
    import copy

    deaf = copy.deepcopy(small_generator)
    with torch.no_grad():
        deaf.encoder.conv1.weight[:, 1:] = 0
    assert takes_hints(small_generator)
    assert not takes_hints(deaf)
    colorizer = Colorizer(deaf, device="cpu", render_size=64)
    colorizer(scene)
    with pytest.raises(ValueError, match="these weights take no colour marks"):
        colorizer(scene, [Mark(1, 1, "#ff0000")])


def test_hints_of_a_photos_size_are_brought_to_the_grid(colorizer: Colorizer, scene: np.ndarray) -> None:
    hints = torch.zeros(1, 3, *scene.shape)
    hints[:, :, 40:44, 60:64] = torch.tensor([0.5, 0.25, 1])[None, :, None, None]
    small = resize_hints(hints, (32, 32))
    hit = small[0, 2] > 0
    assert 1 <= hit.sum() <= 9
    torch.testing.assert_close(small[0, 0][hit], torch.full((int(hit.sum()),), 0.5))  # holes are not grey
    lightness = rgb_to_lightness(scene)
    assert np.abs(colorizer.predict_ab(lightness, hints) - colorizer.predict_ab(lightness)).max() > 0


# --- grey or colour --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_colour_photographs_are_in_colour_and_their_grey_and_sepia_copies_are_not(name: str) -> None:
    picture = getattr(skimage.data, name)()[::2, ::2]
    assert not is_grey(picture)
    grey = np.asarray(rgb_to_lightness(picture) * 2.55, np.uint8)
    assert is_grey(grey)
    assert is_grey(np.dstack([grey] * 3))
    assert is_grey(sepia(grey))
    noisy = sepia(grey).astype(int) + np.random.default_rng(0).normal(0, 6, picture.shape)
    assert is_grey(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (5, 5, 3)])
def test_tiny_pictures_have_an_answer(shape: tuple[int, ...]) -> None:
    assert is_grey(np.zeros(shape, np.uint8))


def test_adjusted_shares_the_weights_and_equals_one_made_so(small_generator, scene):
    first = Colorizer(small_generator, device="cpu", render_size=64)
    other = first.adjusted(render_size=96, strength=0.5, saturation=1.5, square=True)
    made = Colorizer(small_generator, device="cpu", render_size=96, strength=0.5, saturation=1.5, square=True)
    assert other._generator is first._generator
    assert np.array_equal(other(scene), made(scene))
    assert not np.array_equal(other(scene), first(scene))
    assert first.render_size == 64 and first.strength == 1


@pytest.mark.parametrize("setting", [{"strength": 1.1}, {"saturation": -0.1}, {"render_size": 0}])
def test_adjusted_refuses_what_the_making_refuses(small_generator, setting):
    with pytest.raises(ValueError, match="is not within"):
        Colorizer(small_generator, device="cpu").adjusted(**setting)
