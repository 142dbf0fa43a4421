"""Bad picture files: each gives one clear error, however it is damaged."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.photo_files import make_exif, noise, smooth
from support.profiles import rgb_profile

from colorize.base import ImageError
from colorize.photo import Photo, read_photo, write_photo


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
        dtype = np.uint16 if suffix in (".png", ".tif") else np.uint8
        picture = smooth().astype(dtype) * np.array(257 if dtype == np.uint16 else 1, dtype)
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
