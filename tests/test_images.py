"""Picture files: nothing of the photo is lost, and bad files give one clear error."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_profiles import grey_profile, rgb_profile
from PIL import ExifTags, Image, ImageCms, ImageOps

from colorize.images import (
    ImageError,
    Photo,
    read_image,
    read_photo,
    read_photos,
    replacing,
    write_photo,
    write_photos,
)
from colorize.lab import lab_to_rgb, rgb_to_lab, rgb_to_lightness
from colorize.metadata import SOURCE_TYPE, mark_exif, mark_xmp, upright_xmp
from colorize.profiles import ProfileError, read_space, srgb_profile
from colorize.spaces import SRGB

XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'dc:source="album 3"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
DATE = "1999:01:02 03:04:05"


def make_exif(orientation: int = 1, thumbnail: bool = False) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.ImageDescription] = "Aunt Meta"
    exif[ExifTags.Base.Software] = "scanner 1.0"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = DATE
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = 40
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageHeight] = 30
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    if not thumbnail:
        return exif.tobytes()
    small = io.BytesIO()
    Image.new("L", (8, 6), 77).save(small, "JPEG")
    body = bytearray(exif.tobytes()[6:])
    order = "<" if body[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", body, 4)
    (count,) = struct.unpack_from(order + "H", body, first)
    body += bytes(len(body) % 2)
    struct.pack_into(order + "I", body, first + 2 + 12 * count, len(body))
    data = len(body) + 2 + 12 * 2 + 4
    body += struct.pack(order + "HHHIIHHIII", 2, 0x201, 4, 1, data, 0x202, 4, 1, len(small.getvalue()), 0)
    return b"Exif\0\0" + bytes(body) + small.getvalue()


def noise(shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, int(np.iinfo(dtype).max) + 1, shape).astype(dtype)


def smooth(height: int = 30, width: int = 40) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.dstack([x * 5, y * 7, 200 - x * 2 - y]).astype(np.uint8)


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "suffix", "shape", "alpha"),
    [
        ("1", ".png", (30, 40), False),
        ("1", ".tif", (30, 40), False),
        ("L", ".jpg", (30, 40), False),
        ("L", ".bmp", (30, 40), False),
        ("LA", ".png", (30, 40), True),
        ("LA", ".tif", (30, 40), True),
        ("P", ".png", (30, 40, 3), False),
        ("P", ".bmp", (30, 40, 3), False),
        ("P", ".tif", (30, 40, 3), False),
        ("RGB", ".webp", (30, 40, 3), False),
        ("RGB", ".avif", (30, 40, 3), False),
        ("RGBA", ".png", (30, 40, 3), True),
        ("RGBA", ".webp", (30, 40, 3), True),
        ("RGBA", ".tif", (30, 40, 3), True),
        ("RGBA", ".avif", (30, 40, 3), True),
        ("CMYK", ".jpg", (30, 40, 3), False),
        ("CMYK", ".tif", (30, 40, 3), False),
        ("YCbCr", ".tif", (30, 40, 3), False),
    ],
)
def test_every_kind_of_pixels_is_read(
    tmp_path: Path, mode: str, suffix: str, shape: tuple[int, ...], alpha: bool
) -> None:
    image = Image.fromarray(np.dstack([smooth(), np.full((30, 40), 120, np.uint8)]))
    image = image.convert("RGB").convert("LA" if mode == "LA" else mode) if mode != "RGBA" else image
    if mode == "LA":
        image.putalpha(120)
    path = tmp_path / f"a{suffix}"
    # YCbCr TIFFs are JPEG-compressed in practice; Pillow 12 cannot read its own uncompressed ones.
    image.save(path, compression="jpeg" if mode == "YCbCr" else None)
    photo = read_photo(path)
    assert photo.picture.shape == shape
    assert photo.picture.dtype == np.uint8
    assert (photo.alpha is not None) == alpha
    if photo.alpha is not None:
        assert np.abs(photo.alpha.astype(int) - 120).max() <= 1
    expected = np.asarray(image.convert("L" if len(shape) == 2 else "RGB"))
    assert np.abs(photo.picture.astype(int) - expected).mean() < 5


def test_transparent_palette_keeps_its_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(smooth()).quantize(16)
    image.save(tmp_path / "a.png", transparency=3)
    alpha = read_photo(tmp_path / "a.png").alpha
    assert alpha is not None
    np.testing.assert_array_equal(alpha == 0, np.asarray(image) == 3)


@pytest.mark.parametrize("source", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".tif", ".webp", ".avif", ".bmp"])
def test_dpi_survives_a_change_of_format(tmp_path: Path, source: str, target: str) -> None:
    write_photo(tmp_path / f"a{source}", Photo(smooth(), exif=make_exif(), dpi=(300, 600)))
    write_photo(tmp_path / f"b{target}", read_photo(tmp_path / f"a{source}"))
    assert read_photo(tmp_path / f"b{target}").dpi == pytest.approx((300, 600), abs=0.1)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
def test_no_dpi_is_invented(tmp_path: Path, suffix: str) -> None:
    write_photo(tmp_path / f"a{suffix}", Photo(smooth(), exif=make_exif()))
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.dpi is None or suffix == ".bmp"  # a BMP always states one


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_are_read_whole(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = noise((20, 30, channels), np.uint16)
    path = tmp_path / f"deep{suffix}"
    if suffix == ".tif":
        kind = "minisblack" if channels < 3 else "rgb"
        extra = ["unassalpha"] if channels in (2, 4) else None
        tifffile.imwrite(path, pixels.squeeze(), photometric=kind, extrasamples=extra, planarconfig="contig")
    elif channels == 2:
        path.write_bytes(grey_alpha_png(pixels))
    else:
        cv2.imwrite(str(path), pixels.squeeze() if channels == 1 else pixels[..., [2, 1, 0, 3][:channels]])
    photo = read_photo(path)
    assert photo.picture.dtype == np.uint16
    colours = pixels[..., 0] if channels < 3 else pixels[..., :3]
    grey = photo.picture if photo.picture.ndim == colours.ndim else photo.picture[..., 0]
    np.testing.assert_array_equal(grey, colours)
    if channels in (2, 4):
        np.testing.assert_array_equal(photo.alpha, pixels[..., -1])
    else:
        assert photo.alpha is None


def grey_alpha_png(pixels: np.ndarray) -> bytes:
    """A 16-bit PNG of grey and alpha, which neither OpenCV nor Pillow writes."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)), (b"IDAT", zlib.compress(rows))]
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, data in [*chunks, (b"IEND", b"")]:
        parts.append(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
    return b"".join(parts)


def test_16_bit_premultiplied_alpha_is_divided_out(tmp_path: Path) -> None:
    pixels = np.dstack([np.full((4, 4, 3), 10_000), np.full((4, 4), 32_768)]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["assocalpha"])
    photo = read_photo(tmp_path / "a.tif")
    assert photo.picture[0, 0].tolist() == [20_000] * 3
    np.testing.assert_array_equal(photo.alpha, pixels[..., 3])


def test_a_film_scanners_infrared_is_not_transparency(tmp_path: Path) -> None:
    pixels = noise((20, 30, 4), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unspecified"])
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(photo.picture, pixels[..., :3])
    assert photo.alpha is None


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_tiff_of_any_layout(tmp_path: Path, byteorder: str, planar: str) -> None:
    pixels = noise((20, 30, 3), np.uint16)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, byteorder=byteorder)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)


