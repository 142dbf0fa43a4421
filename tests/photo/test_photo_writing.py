"""Writing picture files: nothing is lost and nothing half-written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from support.photo_files import noise, smooth
from support.profiles import rgb_profile

from colorize.base import ImageError
from colorize.color import read_color_space, rgb_to_lab, rgb_to_lightness
from colorize.photo import Photo, read_image, read_photo, write_photo, write_photos
from colorize.photo.exif import Entry, set_fields

ARTIST = 315  # tag of EXIF


def test_jpeg_is_written_at_4_4_4_and_high_quality(tmp_path: Path) -> None:
    picture = skimage.data.astronaut()[:128, 128:256]
    write_photo(tmp_path / "a.jpg", Photo(picture))
    with Image.open(tmp_path / "a.jpg") as image:
        assert all(layer[1:3] == (1, 1) for layer in image.layer)  # type: ignore[attr-defined]
        error = np.abs(rgb_to_lightness(np.asarray(image)) - rgb_to_lightness(picture)).mean()
    assert error < 0.6


@pytest.mark.parametrize(("grain", "finer"), [(0, False), (60, True)])
def test_a_jpeg_keeps_the_lightness_of_grain(tmp_path: Path, grain: float, finer: bool) -> None:
    picture = skimage.data.astronaut()[:256, :256].mean(axis=2)
    picture = np.clip(picture + np.random.default_rng(0).normal(0, grain, picture.shape), 0, 255).astype(np.uint8)
    write_photo(tmp_path / "a.jpg", Photo(np.dstack([picture] * 3)))
    Image.fromarray(picture).save(tmp_path / "95.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as image, Image.open(tmp_path / "95.jpg") as plain:
        assert (image.quantization[0] != plain.quantization[0]) == finer  # type: ignore[attr-defined]
        error = np.abs(rgb_to_lightness(np.asarray(image)) - rgb_to_lightness(picture)).mean()
    assert error < 0.5


def test_a_jpeg_of_lower_quality_is_what_was_asked_for(tmp_path: Path) -> None:
    picture = noise((64, 64, 3))
    write_photo(tmp_path / "a.jpg", Photo(picture), quality=60)
    Image.fromarray(picture).save(tmp_path / "b.jpg", quality=60, subsampling=0)
    with Image.open(tmp_path / "a.jpg") as image, Image.open(tmp_path / "b.jpg") as plain:
        assert image.quantization == plain.quantization  # type: ignore[attr-defined]


def test_a_bmp_cannot_say_what_its_numbers_mean_so_they_are_srgb(tmp_path: Path) -> None:
    photo = Photo(smooth(), profile=rgb_profile(), space=read_color_space(rgb_profile()))
    write_photo(tmp_path / "a.bmp", photo)
    result = rgb_to_lab(read_image(tmp_path / "a.bmp"))
    assert np.abs(result[..., 0] - rgb_to_lightness(photo.picture, photo.space)).mean() < 0.3
    assert np.abs(read_image(tmp_path / "a.bmp").astype(int) - photo.picture).max() > 5


def test_alpha_is_not_dropped_silently(tmp_path: Path) -> None:
    photo = Photo(smooth(), alpha=np.full((30, 40), 9, np.uint8))
    with pytest.raises(ImageError, match="transparency; choose png"):
        write_photo(tmp_path / "a.jpg", photo)
    assert not os.listdir(tmp_path)


def test_lossless_webp_stays_lossless(tmp_path: Path) -> None:
    Image.fromarray(noise((20, 20, 3))).save(tmp_path / "a.webp", lossless=True)
    photo = read_photo(tmp_path / "a.webp")
    write_photo(tmp_path / "b.webp", photo)
    np.testing.assert_array_equal(read_image(tmp_path / "b.webp"), photo.picture)


def test_lossless_webp_stays_lossless_behind_a_large_profile(tmp_path: Path) -> None:
    profile = rgb_profile()
    profile = (len(profile) + 9000).to_bytes(4, "big") + profile[4:] + bytes(9000)
    picture = noise((20, 30, 3))
    for is_lossless in (True, False):
        Image.fromarray(picture).save(tmp_path / "a.webp", lossless=is_lossless, icc_profile=profile)
        assert read_photo(tmp_path / "a.webp").lossless is is_lossless


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists already"):
        write_photo(path, Photo(smooth()))
    assert path.read_bytes() == b"precious"
    write_photo(path, Photo(smooth()), overwrite=True)
    np.testing.assert_array_equal(read_image(path), smooth())


def test_an_unknown_suffix_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="names no format"):
        write_photo(tmp_path / "a.xyz", Photo(smooth()))


def test_a_webp_too_large_for_the_format_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot be written as WEBP .*choose png or tiff"):
        write_photo(tmp_path / "a.webp", Photo(np.zeros((2, 20_000, 3), np.uint8)))
    assert not os.listdir(tmp_path)


def test_an_unknown_format_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.png: format 'jpg' is unknown; use one of JPEG, PNG, TIFF, "):
        write_photo(tmp_path / "a.png", Photo(smooth()), format="jpg")
    write_photo(tmp_path / "a.dat", Photo(smooth()), format="JPEG")
    assert read_photo(tmp_path / "a.dat").format == "JPEG"


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.png"])
@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_out_of_range_is_refused(tmp_path: Path, name: str, quality: int) -> None:
    with pytest.raises(ValueError, match=rf"quality {quality} is not within 1\.\.100"):
        write_photo(tmp_path / name, Photo(smooth()), quality=quality)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_no_page_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="there is no photo to write"):
        write_photos(tmp_path / name, iter(()))
    assert not os.listdir(tmp_path)


def test_colours_of_another_size_are_not_taken() -> None:
    with pytest.raises(ValueError, match=r"colours \(3, 4, 3\) for a photo \(4, 3\)"):
        Photo(np.zeros((4, 3), np.uint8)).with_colors(np.zeros((3, 4, 3), np.uint8))


@pytest.mark.parametrize(("exif", "said"), [(None, ""), (set_fields(None, {ARTIST: Entry.text(b"aunt")}), "EXIF, ")])
def test_what_a_bmp_leaves_out_is_told_from_the_label(tmp_path: Path, exif: bytes | None, said: str) -> None:
    photo = Photo(np.full((4, 3), 90, np.uint8), exif=exif)
    lines = write_photo(tmp_path / "a.bmp", photo.with_colors(np.full((4, 3, 3), 90, np.uint8)))
    assert lines == (f"{tmp_path / 'a.bmp'}: BMP holds no words; left out: {said}the label AI-colorized",)
