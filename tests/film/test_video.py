"""Films as they are stored: time stamps, spans, orientation, field order, samples, and what no header states."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import ExifTags, Image
from support.video_contents import pack_frames, read_frames
from support.video_contents import times_of as times
from support.videos import VideoRecipe, join_pictures, make_video

from colorize.engine import Colorizer
from colorize.film import VideoOptions, colorize_video, decode_frames, probe, read_luma, sampling
from colorize.film.pixels import rgb_picture
from colorize.film.sampling import sample_frames
from colorize.film.video import Orientation, Span, decode_stream

NTSC = Fraction(45000, 1499)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("a.mp4", VideoRecipe(sounds=["eng"])),
        ("a.mov", VideoRecipe()),
        ("a.mkv", VideoRecipe(codec="ffv1")),
        ("a.webm", VideoRecipe(codec="libvpx-vp9")),
        ("a.avi", VideoRecipe(codec="mpeg4", time_base=Fraction(1, 30), options={"bf": "0"})),
        ("a.mpg", VideoRecipe(codec="mpeg1video", time_base=Fraction(1, 30))),
        ("a.ts", VideoRecipe()),
    ],
)
def test_every_container_is_probed_and_read(tmp_path: Path, name: str, recipe: VideoRecipe) -> None:
    video = probe(make_video(tmp_path / name, recipe))
    assert video.size == (48, 64)
    assert video.rate == 30
    frames = list(decode_frames(video))
    assert [frame.index for frame in frames] == list(range(30))
    expected = np.arange(30) / 30 + float(frames[0].pts * video.time_base)
    np.testing.assert_allclose([float(frame.pts * video.time_base) for frame in frames], expected, atol=6e-4)
    assert [frame.decode_warning for frame in frames] == [None] * 30
    assert np.abs(read_luma(video, frames[7].image).levels.astype(int) - recipe.grey(7)).mean() < 6


def test_odd_rates_gaps_and_a_late_start_are_kept_to_the_tick(tmp_path: Path) -> None:
    odd = VideoRecipe(rate=NTSC, pts=[2998 * index for index in range(12)])
    assert times(make_video(tmp_path / "odd.mp4", odd)) == [Fraction(2998 * index, 90_000) for index in range(12)]
    pts = [45_000, 48_000, 51_000, 90_000, 93_000, 93_500, 180_000]
    uneven = VideoRecipe(pts=pts, sounds=["eng"])
    path = make_video(tmp_path / "uneven.mp4", uneven)
    assert times(path) == [Fraction(stamp, 90_000) for stamp in pts]
    assert probe(path).rate != 30


def test_a_clock_that_starts_anywhere_is_set_to_zero(tmp_path: Path) -> None:
    recipe = VideoRecipe(pts=[9_000_000 + 3000 * index for index in range(20)])
    video = probe(make_video(tmp_path / "late.ts", recipe))
    assert video.start_time > 90
    assert abs(float(next(decode_frames(video)).pts * video.time_base)) < 0.1


def test_a_span_is_read_from_its_first_frame_on(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=90, options={"g": "15"}))
    span = Span(Fraction(2), Fraction(5, 2))
    video = probe(path)
    frames = list(decode_frames(video, span))
    assert [frame.pts * video.time_base for frame in frames] == [Fraction(index, 30) for index in range(15)]
    without_seeking = list(decode_frames(video, span, seek=False))
    for frame, other in zip(frames, without_seeking, strict=True):
        np.testing.assert_array_equal(frame.image.to_ndarray(), other.image.to_ndarray())


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("a.mp4", VideoRecipe(frames=150, options={"g": "40"})),
        ("a.mkv", VideoRecipe(frames=150, options={"g": "250", "x264-params": "open-gop=1"})),
        ("a.ts", VideoRecipe(frames=150, options={"g": "40"})),
        ("a.mpg", VideoRecipe(frames=150, codec="mpeg2video", time_base=Fraction(1, 30), options={"bf": "2"})),
        ("a.avi", VideoRecipe(frames=150, codec="mpeg4", time_base=Fraction(1, 30), options={"bf": "2"})),
        ("a.webm", VideoRecipe(frames=150, codec="libvpx-vp9")),
        ("a.m2v", VideoRecipe(frames=150, codec="mpeg2video", time_base=Fraction(1, 30))),
    ],
)
def test_reading_goes_on_after_any_frame(tmp_path: Path, name: str, recipe: VideoRecipe) -> None:
    video = probe(make_video(tmp_path / name, recipe))
    frames = list(decode_frames(video))
    assert len(frames) == 150
    for index in (5, 61, 120, 148):
        rest = list(decode_frames(video, after=(index, frames[index].pts)))
        assert [(frame.index, frame.pts, frame.duration) for frame in rest] == [
            (frame.index, frame.pts, frame.duration) for frame in frames[index + 1 :]
        ]
        for frame, other in zip(rest, frames[index + 1 :], strict=True):
            np.testing.assert_array_equal(frame.image.to_ndarray(), other.image.to_ndarray())


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [False, True])
def test_rotated_and_mirrored_films_stand_upright(tmp_path: Path, angle: int, flip: bool) -> None:
    recipe = VideoRecipe(frames=2, rotation=angle, flip=flip, aspect=Fraction(4, 3), options={"crf": "1"})
    video = probe(make_video(tmp_path / "a.mp4", recipe))
    upright = read_luma(video, next(decode_frames(video)).image).levels
    expected = np.rot90(recipe.grey(0), angle // 90)
    expected = np.fliplr(expected) if flip else expected
    assert upright.shape == expected.shape == video.upright_size
    assert np.abs(upright.astype(int) - expected).mean() < 2
    assert video.upright_aspect == (Fraction(3, 4) if angle % 180 else Fraction(4, 3))


@pytest.mark.parametrize(
    ("name", "recipe", "order"),
    [
        ("a.mp4", VideoRecipe(frames=3, field_order="tff"), "tff"),
        ("a.mkv", VideoRecipe(frames=3, field_order="bff"), "bff"),  # the container says the contrary
        ("a.mpg", VideoRecipe(frames=3, codec="mpeg2video", time_base=Fraction(1, 30), field_order="bff"), "bff"),
        ("a.avi", VideoRecipe(3, (576, 720), "dvvideo", rate=Fraction(25), time_base=Fraction(1, 25)), "bff"),
        ("whole.mp4", VideoRecipe(frames=3), None),
    ],
)
def test_the_field_order_is_that_of_the_frames(
    tmp_path: Path, name: str, recipe: VideoRecipe, order: str | None
) -> None:
    assert probe(make_video(tmp_path / name, recipe)).field_order == order


def test_an_orientation_undoes_a_display_matrix() -> None:
    array = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(Orientation(True, True, False).apply(array), np.rot90(array))
    np.testing.assert_array_equal(Orientation(False, True, True).apply(array), array[::-1, ::-1])
    assert Orientation().apply(array) is array


def test_frames_are_sampled_over_the_whole_film(tmp_path: Path) -> None:
    video = probe(make_video(tmp_path / "a.mp4", VideoRecipe(frames=60, options={"g": "10"})))
    found = [float(frame.pts * frame.time_base) for frame in sample_frames(video, 4)]
    np.testing.assert_allclose(found, [0.25, 0.75, 1.25, 1.75], atol=0.05)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_samples_of_one_group_of_pictures_are_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    video = probe(make_video(tmp_path / name, VideoRecipe(frames=60, options={"g": "300", "sc_threshold": "0"})))
    images = {frame.pts: frame.image.to_ndarray() for frame in decode_frames(video)}
    decoded = 0

    def count(*arguments: Any) -> Iterator[av.VideoFrame]:
        nonlocal decoded
        for frame in decode_stream(*arguments):
            decoded += 1
            yield frame

    monkeypatch.setattr(sampling, "decode_stream", count)
    found = list(sample_frames(video, 12))
    assert decoded < 1.5 * video.frames  # six times as many as there are, if each were sought
    start = round(video.start_time / video.time_base)
    assert len({frame.pts for frame in found}) == 12
    for frame in found:
        assert frame.pts is not None
        np.testing.assert_array_equal(frame.to_ndarray(), images[frame.pts - start])


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_samples_lie_where_they_should_in_streams_without_an_index(tmp_path: Path, codec: str) -> None:
    recipe = VideoRecipe(frames=360, codec=codec, time_base=Fraction(1, 30), options={"g": "100", "sc_threshold": "0"})
    video = probe(make_video(tmp_path / ("a.ts" if codec == "libx264" else "a.mpg"), recipe))
    found = [float(frame.pts * frame.time_base - video.start_time) for frame in sample_frames(video, 6)]
    np.testing.assert_allclose(found, np.arange(0.5, 6) / 6 * video.duration, atol=0.15)


@pytest.mark.parametrize("name", ["a.mkv", "a.h264"])
def test_what_no_header_states_is_counted(tmp_path: Path, name: str) -> None:
    recipe = VideoRecipe(frames=60, piped=True, time_base=Fraction(1, 30), options={"g": "10"})
    video = probe(make_video(tmp_path / name, recipe))
    assert video.frames == 60
    assert video.duration == pytest.approx(2, abs=0.01)
    assert video.rate == 30
    images = {frame.pts: frame.image.to_ndarray() for frame in decode_frames(video)}
    found = list(sample_frames(video, 4))
    assert len(found) == 4
    for frame, second in zip(found, (0.25, 0.75, 1.25, 1.75), strict=True):
        near = [pts for pts in images if abs(float(pts * video.time_base) - second) < 0.1]
        assert any(np.array_equal(frame.to_ndarray(), images[pts]) for pts in near)


EXIF_ORIENTATIONS = {
    None: lambda picture: picture,
    1: lambda picture: picture,
    2: np.fliplr,
    3: lambda picture: np.rot90(picture, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda picture: np.rot90(picture, -1),
    7: lambda picture: np.rot90(picture, 2).T,
    8: np.rot90,
}
"""EXIF orientation -> what brings a stored picture upright (EXIF 2.32, 4.6.5)."""


@pytest.mark.parametrize("orientation", EXIF_ORIENTATIONS)
@pytest.mark.parametrize(("format", "suffix"), [("JPEG", ".avi"), ("PNG", ".mov")])
def test_frames_that_carry_exif_stand_upright(
    tmp_path: Path, format: str, suffix: str, orientation: int | None
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "A camera"
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    grey = VideoRecipe().grey(0)
    pictures = []
    for _ in range(3):
        file = io.BytesIO()
        Image.fromarray(grey).save(file, format, quality=100, exif=exif)
        pictures.append(file.getvalue())
    video = probe(join_pictures(tmp_path / f"a{suffix}", pictures))
    levels = rgb_picture(video, next(decode_frames(video)).image)[..., 0]
    expected = EXIF_ORIENTATIONS[orientation](grey).astype(int)
    assert levels.shape == expected.shape
    assert np.abs(levels - expected).mean() < 1


@pytest.mark.parametrize("after", [None, 30])
def test_packed_frames_are_shown_once_and_in_time(tmp_path: Path, after: int | None) -> None:
    options = {"bf": "1", "b_strategy": "0", "g": "8"}
    rate = Fraction(25)
    recipe = VideoRecipe(40, rate=rate, time_base=1 / rate, codec="mpeg4", options=options)
    plain = make_video(tmp_path / "a.avi", recipe)
    pack_frames(plain, tmp_path / "b.avi")
    expected = list(decode_frames(probe(plain)))
    packed = probe(tmp_path / "b.avi")
    assert (packed.rate, packed.is_cfr) == (rate, True)
    begin = None if after is None else (after, expected[after].pts)
    found = list(decode_frames(packed, after=begin))
    assert len(found) == 40 - (after + 1 if after is not None else 0)
    for frame, other in zip(found, expected[-len(found) :], strict=True):
        assert (frame.index, frame.pts, frame.decode_warning) == (other.index, other.pts, None)
        np.testing.assert_array_equal(frame.image.to_ndarray(), other.image.to_ndarray())


OFF = VideoOptions(temporal="off")


def test_a_packed_film_becomes_one_of_the_same_frames_and_times(tmp_path: Path, colorizer: Colorizer) -> None:
    rate = Fraction(25)
    options = {"bf": "1", "b_strategy": "0"}
    plain = make_video(
        tmp_path / "a.avi", VideoRecipe(10, rate=rate, time_base=1 / rate, codec="mpeg4", options=options)
    )
    pack_frames(plain, tmp_path / "b.avi")
    results = [
        colorize_video(tmp_path / f"{name}.avi", tmp_path / f"{name}.mp4", colorizer=colorizer, options=OFF)
        for name in "ab"
    ]
    assert [result.notes for result in results] == [(), ()]
    (times, frames), (packed_times, packed_frames) = (read_frames(result.path) for result in results)
    assert packed_times == times
    np.testing.assert_array_equal(packed_frames, frames)
