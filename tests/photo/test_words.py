"""The words of a photo: kept byte for byte or rewritten in another format, and named where they cannot be kept."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, IptcImagePlugin
from support.words import (
    GREY,
    IPTC,
    MAKER_NOTE,
    boxes,
    chunk,
    exif_block,
    extended_xmp,
    jpeg,
    packet,
    png,
    resource,
    segment,
    webp,
)

from colorize.photo import Photo, read_photo, read_photos, write_photo, write_photos
from colorize.photo.exif import read_block
from colorize.photo.xmp import SOURCE_TYPE, label_xmp, without_pointers

PHOTOSHOP = b"Photoshop 3.0\0"
OTHER_BOXES = ((b"uuid", bytes(range(20))), (b"abcd", b"words"), (b"uuid", bytes(range(1, 20))))
GAIN = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
TITLE = '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="album 3"%s/>'
MOTION = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" GCamera:BurstID="b7"'
CONTAINER = (
    '<rdf:Description rdf:about="" xmlns:Container="http://ns.google.com/photos/1.0/container/">'
    "<Container:Directory><rdf:Seq><rdf:li>GainMap</rdf:li></rdf:Seq></Container:Directory></rdf:Description>"
)


def colored(path: Path, suffix: str) -> tuple[Path, tuple[str, ...]]:
    """Colour a file by hand, and return the result and all lines about it; the source must stay as it is."""
    before = path.read_bytes()
    photo = read_photo(path)
    target = path.with_name(f"result{suffix}")
    picture = np.dstack([photo.picture] * 3) if photo.picture.ndim == 2 else photo.picture
    notes = write_photo(target, photo.with_colors(picture), overwrite=True)
    assert path.read_bytes() == before
    return target, photo.notes + notes


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# --- IPTC ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".jp2"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".tif"])
def test_iptc_goes_from_any_format_to_any(tmp_path: Path, source: str, suffix: str) -> None:
    path = tmp_path / f"a{source}"
    resources = resource(1028, IPTC) + resource(1034, b"\1")
    if source == ".jpg":
        write(path, jpeg(segment(0xED, PHOTOSHOP + resources)))
    elif source == ".png":
        text = f"\niptc\n{len(resources):8}\n{resources.hex()}\n".encode()
        write(path, png(chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text))))
    else:
        tifffile.imwrite(path, GREY, extratags=[(34377, 7, len(resources), resources, True)], metadata=None)
    result, notes = colored(path, suffix)
    photo = read_photo(result)
    assert photo.iptc == IPTC
    assert photo.photoshop == (None if suffix == ".jp2" else resource(1034, b"\1"))
    assert ["Photoshop" in note for note in notes] == [True] * (suffix == ".jp2")
    if suffix in (".jpg", ".tif"):
        with Image.open(result) as image:
            info = IptcImagePlugin.getiptcinfo(image)
        assert info is not None
        assert info[(2, 25)] == [b"family", b"lake"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("type", "swapped"), [(1, False), (7, False), (4, False), (4, True)])
def test_iptc_of_a_tiff_is_read_whatever_its_type(tmp_path: Path, order: str, type: int, swapped: bool) -> None:
    data = IPTC + bytes(-len(IPTC) % 4)
    if swapped:  # some programs write the bytes of a number the other way round
        data = b"".join(data[place : place + 4][::-1] for place in range(0, len(data), 4))
    path = tmp_path / "a.tif"
    count = len(data) // (4 if type == 4 else 1)
    tifffile.imwrite(path, GREY, extratags=[(33723, type, count, data, True)], metadata=None, byteorder=order)
    assert read_photo(path).iptc == IPTC
    result, _ = colored(path, ".tif")
    with Image.open(result) as image:
        info = IptcImagePlugin.getiptcinfo(image)
    assert info is not None
    assert info[(2, 120)] == "Am See, 1931 – Größe".encode()


def test_iptc_of_more_than_a_segment_holds(tmp_path: Path) -> None:
    long = b"".join(struct.pack(">BBBH", 0x1C, 2, 25, 30_000) + bytes([65 + place]) * 30_000 for place in range(5))
    content = resource(1028, long)
    parts = [segment(0xED, PHOTOSHOP + content[place : place + 60_000]) for place in range(0, len(content), 60_000)]
    result, _ = colored(write(tmp_path / "a.jpg", jpeg(*parts)), ".jpg")
    assert read_photo(result).iptc == long


@pytest.mark.parametrize(("number", "is_named"), [(1034, True), (2000, True), (1061, False)])
def test_a_format_without_a_place_for_photoshops_resources_says_so(tmp_path: Path, number: int, is_named: bool) -> None:
    path = write(tmp_path / "a.jpg", jpeg(segment(0xED, PHOTOSHOP + resource(number, b"\1"))))
    _, notes = colored(path, ".webp")
    assert ["Photoshop" in note for note in notes] == [True] * is_named


def test_an_old_thumbnail_among_the_resources_goes(tmp_path: Path) -> None:
    resources = resource(1036, b"old picture") + resource(1028, IPTC)
    result, notes = colored(write(tmp_path / "a.jpg", jpeg(segment(0xED, PHOTOSHOP + resources))), ".jpg")
    assert b"old picture" not in result.read_bytes()
    assert read_photo(result).iptc == IPTC
    assert notes == ()


def test_paths_of_a_picture_that_is_turned_go_with_a_line(tmp_path: Path) -> None:
    resources = resource(2000, b"path") + resource(1034, b"\1")
    segments = [segment(0xE1, exif_block("<", orientation=6)), segment(0xED, PHOTOSHOP + resources)]
    photo = read_photo(write(tmp_path / "a.jpg", jpeg(*segments)))
    assert photo.photoshop == resource(1034, b"\1")
    assert "paths" in photo.notes[0]


@pytest.mark.parametrize("orientation", [3, 6])
def test_resolutions_in_photoshops_resources_and_xmp_turn_with_the_picture(tmp_path: Path, orientation: int) -> None:
    across, down = struct.pack(">IHH", 204 << 16, 1, 2), struct.pack(">IHH", 98 << 16, 1, 1)
    words = packet(
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        'tiff:XResolution="204/1" tiff:YResolution="98/1"/>'
    )
    segments = [
        segment(0xE1, exif_block("<", orientation=orientation)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + words),
        segment(0xED, PHOTOSHOP + resource(1005, across + down)),
    ]
    photo = read_photo(write(tmp_path / "a.jpg", jpeg(*segments)))
    assert photo.photoshop == resource(1005, down + across if orientation == 6 else across + down)
    expected = b'XResolution="98/1" tiff:YResolution="204/1"' if orientation == 6 else b'XResolution="204/1" tiff:Y'
    assert expected in (photo.xmp or b"")


def test_a_format_without_a_place_for_iptc_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", jpeg(segment(0xED, PHOTOSHOP + resource(1028, IPTC))))
    result, notes = colored(path, ".webp")
    assert len(notes) == 1
    assert str(result) in notes[0]
    assert "IPTC" in notes[0]


# --- comments and texts ----------------------------------------------------------------------------------------------

COMMENTS = ("Scanned by hand – Größe".encode(), b"box 12", b"Gr\xf6\xdfe", b"")


def test_comments_stay_byte_for_byte(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", jpeg(*(segment(0xFE, comment) for comment in COMMENTS)))
    result, _ = colored(path, ".jpg")
    data, found = result.read_bytes(), []
    for comment in COMMENTS:
        assert segment(0xFE, comment) in data
        found.append(data.index(segment(0xFE, comment)))
    assert found == sorted(found)


def test_comments_become_texts_of_a_png(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", jpeg(segment(0xFE, COMMENTS[0]), segment(0xFE, COMMENTS[2])))
    photo = read_photo(colored(path, ".png")[0])
    assert [(text.keyword, text.text) for text in photo.texts] == [
        ("Comment", "Scanned by hand – Größe"),
        ("Comment", "Größe"),  # bytes that are not UTF-8 are Latin-1's
    ]


def texts_png(path: Path) -> Path:
    itxt = b"Author\0\1\0de\0" + b"Urheberin" + b"\0" + zlib.compress("Žofie 湖".encode())
    return write(
        path,
        png(
            chunk(b"tEXt", b"Title\0At the lake, 1931"),
            chunk(b"zTXt", b"Description\0\0" + zlib.compress("Größe".encode("latin-1"))),
            chunk(b"iTXt", itxt),
            chunk(b"tEXt", b"Comment\0box 12"),
        ),
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_texts_of_a_png_stay(tmp_path: Path, dtype: type) -> None:
    photo = read_photo(texts_png(tmp_path / "a.png"))
    picture = np.dstack([photo.picture.astype(dtype)] * 3)
    write_photo(tmp_path / "b.png", photo.with_colors(picture))
    with Image.open(tmp_path / "b.png") as image:
        assert isinstance(image.text, dict)  # type: ignore[attr-defined]
        texts = image.text  # type: ignore[attr-defined]
    assert (texts["Title"], texts["Description"], texts["Comment"]) == ("At the lake, 1931", "Größe", "box 12")
    assert (texts["Author"], texts["Author"].lang, texts["Author"].tkey) == ("Žofie 湖", "de", "Urheberin")


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp", ".avif"])
def test_texts_of_a_png_go_where_other_formats_have_them(tmp_path: Path, suffix: str) -> None:
    result, notes = colored(texts_png(tmp_path / "a.png"), suffix)
    exif = read_block(read_photo(result).exif)
    assert exif.entries[269].data == b"At the lake, 1931\0"
    assert exif.entries[270].data == "Größe".encode() + b"\0"
    assert exif.entries[315].data == "Žofie 湖".encode() + b"\0"
    if suffix == ".jpg":
        assert segment(0xFE, b"box 12") in result.read_bytes()
    else:
        assert exif.below[34665].entries[37510].data == b"ASCII\0\0\0box 12"
    assert notes == ()


def test_a_text_without_a_place_is_named(tmp_path: Path) -> None:
    data = png(chunk(b"eXIf", exif_block("<")[6:]), chunk(b"tEXt", b"Warning\0box 12"))
    _, notes = colored(write(tmp_path / "a.png", data), ".tif")
    assert ["Warning" in note for note in notes] == [True]


# --- EXIF ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif", ".heic"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_letters_outside_ascii_stay(tmp_path: Path, order: str, suffix: str) -> None:
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
    path = write(tmp_path / "a.jpg", jpeg(segment(0xE1, exif_block(order))))
    result, notes = colored(path, suffix)
    result, notes = colored(result, suffix) if suffix == ".tif" else (result, notes)  # from a TIFF too
    with Image.open(result) as image:
        exif = image.getexif()
        assert exif[40091] == "Über den See\0".encode("utf-16-le")
        comment = exif.get_ifd(34665)[37510]
        assert exif.get_ifd(34665)[36867] == "1931:07:04 10:11:12"
    block = read_photo(result).exif or b""
    written = "utf-16-le" if block[6:8] == b"II" else "utf-16-be"
    assert comment == b"UNICODE\0" + "Žofie am Strand – été".encode(written)
    assert read_block(block).entries[270].data == "Tante Größe, 湖".encode() + b"\0"
    assert read_block(block).entries[315].data == "Žofie".encode() + b"\0"
    assert notes == ()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
def test_a_maker_note_keeps_its_place(tmp_path: Path, suffix: str) -> None:
    block = exif_block("<", maker_note=True)
    result, notes = colored(write(tmp_path / "a.jpg", jpeg(segment(0xE1, block))), suffix)
    written = read_photo(result).exif or b""
    assert written.index(MAKER_NOTE) == block.index(MAKER_NOTE)
    assert read_block(written).below[34665].entries[37500].data == MAKER_NOTE
    assert notes == ()


def test_a_maker_note_that_would_lose_its_place_goes_with_a_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", jpeg(segment(0xE1, exif_block(">", maker_note=True))))
    result, notes = colored(path, ".tif")
    assert MAKER_NOTE not in result.read_bytes()
    assert ["MakerNote" in note for note in notes] == [True]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_old_thumbnail_leaves_no_trace(tmp_path: Path, order: str, orientation: int) -> None:
    small = b"\xff\xd8 old picture \xff\xd9"
    block = exif_block(order, thumbnail=small, orientation=orientation)
    result, _ = colored(write(tmp_path / "a.jpg", jpeg(segment(0xE1, block))), ".jpg")
    assert b"old picture" not in result.read_bytes()
    with Image.open(result) as image:
        assert not image.getexif().get_ifd(1)  # the second directory
        assert image.getexif()[274] == 1
        assert image.size == ((30, 40) if orientation == 6 else (40, 30))


def test_damaged_exif_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", jpeg(segment(0xE1, b"Exif\0\0II*\0\xff\xff\0\0")))
    assert ["EXIF" in note for note in read_photo(path).notes] == [True]


def test_exif_too_long_for_a_jpeg(tmp_path: Path) -> None:
    block = exif_block("<")
    long = Photo(GREY, exif=block, texts=()).with_colors(np.dstack([GREY] * 3))
    exif = (long.exif or b"") + bytes(70_000)
    notes = write_photo(tmp_path / "a.jpg", Photo(GREY, exif=exif))
    assert any("MakerNote" in note for note in notes)
    kept = read_block(read_photo(tmp_path / "a.jpg").exif)
    assert kept.entries[270].data == "Tante Größe, 湖".encode() + b"\0"


def test_words_of_a_tiffs_pages_stay_with_their_page(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=">") as writer:
        for page in range(3):
            tags = [(269, 2, 0, f"Kiste {page} ö".encode(), True), (297, 3, 2, (page, 3), True)]
            tags.append((285, 2, 0, f"Seite {page}", True))
            tags.append((33550, 12, 3, (0.5, 0.5, page), True))  # GeoTIFF's scale
            writer.write(GREY, metadata=None, extratags=tags)
    pages = (page.with_colors(np.dstack([page.picture] * 3)) for page in read_photos(tmp_path / "a.tif"))
    assert write_photos(tmp_path / "b.tif", pages) == ()
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        for number, page in enumerate(tiff.pages):
            tags = page.aspage().tags
            assert tags[297].value == (number, 3)
            assert tags[285].value == f"Seite {number}"
            assert tags[33550].value == (0.5, 0.5, number)
    photos = list(read_photos(tmp_path / "b.tif"))
    assert [read_block(photo.exif).entries[269].data for photo in photos] == [
        f"Kiste {page} ö".encode() + b"\0" for page in range(3)
    ]


def test_tags_that_say_how_the_pixels_are_stored_are_not_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY, metadata=None, compression="lerc")
    assert read_photo(tmp_path / "a.tif").notes == ()


def test_tags_of_other_programs_are_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY, metadata=None, extratags=[(65001, 4, 1, 7, True)])
    assert ["65001" in note for note in read_photo(tmp_path / "a.tif").notes] == [True]


# --- XMP -------------------------------------------------------------------------------------------------------------


def test_an_extension_of_xmp_is_joined_and_split_again(tmp_path: Path) -> None:
    history = "".join(f"<rdf:li>step {number:0200}</rdf:li>" for number in range(900))
    extension = packet(
        '<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
        f"<photoshop:DocumentAncestors><rdf:Bag>{history}</rdf:Bag></photoshop:DocumentAncestors></rdf:Description>"
    )
    path = write(tmp_path / "a.jpg", jpeg(extended_xmp(TITLE.replace("%s", " %s"), extension, 4)))
    for suffix in (".jpg", ".png", ".tif", ".webp", ".jpg"):
        path, notes = colored(path, suffix)
        xmp = read_photo(path).xmp or b""
        assert notes == ()
        assert xmp.count(b"<rdf:li>step ") == 900
        assert b"album 3" in xmp
        assert SOURCE_TYPE.encode() in xmp
        assert b"HasExtendedXMP" not in xmp
    with Image.open(path) as image:  # a reader that knows no extension sees the label all the same
        assert SOURCE_TYPE.encode() in image.info["xmp"]
        assert b"HasExtendedXMP" in image.info["xmp"]


def test_an_extension_with_a_missing_part_is_named(tmp_path: Path) -> None:
    whole = extended_xmp(TITLE.replace("%s", " %s"), packet(TITLE % "") + b" " * 3000, 2)
    cut = whole[: whole.rindex(b"\xff\xe1")]
    result, notes = colored(write(tmp_path / "a.jpg", jpeg(cut)), ".jpg")
    assert ["XMP" in note for note in notes] == [True]
    assert b"HasExtendedXMP" not in result.read_bytes()
    assert b"album 3" in (read_photo(result).xmp or b"")


def test_xmp_that_defines_entities_is_not_expanded() -> None:
    entities = b'<!DOCTYPE x [<!ENTITY a "hdrgm"><!ENTITY b "&a;&a;">]>' + packet(TITLE % f" {GAIN}")
    assert without_pointers(entities) == (entities, set())


def test_sizes_in_xmp_turn_with_the_picture(tmp_path: Path) -> None:
    xmp = packet(
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" '
        'tiff:ImageWidth="40" tiff:ImageLength="30"/>'
    )
    segments = [
        segment(0xE1, exif_block(">", orientation=6)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp),
    ]
    found = read_photo(write(tmp_path / "a.jpg", jpeg(*segments))).xmp or b""
    assert b'tiff:Orientation="1" tiff:ImageWidth="30" tiff:ImageLength="40"' in found


@pytest.mark.parametrize(
    "xmp",
    [
        packet(TITLE % "").replace(b"rdf:", b"r:").replace(b"xmlns:rdf", b"xmlns:r"),
        b'<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><!-- album 3 --></RDF>',
        b'<!-- album 3 --><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>',
    ],
)
def test_rdf_under_any_prefix_is_labelled(xmp: bytes) -> None:
    labelled = label_xmp(xmp)
    assert b"album 3" in labelled
    root = ElementTree.fromstring(labelled)
    rdf = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
    (found,) = root.iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert found.text == SOURCE_TYPE
    assert any(found in description for description in root.iter(f"{rdf}Description"))


@pytest.mark.parametrize("xmp", [b"<rdf:RDF", b"no XMP at all", packet(TITLE % "")[:-60]])
def test_damaged_xmp_is_named(tmp_path: Path, xmp: bytes) -> None:
    path = write(tmp_path / "a.jpg", jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)))
    result, notes = colored(path, ".jpg")
    assert ["XMP" in note for note in notes] == [True]
    assert SOURCE_TYPE.encode() in result.read_bytes()


def test_the_label_is_the_term_of_iptcs_vocabulary() -> None:
    """Digital Source Type, as of 2024-09-17: "Edited using Generative AI", what a model has augmented.

    Not ``algorithmicallyEnhanced``, which leaves the content as it was.
    """
    vocabulary, term = SOURCE_TYPE.rsplit("/", 1)
    assert vocabulary == "http://cv.iptc.org/newscodes/digitalsourcetype"
    assert term == "compositeWithTrainedAlgorithmicMedia"
    before = label_xmp(packet(TITLE % "")).replace(term.encode(), b"digitalCapture")
    assert label_xmp(before).count(b"DigitalSourceType>http") == 1
    assert term.encode() in label_xmp(before)


# --- what is left out ------------------------------------------------------------------------------------------------

JUMBF = b"JP\0\1\0\0\0\1" + struct.pack(">I4s", 60, b"jumb") + b"\0\0\0\x28jumdc2pa" + b"manifest" * 4
MPF = b"MPF\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 45057, 4, 1, 2) + bytes(4)
FILM = struct.pack(">I4s8s", 16, b"ftyp", b"mp42") + b"film" * 9


@pytest.mark.parametrize(
    ("parts", "trailer", "word"),
    [
        ([segment(0xEB, JUMBF)], b"", "C2PA"),
        ([segment(0xE2, MPF)], b"second", "pictures"),
        ([segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(TITLE % f" {GAIN}"))], b"", "gain map"),
        ([segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0")], b"", "gain map"),
        ([segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(TITLE % f" {MOTION}"))], FILM, "motion photo"),
        ([], FILM, "motion photo"),
        ([], b"RIFF\0\0\0\0WAVEsound", "sound"),
        ([], b"who knows", "9 bytes"),
        ([segment(0xE1, b"FLIR\0heat")], b"", "APP1 FLIR"),
    ],
)
def test_what_a_jpeg_holds_beside_the_picture_is_named(
    tmp_path: Path, parts: list[bytes], trailer: bytes, word: str
) -> None:
    result, notes = colored(write(tmp_path / "a.jpg", jpeg(*parts, trailer=trailer)), ".jpg")
    assert [word in note and str(tmp_path / "a.jpg") in note for note in notes] == [True]
    data = result.read_bytes()
    for pointer in (b"hdrgm", b"MotionPhoto", b"manifest", b"MPF\0", b"film", b"second"):
        assert pointer not in data
    assert (b"album 3" in data) == any(b"album 3" in part for part in parts)
    assert (b"BurstID" in data) == any(b"BurstID" in part for part in parts)


def test_a_gain_map_goes_with_all_that_points_to_it(tmp_path: Path) -> None:
    xmp = packet(TITLE % f" {GAIN}", CONTAINER)
    parts = [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp), segment(0xE2, MPF)]
    result, notes = colored(write(tmp_path / "a.jpg", jpeg(*parts, trailer=b"\xff\xd8map\xff\xd9")), ".jpg")
    assert ["gain map" in note for note in notes] == [True]
    assert b"hdrgm" not in result.read_bytes()
    assert b"GainMap" not in result.read_bytes()
    assert b"album 3" in result.read_bytes()


C2PA_BOX = struct.pack(">I4s", 40, b"uuid") + bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"manifest" * 2


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif", ".heic", ".jp2", ".jxl"])
def test_content_credentials_are_named_in_any_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        write(path, png(chunk(b"caBX", b"manifest")))
    elif suffix == ".webp":
        webp(path, b"C2PA", b"manifest")
    elif suffix == ".tif":
        tifffile.imwrite(path, GREY, metadata=None, extratags=[(52545, 7, 8, b"manifest", True)])
    else:
        if suffix == ".heic":
            pytest.importorskip("pillow_heif").register_heif_opener()
        boxes(path, suffix, C2PA_BOX)
    result, notes = colored(path, suffix)
    assert ["C2PA" in note for note in notes] == [True]
    assert b"manifest" not in result.read_bytes()


@pytest.mark.parametrize("suffix", [".jp2", ".jxl"])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_content_credentials_in_a_jumbf_box_are_named(tmp_path: Path, suffix: str, is_compressed: bool) -> None:
    content = struct.pack(">I4s", 33, b"jumd") + b"c2pa\0\x11\0\x10\x80\0\0\xaa\08\x9bq\3c2pa\0" + b"manifest"
    name = b"jumb"
    if is_compressed:
        name, content = b"brob", b"jumb" + imagecodecs.brotli_encode(content)
    boxes(tmp_path / f"a{suffix}", suffix, struct.pack(">I4s", 8 + len(content), name) + content)
    assert ["C2PA" in note for note in read_photo(tmp_path / f"a{suffix}").notes] == [True]


@pytest.mark.parametrize(
    "picture",
    [b"P4 9 2\n" + bytes(4), b"P5\n# a scan\n2 1\n255\n12", b"P5 2 1 4095\n1234", b"P6 1 2\n255\n123456"],
)
def test_further_pictures_of_a_netpbm_are_named(tmp_path: Path, picture: bytes) -> None:
    path = tmp_path / "a.pnm"
    assert read_photo(write(path, picture)).notes == ()
    for several in (picture * 2, picture + b"\n" + picture):
        notes = read_photo(write(path, several)).notes
        assert notes == (f"{path}: further pictures in the file are left out",)


@pytest.mark.parametrize("suffix", [".jp2", ".jxl"])
def test_boxes_of_other_programs_are_named(tmp_path: Path, suffix: str) -> None:
    """Libraries put a description into JPEG 2000's box ``xml ``, and maps their place into a ``uuid``."""
    found = [struct.pack(">I4s", 8 + len(content), name) + content for name, content in OTHER_BOXES]
    boxes(tmp_path / f"a{suffix}", suffix, b"".join(found))
    notes = read_photo(tmp_path / f"a{suffix}").notes
    assert notes == (f"{tmp_path}/a{suffix}: boxes of other programs are left out: uuid, abcd",)
    write_photo(tmp_path / f"b{suffix}", Photo(GREY, xmp=packet(TITLE % ""), exif=exif_block("<"), iptc=IPTC))
    assert read_photo(tmp_path / f"b{suffix}").notes == ()


