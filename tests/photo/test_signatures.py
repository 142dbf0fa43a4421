"""What a file is, its first bytes say, not its name; what is not read is refused by its true name and with a remedy."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.foreign_files import FOREIGN
from support.photo_files import noise, smooth

from colorize.base import ImageError
from colorize.photo import Photo, read_photo, write_photo


@pytest.mark.parametrize("name", FOREIGN)
def test_a_sound_file_that_is_not_read_has_its_true_name(tmp_path: Path, name: str) -> None:
    head, word = FOREIGN[name]
    (tmp_path / name).write_bytes(head)
    with pytest.raises(ImageError, match=word) as caught:
        read_photo(tmp_path / name)
    text = str(caught.value)
    assert str(tmp_path / name) in text and ";" in text and "\n" not in text
    assert "damaged" not in text
    assert ("%06d" in text) == name.endswith((".dpx", ".exr"))  # the way of numbered frames


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp", ".avif", ".jp2", ".jxl"])
@pytest.mark.parametrize("other", [".jpg", ".tif", ".jp2", ".psd", ""])
def test_a_file_under_another_name_is_read(tmp_path: Path, suffix: str, other: str) -> None:
    write_photo(tmp_path / f"a{suffix}", Photo(smooth()))
    shutil.move(tmp_path / f"a{suffix}", tmp_path / f"b{other}")
    assert np.abs(read_photo(tmp_path / f"b{other}").picture.astype(int) - smooth()).mean() < 3


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".jp2", ".jxl"])
def test_damaged_is_what_begins_rightly_and_ends_early(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_photo(path, Photo(noise((40, 40, 3))))
    whole = path.read_bytes()
    for size in (16, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:size])
        with pytest.raises(ImageError, match="damaged") as caught:
            read_photo(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_zeros_are_damage_and_text_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "zeros.jpg").write_bytes(bytes(5000))
    with pytest.raises(ImageError, match="zeros"):
        read_photo(tmp_path / "zeros.jpg")
    (tmp_path / "letter.jpg").write_bytes(b"Dear aunt, here is the photo.")
    with pytest.raises(ImageError, match="not a picture") as caught:
        read_photo(tmp_path / "letter.jpg")
    assert "damaged" not in str(caught.value)


def test_a_gif_of_one_picture_is_read_and_an_animation_named(tmp_path: Path) -> None:
    still = Image.fromarray(smooth()[..., 0])
    still.save(tmp_path / "a.gif")
    assert read_photo(tmp_path / "a.gif").picture.shape[:2] == (30, 40)
    still.save(tmp_path / "b.gif", save_all=True, append_images=[Image.fromarray(smooth()[..., 1])])
    with pytest.raises(ImageError, match="an animation of 2"):
        read_photo(tmp_path / "b.gif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_netpbm_is_read_at_its_depth(tmp_path: Path, dtype: type, channels: int) -> None:
    pixels = noise((8, 9, channels), dtype).squeeze()
    most, kind = np.iinfo(dtype).max, 5 if channels == 1 else 6
    raw = pixels.astype(">u2" if dtype == np.uint16 else np.uint8).tobytes()
    (tmp_path / "a.pnm").write_bytes(b"P%d\n9 8\n%d\n" % (kind, most) + raw)
    picture = read_photo(tmp_path / "a.pnm").picture
    np.testing.assert_array_equal(picture, pixels)


def test_a_cmyk_jpeg_is_inverted_only_where_adobe_says_so(tmp_path: Path) -> None:
    ink = Image.new("CMYK", (16, 16), (0, 0, 0, 200))  # dark
    file = io.BytesIO()
    ink.save(file, "JPEG", quality=95)
    adobe = file.getvalue()
    place = adobe.index(b"\xff\xee")
    length = int.from_bytes(adobe[place + 2 : place + 4], "big")
    # Pillow stores Adobe's inverted numbers; without the marker they stand for what they are: little black, much colour
    (tmp_path / "adobe.jpg").write_bytes(adobe)
    (tmp_path / "plain.jpg").write_bytes(adobe[:place] + adobe[place + 2 + length :])
    assert abs(int(read_photo(tmp_path / "adobe.jpg").picture.mean()) - 55) < 4
    assert read_photo(tmp_path / "plain.jpg").picture.max() < 4  # 255 of each colour is black
