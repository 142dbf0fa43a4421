"""Rates and timecodes of finished films: steady films stay steady, excerpts are counted on, reels keep their names."""

from __future__ import annotations

import os
import threading
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path

import av
import pytest
from av.container import InputContainer, OutputContainer
from support.quick import only_quick
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video, needs_rates

from colorize.base import VideoError
from colorize.engine import Colorizer
from colorize.film import Progress, VideoOptions, VideoStopped, colorize_video, probe, remux
from colorize.film.streams import RemuxPlan, RemuxReport

FILM, NTSC = Fraction(24000, 1001), Fraction(30000, 1001)
OFF = VideoOptions(temporal="off")


def rates_of(path: Path) -> set[Fraction]:
    """Return the rates of a film as FFmpeg's ``avg_frame_rate`` and ``r_frame_rate``: one if it is constant."""
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        return {stream.average_rate or Fraction(0), stream.base_rate or Fraction(0)}


def tags_of(path: Path, name: str) -> set[str]:
    """Return the values that a film and its streams give a tag."""
    with av.open(str(path)) as video:
        tags = [video.metadata, *(stream.metadata for stream in video.streams)]
        return {value for each in tags for key, value in each.items() if key.lower() == name}


@pytest.mark.parametrize("target", [".mp4", ".mov", pytest.param(".mkv", marks=needs_rates), ".webm"])
@pytest.mark.parametrize(("source", "rate"), only_quick([(".mkv", FILM)], [(".mkv", NTSC), (".ts", FILM)], spread=True))
def test_a_steady_film_stays_steady(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, source: str, rate: Fraction, target: str
) -> None:
    path = make_video(tmp_path / f"a{source}", VideoRecipe(frames=33, rate=rate, options={"bf": "2"}))
    out = tmp_path / f"b{target}"
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).frames == 33
    assert rates_of(out) == {rate}
    times, _ = read_frames(out)
    if target in (".mp4", ".mov"):
        assert [time - times[0] for time in times] == [index / rate for index in range(33)]


def test_pulldown_becomes_a_steady_film(tmp_path: Path, colorizer: Colorizer, short_segments: None) -> None:
    fields = list(accumulate(islice(cycle((3, 2)), 39), initial=0))
    pts = [round(each * 1001 / 60) for each in fields]
    recipe = VideoRecipe(pts=pts, time_base=Fraction(1, 1000), rate=NTSC, sounds=["eng"])
    path = make_video(tmp_path / "a.mkv", recipe)
    assert (probe(path).rate, probe(path).is_cfr) == (FILM, True)
    out = tmp_path / "b.mp4"
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).frames == 40
    assert rates_of(out) == {FILM}
    times, _ = read_frames(out)
    assert max(abs(time - Fraction(stamp, 1000)) for time, stamp in zip(times, pts, strict=True)) < Fraction(1, 59)


@needs_rates
def test_matroska_is_told_a_constant_rate_only(tmp_path: Path, colorizer: Colorizer) -> None:
    default_duration = bytes.fromhex("23e383")  # the element's number
    steady = [3000 * index for index in range(30)]
    uneven = [45_000 + 2998 * index + (7 * index * index % 900) for index in range(30)]
    for name, pts in (("steady", steady), ("uneven", uneven)):
        path = make_video(tmp_path / f"{name}.mp4", VideoRecipe(pts=pts))
        out = colorize_video(path, tmp_path / f"{name}.mkv", colorizer=colorizer, options=OFF).path
        assert (default_duration in out.read_bytes()[:2000]) == (name == "steady")


UNEVEN = tuple(25 * index + (index % 7 == 3) for index in range(30))  # 600ths of a second


@needs_rates
@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    ("recipe", "start", "timecode"),
    [
        (VideoRecipe(rate=Fraction(24), time_base=Fraction(1, 24)), 0.5, "10:00:00:12"),
        (VideoRecipe(rate=NTSC, time_base=Fraction(1, 30000)), 0.6, "10:00:00:18"),
        (VideoRecipe(rate=FILM, time_base=Fraction(1, 600)), 0, "10:00:00:00"),
        (VideoRecipe(pts=UNEVEN, rate=Fraction(24), time_base=Fraction(1, 600)), 0, "10:00:00:00"),
        (VideoRecipe(pts=UNEVEN, rate=Fraction(24), time_base=Fraction(1, 600)), 1, "10:00:01:00"),
    ],
)
def test_the_timecode_is_that_of_the_first_frame(
    tmp_path: Path, colorizer: Colorizer, recipe: VideoRecipe, start: float, timecode: str, target: str
) -> None:
    recipe.metadata = {"timecode": "10:00:00:00"}
    options = {"video_track_timescale": str(recipe.time_base.denominator)}
    path = make_video(tmp_path / "a.mov", recipe, options)
    assert "10:00:00:00" in tags_of(path, "timecode")
    out = tmp_path / f"b{target}"
    result = colorize_video(path, out, colorizer=colorizer, options=VideoOptions(temporal="off", start=start))
    assert result.notes == ()
    assert tags_of(out, "timecode") == {timecode}


