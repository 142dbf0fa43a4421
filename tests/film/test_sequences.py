"""Numbered frames in and out: their values, their numbers, what they say, and stops."""

from __future__ import annotations

import errno
import os
import re
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from support.command import ROOT, run
from support.frames import LOG, VIDEO, deep, dpx_bytes, ramp, read_dpx, read_frame, write_frame, write_frames
from support.profiles import grey_profile, rgb_profile
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.base import VideoError, states_rate_of_copies
from colorize.batch import numbered_frames
from colorize.color import LINEAR
from colorize.engine import Colorizer
from colorize.film import (
    SEQUENCE_SUFFIXES,
    Progress,
    VideoOptions,
    VideoStopped,
    colorize_video,
    decode_frames,
    frame_numbers,
    open_source,
    probe,
)
from colorize.film.keyframes import FrameClock
from colorize.film.stills import write_still

OFF = VideoOptions(temporal="off")
WITH_RATE = VideoOptions(temporal="off", fps=18)


@pytest.fixture
def neutral(colorizer: Colorizer) -> Colorizer:
    """A Colorizer whose colours are all grey, so that every value is to come back."""
    return colorizer.adjusted(saturation=0)


def written(pattern: Path) -> list[Path]:
    return [Path(str(pattern) % number) for number in frame_numbers(pattern)]


@pytest.mark.parametrize("transfer", [LOG, VIDEO])
@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("kind", "bits", "packing", "first_is_lowest"),
    [
        ("grey", 10, 1, False),
        ("grey", 10, 1, True),
        ("grey", 10, 2, True),
        ("grey", 10, 0, False),
        ("grey", 8, 0, False),
        ("grey", 16, 0, False),
        ("rgb", 10, 1, False),
        ("rgb", 10, 2, False),
        ("rgb", 10, 0, False),
        ("rgb", 12, 1, False),
        ("rgb", 16, 0, False),
    ],
)
def test_neutral_code_values_of_every_kind_of_dpx_come_back(
    tmp_path: Path,
    neutral: Colorizer,
    transfer: int,
    order: str,
    kind: str,
    bits: int,
    packing: int,
    first_is_lowest: bool,
) -> None:
    codes = ramp(1)
    codes = codes >> 2 if bits == 8 else codes.astype(np.uint32) * ((1 << bits) - 1) // 1023
    stored = codes if kind == "grey" else np.repeat(codes[..., None], 3, axis=-1)
    data = dpx_bytes(stored, bits, order=order, packing=packing, transfer=transfer, first_is_lowest=first_is_lowest)
    (tmp_path / "a_01.dpx").write_bytes(data)
    colorize_video(tmp_path / "a_%02d.dpx", tmp_path / "out/a_%02d.dpx", colorizer=neutral, options=OFF)
    result, said = read_dpx(tmp_path / "out/a_01.dpx")
    assert (said["bits"], said["transfer"]) == (bits, transfer)
    assert np.abs(result - codes[..., None].astype(np.int64)).max() <= (1 << bits) // 1024


