"""Key frames of films: written to be painted, read again, and followed by their scenes."""

from __future__ import annotations

import json
import os
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from support.quick import only_quick
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.base import VideoError
from colorize.color import rgb_to_lab
from colorize.engine import Colorizer
from colorize.film import (
    Progress,
    TimedHint,
    VideoOptions,
    VideoStopped,
    colorize_video,
    export_key_frames,
    open_source,
    preview_key_frames,
    scene_frames,
)

CUT, FRAMES = 15, 30
RECIPE = VideoRecipe(frames=FRAMES, scene_cut=CUT, codec="ffv1")
RED, BLUE = (200, 40, 40), (40, 60, 200)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A grey film of two scenes, whose cut lies in the middle."""
    return make_video(tmp_path / "film.mkv", RECIPE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for key frames."""
    path = tmp_path / "keys"
    path.mkdir()
    return path


def paint(path: Path, color: tuple[int, ...], size: tuple[int, int] = (64, 48)) -> Path:
    """Write a picture of (width, height) in one colour."""
    Image.new("RGBA" if len(color) == 4 else "RGB", size, color).save(path)
    return path


def ab_of(color: tuple[int, ...]) -> np.ndarray:
    return rgb_to_lab(np.uint8([[color[:3]]]))[0, 0, 1:]


def colored(film: Path, colorizer: Colorizer, keys: Path | None, **options: Any) -> np.ndarray:
    """Return the ab (N, H, W, 2) of a film's frames, coloured with key frames."""
    out = film.with_name("out.mkv")
    settings = VideoOptions(keyframes=keys, codec="ffv1", overwrite=True, **options)
    colorize_video(film, out, colorizer=colorizer, options=settings)
    return ab_of_frames(out)


def ab_of_frames(path: Path) -> np.ndarray:
    return np.stack([rgb_to_lab(frame)[..., 1:] for frame in read_frames(path, format="rgb24")[1]])


def is_like(ab: np.ndarray, color: tuple[int, ...]) -> bool:
    """Return whether the hue of most of a frame is that of a colour; its lightness limits the chroma."""
    wanted = ab_of(color)
    cosine = (ab @ wanted) / (np.linalg.norm(ab, axis=-1) * np.linalg.norm(wanted) + 1e-6)
    return bool(np.median(cosine) > 0.97)


@pytest.mark.parametrize("mode", ["off", "fast", "best"])
@pytest.mark.parametrize("number", [0, 7, 14])
def test_a_scene_takes_the_colours_of_its_key_frame_and_no_other_does(
    film: Path, folder: Path, colorizer: Colorizer, mode: str, number: int
) -> None:
    plain = colored(film, colorizer, None, temporal=mode)
    paint(folder / f"{number:06d}_00-00-00.{number * 1000 // 30:03d}.png", RED, size=(128, 96))
    ab = colored(film, colorizer, folder, temporal=mode)
    assert all(is_like(frame, RED) for frame in ab[:CUT])
    np.testing.assert_array_equal(ab[CUT:], plain[CUT:])


def test_the_lightness_is_the_films_own(film: Path, folder: Path, colorizer: Colorizer) -> None:
    colored(film, colorizer, None)
    without = read_frames(film.with_name("out.mkv"), format="rgb24")[1]
    paint(folder / "3.png", (250, 190, 190))  # 30 of L lighter than the film
    colored(film, colorizer, folder)
    painted = read_frames(film.with_name("out.mkv"), format="rgb24")[1]
    for frame, other in zip(painted, without, strict=True):
        assert np.abs(rgb_to_lab(frame)[..., 0] - rgb_to_lab(other)[..., 0]).mean() < 2.5


def test_between_two_key_frames_colours_go_from_one_to_the_other(
    film: Path, folder: Path, colorizer: Colorizer
) -> None:
    paint(folder / "0.png", RED)
    paint(folder / "14.png", BLUE)
    ab = colored(film, colorizer, folder)
    towards_blue = [float(np.median(frame[..., 1])) for frame in ab[:CUT]]  # b falls
    assert is_like(ab[0], RED)
    assert is_like(ab[14], BLUE)
    assert all(now < before + 1 for before, now in pairwise(towards_blue))
    assert abs(towards_blue[7] - (towards_blue[0] + towards_blue[14]) / 2) < 8


