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
from support.photo_files import make_exif, noise, smooth

from colorize.base import ImageError
from colorize.photo import Photo, read_image, read_photo, read_photos, write_photo, write_photos

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
