"""Films that are part colour: scenes in colour keep their own colours, grey ones are coloured."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support.quick import only_quick
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.base import InColorError
from colorize.color import PlaneFormat, YuvSystem, convert_planes
from colorize.engine import Colorizer
from colorize.film import (
    VideoOptions,
    VideoStopped,
    colorize_video,
    contact_sheet,
    open_source,
    probe,
    read_luma,
    survey_colors,
)
from colorize.film.own_colors import (
    FADE_FRAMES,
    MIN_SIGN,
    ColorState,
    FilmColors,
    Sample,
    judge_frame,
    judge_scenes,
    summarize,
)
from colorize.film.video import Span, Video
from colorize.photo import read_image

BT601 = YuvSystem(0.299, 0.114)
BT709 = YuvSystem(0.2126, 0.0722)
BT2020 = YuvSystem(0.2627, 0.0593, 10)
SIZE = (48, 64)
OWN = slice(10, 25)
"""Frames of ``part_color_film`` that are in colour: the second of its three scenes."""


class PartColor(VideoRecipe):
    """A film of three scenes, of which the second is in colour."""

    def grey(self, index: int) -> np.ndarray:
        grey = super().grey(index)
        return 251 - grey if index in range(*OWN.indices(self.frames)) else grey


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return probe(make_video(tmp_path_factory.mktemp("films") / "a.mkv", VideoRecipe(2, codec="ffv1")))


def picture(kind: str, noise: np.random.Generator | None = None) -> av.VideoFrame:
    """Return a frame that is grey, in colour, black, white, sepia, noisy (grey with a tape's noise) or has a sign."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    luma = (60 + x * 2 + 25 * np.sin(y / 7)).astype(np.float32)
    cb, cr = np.full((2, SIZE[0] // 2, SIZE[1] // 2), 128.0)
    half = luma[::2, ::2]
    if kind == "color":
        cb += np.where(x[::2, ::2] > 32, 40, -40)
        cr += np.where(y[::2, ::2] > 24, 40, -30)
    elif kind == "sepia":
        cb -= 22 * np.sin(np.pi * half / 255)
        cr += 10 * np.sin(np.pi * half / 255)
    elif kind == "noisy":
        assert noise is not None
        cb, cr = np.repeat(128 + noise.normal(0, 6, (2, SIZE[0] // 2, SIZE[1] // 4)), 2, axis=2)
    elif kind == "sign":
        cr[2:6, 2:8] += 80
    elif kind in ("black", "white"):
        luma[:] = {"black": 16, "white": 235}[kind]
    frame = av.VideoFrame(SIZE[1], SIZE[0], "yuv420p")
    for plane, values in zip(frame.planes, (luma, cb, cr), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        rows[: values.shape[0], : values.shape[1]] = values.round().clip(0, 255)
    return frame


@dataclass
class Stub:
    """A frame to be judged."""

    image: av.VideoFrame
    index: int
    begins_scene: bool
    colors: ColorState = field(default_factory=ColorState)
    begins_stretch: bool = False


def film_of(runs: Sequence[tuple[str, int]]) -> list[Stub]:
    """Return frames of kinds, in runs; a cut lies before each run whose kind begins with a ``|``."""
    pictures = {kind: picture(kind) for kind in ("grey", "color", "black", "white", "sepia", "sign")}
    frames: list[Stub] = []
    for kind, count in runs:
        for place in range(count):
            begins = not frames or (kind[0] == "|" and place == 0)
            frames.append(Stub(pictures[kind.lstrip("|")], len(frames), begins))
    return frames


def shares(video: Video, frames: Sequence[Stub], film: FilmColors | None = None) -> list[float]:
    return [frame.colors.own_share for frame in judge_scenes(video, film or FilmColors(), iter(frames))]


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        ([("grey", 40), ("|color", 40), ("|grey", 40)], [(40, 80)]),
        ([("grey", 30), ("|color", 5), ("|grey", 30)], [(30, 35)]),  # a title card
        ([("sepia", 40), ("|color", 40), ("|sign", 40)], [(40, 80)]),
        ([("grey", 24), ("color", 2), ("grey", 30)], []),  # stray frames in a scene
        ([("color", 24), ("grey", 2), ("color", 30)], [(0, 56)]),
        ([("color", 24), ("white", 3), ("color", 30), ("|grey", 9)], [(0, 57)]),  # a flash
        ([("color", 30), ("|black", 20), ("|grey", 20)], [(0, 50)]),  # what does not tell is as what was before
        ([("grey", 30), ("|black", 20), ("|color", 20)], [(50, 70)]),
        ([("black", 15), ("color", 30)], [(0, 45)]),  # faded in
    ],
)
def test_scenes_are_judged_as_wholes(video: Video, runs: list[tuple[str, int]], kept: list[tuple[int, int]]) -> None:
    frames = film_of(runs)
    expected = [float(any(first <= index < end for first, end in kept)) for index in range(len(frames))]
    assert shares(video, frames) == expected


@pytest.mark.parametrize(("before", "after"), [("color", "grey"), ("grey", "color"), ("color", "sepia")])
def test_inside_a_scene_colours_change_by_degrees(video: Video, before: str, after: str) -> None:
    own = shares(video, film_of([(before, 60), (after, 60)]))
    assert (own[0], own[-1]) == (float(before == "color"), float(after == "color"))
    assert own[:60] == [own[0]] * 60
    steps = np.diff(own)
    assert np.count_nonzero(steps) == FADE_FRAMES
    np.testing.assert_allclose(steps[steps != 0], (own[-1] - own[0]) / FADE_FRAMES)
    assert own[84] == own[-1]


def test_what_is_decided_is_the_same_wherever_the_work_goes_on(video: Video) -> None:
    runs = [("black", 9), ("grey", 30), ("color", 40), ("|black", 5), ("grey", 30), ("|color", 20)]
    whole = [(frame.colors, frame.begins_stretch) for frame in judge_scenes(video, FilmColors(), iter(film_of(runs)))]
    for done in range(1, len(whole), 7):
        rest = judge_scenes(video, FilmColors(), iter(film_of(runs)[done:]), whole[done - 1][0])
        assert [(frame.colors, frame.begins_stretch) for frame in rest] == whole[done:]


def test_it_looks_a_second_ahead_at_most(video: Video) -> None:
    taken = 0

    def frames() -> object:
        nonlocal taken
        for frame in film_of([("black", 90), ("color", 90), ("grey", 90)]):
            taken += 1
            yield frame

    for judged, _ in enumerate(judge_scenes(video, FilmColors(), frames()), 1):  # type: ignore[type-var]
        assert taken - judged <= 24


def test_what_samples_say_of_a_film(video: Video) -> None:
    noise = np.random.default_rng(1)
    grey, color, tape = (judge_frame(video, picture(kind, noise)) for kind in ("grey", "color", "noisy"))
    assert judge_frame(video, picture("black")) is None
    assert summarize([color] * 12).is_in_color
    assert not summarize([color] * 11 + [grey]).is_in_color
    assert not summarize([]).is_in_color
    assert summarize([color] * 9 + [grey]).threshold < 1 < summarize([grey] * 9 + [color]).threshold
    assert summarize([tape] * 3 + [grey] * 9).is_noisy
    for kind in ("grey", "sepia", "sign"):
        film = summarize([judge_frame(video, picture(kind))])
        assert (film.is_noisy, film.has_sign) == (False, kind == "sign"), kind


def test_a_sign_stays_in_its_place(video: Video) -> None:
    def moved(sample: Sample, pixels: int) -> Sample:
        return sample._replace(picture=np.roll(sample.picture, pixels, axis=1))

    signs = [judge_frame(video, picture("sign")) for _ in range(12)]
    assert all(sample is not None and sample.measure.patch_share >= MIN_SIGN for sample in signs)
    assert summarize(signs).has_sign
    everywhere = [moved(sample, 5 * place) for place, sample in enumerate(signs) if sample is not None]
    assert not summarize(everywhere).has_sign  # as spots of a tape's noise are


def test_a_tapes_noise_is_no_colour(video: Video) -> None:
    noise = np.random.default_rng(1)
    tape = [Stub(picture("noisy", noise), index, index == 0) for index in range(40)]
    assert set(shares(video, tape)) == {0.0}
    frame = tape[0].image
    own = np.frombuffer(frame.planes[0], np.uint8).reshape(SIZE[0], -1)[:, : SIZE[1]]
    np.testing.assert_array_equal(read_luma(video, frame, is_noisy=True).levels, own)
    assert not np.array_equal(read_luma(video, frame).levels >> 8, own)


@pytest.mark.parametrize("system", [BT601, YuvSystem(0.299, 0.114, 8, True), BT709, BT2020])
@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_own_colours_stay_whatever_they_are_stored_as(system: YuvSystem, across: int, down: int) -> None:
    unit = 1 << (system.bits - 8)
    for y, cb, cr in ((120, 100, 150), (80, 128, 128), (60, 150, 110)):
        levels = np.full((8, 16), y * unit, np.uint8 if unit == 1 else np.uint16)
        colors = (np.full((8 // down, 16 // across), value * unit, levels.dtype) for value in (cb, cr))
        before = system.to_rgb() @ [y * unit, cb * unit, cr * unit, 1]
        stored = [levels, *colors]
        for format, size in (
            (PlaneFormat(), (4, 8)),
            (PlaneFormat(10, "422"), (8, 8)),
            (PlaneFormat(16, "444"), (8, 16)),
        ):
            planes = convert_planes(stored, system, format)
            assert [plane.shape for plane in planes] == [(8, 16), size, size]
            assert all(np.ptp(plane) == 0 for plane in planes)
            written = YuvSystem(0.2126, 0.0722, format.bits)
            after = written.to_rgb() @ [*(int(plane[0, 0]) for plane in planes), 1]
            np.testing.assert_allclose(after, before, atol=1.4 * 65535 / 219 / 2 ** (format.bits - 8) + 2)


def test_planes_that_are_stored_as_they_are_written_are_not_touched() -> None:
    noise = np.random.default_rng(1)
    planes = [noise.integers(1, 255, shape, np.uint8) for shape in ((8, 16), (4, 8), (4, 8))]
    deep = [noise.integers(1, 1023, (8, 16), np.uint16) for _ in range(3)]
    ten_bits = PlaneFormat(10, "444", full_range=True)
    for result, plane in zip(convert_planes(deep, YuvSystem(0.2126, 0.0722, 10, True), ten_bits), deep, strict=True):
        np.testing.assert_array_equal(result, plane)
    for result, plane in zip(convert_planes(planes, BT709), planes, strict=True):
        np.testing.assert_array_equal(result, plane)
    odd = convert_planes([planes[0][:7, :15], *planes[1:]], BT709)
    assert [plane.shape for plane in odd] == [(8, 16), (4, 8), (4, 8)]
    np.testing.assert_array_equal(odd[0][:7, :15], planes[0][:7, :15])


@pytest.mark.parametrize("across", [1, 4])
def test_chroma_lies_at_every_second_pixel(across: int) -> None:
    ramp = np.tile(60 + 2 * np.arange(0, 32, across, dtype=np.uint8), (8, 1))
    _, cb, _ = convert_planes([np.full((8, 32), 100, np.uint8), ramp, ramp], BT709)
    np.testing.assert_array_equal(cb[:, 1:-2], np.tile(60 + 4 * np.arange(1, 14), (4, 1)))


def test_fields_keep_their_own_chroma() -> None:
    noise = np.random.default_rng(1)
    top, bottom = ([noise.integers(20, 230, shape, np.uint8) for shape in ((4, 16), (4, 8), (4, 8))] for _ in range(2))
    woven = [np.stack([a, b], axis=1).reshape(2 * a.shape[0], -1) for a, b in zip(top, bottom, strict=True)]
    result = convert_planes(woven, BT601, by_field=True)
    for parity, field_planes in enumerate((top, bottom)):
        for plane, alone in zip(result, convert_planes(field_planes, BT601), strict=True):
            np.testing.assert_array_equal(plane[parity::2], alone)


def part_color_film(path: Path, **recipe: object) -> Path:
    colors = {"color": True, "color_from": OWN.start, "color_until": OWN.stop}
    return make_video(path, PartColor(frames=40, **colors, **recipe))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "recipe", "out", "codec"),
    [
        pytest.param("a.mkv", {"codec": "ffv1"}, "b.mkv", "ffv1", marks=pytest.mark.slow),
        ("a.mkv", {"codec": "ffv1", "pixel_format": "yuv422p10le"}, "b.mkv", "ffv1"),
        pytest.param("a.mkv", {"codec": "ffv1", "pixel_format": "yuv444p"}, "b.mkv", "ffv1", marks=pytest.mark.slow),
        pytest.param("a.mkv", {"codec": "ffv1", "pixel_format": "bgr0"}, "b.mkv", "ffv1", marks=pytest.mark.slow),
        ("a.mp4", {"rotation": 90}, "b.mp4", "h264"),
    ],
)
def test_scenes_in_colour_keep_their_colours(
    tmp_path: Path, colorizer: Colorizer, name: str, recipe: dict, out: str, codec: str
) -> None:
    path = part_color_film(tmp_path / name, **recipe)
    options = VideoOptions(codec=codec, crf=None if codec == "ffv1" else 4, overwrite=True)
    result = colorize_video(path, tmp_path / out, colorizer=colorizer, options=options)
    (line,) = [note for note in result.notes if "colours" in note]
    assert "1 of 3 scenes (15 of 40 frames)" in line and "--force" in line
    source, made = (read_frames(file, format="rgb24")[1].astype(int) for file in (path, tmp_path / out))
    if "rotation" in recipe:
        source = np.rot90(source, 1, (1, 2))
    assert np.abs(source[OWN] - made[OWN]).mean() < 2.5
    colored = np.ptp(made, axis=-1).mean(axis=(1, 2))
    assert colored[: OWN.start].min() > 3 and colored[OWN.stop :].min() > 3
    forced = colorize_video(path, tmp_path / out, colorizer=colorizer, options=options, force=True)
    assert not any("colours" in note for note in forced.notes)
    anew = read_frames(tmp_path / out, format="rgb24")[1].astype(int)
    assert np.abs(source[OWN] - anew[OWN]).mean() > 10


@pytest.mark.parametrize("mode", only_quick(["fast"], ["off"]))
def test_a_stopped_film_goes_on_with_the_same_scenes(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, mode: str
) -> None:
    path = part_color_film(tmp_path / "a.mp4")
    options = VideoOptions(temporal=mode)
    whole = colorize_video(path, tmp_path / "whole.mp4", colorizer=colorizer, options=options)
    for frames in (5, 15, 22):
        cancel = threading.Event()
        with pytest.raises(VideoStopped):
            colorize_video(
                path,
                tmp_path / "b.mp4",
                colorizer=colorizer,
                options=options,
                progress=lambda progress, frames=frames, cancel=cancel: progress.done >= frames and cancel.set(),  # type: ignore[misc]
                cancel=cancel,
            )
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=options)
    assert result.resumed >= 22 and result.notes == whole.notes
    assert (tmp_path / "b.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_a_film_in_colour_is_refused(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=6, color=True))
    with pytest.raises(InColorError, match=r"a\.mp4: in colour already; --force"):
        colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer)
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


@dataclass
class GreyPart(VideoRecipe):
    """A film in colour with a grey part that none of its twelve samples shows.

    Attributes:
        stands: Whether that stands still, as a title does.
    """

    frames: int = 12 * 25
    rate: Fraction = Fraction(15)
    color: bool = True
    stands: bool = False

    def in_color(self, index: int) -> bool:
        return not 39 <= index < 63

    def grey(self, index: int) -> np.ndarray:
        is_own = self.in_color(index)
        grey = super().grey(index if is_own or not self.stands else 50)
        return grey if is_own else 251 - grey


@pytest.mark.parametrize(
    ("name", "stands"), [("a.mp4", False), ("a.mp4", True), ("a.ts", False), ("a_%03d.png", False)]
)
def test_a_short_grey_part_is_found_unless_it_stands_still(tmp_path: Path, name: str, stands: bool) -> None:
    recipe, path = GreyPart(size=(32, 48), stands=stands), tmp_path / name
    if "%" in name:
        for index in range(recipe.frames):
            grey = recipe.grey(index)
            colors = [255 - grey, grey, grey // 2] if recipe.in_color(index) else [grey] * 3
            cv2.imwrite(str(path) % index, np.stack(colors, axis=-1))
    else:
        make_video(path, recipe)
    source = open_source(path, VideoOptions(fps=15))
    assert survey_colors(source).is_in_color == stands
    assert survey_colors(source, Span(Fraction(4))).is_in_color


def test_a_contact_sheet_shows_frames_in_colour_as_they_are(tmp_path: Path, colorizer: Colorizer) -> None:
    source = open_source(part_color_film(tmp_path / "a.mkv", codec="ffv1"))
    kept, forced = (contact_sheet(colorizer, source, 8, force=force) for force in (False, True))
    assert (kept.own, forced.own) == (3, 0)
    differs = np.abs(kept.picture.astype(int) - forced.picture).mean(axis=(0, 2)) > 0
    assert differs.any() and not differs.all()


def test_numbered_frames_keep_their_colours(tmp_path: Path, colorizer: Colorizer) -> None:
    path = part_color_film(tmp_path / "a.mkv", codec="ffv1", pixel_format="yuv444p")
    result = colorize_video(path, tmp_path / "f_%03d.png", colorizer=colorizer, options=VideoOptions(temporal="off"))
    assert any("1 of 3 scenes (15 of 40 frames)" in note for note in result.notes)
    source = read_frames(path, format="rgb24")[1].astype(int)
    for number, is_own in ((OWN.start, False), (OWN.start + 1, True), (OWN.stop, True), (OWN.stop + 1, False)):
        made = read_image(tmp_path / f"f_{number:03d}.png")
        levels = made / (257 if made.dtype == np.uint16 else 1)
        assert (np.abs(levels - source[number - 1]).mean() < 2) == is_own, number
