"""The words that belong to a photo: read from any format, labelled, and fitted to what another format can hold."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from PIL import Image

import colorize
from colorize.photo import left_out, png_chunks
from colorize.photo.boxes import map_file
from colorize.photo.exif import (
    EXIF_DIRECTORY,
    LONG,
    MAKER_NOTE,
    RATIONAL,
    RESOLUTION_UNIT,
    SHORT,
    SIDEWAYS,
    SIZE_TAGS,
    SOFTWARE,
    UPRIGHT,
    USER_COMMENT,
    X_RESOLUTION,
    Y_RESOLUTION,
    Directory,
    DirectoryReader,
    Entry,
    ExifError,
    make_block,
    make_upright,
    read_block,
    set_fields,
    without_maker_note,
)
from colorize.photo.iptc import read_iptc, says_more, split_iptc
from colorize.photo.jpeg_segments import (
    APP1,
    APP13,
    COM,
    EXIF,
    MAX_CONTENT,
    PHOTOSHOP,
    XMP,
    XMP_EXTENSION,
    read_extension,
    read_jpeg,
)
from colorize.photo.texts import COMMENT, Text, exif_fields, has_user_comment, user_comment
from colorize.photo.xmp import (
    MANIFEST,
    clean_packet,
    extension_guid,
    is_whole,
    join_extension,
    label_xmp,
    upright_xmp,
    without_pointers,
)

XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG, MANIFEST_TAG = 700, 33723, 34377, 52545  # of a TIFF
DESCRIPTIVE_TAGS = (
    269,  # DocumentName
    270,  # ImageDescription
    271,  # Make
    272,  # Model
    285,  # PageName
    297,  # PageNumber
    305,  # Software
    306,  # DateTime
    315,  # Artist
    316,  # HostComputer
    18246,  # Windows' rating
    18249,  # the same in per cent
    33432,  # Copyright
    33434,  # ExposureTime and, by TIFF/EP, what a camera says beside it
    33437,
    34850,
    34855,
    *(36867, 37378, 37380, 37383, 37384, 37385, 37386, 37393, 37394, 37396),
    *range(40091, 40096),  # Windows' title, comment, author, keywords, subject
)
"""Tags of a TIFF's first directory that describe the photo; the others describe how its pixels are stored."""
GEOGRAPHIC_TAGS = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)
"""GeoTIFF's: which place on earth a pixel shows, as long as the picture is not turned."""
STORAGE_TAGS = (
    *range(254, 269),
    *range(273, 285),  # the orientation among them
    *range(286, 297),
    *range(300, 305),
    *range(317, 700),
    *(XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG, MANIFEST_TAG, 32781, 34665, 34675, 34853, 40965),
    *range(32995, 32999),
    50674,  # LERC's
    *range(50706, 51200),  # DNG's
    *range(52525, 52600),
    *range(0xBC01, 0xBD00),  # JPEG XR's
    *(59932, 59933),  # room that Windows leaves for more tags
)
"""Tags that are read by others, or that a result has no use for."""
WANTED_TAGS = frozenset((*DESCRIPTIVE_TAGS, *GEOGRAPHIC_TAGS, XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG))
KNOWN_TAGS = WANTED_TAGS | {*STORAGE_TAGS}
PROGRAMS_TAGS = {37724: "Photoshop's layers", 50784: "Alias' layers"}
"""Names of tags of other programs that hold more than their settings."""
MAX_NAMED = 10  # tags in a line
EXIF_LIMIT = MAX_CONTENT - len(EXIF)  # bytes of a JPEG's EXIF
NAMES = {
    "WEBP": "WebP",
    "HEIF": "HEIC",
    "JP2": "JPEG 2000",
    "JXL": "JPEG XL",
}  # of formats, where ``Photo.format`` is not the usual one


@dataclass(frozen=True)
class Metadata:
    """The words of a photo, for the upright picture.

    Attributes:
        exif: The EXIF block, without thumbnail; None: none.
        xmp: The XMP packet; None: none.
        iptc: IPTC-IIM records; None: none.
        photoshop: Photoshop's image resources but for IPTC and thumbnails; None: none.
        texts: A JPEG's comments, a PNG's texts.
        orientation: That the file states for its pixels, 1..8.
        lines: What of the file was left out, each to follow the file's name.
    """

    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    photoshop: bytes | None = field(default=None, repr=False)
    texts: tuple[Text, ...] = ()
    orientation: int = UPRIGHT
    lines: tuple[str, ...] = ()