@needs_rates
@pytest.mark.parametrize(("first", "later"), [("00:00:59;20", "00:01:00;08"), ("23:59:59;20", "00:00:00;06")])
def test_dropped_numbers_and_midnight_are_passed(tmp_path: Path, colorizer: Colorizer, first: str, later: str) -> None:
    recipe = VideoRecipe(rate=NTSC, time_base=Fraction(1, 30000), metadata={"timecode": first})
    path = make_video(tmp_path / "a.mov", recipe)
    out = tmp_path / "b.mov"
    colorize_video(path, out, colorizer=colorizer, options=VideoOptions(temporal="off", start=0.53))
    assert tags_of(out, "timecode") == {later}


def test_a_timecode_that_is_none_is_left_out_of_quicktime(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=4, rate=Fraction(25), metadata={"timecode": "1:2:3;4"}))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    (note,) = result.notes
    assert "timecode 1:2:3;4 was left out" in note
    colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=OFF)
    assert tags_of(tmp_path / "b.mkv", "timecode") == {"1:2:3;4"}


@needs_rates
def test_the_reel_keeps_its_name(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(frames=4, metadata={"timecode": "10:00:00:00", "reel_name": "A001C003"})
    path = make_video(tmp_path / "a.mkv", recipe)
    colorize_video(path, tmp_path / "b.mov", colorizer=colorizer, options=OFF)
    assert tags_of(tmp_path / "b.mov", "reel_name") == {"A001C003"}
    for target in (".mov", ".mkv"):
        colorize_video(tmp_path / "b.mov", tmp_path / f"c{target}", colorizer=colorizer, options=OFF, force=True)
        assert tags_of(tmp_path / f"c{target}", "reel_name") == {"A001C003"}
    result = colorize_video(tmp_path / "b.mov", tmp_path / "c.mp4", colorizer=colorizer, options=OFF, force=True)
    assert any("A001C003" in note for note in result.notes)


@needs_rates
def test_a_raw_ntsc_tape_has_its_rate(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(3, (480, 720), "dvvideo", "yuv411p", NTSC, 1 / NTSC)
    path = make_video(tmp_path / "a.dv", recipe)
    assert probe(path).rate == NTSC
    colorize_video(path, tmp_path / "b.mov", colorizer=colorizer, options=OFF)
    assert rates_of(tmp_path / "b.mov") == {NTSC}
    assert tags_of(tmp_path / "b.mov", "timecode") == {"00:00:00:00"}


@needs_rates
def test_what_cannot_be_joined_is_found_before_it_is_coloured(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(plan: RemuxPlan, source: InputContainer, target: OutputContainer, report: RemuxReport) -> None:
        target.metadata["timecode"] = "10:00:00:00"
        target.streams.video[0].codec_context.framerate = Fraction(600)  # a timecode's frames are no more than 255

    path, out = make_video(tmp_path / "a.mp4", VideoRecipe(frames=24)), tmp_path / "b.mov"
    seen: list[Progress] = []
    with monkeypatch.context() as patched:
        patched.setattr(remux, "copy_tags_and_chapters", spoil)
        with pytest.raises(VideoError, match=r"a\.mp4.*choose another container"):
            colorize_video(path, out, colorizer=colorizer, options=OFF, progress=seen.append)
    assert not seen
    assert os.listdir(tmp_path) == ["a.mp4"]

    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        if progress.done:
            cancel.set()

    with pytest.raises(VideoStopped):
        colorize_video(path, out, colorizer=colorizer, options=OFF, cancel=cancel, progress=stop)
    with monkeypatch.context() as patched:
        patched.setattr(remux, "copy_tags_and_chapters", spoil)
        with pytest.raises(VideoError, match="choose another container"):
            colorize_video(path, out, colorizer=colorizer, options=OFF)
    result = colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert (result.frames, result.resumed > 0) == (24, True)
