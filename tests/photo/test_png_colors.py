"""Colours and transparency that a PNG states beside a profile."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from support.foreign_files import make_png
from support.photo_files import noise
from support.profiles import rgb_table_profile

from colorize.base import ImageError
from colorize.color import rgb_to_lightness
from colorize.photo import Photo, read_photo, write_photo

LIGHT = np.linspace(0, 1, 64 * 16).reshape(16, 64)
LIGHTNESS = np.where(LIGHT > 216 / 24389, 116 * np.cbrt(LIGHT) - 16, LIGHT * 24389 / 27)
GAMMA_1 = (b"gAMA", struct.pack(">I", 100_000))
SRGB_CHROMATICITIES = (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))

TABLE = (b"iCCP", b"scanner\0\0" + zlib.compress(rgb_table_profile()))


def stored(levels: np.ndarray, depth: int) -> bytes:
    return np.round(levels * (2**depth - 1)).astype(">u2" if depth == 16 else np.uint8).tobytes()


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("color_type", [0, 2])
@pytest.mark.parametrize(
    ("chunks", "gamma"),
    [
        ([GAMMA_1], 1.0),
        ([GAMMA_1, SRGB_CHROMATICITIES], 1.0),
        ([GAMMA_1, (b"cHRM", bytes(32))], 1.0),  # chromaticities that make no colours
        ([TABLE, (b"cICP", bytes([1, 8, 0, 1]))], 1.0),  # cICP counts before a profile
        ([(b"cICP", bytes([1, 8, 0, 1]))], 1.0),
        ([GAMMA_1, (b"cICP", bytes([1, 4, 0, 1]))], 2.2),  # cICP counts before gAMA
        ([(b"gAMA", struct.pack(">I", 55_556))], 1.8),
    ],
)
def test_a_curve_is_followed(
    tmp_path: Path, depth: int, color_type: int, chunks: list[tuple[bytes, bytes]], gamma: float
) -> None:
    levels = np.repeat(LIGHT[..., None] ** (1 / gamma), 3 if color_type else 1, axis=2)
    (tmp_path / "a.png").write_bytes(make_png(LIGHT.shape, depth, color_type, stored(levels, depth), chunks))
    photo = read_photo(tmp_path / "a.png")
    assert photo.picture.dtype == (np.uint16 if depth == 16 else np.uint8)
    error = np.abs(rgb_to_lightness(photo.picture, photo.space) - LIGHTNESS)
    assert error.mean() < (0.02 if depth == 16 else 0.25)


@pytest.mark.parametrize("chunks", [[(b"gAMA", struct.pack(">I", 45_455))], [GAMMA_1, (b"sRGB", b"\0")]])
def test_srgb_stays_as_it_is(tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    (tmp_path / "a.png").write_bytes(make_png(LIGHT.shape, 16, 0, stored(LIGHT, 16), chunks))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").picture, np.round(LIGHT * 65535).astype(np.uint16))


@pytest.mark.parametrize("color_type", [2, 4, 6])
def test_faults_beside_the_pixels_change_nothing_and_write_nothing_to_the_error_stream(
    tmp_path: Path, color_type: int, capfd: pytest.CaptureFixture[str]
) -> None:
    samples = noise((*LIGHT.shape, {2: 3, 4: 2, 6: 4}[color_type]), np.uint16)
    chunks = [(b"iCCP", b"icc\0\0" + zlib.compress(b"no profile")), (b"tIME", b"123"), (b"sBIT", b"1234567")]
    data = samples.astype(">u2").tobytes()
    (tmp_path / "a.png").write_bytes(make_png(LIGHT.shape, 16, color_type, data, chunks))
    photo = read_photo(tmp_path / "a.png")
    colors = samples[..., 0] if color_type == 4 else samples[..., :3]
    np.testing.assert_array_equal(photo.picture, colors)
    if color_type != 2:
        np.testing.assert_array_equal(photo.alpha, samples[..., -1])
    assert capfd.readouterr().err == ""


def test_damaged_16_bit_pixels_are_an_error_and_nothing_is_written_to_the_error_stream(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = noise((*LIGHT.shape, 3), np.uint16).tobytes()
    (tmp_path / "a.png").write_bytes(make_png(LIGHT.shape, 16, 2, data[: len(data) // 2]))
    with pytest.raises(ImageError, match=r"a\.png: damaged"):
        read_photo(tmp_path / "a.png")
    assert capfd.readouterr().err == ""


def test_high_dynamic_range_is_refused_by_its_name(tmp_path: Path) -> None:
    chunks = [(b"cICP", bytes([9, 16, 0, 1]))]
    (tmp_path / "a.png").write_bytes(make_png(LIGHT.shape, 16, 0, stored(LIGHT, 16), chunks))
    with pytest.raises(ImageError, match=r"a\.png: .*no upper limit"):
        read_photo(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("depth", "color_type", "rows", "clear"),
    [
        (4, 0, bytes([0x0F, 0x3F]), (15,)),
        (2, 0, bytes([0b00110111]), (3,)),
        (8, 0, bytes([0, 7, 3, 7]), (7,)),
        (16, 0, struct.pack(">4H", 0, 700, 3, 700), (700,)),
        (16, 2, struct.pack(">12H", 0, 1, 2, 9, 8, 700, 9, 8, 701, 9, 8, 700), (9, 8, 700)),
    ],
)
def test_the_one_transparent_colour_is_transparent(
    tmp_path: Path, depth: int, color_type: int, rows: bytes, clear: tuple[int, ...]
) -> None:
    chunks = [(b"tRNS", struct.pack(f">{len(clear)}H", *clear))]
    (tmp_path / "a.png").write_bytes(make_png((1, 4), depth, color_type, rows, chunks))
    alpha = read_photo(tmp_path / "a.png").alpha
    assert alpha is not None
    most = 65535 if depth == 16 else 255
    np.testing.assert_array_equal(alpha, [[most, 0, most, 0]])


@pytest.mark.parametrize("has_alpha", [False, True])
def test_16_bit_grey_is_written_as_it_is(tmp_path: Path, has_alpha: bool) -> None:
    picture, alpha = noise((20, 30), np.uint16), 65535 - noise((20, 30), np.uint16)
    write_photo(tmp_path / "a.png", Photo(picture, alpha if has_alpha else None))
    result = read_photo(tmp_path / "a.png")
    grey = result.picture if result.picture.ndim == 2 else result.picture[..., 0]
    np.testing.assert_array_equal(grey, picture)
    if has_alpha:
        np.testing.assert_array_equal(result.alpha, alpha)
