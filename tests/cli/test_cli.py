"""The command with photos: one, its candidates, and many."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from support.command import run
from support.small_networks import SMALL, small_tensors, write_small_weights

from colorize.color import rgb_to_lightness
from colorize.engine import Hint, read_hints
from colorize.photo import read_image, read_photo

pytestmark = pytest.mark.usefixtures("own_process_settings")


# --- one photo -------------------------------------------------------------------------------------------------------


def test_one_photo(capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path) -> None:
    before = grey_photo.read_bytes()
    status, out, err = run(capsys, weights_file, grey_photo)
    result = grey_photo.with_name("photo_colorized.jpg")
    assert (status, err) == (0, "")
    assert out == f"{grey_photo} -> {result}\n"
    assert grey_photo.read_bytes() == before
    photo = read_photo(result)
    assert photo.picture.shape == (90, 120, 3)
    assert photo.format == "JPEG"
    moved = np.abs(rgb_to_lightness(photo.picture) - rgb_to_lightness(read_image(grey_photo)))
    assert moved.mean() < 0.6
    assert sorted(os.listdir(grey_photo.parent)) == ["photo.jpg", "photo_colorized.jpg"]


def test_names_with_spaces_and_foreign_letters(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    photo = grey_photo.rename(grey_photo.with_name("Tante Möbius – 写真 1.jpg"))
    status, _, err = run(capsys, weights_file, photo, "-o", grey_photo.parent / "größer und bunt" / "x.png")
    assert (status, err) == (0, "")
    assert read_image(grey_photo.parent / "größer und bunt" / "x.png").shape == (90, 120, 3)


def test_a_name_that_starts_with_a_dash(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey_photo.rename(grey_photo.with_name("-1.jpg"))
    monkeypatch.chdir(grey_photo.parent)
    assert run(capsys, weights_file, "./-1.jpg")[0] == 0
    assert Path("-1_colorized.jpg").exists()


def test_format_quality_and_hints(capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path) -> None:
    hints = ["--hint", "10,10,#ff0000", "--hint", "50,50,#00ff00,5"]
    status, *_ = run(capsys, weights_file, grey_photo, "--format", "webp", "--quality", "60", *hints, "--no-ai-label")
    assert status == 0
    photo = read_photo(grey_photo.with_name("photo_colorized.webp"))
    assert photo.format == "WEBP"
    assert photo.exif is None


def test_saved_hints_colour_another_day(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder, hints = grey_photo.parent, ["--hint", "60,45,#ff0000,9", "--hint", "20,20,50,20,#00ff00,4"]
    assert run(capsys, weights_file, grey_photo, *hints, "--save-hints", "-o", folder / "a.png")[0] == 0
    saved = folder / "photo.hints.json"
    assert run(capsys, weights_file, grey_photo, "--hints", saved, "-o", folder / "b.png")[0] == 0
    np.testing.assert_array_equal(read_image(folder / "a.png"), read_image(folder / "b.png"))
    on_top = ["--hints", saved, "--hint", "60,45,#0000ff,9", "--save-hints"]
    before = saved.read_bytes()
    status, _, err = run(capsys, weights_file, grey_photo, *on_top, "-o", folder / "c.png")
    assert status == 1 and str(saved) in err and saved.read_bytes() == before and not (folder / "c.png").exists()
    assert run(capsys, weights_file, grey_photo, *on_top, "-o", folder / "c.png", "--overwrite")[0] == 0
    assert read_hints(saved, (90, 120))[-1] == Hint(60, 45, "#0000ff", 9)
    red, _, blue = read_image(folder / "c.png")[45, 60].astype(int)
    assert blue > red


def test_render_factor_counts_16_pixels(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder = grey_photo.parent
    assert run(capsys, weights_file, grey_photo, "-o", folder / "a.png", "--render-factor", 6)[0] == 0
    assert run(capsys, weights_file, grey_photo, "-o", folder / "b.png", "--render-size", 96)[0] == 0
    assert run(capsys, weights_file, grey_photo, "-o", folder / "c.png")[0] == 0
    np.testing.assert_array_equal(read_image(folder / "a.png"), read_image(folder / "b.png"))
    assert (read_image(folder / "a.png") != read_image(folder / "c.png")).any()


def test_square_stretches_what_the_network_sees(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder = grey_photo.parent
    assert run(capsys, weights_file, grey_photo, "-o", folder / "a.png", "--square")[0] == 0
    assert run(capsys, weights_file, grey_photo, "-o", folder / "b.png")[0] == 0
    square, plain = read_image(folder / "a.png"), read_image(folder / "b.png")
    assert square.shape == plain.shape and (square != plain).any()


# --- candidates ------------------------------------------------------------------------------------------------------


def test_candidates_are_numbered_and_begin_with_the_plain_picture(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder = grey_photo.parent
    one, last = folder / "photo_colorized_1.jpg", folder / "photo_colorized_3.jpg"
    status, out, err = run(capsys, weights_file, grey_photo, "--candidates", 3, "--seed", 7)
    assert (status, out, err) == (0, f"{grey_photo} -> {one} .. {last.name}\n", "")
    assert sorted(os.listdir(folder)) == ["photo.jpg", one.name, "photo_colorized_2.jpg", last.name]
    assert run(capsys, weights_file, grey_photo)[0] == 0
    assert one.read_bytes() == (folder / "photo_colorized.jpg").read_bytes()
    assert b"AI-colorized" in (read_photo(last).exif or b"")
    assert (read_image(one) != read_image(last)).any()
    assert run(capsys, weights_file, grey_photo, "--candidates", 4, "--seed", 7, "-o", folder / "x.jpg")[0] == 0
    assert (folder / "x_3.jpg").read_bytes() == last.read_bytes()
    assert (folder / "x_4.jpg").exists()


def test_a_sheet_takes_the_candidates_place(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder = grey_photo.parent
    sheet = folder / "photo_colorized_sheet.jpg"
    status, out, err = run(capsys, weights_file, grey_photo, "--candidates", 4, "--sheet")
    assert (status, out, err) == (0, f"{grey_photo} -> {sheet}\n", "")
    assert sorted(os.listdir(folder)) == ["photo.jpg", sheet.name]
    height, width = read_image(sheet).shape[:2]
    assert height >= 2 * 90 and width >= 2 * 120
    assert b"AI-colorized" in (read_photo(sheet).exif or b"")
    assert run(capsys, weights_file, grey_photo, "--candidates", 2, "--sheet", "-o", folder / "look.png")[0] == 0
    assert (folder / "look.png").exists()


def test_candidates_of_a_folder_and_once_more(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder = grey_photo.parent
    Image.open(grey_photo).save(folder / "b.png")
    (folder / "film.mp4").write_bytes(b"x")
    status, _, err = run(capsys, weights_file, folder, "--candidates", 2)
    assert (status, len(err.splitlines())) == (0, 2)
    assert "film.mp4: a film; --candidates is for photos" in err
    assert "2 coloured, 1 skipped" in err
    names = ["b.png", "b_colorized_1.png", "b_colorized_2.png", "film.mp4"]
    names += ["photo.jpg", "photo_colorized_1.jpg", "photo_colorized_2.jpg"]
    assert sorted(os.listdir(folder)) == names
    # Results are no sources, existing ones are kept, and --skip-existing fills the gaps.
    (folder / "b_colorized_1.png").write_bytes(b"precious")
    status, _, err = run(capsys, weights_file, folder, "--candidates", 2)
    assert (status, err.count("exists already; --overwrite")) == (1, 2)
    (folder / "b_colorized_2.png").unlink()
    status, _, err = run(capsys, weights_file, folder, "--candidates", 2, "--skip-existing")
    assert status == 0 and "1 coloured, 2 skipped" in err
    assert (folder / "b_colorized_1.png").read_bytes() == b"precious"
    assert sorted(os.listdir(folder)) == names
    assert run(capsys, weights_file, folder / "b.png", "--candidates", 2, "--overwrite")[0] == 0
    assert read_image(folder / "b_colorized_1.png").shape == (90, 120, 3)


def test_what_gives_no_candidates_is_one_line(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, scene: np.ndarray
) -> None:
    folder = grey_photo.parent
    pages = folder / "pages.tif"
    Image.fromarray(scene).save(pages, save_all=True, append_images=[Image.fromarray(scene)])
    deaf = write_small_weights(folder / "deaf.safetensors", SMALL, small_tensors(SMALL, takes_hints=False))
    itself = grey_photo.rename(folder / "photo_1.jpg")
    before = sorted(os.listdir(folder))
    cases: list[tuple[Path, list[object], int, str]] = [
        (weights_file, [pages], 1, "has several pages"),
        (weights_file, [folder / "film.mp4"], 2, "film.mp4 is a film"),
        (deaf, [itself], 1, "these weights give one picture alone"),
        (weights_file, [itself, "-o", folder / "photo.jpg", "--overwrite"], 1, "would replace the photo itself"),
    ]
    for weights, arguments, expected, words in cases:
        status, out, err = run(capsys, weights, *arguments, "--candidates", 2)
        assert (status, out, len(err.splitlines())) == (expected, "", 1), arguments
        assert words in err
        assert sorted(os.listdir(folder)) == before


# --- many photos -----------------------------------------------------------------------------------------------------


def test_a_folder_with_good_bad_and_colour_photos(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    folder = grey_photo.parent
    (folder / "text.jpg").write_text("Dear aunt,")
    Image.fromarray(skimage.data.astronaut()[::8, ::8]).save(folder / "colour.png")
    status, out, err = run(capsys, weights_file, folder)
    lines = err.splitlines()
    assert status == 1
    assert out == ""
    assert len(lines) == 3
    assert "colour.png: in colour already; --force" in lines[0]
    assert "text.jpg: not a picture" in lines[1]
    assert lines[2].startswith("1 coloured, 1 skipped, 1 failed in ")
    status, out, err = run(capsys, weights_file, folder, "--skip-existing", "-q")
    assert (status, out, len(err.splitlines())) == (1, "", 1)


def test_a_colour_photo_is_no_failure(capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path) -> None:
    Image.fromarray(skimage.data.astronaut()[::8, ::8]).save(tmp_path / "c.png")
    status, out, err = run(capsys, weights_file, tmp_path / "c.png")
    assert (status, out, len(err.splitlines())) == (0, "", 1)
    assert os.listdir(tmp_path) == ["c.png"]
