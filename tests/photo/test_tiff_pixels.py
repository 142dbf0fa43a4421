"""TIFFs of every depth, polarity, layout and compression: the values that are stored are those that are seen."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from support.photo_files import noise, smooth
from support.tiff_files import LONG, SHORT, grey_tags, packed, write_tiff_by_hand

from colorize.base import ImageError
from colorize.color import rgb_to_lab, rgb_to_lightness
from colorize.photo import read_image, read_photo

ORIENTATION, MAX_SAMPLE_VALUE = 274, 281
SIZE = (23, 37)  # rows of packed samples end within a byte


def grey(bits: int) -> np.ndarray:
    """Return random samples of so many bits."""
    return np.random.default_rng(bits).integers(0, 2**bits, SIZE).astype(np.uint16)


def levels(samples: np.ndarray, bits: int) -> np.ndarray:
    """Return samples of so many bits over the whole range of 8 or 16 bits."""
    top = 255 if bits <= 8 else 65535
    return np.rint(samples.astype(np.float64) * top / (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


# --- depth and polarity ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 14])
def test_packed_samples_of_any_depth(tmp_path: Path, bits: int, white_is_zero: bool, order: str) -> None:
    samples = grey(bits)
    tags = grey_tags(bits, 0 if white_is_zero else 1)
    path = write_tiff_by_hand(tmp_path / "a.tif", packed(samples, bits), SIZE, tags, order)
    expected = levels(2**bits - 1 - samples if white_is_zero else samples, bits)
    np.testing.assert_array_equal(read_image(path), expected)


@pytest.mark.parametrize("bits", [1, 4, 8, 12])
def test_the_other_order_of_bits_in_a_byte(tmp_path: Path, bits: int) -> None:
    data = imagecodecs.bitorder_decode(packed(grey(bits), bits))
    write_tiff_by_hand(tmp_path / "a.tif", data, SIZE, grey_tags(bits) | {266: (SHORT, [2])})
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), levels(grey(bits), bits))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8, 5])
def test_12_bits_in_words_of_16(tmp_path: Path, compression: int, order: str) -> None:
    words = grey(12).astype(order + "u2").tobytes()
    encode = {1: bytes, 8: imagecodecs.zlib_encode, 5: imagecodecs.lzw_encode}[compression]
    tags = grey_tags(12, compression=compression)
    write_tiff_by_hand(tmp_path / "a.tif", bytes(encode(words)), SIZE, tags, order)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), levels(grey(12), 12))


@pytest.mark.parametrize("compression", [8, 5, 32773])
def test_packed_and_compressed(tmp_path: Path, compression: int) -> None:
    encode = {8: imagecodecs.zlib_encode, 5: imagecodecs.lzw_encode, 32773: imagecodecs.packbits_encode}[compression]
    data = bytes(encode(packed(grey(12), 12)))
    write_tiff_by_hand(tmp_path / "a.tif", data, SIZE, grey_tags(12, compression=compression))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), levels(grey(12), 12))


@pytest.mark.parametrize(("stated", "bits"), [(4095, 12), (16383, 14), (65535, 16), (50000, 16), (255, 16), (2047, 16)])
def test_the_largest_value_counts_where_it_is_that_of_fewer_bits(tmp_path: Path, stated: int, bits: int) -> None:
    data = grey(12).astype("<u2").tobytes()
    write_tiff_by_hand(tmp_path / "a.tif", data, SIZE, grey_tags(16) | {MAX_SAMPLE_VALUE: (SHORT, [stated])})
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), levels(grey(12), bits))


def test_12_bit_jpeg(tmp_path: Path) -> None:
    samples = (np.mgrid[:32, :64].sum(axis=0) * 40).astype(np.uint16)
    data = imagecodecs.jpeg_encode(samples, bitspersample=12, level=98)
    write_tiff_by_hand(tmp_path / "a.tif", data, samples.shape, grey_tags(12, compression=7))
    error = np.abs(read_image(tmp_path / "a.tif").astype(int) - levels(samples, 12))
    assert error.mean() < 40  # of 65,535


@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_point_from_0_to_1(tmp_path: Path, dtype: type, white_is_zero: bool) -> None:
    samples = (grey(16) / 65535).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="miniswhite" if white_is_zero else "minisblack")
    expected = np.rint(samples.astype(np.float64) * 65535)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.picture.dtype == np.uint16
    assert np.abs(photo.picture - (65535 - expected if white_is_zero else expected)).max() <= 1
    assert photo.notes == ()


def test_floating_point_outside_is_clipped_with_a_line(tmp_path: Path) -> None:
    samples = np.full((10, 10), 0.5, np.float32)
    samples[0, :4] = 1.5, -0.25, np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.picture[0, :5].tolist() == [65535, 0, 0, 65535, 32768]
    (note,) = photo.notes
    assert "a.tif: 4 of 100 values" in note


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.linspace(0, 255, 100, dtype=np.float32), "0 to 255"),
        (np.linspace(0, 65535, 100, dtype=np.float32), "0 to 65535"),
        (np.linspace(-30000, 30000, 100).astype(np.int16), "-30000"),
        (np.linspace(-2e9, 2e9, 100).astype(np.int32), "-2000000000"),
        (np.linspace(0, 4e9, 100).astype(np.uint64), "64 bits"),
    ],
)
def test_values_of_another_range_are_refused_with_the_remedy(tmp_path: Path, samples: np.ndarray, words: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", samples.reshape(10, 10), photometric="minisblack")
    with pytest.raises(ImageError, match=rf"a\.tif: .*{words}.*convert it to 16 bits"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(("dtype", "full"), [(np.uint32, 2**32 - 1), (np.int32, 2**31 - 1)])
def test_32_bits(tmp_path: Path, dtype: type, full: int, planar: bool, order: str) -> None:
    samples = np.random.default_rng(0).integers(0, full + 1, (3, *SIZE) if planar else SIZE)
    options = {"photometric": "rgb", "planarconfig": "separate"} if planar else {"photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", samples.astype(dtype), metadata=None, byteorder=order, **options)
    expected = np.rint(samples.astype(np.float64) * 65535 / full)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.moveaxis(expected, 0, -1) if planar else expected)


def test_32_bits_that_hold_no_more_than_16(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", grey(16).astype(np.uint32), photometric="minisblack")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), grey(16))


def test_signed_16_bits(tmp_path: Path) -> None:
    samples = (grey(16) >> 1).astype(np.int16)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.rint(samples * (65535 / 32767)))


# --- orientation -----------------------------------------------------------------------------------------------------

TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.swapaxes(a[::-1, ::-1], 0, 1),
    8: lambda a: np.rot90(a),
}
RGBA8 = noise((*SIZE, 4))
KINDS = {
    "grey8": (RGBA8[..., 0], {"photometric": "minisblack"}),
    "grey16": (grey(16), {"photometric": "minisblack"}),
    "white is zero": (grey(16), {"photometric": "miniswhite"}),
    "palette": (RGBA8[..., 0], {"photometric": "palette", "colormap": noise((3, 256), np.uint16)}),
    "CMYK": (RGBA8, {"photometric": "separated"}),
    "RGBA": (RGBA8, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "planes": (np.ascontiguousarray(RGBA8[..., :3].transpose(2, 0, 1)), {"photometric": "rgb", "planarconfig": 2}),
    "tiles": (RGBA8[..., 0], {"photometric": "minisblack", "tile": (16, 16)}),
    "LZW": (grey(16), {"photometric": "minisblack", "compression": "lzw"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_orientation_has_the_values_of_the_unturned_file(tmp_path: Path, kind: str) -> None:
    pixels, options = KINDS[kind]
    tifffile.imwrite(tmp_path / "upright.tif", pixels, metadata=None, **options)
    upright = read_photo(tmp_path / "upright.tif")
    for orientation, turn in TURNS.items():
        extra = [(ORIENTATION, 3, 1, orientation, True)]
        tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, extratags=extra, **options)
        photo = read_photo(tmp_path / "a.tif")
        np.testing.assert_array_equal(photo.picture, turn(upright.picture))
        if upright.alpha is not None:
            np.testing.assert_array_equal(photo.alpha, turn(upright.alpha))


FAX = {"group3": (3, 0), "group3, both dimensions": (3, 1), "group4": (4, 0), "tiff_ccitt": (2, 0)}


def write_fax(path: Path, pixels: np.ndarray, coding: str, orientation: int = 1, **tags: int) -> Path:
    """Write pixels (H, W) of a bit as fax-coded TIFF with a coding of ``FAX``."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    for tag, value in tags.items():
        exif[int(tag.removeprefix("tag"))] = value
    if FAX[coding][1]:
        exif[292] = FAX[coding][1]
    Image.fromarray(pixels).save(path, compression=coding.partition(",")[0], exif=exif)
    return path