@pytest.mark.parametrize("transfer", [LOG, VIDEO])
def test_colours_are_added_and_lightness_stays(tmp_path: Path, colorizer: Colorizer, transfer: int) -> None:
    write_frames(tmp_path / "a_%02d.dpx", 1, transfer=transfer)
    colorize_video(tmp_path / "a_%02d.dpx", tmp_path / "out/a_%02d.dpx", colorizer=colorizer, options=OFF)
    result, _ = read_dpx(tmp_path / "out/a_01.dpx")
    codes = ramp(1)
    inside = (codes > 250) & (codes < 600)
    assert np.ptp(result, axis=-1)[inside].mean() > 10
    assert np.abs(result.mean(axis=-1) - codes)[inside].mean() < 25
    if transfer == LOG:
        beyond = (codes < 90) | (codes > 690)
        assert np.abs(result[beyond] - codes[beyond][:, None].astype(int)).max() <= 1


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("source", [".dpx", ".tif", ".png"])
def test_neutral_values_come_back_in_sixteen_bits(tmp_path: Path, neutral: Colorizer, source: str, suffix: str) -> None:
    write_frames(tmp_path / f"a_%02d{source}", 2)
    result = colorize_video(
        tmp_path / f"a_%02d{source}", tmp_path / f"out/b_%03d{suffix}", colorizer=neutral, options=OFF
    )
    assert result.frames == 2
    for number in (1, 2):
        picture = read_frame(tmp_path / f"out/b_{number:03d}{suffix}")
        assert picture.dtype == np.uint16
        assert np.abs(picture.astype(int) - deep(ramp(number))[..., None]).max() <= 32


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("names", [("Y",), ("R", "G", "B")])
def test_exr_keeps_its_light_its_precision_and_its_attributes(
    tmp_path: Path, neutral: Colorizer, dtype: str, names: tuple[str, ...]
) -> None:
    library = pytest.importorskip("OpenEXR")
    values = (ramp(1) / 256 - 0.1).astype(dtype)  # from below 0 to far over white
    header = {"type": library.scanlineimage, "owner": "archive", "framesPerSecond": Fraction(18)}
    library.File(header, {name: values for name in names}).write(str(tmp_path / "a_1.exr"))
    out = tmp_path / "out/a_%d.exr"
    colorize_video(tmp_path / "a_%d.exr", out, colorizer=neutral, options=OFF)
    with library.File(str(tmp_path / "out/a_1.exr"), separate_channels=True) as file:
        channels = {name: channel.pixels for name, channel in file.channels().items()}
        said = dict(file.header())  # it is emptied when the file is closed
    assert {name: str(channel.dtype) for name, channel in channels.items()} == dict.fromkeys("RGB", dtype)
    for channel in channels.values():
        np.testing.assert_allclose(channel.astype(float), values.astype(float), atol=1 / 1023)
    assert (said["owner"], said["framesPerSecond"]) == ("archive", 18)
    assert "AI-colorized" in said["comments"]


def test_channels_that_are_left_out_are_named(tmp_path: Path, neutral: Colorizer) -> None:
    library = pytest.importorskip("OpenEXR")
    values = np.zeros((48, 64), np.float16)
    library.File({"type": library.scanlineimage}, dict.fromkeys("YAZ", values)).write(str(tmp_path / "a_1.exr"))
    result = colorize_video(tmp_path / "a_%d.exr", tmp_path / "out/a_%d.exr", colorizer=neutral, options=OFF)
    assert any("A, Z left out" in note for note in result.notes)


def test_light_is_shown_in_other_formats(tmp_path: Path, neutral: Colorizer) -> None:
    library = pytest.importorskip("OpenEXR")
    values = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)
    library.File({"type": library.scanlineimage}, {"Y": values}).write(str(tmp_path / "a_1.exr"))
    result = colorize_video(tmp_path / "a_%d.exr", tmp_path / "out/a_%d.tif", colorizer=neutral, options=OFF)
    light = LINEAR.from_screen(read_frame(tmp_path / "out/a_1.tif"))
    np.testing.assert_allclose(light[..., 1], values, atol=0.001)
    assert any(".exr" in note for note in result.notes)


@pytest.mark.parametrize("suffix", [".dpx", ".tif", ".png"])
def test_numbered_frames_become_a_film(tmp_path: Path, neutral: Colorizer, suffix: str) -> None:
    write_frames(tmp_path / f"a_%04d{suffix}", 5, size=(48, 64), first=98)
    result = colorize_video(tmp_path / f"a_%04d{suffix}", tmp_path / "a.mkv", colorizer=neutral, options=WITH_RATE)
    video = probe(result.path)
    assert (video.rate, video.size, result.frames) == (18, (48, 64), 5)
    luma = [np.asarray(frame.image.to_ndarray(format="gray"))[:48, :64] for frame in decode_frames(video)]
    for number, plane in zip(range(98, 103), luma, strict=True):
        assert np.abs(plane.astype(int) - ramp(number, (48, 64)) / 4).mean() < 6


