"""The command with films, alone and among photos."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from support.command import run
from support.small_networks import write_small_weights
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.base import parse_time
from colorize.cli.console import InterruptHandler
from colorize.network.graphs import read_graph, write_graph
from colorize.photo import read_image

pytestmark = pytest.mark.usefixtures("own_process_settings")


def test_one_film(capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=20, sounds=["eng"]))
    status, out, err = run(capsys, weights_file, video, "--crf", "20", "--preset", "ultrafast", "--start", "0:00.2")
    result = tmp_path / "film_colorized.mp4"
    assert (status, out, err) == (0, f"{video} -> {result}\n", "")
    assert len(read_frames(result)[0]) == 14
    status, out, err = run(capsys, weights_file, video)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "--overwrite" in err
    assert run(capsys, weights_file, video, "--skip-existing")[0] == 0


def test_a_film_in_colour_is_skipped_unless_forced(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=6, color=True))
    status, out, err = run(capsys, weights_file, video)
    assert (status, out, len(err.splitlines())) == (0, "", 1)
    assert "film.mp4: in colour already; --force" in err
    assert run(capsys, weights_file, video, "--force")[0] == 0
    assert len(read_frames(tmp_path / "film_colorized.mp4")[0]) == 6


def test_photos_films_and_bad_ones_in_one_folder(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder = grey_photo.parent
    make_video(folder / "old.avi", VideoRecipe(frames=4, codec="mpeg4", time_base=Fraction(1, 30)))
    make_video(folder / "odd.mkv", VideoRecipe(frames=4, codec="ffv1", size=(47, 63)))
    (folder / "text.mp4").write_text("Dear aunt,")
    status, out, err = run(capsys, weights_file, folder)
    lines = err.splitlines()
    assert (status, out) == (1, "")
    assert len(lines) == 3
    assert "odd.mkv: 63 x 47 is odd" in lines[0]
    assert "text.mp4: not a film" in lines[1]
    assert lines[2].startswith("3 coloured, 1 failed in ")
    made = ["odd_colorized.mkv", "old_colorized.mp4", "photo_colorized.jpg"]
    assert sorted(os.listdir(folder)) == sorted(["odd.mkv", "old.avi", "photo.jpg", "text.mp4", *made])


def test_a_preview_is_a_sheet_and_no_film(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=20))
    sheet = tmp_path / "film_preview_colorized.jpg"
    status, out, err = run(capsys, weights_file, video, "--preview", "4")
    assert (status, out, err) == (0, f"{video} -> {sheet}\n", "")
    assert read_image(sheet).ndim == 3
    assert sorted(os.listdir(tmp_path)) == ["film.mp4", sheet.name]
    assert run(capsys, weights_file, video, "--preview", "2", "-o", tmp_path / "sheet.png")[0] == 0
    assert (tmp_path / "sheet.png").exists()


def test_key_frames_are_exported_and_followed(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=20, scene_cut=10))
    folder = tmp_path / "keys"
    status, out, err = run(capsys, weights_file, video, "--export-keyframes", "2", "-o", folder)
    assert (status, out, err) == (0, f"{video} -> {folder}: 2 key frames\n", "")
    assert len(list(folder.glob("*.png"))) == len(list((folder / "grey").glob("*.png"))) == 2
    status, out, err = run(capsys, weights_file, video, "--export-keyframes", "2", "-o", folder)
    assert (status, out, "keyframes.json" in err, "--overwrite" in err) == (1, "", True, True)
    assert run(capsys, weights_file, video, "--keyframes", folder)[0] == 0
    assert len(read_frames(tmp_path / "film_colorized.mp4")[0]) == 20
    status, out, err = run(capsys, weights_file, video, "--keyframes", tmp_path / "none", "--overwrite")
    assert (status, out, len(err.splitlines()), "none" in err) == (1, "", 1, True)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--export-keyframes", "3"], "-o"),
        (["--export-keyframes", "3", "-o", "keys.mp4"], "-o"),
        (["--export-keyframes", "3", "-o", "keys", "--preview", "2"], "--preview"),
        (["--export-keyframes", "0", "-o", "keys"], "1..10000"),
        (["other.mp4", "--keyframes", "keys"], "one film"),
        (["other.mp4", "--hint", "3f:1,2,#ff0000"], "one film"),
        (["--hint", "1,2,#ff0000"], "12.5s:"),
        (["--hint", "3f:1,2,red"], "red"),
        (["--hint", "1.5f:1,2,#ff0000"], "1.5"),
        (["--propagate", "1"], "2..200"),
        (["other.mp4", "--export-keyframes", "3", "-o", "keys"], "one film"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_key_frames_that_cannot_be_are_usage_errors(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path, arguments: list[str], word: str
) -> None:
    status, out, err = run(capsys, weights_file, tmp_path / "film.mp4", *arguments)
    assert (status, out, word in err) == (2, "", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--start", "soon"],
        ["--end", "1:2:3:4"],
        ["--start", "5", "--end", "0:04"],
        ["--codec", "mpeg2"],
        ["--crf", "99"],
        ["--preview", "0"],
        ["--every", "0"],
        ["--every", "50"],
        ["--every", "4", "--temporal", "off"],
        ["--every", "often"],
        ["--temporal", "some"],
    ],
)
def test_wrong_film_options_are_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path, arguments: list[str]
) -> None:
    status, out, err = run(capsys, weights_file, tmp_path / "film.mp4", *arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)


def test_what_is_for_photos_is_refused_with_a_film(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=2))
    for option in (["--hint", "1,1,#ff0000"], ["--candidates", "2"]):
        status, out, err = run(capsys, weights_file, video, *option)
        assert (status, out, len(err.splitlines())) == (2, "", 1)
        assert option[0] in err and "film.mp4" in err
    assert os.listdir(tmp_path) == ["film.mp4"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.mp4"], "no such file"),
        (["empty.mp4"], "0 bytes"),
        (["film.mp4", "-o", "film.webm", "--codec", "h264"], "does not hold h264"),
        (["film.mp4", "-o", "film.mp4"], "would replace the film itself"),
        (["film.mp4", "--preset", "hasty"], "--preset hasty"),
        (["film.mp4", "--start", "9"], "no frame between"),
    ],
)
def test_bad_films_are_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str],
    weights_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "film.mp4", VideoRecipe(frames=5))
    (tmp_path / "empty.mp4").write_bytes(b"")
    status, out, err = run(capsys, weights_file, *arguments)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert words in err
    assert sorted(os.listdir(tmp_path)) == ["empty.mp4", "film.mp4"]


def test_segments_of_another_version_are_one_line(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=5))
    segments = tmp_path / "film_colorized.mp4.segments"
    segments.mkdir()
    (segments / "manifest.json").write_text('{"format": "colorize-segments/1", "version": "0.0.1"}')
    status, out, err = run(capsys, weights_file, video)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "another version" in err
    assert "goes on" not in err  # it cannot
    assert segments.exists()


def test_ctrl_c_is_gentle_with_films_and_quick_with_photos() -> None:
    handler = InterruptHandler()
    with pytest.raises(KeyboardInterrupt):
        handler(signal.SIGINT, None)
    handler.in_video = True
    handler(signal.SIGINT, None)
    assert handler.cancel.is_set()
    with pytest.raises(KeyboardInterrupt):
        handler(signal.SIGINT, None)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("1:30", 90), ("0:01:30.5", 90.5), ("2:00:00", 7200)])
def test_times(text: str, value: float) -> None:
    assert parse_time(text) == value


def test_a_graph_that_cannot_be_used_is_named_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It is only found while the film is read already."""
    weights, video = write_small_weights(tmp_path / "mine.safetensors"), make_video(tmp_path / "film.mp4")
    (graph_file,) = (tmp_path / "graphs").iterdir()
    graph = read_graph(graph_file)
    write_graph(graph_file, replace(graph, models={**graph.models, "decoder": b"no model"}))
    before = sorted(os.listdir(tmp_path))
    status, out, err = run(capsys, weights, video)
    assert (status, out) == (1, "")
    assert f"film.mp4: {graph_file}: its decoder cannot be used: " in err and "colorize-weights convert" in err
    assert sorted(os.listdir(tmp_path)) == before