@pytest.mark.parametrize("coding", FAX)
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("layout", [{}, {"tag278": 5}, {"tag266": 2}], ids=["one strip", "strips", "bits reversed"])
def test_fax_coding(tmp_path: Path, coding: str, orientation: int, layout: dict[str, int]) -> None:
    pixels = grey(1).astype(bool)
    path = write_fax(tmp_path / "a.tif", pixels, coding, orientation, **layout)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0].aspage()
        assert (page.rowsperstrip, page.fillorder) == (layout.get("tag278", SIZE[0]), layout.get("tag266", 1))
        assert page.compression == FAX[coding][0]
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.picture, TURNS[orientation](pixels) * 255)
    assert not photo.notes


@pytest.mark.parametrize("coding", ["group4", "tiff_ccitt"])
def test_a_palette_of_two_colors_in_fax_coding(tmp_path: Path, coding: str) -> None:
    pixels = grey(1).astype(bool)
    with tifffile.TiffFile(write_fax(tmp_path / "a.tif", pixels, coding)) as tiff:
        page = tiff.pages[0].aspage()
        is_inverted = page.photometric == 0
        tiff.filehandle.seek(page.dataoffsets[0])
        data = tiff.filehandle.read(page.databytecounts[0])
    red_and_blue = [65535, 0, 0, 0, 0, 65535]
    tags = grey_tags(1, 3, FAX[coding][0]) | {320: (SHORT, red_and_blue)}
    picture = read_image(write_tiff_by_hand(tmp_path / "b.tif", data, SIZE, tags))
    expected = np.where((pixels == is_inverted)[..., None], (255, 0, 0), (0, 0, 255))
    np.testing.assert_array_equal(picture, expected)