def test_the_first_frame_states_rate_and_timecode(tmp_path: Path, colorizer: Colorizer) -> None:
    write_frames(tmp_path / "a_%d.dpx", 8, size=(48, 64), rate=23.976, timecode=0x01020304)
    options = VideoOptions(temporal="off", start=2 / 23.976)
    result = colorize_video(tmp_path / "a_%d.dpx", tmp_path / "a.mov", colorizer=colorizer, options=options)
    assert probe(result.path).rate == Fraction(24000, 1001)
    assert result.frames == 6
    assert any("23.976" in note for note in result.notes)
    if states_rate_of_copies():  # else PyAV writes no timecode
        with av.open(str(result.path)) as film:
            assert film.streams.video[0].metadata["timecode"] == "01:02:03:06"


def test_a_film_without_a_rate_asks_for_it(tmp_path: Path, colorizer: Colorizer) -> None:
    write_frames(tmp_path / "a_%d.tif", 2)
    with pytest.raises(VideoError, match="--fps"):
        colorize_video(tmp_path / "a_%d.tif", tmp_path / "a.mp4", colorizer=colorizer, options=OFF)


def test_missing_numbers_are_named(tmp_path: Path, neutral: Colorizer) -> None:
    pattern, out = tmp_path / "a_%02d.dpx", tmp_path / "out/a_%02d.dpx"
    write_frames(pattern, 9)
    for number in (3, 5, 6):
        os.unlink(str(pattern) % number)
    with pytest.raises(VideoError, match=r"frames 3, 5-6 are missing.*--hold-missing"):
        colorize_video(pattern, out, colorizer=neutral, options=OFF)
    assert not out.parent.exists()
    options = VideoOptions(temporal="off", hold_missing=True)
    result = colorize_video(pattern, out, colorizer=neutral, options=options)
    assert any("3, 5-6" in note for note in result.notes)
    shown = [read_dpx(path)[0] for path in written(out)]
    for place, number in enumerate((1, 2, 2, 4, 4, 4, 7, 8, 9)):
        assert np.abs(shown[place] - ramp(number)[..., None].astype(int)).max() <= 1


def test_a_damaged_frame_for_which_another_stands_in_is_named_by_its_number(
    tmp_path: Path, colorizer: Colorizer
) -> None:
    pattern = tmp_path / "a_%05d.tif"
    write_frames(pattern, 24, first=86400)
    damaged = tmp_path / "a_86405.tif"  # one of those by which the film is judged
    damaged.write_bytes(damaged.read_bytes()[:200])
    options = VideoOptions(temporal="off", fps=25, hold_missing=True)
    for out in ("out/a_%05d.tif", "a.mkv"):
        result = colorize_video(pattern, tmp_path / out, colorizer=colorizer, options=options)
        assert result.frames == 24
        assert any("frame 86405 (at" in note for note in result.notes)


def test_frames_of_a_run_that_failed_in_its_first_second_are_in_nobodys_way(
    tmp_path: Path, colorizer: Colorizer
) -> None:
    pattern, out = tmp_path / "a_%02d.tif", tmp_path / "out/a_%02d.tif"
    write_frames(pattern, 20)
    damaged = tmp_path / "a_18.tif"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:200])
    options = VideoOptions(temporal="off", fps=25)
    with pytest.raises(VideoError, match="a_18"):
        colorize_video(pattern, out, colorizer=colorizer, options=options, force=True)
    assert list(out.parent.iterdir()) == []
    damaged.write_bytes(whole)
    assert colorize_video(pattern, out, colorizer=colorizer, options=options, force=True).frames == 20