def test_16_bit_lzw_tiff(tmp_path: Path) -> None:
    pixels = noise((20, 30, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "a.tif"), pixels[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_turned(tmp_path: Path, dtype: type) -> None:
    pixels = noise((20, 30), dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.iinfo(dtype).max - pixels)


def test_float_tiff_is_refused_with_the_remedy(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(ImageError, match="convert it to 16 bits"):
        read_photo(tmp_path / "a.tif")


# --- orientation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(smooth()).save(path, exif=make_exif(orientation))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.picture, expected)
    write_photo(tmp_path / f"b{suffix}", photo)
    with Image.open(tmp_path / f"b{suffix}") as result:
        assert result.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert result.size == expected.shape[1::-1]
        stated = result.getexif().get_ifd(ExifTags.IFD.Exif)
        assert (stated[ExifTags.Base.ExifImageWidth], stated[ExifTags.Base.ExifImageHeight]) == result.size


# --- what belongs to the photo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_metadata_survives(tmp_path: Path, suffix: str, depth: type) -> None:
    picture = smooth().astype(depth) * np.array(257 if depth == np.uint16 else 1, depth)
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
        assert photo.picture.dtype == depth
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


def test_the_mark_is_set_and_keeps_what_was_there() -> None:
    photo = Photo(smooth(), exif=make_exif(), xmp=XMP)
    marked = photo.with_colors(photo.picture)
    exif = Image.Exif()
    exif.load(marked.exif or b"")
    assert exif[ExifTags.Base.Software].startswith("scanner 1.0; AI-colorized by colorize ")
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == DATE
    assert SOURCE_TYPE.encode() in (marked.xmp or b"")
    assert b"album 3" in (marked.xmp or b"")
    unmarked = photo.with_colors(photo.picture, mark=False)
    assert (unmarked.exif, unmarked.xmp) == (photo.exif, photo.xmp)


def test_marks_are_not_set_twice() -> None:
    assert mark_xmp(mark_xmp(XMP)) == mark_xmp(XMP)
    assert mark_exif(mark_exif(None)) == mark_exif(None)


def test_blanks_of_a_packet_make_room_for_the_mark(tmp_path: Path) -> None:
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
    ours = lab_to_rgb(rgb_to_lab(picture, read_space(profile)))
    theirs = np.asarray(converted).astype(int)
    inside = ((theirs > 2) & (theirs < 253)).all(axis=2)  # LittleCMS clips channels
    assert inside.mean() > 0.3
    assert np.abs(ours.astype(int) - theirs)[inside].max() <= 2


def test_srgb_profile_is_srgb() -> None:
    space = read_space(srgb_profile())
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


def test_a_foreign_or_damaged_profile_is_left_out(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.png", icc_profile=grey_profile())
    assert read_photo(tmp_path / "a.png").profile is None
    with pytest.raises(ProfileError):
        read_space(rgb_profile()[:200])


def test_cmyk_without_a_profile_is_converted(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4, 4), (0, 255, 255, 0), np.uint8), "CMYK").save(tmp_path / "a.tif")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.picture[0, 0].tolist() == [255, 0, 0]


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pages_of_a_tiff_are_all_read_and_written(tmp_path: Path, dtype: type) -> None:
    pages = [noise((10 + page, 12, 3), dtype) for page in range(3)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in pages:
            writer.write(page, photometric="rgb")
    with pytest.raises(ImageError, match="several pages"):
        read_photo(tmp_path / "a.tif")
    write_photos(tmp_path / "b.tif", read_photos(tmp_path / "a.tif"))
    for photo, page in zip(read_photos(tmp_path / "b.tif"), pages, strict=True):
        np.testing.assert_array_equal(photo.picture, page)


def test_reduced_copies_in_a_tiff_are_not_pages(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise((20, 20, 3)), photometric="rgb")
        writer.write(noise((5, 5, 3)), photometric="rgb", subfiletype=1)
    assert read_photo(tmp_path / "a.tif").picture.shape == (20, 20, 3)


def test_pages_do_not_vanish_into_another_format(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="write a TIFF"):
        write_photos(tmp_path / "a.png", [Photo(smooth()), Photo(smooth())])
    assert not os.listdir(tmp_path)


def test_an_animation_is_refused(tmp_path: Path) -> None:
    first, second = Image.fromarray(smooth()), Image.fromarray(255 - smooth())
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second])
    with pytest.raises(ImageError, match="an animation of 2 pictures"):
        read_photo(tmp_path / "a.webp")


# --- writing ---------------------------------------------------------------------------------------------------------


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
    photo = Photo(smooth(), profile=rgb_profile(), space=read_space(rgb_profile()))
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


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists already"):
        write_photo(path, Photo(smooth()))
    assert path.read_bytes() == b"precious"
    write_photo(path, Photo(smooth()), overwrite=True)
    np.testing.assert_array_equal(read_image(path), smooth())


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"precious")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.jpg", overwrite=True) as file:
        file.write(b"half")
        raise RuntimeError
    assert os.listdir(tmp_path) == ["a.jpg"]
    assert (tmp_path / "a.jpg").read_bytes() == b"precious"


