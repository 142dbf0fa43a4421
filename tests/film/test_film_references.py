"""References of films: colours of a photograph that scenes take which show the same things."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from support.quick import only_quick
from support.video_contents import read_frames

from colorize.base import VideoError
from colorize.batch import FileOptions, Job, colorize_files, plan
from colorize.color import lab_to_rgb, rgb_to_lab, rgb_to_lightness
from colorize.engine import Colorizer
from colorize.film import (
    Progress,
    TimedHint,
    VideoOptions,
    VideoStopped,
    colorize_video,
    open_source,
    read_known_colors,
)

RED, GREEN, BLUE = (45.0, 25.0), (-40.0, 35.0), (20.0, -60.0)
FRAMES, CUT = 24, 14


def painted(scene: np.ndarray, ab: tuple[float, float]) -> np.ndarray:
    """Return a picture in one colour, which is paler in every second stripe."""
    stripes = np.where(np.arange(len(scene)) // 15 % 2, 0.5, 1)[:, None, None] * np.ones((*scene.shape, 1)) * ab
    return lab_to_rgb(np.dstack([lightness_of(scene), stripes]).astype(np.float32))


def lightness_of(scene: np.ndarray) -> np.ndarray:
    return 30 + 0.5 * rgb_to_lightness(np.dstack([scene] * 3))


@pytest.fixture
def film(tmp_path: Path, scene: np.ndarray) -> Path:
    """A grey film that pans over a scene for 14 frames, and shows an even grey with a little grain for ten."""
    path = tmp_path / "film.mkv"
    grey = np.round(lightness_of(scene) * 2.55).astype(np.uint8)
    grain = np.random.default_rng(1).normal(236, 1, scene.shape).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *scene.shape, "gray"
        for index in range(FRAMES):
            view = np.roll(grey, -index, axis=1) if index < CUT else grain
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="gray")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def red(tmp_path: Path, scene: np.ndarray) -> Path:
    return save(tmp_path / "red.png", painted(scene, RED))


def patches() -> np.ndarray:
    """Return a picture in patches of random colours."""
    hues = np.random.default_rng(2).uniform(-1, 1, (9, 12, 2))
    ab = np.kron(70 * hues / np.linalg.norm(hues, axis=2, keepdims=True), np.ones((10, 10, 1)))
    return lab_to_rgb(np.dstack([np.full((90, 120), 55.0), ab]).astype(np.float32))


def save(path: Path, picture: np.ndarray) -> Path:
    Image.fromarray(picture).save(path)
    return path


def colored(film: Path, colorizer: Colorizer, **options: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the ab (N, H, W, 2) of a film's frames, coloured with options, and the notes."""
    out = film.with_name("out.mkv")
    settings = VideoOptions(codec="ffv1", overwrite=True, **options)
    result = colorize_video(film, out, colorizer=colorizer, options=settings)
    return ab_of_frames(out), result.notes


def ab_of_frames(path: Path) -> np.ndarray:
    return np.stack([rgb_to_lab(frame)[..., 1:] for frame in read_frames(path, format="rgb24")[1]])


@pytest.mark.parametrize("mode", only_quick(["fast"], ["best", "off"]))
def test_a_scene_that_shows_the_same_takes_the_colours_as_far_as_it_is_alike(
    film: Path, red: Path, colorizer: Colorizer, mode: str
) -> None:
    plain, _ = colored(film, colorizer, temporal=mode)
    full, notes = colored(film, colorizer, temporal=mode, references=[red])
    half, _ = colored(film, colorizer, temporal=mode, references=[red], reference_strength=0.5)
    assert not notes
    rise = [(each - plain)[:CUT, ..., 0].mean(axis=(1, 2)) for each in (full, half)]
    assert rise[0].min() > 10 and rise[0].max() < 1.5 * rise[0].min()  # along the motion, steadily
    np.testing.assert_allclose(rise[1], rise[0] / 2, rtol=0.2)
    assert np.abs((full - plain)[CUT:]).mean() < 0.6 * np.abs((full - plain)[:CUT]).mean()


def test_an_unrelated_one_changes_nothing_and_a_line_says_so(tmp_path: Path, film: Path, colorizer: Colorizer) -> None:
    plain, _ = colored(film, colorizer)
    ab, notes = colored(film, colorizer, references=[save(tmp_path / "patches.png", patches())])
    np.testing.assert_array_equal(ab, plain)
    (line,) = notes
    assert "film.mkv" in line and "reference" in line and "little" in line