def test_tiles_in_fax_coding(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 2, (40, 60)).astype(bool)
    padded = np.pad(pixels, ((0, 8), (0, 4)))
    tiles = [padded[y : y + 16, x : x + 32] for y in (0, 16, 32) for x in (0, 32)]
    strips = []
    for number, tile in enumerate(tiles):
        with tifffile.TiffFile(write_fax(tmp_path / f"{number}.tif", tile, "group4")) as tiff:
            page = tiff.pages[0].aspage()
            tiff.filehandle.seek(page.dataoffsets[0])
            strips.append(tiff.filehandle.read(page.databytecounts[0]))
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=True) as writer:
        options = {"dtype": np.uint8, "photometric": "minisblack", "tile": (16, 32), "compression": "zlib"}
        writer.write(iter(strips), shape=pixels.shape, metadata=None, **options)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tags = tiff.pages[0].aspage().tags
        tags[258].overwrite(1), tags[259].overwrite(4), tags[262].overwrite(1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels * 255)


@pytest.mark.parametrize("coding", FAX)
def test_damage_in_fax_coding_is_named_and_nothing_is_written_to_the_error_stream(
    tmp_path: Path, coding: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pixels = smooth(64, 80)[..., 0] > np.random.default_rng(1).integers(0, 400, (64, 80))
    path = write_fax(tmp_path / "a.tif", pixels, coding, tag278=8)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0].aspage()
        place = page.dataoffsets[3] + page.databytecounts[3] // 2
    data = bytearray(path.read_bytes())
    data[place : place + 4] = b"\0\0\0\0"  # no code word has so many zeros
    path.write_bytes(data)
    photo = read_photo(path)
    (note,) = photo.notes
    assert "a.tif" in note and "fax" in note and "damaged" in note
    np.testing.assert_array_equal(photo.picture[:24], pixels[:24] * 255)
    np.testing.assert_array_equal(photo.picture[32:], pixels[32:] * 255)
    assert capfd.readouterr().err == ""


