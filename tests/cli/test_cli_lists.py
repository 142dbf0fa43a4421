"""The command with a list of files: coloured, gone on with, and dry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.command import in_new_process, run
from support.photo_files import save_picture
from support.videos import VideoRecipe, make_video

from colorize.film import SegmentStore

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


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A list of three numbered frames of a film."""
    for number in (1, 2, 3):
        os.utime(save_picture(tmp_path / "in" / f"f_{number:03d}.png"), (1e9, 1e9 + number))
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'in' / 'f_%03d.png'}\n")
    return tmp_path / "list.txt"


def test_numbered_frames_of_a_list_are_coloured_once(
    capsys: pytest.CaptureFixture[str], weights_file: Path, frames: Path
) -> None:
    arguments = ("--files", frames, "--keep-dates")
    status, _, err = run(capsys, weights_file, *arguments, "--dry-run")
    assert status == 0 and "1 films to colour" in err
    assert run(capsys, weights_file, *arguments)[0] == 0
    results = sorted(frames.parent.glob("in/*_colorized.png"))
    assert [path.stat().st_mtime for path in results] == [1e9 + number for number in (1, 2, 3)]
    status, _, err = run(capsys, weights_file, *arguments)
    assert status == 0 and "1 done" in err
    status, _, err = run(capsys, weights_file, *arguments, "--dry-run")
    assert status == 0 and "1 done" in err and "nothing to colour" in err
    for path in results:
        path.unlink()
    assert run(capsys, weights_file, *arguments)[0] == 0 and all(path.exists() for path in results)


def test_a_film_that_was_killed_at_its_very_end_leaves_no_segments(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_video(tmp_path / "film.mp4", VideoRecipe(frames=4))
    os.utime(film, (1e9, 1e9))
    (tmp_path / "l.txt").write_text(f"{film}\n")
    arguments = ("--files", tmp_path / "l.txt", "--force", "--keep-dates")
    with monkeypatch.context() as patch:
        patch.setattr(SegmentStore, "clean_up", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run(capsys, weights_file, *arguments)[0] == 130
    result = tmp_path / "film_colorized.mp4"
    assert result.exists() and list(tmp_path.glob("*.segments*"))
    assert run(capsys, weights_file, *arguments)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "film.mp4",
        "film_colorized.mp4",
        "l.txt",
        "l.txt.journal",
    ]
    assert result.stat().st_mtime == 1e9


def test_a_dry_run_counts_as_the_run_does(capsys: pytest.CaptureFixture[str], weights_file: Path, listed: Path) -> None:
    result = listed.parent / "done" / "one.png"
    arguments = ("--files", listed, "--dry-run")
    run(capsys, weights_file, "--files", listed)
    status, _, err = run(capsys, weights_file, *arguments)
    assert status == 1 and "1 done, 2 failed" in err  # as the run would end
    result.unlink()
    assert "1 photos" in run(capsys, weights_file, *arguments)[2]
    (listed.parent / "film.mp4").write_bytes(b"x")
    status, _, err = run(capsys, weights_file, listed.parent, "--candidates", "2", "--dry-run")
    assert "film.mp4: a film; --candidates is for photos" in err and "films to colour" not in err


def test_a_journal_on_a_full_disk_is_one_line_that_names_it(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "l.txt"
    listed.write_text("".join(f"{tmp_path}/missing{number}.jpg\n" for number in range(60)))
    arguments = ["--weights", str(weights_file), "--device", "cpu", "--files", str(listed)]
    done = in_new_process(
        f"""
        import resource, sys
        from colorize.cli import main
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))  # of each file
        sys.exit(main({arguments!r}))
        """
    )
    *_, last = done.stderr.splitlines()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "l.txt.journal: cannot be written" in last and "same command" in last
    assert run(capsys, weights_file, *arguments[4:])[0] == 1
    assert (tmp_path / "l.txt.journal/report.csv").read_text().count("failed") == 60


def test_reports_that_cannot_be_written_are_one_line(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    listed = grey_photo.with_name("l.txt")
    listed.write_text(f"{grey_photo}\n")
    (grey_photo.parent / "l.txt.journal" / "report.csv" / "folder").mkdir(parents=True)
    status, _, err = run(capsys, weights_file, "--files", listed)
    assert status == 1 and "report.csv" in err.splitlines()[-1]
    assert grey_photo.with_name("photo_colorized.jpg").exists()