def read_metadata(path: Path, image: Image.Image) -> Metadata:
    """Return the words of a photo; of a TIFF's page see ``read_tiff_metadata``.

    Args:
        path: The file.
        image: The same, opened by Pillow.
    """
    size = (image.height, image.width)
    if image.format in ("JPEG", "MPO"):
        return jpeg_metadata(path.read_bytes(), size)
    if image.format == "PNG":
        return _png_metadata(path.read_bytes(), size)
    kinds = set[str]()
    if image.format == "WEBP":
        kinds = left_out.in_webp(path.read_bytes())
    elif image.format == "PPM":
        kinds = left_out.in_netpbm(map_file(path))
    elif image.format in ("AVIF", "HEIF"):
        kinds = left_out.in_boxes(path.read_bytes())
    return assemble(image.info.get("exif"), image.info.get("xmp"), size, kinds=kinds)


def assemble(
    exif: bytes | None,
    xmp: bytes | None,
    size: tuple[int, int],
    *,
    orientation: int = UPRIGHT,
    iptc: bytes | None = None,
    texts: tuple[Text, ...] = (),
    kinds: Iterable[str] = (),
    further: Iterable[str] = (),
) -> Metadata:
    """Return a file's words, made upright.

    Args:
        exif: The EXIF block as it lies in the file.
        xmp: The XMP packet as it lies in the file.
        size: (height, width) of the picture as it lies in the file.
        orientation: That the file states beside EXIF.
        iptc: Photoshop's image resources, or IPTC records alone.
        texts: The texts.
        kinds: What lies beside the picture, of ``left_out.LINES``.
        further: Further lines.
    """
    found, lines = set(kinds), list(further)
    if exif:
        try:
            exif, orientation = make_upright(exif, size)
        except (ExifError, struct.error):
            exif = None
            lines.append("its EXIF is damaged and is left out")
    is_swapped = orientation in SIDEWAYS
    packet = clean_packet(xmp) if xmp else None
    if packet and not is_whole(packet):
        packet = None
        lines.append("its XMP is damaged and is left out")
    if packet:
        packet, pointed = without_pointers(packet)
        packet, found = upright_xmp(packet, is_swapped), found | pointed
    records, resources, has_lost_paths = split_iptc(iptc or b"", turned=orientation != UPRIGHT, swapped=is_swapped)
    if has_lost_paths:
        lines.append("its paths and guides are left out: the picture was turned")
    lines = [*left_out.lines(found), *lines]
    return Metadata(exif or None, packet or None, records, resources, texts, orientation, tuple(lines))


def jpeg_metadata(data: bytes, size: tuple[int, int]) -> Metadata:
    """Return the words of a JPEG of any kind.

    Args:
        data: The file.
        size: (height, width) of the picture as it lies in the file.
    """
    jpeg = read_jpeg(data)
    kinds, further = left_out.in_jpeg(jpeg)
    blocks = jpeg.contents(APP1, EXIF)
    if len(blocks) > 1:  # more than one segment holds goes on in the next
        blocks = [block for place, block in enumerate(blocks) if not place or block[:2] not in (b"II", b"MM")]
    xmp = next(iter(jpeg.contents(APP1, XMP)), None)
    guid = extension_guid(xmp) if xmp else None
    if xmp and guid:
        packet = clean_packet(xmp)
        extension = read_extension(jpeg.contents(APP1, XMP_EXTENSION), guid)
        xmp = join_extension(packet, extension) if extension else None
        if xmp is None:
            xmp = join_extension(packet, None)
            further.append("a part of its XMP is missing or damaged, and is left out")
    comments = (content.decode("utf-8", "surrogateescape") for marker, content in jpeg.segments if marker == COM)
    return assemble(
        EXIF + b"".join(blocks) if blocks else None,
        xmp,
        size,
        iptc=b"".join(jpeg.contents(APP13, PHOTOSHOP)) or None,
        texts=tuple(Text(COMMENT, comment) for comment in comments),
        kinds=kinds,
        further=further,
    )