# --- layout and compression ------------------------------------------------------------------------------------------

LOSSLESS = {
    None: {},
    "lzw": {},
    "zlib": {},
    "packbits": {},
    "zstd": {},
    "lzma": {},
    "lerc": {},
    "png": {},
    "jpeg2000": {"level": 0, "reversible": True},
    "jpegxl": {"lossless": True},
    "jpegxr": {"level": 1.0},
    "webp": {"lossless": True},
}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 8}, {"tile": (16, 32)}, {"bigtiff": True, "byteorder": ">"}])
@pytest.mark.parametrize("compression", LOSSLESS)
def test_lossless_compressions_give_the_same_bytes(
    tmp_path: Path, compression: str | None, layout: dict, dtype: type
) -> None:
    if compression == "webp" and dtype == np.uint16:
        pytest.skip("WebP has 8 bits")
    if "byteorder" in layout and compression in ("lerc", "png", "jpeg2000", "jpegxl", "jpegxr", "webp"):
        layout = {"bigtiff": True}  # these hold their own byte order
    pixels = noise((*SIZE, 3), dtype)
    options = {"compression": compression, "compressionargs": LOSSLESS[compression]} if compression else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", metadata=None, **options, **layout)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("channels", [3, 4])
def test_separate_planes(tmp_path: Path, channels: int, compression: str | None, dtype: type) -> None:
    planes = noise((channels, *SIZE), dtype)
    extra = ["unspecified"] if channels == 4 else None
    options = {"compression": compression, "predictor": True} if compression else {}
    tifffile.imwrite(
        tmp_path / "a.tif", planes, photometric="rgb", planarconfig=2, extrasamples=extra, metadata=None, **options
    )
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.moveaxis(planes[:3], 0, -1))


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
def test_jpeg_with_fewer_colours(tmp_path: Path, subsampling: tuple[int, int]) -> None:
    pixels = smooth(64, 96)
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, photometric="rgb", compression="jpeg", subsampling=subsampling, metadata=None
    )
    assert np.abs(read_image(tmp_path / "a.tif").astype(int) - pixels).mean() < 5


def test_old_style_jpeg(tmp_path: Path) -> None:
    pixels = smooth(64, 96)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    jpeg = file.getvalue()
    tags = {
        258: (SHORT, [8, 8, 8]),
        259: (SHORT, [6]),
        262: (SHORT, [6]),
        277: (SHORT, [3]),
        513: (LONG, [8]),
        514: (LONG, [len(jpeg)]),
        530: (SHORT, [1, 1]),
    }
    write_tiff_by_hand(tmp_path / "a.tif", jpeg, pixels.shape[:2], tags)
    assert np.abs(read_image(tmp_path / "a.tif").astype(int) - pixels).mean() < 3


def test_uncompressed_ycbcr(tmp_path: Path) -> None:
    ycbcr = np.asarray(Image.fromarray(smooth()).convert("YCbCr"))
    tags = {258: (SHORT, [8, 8, 8]), 259: (SHORT, [1]), 262: (SHORT, [6]), 277: (SHORT, [3]), 530: (SHORT, [1, 1])}
    write_tiff_by_hand(tmp_path / "a.tif", ycbcr.tobytes(), ycbcr.shape[:2], tags)
    assert np.abs(read_image(tmp_path / "a.tif").astype(int) - smooth()).max() <= 3


