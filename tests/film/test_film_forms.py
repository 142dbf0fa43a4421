"""Films of every form: rotated, interlaced, of odd sizes, HDR, of one frame, without a duration."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from support.video_contents import captions_of, field_orders_of, luma_of, read_frames
from support.videos import VideoRecipe, caption, join_pictures, make_video

from colorize.batch import Job, plan
from colorize.engine import Colorizer
from colorize.film import Progress, VideoOptions, colorize_video, contact_sheet, open_source, probe, survey_colors
from colorize.film.captions import blank_with_captions, has_captions

OFF = VideoOptions(temporal="off")


@pytest.mark.parametrize("angle", [90, 180])
def test_a_rotated_film_is_written_upright(tmp_path: Path, colorizer: Colorizer, angle: int) -> None:
    recipe = VideoRecipe(frames=3, rotation=angle, aspect=Fraction(4, 3), options={"crf": "1"})
    path = make_video(tmp_path / "a.mp4", recipe)
    out = tmp_path / "b.mp4"
    colorize_video(path, out, colorizer=colorizer, options=OFF)
    with av.open(str(out)) as video:
        frame = next(video.decode(video=0))
        assert frame.rotation == 0
        assert video.streams.video[0].sample_aspect_ratio == (Fraction(3, 4) if angle == 90 else Fraction(4, 3))
    own = np.rot90(recipe.grey(0), angle // 90).astype(int)
    assert np.abs(luma_of(out)[0] - own).mean() < 8


TOP, BOTTOM, WHOLE = "tff", "bff", None


@pytest.mark.parametrize(
    ("orders", "pixel_format", "name"),
    [
        ([TOP] * 14, "yuv420p", "b.mkv"),
        ([BOTTOM] * 14, "gray", "b.mp4"),
        ([BOTTOM] * 4 + [WHOLE] * 3 + [BOTTOM, WHOLE] * 2, "yuv420p", "b.mov"),
        ([TOP] * 4 + [WHOLE] * 3 + [BOTTOM] * 3 + [WHOLE, BOTTOM, TOP, TOP], "gray", "b.mkv"),
    ],
    ids=["top", "bottom", "partly whole", "both"],
)
def test_each_frame_states_its_field_order(
    tmp_path: Path, colorizer: Colorizer, orders: list[str | None], pixel_format: str, name: str
) -> None:
    recipe = VideoRecipe(len(orders), codec="ffv1", pixel_format=pixel_format, field_orders=orders)
    path = make_video(tmp_path / "a.mkv", recipe)
    assert field_orders_of(path) == orders
    result = colorize_video(path, tmp_path / name, colorizer=colorizer, options=OFF)
    assert field_orders_of(tmp_path / name) == orders
    assert probe(tmp_path / name).field_order == orders[0]
    assert len(result.notes) == 0


def test_lossless_frames_state_their_field_order_too(tmp_path: Path, colorizer: Colorizer) -> None:
    orders = [TOP, WHOLE, BOTTOM, BOTTOM, TOP]
    path = make_video(tmp_path / "a.mkv", VideoRecipe(5, codec="ffv1", pixel_format="gray", field_orders=orders))
    colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=VideoOptions(temporal="off", codec="ffv1"))
    assert field_orders_of(tmp_path / "b.mkv") == orders


@pytest.mark.parametrize("orders", [[TOP] * 3, [WHOLE, TOP, TOP]])
def test_interlaced_frames_that_become_whole_are_named(
    tmp_path: Path, colorizer: Colorizer, orders: list[str | None]
) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(3, codec="ffv1", pixel_format="gray", field_orders=orders))
    result = colorize_video(path, tmp_path / "c.webm", colorizer=colorizer, options=OFF)
    assert field_orders_of(tmp_path / "c.webm") == [WHOLE] * 3
    assert [("interlaced" in note, "whole pictures" in note) for note in result.notes] == [(True, True)]


@pytest.mark.parametrize(("codec", "name"), [("h264", "b.mp4"), ("h264", "b.mov"), ("hevc", "b.mkv")])
def test_closed_captions_stay_with_their_frames(tmp_path: Path, colorizer: Colorizer, codec: str, name: str) -> None:
    path = make_video(tmp_path / "a.ts", VideoRecipe(35, time_base=Fraction(1, 90_000), captions=True))
    captions = [caption(index) for index in range(35)]
    assert captions_of(path) == captions
    options = VideoOptions(temporal="off", codec=codec)
    result = colorize_video(path, tmp_path / name, colorizer=colorizer, options=options)  # several segments
    assert captions_of(tmp_path / name) == captions
    assert result.notes == ()


@pytest.mark.parametrize("matrix", [3, 8, 14])  # reserved, YCgCo, ICtCp (H.273)
def test_captions_are_looked_for_whatever_matrix_the_frames_state(matrix: int) -> None:
    frame = av.VideoFrame(64, 48, "yuv420p")
    frame.colorspace = matrix
    assert not has_captions(frame)
    blank = blank_with_captions(frame, 48, 32, "yuv420p")
    assert (blank.width, blank.height, blank.format.name) == (48, 32, "yuv420p")


def test_closed_captions_that_no_stream_holds_are_named(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.ts", VideoRecipe(6, time_base=Fraction(1, 90_000), captions=True))
    options = VideoOptions(temporal="off", codec="ffv1")
    (note,) = colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=options).notes
    assert str(path) in note
    assert "6 frames" in note
    assert "captions" in note
    assert captions_of(tmp_path / "b.mkv") == [b""] * 6


def test_odd_sizes_get_an_edge_and_say_so(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=3, size=(47, 63), codec="ffv1"))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.notes == (f"{path}: 63 x 47 is odd; a row and a column, copied from the edge, made it 64 x 48",)
    assert probe(tmp_path / "b.mp4").size == (48, 64)
    options = VideoOptions(codec="vp9", temporal="off")
    result = colorize_video(path, tmp_path / "c.webm", colorizer=colorizer, options=options)
    assert result.notes == ()
    assert probe(tmp_path / "c.webm").size == (47, 63)


def test_one_frame_is_a_film(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=1))
    for mode in ("off", "fast", "best"):
        options = VideoOptions(temporal=mode, overwrite=True)
        assert colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=options).frames == 1
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 1


@pytest.mark.parametrize("name", ["a.mkv", "a.h264"])
def test_films_without_a_duration_are_sampled_too(tmp_path: Path, colorizer: Colorizer, name: str) -> None:
    recipe = VideoRecipe(frames=40, color=True, piped=True, options={"g": "10"})
    video = open_source(make_video(tmp_path / name, recipe))
    assert survey_colors(video).is_in_color
    assert contact_sheet(colorizer, video, 5).picture.shape[0] > 2 * 48
    path = make_video(tmp_path / f"grey-{name}", VideoRecipe(frames=40, piped=True, options={"g": "10"}))
    assert not survey_colors(open_source(path)).is_in_color
    seen: list[Progress] = []
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF, progress=seen.append)
    assert (result.frames, seen[0], result.notes) == (40, Progress(0, 40), ())
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 40


@pytest.mark.parametrize(("mode", "named"), [("L", False), ("LA", True), ("RGBA", True)])
def test_transparency_that_is_left_out_is_named(tmp_path: Path, colorizer: Colorizer, mode: str, named: bool) -> None:
    file = io.BytesIO()
    Image.new(mode, (64, 48), (90, 128) if mode == "LA" else (90, 90, 90, 128) if mode == "RGBA" else 90).save(
        file, "PNG"
    )
    path = join_pictures(tmp_path / "a.mov", [file.getvalue()] * 2)
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert any("transparency" in note for note in result.notes) == named


@pytest.mark.parametrize(
    ("name", "codec", "options"), [("a.nut", "ffv1", {}), ("a.drc", "vc2", {"b": "600000000", "strict": "-2"})]
)
def test_rarer_containers_keep_their_times(
    tmp_path: Path, colorizer: Colorizer, name: str, codec: str, options: dict[str, str]
) -> None:
    recipe = VideoRecipe(12, (96, 128), codec, rate=Fraction(24), time_base=Fraction(1, 24), options=options)
    path = make_video(tmp_path / name, recipe)
    (job,) = plan([tmp_path])
    assert isinstance(job, Job) and job.is_video
    for start, frames in ((0, 12), (0.25, 6)):
        out = tmp_path / f"{start}.mp4"
        result = colorize_video(path, out, colorizer=colorizer, options=VideoOptions(temporal="off", start=start))
        assert (result.frames, result.notes) == (frames, ())
        assert read_frames(out)[0] == [Fraction(index, 24) for index in range(frames)]