def _png_metadata(data: bytes, size: tuple[int, int]) -> Metadata:
    exif: bytes | None = None
    xmp: bytes | None = None
    texts: list[Text] = []
    profiles: dict[str, bytes] = {}
    names: dict[bytes, None] = {}
    for name, content in png_chunks.read_chunks(data):
        names[name] = None
        if name == b"eXIf":
            exif = content if content.startswith(EXIF) else EXIF + content
        text = png_chunks.read_text(name, content)
        profile = png_chunks.read_profile(text) if text else None
        if text and text.keyword == png_chunks.XMP_KEYWORD:
            xmp = text.text.encode()
        elif profile:
            profiles[profile[0].lower()] = profile[1]
        elif text:
            texts.append(text)
    old = profiles.get("exif") or profiles.get("app1", b"")
    if exif is None and old.startswith(EXIF):
        exif = old
    kinds, further = left_out.in_png(list(names))
    iptc = profiles.get("8bim") or profiles.get("iptc")
    xmp = xmp or profiles.get("xmp")
    if iptc:
        iptc = iptc.removeprefix(PHOTOSHOP)
    return assemble(exif, xmp, size, iptc=iptc, texts=tuple(texts), kinds=kinds, further=further)


def read_tiff_metadata(file: BinaryIO, offset: int, size: tuple[int, int], orientation: int = UPRIGHT) -> Metadata:
    """Return the words of a TIFF's page, or of a JPEG XR.

    Args:
        file: The TIFF, open for reading.
        offset: Of the page's directory.
        size: (height, width) of the picture as it lies in the file.
        orientation: That the file states for its pixels, 1..8.
    """
    try:
        reader = DirectoryReader.of_file(file)
        directory = reader.directory(offset, WANTED_TAGS)
        tags = [tag for tag, *_ in reader.raw_entries(offset)[0]]
    except (ExifError, struct.error):
        return Metadata(orientation=orientation, lines=("its tags are damaged and are left out",))
    further: list[str] = []
    others = [tag for tag in tags if tag not in KNOWN_TAGS]
    if orientation != UPRIGHT:
        others += [tag for tag in tags if tag in GEOGRAPHIC_TAGS]
    if others:
        names = ", ".join(PROGRAMS_TAGS.get(tag, str(tag)) for tag in others[:MAX_NAMED])
        more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        further.append(f"tags of other programs are left out: {names}{more}")
    kept = set(DESCRIPTIVE_TAGS) | (set(GEOGRAPHIC_TAGS) if orientation == UPRIGHT else set())
    words = Directory({tag: entry for tag, entry in directory.entries.items() if tag in kept}, directory.below)
    if _drop_maker_note(words):
        further.append(MAKER_NOTE_LINE)
    _state_size(words, size, orientation)
    iptc = directory.entries.get(IPTC_TAG)
    resources = directory.entries.get(PHOTOSHOP_TAG)
    packet = directory.entries.get(XMP_TAG)
    found = assemble(
        None,
        packet.data if packet else None,
        (0, 0),
        orientation=orientation,
        iptc=resources.data if resources else None,
        kinds={MANIFEST} if MANIFEST_TAG in tags else (),
        further=further,
    )
    records = read_iptc(iptc.data) if iptc else None
    return replace(found, exif=make_block(words, reader.order), iptc=records or found.iptc)


MAKER_NOTE_LINE = "its MakerNote (data for the camera's own programs) is left out: it holds in its place alone"


def _drop_maker_note(directory: Directory) -> bool:
    """Remove a camera's MakerNote from directories that are moved; return whether there was one."""
    below = directory.below.get(EXIF_DIRECTORY, Directory())
    return below.entries.pop(MAKER_NOTE, None) is not None


def _state_size(directory: Directory, size: tuple[int, int], orientation: int) -> None:
    """Set a size that EXIF states to that of the upright picture.

    Args:
        directory: The first one.
        size: (height, width) as the picture lies in the file.
        orientation: The file's.
    """
    height, width = size[::-1] if orientation in SIDEWAYS else size
    below = directory.below.get(EXIF_DIRECTORY, Directory())
    for tag, side in zip(SIZE_TAGS[1], (width, height), strict=True):
        if tag in below.entries:
            below.entries[tag] = Entry.numbers(LONG, side)


