"""Films in colour: the pictures, their times and their lightness."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from support.video_contents import luma_of, packets_of, read_frames
from support.videos import VideoRecipe, make_video, needs_rates

from colorize.base import CONTAINERS, Lookahead, SerialWorker, format_time, prefetch
from colorize.engine import Colorizer
from colorize.film import VideoOptions, VideoResult, colorize_video, contact_sheet, open_source, survey_colors
from colorize.film.division import frames_per_list, frames_per_segment
from colorize.film.notes import format_ranges
from colorize.film.video import Span
from colorize.network import Network

OFF = VideoOptions(temporal="off")


@pytest.mark.parametrize("mode", ["off", "fast", "best"])
def test_a_film_gets_colours_and_keeps_its_frames_times_and_lightness(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, mode: Any
) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=34, scene_cut=15))
    before = path.read_bytes()
    out = tmp_path / "b.mp4"
    result = colorize_video(path, out, colorizer=colorizer, options=VideoOptions(temporal=mode, crf=4))
    assert result == VideoResult(out, 34)
    assert path.read_bytes() == before
    times, frames = read_frames(out)
    assert times == [Fraction(index, 30) for index in range(34)]
    chroma = frames[:, 48:].astype(int) - 128
    assert np.abs(chroma).mean() > 2
    own = np.stack([VideoRecipe(frames=34, scene_cut=15).grey(index) for index in range(34)]).astype(int)
    assert np.abs(luma_of(out) - own).mean() < 8  # a colour's luma differs from its grey's
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4"]


def test_frames_are_those_of_single_calls(tmp_path: Path, colorizer: Colorizer, short_segments: None) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=13, codec="ffv1"))
    out = tmp_path / "b.mkv"
    colorize_video(path, out, colorizer=colorizer, options=VideoOptions(codec="ffv1", temporal="off"))
    _, frames = read_frames(out, format="rgb24")
    grey = ((VideoRecipe().grey(11).astype(float) - 16) * 255 / 219).round().clip(0, 255).astype(np.uint8)
    moved = np.abs(frames[11].astype(int) - colorizer(grey).astype(int))
    assert moved.mean() < 2.5  # 4:2:0 against 4:4:4


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        pytest.param(suffix, codec, marks={".m4v": pytest.mark.slow, ".mxf": needs_rates}.get(suffix, ()))
        for suffix, container in CONTAINERS.items()
        for codec in container.codecs
    ],
)
def test_every_codec_in_every_container_is_written_and_read(
    tmp_path: Path,
    colorizer: Colorizer,
    short_segments: None,
    capfd: pytest.CaptureFixture[str],
    codec: str,
    suffix: str,
) -> None:
    size = (128, 256) if codec == "dnxhr" else (64, 80)
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=24, size=size, aspect=Fraction(4, 3)))
    out = tmp_path / f"b{suffix}"
    options = VideoOptions(codec=codec, temporal="off")
    result = colorize_video(path, out, colorizer=colorizer, options=options)
    assert "[info]" not in capfd.readouterr().err  # encoders that talk
    times, frames = read_frames(out)
    np.testing.assert_allclose([float(time) for time in times], np.arange(24) / 30, atol=6e-4)
    assert frames.shape == (24, size[0] * 3 // 2, size[1])
    with av.open(str(out)) as video:
        pictures = video.streams.video[0]
        context = pictures.codec_context
        assert context.codec.canonical_name == {"dnxhr": "dnxhd"}.get(codec, codec)
        assert context.pix_fmt == ("yuv422p10le" if codec in ("dnxhr", "prores") else "yuv420p")  # as browsers play it
        first = next(video.decode(video=0))
        tags = {first.color_range, first.colorspace, first.color_primaries, first.color_trc}
        assert tags == {1}
        if pictures.sample_aspect_ratio == Fraction(4, 3):
            assert not result.notes
        else:
            assert suffix == ".mxf" and f"aspect 4/3 cannot be stated with {codec}" in result.notes[0]
        assert pictures.guessed_rate == 30
    if codec == "hevc" and suffix != ".mkv":
        assert b"hvc1" in out.read_bytes()


def test_segments_are_joined_so_that_every_place_can_be_reached(
    tmp_path: Path, colorizer: Colorizer, short_segments: None
) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=45, sounds=["eng"]))
    out = tmp_path / "b.mp4"
    colorize_video(path, out, colorizer=colorizer, options=OFF)
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays while it loads
    with av.open(str(out)) as video:
        packets = [packet for packet in video.demux(video=0) if packet.size]
        assert {index for index, packet in enumerate(packets) if packet.is_keyframe} >= {0, 10, 20, 30, 40}
        dts = [packet.dts for packet in packets]
        assert all(b > a for a, b in pairwise(dts))  # type: ignore[operator]
        assert all((packet.pts or 0) >= (packet.dts or 0) for packet in packets)
        assert any(packet.pts != packet.dts for packet in packets)  # frames that are stored in another order
        _, whole = read_frames(out)
        pictures = video.streams.video[0]
        video.seek(int(Fraction(32, 30) / (pictures.time_base or 1)), stream=pictures)
        frame = next(video.decode(pictures))
        assert frame.pts * frame.time_base == 1
        np.testing.assert_array_equal(frame.to_ndarray(), whole[30])


def test_odd_rates_gaps_and_a_late_start_survive(tmp_path: Path, colorizer: Colorizer, short_segments: None) -> None:
    pts = [45_000 + 2998 * index + (7 * index * index % 900) for index in range(30)]
    path = make_video(tmp_path / "a.mp4", VideoRecipe(pts=pts, rate=Fraction(45000, 1499), sounds=["eng"]))
    out = tmp_path / "b.mp4"
    colorize_video(path, out, colorizer=colorizer, options=OFF)
    times, _ = read_frames(out)
    assert times == [Fraction(stamp, 90_000) for stamp in pts]
    assert packets_of(out, 1) == packets_of(path, 1)


@pytest.mark.parametrize("name", ["12:30.mp4", "http:a.mp4", "concat:a|b.mp4"])
def test_a_name_with_a_colon_is_no_address(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(Path("a.mp4"), VideoRecipe(frames=3)).rename(name)
    assert colorize_video(Path(name), Path(f"of {name}"), colorizer=colorizer, options=OFF).frames == 3
    assert sorted(os.listdir()) == sorted([name, f"of {name}"])


def test_strength_zero_is_the_film_itself(tmp_path: Path, small_network: Network) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=3, codec="ffv1"))
    colorizer = Colorizer(small_network, render_size=32, strength=0)
    out = tmp_path / "b.mkv"
    colorize_video(path, out, colorizer=colorizer, options=VideoOptions(codec="ffv1", temporal="off"))
    np.testing.assert_array_equal(read_frames(out)[1], read_frames(path)[1])


def test_a_film_in_colour_is_told_from_a_grey_one(tmp_path: Path) -> None:
    assert not survey_colors(open_source(make_video(tmp_path / "grey.mp4", VideoRecipe(frames=20)))).is_in_color
    colored = make_video(tmp_path / "colour.mp4", VideoRecipe(frames=20, color=True))
    assert survey_colors(open_source(colored)).is_in_color
    mixed = make_video(tmp_path / "mixed.mp4", VideoRecipe(frames=40, color=True, color_until=10))
    assert not survey_colors(open_source(mixed)).is_in_color
    assert survey_colors(open_source(mixed), Span(Fraction(0), Fraction(1, 4))).is_in_color


def test_the_contact_sheet_shows_frames_in_colour(tmp_path: Path, colorizer: Colorizer) -> None:
    source = open_source(make_video(tmp_path / "a.mp4", VideoRecipe(frames=40)))
    sheet = contact_sheet(colorizer, source, 5).picture
    assert sheet.dtype == np.uint8
    assert sheet.shape[0] > 2 * 48
    assert np.abs(sheet[..., 0].astype(int) - sheet[..., 2]).mean() > 3


def test_numbers_and_times_read_well() -> None:
    assert format_ranges([3, 4, 5, 9]) == "3-5, 9"
    assert format_ranges([7]) == "7"
    assert format_ranges(list(range(0, 40, 2))).endswith("14, ...")
    assert format_time(3725.04) == "1:02:05.0"
    assert format_time(59.97) == "0:01:00.0"


def test_items_are_seen_before_they_are_taken() -> None:
    ahead = Lookahead(iter(range(5)))
    assert (ahead.peek(2), next(ahead), ahead.peek(0), ahead.peek(3)) == ([0, 1], 0, [], [1, 2, 3])
    assert (ahead.peek(1), next(ahead), ahead.peek(9)) == ([1], 1, [2, 3, 4])
    assert (list(ahead), ahead.peek(1)) == ([2, 3, 4], [])


def test_background_work_is_bounded_and_passes_errors_on() -> None:
    made: list[int] = []

    def numbers() -> Any:
        for number in range(100):
            made.append(number)
            yield number
        raise RuntimeError("the end")

    read = numbers()
    items = prefetch(read, 4)
    assert next(items) == 0
    items.close()
    assert len(made) <= 6
    assert read.gi_frame is None  # it is closed too, whoever may still hold it
    with pytest.raises(RuntimeError, match="the end"):
        list(prefetch(numbers(), 4))
    done: list[int] = []
    worker = SerialWorker(3, "test")
    for number in range(20):
        worker.add(done.append, number)
    worker.finish()
    assert done == list(range(20))
    worker.add(int, "x")
    worker.add(done.append, 20)  # not after a failure
    with pytest.raises(ValueError, match="invalid literal"):
        worker.finish()
    worker.close()
    assert done == list(range(20))


@pytest.mark.parametrize(
    ("rate", "seconds", "frames"), [(25, 5, 32), (24, 120, 48), (25, 7200, 256), (30, 7200, 304), (8, 5, 8), (1, 60, 1)]
)
def test_a_segment_is_a_multiple_of_the_frames_between_anchors(rate: int, seconds: float, frames: int) -> None:
    video: Any = SimpleNamespace(rate=Fraction(rate), duration=seconds)
    assert frames_per_segment(video) == frames


@pytest.mark.parametrize(("rate", "frames"), [(24, 32), (25, 32), (30, 32), (18, 16), (50, 48), (8, 8), (1, 1)])
def test_numbered_frames_are_finished_together_by_about_a_second(rate: int, frames: int) -> None:
    video: Any = SimpleNamespace(rate=Fraction(rate), duration=7200)
    assert frames_per_list(video) == frames