def test_a_description_in_jpeg_2000s_xml_box_is_named(tmp_path: Path) -> None:
    boxes(tmp_path / "a.jp2", ".jp2", struct.pack(">I4s", 15, b"xml ") + b"<title>")
    assert read_photo(tmp_path / "a.jp2").notes == (f"{tmp_path}/a.jp2: boxes of other programs are left out: xml",)


def test_a_pngs_date_of_the_last_change_is_named(tmp_path: Path) -> None:
    date = chunk(b"tIME", struct.pack(">H5B", 1999, 1, 2, 3, 4, 5))
    result, notes = colored(write(tmp_path / "a.png", png(date)), ".png")
    assert ["tIME" in note for note in notes] == [True]
    assert b"tIME" not in result.read_bytes()


def test_a_bmp_says_that_it_holds_no_words(tmp_path: Path) -> None:
    notes = write_photo(tmp_path / "a.bmp", Photo(GREY).with_colors(np.dstack([GREY] * 3)))
    assert notes == (f"{tmp_path / 'a.bmp'}: BMP holds no words; left out: the label AI-colorized",)
    assert write_photo(tmp_path / "b.bmp", Photo(GREY)) == ()


def test_many_tags_of_other_programs_are_named_in_a_short_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    many = [(60_000 + number, 3, 1, number, False) for number in range(80)]
    tifffile.imwrite(path, np.full((8, 8), 90, np.uint8), photometric="minisblack", extratags=many)
    (line,) = [line for line in read_photo(path).notes if "of other programs" in line]
    assert line.endswith("60000, 60001, 60002, 60003, 60004, 60005, 60006, 60007, 60008, 60009 and 70 more")