def test_transparent_parts_say_nothing(film: Path, folder: Path, colorizer: Colorizer) -> None:
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[:] = (*RED, 255)
    picture[:, :32, 3] = 0
    Image.fromarray(picture).save(folder / "7.png")
    plain = colored(film, colorizer, None, temporal="off")
    ab = colored(film, colorizer, folder, temporal="off")
    assert is_like(ab[7][:, 40:], RED)
    assert np.abs(ab[7][:, :20] - plain[7][:, :20]).mean() < np.abs(ab_of(RED) - plain[7][:, :20]).mean() / 2


def test_a_name_may_say_the_time_alone(film: Path, folder: Path, colorizer: Colorizer) -> None:
    paint(folder / "00-00-00.567.png", BLUE)  # frame 17 of 30 a second, of the second scene
    ab = colored(film, colorizer, folder)
    assert all(is_like(frame, BLUE) for frame in ab[CUT:])
    assert not is_like(ab[3], BLUE)


def test_an_excerpt_counts_the_films_frames(film: Path, folder: Path, colorizer: Colorizer) -> None:
    paint(folder / "20.png", BLUE)
    paint(folder / "2.png", RED)  # before the excerpt
    ab = colored(film, colorizer, folder, start=0.4)
    assert len(ab) == FRAMES - 12
    assert not any(is_like(frame, RED) for frame in ab)
    assert all(is_like(frame, BLUE) for frame in ab[3:])


def test_what_is_exported_is_the_networks_own_and_changes_nothing_but_its_frames(
    film: Path, tmp_path: Path, colorizer: Colorizer
) -> None:
    folder = tmp_path / "made" / "keys"
    paths = export_key_frames(open_source(film), folder, 3, colorizer)
    listed = json.loads((folder / "keyframes.json").read_text())
    assert listed["film"] == "film.mkv"
    assert [entry["file"] for entry in listed["frames"]] == [path.name for path in paths]
    assert sorted(entry["scene"] for entry in listed["frames"]) in ([1, 1, 2], [1, 2, 2])
    for entry in listed["frames"]:
        number = entry["frame"]
        assert (number < CUT) == (entry["scene"] == 1)
        assert entry["time"] == pytest.approx(number / 30, abs=0.001)
        assert entry["file"] == f"{number:06d}_00-00-00.{round(number / 30 * 1000):03d}.png"
        grey = np.asarray(Image.open(folder / "grey" / entry["file"]))
        own = ((RECIPE.grey(number).astype(float) - 16) * 255 / 219).round().clip(0, 255)
        assert np.abs(grey - own).max() <= 1
        np.testing.assert_array_equal(np.asarray(Image.open(folder / entry["file"])), colorizer(grey))
    assert sorted(os.listdir(folder)) == sorted([*(path.name for path in paths), "grey", "keyframes.json"])
    with pytest.raises(FileExistsError, match=r"keyframes\.json"):
        export_key_frames(open_source(film), folder, 3, colorizer)


def test_every_scene_is_exported_however_few_are_asked_for(film: Path, tmp_path: Path, colorizer: Colorizer) -> None:
    paths = export_key_frames(open_source(film), tmp_path / "keys", 1, colorizer)
    assert [int(path.name[:6]) >= CUT for path in paths] == [False, True]


def _two_of_one_frame(folder: Path) -> None:
    paint(folder / "000003.png", RED)
    paint(folder / "00-00-00.100.png", BLUE)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, ["keys", "--export-keyframes"]),
        (lambda folder: folder.rmdir(), ["keys", "no such folder"]),
        (lambda folder: paint(folder / "3.png", (90, 90, 90)), ["3.png", "grey"]),
        (lambda folder: Image.new("L", (64, 48), 90).save(folder / "3.png"), ["3.png", "grey"]),
        (lambda folder: paint(folder / "3.png", RED, (48, 64)), ["3.png", "48 x 64", "turned", "64 x 48"]),
        (lambda folder: paint(folder / "3.png", RED, (96, 48)), ["3.png", "96 x 48", "shape", "64 x 48"]),
        (_two_of_one_frame, ["000003.png", "00-00-00.100.png", "frame 3"]),
        (lambda folder: paint(folder / "coat.png", RED), ["coat.png", "number or time"]),
        (lambda folder: paint(folder / "30.png", RED), ["30.png", "frame 30", "30 frames"]),
        (lambda folder: paint(folder / "00-00-09.png", RED), ["00-00-09.png", "beyond"]),
        (lambda folder: (folder / "3.png").write_text("Dear aunt,"), ["3.png"]),
    ],
    ids=["empty", "none", "grey", "grey file", "turned", "shape", "two", "name", "number", "time", "damaged"],
)
def test_what_is_no_key_frame_is_named_before_anything_is_written(
    film: Path, folder: Path, colorizer: Colorizer, make: Any, words: list[str]
) -> None:
    make(folder)
    before = sorted(os.listdir(film.parent))
    with pytest.raises((ValueError, OSError)) as raised:
        colored(film, colorizer, folder)
    assert all(word in str(raised.value) for word in words)
    assert "\n" not in str(raised.value)
    assert sorted(os.listdir(film.parent)) == before


