"""JPEG 2000 is read and written at its full depth, with what its boxes say."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image
from support.photo_files import DATE, XMP, make_exif, noise, smooth
from support.profiles import grey_profile, rgb_profile

from colorize.base import ImageError
from colorize.color import read_color_space
from colorize.photo import Photo, photo_size, read_photo, write_photo

GREY, RGB = smooth()[..., 0], smooth()
SRGB_NUMBER, GREY_NUMBER, SYCC_NUMBER, CMYK_NUMBER, LAB_NUMBER = 16, 17, 18, 12, 14


def codestream(channels: np.ndarray, **options: object) -> bytes:
    return imagecodecs.jpeg2k_encode(channels, level=0, reversible=True, codecformat="j2k", mct=False, **options)


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def color(number: int) -> bytes:
    return box(b"colr", struct.pack(">3BI", 1, 0, 0, number))


def channel_definitions(*channels: tuple[int, int, int]) -> bytes:
    return box(b"cdef", struct.pack(">H", len(channels)) + b"".join(struct.pack(">3H", *each) for each in channels))


def jp2(channels: np.ndarray, boxes: bytes, further: bytes = b"", **options: object) -> bytes:
    """Return a JPEG 2000 file of channels (H, W) or (H, W, n), with boxes in its header and after it."""
    count = channels.shape[2] if channels.ndim == 3 else 1
    bits = options.get("bitspersample", 8 * channels.itemsize)
    ihdr = box(b"ihdr", struct.pack(">2IH4B", *channels.shape[:2], count, bits - 1, 7, 0, 0))
    head = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2h", ihdr + boxes)
    return head + further + box(b"jp2c", codestream(channels, **options))


def read(folder: Path, data: bytes, name: str = "a.jp2") -> Photo:
    (folder / name).write_bytes(data)
    return read_photo(folder / name)


@pytest.mark.parametrize("bits", [1, 4, 8, 9, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["a.jp2", "a.j2k"])
def test_every_depth_is_spread_over_its_range(tmp_path: Path, bits: int, channels: int, name: str) -> None:
    levels = noise((30, 40, channels), np.uint16) >> (16 - bits)
    levels = levels.astype(np.uint8 if bits <= 8 else np.uint16).squeeze()
    boxes = color(GREY_NUMBER if channels == 1 else SRGB_NUMBER)
    data = jp2(levels, boxes, bitspersample=bits) if name == "a.jp2" else codestream(levels, bitspersample=bits)
    picture = read(tmp_path, data, name).picture
    most = 255 if bits <= 8 else 65535
    assert picture.dtype == (np.uint8 if bits <= 8 else np.uint16)
    np.testing.assert_array_equal(picture, np.round(levels.astype(float) * most / (2**bits - 1)))
    assert photo_size(tmp_path / name) == (30, 40)


@pytest.mark.parametrize(
    "options",
    [{"tile_size": (16, 16)}, {"quality_layers": [20, 5, 0]}, {"progression": "RPCL", "tile_size": (25, 7)}],
)
def test_tiles_and_layers(tmp_path: Path, options: dict[str, object]) -> None:
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "JPEG2000", irreversible=False, **options)
    np.testing.assert_array_equal(read(tmp_path, file.getvalue()).picture, RGB)


def test_signed_samples(tmp_path: Path) -> None:
    levels = noise((20, 20), np.uint16)
    signed = (levels.astype(int) - 32768).astype(np.int16)
    np.testing.assert_array_equal(read(tmp_path, codestream(signed), "a.j2k").picture, levels)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray(RGB).quantize(200)
    palette = np.array(image.getpalette()[:600], np.uint8).reshape(-1, 3)
    indices = np.asarray(image)
    boxes = box(b"pclr", struct.pack(">HB", len(palette), 3) + b"\x07\x07\x07" + palette.tobytes())
    boxes += box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3)))
    picture = read(tmp_path, jp2(indices, color(SRGB_NUMBER) + boxes)).picture
    np.testing.assert_array_equal(picture, palette[indices])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sycc_becomes_rgb(tmp_path: Path, dtype: type) -> None:
    most = np.iinfo(dtype).max
    rgb = np.round(RGB * (most / 255))
    luma = rgb @ [0.299, 0.587, 0.114]
    half = (most + 1) / 2
    chroma = [(rgb[..., 2] - luma) / 1.772 + half, (rgb[..., 0] - luma) / 1.402 + half]
    stored = np.clip(np.round(np.dstack([luma, *chroma])), 0, most).astype(dtype)
    picture = read(tmp_path, jp2(stored, color(SYCC_NUMBER))).picture
    assert np.abs(picture.astype(float) - rgb).max() <= 6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_is_made_rgb(tmp_path: Path, dtype: type) -> None:
    most = np.iinfo(dtype).max
    ink = np.zeros((8, 8, 4), dtype)
    ink[..., 3] = most // 5
    picture = read(tmp_path, jp2(ink, color(CMYK_NUMBER))).picture
    np.testing.assert_array_equal(picture, np.full((8, 8, 3), most - most // 5, dtype))


def test_alpha_is_what_the_file_defines_as_such(tmp_path: Path) -> None:
    alpha = 255 - GREY
    definitions = channel_definitions((0, 1, 0), (1, 0, 3), (2, 0, 2), (3, 0, 1))  # alpha, blue, green, red
    channels = np.dstack([alpha, RGB[..., ::-1]])
    photo = read(tmp_path, jp2(channels, color(SRGB_NUMBER) + definitions))
    np.testing.assert_array_equal(photo.picture, RGB)
    np.testing.assert_array_equal(photo.alpha, alpha)
    assert not photo.notes
    grey = read(tmp_path, jp2(np.dstack([GREY, alpha]), color(GREY_NUMBER) + channel_definitions((0, 0, 1), (1, 1, 0))))
    np.testing.assert_array_equal(grey.picture, GREY)
    np.testing.assert_array_equal(grey.alpha, alpha)


def test_a_channel_that_is_not_defined_is_left_out_with_a_line(tmp_path: Path) -> None:
    photo = read(tmp_path, jp2(np.dstack([RGB, GREY]), color(SRGB_NUMBER)))
    np.testing.assert_array_equal(photo.picture, RGB)
    assert photo.alpha is None
    (note,) = photo.notes
    assert str(tmp_path / "a.jp2") in note and "1 of its 4 channels" in note and "was left out" in note
    (note,) = read(tmp_path, jp2(np.dstack([RGB, GREY, GREY]), color(SRGB_NUMBER))).notes
    assert "2 of its 5 channels" in note and "were left out" in note


def test_premultiplied_alpha_is_divided_out(tmp_path: Path) -> None:
    channels = np.dstack([np.full((8, 8, 3), 50, np.uint8), np.full((8, 8), 100, np.uint8)])
    definitions = channel_definitions((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 2, 0))
    photo = read(tmp_path, jp2(channels, color(SRGB_NUMBER) + definitions))
    assert photo.picture[0, 0].tolist() == [128] * 3


@pytest.mark.parametrize("method", [2, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_profile_is_kept_and_changes_no_pixel(tmp_path: Path, method: int, dtype: type) -> None:
    levels = noise((20, 30, 3), dtype)
    photo = read(tmp_path, jp2(levels, box(b"colr", bytes([method, 0, 0]) + rgb_profile())))
    np.testing.assert_array_equal(photo.picture, levels)
    assert photo.profile == rgb_profile()
    grey = read(tmp_path, jp2(levels[..., 0], box(b"colr", bytes([method, 0, 0]) + grey_profile())))
    np.testing.assert_array_equal(grey.picture, levels[..., 0])
    assert grey.profile == grey_profile()


def test_other_colours_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"a\.jp2: .*CIELab"):
        read(tmp_path, jp2(RGB, color(LAB_NUMBER)))


def test_the_first_of_several_pictures_is_read_with_a_line(tmp_path: Path) -> None:
    first = jp2(RGB, color(SRGB_NUMBER))
    photo = read(tmp_path, first + box(b"jp2c", codestream(GREY)))
    np.testing.assert_array_equal(photo.picture, RGB)
    assert "2 pictures" in photo.notes[0]


def test_a_large_one_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="--max-megapixels"):
        read(tmp_path, jp2(RGB, color(SRGB_NUMBER)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_what_is_written_comes_back_whole(tmp_path: Path, dtype: type, has_alpha: bool) -> None:
    picture = noise((30, 40, 3), dtype)
    alpha = noise((30, 40), dtype) if has_alpha else None
    profile = rgb_profile()
    photo = Photo(picture, alpha, "JP2", read_color_space(profile), profile, make_exif(), XMP, dpi=(300, 600))
    write_photo(tmp_path / "a.jp2", photo)
    result = read_photo(tmp_path / "a.jp2")
    np.testing.assert_array_equal(result.picture, picture)
    assert (result.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(result.alpha, alpha)
    assert result.profile == profile
    assert result.dpi == pytest.approx((300, 600))
    exif = Image.Exif()
    exif.load(result.exif or b"")
    assert exif[ExifTags.Base.ImageDescription] == "Aunt Meta"
    stated = exif.get_ifd(ExifTags.IFD.Exif)
    assert stated[ExifTags.Base.DateTimeOriginal] == DATE
    assert (stated[ExifTags.Base.ExifImageWidth], stated[ExifTags.Base.ExifImageHeight]) == (40, 30)
    assert b"album 3" in (result.xmp or b"")
    if dtype == np.uint8:  # another decoder says the same
        with Image.open(tmp_path / "a.jp2") as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), picture)
            assert image.mode == ("RGBA" if has_alpha else "RGB")
            assert image.info["dpi"] == pytest.approx((300, 600), abs=0.1)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 4), (1, 700)])
def test_any_size_is_written(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = noise((*size, 3), np.uint16)
    write_photo(tmp_path / "a.jp2", Photo(picture))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jp2").picture, picture)
