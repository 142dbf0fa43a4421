"""JPEG XR is read at its full depth, upright, with the words of its container; of what is damaged, a line says so."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image
from support.photo_files import XMP, noise
from support.profiles import rgb_profile
from support.tiff_files import grey_tags, write_tiff_by_hand

from colorize.base import ImageError
from colorize.color import convert_to_srgb, space_of_gamma
from colorize.photo import photo_size, read_photo
from colorize.photo.orientation import turn_upright

BYTE, ASCII, LONG, UNDEFINED = 1, 2, 4, 7  # field types
PIXEL_FORMAT, TRANSFORMATION, WIDTH, PICTURE = 0xBC01, 0xBC02, 0xBC80, 0xBCC0
GUID = bytes.fromhex("24c3dd6f034efe4bb1853d77768dc9")


def encode(pixels: np.ndarray, **options: object) -> bytes:
    """Return a lossless JPEG XR."""
    return bytes(imagecodecs.jpegxr_encode(pixels, level=1.0, **options))


def with_tags(data: bytes, tags: dict[int, tuple[int, bytes]], following: int = 0) -> bytes:
    """Return a file with a new directory behind it, in which tags are set: field type and value."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    fields = {field[0]: field for field in struct.iter_unpack("<HHI4s", data[start + 2 : start + 2 + 12 * count])}
    for tag, (kind, value) in tags.items():
        number = len(value) // 4 if kind == LONG else len(value)
        place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", len(data))
        fields[tag] = (tag, kind, number, place)
        data += value if len(value) > 4 else b""
    entries = b"".join(struct.pack("<HHI4s", *fields[tag]) for tag in sorted(fields))
    end = struct.pack("<H", len(fields)) + entries + struct.pack("<I", following)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + end


@pytest.mark.parametrize(
    ("dtype", "channels"),
    [(np.uint8, 1), (np.uint16, 4)]
    + [pytest.param(*kind, marks=pytest.mark.slow) for kind in ((np.uint8, 3), (np.uint8, 4), (np.uint16, 1))],
)
def test_every_value(tmp_path: Path, dtype: type, channels: int) -> None:
    pixels = noise((20, 30, channels), dtype).squeeze()
    (tmp_path / "a.jxr").write_bytes(encode(pixels, photometric="rgb" if channels > 1 else None, hasalpha=channels > 3))
    photo = read_photo(tmp_path / "a.jxr")
    np.testing.assert_array_equal(photo.picture, pixels[..., :3] if channels == 4 else pixels)
    assert (photo.alpha is not None) == (channels == 4)
    if photo.alpha is not None:
        np.testing.assert_array_equal(photo.alpha, pixels[..., 3])
    assert photo_size(tmp_path / "a.jxr") == (20, 30)


@pytest.mark.slow
def test_black_and_white_cmyk_and_light(tmp_path: Path) -> None:
    path, grey = tmp_path / "a.wdp", noise((20, 30))
    path.write_bytes(encode(grey > 99))
    np.testing.assert_array_equal(read_photo(path).picture, (grey > 99) * 255)
    ink = noise((20, 30, 4)) & (255, 255, 255, 0)
    path.write_bytes(encode(ink.astype(np.uint8), photometric="cmyk"))
    np.testing.assert_array_equal(read_photo(path).picture, 255 - ink[..., :3])
    light = (noise((20, 30), np.uint16) / 65535).astype(np.float32)
    path.write_bytes(encode(light))
    expected = convert_to_srgb((light * 65535).astype(np.uint16), space_of_gamma(1))
    assert np.abs(read_photo(path).picture.astype(int) - expected).max() < 40  # its floats are coarse
    path.write_bytes(encode(light * 4))
    with pytest.raises(ImageError, match=r"a\.wdp: .*no upper limit"):
        read_photo(path)