def subsampled(ycbcr: np.ndarray, rows: int, columns: int) -> bytes:
    """Return YCbCr (h, w, 3) as a strip in which blocks of rows and columns share the colours of their corner."""
    height, width = (-(-side // step) * step for side, step in zip(ycbcr.shape, (rows, columns), strict=False))
    full = np.pad(ycbcr, ((0, height - len(ycbcr)), (0, width - ycbcr.shape[1]), (0, 0)), "edge")
    lightness = full[..., 0].reshape(height // rows, rows, width // columns, columns).swapaxes(1, 2)
    lightness = lightness.reshape(height // rows, width // columns, -1)
    return np.dstack([lightness, full[::rows, ::columns, 1:]]).tobytes()


@pytest.mark.parametrize("photometric", [0, 1])
def test_thunderscans_coding(tmp_path: Path, photometric: int) -> None:
    samples = grey(4)
    tags = grey_tags(4, photometric, 32809) | {274: (SHORT, [6])}
    data = (samples | 0xC0).astype(np.uint8).tobytes()  # C0: a level as it is
    write_tiff_by_hand(tmp_path / "a.tif", data, samples.shape, tags)
    expected = np.rot90(samples.astype(int) * 17, -1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), expected if photometric else 255 - expected)
    write_tiff_by_hand(tmp_path / "a.tif", data[:40], samples.shape, tags)
    with pytest.raises(ImageError, match=r"a\.tif: .*ThunderScan"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 1), (2, 2), (1, 4), (4, 4)])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
@pytest.mark.parametrize("tile", [False, True])
def test_ycbcr_with_fewer_colours(tmp_path: Path, compression: int, rows: int, columns: int, tile: bool) -> None:
    ycbcr = np.asarray(Image.fromarray(smooth(37, 50)).convert("YCbCr"))
    encode = {1: bytes, 5: imagecodecs.lzw_encode, 8: imagecodecs.zlib_encode, 32773: imagecodecs.packbits_encode}
    step = (16, 32) if tile else (16, 50)
    padded = np.pad(ycbcr, ((0, 11), (0, 14), (0, 0)), "edge")
    stored = padded if tile else ycbcr
    pieces = [stored[y : y + 16, x : x + step[1]] for y in range(0, 37, 16) for x in range(0, 50, step[1])]
    parts = [encode[compression](subsampled(piece, rows, columns)) for piece in pieces]
    layout = {"tile": step} if tile else {"rowsperstrip": 16}
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        tag = [(530, 3, 2, (columns, rows), True)]
        kind = {"dtype": np.uint8, "photometric": "rgb", "compression": "zlib", "extratags": tag}
        writer.write(iter(map(bytes, parts)), shape=ycbcr.shape, metadata=None, **kind, **layout)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tags = tiff.pages[0].aspage().tags
        tags[259].overwrite(compression), tags[262].overwrite(6)
    photo = read_photo(tmp_path / "a.tif")
    own, whole = rgb_to_lightness(photo.picture), rgb_to_lightness(smooth(37, 50))
    assert np.abs(photo.picture.astype(int) - smooth(37, 50)).mean() < 12 and np.abs(own - whole).mean() < 3
    corners = smooth(37, 50)[::rows, ::columns]
    assert np.abs(photo.picture[::rows, ::columns].astype(int) - corners).max() <= 3


# --- samples that are no colours -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("colors", [1, 3, 4])
@pytest.mark.parametrize("extra", [[0], [2], [1], [2, 0], [0, 0]])
def test_alpha_is_where_extra_samples_says_so(tmp_path: Path, extra: list[int], colors: int, dtype: type) -> None:
    top = np.iinfo(dtype).max
    pixels = noise((*SIZE, colors + len(extra)), dtype)
    pixels[..., colors] |= 1
    if extra[0] == 1:  # premultiplied colours are never above alpha
        pixels[..., :colors] = np.minimum(pixels[..., :colors], pixels[..., colors : colors + 1])
    kind = {1: "minisblack", 3: "rgb", 4: "separated"}[colors]
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=kind, planarconfig=1, extrasamples=extra, metadata=None)
    photo = read_photo(tmp_path / "a.tif")
    if extra[0]:
        np.testing.assert_array_equal(photo.alpha, pixels[..., colors])
    else:
        assert photo.alpha is None
    expected = pixels[..., :colors].astype(np.float64)
    if extra[0] == 1:
        expected = expected * top / pixels[..., colors : colors + 1]
    if colors == 4:
        expected = (top - expected[..., :3]) * (top - expected[..., 3:]) / top
    assert np.abs(photo.picture.reshape(expected[..., :3].shape) - expected[..., :3]).max() <= 2
    unused = extra[-1] == 0
    assert len(photo.notes) == unused
    assert all("a.tif" in note and "infrared" in note for note in photo.notes)