@pytest.mark.parametrize("out", ["b/%d.png", "b/%d.tif", "b/%d.dpx", "b.mkv", "b.mov", "b.mp4"])
def test_the_alpha_of_frames_is_kept_or_named(tmp_path: Path, neutral: Colorizer, out: str) -> None:
    for number in (1, 2):
        opaque = np.full((48, 64), 40000, np.uint16)
        opaque[:, :32] = 0
        picture = np.dstack([*[deep(ramp(number, (48, 64)))] * 3, opaque])
        assert cv2.imwrite(str(tmp_path / f"a_{number}.png"), picture)
    codec = {"b.mkv": "ffv1", "b.mov": "prores"}.get(out)
    options = VideoOptions(temporal="off", fps=25, codec=codec)
    result = colorize_video(tmp_path / "a_%d.png", tmp_path / out, colorizer=neutral, options=options)
    assert any("(alpha channel)" in note for note in result.notes) == (out in ("b/%d.dpx", "b.mp4"))
    if codec is not None:
        alpha = next(decode_frames(probe(result.path))).image.reformat(format="rgba64le").to_ndarray()[..., 3]
        assert np.abs(alpha[:, 34:].astype(int) - 40000).max() < 70
        assert alpha[:, :30].max() < 70


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("out", ["b.mkv", "b/%d.dpx"])
def test_frames_with_a_profile_are_what_it_says(tmp_path: Path, neutral: Colorizer, out: str, channels: int) -> None:
    levels = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    profile = grey_profile(1.0) if channels == 1 else rgb_profile(1.0)  # the levels are light itself
    picture = levels if channels == 1 else np.dstack([levels] * 3)
    for number in (1, 2):
        Image.fromarray(picture).save(tmp_path / f"a_{number}.png", icc_profile=profile)
    options = VideoOptions(temporal="off", fps=25, codec="ffv1" if out == "b.mkv" else None)
    result = colorize_video(tmp_path / "a_%d.png", tmp_path / out, colorizer=neutral, options=options)
    light = levels / 255
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 65535
    if out == "b.mkv":
        shown = next(decode_frames(probe(result.path))).image.to_ndarray(format="gray").astype(int) * 257
    else:
        shown = read_dpx(tmp_path / "b/1.dpx")[0][..., 1]
    assert np.abs(shown - expected).max() < 400


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1)])
@pytest.mark.parametrize("out", ["b_%d.png", "b_%d.dpx", "-"])
def test_frames_of_single_pixels_need_no_codec(
    tmp_path: Path,
    neutral: Colorizer,
    capfdbinary: pytest.CaptureFixture[bytes],
    out: str,
    size: tuple[int, int],
) -> None:
    write_frames(tmp_path / "a_%d.png", 2, size=size)
    options = VideoOptions(temporal="off", fps=25)
    target = out if out == "-" else tmp_path / out
    assert colorize_video(tmp_path / "a_%d.png", target, colorizer=neutral, options=options).frames == 2
    if out == "-":
        assert f"W{size[1]} H{size[0]} ".encode() in capfdbinary.readouterr().out
    elif out == "b_%d.png":
        picture = read_frame(tmp_path / "b_2.png")[..., 1].astype(int)
        assert np.abs(picture - deep(ramp(2, size))).max() <= 32


