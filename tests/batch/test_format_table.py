"""The table of formats in docs/usage.md, row by row: what it says of a format is what happens to a file of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image
from support.photo_files import XMP, make_exif, smooth
from support.profiles import grey_profile
from support.tiff_files import grey_tags, packed, write_tiff_by_hand

from colorize.base import PHOTO_FORMATS, READ_ONLY_SUFFIXES
from colorize.batch import Job, colorize_files, plan
from colorize.color import read_color_space, rgb_to_lightness
from colorize.engine import Colorizer
from colorize.photo import Photo, read_photo, write_photo

USAGE = Path(__file__).parents[2] / "docs" / "usage.md"
MOST_ERROR = {"yes": 0.4, "as the photograph": 0.6, "no": 1.0}
"""Column "without loss" -> the mean error in lightness; of 8 bits rounding is half of it."""
LOSSY = (".jpg", ".webp", ".avif", ".heic")


class Row(NamedTuple):
    suffix: str
    depths: str
    result: str
    bits: list[int]
    alpha: bool
    exif: bool
    profile: bool
    lossless: str
    is_first: bool


def rows() -> list[Row]:
    table = USAGE.read_text("utf-8").split("<!-- formats -->")[1].split("<!-- end of formats -->")[0]
    found = []
    for line in table.strip().splitlines()[2:]:
        name, depths, result, bits, alpha, exif, profile, lossless = (cell.strip() for cell in line.split("|")[1:-1])
        suffixes = re.findall(r"`(\.\w+)`", name)
        for suffix in suffixes:
            own = suffix if result == "the same suffix" else result.strip("`")
            numbers = [int(each) for each in bits.split(",")]
            kept = (each == "yes" for each in (alpha, exif, profile))
            found.append(Row(suffix, depths, own, numbers, *kept, lossless, suffix == suffixes[0]))
    return found


ROWS = rows()


def test_the_table_names_every_suffix() -> None:
    assert {row.suffix for row in ROWS} == {*PHOTO_FORMATS, *READ_ONLY_SUFFIXES}


def make_source(path: Path, row: Row, bits: int) -> np.ndarray:
    """Write a grey photograph in a format, with all that it holds, and return its picture."""
    dtype = np.uint16 if bits == 16 else np.uint8
    picture = (smooth()[..., 0].astype(dtype) * (257 if bits == 16 else 1)).astype(dtype)
    if row.suffix in (".j2k", ".j2c", ".jpc", ".jhc"):
        path.write_bytes(imagecodecs.jpeg2k_encode(picture, level=0, reversible=True, codecformat="j2k"))
    elif row.suffix == ".jls":
        path.write_bytes(imagecodecs.jpegls_encode(picture))
    elif row.suffix in (".jxr", ".wdp", ".hdp"):
        path.write_bytes(imagecodecs.jpegxr_encode(picture, level=1.0))
    elif row.suffix in (".pbm", ".pgm", ".ppm", ".pnm"):
        path.write_bytes(b"P5 40 30 %d\n" % np.iinfo(dtype).max + picture.astype(f">u{bits // 8}").tobytes())
    elif row.suffix == ".pcx":
        Image.fromarray(picture).save(path)
    else:
        format = PHOTO_FORMATS[READ_ONLY_SUFFIXES.get(row.suffix, row.suffix)]
        alpha = np.full_like(picture, np.iinfo(dtype).max // 2) if row.alpha else None
        profile = grey_profile() if row.profile and format not in ("AVIF", "HEIF") else None
        if row.result == ".png" and bits == 16:
            profile = None  # a grey profile does not fit its colours, which is how OpenCV writes grey with alpha
        space = read_color_space(profile) if profile else Photo(picture).space
        written = path.with_suffix(row.result)
        write_photo(written, Photo(picture, alpha, format, space, profile, make_exif(), XMP, dpi=(300, 300)))
        written.rename(path)
    return picture


SLOW = (".wdp", ".hdp")  # are decoded in a process of their own, as .jxr is


@pytest.mark.parametrize(
    ("row", "bits"),
    [
        pytest.param(row, bits, marks=[pytest.mark.slow] * (row.suffix in SLOW), id=f"{row.suffix}-{bits}")
        for row in ROWS
        for bits in row.bits
    ],
)
def test_a_row_says_what_happens(tmp_path: Path, colorizer: Colorizer, row: Row, bits: int) -> None:
    if row.suffix in (".heic", ".heif"):
        pytest.importorskip("pillow_heif")
    path = tmp_path / f"a{row.suffix}"
    make_source(path, row, bits)
    source = read_photo(path)
    (job,) = plan([path])
    assert isinstance(job, Job)
    (outcome,) = colorize_files(colorizer, [job])
    assert outcome.status == "done", outcome.message
    assert job.target.name == f"a_colorized{row.result}"
    result = read_photo(job.target)
    assert result.picture.ndim == 3
    assert result.picture.dtype == source.picture.dtype == (np.uint16 if bits == 16 else np.uint8)
    before, after = rgb_to_lightness(source.picture, source.space), rgb_to_lightness(result.picture, result.space)
    assert np.abs(before - after).mean() < MOST_ERROR[row.lossless]
    if source.alpha is not None:
        assert result.alpha is not None
        assert np.abs(result.alpha.astype(float) - source.alpha).max() <= np.iinfo(result.alpha.dtype).max / 100
    if source.profile:
        assert (result.profile is not None) == row.profile
    exif = Image.Exif()
    exif.load(result.exif or b"")
    assert ("AI-colorized" in exif.get(ExifTags.Base.Software, "")) == row.exif
    assert exif.get(ExifTags.Base.ImageDescription) == ("Aunt Meta" if source.exif and row.exif else None)
    assert (b"compositeWithTrainedAlgorithmicMedia" in (result.xmp or b"")) == row.exif
    assert (b"album 3" in (result.xmp or b"")) == (source.xmp is not None and row.exif)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.is_first and row.suffix == row.result], ids=lambda row: row.suffix
)
def test_alpha_is_kept_or_refused(tmp_path: Path, colorizer: Colorizer, row: Row) -> None:
    if row.suffix == ".heic":
        pytest.importorskip("pillow_heif")
    picture = smooth()[..., 0]
    write_photo(tmp_path / "a.png", Photo(picture, np.full_like(picture, 99)))
    (outcome,) = colorize_files(colorizer, [Job(tmp_path / "a.png", tmp_path / f"b{row.suffix}")])
    assert outcome.status == ("done" if row.alpha else "failed"), outcome.message
    assert (tmp_path / f"b{row.suffix}").exists() == row.alpha


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.lossless == "as the photograph"], ids=lambda row: row.suffix
)
@pytest.mark.parametrize("lossless", [False, True])
def test_what_has_no_loss_stays_so(tmp_path: Path, colorizer: Colorizer, row: Row, lossless: bool) -> None:
    path, target = tmp_path / f"a{row.suffix}", tmp_path / f"b{row.suffix}"
    write_photo(path, Photo(smooth()[..., 0], lossless=lossless))
    (outcome,) = colorize_files(colorizer, [Job(path, target)])
    assert outcome.status == "done", outcome.message
    assert read_photo(target).lossless == lossless


BETWEEN = {".png": (2, 4), ".tif": (2, 4, 10, 12, 14), ".jp2": (10, 12), ".jxl": (10, 12), ".pbm": (4, 12)}
"""Suffix -> some depths between the ends of a range."""


def depths_read() -> list[tuple[str, int]]:
    """Return the first suffix of each line of the table with the bits of a sample that it says are read."""
    found = []
    for row in ROWS:
        if row.is_first:
            ends = map(int, re.findall(r"\d+", row.depths))
            found += [(row.suffix, bits) for bits in sorted({*ends, *BETWEEN.get(row.suffix, ())})]
    return found


def write_samples(path: Path, samples: np.ndarray, bits: int) -> None:
    """Write grey samples of so many bits, (30, 40) uint8 or above 8 bits uint16, without loss where the format can."""
    suffix, top = path.suffix, 2**bits - 1
    if suffix == ".tif":
        write_tiff_by_hand(path, packed(samples, bits), samples.shape, grey_tags(bits), ">")
    elif suffix == ".pbm":
        data = packed(1 - samples, 1) if bits == 1 else samples.astype(">u2" if bits > 8 else np.uint8).tobytes()
        path.write_bytes((b"P4 40 30\n" if bits == 1 else b"P5 40 30 %d\n" % top) + data)
    elif suffix in (".jp2", ".j2k"):
        options = {"level": 0, "reversible": True, "codecformat": suffix[1:], "bitspersample": bits}
        path.write_bytes(imagecodecs.jpeg2k_encode(samples, **options))
    elif suffix == ".jxl":
        path.write_bytes(imagecodecs.jpegxl_encode(samples, lossless=True, bitspersample=bits))
    elif suffix == ".jxr":
        path.write_bytes(imagecodecs.jpegxr_encode(samples.astype(bool) if bits == 1 else samples, level=1.0))
    elif suffix == ".jls":
        path.write_bytes(imagecodecs.jpegls_encode(samples))
    elif suffix == ".jpg" and bits == 12:
        path.write_bytes(imagecodecs.jpeg8_encode(samples, level=98, bitspersample=12))
    elif suffix == ".png" and bits == 16:
        path.write_bytes(imagecodecs.png_encode(samples))
    elif bits in (2, 4):  # a palette of greys
        image = Image.fromarray(samples)
        image.putpalette([level * 255 // top for level in range(top + 1) for _ in "rgb"])
        image.save(path, bits=bits)
    else:
        Image.fromarray(samples.astype(bool) if bits == 1 else samples).save(path, quality=98)


@pytest.mark.parametrize(
    ("suffix", "bits"),
    [
        pytest.param(suffix, bits, marks=[pytest.mark.slow] * (suffix == ".jxr"), id=f"{suffix}-{bits}")
        for suffix, bits in depths_read()
    ],
)
def test_every_depth_that_the_table_names_is_read(tmp_path: Path, suffix: str, bits: int) -> None:
    if suffix == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    shares = np.round(smooth()[..., 0] / 195 * (2**bits - 1)) / (2**bits - 1)  # from black to white
    path = tmp_path / f"a{suffix}"
    write_samples(path, np.round(shares * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8), bits)
    picture = read_photo(path).picture
    assert picture.dtype == (np.uint16 if bits > 8 else np.uint8)
    if suffix == ".jxl" and bits > 8:  # the encoder calls them linear
        shares = np.where(shares <= 0.0031308, 12.92 * shares, 1.055 * shares ** (1 / 2.4) - 0.055)
    intended = rgb_to_lightness(np.round(shares * 65535).astype(np.uint16))
    assert np.abs(rgb_to_lightness(picture) - intended).mean() <= (0.6 if suffix in LOSSY else 0.15)
