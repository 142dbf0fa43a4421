"""The table of formats in docs/usage.md, row by row: what it says of a format is what happens to a file of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image
from support.photo_files import make_exif, smooth
from support.profiles import grey_profile

from colorize.base import PHOTO_FORMATS, READ_ONLY_SUFFIXES
from colorize.batch import Job, colorize_files, plan
from colorize.color import read_color_space, rgb_to_lightness
from colorize.engine import Colorizer
from colorize.photo import Photo, read_photo, write_photo

USAGE = Path(__file__).parents[2] / "docs" / "usage.md"
MOST_ERROR = {"yes": 0.4, "as the photograph": 0.6, "no": 1.0}
"""Column "without loss" -> the mean error in lightness; of 8 bits rounding is half of it."""


class Row(NamedTuple):
    suffix: str
    depths: str
    result: str
    bits: list[int]
    alpha: bool
    exif: bool
    profile: bool
    lossless: str


def rows() -> list[Row]:
    table = USAGE.read_text("utf-8").split("<!-- formats -->")[1].split("<!-- end of formats -->")[0]
    found = []
    for line in table.strip().splitlines()[2:]:
        name, depths, result, bits, alpha, exif, profile, lossless = (cell.strip() for cell in line.split("|")[1:-1])
        for suffix in re.findall(r"`(\.\w+)`", name):
            own = suffix if result == "the same suffix" else result.strip("`")
            numbers = [int(each) for each in bits.split(",")]
            found.append(Row(suffix, depths, own, numbers, alpha == "yes", exif == "yes", profile == "yes", lossless))
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
        write_photo(written, Photo(picture, alpha, format, space, profile, make_exif(), dpi=(300, 300)))
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
