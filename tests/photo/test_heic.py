"""HEIC: read and written through an extra, and a clear error without it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from support.photo_files import DATE, XMP, make_exif, smooth
from support.profiles import rgb_profile

from colorize.base import ImageError
from colorize.photo import Photo, read_photo, write_photo
from colorize.photo.xmp import SOURCE_TYPE, upright_xmp

HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.mark.parametrize("suffix", [".heic", ".heif"])
def test_a_heic_comes_back_with_all_that_belongs_to_it(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("pillow_heif")
    before = Photo(smooth(), profile=rgb_profile(), exif=make_exif(), xmp=upright_xmp(XMP), dpi=(300, 300))
    write_photo(tmp_path / f"a{suffix}", before)
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.format == "HEIF"
    assert np.abs(photo.picture.astype(int) - smooth()).mean() < 2
    assert photo.profile == rgb_profile()
    assert photo.dpi == pytest.approx((300, 300))
    labelled = photo.with_colors(photo.picture)
    write_photo(tmp_path / f"b{suffix}", labelled)
    photo = read_photo(tmp_path / f"b{suffix}")
    exif = Image.Exif()
    exif.load(photo.exif or b"")
    assert exif[ExifTags.Base.ImageDescription] == "Aunt Meta"
    assert "AI-colorized" in exif[ExifTags.Base.Software]
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == DATE
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    assert b"album 3" in (photo.xmp or b"")
    assert SOURCE_TYPE.encode() in (photo.xmp or b"")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_once(tmp_path: Path, orientation: int) -> None:
    """The file turns its picture by a box of its own; EXIF says it again, and must not turn it twice."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth()).save(path, exif=make_exif(orientation), quality=95)
    with Image.open(path) as image:
        image.save(tmp_path / "a.heic", exif=image.getexif().tobytes(), quality=95)
    expected, photo = read_photo(path), read_photo(tmp_path / "a.heic")
    assert photo.picture.shape == expected.picture.shape
    assert np.abs(photo.picture.astype(int) - expected.picture).mean() < 4
    write_photo(tmp_path / "b.heic", photo)
    again = read_photo(tmp_path / "b.heic")
    assert np.abs(again.picture.astype(int) - expected.picture).mean() < 5
    exif = Image.Exif()
    exif.load(again.exif or b"")
    assert exif.get(ExifTags.Base.Orientation, 1) == 1


def test_transparency_of_a_heic_is_kept(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    alpha = np.tile(np.repeat(np.array([0, 80, 160, 255], np.uint8), 10), (30, 1))
    write_photo(tmp_path / "a.heic", Photo(smooth(), alpha=alpha))
    result = read_photo(tmp_path / "a.heic").alpha
    assert result is not None
    assert np.abs(result.astype(int) - alpha).mean() < 3


def test_a_heic_under_another_name_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    write_photo(tmp_path / "a.heic", Photo(smooth()))
    (tmp_path / "a.heic").rename(tmp_path / "a.jpg")
    assert read_photo(tmp_path / "a.jpg").picture.shape == (30, 40, 3)


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "telephone.jpg"])
def test_reading_names_the_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / name).write_bytes(HEAD)
    with pytest.raises(ImageError, match=rf"{name}: HEIC needs an extra: pip install 'colorize-photos\[heic\]'"):
        read_photo(tmp_path / name)


def test_writing_names_the_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"a.heic: HEIC needs an extra: pip install 'colorize-photos\[heic\]'"):
        write_photo(tmp_path / "a.heic", Photo(smooth()))
    assert not list(tmp_path.iterdir())


def test_a_damaged_heic_is_an_error_of_one_line(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    write_photo(tmp_path / "a.heic", Photo(smooth()))
    whole = (tmp_path / "a.heic").read_bytes()
    for size in (12, 100, len(whole) // 2, len(whole) - 40):
        (tmp_path / "b.heic").write_bytes(whole[:size])
        with pytest.raises(ImageError, match=r"b\.heic: ") as caught:
            read_photo(tmp_path / "b.heic")
        assert "\n" not in str(caught.value)