def test_the_alpha_of_a_film_is_named(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(frames=2, codec="ffv1", pixel_format="yuva420p")
    path = make_video(tmp_path / "a.mkv", recipe)
    result = colorize_video(path, tmp_path / "a_%d.png", colorizer=colorizer, options=OFF)
    assert any("(alpha channel)" in note for note in result.notes)


def test_the_windows_of_exr_are_kept(tmp_path: Path, neutral: Colorizer) -> None:
    library = pytest.importorskip("OpenEXR")
    values = (ramp(1) / 1024).astype(np.float16)
    height, width = values.shape
    corners = [np.array(each, np.int32) for each in ((8, 4), (7 + width, 3 + height), (0, 0), (79, 59))]
    header = {"type": library.scanlineimage, "dataWindow": tuple(corners[:2]), "displayWindow": tuple(corners[2:])}
    library.File(header, {"Y": values}).write(str(tmp_path / "a_1.exr"))
    colorize_video(tmp_path / "a_%d.exr", tmp_path / "out/a_%d.exr", colorizer=neutral, options=OFF)
    with library.File(str(tmp_path / "out/a_1.exr"), separate_channels=True) as file:
        said = dict(file.header())
    np.testing.assert_array_equal([*said["dataWindow"], *said["displayWindow"]], corners)


@pytest.mark.parametrize("fault", ["size", "depth", "cut", "foreign"])
def test_a_frame_unlike_the_first_is_named(tmp_path: Path, colorizer: Colorizer, fault: str) -> None:
    pattern = tmp_path / "a_%02d.dpx"
    write_frames(pattern, 3)
    path = tmp_path / "a_02.dpx"
    if fault == "size":
        write_frame(path, ramp(2, (40, 60)))
    elif fault == "depth":
        path.write_bytes(dpx_bytes(ramp(2), 16))
    else:
        path.write_bytes(path.read_bytes()[:3000] if fault == "cut" else b"Dear aunt," * 500)
    with pytest.raises(VideoError, match=r"a_02\.dpx"):
        colorize_video(pattern, tmp_path / "out/a_%02d.dpx", colorizer=colorizer, options=OFF)


def test_numbers_header_and_timecode_follow_the_source(tmp_path: Path, neutral: Colorizer) -> None:
    pattern = tmp_path / "a_%07d.dpx"
    write_frames(pattern, 4, first=86400, order="<", rate=16, timecode=0x10203005, number=77)
    options = VideoOptions(temporal="off", start=1 / 16, ai_label=False)
    colorize_video(pattern, tmp_path / "out/b_%07d.dpx", colorizer=neutral, options=options)
    assert frame_numbers(tmp_path / "out/b_%07d.dpx") == [86401, 86402, 86403]
    _, said = read_dpx(tmp_path / "out/b_0086402.dpx")
    assert (said["rate"], said["number"], said["creator"]) == (16, 77, "scanner")
    assert said["timecode"] == 0x10203007


def test_a_film_becomes_numbered_frames(tmp_path: Path, neutral: Colorizer) -> None:
    recipe = VideoRecipe(
        frames=10, codec="ffv1", rate=Fraction(25), sounds=["eng"], metadata={"timecode": "01:00:00:00"}
    )
    path = make_video(tmp_path / "a.mkv", recipe)
    options = VideoOptions(temporal="off", start=0.2)
    result = colorize_video(path, tmp_path / "f/a_%03d.dpx", colorizer=neutral, options=options)
    assert frame_numbers(tmp_path / "f/a_%03d.dpx") == [6, 7, 8, 9, 10]
    codes, said = read_dpx(tmp_path / "f/a_007.dpx")
    expected = (recipe.grey(6).astype(float) - 16) / 219 * 65535
    assert np.abs(codes - expected[..., None]).max() <= 64
    assert (said["bits"], said["rate"], said["number"], said["timecode"]) == (16, 25, 7, 0x01000006)
    assert "AI-colorized" in str(said["creator"])
    assert any("sound" in note for note in result.notes)


@pytest.mark.parametrize(("start", "first"), [(0.05, 2), (0.08, 2), (0.15, 4), (0.16, 4)])
def test_numbers_and_timecodes_are_those_of_the_frames_from_any_time_on(
    tmp_path: Path, neutral: Colorizer, start: float, first: int
) -> None:
    film = make_video(
        tmp_path / "a.mkv",
        VideoRecipe(frames=10, codec="ffv1", rate=Fraction(25), metadata={"timecode": "01:00:00:00"}),
    )
    write_frames(tmp_path / "a_%03d.dpx", 10, size=(48, 64), rate=25, timecode=0x01000000)
    options = VideoOptions(temporal="off", start=start)
    for source, out in ((film, "f/%03d.dpx"), (tmp_path / "a_%03d.dpx", "s/%03d.dpx")):
        colorize_video(source, tmp_path / out, colorizer=neutral, options=options)
        numbers = frame_numbers(tmp_path / out)
        assert numbers == list(range(first + 1, 11))
        assert read_dpx(Path(str(tmp_path / out) % numbers[0]))[1]["timecode"] == 0x01000000 + first
    result = colorize_video(tmp_path / "a_%03d.dpx", tmp_path / "b.mkv", colorizer=neutral, options=options)
    with av.open(str(result.path)) as video:
        assert video.streams.video[0].metadata["TIMECODE"] == f"01:00:00:{first:02}"
    assert FrameClock(open_source(tmp_path / "a_%03d.dpx")).first_number(options.span) == first


@pytest.mark.parametrize(
    ("suffix", "rate", "is_stated"),
    [(".dpx", 25, True), (".exr", 25, True), (".tif", 25, False), (".dpx", 50, False), (".exr", 50, False)],
)
def test_the_timecode_of_a_film_is_stated_or_named(
    tmp_path: Path, neutral: Colorizer, suffix: str, rate: int, is_stated: bool
) -> None:
    recipe = VideoRecipe(frames=2, rate=Fraction(rate), metadata={"timecode": "01:00:00:20"})
    path = make_video(tmp_path / "a.mkv", recipe)
    if suffix == ".exr":
        library = pytest.importorskip("OpenEXR")
    result = colorize_video(path, tmp_path / f"a_%d{suffix}", colorizer=neutral, options=OFF)
    assert any("timecode" in note for note in result.notes) != is_stated
    if suffix == ".dpx":
        assert read_dpx(tmp_path / "a_2.dpx")[1]["timecode"] == (0x01000021 if is_stated else 0xFFFFFFFF)
    elif suffix == ".exr":
        with library.File(str(tmp_path / "a_2.exr"), separate_channels=True) as file:
            code = file.header().get("timeCode")
            said = None if code is None else (code.hours, code.minutes, code.seconds, code.frame)
        assert said == ((1, 0, 0, 21) if is_stated else None)


@pytest.mark.parametrize("curve", ["log", "linear"])
def test_a_curve_that_a_kind_of_frames_does_not_keep_is_named(tmp_path: Path, neutral: Colorizer, curve: str) -> None:
    write_frames(tmp_path / "a_%d.dpx", 1)
    options = VideoOptions(temporal="off", curve=curve)
    result = colorize_video(tmp_path / "a_%d.dpx", tmp_path / "b_%d.dpx", colorizer=neutral, options=options)
    assert any("what a screen shows" in note for note in result.notes) == (curve == "linear")


def test_numbered_frames_cost_no_more_pictures_than_a_film(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = [0]

    def counted(self: Colorizer, inputs: Any) -> Any:
        counts[-1] += len(inputs)
        return encode(self, inputs)

    encode = Colorizer.encode
    monkeypatch.setattr(Colorizer, "encode", counted)
    recipe = VideoRecipe(size=(96, 128))
    for number in range(66):
        assert cv2.imwrite(str(tmp_path / f"a_{number:02}.png"), recipe.grey(number))
    for out in ("b_%02d.png", "b.mkv"):
        colorize_video(tmp_path / "a_%02d.png", tmp_path / out, colorizer=colorizer, options=VideoOptions(fps=25))
        counts.append(0)
    assert counts[:2] == [5, 5]


@pytest.mark.parametrize("mode", ["off", "fast"])
def test_stopped_frames_go_on_and_equal_uninterrupted_ones(tmp_path: Path, colorizer: Colorizer, mode: Any) -> None:
    pattern, out, whole = tmp_path / "a_%02d.tif", tmp_path / "out/a_%02d.tif", tmp_path / "whole/a_%02d.tif"
    write_frames(pattern, 20)
    options = VideoOptions(temporal=mode, fps=5)  # a segment is five frames
    colorize_video(pattern, whole, colorizer=colorizer, options=options)
    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        if progress.done >= 7:
            cancel.set()

    with pytest.raises(VideoStopped, match="goes on"):
        colorize_video(pattern, out, colorizer=colorizer, options=options, progress=stop, cancel=cancel)
    os.unlink(written(out)[6])  # of the second segment
    result = colorize_video(pattern, out, colorizer=colorizer, options=options)
    assert (result.frames, result.resumed) == (20, 5)
    assert any(written(out)[6].name in note for note in result.notes)
    for path, expected in zip(written(out), written(whole), strict=True):
        assert path.read_bytes() == expected.read_bytes()
    assert sorted(path.name for path in out.parent.iterdir()) == [path.name for path in written(out)]


def test_whole_frames_with_their_segments_are_replaced_only_when_that_is_asked_for(
    tmp_path: Path, colorizer: Colorizer
) -> None:
    pattern, out = tmp_path / "a_%02d.tif", tmp_path / "out/a_%02d.tif"
    write_frames(pattern, 4)
    options = VideoOptions(temporal="off", fps=25, keep_segments=True)
    colorize_video(pattern, out, colorizer=colorizer, options=options)
    contents = [path.read_bytes() for path in written(out)]
    assert colorize_video(pattern, out, colorizer=colorizer, options=options).resumed == 4
    others = colorizer.adjusted(saturation=0.5)
    with pytest.raises(FileExistsError, match="--overwrite"):
        colorize_video(pattern, out, colorizer=others, options=options)
    assert [path.read_bytes() for path in written(out)] == contents
    colorize_video(pattern, out, colorizer=others, options=replace(options, overwrite=True))
    assert all(path.read_bytes() != before for path, before in zip(written(out), contents, strict=True))


def test_frames_of_other_settings_do_not_stay_among_those_of_a_run_that_starts_afresh(
    tmp_path: Path, colorizer: Colorizer
) -> None:
    pattern, out = tmp_path / "a_%02d.tif", tmp_path / "out/a_%02d.tif"
    write_frames(pattern, 40)
    options = VideoOptions(temporal="off", fps=5)  # a segment is five frames
    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        if progress.done >= 7:
            cancel.set()

    with pytest.raises(VideoStopped) as stopped:
        colorize_video(pattern, out, colorizer=colorizer, options=options, progress=stop, cancel=cancel)
    found = re.search(r"after (\d+) of 40 frames", str(stopped.value))
    assert found and int(found[1]) >= 10
    assert frame_numbers(out) == list(range(1, int(found[1]) + 1))  # none of a segment that was not finished
    result = colorize_video(pattern, out, colorizer=colorizer, options=replace(options, end=1.0))
    assert any("starting afresh" in note for note in result.notes)
    assert frame_numbers(out) == list(range(1, 6))


def test_frames_that_are_there_are_left(tmp_path: Path, colorizer: Colorizer) -> None:
    pattern, out = tmp_path / "a_%02d.tif", tmp_path / "out/a_%02d.tif"
    write_frames(pattern, 2)
    with pytest.raises(VideoError, match="replace the frames themselves"):
        colorize_video(pattern, pattern, colorizer=colorizer, options=VideoOptions(overwrite=True))
    write_frames(out, 1)
    with pytest.raises(FileExistsError, match="--overwrite"):
        colorize_video(pattern, out, colorizer=colorizer, options=OFF)
    options = VideoOptions(temporal="off", overwrite=True)
    assert colorize_video(pattern, out, colorizer=colorizer, options=options).frames == 2


def test_a_frame_that_could_not_be_replaced_stays(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern, out = tmp_path / "a_%02d.tif", tmp_path / "out/a_%02d.tif"
    write_frames(pattern, 2)
    write_frames(out, 2)
    last = written(out)[-1]
    before = last.read_bytes()

    def write_or_fail(path: Path, *arguments: Any) -> None:
        if path == last:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write_still(path, *arguments)

    monkeypatch.setattr("colorize.film.frame_files.write_still", write_or_fail)
    with pytest.raises(OSError, match="No space left"):
        colorize_video(pattern, out, colorizer=colorizer, options=VideoOptions(temporal="off", overwrite=True))
    assert last.read_bytes() == before


@pytest.mark.usefixtures("own_process_settings")
def test_a_folder_of_frames_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], weights_file: Path
) -> None:
    folder = tmp_path / "scans"
    write_frames(folder / "a_%04d.png", 4, size=(16, 16))
    status, out, _ = run(capsys, weights_file, folder, "--sequence", "--temporal", "off", "--render-size", "32")
    assert (status, out) == (0, f"{folder / 'a_%04d.png'} -> {folder / 'colorized/a_%04d.png'}\n")
    assert frame_numbers(folder / "colorized/a_%04d.png") == [1, 2, 3, 4]
    arguments = ("--sequence", "--temporal", "off", "--render-size", "32", "--fps", "12")
    status, _, _ = run(capsys, weights_file, folder, *arguments, "-o", tmp_path / "film.mp4")
    assert status == 0
    assert len(read_frames(tmp_path / "film.mp4")[0]) == 4
    status, _, err = run(capsys, weights_file, folder / "a_%04d.png", *arguments)
    assert (status, "exists" in err) == (1, True)
    assert run(capsys, weights_file, folder / "a_%04d.png", *arguments, "--skip-existing")[0] == 0


def described() -> list[list[str]]:
    """Return the cells of the rows of the table of sequences in docs/usage.md."""
    text = (ROOT / "docs/usage.md").read_text(encoding="utf-8")
    table = text.split("<!-- sequences -->")[1].split("<!-- end of sequences -->")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()[2:]]


