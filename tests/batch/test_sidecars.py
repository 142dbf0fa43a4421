"""What lies beside a photo goes with its result: XMP sidecars, and the file's dates where they are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from support.photo_files import XMP, make_exif, save_picture
from support.videos import VideoRecipe, make_video
from support.words import jpeg, segment

from colorize.batch import FileOptions, Job, PhotoOptions, colorize_files
from colorize.engine import Colorizer
from colorize.photo import read_photo
from colorize.photo.xmp import SOURCE_TYPE

CHANGED, READ = 1_000_000_000_123_456_789, 1_100_000_000_987_654_321  # of 2001 and 2004, in nanoseconds


def set_dates(path: Path) -> Path:
    os.utime(path, ns=(READ, CHANGED))
    return path


@pytest.mark.parametrize("name", ["photo.xmp", "photo.png.xmp", "photo.XMP"])
@pytest.mark.parametrize("ai_label", [True, False])
def test_a_sidecar_is_copied_under_the_results_name(
    tmp_path: Path, colorizer: Colorizer, name: str, ai_label: bool
) -> None:
    photo = save_picture(tmp_path / "photo.png")
    (tmp_path / name).write_bytes(XMP)
    target = tmp_path / "out" / "photo_colorized.png"
    options = FileOptions(photo=PhotoOptions(ai_label=ai_label))
    (outcome,) = colorize_files(colorizer, [Job(photo, target)], options)
    assert (outcome.status, outcome.notes) == ("done", ())
    copied = (tmp_path / "out" / name.replace("photo", "photo_colorized", 1)).read_bytes()
    assert b"album 3" in copied
    assert b'tiff:Orientation="1"' in copied
    assert (SOURCE_TYPE.encode() in copied) == ai_label
    assert (tmp_path / name).read_bytes() == XMP


def test_sizes_in_the_sidecar_of_a_turned_photo_are_those_of_its_result(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = tmp_path / "photo.png"
    Image.new("L", (64, 40), 100).save(photo, exif=make_exif(6))
    stated = b'tiff:Orientation="6" tiff:ImageWidth="64" tiff:ImageLength="40"'
    photo.with_suffix(".xmp").write_bytes(XMP.replace(b'tiff:Orientation="6"', stated))
    target = tmp_path / "out" / "photo.png"
    (outcome,) = colorize_files(colorizer, [Job(photo, target)])
    assert (outcome.status, read_photo(target).picture.shape[:2]) == ("done", (64, 40))
    copied = target.with_suffix(".xmp").read_bytes()
    assert b'tiff:Orientation="1" tiff:ImageWidth="40" tiff:ImageLength="64"' in copied


def test_a_sidecar_that_is_there_is_kept_and_named(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / "photo.png")
    (tmp_path / "photo.xmp").write_bytes(XMP)
    (tmp_path / "b.xmp").write_bytes(b"precious")
    (outcome,) = colorize_files(colorizer, [Job(photo, tmp_path / "b.png")])
    assert outcome.status == "done"
    assert ["b.xmp" in note for note in outcome.notes] == [True]
    assert (tmp_path / "b.xmp").read_bytes() == b"precious"
    options = FileOptions(photo=PhotoOptions(overwrite=True))
    (outcome,) = colorize_files(colorizer, [Job(photo, tmp_path / "b.png")], options)
    assert outcome.notes == ()
    assert b"album 3" in (tmp_path / "b.xmp").read_bytes()


def test_a_sidecar_of_the_source_is_never_changed(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / "photo.png")
    (tmp_path / "photo.xmp").write_bytes(XMP)
    options = FileOptions(photo=PhotoOptions(overwrite=True))
    (outcome,) = colorize_files(colorizer, [Job(photo, tmp_path / "photo.jpg")], options)
    assert ["photo.xmp" in note for note in outcome.notes] == [True]
    assert (tmp_path / "photo.xmp").read_bytes() == XMP


def test_a_sidecar_that_is_no_xmp_stays_byte_for_byte(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / "photo.png")
    (tmp_path / "photo.xmp").write_bytes(b"<other/>\n")
    list(colorize_files(colorizer, [Job(photo, tmp_path / "b.png")]))
    assert (tmp_path / "b.xmp").read_bytes() == b"<other/>\n"


def test_the_longest_name_has_no_sidecar_and_no_reference(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / f"{'x' * 250}.png")  # theirs would be longer than a name can be
    result = tmp_path / "out" / photo.name
    (outcome,) = colorize_files(colorizer, [Job(photo, result)])
    assert outcome.status == "done" and result.exists()


@pytest.mark.parametrize("keep_dates", [True, False])
def test_the_dates_of_a_photo_are_kept_where_asked_for(tmp_path: Path, colorizer: Colorizer, keep_dates: bool) -> None:
    photo = set_dates(save_picture(tmp_path / "photo.png"))
    (tmp_path / "photo.xmp").write_bytes(XMP)
    set_dates(tmp_path / "photo.xmp")
    set_dates(photo)
    list(colorize_files(colorizer, [Job(photo, tmp_path / "b.png")], FileOptions(keep_dates=keep_dates)))
    for name in ("b.png", "b.xmp"):
        status = os.stat(tmp_path / name)
        assert ((status.st_atime_ns, status.st_mtime_ns) == (READ, CHANGED)) == keep_dates


def test_a_disk_that_keeps_no_dates_costs_a_line_alone(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = save_picture(tmp_path / "photo.png")
    (tmp_path / "photo.xmp").write_bytes(XMP)
    film = make_video(tmp_path / "film.mp4", VideoRecipe(frames=3))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    jobs = [Job(photo, tmp_path / "b.png"), Job(film, tmp_path / "c.mp4")]
    first, second = colorize_files(colorizer, jobs, FileOptions(keep_dates=True, force=True))
    assert (first.status, second.status) == ("done", "done")
    assert [name in note for name, note in zip(("b.png", "b.xmp"), first.notes, strict=True)] == [True, True]
    assert any("c.mp4" in note and "dates" in note for note in second.notes)


@pytest.mark.parametrize("preview", [None, 2])
def test_the_dates_of_a_film_are_kept_where_asked_for(
    tmp_path: Path, colorizer: Colorizer, preview: int | None
) -> None:
    film = set_dates(make_video(tmp_path / "film.mp4", VideoRecipe(frames=3)))
    target = tmp_path / ("film.jpg" if preview else "b.mp4")
    options = FileOptions(keep_dates=True, preview=preview, force=True)
    (outcome,) = colorize_files(colorizer, [Job(film, target)], options)
    assert outcome.status == "done"
    assert os.stat(target).st_mtime_ns == CHANGED


def test_what_a_photo_and_its_result_cannot_keep_is_told(tmp_path: Path, colorizer: Colorizer) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\6\x1c\2\x19\0\1x"), trailer=b"tail"))
    (outcome,) = colorize_files(colorizer, [Job(path, tmp_path / "b.webp")])
    assert outcome.status == "done"
    assert ["4 bytes" in note or "IPTC" in note for note in outcome.notes] == [True, True]
