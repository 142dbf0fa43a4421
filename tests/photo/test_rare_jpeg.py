"""JPEG-LS, lossless JPEG and JPEG of 12 bits are read, whatever their suffix."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from support.photo_files import noise, smooth
from support.words import IPTC, resource, segment

from colorize.base import ImageError
from colorize.photo import photo_size, read_photo
from colorize.photo.texts import Text


@pytest.mark.parametrize("name", ["a.jls", "a.jpg"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_ls(tmp_path: Path, name: str, dtype: type, channels: int) -> None:
    pixels = noise((20, 30, channels), dtype).squeeze()
    (tmp_path / name).write_bytes(imagecodecs.jpegls_encode(pixels))
    np.testing.assert_array_equal(read_photo(tmp_path / name).picture, pixels)
    assert photo_size(tmp_path / name) == (20, 30)


@pytest.mark.parametrize("channels", [1, 3])
def test_12_bits(tmp_path: Path, channels: int) -> None:
    pixels = smooth(64, 80)[..., :channels].astype(np.uint16).squeeze() * 16
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(pixels, level=98, bitspersample=12))
    picture = read_photo(tmp_path / "a.jpg").picture
    assert picture.dtype == np.uint16
    assert np.abs(picture.astype(float) / 65535 - pixels / 4095).mean() < (
        0.002 if channels == 1 else 0.02
    )  # its colours are subsampled


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lossless(tmp_path: Path, dtype: type) -> None:
    pixels = noise((20, 30), dtype)
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=8 * pixels.itemsize))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jpg").picture, pixels)


def test_a_cut_one_is_damaged(tmp_path: Path) -> None:
    whole = imagecodecs.jpegls_encode(noise((40, 40), np.uint16))
    for size in (20, len(whole) // 2, len(whole) - 2):
        (tmp_path / "a.jls").write_bytes(whole[:size])
        with pytest.raises(ImageError, match=r"a\.jls: .*damaged"):
            read_photo(tmp_path / "a.jls")


@pytest.mark.parametrize("coding", ["12 bits", "lossless", "LS"])
def test_words_are_kept_and_the_rest_is_named(tmp_path: Path, coding: str) -> None:
    pixels = noise((40, 60), np.uint16) >> 4
    if coding == "LS":
        whole = imagecodecs.jpegls_encode(pixels)
    else:
        whole = imagecodecs.jpeg8_encode(pixels, bitspersample=12, lossless=coding == "lossless")
    segments = segment(0xFE, b"Aunt Meta") + segment(0xED, b"Photoshop 3.0\0" + resource(1028, IPTC))
    content = whole[:2] + segments + segment(0xE5, b"Scanner 2") + whole[2:]
    (tmp_path / "a.jpg").write_bytes(content)
    photo = read_photo(tmp_path / "a.jpg")
    assert (photo.iptc, photo.texts) == (IPTC, (Text("Comment", "Aunt Meta"),))
    assert photo.notes == (f"{tmp_path / 'a.jpg'}: segments of other programs are left out: APP5 Scanner 2",)