def test_the_table_of_sequences_names_all_that_are_written() -> None:
    suffixes = [suffix for row in described() for suffix in re.findall(r"`(\.\w+)`", row[0])]
    assert sorted(suffixes) == sorted(SEQUENCE_SUFFIXES)


@pytest.mark.parametrize("row", described(), ids=lambda row: row[0].split(":")[0])
def test_the_table_of_sequences_is_true(tmp_path: Path, neutral: Colorizer, row: list[str]) -> None:
    (suffix, *_), of_others = re.findall(r"`(\.\w+)`", row[0]), row[3]
    if suffix == ".exr":
        library = pytest.importorskip("OpenEXR")
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=2, codec="ffv1"))
    result = colorize_video(path, tmp_path / f"out/a_%d{suffix}", colorizer=neutral, options=OFF)
    (first, _) = written(result.path)
    if suffix == ".dpx":
        bits = f"{read_dpx(first)[1]['bits']} bits"
    elif suffix == ".exr":
        with library.File(str(first)) as file:
            bits = {"float16": "half", "float32": "full"}[str(file.channels()["RGB"].pixels.dtype)]
    else:
        bits = f"{8 * read_frame(first).itemsize} bits"
    assert of_others == bits
    back = colorize_video(
        result.path, tmp_path / "b.mkv", colorizer=neutral, options=VideoOptions(temporal="off", fps=30, codec="ffv1")
    )
    assert back.frames == 2


@pytest.mark.parametrize(("frames", "gap", "is_named"), [(24, None, True), (23, None, False), (30, 7, False)])
def test_photographs_that_look_like_frames_are_named(
    tmp_path: Path, frames: int, gap: int | None, is_named: bool
) -> None:
    for number in range(1, frames + 1):
        if number != gap:
            (tmp_path / f"scan_{number:04d}.tif").touch()
    lines = numbered_frames([tmp_path])
    assert [("--sequence" in line, "scan_%04d.tif" in line) for line in lines] == [(True, True)] * is_named


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["photo.jpg", "-o", "out_%03d.png"], "photo.jpg"),
        (["film.mp4", "-o", "out_%03d.jpg"], ".dpx"),
        (["film.mp4", "--fps", "soon"], "--fps"),
    ],
)
def test_what_numbered_frames_cannot_be_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], weights_file: Path, arguments: list[str], word: str
) -> None:
    status, _, err = run(capsys, weights_file, *arguments)
    assert (status, word in err) == (2, True)