def test_a_fourth_sample_without_a_tag_is_not_transparency(tmp_path: Path) -> None:
    pixels = noise((*SIZE, 4))
    tags = {258: (SHORT, [8] * 4), 259: (SHORT, [1]), 262: (SHORT, [2]), 277: (SHORT, [4])}
    photo = read_photo(write_tiff_by_hand(tmp_path / "a.tif", pixels.tobytes(), SIZE, tags))
    np.testing.assert_array_equal(photo.picture, pixels[..., :3])
    assert photo.alpha is None
    assert "infrared" in photo.notes[0]


# --- palettes and Lab ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_palette_of_8_bits(tmp_path: Path, scale: int) -> None:
    palette, indices = noise((3, 256)).astype(np.uint16), noise(SIZE)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=palette * scale, metadata=None)
    picture = read_image(tmp_path / "a.tif")
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, palette.T[indices])


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_a_palette_of_16_bits(tmp_path: Path, bits: int) -> None:
    palette, indices = noise((3, 2**bits), np.uint16), grey(bits)
    tags = grey_tags(bits, 3) | {320: (SHORT, palette.ravel().tolist())}
    data = packed(indices, bits) if bits < 16 else indices.astype("<u2").tobytes()
    write_tiff_by_hand(tmp_path / "a.tif", data, SIZE, tags)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), palette.T[indices])


def test_a_palette_that_is_too_short_is_damage(tmp_path: Path) -> None:
    tags = grey_tags(8, 3) | {320: (SHORT, [0] * 48)}
    write_tiff_by_hand(tmp_path / "a.tif", noise(SIZE).tobytes(), SIZE, tags)
    with pytest.raises(ImageError, match=r"a\.tif: .*palette"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("photometric", [8, 9])
def test_lab_keeps_its_lightness_and_its_hue(tmp_path: Path, photometric: int, dtype: type) -> None:
    lightness = np.tile(np.linspace(0, 100, 40), (3, 1))
    ab = np.array([[0, 0], [12, -20], [-14, 16]])[:, None] * (1 - np.abs(lightness / 50 - 1))[..., None]
    scale = 1 if dtype == np.uint8 else 256
    white = 255 * scale if photometric == 9 else np.iinfo(dtype).max
    stored = np.rint(np.dstack([lightness * white / 100, ab * scale + (128 * scale if photometric == 9 else 0)]))
    pixels = stored.astype(np.int32).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric, planarconfig=1, metadata=None)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.picture.dtype == dtype
    lab = rgb_to_lab(photo.picture, photo.space)
    assert np.abs(lab[0, :, 0] - lightness[0]).mean() < (0.15 if dtype == np.uint8 else 0.01)
    assert np.abs(lab[..., 0] - lightness).mean() < 0.15
    assert np.abs(lab[0, :, 1:]).max() < 0.01  # neutral
    inside = slice(10, 30)
    assert np.abs(lab[:, inside, 1:] - ab[:, inside]).max() < 3  # the white of D50 is not that of sRGB


