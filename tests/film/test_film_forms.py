"""Films of every form: rotated, interlaced, of odd sizes, HDR, of one frame, without a duration."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.video_contents import luma_of, read_frames
from support.videos import VideoRecipe, make_video

from colorize.engine import Colorizer
from colorize.film import Progress, VideoOptions, colorize_video, contact_sheet, is_in_color, probe

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


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_films_stay_interlaced(tmp_path: Path, colorizer: Colorizer, order: str) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=8, field_order=order))
    colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=OFF)
    assert probe(tmp_path / "b.mkv").field_order == order
    result = colorize_video(path, tmp_path / "c.webm", colorizer=colorizer, options=VideoOptions(temporal="off"))
    assert any("is interlaced" in note for note in result.notes)


def test_odd_sizes_get_an_edge_and_say_so(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=3, size=(47, 63), codec="ffv1"))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.notes == (f"{path}: 63 x 47 is odd; a row and a column, copied from the edge, made it 64 x 48",)
    assert probe(tmp_path / "b.mp4").size == (48, 64)
    options = VideoOptions(codec="vp9", temporal="off")
    result = colorize_video(path, tmp_path / "c.webm", colorizer=colorizer, options=options)
    assert result.notes == ()
    assert probe(tmp_path / "c.webm").size == (47, 63)


@pytest.mark.parametrize(
    ("transfer", "curve", "white"), [(16, "PQ", "a middle grey"), (18, "HLG", "a light grey"), (1, None, "")]
)
def test_hdr_brightness_is_told(
    tmp_path: Path, colorizer: Colorizer, transfer: int, curve: str | None, white: str
) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=2, pixel_format="yuv420p10le", transfer=transfer))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert probe(path).hdr == curve
    lines = [note for note in result.notes if f"HDR ({curve}) brightness is read as if it were SDR" in note]
    assert len(lines) == len(result.notes) == (curve is not None)
    assert all(f"white becomes {white}; " in line for line in lines)
    assert probe(tmp_path / "b.mp4").hdr is None


def test_one_frame_is_a_film(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=1))
    for mode in ("off", "fast", "best"):
        options = VideoOptions(temporal=mode, overwrite=True)
        assert colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=options).frames == 1
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 1


@pytest.mark.parametrize("name", ["a.mkv", "a.h264"])
def test_films_without_a_duration_are_sampled_too(tmp_path: Path, colorizer: Colorizer, name: str) -> None:
    video = probe(make_video(tmp_path / name, VideoRecipe(frames=40, color=True, piped=True, options={"g": "10"})))
    assert is_in_color(video)
    assert contact_sheet(colorizer, video, 5).shape[0] > 2 * 48
    path = make_video(tmp_path / f"grey-{name}", VideoRecipe(frames=40, piped=True, options={"g": "10"}))
    assert not is_in_color(probe(path))
    seen: list[Progress] = []
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF, progress=seen.append)
    assert (result.frames, seen[0], result.notes) == (40, Progress(0, 40), ())
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 40