def read_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Return an image's horizontal and vertical resolution in pixels an inch, from its header, else from EXIF.

    Pillow alone would invent one: 72 for a JPEG whose EXIF has none.

    Returns:
        (x, y); None: not stated.
    """
    stated = image.info.get("dpi")
    if image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2):
        stated = None
    try:
        exif = image.getexif()
        if stated is None:
            scale = {2: 1, 3: 2.54}[exif.get(RESOLUTION_UNIT, 2)]
            stated = (exif[X_RESOLUTION] * scale, exif[Y_RESOLUTION] * scale)
        return sound_dpi(float(stated[0]), float(stated[1]))
    except _DAMAGED:
        return None


def sound_dpi(x: float, y: float) -> tuple[float, float] | None:
    """Return a resolution (x, y) in pixels an inch; None where it is none that a picture can have."""
    return (x, y) if 0 < x < 1e6 and 0 < y < 1e6 else None


_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, struct.error)
"""What Pillow raises at damaged EXIF."""


def exif_with_dpi(exif: bytes | None, dpi: tuple[float, float]) -> bytes:
    """Return EXIF that states a resolution (x, y) in pixels an inch; one that it states already stays."""
    if exif and X_RESOLUTION in read_block(exif).entries:
        return exif
    x, y = (Entry.numbers(RATIONAL, round(value * 100), 100) for value in dpi)
    unit = Entry.numbers(SHORT, 2)  # inch
    return set_fields(exif, {X_RESOLUTION: x, Y_RESOLUTION: y, RESOLUTION_UNIT: unit})


def label_exif(exif: bytes | None) -> bytes:
    """Return EXIF with the AI label in its Software tag; what the tag said before stays."""
    label = f"AI-colorized by colorize {colorize.__version__}".encode()
    said = read_block(exif).entries.get(SOFTWARE)
    before = said.data.strip(b"\0 ") if said else b""
    if label in before:
        return exif or b""
    return set_fields(exif, {SOFTWARE: Entry.text(before + b"; " + label if before else label)})


def fit(words: Metadata, format: str) -> Metadata:
    """Return a photo's words as a format can hold them; ``lines`` says what it cannot.

    Args:
        words: The words.
        format: As ``Photo.format``.
    """
    lines: list[str] = []
    name = NAMES.get(format, format)
    if format == "BMP":
        labels = words.exif == label_exif(None), words.xmp == label_xmp(None)  # and nothing of the photograph's own
        held = {
            "EXIF": words.exif and not labels[0],
            "XMP": words.xmp and not labels[1],
            "IPTC": words.iptc or words.photoshop,
            "texts": words.texts,
            "the label AI-colorized": any(labels),
        }
        lost = [kind for kind, value in held.items() if value]
        return Metadata(lines=(f"{name} holds no words; left out: {', '.join(lost)}",) if lost else ())
    exif, texts = words.exif, words.texts
    if format == "TIFF" and exif and _drop_maker_note(directory := read_block(exif)):
        exif = make_block(directory)
        lines.append(MAKER_NOTE_LINE)
    if format != "PNG":
        fields, texts = exif_fields(texts, read_block(exif))
        exif = set_fields(exif, fields) if fields else exif
    if format not in ("PNG", "JPEG") and texts:
        if has_user_comment(read_block(exif)):
            lines.append(f"{name} has no place for these texts, which are left out: {', '.join(_keywords(texts))}")
        else:
            exif = set_fields(exif, {USER_COMMENT: user_comment(texts)}, EXIF_DIRECTORY)
        texts = ()
    if format == "JPEG" and exif and len(exif.removeprefix(EXIF)) > EXIF_LIMIT:
        exif = without_maker_note(exif)
        lines.append(MAKER_NOTE_LINE)
        if exif and len(exif.removeprefix(EXIF)) > EXIF_LIMIT:
            exif = None
            lines.append("its EXIF is too long for a JPEG and is left out; png and tiff hold it")
    iptc, photoshop = words.iptc, words.photoshop
    if format not in ("PNG", "JPEG", "TIFF", "JP2") and iptc:
        lines.append(f"{name} has no place for IPTC, which is left out; jpg, png, tif and jp2 hold it")
        iptc = None
    if format not in ("PNG", "JPEG", "TIFF") and photoshop:
        if says_more(photoshop):
            where = "jpg, png and tif hold them"
            lines.append(f"{name} has no place for Photoshop's image resources, which are left out; {where}")
        photoshop = None
    return Metadata(exif, words.xmp, iptc, photoshop, texts, lines=tuple(lines))


def _keywords(texts: tuple[Text, ...]) -> list[str]:
    """Return the keywords of texts, each once."""
    return list(dict.fromkeys(text.keyword for text in texts))
