"""TIFFs of several pages: which are photographs, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.photo_files import DATE, XMP, boxes_picture, make_exif, noise, smooth
from support.tiff_files import LONG, SHORT, grey_tags, write_tiff_by_hand

from colorize.base import ImageError
from colorize.photo import (
    Photo,
    photo_size,
    read_photo,
    read_photos,
    tiff_writer,
    upright_xmp,
    write_photo,
    write_photos,
)
from colorize.photo.exif import read_block
from colorize.photo.tiff_reader import WORDS_BYTES

REDUCED, PAGE, SECOND_CHANNEL = 1, 2, 4  # NewSubfileType
CFA, LINEAR_RAW = 32803, 34892  # PhotometricInterpretation
DNG = [(50706, 1, 4, b"\x01\x04\0\0", True)]
GREY, COLOR, MASK = noise((20, 30), np.uint16), noise((20, 30, 3), np.uint16), noise((20, 30)) > 127


def write_pages(path: Path, *pages: tuple[np.ndarray, int], **options: object) -> Path:
    """Write pages, each with its NewSubfileType."""
    with tifffile.TiffWriter(path) as writer:
        for pixels, kind in pages:
            photometric = "rgb" if pixels.ndim == 3 else "minisblack"
            stored = PAGE if kind == SECOND_CHANNEL else kind  # which tifffile does not write
            writer.write(pixels, photometric=photometric, subfiletype=stored, metadata=None, **options)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for page, (_, kind) in zip(tiff.pages, pages, strict=True):
            if kind == SECOND_CHANNEL:
                page.aspage().tags[254].overwrite(kind)
    return path


def assert_photographs(path: Path, pictures: Sequence[np.ndarray], *words: str) -> None:
    """Check a file's photographs, and that its notes, each with its name, hold some words."""
    photos = list(read_photos(path))
    assert len(photos) == len(pictures)
    for photo, picture in zip(photos, pictures, strict=True):
        np.testing.assert_array_equal(photo.picture, picture)
    notes = photos[0].notes
    assert all(str(path) in note for note in notes)
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


def test_reduced_copies_masks_and_infrared_are_left_out_with_a_line(tmp_path: Path) -> None:
    pages = [(COLOR, 0), (COLOR[::4, ::4].copy(), REDUCED), (MASK, SECOND_CHANNEL), (GREY, SECOND_CHANNEL)]
    path = write_pages(tmp_path / "a.tif", *pages)
    assert_photographs(path, [COLOR], "reduced copy (page 2)", "mask (page 3)", "infrared (page 4)")


