"""The command with a list of files: coloured, gone on with, and dry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.command import run

pytestmark = pytest.mark.usefixtures("own_process_settings")


@pytest.fixture
def listed(grey_photo: Path) -> Path:
    """A list of a photo, of one that is none, and of one that is missing."""
    folder = grey_photo.parent
    (folder / "bad.jpg").write_bytes(b"x")
    rows = [f"{grey_photo},{folder}/done/one.png", f"{folder}/bad.jpg,", f"{folder}/gone.jpg,"]
    path = folder / "list.csv"
    path.write_text("\n".join(["file,result", *rows]))
    return path


def test_a_list_is_coloured_once(capsys: pytest.CaptureFixture[str], weights_file: Path, listed: Path) -> None:
    result = listed.parent / "done" / "one.png"
    status, _, err = run(capsys, weights_file, "--files", listed)
    assert status == 1 and result.exists()
    assert "bad.jpg" in err and "gone.jpg" in err and "1 coloured, 2 failed" in err
    assert (listed.parent / "list.csv.journal" / "report.csv").exists()
    before = result.stat().st_mtime_ns
    status, _, err = run(capsys, weights_file, "--files", listed)
    assert status == 1 and "--retry-failed" in err and "bad.jpg" not in err
    assert result.stat().st_mtime_ns == before
    status, _, err = run(capsys, weights_file, "--files", listed, "--retry-failed")
    assert status == 1 and "bad.jpg" in err
    status, _, err = run(capsys, weights_file, "--files", listed, "--strength", "0.5")
    assert status == 1 and "strength 1.0 -> 0.5" in err and result.stat().st_mtime_ns == before
    status, _, err = run(capsys, weights_file, "--files", listed, "--strength", "0.5", "--overwrite")
    assert status == 1 and "1 coloured" in err and result.stat().st_mtime_ns > before


def test_a_dry_run_writes_nothing(capsys: pytest.CaptureFixture[str], weights_file: Path, listed: Path) -> None:
    photo = listed.parent / "photo.jpg"
    before = sorted(os.listdir(listed.parent))
    status, out, err = run(capsys, weights_file, "--files", listed, "--dry-run")
    assert (status, out) == (1, "") and "bad.jpg" in err and "gone.jpg" in err
    assert "1 photos (0.0 megapixels)" in err and "2 failed" in err
    status, out, err = run(capsys, weights_file, photo, "--dry-run", "-v")
    assert (status, out) == (0, f"{photo} -> {photo.with_name('photo_colorized.jpg')}\n")
    assert sorted(os.listdir(listed.parent)) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["photo.jpg", "--files", "list.csv"], "photo.jpg"),
        (["photo.jpg", "--retry-failed"], "--files or --ray"),
        (["photo.jpg", "--workers", "2"], "--workers belongs to --ray"),
        (["--ray", "photo.jpg"], "--ray"),
        (["-", "-o", "x.mkv", "--ray"], "--ray"),
        (["scan_%04d.dpx", "-o", "x.mkv", "--ray"], "scan_%04d.dpx"),
        (["x.mkv", "-o", "scan_%04d.dpx", "--ray"], "scan_%04d.dpx"),
        (["scans", "--sequence", "--ray"], "--sequence"),
        (["x.mkv", "--keyframes", "painted", "--ray"], "--keyframes"),
        (["x.mkv", "--export-keyframes", "2", "-o", "painted", "--ray"], "--export-keyframes"),
        (["x.mkv", "--hint", "2s:1,1,#ffffff", "--ray"], "--hint"),
        (["--files", "list.csv", "--hint", "1,1,#ffffff"], "hints"),
        (["--files", "list.csv", "-o", "one.png"], "one.png"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], weights_file: Path, options: list[str], words: str
) -> None:
    status, _, err = run(capsys, weights_file, *options)
    assert status == 2 and words in err and err.count("\n") == 1


def test_a_list_without_its_column_is_one_line(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "l.csv").write_text("name\nx.jpg\n")
    for options in ([], ["--dry-run"]):
        status, _, err = run(capsys, weights_file, "--files", tmp_path / "l.csv", "-o", tmp_path / "out", *options)
        assert status == 1 and "l.csv" in err and "'name'" in err and err.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_without_ray_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    status, _, err = run(capsys, weights_file, grey_photo, "-o", grey_photo.parent / "out", "--ray")
    assert (status, err.count("\n")) == (1, 1) and "colorize-photos[ray]" in err
    assert not (grey_photo.parent / "out").exists()


def test_of_several_files_the_one_that_was_left_is_counted(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    other, out = grey_photo.with_name("other.jpg"), grey_photo.with_name("out")
    other.write_bytes(grey_photo.read_bytes())
    listed = grey_photo.with_name("list.txt")
    listed.write_text(f"{grey_photo}\n{other}\n")
    assert "2 coloured" in run(capsys, weights_file, "--files", listed, "-o", out)[2]
    next(out.rglob("other.jpg")).unlink()
    status, _, err = run(capsys, weights_file, "--files", listed, "-o", out)
    assert status == 0 and "1 coloured in" in err and "from earlier runs" in err and "1 done" in err
    assert "coloured in" not in run(capsys, weights_file, "--files", listed, "-o", out)[2]


@pytest.mark.parametrize("name", ["gone.txt", "folder.csv"])
def test_a_list_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    if path.suffix == ".csv":
        path.mkdir()
    reason = {"gone.txt": "no such file or directory", "folder.csv": "is a directory"}[name]
    assert run(capsys, weights_file, "--files", path) == (1, "", f"colorize: {path}: {reason}\n")