def stop_after(frames: int, cancel: threading.Event) -> Any:
    def follow(progress: Progress) -> None:
        if progress.done >= frames:
            cancel.set()

    return follow


def stopped(film: Path, out: Path, colorizer: Colorizer, options: VideoOptions, frames: int) -> None:
    cancel = threading.Event()
    with pytest.raises(VideoStopped):
        colorize_video(
            film, out, colorizer=colorizer, options=options, progress=stop_after(frames, cancel), cancel=cancel
        )


@pytest.mark.parametrize("mode", only_quick(["best"], ["off", "fast"]))
def test_a_stopped_film_goes_on_with_its_key_frames(
    tmp_path: Path, folder: Path, colorizer: Colorizer, short_segments: None, mode: str
) -> None:
    film = make_video(tmp_path / "film.mkv", VideoRecipe(frames=60, codec="ffv1", scene_cut=45))
    paint(folder / "4.png", RED)
    paint(folder / "40.png", BLUE)
    options = VideoOptions(keyframes=folder, temporal=mode, hints=hint_at("44f:3,3,#2838c8"), propagate=9)
    colorize_video(film, tmp_path / "whole.mp4", colorizer=colorizer, options=options)
    for frames in (8, 25):
        stopped(film, tmp_path / "out.mp4", colorizer, options, frames)
    result = colorize_video(film, tmp_path / "out.mp4", colorizer=colorizer, options=options)
    assert 20 <= result.resumed < 60
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kept"), [("out.mp4", [50, 40]), ("out_%04d.png", [50, 40])])
@pytest.mark.parametrize("is_stopped", [False, True])
def test_another_key_frame_of_a_finished_film_costs_its_scene_alone(
    tmp_path: Path,
    folder: Path,
    colorizer: Colorizer,
    short_segments: None,
    name: str,
    kept: list[int],
    is_stopped: bool,
) -> None:
    film = make_video(tmp_path / "film.mkv", VideoRecipe(frames=90, codec="ffv1", scene_cut=40))
    paint(folder / "10.png", RED)
    paint(folder / "60.png", RED)
    options = VideoOptions(keyframes=folder, overwrite=True, keep_segments=True)
    out = tmp_path / "made" / name
    assert colorize_video(film, out, colorizer=colorizer, options=options).resumed == 0
    for number, frames in zip((10, 60), kept, strict=True):
        paint(folder / f"{number}.png", BLUE)
        if is_stopped:
            stopped(film, out, colorizer, options, frames + 5)
        result = colorize_video(film, out, colorizer=colorizer, options=options)
        assert result.frames == 90
        assert frames < result.resumed < 90 if is_stopped else result.resumed == frames
        assert is_stopped or any("key frames" in note and str(frames) in note for note in result.notes)
        whole = tmp_path / f"whole {number}" / name
        colorize_video(film, whole, colorizer=colorizer, options=VideoOptions(keyframes=folder))
        made = sorted(path.name for path in whole.parent.iterdir())
        assert sorted(path.name for path in out.parent.glob("*.*") if path.is_file()) == made
        for each in made:
            assert (out.parent / each).read_bytes() == (whole.parent / each).read_bytes()
    result = colorize_video(film, out, colorizer=colorizer, options=VideoOptions(keyframes=folder, overwrite=True))
    assert result.resumed == 90 and not list(out.parent.glob("*.segments"))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "least", "most"), [(60, 40, 40), (10, 10, 49)])