def test_what_wins(tmp_path: Path, film: Path, red: Path, colorizer: Colorizer) -> None:
    """In one frame that has them all: the key frame, then the hint, then the reference, then the network's own."""
    keys = tmp_path / "keys"
    keys.mkdir()
    picture = np.zeros((90, 120, 4), np.uint8)
    picture[:, :30] = (*lab_to_rgb(np.float32([[[60, *GREEN]]]))[0, 0], 255)
    save(keys / "7.png", picture)
    blue = "#" + bytes(lab_to_rgb(np.float32([[[50, *BLUE]]]))[0, 0]).hex()
    hints = [TimedHint.parse(f"7f:{x},45,{blue},6") for x in (15, 60)]
    own, _ = colored(film, colorizer, propagate=20)
    ab, _ = colored(film, colorizer, propagate=20, keyframes=keys, hints=hints, references=[red])
    here, before = ab[7], own[7]
    assert here[30:60, 5:25, 0].mean() < -8  # green, over the hint and the red
    assert here[43:48, 58:63, 1].mean() < before[43:48, 58:63, 1].mean() - 15  # blue, over the red
    assert (here - before)[10:80, 90:115, 0].mean() > 8  # red, over the network


@pytest.mark.slow
def test_a_stopped_film_goes_on_and_another_reference_begins_anew(
    tmp_path: Path, film: Path, red: Path, scene: np.ndarray, colorizer: Colorizer, short_segments: None
) -> None:
    options = VideoOptions(references=[red])
    out, cancel = tmp_path / "out.mp4", threading.Event()

    def follow(progress: Progress) -> None:
        if progress.done >= 5:
            cancel.set()

    with pytest.raises(VideoStopped):
        colorize_video(film, out, colorizer=colorizer, options=options, progress=follow, cancel=cancel)
    result = colorize_video(film, out, colorizer=colorizer, options=options)
    assert result.resumed > 0
    colorize_video(film, tmp_path / "whole.mp4", colorizer=colorizer, options=options)
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    cancel.clear()
    with pytest.raises(VideoStopped):
        colorize_video(film, tmp_path / "b.mp4", colorizer=colorizer, options=options, progress=follow, cancel=cancel)
    save(red, painted(scene, GREEN))
    result = colorize_video(film, tmp_path / "b.mp4", colorizer=colorizer, options=options)
    assert result.resumed == 0 and any("reference" in note for note in result.notes)


@pytest.mark.parametrize("kind", ["grey", "damaged", "missing"])
def test_a_bad_one_is_named_before_anything_is_written(
    tmp_path: Path, film: Path, scene: np.ndarray, colorizer: Colorizer, kind: str
) -> None:
    reference = tmp_path / "look.png"
    if kind == "grey":
        save(reference, scene)
    elif kind == "damaged":
        reference.write_bytes(b"Dear aunt,")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(VideoError) as raised:
        colored(film, colorizer, references=[reference])
    assert "film.mkv" in str(raised.value) and "look.png" in str(raised.value) and "\n" not in str(raised.value)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_pipe_takes_none(film: Path, red: Path, colorizer: Colorizer) -> None:
    source = open_source(film)
    source.is_repeatable = False
    with pytest.raises(VideoError, match="pipe"):
        read_known_colors(source, VideoOptions(references=[red]), colorizer)


def test_one_beside_a_film_serves_that_film_alone(
    tmp_path: Path, film: Path, red: Path, scene: np.ndarray, colorizer: Colorizer
) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for name in ("a.mkv", "b.mkv"):
        (album / name).write_bytes(film.read_bytes())
    save(album / "a.ref.png", painted(scene, GREEN))
    jobs = plan([album])
    assert [isinstance(job, Job) and job.source.name for job in jobs] == ["a.mkv", "b.mkv"]
    options = FileOptions(video=VideoOptions(references=[red], end=0.4, codec="ffv1"))
    outcomes = list(colorize_files(colorizer, jobs, options))  # type: ignore[arg-type]
    assert [outcome.status for outcome in outcomes] == ["done", "done"], outcomes
    a, b = (ab_of_frames(album / f"{name}_colorized.mkv")[..., 0].mean() for name in "ab")
    assert a < b - 15
