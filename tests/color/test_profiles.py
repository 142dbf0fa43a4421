"""ICC profiles: colours go through them the right way, and what cannot be kept becomes sRGB."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from support.photo_files import smooth
from support.profiles import (
    ADOBE_RGB,
    cmyk_profile,
    grey_profile,
    grey_table_profile,
    parametric_profile,
    rgb_profile,
    rgb_table_profile,
)

from colorize.color import (
    SRGB,
    ColorSpace,
    ProfileError,
    convert_16_bit_to_srgb,
    lab_to_rgb,
    read_color_space,
    rgb_to_lab,
    rgb_to_lightness,
    srgb_profile,
)
from colorize.color.icc import read_lookup_table
from colorize.photo import Photo, read_photo, write_photo

INKS = {  # CMYK -> what every eye sees
    "paper": ((0, 0, 0, 0), (255, 255, 255)),
    "black": ((0, 0, 0, 255), (0, 0, 0)),
    "red": ((0, 255, 255, 0), (255, 0, 0)),
    "green": ((255, 0, 255, 0), (0, 255, 0)),
    "blue": ((255, 255, 0, 0), (0, 0, 255)),
}


def chart() -> np.ndarray:
    """Return the inks as fields of (8, 8) side by side, (8, 40, 4)."""
    return np.repeat(np.repeat([[inks for inks, _ in INKS.values()]], 8, 0), 8, 1).astype(np.uint8)


def check_chart(picture: np.ndarray, tolerance: int) -> None:
    """Check the middle of each field; a colour outside sRGB may have lost chroma, but keeps its hue."""
    for index, (name, (_, expected)) in enumerate(INKS.items()):
        found = picture[4, index * 8 + 4].astype(int)
        if name in ("paper", "black"):
            assert np.abs(found - expected).max() <= tolerance, name
        else:
            assert found.argmax() == np.argmax(expected), name
            assert found.max() - np.sort(found)[1] > 80, name


def little_cms(picture: np.ndarray, profile: bytes, mode: str = "RGB") -> np.ndarray:
    """Return 8-bit samples as sRGB, converted by LittleCMS."""
    image = Image.frombytes(mode, picture.shape[1::-1], np.ascontiguousarray(picture).tobytes())
    result = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return np.asarray(result)


def test_our_srgb_profile_is_the_same_file_at_any_time() -> None:
    code = "import sys; from colorize.color import srgb_profile; sys.stdout.buffer.write(srgb_profile())"
    first = srgb_profile()
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    while ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() == made:
        time.sleep(0.02)  # until the clock's next second
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == first
    assert first[:24] + first[36:] == made[:24] + made[36:], "only the date was changed"


# --- CMYK ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [None, cmyk_profile()], ids=["untagged", "tagged"])
@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_not_inverted(tmp_path: Path, suffix: str, profile: bytes | None) -> None:
    path = tmp_path / f"a{suffix}"
    image = Image.frombytes("CMYK", (40, 8), chart().tobytes())
    if suffix == ".jpg":
        image.save(path, icc_profile=profile, quality=100, subsampling=0)
    else:
        image.save(path, icc_profile=profile)
    if suffix == ".jpg":
        assert b"Adobe" in path.read_bytes()  # its inks are stored inverted
    photo = read_photo(path)
    check_chart(photo.picture, 3)
    result = photo.with_colors(photo.picture)
    assert result.profile == (srgb_profile() if profile else None)
    assert result.space is SRGB or np.allclose(result.space.matrix, SRGB.matrix, atol=2e-4)


def icc_tag(profile: bytes | None) -> list[tuple]:
    """Return a profile as tifffile takes a tag."""
    return [(34675, 7, len(profile), profile, True)] if profile else []


@pytest.mark.parametrize("profile", [None, cmyk_profile()], ids=["untagged", "tagged"])
def test_16_bit_cmyk_is_read_at_16_bits(tmp_path: Path, profile: bytes | None) -> None:
    samples = chart().astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="separated", extratags=icc_tag(profile))
    photo = read_photo(tmp_path / "a.tif")
    assert photo.picture.dtype == np.uint16
    check_chart(photo.picture // 257, 1)
    assert photo.profile == (srgb_profile() if profile else None)
    ramp = np.zeros((16, 512, 4), np.uint16)
    ramp[..., 3] = np.arange(16 * 512).reshape(16, 512) * 8
    tifffile.imwrite(tmp_path / "ramp.tif", ramp, photometric="separated", extratags=icc_tag(profile))
    assert len(np.unique(read_photo(tmp_path / "ramp.tif").picture[..., 1])) > 8000


def test_the_profile_of_other_inks_is_not_used(tmp_path: Path) -> None:
    Image.frombytes("CMYK", (40, 8), chart().tobytes()).save(tmp_path / "a.tif", icc_profile=rgb_profile())
    photo = read_photo(tmp_path / "a.tif")
    check_chart(photo.picture, 0)
    assert photo.profile is None


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mft1", "mft2", "mAB"])
def test_a_table_is_read_as_littlecms_reads_it(kind: str) -> None:
    profile = rgb_table_profile(kind)
    picture = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    picture[:8] = np.arange(60)[:, None] * 4  # neutral
    theirs = little_cms(picture, profile).astype(int)
    ours = (convert_16_bit_to_srgb(picture.astype(np.uint16) * 257, profile) / 257).round().astype(int)
    inside = ((theirs > 2) & (theirs < 253)).all(axis=2)  # LittleCMS clips channels
    assert inside.mean() > 0.3
    # LittleCMS puts a grid of its own over the whole way, and is coarse there where a channel gets dark.
    assert np.abs(ours - theirs)[inside].mean() <= 0.3
    assert np.percentile(np.abs(ours - theirs)[inside & (theirs > 40).all(axis=2)], 99) <= 2


def test_cmyk_is_read_as_littlecms_reads_it() -> None:
    samples = np.random.default_rng(0).integers(0, 200, (60, 60, 4)).astype(np.uint8)
    profile = cmyk_profile(black=0)
    theirs = little_cms(samples, profile, "CMYK").astype(int)
    ours = (convert_16_bit_to_srgb(samples.astype(np.uint16) * 257, profile) / 257).round().astype(int)
    inside = ((theirs > 2) & (theirs < 253)).all(axis=2)
    assert inside.mean() > 0.3
    # LittleCMS is linear along black and tetrahedral along the others, we are so along all four.
    assert np.abs(ours - theirs)[inside].mean() <= 1
    assert np.percentile(np.abs(ours - theirs)[inside], 99) <= 6


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_table_profile_becomes_srgb(tmp_path: Path, suffix: str, dtype: type) -> None:
    """The table says the same as primaries and a gamma, so the colours must be the same."""
    random = np.random.default_rng(0)
    picture = cv2.resize(random.integers(60, 190, (4, 5, 3)).astype(np.uint8), (40, 32), interpolation=cv2.INTER_CUBIC)
    picture = picture.astype(dtype) * np.array(257 if dtype == np.uint16 else 1, dtype)
    write_photo(tmp_path / f"a{suffix}", Photo(picture, profile=rgb_table_profile(side=17)))
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.profile == srgb_profile()
    assert photo.picture.dtype == (np.uint8 if suffix == ".jpg" else dtype)
    truth = rgb_to_lab(picture, read_color_space(rgb_profile()))
    difference = np.abs(rgb_to_lab(photo.picture, photo.space) - truth)
    assert difference[..., 0].mean() < (0.7 if suffix == ".jpg" else 0.3)
    assert difference.mean() < (2 if suffix == ".jpg" else 1)


def test_a_16_bit_ramp_keeps_its_levels_through_a_table() -> None:
    ramp = np.repeat(np.arange(65536, dtype=np.uint16).reshape(256, 256, 1), 3, axis=2)
    result = convert_16_bit_to_srgb(ramp, rgb_table_profile(side=33))
    assert (result.max(axis=2) - result.min(axis=2)).max() <= 40  # neutral but for the table's own rounding
    assert (np.diff(rgb_to_lightness(result).ravel()) > 0).mean() > 0.9
    assert len(np.unique(rgb_to_lightness(result))) >= 60_000


def test_a_table_counts_where_primaries_are_there_too() -> None:
    with pytest.raises(ProfileError, match="tables"):
        read_color_space(rgb_table_profile())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_profile_of_a_table_is_converted(tmp_path: Path, dtype: type) -> None:
    ramp = np.tile(np.arange(256), (8, 1)).astype(dtype) * np.array(257 if dtype == np.uint16 else 1, dtype)
    write_photo(tmp_path / "a.tif", Photo(ramp, profile=grey_table_profile(1.8)))
    photo = read_photo(tmp_path / "a.tif")
    expected = rgb_to_lightness(ramp, read_color_space(grey_profile(1.8)))
    assert np.abs(rgb_to_lightness(photo.picture, photo.space) - expected).max() < 0.5
    assert photo.with_colors(lab_to_rgb(rgb_to_lab(photo.picture, photo.space))).profile == srgb_profile()


def test_a_16_bit_grey_profile_with_alpha_is_used(tmp_path: Path) -> None:
    pixels = np.dstack([np.tile(np.arange(256), (8, 1)), np.full((8, 256), 200)]).astype(np.uint16) * 257
    options = {"photometric": "minisblack", "extrasamples": ["unassalpha"], "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", pixels, extratags=icc_tag(grey_profile(1.8)), **options)
    photo = read_photo(tmp_path / "a.tif")
    expected = rgb_to_lightness(pixels[..., 0], read_color_space(grey_profile(1.8)))
    np.testing.assert_allclose(rgb_to_lightness(photo.picture, photo.space), expected, atol=0.01)
    np.testing.assert_array_equal(photo.alpha, pixels[..., 1])


def test_a_damaged_table_is_an_error_that_says_so() -> None:
    whole = rgb_table_profile()
    samples = np.zeros((2, 2, 3), np.uint16)
    for damaged in (whole[:1000], whole.replace(b"mft2", b"mft9"), cmyk_profile(), whole.replace(b"A2B", b"B2A")):
        with pytest.raises(ProfileError, match="convert it to sRGB"):
            convert_16_bit_to_srgb(samples, damaged)


def test_white_and_black_of_a_table_stay_white_and_black() -> None:
    ends = np.array([[[0, 0, 0], [65535, 65535, 65535]]], np.uint16)
    result = convert_16_bit_to_srgb(ends, rgb_table_profile())
    assert result[0, 0].max() <= 30
    assert result[0, 1].min() >= 65535 - 60
    assert read_lookup_table(cmyk_profile(black=0.02)).black_luminance() == pytest.approx(0.02, abs=1e-3)


DIM_WHITE = rgb_profile(primaries=tuple(tuple(0.85 * value for value in primary) for primary in ADOBE_RGB))
"""As of a scanner that leaves room above paper white."""


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_primaries_that_do_not_add_up_to_white_count_in_16_bits_as_in_8(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ProfileError, match="white"):
        read_color_space(DIM_WHITE)
    picture = smooth() // 3 + 90  # inside sRGB: what lies outside is cut off by LittleCMS, and loses chroma by us
    write_photo(tmp_path / f"a{suffix}", Photo(picture.astype(np.uint16) * 257, profile=DIM_WHITE))
    photo = read_photo(tmp_path / f"a{suffix}")
    assert (photo.profile, photo.notes) == (srgb_profile(), ())
    lab = rgb_to_lab(photo.picture)
    expected = rgb_to_lab(picture, read_color_space(rgb_profile()))[..., 0]
    np.testing.assert_allclose((lab[..., 0] + 16) ** 3, 0.85 * (expected + 16) ** 3, rtol=0.003)
    write_photo(tmp_path / f"b{suffix}", Photo(picture, profile=DIM_WHITE))
    assert np.abs(photo.picture / 257 - read_photo(tmp_path / f"b{suffix}").picture).max() < 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("profile", [rgb_profile()[:200], rgb_table_profile()[:400]], ids=["primaries", "table"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_damaged_profile_counts_as_srgb_with_a_line(tmp_path: Path, suffix: str, profile: bytes, dtype: type) -> None:
    picture = smooth().astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    write_photo(tmp_path / f"a{suffix}", Photo(picture, profile=profile))
    photo = read_photo(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(photo.picture, picture)
    assert (photo.profile, photo.space) == (None, SRGB)
    assert len(photo.notes) == 1
    assert "taken for sRGB" in photo.notes[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_inks_of_a_damaged_profile_are_taken_simply(tmp_path: Path, dtype: type) -> None:
    samples = chart().astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="separated", extratags=icc_tag(cmyk_profile()[:300]))
    photo = read_photo(tmp_path / "a.tif")
    check_chart(photo.picture // dtype(np.iinfo(dtype).max // 255), 0)
    assert photo.profile is None
    assert "taken for sRGB" in photo.notes[0]


@pytest.mark.parametrize("step", [257, 251], ids=["8 bits", "16 bits"])
def test_a_palette_is_converted_by_a_table(tmp_path: Path, step: int) -> None:
    colors = np.random.default_rng(0).integers(60, 190, (256, 3)).astype(np.uint16) * np.uint16(step)
    indices = np.arange(256, dtype=np.uint8).reshape(8, 32)
    options = {"photometric": "palette", "colormap": colors.T, "extratags": icc_tag(rgb_table_profile(side=17))}
    tifffile.imwrite(tmp_path / "a.tif", indices, **options)
    photo = read_photo(tmp_path / "a.tif")
    assert (photo.profile, photo.notes) == (srgb_profile(), ())
    assert photo.picture.dtype == (np.uint8 if step == 257 else np.uint16)
    truth = rgb_to_lightness(colors[indices], read_color_space(rgb_profile()))
    assert np.abs(rgb_to_lightness(photo.picture) - truth).mean() < 0.7  # colours outside sRGB among them


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ab", [(20, -15), (-60, 50), (5, 90)])
def test_lightness_stays_where_the_curves_have_less_than_all_light(dtype: type, ab: tuple[int, int]) -> None:
    """The black of a scanner's profile may reflect some light, and its white not all."""
    space = read_color_space(parametric_profile(4, (2.2, 0.97, 0.0, 0.0, 0.0, 0.045, 0.0)))
    assert np.allclose(space.range, (0.045, 0.98), atol=0.002)
    ramp = np.repeat(np.arange(256).reshape(1, -1, 1), 3, axis=2).astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    lab = rgb_to_lab(ramp, space)
    lab[..., 1:] = ab
    result = rgb_to_lab(lab_to_rgb(lab, dtype, space), space)
    assert np.abs(result[..., 0] - lab[..., 0]).max() < (0.8 if dtype == np.uint8 else 0.02)
    assert np.hypot(*np.moveaxis(result[..., 1:], -1, 0)).max() > 15


def test_lightness_stays_where_each_channel_has_light_of_its_own() -> None:
    level = np.linspace(0, 1, 65536)
    ranges = [(0.0, 0.8), (0.03, 1.0), (0.06, 0.9)]
    space = ColorSpace(SRGB.matrix, np.stack([low + (high - low) * level**2.2 for low, high in ranges]))
    lab = np.zeros((3, 100, 3), np.float32)
    lab[..., 0] = np.linspace(36, 88, 100)
    lab[..., 1:] = np.array([(20, -15), (-60, 50), (5, 90)])[:, None]
    result = rgb_to_lightness(lab_to_rgb(lab, np.uint16, space), space)
    assert np.abs(result - lab[..., 0]).max() < 0.02