def test_another_key_frame_of_a_stopped_film_leaves_the_other_scenes(
    tmp_path: Path, folder: Path, colorizer: Colorizer, short_segments: None, number: int, least: int, most: int
) -> None:
    film = make_video(tmp_path / "film.mkv", VideoRecipe(frames=90, codec="ffv1", scene_cut=40))
    paint(folder / "10.png", RED)
    paint(folder / "60.png", RED)
    options = VideoOptions(keyframes=folder)
    out = tmp_path / "out.mp4"
    stopped(film, out, colorizer, options, 55)
    paint(folder / f"{number}.png", BLUE)
    result = colorize_video(film, out, colorizer=colorizer, options=options)
    assert least <= result.resumed <= most
    assert any("key frames" in note for note in result.notes)
    ab = ab_of_frames(out)
    assert all(is_like(frame, RED) for frame in (ab[:40] if number == 60 else ab[40:]))
    assert all(is_like(frame, BLUE) for frame in (ab[40:] if number == 60 else ab[:40]))
    colorize_video(film, tmp_path / "whole.mp4", colorizer=colorizer, options=options)
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_colours_move_with_the_picture(tmp_path: Path, folder: Path, colorizer: Colorizer) -> None:
    """A picture that is panned over by a pixel a frame: each place has its own colour, which moves with it."""
    random = np.random.default_rng(0)
    size, frames = (96, 128), 17
    coarse = random.integers(70, 180, (16, 28), dtype=np.uint8)
    wide = np.asarray(Image.fromarray(coarse).resize((224, 96), Image.Resampling.BICUBIC))
    hue = np.where(np.arange(224)[None, :, None] // 32 % 2, np.array(RED), np.array(BLUE)).astype(np.uint8)
    film = tmp_path / "pan.mkv"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, "gray"
        for index in range(frames):
            view = np.ascontiguousarray(wide[:, 2 * index : 2 * index + 128])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="gray")))
        container.mux(stream.encode(None))
    Image.fromarray(np.broadcast_to(hue[:, 16:144], (96, 128, 3))).save(folder / "8.png")
    ab = colored(film, colorizer.adjusted(render_size=96), folder)
    right = []
    for index, frame in enumerate(ab):
        truth = hue[0, 2 * index : 2 * index + 128]
        inside = slice(max(0, 16 - 2 * index) + 4, 128 - max(0, 2 * index - 16) - 4)  # what the key frame shows too
        is_red = frame[:, inside, 1] - ab_of(BLUE)[1] / 2 > 0
        right.append(float(np.mean(is_red == (truth[inside, 0] > 100)[None])))
    assert min(right) > 0.88
    stays = np.mean((hue[0, 16:144, 0] > 100) == (hue[0, :128, 0] > 100))
    assert stays < 0.6  # without motion


@pytest.mark.parametrize("known", ["keyframes", "hints", "propagate"])
def test_a_pipe_has_no_key_frames(folder: Path, film: Path, colorizer: Colorizer, known: str) -> None:
    from colorize.film import read_known_colors

    source = open_source(film)
    source.is_repeatable = False
    values = {"keyframes": folder, "hints": [TimedHint.parse("0f:1,1,#ff0000")], "propagate": 9}
    with pytest.raises(VideoError, match="pipe"):
        read_known_colors(source, VideoOptions(**{known: values[known]}), colorizer)


def test_scenes_are_listed_and_two_seconds_previewed(tmp_path: Path, folder: Path, colorizer: Colorizer) -> None:
    """A client lists the scenes, paints the frame of one, and sees it spread before the whole film is coloured."""
    film = make_video(tmp_path / "film.mkv", VideoRecipe(frames=100, scene_cut=40, codec="ffv1"))
    first, second = scene_frames(open_source(film), 1, colorizer)
    assert [(each.scene, each.first, each.last) for each in (first, second)] == [(1, 0, 39), (2, 40, 99)]
    assert second.first <= second.number <= second.last
    assert second.colored.shape == (*second.grey.shape, 3)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(VideoStopped, match="stopped"):
        next(scene_frames(open_source(film), 1, colorizer, cancel=stopped))
    paint(folder / second.name, BLUE)
    out = tmp_path / "preview.mkv"
    result = preview_key_frames(film, out, folder, second.seconds, colorizer=colorizer)
    assert result.frames == 60
    begins = second.number - 30
    ab = ab_of_frames(out)
    assert all(is_like(frame, BLUE) for frame in ab[max(0, 40 - begins) :])
    assert not any(is_like(frame, BLUE) for frame in ab[: max(0, 40 - begins)])


