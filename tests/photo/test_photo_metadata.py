"""Metadata of photos stays with them: EXIF, XMP, DPI, profiles; and the AI label is added."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from support.photo_files import DATE, XMP, make_exif, smooth
from support.profiles import grey_profile, rgb_profile

from colorize.color import SRGB, ProfileError, lab_to_rgb, read_color_space, rgb_to_lab, rgb_to_lightness, srgb_profile
from colorize.photo import Photo, read_photo, write_photo
from colorize.photo.metadata import label_exif
from colorize.photo.xmp import SOURCE_TYPE, label_xmp, upright_xmp


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_metadata_survives(tmp_path: Path, suffix: str, dtype: type) -> None:
    picture = smooth().astype(dtype) * np.array(257 if dtype == np.uint16 else 1, dtype)
    profile = rgb_profile()
    before = Photo(picture, profile=profile, exif=make_exif(), xmp=upright_xmp(XMP), dpi=(300, 300))
    write_photo(tmp_path / f"a{suffix}", before)
    photo = read_photo(tmp_path / f"a{suffix}")
    write_photo(tmp_path / f"b{suffix}", photo)
    photo = read_photo(tmp_path / f"b{suffix}")
    assert photo.profile == profile
    assert photo.xmp is not None
    assert b"album 3" in photo.xmp
    exif = Image.Exif()
    assert photo.exif is not None
    exif.load(photo.exif)
    assert exif[ExifTags.Base.ImageDescription] == "Aunt Meta"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == DATE
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    if suffix in (".jpg", ".png", ".tif"):
        assert photo.dpi == pytest.approx((300, 300), abs=0.02)
    if suffix in (".png", ".tif"):
        assert photo.picture.dtype == dtype
        np.testing.assert_array_equal(photo.picture, picture)


def test_the_stale_thumbnail_is_dropped(tmp_path: Path) -> None:
    exif = make_exif(thumbnail=True)
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)  # the photo had one
    write_photo(tmp_path / "b.jpg", read_photo(tmp_path / "a.jpg"))
    with Image.open(tmp_path / "b.jpg") as image:
        assert not image.getexif().get_ifd(ExifTags.IFD.IFD1)
        assert image.getexif()[ExifTags.Base.ImageDescription] == "Aunt Meta"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_is_no_reason_to_fail(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x00garbage")
    assert read_photo(tmp_path / "a.jpg").picture.shape == (30, 40, 3)


def test_the_ai_label_is_set_and_keeps_what_was_there() -> None:
    photo = Photo(smooth(), exif=make_exif(), xmp=XMP)
    labelled = photo.with_colors(photo.picture)
    exif = Image.Exif()
    exif.load(labelled.exif or b"")
    assert exif[ExifTags.Base.Software].startswith("scanner 1.0; AI-colorized by colorize ")
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == DATE
    assert SOURCE_TYPE.encode() in (labelled.xmp or b"")
    assert b"album 3" in (labelled.xmp or b"")
    unlabelled = photo.with_colors(photo.picture, ai_label=False)
    assert (unlabelled.exif, unlabelled.xmp) == (photo.exif, photo.xmp)


def test_ai_labels_are_not_set_twice() -> None:
    assert label_xmp(label_xmp(XMP)) == label_xmp(XMP)
    assert label_exif(label_exif(None)) == label_exif(None)


def test_blanks_of_a_packet_make_room_for_the_ai_label(tmp_path: Path) -> None:
    padded = upright_xmp(XMP).replace(b"<?xpacket end", b" " * 64_000 + b"<?xpacket end")
    write_photo(tmp_path / "a.jpg", Photo(smooth(), xmp=padded).with_colors(smooth()))
    assert b"album 3" in (read_photo(tmp_path / "a.jpg").xmp or b"")


def test_xmp_orientation_is_reset() -> None:
    assert b'tiff:Orientation="1"' in upright_xmp(XMP)
    assert b"<tiff:Orientation>1<" in upright_xmp(b"<tiff:Orientation>8</tiff:Orientation>")


def test_png_text_of_xmp_is_valid(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", Photo(smooth()).with_colors(smooth()))
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert SOURCE_TYPE in image.info["XML:com.adobe.xmp"]


# --- profiles --------------------------------------------------------------------------------------------------------


def test_colours_of_a_profile_agree_with_littlecms() -> None:
    profile = rgb_profile()
    picture = np.random.default_rng(0).integers(40, 216, (20, 20, 3)).astype(np.uint8)
    image = Image.fromarray(picture)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    ours = lab_to_rgb(rgb_to_lab(picture, read_color_space(profile)))
    theirs = np.asarray(converted).astype(int)
    inside = ((theirs > 2) & (theirs < 253)).all(axis=2)  # LittleCMS clips channels
    assert inside.mean() > 0.3
    assert np.abs(ours.astype(int) - theirs)[inside].max() <= 2


def test_srgb_profile_is_srgb() -> None:
    space = read_color_space(srgb_profile())
    np.testing.assert_allclose(space.matrix, SRGB.matrix, atol=2e-4)
    np.testing.assert_allclose(space.curves, SRGB.curves, atol=1e-4)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_grey_profile_is_converted_and_srgb_embedded(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    Image.fromarray(ramp).save(tmp_path / f"a{suffix}", icc_profile=grey_profile(1.8))
    photo = read_photo(tmp_path / f"a{suffix}")
    light = (128 / 255) ** 1.8
    expected = 116 * light ** (1 / 3) - 16
    assert abs(rgb_to_lightness(photo.picture, photo.space)[4, 128] - expected) < 0.5
    result = photo.with_colors(lab_to_rgb(rgb_to_lab(photo.picture, photo.space)))
    assert result.profile == srgb_profile()
    assert abs(rgb_to_lightness(result.picture, result.space)[4, 128] - expected) < 0.5


def test_an_untagged_photo_stays_untagged(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    assert photo.with_colors(photo.picture).profile is None


AS_SRGB = "its ICC profile is damaged or made for other pixels, so its colours were taken for sRGB"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_a_profile_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    grey = np.tile(np.arange(40, 200, 4, dtype=np.uint8), (8, 1))
    picture = np.dstack([grey] * 3) if name.endswith("webp") else grey
    path = tmp_path / name
    for profile, notes in [(grey_profile()[:140], True), (b"x", True), (rgb_profile(), False), (None, False)]:
        Image.fromarray(picture).save(path, icc_profile=profile)
        photo = read_photo(path)
        assert photo.notes == ((f"{path}: {AS_SRGB}",) if notes else ())
        assert (photo.profile == profile) is not notes
        assert (photo.space is SRGB) is (notes or profile is None)


def test_a_profile_of_which_a_part_is_lost_is_named(tmp_path: Path) -> None:
    for name, start in (("a.jpg", b"ICC_PROFILE\0"), ("a.png", b"iCCP")):
        path = tmp_path / name
        Image.fromarray(smooth()).save(path, icc_profile=rgb_profile())
        content = bytearray(path.read_bytes())
        place = content.index(start)
        if name == "a.jpg":
            content[place + len(start) + 1] = 2  # of two segments
        else:
            end = place + 4 + int.from_bytes(content[place - 4 : place], "big")
            content[content.index(b"\0", place) + 2] ^= 255  # of deflate's header
            content[end : end + 4] = zlib.crc32(content[place:end]).to_bytes(4, "big")
        path.write_bytes(content)
        assert read_photo(path).notes == (f"{path}: {AS_SRGB}",)


def test_a_foreign_or_damaged_profile_is_left_out(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.png", icc_profile=grey_profile())
    assert read_photo(tmp_path / "a.png").profile is None
    with pytest.raises(ProfileError):
        read_color_space(rgb_profile()[:200])


def test_cmyk_without_a_profile_is_converted(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4, 4), (0, 255, 255, 0), np.uint8), "CMYK").save(tmp_path / "a.tif")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.picture[0, 0].tolist() == [255, 0, 0]
