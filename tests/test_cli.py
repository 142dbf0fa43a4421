"""The command with photos: exit statuses, one line for every error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from made_command import ROOT, in_new_process, run
from PIL import Image
from safetensors.torch import save_file

from colorize.images import read_image, read_photo
from colorize.lab import rgb_to_lightness
from colorize.weights import load_generator, save_generator

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


def test_format_quality_and_marks(capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path) -> None:
    marks = ["--mark", "10,10,#ff0000", "--mark", "50,50,#00ff00,5"]
    status, *_ = run(capsys, weights_file, grey_photo, "--format", "webp", "--quality", "60", *marks, "--no-mark")
    assert status == 0
    photo = read_photo(grey_photo.with_name("photo_colorized.webp"))
    assert photo.format == "WEBP"
    assert photo.exif is None


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
    deaf = folder / "deaf.safetensors"
    generator = load_generator(weights_file)
    generator.encoder.conv1.weight.data[:, 1:] = 0
    save_generator(generator, deaf)
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


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--render-size", "0"],
        ["--render-size", "many"],
        ["--render-factor", "-3"],
        ["--render-size", "256", "--render-factor", "16"],
        ["--strength", "2"],
        ["--mark", "1,5,red"],
        ["--mark", "1,5"],
        ["--mark", "1,5,#ff0000,-3"],
        ["--saturation", "nan"],
        ["--quality", "101"],
        ["--threads", "0"],
        ["--batch-size", "0"],
        ["--overwrite", "--skip-existing"],
        ["--format", "gif"],
        ["-o", "b.png", "--format", "jpg"],
        ["-q", "-v"],
        ["--colour-it"],
        ["--candidates", "1"],
        ["--candidates", "17"],
        ["--candidates", "some"],
        ["--candidates", "4", "--seed", "-1"],
        ["--seed", "7"],
        ["--sheet"],
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, arguments: list[str]
) -> None:
    status, out, err = run(capsys, weights_file, grey_photo, *arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("colorize: ")
    assert os.listdir(grey_photo.parent) == ["photo.jpg"]


def test_several_photos_do_not_share_one_name(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    assert run(capsys, weights_file, grey_photo, "other.jpg", "-o", "x.jpg")[0] == 2
    assert run(capsys, weights_file, grey_photo, "other.jpg", "--mark", "1,1,#ff0000")[0] == 2


def test_bad_photos_are_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str],
    weights_file: Path,
    tmp_path: Path,
    scene: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = tmp_path / "whole.jpg"
    Image.fromarray(scene).save(whole)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:1500])
    (tmp_path / "text.jpg").write_text("Dear aunt,")
    (tmp_path / "zero.jpg").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    cases: list[tuple[list[object], str]] = [
        (["cut.jpg"], "damaged or cut off"),
        (["text.jpg"], "not a picture"),
        (["zero.jpg"], "0 bytes"),
        (["missing.jpg"], "no such file"),
        (["empty"], "without photos"),
        (["whole.jpg", "--mark", "1000,5,#ff0000"], "outside the photo"),
        (["whole.jpg", "--max-megapixels", "0.005"], "--max-megapixels"),
        (["whole.jpg", "--device", "toaster"], "toaster"),
    ]
    for arguments, words in cases:
        before = sorted(os.listdir(tmp_path))
        status, out, err = run(capsys, weights_file, *arguments)
        assert (status, out, len(err.splitlines())) == (1, "", 1), arguments
        assert words in err
        assert sorted(os.listdir(tmp_path)) == before


def test_bad_weights_are_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, tmp_path: Path
) -> None:
    import torch

    cut, foreign = tmp_path / "cut.safetensors", tmp_path / "foreign.safetensors"
    cut.write_bytes(weights_file.read_bytes()[:100_000])
    save_file({"a": torch.zeros(3)}, foreign)
    for weights, words in [
        (Path("no-such-name"), "neither a weights file nor a released name"),
        (cut, "cut.safetensors"),
        (foreign, "foreign.safetensors"),
    ]:
        status, out, err = run(capsys, weights, grey_photo)
        assert (status, out, len(err.splitlines())) == (1, "", 1)
        assert words in err
    assert not grey_photo.with_name("photo_colorized.jpg").exists()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path) -> None:
    grey_photo.parent.chmod(0o500)
    try:
        status, out, err = run(capsys, weights_file, grey_photo)
    finally:
        grey_photo.parent.chmod(0o700)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "no permission to write" in err


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="POSIX only")
@pytest.mark.parametrize("format", ["jpg", "png", "tif"])
def test_a_disk_that_fills_up_leaves_no_partial_file(weights_file: Path, grey_photo: Path, format: str) -> None:
    done = in_new_process(
        f"""
        import resource, signal, sys
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        from colorize.cli import Interruption, main
        from colorize.options import seconds
        sys.exit(main([{str(grey_photo)!r}, "--weights", {str(weights_file)!r}, "--format", {format!r}]))
        """
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "too large" in done.stderr  # EFBIG, which a quota gives
    assert os.listdir(grey_photo.parent) == ["photo.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_only_whole_files(
    weights_file: Path, tmp_path: Path, scene: np.ndarray, number: signal.Signals
) -> None:
    for index in range(300):
        Image.fromarray(scene).save(tmp_path / f"{index:03d}.png")
    # A shell starts background jobs with Ctrl-C ignored, which a child inherits: here it is to be heard.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += f"from colorize.cli import main; sys.exit(main([{str(tmp_path)!r}, '-o', "
    code += f"{str(tmp_path / 'out')!r}, '--weights', {str(weights_file)!r}]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment)
    out = tmp_path / "out"
    deadline = time.monotonic() + 60
    while not (out.is_dir() and any(out.glob("*.png"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, (err, len(os.listdir(out)))
    assert err.splitlines() == ["colorize: interrupted; --skip-existing goes on from here"]
    written = sorted(os.listdir(out))
    assert 1 <= len(written) < 300
    for name in written:
        assert read_image(out / name).shape == (90, 120, 3)
