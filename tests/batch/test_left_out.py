"""A folder's pictures and films that are not taken are named; nothing else in it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.foreign_files import FOREIGN
from support.photo_files import save_picture

from colorize.batch import Job, left_out, passed_over, plan


def test_pictures_and_films_that_are_not_taken_are_named(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.jpg")
    (tmp_path / "b.psd").write_bytes(FOREIGN["a.psd"][0])
    (tmp_path / "c.braw").write_bytes(b"whatever")
    (tmp_path / "picture").write_bytes((tmp_path / "a.jpg").read_bytes())
    (tmp_path / "clip.bin").write_bytes(FOREIGN["clip"][0])
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.pdf").write_bytes(b"%PDF-1.4")
    line = left_out([tmp_path])
    assert line is not None
    assert "4 files" in line and "b.psd (Photoshop)" in line and "c.braw (film)" in line
    assert "picture (JPEG)" in line and "clip.bin (film (MPEG))" in line and "a.jpg" not in line
    deeper = left_out([tmp_path], recursive=True)
    assert deeper is not None
    assert "5 files" in deeper and "d.pdf (PDF)" in deeper


def test_many_are_shortened(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.psd").write_bytes(b"8BPS\0\1")
    line = left_out([tmp_path])
    assert line is not None
    assert "40 files" in line and "35 more (35 Photoshop)" in line and len(line) < 300


def test_those_that_are_not_named_are_counted_by_their_kind(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"a{number}.psd").write_bytes(b"8BPS\0\1")
    for number in range(3):
        (tmp_path / f"b{number}.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "c.dng").write_bytes(b"II*\0\x08\0\0\0\0\0\0\0")
    line = left_out([tmp_path])
    assert line is not None
    assert "11 files" in line and "and 6 more (3 PDF, 2 Photoshop, 1 DNG)" in line


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.dng", "DNG"), ("a.nef", "camera raw"), ("a.arw", "camera raw"), ("a.bin", "TIFF"), ("a.psd", "TIFF")],
)
def test_what_begins_as_a_tiff_has_its_true_name(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"II*\0\x08\0\0\0\0\0\0\0")
    line = left_out([tmp_path])
    assert line is not None and f"{name} ({kind})" in line


@pytest.mark.parametrize(
    "name", ["Thumbs.db", "notes.txt", "a.xmp", "a.json", ".hidden.psd", "b_colorized.psd", "c.bin"]
)
def test_what_is_no_picture_is_not_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0 words")
    assert left_out([tmp_path]) is None


def test_a_file_that_is_named_itself_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(b"8BPS\0\1")
    assert left_out([tmp_path / "a.psd", tmp_path / "none.jpg", "x" * 300]) is None


def test_folders_that_are_passed_over_are_named(tmp_path: Path) -> None:
    for name in ("out", "elsewhere", "a"):
        (tmp_path / name).mkdir()
        save_picture(tmp_path / name / "x.jpg")
    (tmp_path / "a/link").symlink_to(tmp_path / "elsewhere")
    passed: list[Path] = []
    left_out([tmp_path / "a"], results=tmp_path / "out", on_passed=passed.append)
    assert passed == [] and passed_over(passed) is None  # no sub-folder is wanted
    left_out([tmp_path], recursive=True, results=tmp_path / "out", on_passed=passed.append)
    assert passed == [tmp_path / "out", tmp_path / "a/link"]
    line = passed_over(passed)
    assert line is not None and f"{tmp_path / 'a/link'} (a link)" in line
    assert f"{tmp_path / 'out'} (the folder of results)" in line


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes with names")
def test_a_pipe_with_a_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert left_out([tmp_path]) is None


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".jif", ".jfi"])
def test_every_suffix_of_a_jpeg_is_taken_and_kept(tmp_path: Path, suffix: str) -> None:
    save_picture(tmp_path / "a.jpg").rename(tmp_path / f"a{suffix}")
    (job,) = plan([tmp_path])
    assert isinstance(job, Job)
    assert job.target.name == f"a_colorized{suffix}"