def test_an_unknown_suffix_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="names no format"):
        write_photo(tmp_path / "a.xyz", Photo(smooth()))


def test_a_webp_too_large_for_the_format_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot be written as WEBP .*choose png or tiff"):
        write_photo(tmp_path / "a.webp", Photo(np.zeros((2, 20_000, 3), np.uint8)))
    assert not os.listdir(tmp_path)


# --- bad files -------------------------------------------------------------------------------------------------------


def test_bad_files_are_named_with_a_reason(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(noise((64, 64, 3))).save(file, "JPEG")
    cases = {
        "text.jpg": (b"Dear aunt,", "not a picture"),
        "empty.png": (b"", "0 bytes"),
        "cut.jpg": (file.getvalue()[:2000], "damaged or cut off"),
        "gif.gif": (b"GIF89a\1\0\1\0\0\0\0;", "."),
    }
    for name, (data, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(ImageError, match=reason) as caught:
            read_photo(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_photo(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="a folder"):
        read_photo(tmp_path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("L", (60, 50)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="--max-megapixels"):
        read_photo(tmp_path / "a.png")


def test_a_cut_16_bit_png_is_not_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), noise((64, 64, 3), np.uint16))
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ImageError):
        read_photo(path)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused_never_worse(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    whole = tmp_path / f"whole{suffix}"
    if not whole.exists():
        depth = np.uint16 if suffix in (".png", ".tif") else np.uint8
        picture = smooth().astype(depth) * np.array(257 if depth == np.uint16 else 1, depth)
        write_photo(whole, Photo(picture, exif=make_exif() if suffix != ".bmp" else None, profile=rgb_profile()))
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        photo = read_photo(path)
    except ImageError as error:
        assert str(path) in str(error)
    else:
        assert photo.picture.dtype in (np.uint8, np.uint16)