def infrared_pages(leak: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a colour page with dust and its infrared, uint16, in which so much of the scene is left."""
    random = np.random.default_rng(3)
    scene = boxes_picture(160, 200, 5).astype(np.float32)
    clear = np.ones(scene.shape[:2], np.float32)
    for y, x in random.integers((0, 0), clear.shape, (60, 2)):
        clear[y : y + 3, x : x + 3] = random.uniform(0.1, 0.6)
    infrared = (220 - leak * (255 - scene[..., 0])) * clear + random.normal(0, 1, clear.shape)
    return ((scene * clear[..., None]) * 257).astype(np.uint16), (infrared.clip(0, 255) * 257).astype(np.uint16)


@pytest.mark.parametrize("kind", [0, PAGE])
@pytest.mark.parametrize("leak", [0, 0.05, 0.4])
def test_an_unmarked_grey_page_that_shows_the_dust_or_the_scene_of_the_colour_page_is_infrared(
    tmp_path: Path, kind: int, leak: float
) -> None:
    color, infrared = infrared_pages(leak)
    path = write_pages(tmp_path / "a.tif", (color, kind), (infrared, kind), (color[::-1], kind), (GREY, kind))
    assert_photographs(path, [color, color[::-1], GREY], "infrared (page 2)")


def test_a_grey_page_that_shows_nothing_is_left_out(tmp_path: Path) -> None:
    color, _ = infrared_pages(0)
    empty = (59000 + noise(color.shape[:2], np.uint16) // 256).astype(np.uint16)
    assert_photographs(write_pages(tmp_path / "a.tif", (color, 0), (empty, 0)), [color], "empty page (page 2)")


@pytest.mark.parametrize("what", ["another scene", "the back with a note", "a grey copy"])
def test_an_unmarked_grey_page_after_a_colour_one_is_a_photograph_where_they_have_nothing_or_all_in_common(
    tmp_path: Path, what: str
) -> None:
    color, _ = infrared_pages(0)
    grey = boxes_picture(160, 200, 6)[..., 1].astype(np.uint16) * 257
    if what == "the back with a note":
        grey = np.full_like(grey, 60000)
        grey[70:72, 40:150], grey[80:110:2, 60:62] = 9000, 9000
    elif what == "a grey copy":
        grey = np.round(color @ [0.299, 0.587, 0.114]).astype(np.uint16)
    assert_photographs(write_pages(tmp_path / "a.tif", (color, 0), (grey, 0)), [color, grey])


@pytest.mark.parametrize(
    "pictures",
    [(COLOR, GREY[:10]), (GREY, GREY), (GREY, COLOR), (COLOR, (GREY >> 8).astype(np.uint8))],
    ids=["another size", "grey before", "grey first", "another depth"],
)
def test_other_pages_are_photographs(tmp_path: Path, pictures: tuple[np.ndarray, ...]) -> None:
    assert_photographs(write_pages(tmp_path / "a.tif", *((picture, 0) for picture in pictures)), pictures)


def test_a_numbered_grey_page_is_a_photograph(tmp_path: Path) -> None:
    number = [(297, 3, 2, (1, 2), True)]
    pages = infrared_pages(0.05)
    assert_photographs(write_pages(tmp_path / "a.tif", *((page, 0) for page in pages), extratags=number), pages)


@pytest.mark.parametrize("where", ["inside", "after"])
@pytest.mark.parametrize("pixels", [GREY, COLOR], ids=["grey", "colour"])
def test_the_full_picture_is_read_where_the_first_page_is_a_reduced_copy(
    tmp_path: Path, where: str, pixels: np.ndarray
) -> None:
    path = tmp_path / "a.dng"
    with tifffile.TiffWriter(path) as writer:
        inside = {"subifds": 1} if where == "inside" else {}
        writer.write(smooth()[::4, ::4].copy(), photometric="rgb", subfiletype=REDUCED, metadata=None, **inside)
        writer.write(pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack", metadata=None, extratags=DNG)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        page = (tiff.pages[0].aspage().pages or ())[0] if where == "inside" else tiff.pages[1]
        page.aspage().tags[262].overwrite(LINEAR_RAW)
    (photo,) = read_photos(path)
    np.testing.assert_array_equal(photo.picture, pixels)
    assert any("reduced copy (page 1)" in note for note in photo.notes)
    assert any("LinearRaw" in note for note in photo.notes)
    assert photo_size(path) == (20, 30)


@pytest.mark.parametrize("marked", [True, False])
def test_a_dngs_visible_part_is_read_with_the_words_of_its_first_page(tmp_path: Path, marked: bool) -> None:
    pixels = noise((40, 60, 3), np.uint16)
    path = tmp_path / "a.dng"
    # 40 x 60 pixels, of which rows 4..35 and columns 6..53 are active, of which 20 x 30 from (2, 3) are to be seen.
    crop = [(50829, 3, 4, (4, 6, 36, 54), True), (50719, 5, 2, (3, 1, 2, 1), True), (50720, 4, 2, (30, 20), True)]
    words = [*DNG, (274, 3, 1, 6, True), (271, 2, 8, "Scanner\0", True)]
    with tifffile.TiffWriter(path) as writer:
        small = {"photometric": "rgb", "subfiletype": int(marked), "subifds": 1}
        writer.write(smooth(10, 15), metadata=None, software=False, extratags=words, **small)
        writer.write(pixels, photometric="rgb", metadata=None, software=False, extratags=crop)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        (tiff.pages[0].aspage().pages or ())[0].aspage().tags[262].overwrite(LINEAR_RAW)
    (photo,) = read_photos(path)
    np.testing.assert_array_equal(photo.picture, np.rot90(pixels[6:26, 9:39], -1))
    assert b"Scanner" in (photo.exif or b"")
    assert photo_size(path) == (20, 30)


def test_a_lone_reduced_copy_is_read(tmp_path: Path) -> None:
    assert_photographs(write_pages(tmp_path / "a.tif", (GREY, REDUCED)), [GREY])


def test_pictures_inside_a_photograph_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(COLOR, photometric="rgb", subifds=2, metadata=None)
        writer.write(COLOR[::2, ::2].copy(), photometric="rgb", subfiletype=REDUCED, metadata=None)
        writer.write(COLOR[::4, ::4].copy(), photometric="rgb", subfiletype=REDUCED, metadata=None)
    assert_photographs(path, [COLOR], "reduced copy (picture 1 inside page 1, picture 2 inside page 1)")


def test_a_cameras_mosaic_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    with tifffile.TiffWriter(path) as writer:
        writer.write(smooth()[::4, ::4].copy(), photometric="rgb", subfiletype=REDUCED, subifds=1, metadata=None)
        writer.write(GREY, photometric=CFA, metadata=None)
    with pytest.raises(ImageError, match=r"a\.dng.*mosaic"):
        read_photo(path)


def test_each_page_is_turned_by_its_own_orientation(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for orientation in (1, 6, 3):
            writer.write(GREY, photometric="minisblack", metadata=None, extratags=[(274, 3, 1, orientation, True)])
    assert_photographs(tmp_path / "a.tif", [GREY, np.rot90(GREY, -1), np.rot90(GREY, 2)])


def test_a_page_that_is_missing_is_an_error(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", (GREY, 0), (GREY[:7], 0))
    with tifffile.TiffFile(path) as tiff:
        last = tiff.pages[1].offset
    path.write_bytes(path.read_bytes()[:last])
    with pytest.raises(ImageError, match=r"a\.tif: .*after page 1"):
        list(read_photos(path))


def test_damage_of_a_later_page_names_it(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", (GREY, 0), (GREY[:7], 0), compression="zlib")
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[1].dataoffsets[0]
    data[start : start + 8] = bytes(8)
    path.write_bytes(data)
    photos = read_photos(path)
    next(photos)
    with pytest.raises(ImageError, match=r"a\.tif, page 2: .*DEFLATE"):
        next(photos)


def test_a_place_that_no_file_has_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, bigtiff=True, photometric="minisblack", rowsperstrip=4, compression="zlib")
    whole = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        places = [tag.offset + 12 for tag in tiff.pages[0].aspage().tags]
    for place in (8, *places):  # of the first page, of each tag's value
        path.write_bytes(whole[:place] + b"\xff" * 8 + whole[place + 8 :])
        try:
            read_photo(path)
        except ImageError as error:
            assert str(path) in str(error)


def test_a_page_without_pixels_is_an_error(tmp_path: Path) -> None:
    write_tiff_by_hand(tmp_path / "a.tif", b"", (0, 0), grey_tags(8) | {254: (SHORT, [0])})
    with pytest.raises(ImageError, match=r"a\.tif: "):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("tag", [256, 257, 259, 262, 277, 284, 317, 322])
def test_several_values_in_place_of_one_number_are_damage(tmp_path: Path, tag: int) -> None:
    stated = {256: 30, 257: 20}.get(tag, 1)
    tags = grey_tags(8) | {tag: (LONG if tag < 258 else SHORT, [stated] * 3)}
    path = write_tiff_by_hand(tmp_path / "a.tif", noise((20, 30)).tobytes(), (20, 30), tags)
    with pytest.raises(ImageError, match=r"a\.tif: .*values") as caught:
        read_photo(path)
    assert "tuple" not in str(caught.value)
    assert "get it anew" in str(caught.value)


def test_pages_that_might_be_too_large_for_a_tiff_become_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is 4 GB: the pages of a thick book."""
    size, pages = COLOR.nbytes + WORDS_BYTES, [COLOR, COLOR[::-1], COLOR[:, ::-1]]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for _ in pages:
            writer.write(GREY, photometric="minisblack", metadata=None)
    photos = [replace(photo, exif=make_exif(), xmp=XMP) for photo in read_photos(tmp_path / "a.tif")]
    assert [photo.file_bytes for photo in photos] == [3 * size] * 3
    colored = [photo.with_colors(page) for photo, page in zip(photos, pages, strict=True)]
    words = []
    for limit, is_big in ((3 * size, False), (3 * size - 1, True)):
        monkeypatch.setattr(tiff_writer, "CLASSIC_BYTES", limit)
        write_photos(tmp_path / "b.tif", iter(colored), overwrite=True)
        with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
            assert tiff.is_bigtiff is is_big
            assert tiff.pages[2].aspage().tags[34665].value["DateTimeOriginal"] == DATE
        with Image.open(tmp_path / "b.tif") as image:
            image.seek(1)
            assert image.getexif().get_ifd(34665)[36867] == DATE
            assert image.getexif().get_ifd(34853)[1] == "N"
        for before, after in zip(colored, read_photos(tmp_path / "b.tif"), strict=True):
            np.testing.assert_array_equal(after.picture, before.picture)
            assert after.xmp == upright_xmp(before.xmp or b"")
            words.append(read_block(after.exif))
    assert words[:3] == words[3:]


def test_one_picture_too_large_for_a_tiff_becomes_a_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_writer, "CLASSIC_BYTES", GREY.nbytes)
    write_photo(tmp_path / "a.tif", Photo(GREY))
    write_photo(tmp_path / "b.tif", Photo(GREY, GREY))
    for name, is_big in (("a.tif", False), ("b.tif", True)):
        with tifffile.TiffFile(tmp_path / name) as tiff:
            assert tiff.is_bigtiff is is_big
        np.testing.assert_array_equal(read_photo(tmp_path / name).picture, GREY)