def test_premultiplied_colours_are_divided(tmp_path: Path) -> None:
    alpha = noise((20, 30)) | 128
    colors = noise((20, 30, 3))
    stored = np.dstack([(colors.astype(int) * alpha[..., None] + 127) // 255, alpha]).astype(np.uint8)
    data = encode(stored, photometric="rgb", hasalpha=True)
    (tmp_path / "a.jxr").write_bytes(with_tags(data, {PIXEL_FORMAT: (BYTE, GUID + b"\x10")}))
    photo = read_photo(tmp_path / "a.jxr")
    assert np.abs(photo.picture.astype(int) - colors).max() <= 1
    np.testing.assert_array_equal(photo.alpha, alpha)


# SPATIAL_XFRM_PRIMARY of ITU-T T.832: by 4 a quarter clockwise, then by 1 upside down, by 2 left to right
@pytest.mark.parametrize("transformation", [2, 5, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3, 4, 6, 7))])
def test_it_is_turned_upright(tmp_path: Path, transformation: int) -> None:
    pixels = noise((20, 30))
    tag = {TRANSFORMATION: (LONG, struct.pack("<I", transformation))}
    (tmp_path / "a.jxr").write_bytes(with_tags(encode(pixels), tag))
    expected = turn_upright(pixels, 6) if transformation & 4 else pixels
    expected = expected[::-1] if transformation & 1 else expected
    expected = expected[:, ::-1] if transformation & 2 else expected
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jxr").picture, expected)


def test_the_words_of_its_container(tmp_path: Path) -> None:
    profile, pixels = rgb_profile(), noise((20, 30, 3))
    tags = {270: (ASCII, b"Aunt Meta\0"), 700: (BYTE, XMP), 34675: (UNDEFINED, profile), 65000: (LONG, bytes(4))}
    data = encode(pixels, resolution=(300.0, 600.0))
    (tmp_path / "a.hdp").write_bytes(with_tags(data, tags, following=8))
    photo = read_photo(tmp_path / "a.hdp")
    exif = Image.Exif()
    exif.load(photo.exif or b"")
    assert exif[ExifTags.Base.ImageDescription] == "Aunt Meta"
    assert b"album 3" in (photo.xmp or b"")
    assert photo.profile == profile
    assert photo.dpi == (300, 600)
    assert ["65000" in photo.notes[0], "further" in photo.notes[1], len(photo.notes)] == [True, True, 2]


def test_what_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.jxr", encode(noise((40, 40, 3)))
    picture = whole.index(b"WMPHOTO")
    larger = whole[: picture + 12] + struct.pack(">HH", 65535, 65535) + whole[picture + 16 :]
    both = {tag: (LONG, struct.pack("<I", 65536)) for tag in (WIDTH, WIDTH + 1)}
    broken = {
        **{f"cut at {size}": whole[:size] for size in (16, 100, len(whole) // 2, len(whole) - 1)},
        "another size in the picture": larger,
        "another size in both": with_tags(larger, both),
        "too few channels": with_tags(whole, {PIXEL_FORMAT: (BYTE, GUID + b"\x0f")}),
        "another depth": with_tags(whole, {PIXEL_FORMAT: (BYTE, GUID + b"\x15")}),
        "a place behind the end": with_tags(whole, {PICTURE: (LONG, struct.pack("<I", 1 << 30))}),
    }
    for what, data in broken.items():
        path.write_bytes(data)
        with pytest.raises(ImageError, match=r"a\.jxr: .*(damaged|cut off)"):
            pytest.fail(f"{what}: read as {read_photo(path).picture.shape}")
    path.write_bytes(with_tags(whole, {PIXEL_FORMAT: (BYTE, GUID + b"\x14")}))  # 10 bits
    with pytest.raises(ImageError, match="convert it"):
        read_photo(path)


@pytest.mark.parametrize("tag", [{}, {270: (ASCII, b"Aunt Meta\0")}, {TRANSFORMATION: (LONG, b"\4\0\0\0")}])
def test_inside_a_tiff_it_says_nothing_but_its_picture(tmp_path: Path, tag: dict) -> None:
    """The decoder would read all of its container, and could not turn it."""
    pixels = noise((20, 30))
    tags = grey_tags(8, compression=34934)
    write_tiff_by_hand(tmp_path / "a.tif", with_tags(encode(pixels), tag), pixels.shape, tags)
    if not tag:
        np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").picture, pixels)
        return
    with pytest.raises(ImageError, match=r"a\.tif: .*JPEG XR"):
        read_photo(tmp_path / "a.tif")