def test_lightness_alone_is_grey(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(0, 65536, 1024, dtype=np.uint16), (4, 1))
    data = pixels.astype("<u2").tobytes()
    write_tiff_by_hand(tmp_path / "a.tif", data, pixels.shape, grey_tags(16, 8))
    picture = read_image(tmp_path / "a.tif")
    assert np.abs(rgb_to_lightness(picture) - pixels / 655.35).max() < 0.01


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"compression": "jpeg"}, {"tile": (16, 16)}])
@pytest.mark.parametrize("rows", [8, 64])
def test_a_file_that_is_cut_off_is_never_read_in_part(tmp_path: Path, options: dict, rows: int) -> None:
    options = options if "tile" in options else {**options, "rowsperstrip": rows}
    pixels = smooth(64, 96)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", metadata=None, **options)
    whole = (tmp_path / "a.tif").read_bytes()
    for size in (len(whole) // 3, len(whole) * 2 // 3, len(whole) - 20):
        (tmp_path / "a.tif").write_bytes(whole[:size])
        with pytest.raises(ImageError, match=r"a\.tif: .*(cut off|damaged)"):
            read_photo(tmp_path / "a.tif")


def test_a_jpeg_without_an_end_is_cut_off(tmp_path: Path) -> None:
    data = imagecodecs.jpeg_encode(smooth(64, 96)[..., 0].copy(), level=90)
    write_tiff_by_hand(tmp_path / "a.tif", data[: len(data) // 2], (64, 96), grey_tags(8, compression=7))
    with pytest.raises(ImageError, match=r"a\.tif: cut off.*JPEG"):
        read_photo(tmp_path / "a.tif")


def test_a_tag_of_another_type_is_refused_in_words(tmp_path: Path) -> None:
    path = write_fax(tmp_path / "a.tif", grey(1).astype(bool), "group4")
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[0].aspage().tags[258].offset + 2
    data = bytearray(path.read_bytes())
    data[place] = 11  # BitsPerSample as a floating-point number
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.tif: its fax coding .* cannot be decoded \(its tags fit no picture\)"):
        read_photo(path)


@pytest.mark.parametrize(("compression", "name"), [(34661, "JBIG"), (34676, "LogLuv"), (32771, "RLE"), (4711, "4711")])
def test_what_no_decoder_reads_is_called_by_its_name(tmp_path: Path, compression: int, name: str) -> None:
    write_tiff_by_hand(tmp_path / "a.tif", bytes(99), SIZE, grey_tags(8, compression=compression))
    with pytest.raises(ImageError, match=rf"a\.tif: .*{name}.*save it"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize(("photometric", "name"), [(10, "ITULAB"), (32844, "LOGL"), (32803, "mosaic")])
def test_pixels_of_no_picture_are_called_by_their_name(tmp_path: Path, photometric: int, name: str) -> None:
    write_tiff_by_hand(tmp_path / "a.tif", bytes(23 * 37), SIZE, grey_tags(8, photometric))
    with pytest.raises(ImageError, match=rf"a\.tif: .*{name}"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("where", ["page", "tile", "jpeg", "jpeg2k", "jpegxl", "jpegxr", "png"])
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    path = tmp_path / "a.tif"
    if where == "page":
        tifffile.imwrite(path, noise((60, 70)), photometric="minisblack")
    elif where == "tile":
        tifffile.imwrite(path, noise((6, 7)), photometric="minisblack", tile=(64, 80), compression="zlib")
    else:
        data = getattr(imagecodecs, f"{where}_encode")(noise((64, 80)))
        compression = {"jpeg": 7, "jpeg2k": 34712, "jpegxl": 50002, "jpegxr": 34934, "png": 34933}[where]
        write_tiff_by_hand(path, data, (8, 8), grey_tags(8, compression=compression))
    with pytest.raises(ImageError, match=r"a\.tif: .*--max-megapixels"):
        read_photo(path)


def test_a_strip_that_is_not_there_is_no_black_bar(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise((64, 80)), photometric="minisblack", rowsperstrip=16, compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages[0].tags[279]
        tag.overwrite([*tag.value[:2], 0, tag.value[3]])
    with pytest.raises(ImageError, match=r"a\.tif: .*missing"):
        read_photo(path)
