"""The levels of a film's frames, read from every pixel format, and the planes in colour."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.videos import VideoRecipe, make_video

from colorize.color import (
    Luma,
    YuvSystem,
    color_field_planes,
    color_planes,
    luma_of_grey,
    luma_of_rgb,
    luma_of_yuv,
    luma_of_yuv_fields,
    rgb_to_lightness,
)
from colorize.film import EncoderSettings, PictureFormat, SegmentEncoder, decode_frames, probe, read_luma
from colorize.film.pixels import rgb_picture
from colorize.film.video import Video

BT709, BT601 = YuvSystem(0.2126, 0.0722), YuvSystem(0.299, 0.114)


def to_rgb(planes: tuple[np.ndarray, ...], system: YuvSystem = BT709) -> np.ndarray:
    """Return 4:2:0 planes as 16-bit RGB, each colour sample for its own four pixels."""
    y, cb, cr = (np.repeat(np.repeat(plane, step, 0), step, 1) for plane, step in zip(planes, (1, 2, 2), strict=True))
    yuv = np.stack([y, cb[: y.shape[0], : y.shape[1]], cr[: y.shape[0], : y.shape[1]], np.ones_like(y)], axis=-1)
    return np.clip(yuv.astype(np.float64) @ system.to_rgb().T, 0, 65535).round().astype(np.uint16)


# --- levels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("limited.mp4", VideoRecipe()),
        ("full.mp4", VideoRecipe(full_range=True)),
        ("ten-bit.mkv", VideoRecipe(codec="ffv1", pixel_format="yuv420p10le")),
        ("4-2-2.mkv", VideoRecipe(codec="ffv1", pixel_format="yuv422p")),
        ("4-4-4.mp4", VideoRecipe(pixel_format="yuv444p")),
        ("ten-bit-4-4-4.mp4", VideoRecipe(pixel_format="yuv444p10le")),
        ("odd.mkv", VideoRecipe(codec="ffv1", size=(47, 63))),
    ],
)
def test_grey_levels_of_every_kind(tmp_path: Path, name: str, recipe: VideoRecipe) -> None:
    recipe.options = {"crf": "1"} if recipe.codec == "libx264" else {}
    video = probe(make_video(tmp_path / name, recipe))
    luma = read_luma(video, next(decode_frames(video)).image)
    assert luma.size == recipe.size
    expected = (recipe.grey(0).astype(float) - 16) * 255 / 219
    assert np.abs(luma.picture() - expected).mean() < 1
    assert luma.levels.dtype == (np.uint16 if "full" in name or "ten" in name else np.uint8)


def test_rgb_and_packed_frames_are_read(tmp_path: Path) -> None:
    recipe = VideoRecipe(frames=2)
    video = probe(make_video(tmp_path / "a.mp4", recipe))
    frame = next(decode_frames(video)).image
    plain = read_luma(video, frame).picture().astype(int)
    for format in ("rgb24", "bgr0", "gbrp", "yuyv422", "nv12", "p010le", "gray", "gray10le", "rgb48le"):
        other = frame.reformat(format=format, dst_color_range="JPEG" if "r" in format[:4] else "MPEG")
        assert np.abs(read_luma(video, other).picture() - plain).mean() < 2, format


def test_the_matrix_is_the_files_own_or_follows_the_size(tmp_path: Path) -> None:
    video = probe(make_video(tmp_path / "a.mp4", VideoRecipe(frames=1)))
    frame = av.VideoFrame(64, 48, "yuv420p")
    for plane, level in zip(frame.planes, (120, 90, 180), strict=True):
        np.frombuffer(plane, np.uint8)[:] = level
    results = {}
    for tag in (1, 2, 6):
        frame.colorspace = tag
        results[tag] = read_luma(video, frame).levels.astype(int)[0, 0], rgb_picture(video, frame)[0, 0].tolist()
    assert results[2] == results[6]  # small and untagged: BT.601
    assert results[1] != results[6]
    for tag, system in ((1, BT709), (6, BT601)):
        exact = (np.array([120, 90, 180, 1]) @ system.to_rgb().T).clip(0, 65535).astype(np.uint16)[None, None]
        assert abs(results[tag][0] - int(luma_of_rgb(exact, False).levels[0, 0])) < 40  # of 256 in a level


@given(st.integers(16, 235), st.integers(90, 166), st.integers(90, 166))
def test_the_luma_of_toned_frames_has_their_lightness(y: int, cb: int, cr: int) -> None:
    planes = [np.full((4, 4), y, np.uint8), np.full((2, 2), cb, np.uint8), np.full((2, 2), cr, np.uint8)]
    rgb = to_rgb(tuple(planes), BT601)
    exact = luma_of_rgb(rgb, False).levels.astype(float) / 256
    np.testing.assert_allclose(luma_of_yuv(planes, BT601, False).levels / 256, exact, atol=0.3)


# --- in colour -------------------------------------------------------------------------------------------------------


def test_without_colours_the_planes_are_the_films_own() -> None:
    levels = np.random.default_rng(0).integers(16, 236, (30, 42), dtype=np.uint8)
    y, cb, cr = color_planes(Luma(levels), np.zeros((8, 12, 2), np.float32))
    np.testing.assert_array_equal(y, levels)
    assert (cb == 128).all()
    assert (cr == 128).all()


@given(st.integers(0, 1000), st.floats(0, 45), st.sampled_from([0.0, 4.0, 8.0]))
def test_the_lightness_stays(seed: int, chroma: float, grain: float) -> None:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :64]
    levels = 120 + 60 * np.sin(x / 20 + seed) + 20 * np.cos(y / 9) + random.normal(0, grain, (48, 64))
    levels = levels.clip(40, 220).round().astype(np.uint8)
    angle = random.uniform(0, 2 * np.pi)
    ab = np.empty((6, 8, 2), np.float32)
    ab[:] = chroma * np.cos(angle), chroma * np.sin(angle)
    planes = color_planes(Luma(levels), ab)
    neutral = to_rgb((levels, np.full((24, 32), 128, np.uint8), np.full((24, 32), 128, np.uint8)))
    moved = np.abs(rgb_to_lightness(to_rgb(planes)) - rgb_to_lightness(neutral))
    assert moved.mean() < 0.35
    assert np.percentile(moved, 95) < 1


def test_colours_arrive_and_strength_halves_them() -> None:
    luma = luma_of_grey(np.full((20, 20), 130, np.uint8), 8, False)
    ab = np.zeros((4, 4, 2), np.float32)
    ab[..., 0] = 30
    _, cb, cr = color_planes(luma, ab)
    _, _, half = color_planes(luma, ab, 0.5)
    assert cr.min() > 140
    assert abs(int(cr[5, 5]) - 128 - 2 * (int(half[5, 5]) - 128)) <= 2
    assert np.ptp(cr) == 0
    assert np.ptp(cb) == 0


def test_odd_sizes_get_a_copied_edge() -> None:
    levels = np.random.default_rng(0).integers(16, 236, (5, 7), dtype=np.uint8)
    y, cb, _ = color_planes(Luma(levels), np.zeros((4, 4, 2), np.float32))
    assert y.shape == (6, 8)
    assert cb.shape == (3, 4)
    np.testing.assert_array_equal(y[:5, :7], levels)
    np.testing.assert_array_equal(y[5, :7], levels[4])
    np.testing.assert_array_equal(y[:5, 7], levels[:, 6])


def test_strength_keeps_a_share_of_the_films_own_tone() -> None:
    picture = np.empty((8, 8, 3), np.uint8)
    picture[:] = 150, 120, 90
    luma = luma_of_rgb(picture, keep_tone=True)
    planes = color_planes(luma, np.zeros((4, 4, 2), np.float32), strength=0)
    assert np.abs(to_rgb(planes) / 257.0 - picture).max() < 1.5


def test_each_fields_rows_get_the_colours_of_their_own_light() -> None:
    random = np.random.default_rng(0)
    fields = [random.integers(low, low + 40, (16, 24), dtype=np.uint8) for low in (40, 180)]
    ab = random.normal(0, 20, (1, 1, 2)).astype(np.float32)
    woven = np.empty((32, 24), np.uint8)
    woven[::2], woven[1::2] = fields
    planes = color_field_planes(Luma(woven), ab)
    for parity, field in enumerate(fields):
        for plane, alone in zip(planes, color_planes(Luma(field), ab), strict=True):
            np.testing.assert_array_equal(plane[parity::2], alone)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_each_fields_rows_are_read_with_their_own_colours(strength: float) -> None:
    fields = [
        [np.full((8, 12), y), np.full((4, 6), cb), np.full((4, 6), cr)]
        for y, cb, cr in [(60, 110, 150), (180, 140, 108)]
    ]
    fields = [[plane.astype(np.uint8) for plane in planes] for planes in fields]
    woven = [np.stack(pair, axis=1).reshape(-1, pair[0].shape[1]) for pair in zip(*fields, strict=True)]
    luma = luma_of_yuv_fields(woven, BT601, keep_tone=True)
    result = color_field_planes(luma, np.zeros((1, 1, 2), np.float32), strength)
    for parity, planes in enumerate(fields):
        alone = color_planes(luma_of_yuv(planes, BT601, keep_tone=True), np.zeros((1, 1, 2), np.float32), strength)
        for plane, expected in zip(result, alone, strict=True):
            np.testing.assert_array_equal(plane[parity::2], expected)


def test_an_interlaced_film_is_read_field_by_field(tmp_path: Path) -> None:
    recipe = VideoRecipe(1, codec="ffv1", color=True, field_order="tff")
    whole = read_luma(*_first(tmp_path, VideoRecipe(1, codec="ffv1", color=True)), keep_tone=True)
    luma = read_luma(*_first(tmp_path, recipe), keep_tone=True)
    assert luma.tone is not None
    assert whole.tone is not None
    assert luma.tone.shape == whole.tone.shape
    frame = _first(tmp_path, recipe)[1].to_ndarray(format="yuv420p")
    planes = frame[:48], frame[48:60].reshape(24, 32), frame[60:].reshape(24, 32)
    for parity in (0, 1):
        alone = luma_of_yuv([plane[parity::2] for plane in planes], BT601, keep_tone=True)
        np.testing.assert_array_equal(luma.levels[parity::2], alone.levels)


def _first(tmp_path: Path, recipe: VideoRecipe) -> tuple[Video, av.VideoFrame]:
    video = probe(make_video(tmp_path / "a.mkv", recipe))
    return video, next(decode_frames(video)).image


def test_an_encoder_takes_a_segments_frames(tmp_path: Path) -> None:
    format = PictureFormat((48, 64), Fraction(1, 90_000), Fraction(30))
    encoder = SegmentEncoder(tmp_path / "a.nut", format, EncoderSettings("h264"))
    planes = np.full((48, 64), 90, np.uint8), np.full((24, 32), 120, np.uint8), np.full((24, 32), 140, np.uint8)
    for index in range(12):
        encoder.write(planes, index * 3000, 3000)
    assert encoder.close() <= 4
    with av.open(str(tmp_path / "a.nut")) as segment:
        assert len(list(segment.decode(video=0))) == 12


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_segments_of_any_few_frames_are_written(tmp_path: Path, codec: str) -> None:
    format = PictureFormat((48, 64), Fraction(1, 90_000), Fraction(30))
    planes = np.full((48, 64), 90, np.uint8), np.full((24, 32), 120, np.uint8), np.full((24, 32), 140, np.uint8)
    for count in (30, *range(1, 5)) * 3:  # a longer one leaves its numbers in memory
        encoder = SegmentEncoder(tmp_path / "a.nut", format, EncoderSettings(codec))
        for index in range(count):
            encoder.write(planes, index * 3000, 3000)
        encoder.close()
        with av.open(str(tmp_path / "a.nut")) as video:
            times = sorted(packet.pts * packet.time_base for packet in video.demux(video=0) if packet.size)
        assert [round((time - times[0]) * 30) for time in times] == list(range(count))
