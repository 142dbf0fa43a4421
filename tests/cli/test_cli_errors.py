"""The command's errors with photos: exit statuses, one line for each, and nothing half-written."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from support.command import ROOT, in_new_process, run, said

from colorize.engine import write_hints
from colorize.photo import read_image

TEXT_OPTIONS = (
    "-o",
    "--weights",
    "--device",
    "--runtime",
    "--format",
    "--preset",
    "--codec",
    "--hint",
    "--hints",
    "--start",
)
pytestmark = pytest.mark.usefixtures("own_process_settings")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--render-size", "0"],
        ["--render-size", "many"],
        ["--render-factor", "-3"],
        ["--render-size", "256", "--render-factor", "16"],
        ["--strength", "2"],
        ["--hint", "1,5,red"],
        ["--hint", "1,5"],
        ["--hint", "1,5,#ff0000,-3"],
        ["--saturation", "nan"],
        ["--quality", "101"],
        ["--threads", "0"],
        ["--batch-size", "0"],
        ["--overwrite", "--skip-existing"],
        ["--format", "gif"],
        ["-o", "b.png", "--format", "jpg"],
        ["-q", "-v"],
        ["--colour-it"],
        ["--reference", "photo.txt"],
        ["--reference", "."],
        ["--reference-strength", "2"],
        ["--candidates", "1"],
        ["--candidates", "17"],
        ["--candidates", "some"],
        ["--candidates", "4", "--seed", "-1"],
        ["--seed", "7"],
        ["--sheet"],
        ["--save-hints"],
        *([option, ""] for option in TEXT_OPTIONS),
        ["-o", "out.xyz"],
        ["-o", "out.gif"],
        ["-o", "film.mp4"],
        ["-o", "film.avi"],
        [""],
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, arguments: list[str]
) -> None:
    status, out, err = run(capsys, weights_file, grey_photo, *arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("colorize: ")
    assert os.listdir(grey_photo.parent) == ["photo.jpg"]


@pytest.mark.parametrize("content", ["grey", "damaged"])
def test_a_reference_that_lends_no_colours_is_status_2_before_anything_is_written(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, scene: np.ndarray, content: str
) -> None:
    reference = grey_photo.with_name("look.png")
    Image.fromarray(scene).save(reference)
    if content == "damaged":
        reference.write_bytes(reference.read_bytes()[:40])
    status, out, err = run(capsys, weights_file, grey_photo, "--reference", reference)
    assert (status, out, len(err.splitlines())) == (2, "", 1) and "--reference" in err and "look.png" in err
    assert sorted(os.listdir(grey_photo.parent)) == ["look.png", "photo.jpg"]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--overwrite", "--skip-existing"], ["--overwrite", "--skip-existing"]),
        (["--sheet"], ["--sheet", "--candidates"]),
        (["--seed", "7"], ["--seed", "--candidates"]),
        (["--start", "5", "--end", "4"], ["--start 5", "--end 4"]),
        (["--temporal", "off", "--every", "4"], ["--temporal", "--every 4"]),
        (["--render-size", "0"], ["--render-size 0"]),
        (["-q", "-v"], ["--quiet", "--verbose"]),
    ],
)
def test_options_are_named_as_they_are_written(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, arguments: list[str], options: list[str]
) -> None:
    status, _, err = run(capsys, weights_file, grey_photo, *arguments)
    assert status == 2 and all(option in err for option in options), err


@pytest.mark.parametrize(
    ("source", "arguments", "suffix"),
    [
        ("a.mp4", ["-o", "b.png"], ".mkv"),
        ("a.mp4", ["-o", "b.avi"], ".mkv"),
        ("a.mp4", ["-o", "b.mp4", "--preview", "3"], ".jpg"),
        ("a.jpg", ["-o", "b.mp4"], ".jpg"),
        ("a.jpg", ["-o", "b.PSD"], ".jpg"),
    ],
)
def test_a_suffix_that_is_not_written_is_named_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
    weights_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    arguments: list[str],
    suffix: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, weights_file, source, *arguments)
    assert (status, len(err.splitlines())) == (2, 1) and f"-o {arguments[1]}" in err and suffix in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["holiday.2019", "my.photos", "v1.2", "made.xyz"])
def test_folders_may_have_dots_in_their_names(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, name: str
) -> None:
    folder = grey_photo.parent / name
    if name == "made.xyz":
        folder.mkdir()
    status, _, err = run(capsys, weights_file, grey_photo, "-o", folder)
    assert (status, err) == (0, "")
    assert os.listdir(folder) == ["photo.jpg"]


@pytest.mark.parametrize("list_too", [False, True])
def test_an_output_that_is_another_file_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, list_too: bool
) -> None:
    notes = grey_photo.with_name("notes.txt")
    notes.write_text("photo.jpg\n")
    named = ["--files", notes] if list_too else [grey_photo]
    status, _, err = run(capsys, weights_file, *named, "-o", notes)
    assert status == 2 and "notes.txt" in err and "folder" in err and err.count("\n") == 1
    assert notes.read_text() == "photo.jpg\n"


def test_a_folder_that_may_not_be_entered_is_one_line(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, real = grey_photo.with_name("locked"), os.stat

    def stat(path: object, *arguments: object, **options: object) -> object:
        if not isinstance(path, int) and locked in Path(os.fspath(path)).parents:  # type: ignore[call-overload]
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))  # type: ignore[call-overload]
        return real(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", stat)
    for arguments in ([locked / "a.jpg"], [grey_photo, "-o", locked / "out"]):
        status, _, err = run(capsys, weights_file, *arguments)
        assert status == 1 and "locked" in err and "permission" in err
        assert said(err).count("\n") == 1


def test_several_photos_do_not_share_one_name(
    capsys: pytest.CaptureFixture[str], weights_file: Path, grey_photo: Path
) -> None:
    for name in ("x.jpg", "x.mp4", "x.gif", "x.ppm"):
        assert run(capsys, weights_file, grey_photo, "other.jpg", "-o", name)[0] == 2
    for others in ([grey_photo, "other.jpg"], [grey_photo.parent], [f"{grey_photo.parent}/*.jpg"]):
        for option in (["--hint", "1,1,#ff0000"], ["--hints", "x.hints.json"]):
            status, _, err = run(capsys, weights_file, *others, *option)
            assert (status, len(err.splitlines())) == (2, 1)
            assert option[0] + " " in err


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
    write_hints(tmp_path / "other.json", [], (90, 90))
    cases: list[tuple[list[object], str]] = [
        (["cut.jpg"], "damaged or cut off"),
        (["text.jpg"], "not a picture"),
        (["zero.jpg"], "0 bytes"),
        (["missing.jpg"], "no such file"),
        (["empty"], "without photos"),
        (["whole.jpg", "--hint", "1000,5,#ff0000"], "outside the photo"),
        (["whole.jpg", "--hints", "text.jpg"], "text.jpg: not a file of hints"),
        (["whole.jpg", "--hints", "none.json"], "none.json: no such file"),
        (["whole.jpg", "--hints", "other.json"], "other.json: hints of a photo of 90 x 90"),
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
    cut, foreign = tmp_path / "cut.safetensors", tmp_path / "foreign.safetensors"
    cut.write_bytes(weights_file.read_bytes()[:100_000])
    save_file({"a": np.zeros(3, np.float32)}, foreign)
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
def test_a_disk_that_fills_up_leaves_no_partial_file(weights_file: Path, grey_photo: Path) -> None:
    done = in_new_process(
        f"""
        import resource, signal, sys
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        from colorize.cli import main
        for format in ("jpg", "png", "tif"):
            print(main([{str(grey_photo)!r}, "--weights", {str(weights_file)!r}, "--format", format]))
        """
    )
    assert (done.returncode, done.stdout) == (0, "1\n1\n1\n"), done.stderr
    assert len(said(done.stderr).splitlines()) == 3
    assert done.stderr.count("too large") == 3  # EFBIG, which a quota gives
    assert os.listdir(grey_photo.parent) == ["photo.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interruption_leaves_only_whole_files(
    weights_file: Path, tmp_path: Path, scene: np.ndarray, number: signal.Signals
) -> None:
    for index in range(300):
        Image.fromarray(scene).save(tmp_path / f"{index:03d}.png")
    # A shell starts background jobs with Ctrl-C ignored, which a child inherits: here it is to be heard.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += f"from colorize.cli.command import main; sys.exit(main([{str(tmp_path)!r}, '-o', "
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
    assert len(said(err).splitlines()) == 1 and "interrupted" in err and "--skip-existing" in err
    written = sorted(os.listdir(out))
    assert 1 <= len(written) < 300
    for name in written:
        assert read_image(out / name).shape == (90, 120, 3)
