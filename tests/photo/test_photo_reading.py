"""Reading picture files: every kind is read whole, upright and with all its pages."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageOps
from support.photo_files import XMP, make_exif, noise, smooth
from support.profiles import rgb_profile

from colorize.base import ImageError
from colorize.photo import Photo, read_image, read_photo, read_photos, write_photo, write_photos
from colorize.photo.exif import read_block
from colorize.photo.metadata import exif_with_dpi
from colorize.photo.png_chunks import make_chunk
from colorize.photo.texts import Text

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


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif", ".jp2"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_dpi_turn_with_the_picture(tmp_path: Path, orientation: int, suffix: str) -> None:
    """A fax has 204 pixels an inch across and 98 down: laid on its side, its lines lie close the other way."""
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tags = [(274, 3, 1, orientation, True)]
        tifffile.imwrite(path, smooth(), resolution=(204, 98), resolutionunit="inch", extratags=tags)
    else:
        exif = exif_with_dpi(make_exif(orientation), (204, 98))
        if suffix in (".webp", ".avif"):
            Image.fromarray(smooth()).save(path, exif=exif)
        else:
            write_photo(path, Photo(smooth(), exif=exif, dpi=(204, 98)))
    photo = read_photo(path)
    expected = (98, 204) if orientation == 6 else (204, 98)
    assert photo.picture.shape[:2] == ((40, 30) if orientation == 6 else (30, 40))
    assert photo.dpi == pytest.approx(expected, abs=0.1)
    if suffix != ".tif":
        entries = read_block(photo.exif).entries
        stated = [struct.unpack(entry.order + "2I", entry.data) for entry in (entries[282], entries[283])]
        assert [above / below for above, below in stated] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("dpi", [(70_000, 300), (0.3, 0.3)])
def test_dpi_that_a_jpegs_two_bytes_do_not_hold_stay(tmp_path: Path, dpi: tuple[float, float]) -> None:
    write_photo(tmp_path / "a.jpg", Photo(smooth(), dpi=dpi))
    assert read_photo(tmp_path / "a.jpg").dpi == pytest.approx(dpi)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_with_a_profile_and_texts_of_megabytes_is_read(tmp_path: Path, dtype: type) -> None:
    profile, words = rgb_profile(), "a word " * 300_000
    profile = struct.pack(">I", len(profile) + 2_000_000) + profile[4:] + bytes(2_000_000)
    packet = XMP.replace(b"album 3", words.encode())
    picture = smooth().astype(dtype)
    write_photo(tmp_path / "a.png", Photo(picture, profile=profile, texts=(Text("Comment", words),)))
    data = (tmp_path / "a.png").read_bytes()
    compressed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
    (tmp_path / "a.png").write_bytes(data[:-12] + make_chunk(b"iTXt", compressed) + data[-12:])
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.picture, picture)
    assert (photo.profile, photo.texts[0].text, photo.notes) == (profile, words, ())
    assert words.encode() in (photo.xmp or b"")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_are_read_whole(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = noise((20, 30, channels), np.uint16)
    path = tmp_path / f"sixteen_bit{suffix}"
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
    colors = pixels[..., 0] if channels < 3 else pixels[..., :3]
    picture = photo.picture if photo.picture.ndim == colors.ndim else photo.picture[..., 0]
    np.testing.assert_array_equal(picture, colors)
    if channels in (2, 4):
        np.testing.assert_array_equal(photo.alpha, pixels[..., -1])
    else:
        assert photo.alpha is None


def grey_alpha_png(pixels: np.ndarray) -> bytes:
    """Return a 16-bit PNG of grey and alpha, which neither OpenCV nor Pillow writes."""
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
def test_white_is_zero_is_inverted(tmp_path: Path, dtype: type) -> None:
    pixels = noise((20, 30), dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.iinfo(dtype).max - pixels)


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


def test_a_plain_netpbm_keeps_its_16_bits(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_text("P3\n# of a film scanner\n2 1\n4095\n0 257 4095\n2048 1 4000\n")
    expected = np.rint(np.array([[[0, 257, 4095], [2048, 1, 4000]]]) * 65535 / 4095)
    picture = read_image(tmp_path / "a.ppm")
    assert picture.dtype == np.uint16
    np.testing.assert_array_equal(picture, expected)
