"""JPEG XL is read and written at its full depth, with its colours named, and with EXIF and XMP."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image
from support.photo_files import XMP, make_exif, noise, smooth
from support.profiles import rgb_profile

from colorize.base import ImageError
from colorize.color import SRGB, read_color_space, rgb_to_lightness, srgb_profile
from colorize.photo import Photo, photo_size, read_photo, write_photo


def read(folder: Path, data: bytes) -> Photo:
    (folder / "a.jxl").write_bytes(data)
    return read_photo(folder / "a.jxl")


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_8_bits(tmp_path: Path, channels: int, container: bool) -> None:
    pixels = noise((30, 40, channels)).squeeze()
    photo = read(tmp_path, imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=container))
    alpha = pixels[..., -1] if channels in (2, 4) else None
    colors = pixels[..., : channels - (alpha is not None)].squeeze() if channels > 1 else pixels
    np.testing.assert_array_equal(photo.picture, colors)
    assert (photo.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(photo.alpha, alpha)
    assert photo.lossless
    assert photo_size(tmp_path / "a.jxl") == (30, 40)


@pytest.mark.parametrize("bits", [9, 10, 12, 16])
def test_linear_light_becomes_srgb(tmp_path: Path, bits: int) -> None:
    """The encoder calls more than 8 bits linear."""
    light = np.linspace(0, 1, 30 * 40).reshape(30, 40)
    levels = np.round(light * (2**bits - 1)).astype(np.uint16)
    photo = read(tmp_path, imagecodecs.jpegxl_encode(levels, lossless=True, bitspersample=bits))
    assert photo.picture.dtype == np.uint16
    lightness = np.where(light > 216 / 24389, 116 * np.cbrt(light) - 16, light * 24389 / 27)
    assert np.abs(rgb_to_lightness(photo.picture) - lightness).mean() < 0.1


def test_floating_point_is_read(tmp_path: Path) -> None:
    light = np.linspace(0, 1, 30 * 40, dtype=np.float32).reshape(30, 40)
    photo = read(tmp_path, imagecodecs.jpegxl_encode(light, lossless=True))
    lightness = np.where(light > 216 / 24389, 116 * np.cbrt(light) - 16, light * 24389 / 27)
    assert np.abs(rgb_to_lightness(photo.picture) - lightness).mean() < 0.1


def test_one_made_of_a_jpeg_gives_the_jpegs_picture_and_profile(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(smooth()).save(file, "JPEG", quality=95, icc_profile=rgb_profile(), exif=make_exif())
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    photo = read(tmp_path, imagecodecs.jpegxl_encode_jpeg(file.getvalue(), usecontainer=True))
    jpeg = read_photo(tmp_path / "a.jpg")
    assert np.abs(photo.picture.astype(int) - jpeg.picture).mean() < 1
    assert photo.profile == rgb_profile()
    assert not photo.lossless


def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It stands compressed in the codestream; here without the box by which the JPEG, and its profile, come back."""
    file = io.BytesIO()
    Image.fromarray(smooth()).save(file, "JPEG", quality=95, icc_profile=rgb_profile())
    data = bytes(imagecodecs.jpegxl_encode_jpeg(file.getvalue(), usecontainer=True))
    boxes = [box for box in split_boxes(data) if box[4:8] != b"jbrd"]
    photo = read(tmp_path, b"".join(boxes))
    assert photo.profile is None
    assert ["ICC" in note for note in photo.notes] == [True]


def split_boxes(data: bytes) -> list[bytes]:
    """Return the boxes of a file, whole."""
    boxes = []
    while data:
        length = int.from_bytes(data[:4], "big") or len(data)
        boxes.append(data[:length])
        data = data[length:]
    return boxes


def test_an_animation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.jxl: .*animation"):
        read(tmp_path, imagecodecs.jpegxl_encode(noise((3, 20, 20, 3)), lossless=True))


def test_a_large_one_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="--max-megapixels"):
        read(tmp_path, imagecodecs.jpegxl_encode(smooth()))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_quality_100_keeps_every_level(tmp_path: Path, dtype: type, grey: bool, has_alpha: bool) -> None:
    picture = noise((30, 40) if grey else (30, 40, 3), dtype)
    alpha = noise((30, 40), dtype) if has_alpha else None
    write_photo(tmp_path / "a.jxl", Photo(picture, alpha, exif=make_exif(), xmp=XMP, dpi=(300, 600)), quality=100)
    result = read_photo(tmp_path / "a.jxl")
    np.testing.assert_array_equal(result.picture, picture)
    if alpha is not None:
        np.testing.assert_array_equal(result.alpha, alpha)
    exif = Image.Exif()
    exif.load(result.exif or b"")
    assert exif[ExifTags.Base.ImageDescription] == "Aunt Meta"
    assert result.dpi == pytest.approx((300, 600))
    assert b"album 3" in (result.xmp or b"")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("grey", [False, True])
def test_lower_qualities_are_smaller_and_keep_the_lightness(tmp_path: Path, dtype: type, grey: bool) -> None:
    picture = (smooth(120, 160).astype(dtype) * (257 if dtype == np.uint16 else 1)).astype(dtype)
    picture = picture[..., 0] if grey else picture
    sizes = []
    for quality in (100, 95, 50):
        path = tmp_path / f"{quality}.jxl"
        write_photo(path, Photo(picture), quality=quality)
        sizes.append(path.stat().st_size)
        result = read_photo(path).picture
        assert result.dtype == dtype
        if quality >= 95:
            assert np.abs(rgb_to_lightness(result) - rgb_to_lightness(picture)).mean() < 0.6
    assert sizes[2] < sizes[1]


def test_a_lossless_one_stays_lossless(tmp_path: Path) -> None:
    photo = read(tmp_path, imagecodecs.jpegxl_encode(noise((20, 20, 3)), lossless=True))
    write_photo(tmp_path / "b.jxl", photo, quality=80)
    np.testing.assert_array_equal(read_photo(tmp_path / "b.jxl").picture, photo.picture)


def test_other_colours_become_srgb_with_a_line(tmp_path: Path) -> None:
    space = read_color_space(rgb_profile())
    picture = np.repeat(np.linspace(0, 65535, 1200).reshape(30, 40, 1), 3, axis=2).astype(np.uint16)
    (line,) = write_photo(tmp_path / "a.jxl", Photo(picture, profile=rgb_profile(), space=space), quality=100)
    assert "a.jxl" in line and "ICC" in line
    for profile in (srgb_profile(), None):  # needs no line
        photo = Photo(picture, profile=profile, space=read_color_space(profile) if profile else SRGB)
        assert write_photo(tmp_path / "b.jxl", photo, quality=100, overwrite=True) == ()
    result = read_photo(tmp_path / "a.jxl")
    assert result.profile is None
    assert np.abs(rgb_to_lightness(result.picture) - rgb_to_lightness(picture, space)).max() < 0.05


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 700), (256, 256)])
def test_any_size_is_written_in_16_bits(tmp_path: Path, size: tuple[int, int]) -> None:
    for shape in (size, (*size, 3)):
        picture = noise(shape, np.uint16)
        path = tmp_path / f"{len(shape)}.jxl"
        write_photo(path, Photo(picture), quality=100)
        np.testing.assert_array_equal(read_photo(path).picture, picture)