def hint_at(*texts: str) -> list[TimedHint]:
    return [TimedHint.parse(text) for text in texts]


def mean_ab(ab: np.ndarray, y: int, x: int) -> np.ndarray:
    """Return the mean ab (N, 2) of a small square of each frame."""
    return ab[:, y - 2 : y + 3, x - 2 : x + 3].mean(axis=(1, 2))


@pytest.mark.parametrize("text", ["20f:32,24,#2838c8", "0.667s:32,24,#2838c8"])
def test_a_hint_colours_its_place_in_the_frames_of_its_scene_alone(film: Path, colorizer: Colorizer, text: str) -> None:
    plain = colored(film, colorizer, None)
    ab = colored(film, colorizer, None, hints=hint_at(text))
    np.testing.assert_array_equal(ab[:CUT], plain[:CUT])
    wanted = ab_of((0x28, 0x38, 0xC8))
    before, after = (np.linalg.norm(mean_ab(each, 24, 32)[CUT:] - wanted, axis=1) for each in (plain, ab))
    assert after[5] < before[5] / 3
    assert (after < before).all()


def test_a_key_frame_wins_over_a_hint_and_a_hint_over_the_network(
    film: Path, folder: Path, colorizer: Colorizer
) -> None:
    """In a scene that has them all; where the key frame is transparent, the hint comes next, then the network."""
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[:, :20] = (*RED, 255)
    Image.fromarray(picture).save(folder / "7.png")
    hints = hint_at("7f:8,24,#2838c8", "7f:40,24,#2838c8")
    own, ab = (colored(film, colorizer, keys, hints=each, propagate=20) for keys, each in ((None, []), (folder, hints)))
    assert is_like(ab[7][:, 4:14], RED)
    assert is_like(ab[7][22:27, 38:43], BLUE)
    assert np.abs(ab[7][:, 58:] - own[7][:, 58:]).mean() < 0.6 * np.abs(ab_of(BLUE) - own[7][:, 58:]).mean()


@pytest.mark.parametrize("mode", ["off", "fast", "best"])
def test_a_scenes_own_key_frame_makes_it_steady(tmp_path: Path, colorizer: Colorizer, mode: str) -> None:
    """A still picture in noise: the network's colours waver, those of one frame that are carried do not, in any mode.

    From frame to frame the modes that carry colours anyway are as steady, down to the noise itself and to the rounding
    of pixels, so which of them is steadier hangs on OpenCV's version; what differs is how far colours go in the end.
    """
    random = np.random.default_rng(0)
    still = np.asarray(Image.fromarray(random.integers(60, 200, (6, 8), np.uint8)).resize((64, 48)))
    film = tmp_path / "film.mkv"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "gray"
        for _ in range(16):
            noisy = np.clip(still + random.normal(0, 5, still.shape), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="gray")))
        container.mux(stream.encode(None))
    network, plain, steady = (
        colored(film, colorizer, None, **options)
        for options in ({"temporal": "off"}, {"temporal": mode}, {"temporal": mode, "propagate": 16})
    )
    assert np.abs(np.diff(steady, axis=0)).mean() < 0.25 * np.abs(np.diff(network, axis=0)).mean()
    gone, kept = (np.abs(ab[:4].mean(axis=0) - ab[-4:].mean(axis=0)).mean() for ab in (plain, steady))
    assert kept < 0.6 * gone


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("30f:1,1,#ff0000", ["30f", "beyond", "30 frames"]),
        ("9s:1,1,#ff0000", ["9s", "beyond"]),
        ("3f:64,1,#ff0000", ["3f:64,1", "outside", "64 x 48"]),
        ("3f:1,-1,#ff0000", ["outside", "64 x 48"]),
    ],
)
def test_a_hint_outside_the_film_or_its_picture_is_named_before_anything_is_written(
    film: Path, colorizer: Colorizer, text: str, words: list[str]
) -> None:
    before = sorted(os.listdir(film.parent))
    with pytest.raises(VideoError) as raised:
        colored(film, colorizer, None, hints=hint_at(text))
    assert all(word in str(raised.value) for word in ["film.mkv", *words])
    assert sorted(os.listdir(film.parent)) == before
