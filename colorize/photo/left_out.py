"""What lies in a file beside its picture and its words, and is left out of a result: each kind in a line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection

from colorize.photo.boxes import read_boxes, webp_chunks
from colorize.photo.exif import DirectoryReader, ExifError
from colorize.photo.jpeg_segments import (
    APP0,
    APP1,
    APP2,
    APP11,
    APP13,
    COM,
    EXIF,
    GAIN_MAP,
    JUMBF,
    MULTI_PICTURE,
    PHOTOSHOP,
    SOS,
    XMP,
    XMP_EXTENSION,
    JpegFile,
)
from colorize.photo.png_chunks import PIXEL_CHUNKS
from colorize.photo.xmp import DEPTH, MANIFEST, MOTION
from colorize.photo.xmp import GAIN_MAP as GAIN_MAP_XMP

VIEWS, SOUND, CHANGED = "views", "sound", "changed"
LINES = {
    MANIFEST: "its Content Credentials (C2PA) are left out: they vouch for the picture as it was",
    GAIN_MAP_XMP: "its gain map (HDR) is left out: it belongs to the picture as it was",
    VIEWS: "further pictures in the file are left out",
    MOTION: "the film in it (a motion photo's) is left out",
    SOUND: "the sound in it is left out",
    DEPTH: "its depth map is left out",
    CHANGED: "its date of the last change (tIME) is left out: it was the picture's as it was",
}
"""Kind -> the line about it, which follows the file's name."""
KNOWN_SEGMENTS = {
    APP0: (b"JFIF\0", b"JFXX\0"),
    APP1: (EXIF, XMP, XMP_EXTENSION),
    APP2: (b"ICC_PROFILE\0", MULTI_PICTURE, GAIN_MAP),
    APP13: (PHOTOSHOP,),
    0xE8: (b"SPIFF\0", b"\0\0\0\1"),  # JPEG-LS's: the size and the colours once more, and an end of that
    0xEC: (b"Ducky",),  # an encoder's own settings
    0xEE: (b"Adobe",),
    COM: (b"",),
}
KNOWN_CHUNKS = (
    *(b"IHDR", b"PLTE", *PIXEL_CHUNKS, b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP"),
    *(b"mDCV", b"cLLI", b"mDCv", b"cLLi", b"tEXt", b"zTXt", b"iTXt", b"bKGD", b"hIST", b"pHYs", b"tIME", b"eXIf"),
    *(b"acTL", b"fcTL", b"caBX", b"vpAg", b"caNv", b"orNT", b"iDOT"),  # the last ones repeat the size, or help decoding
)
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""Type of the box of a C2PA manifest (C2PA 2.2, A.5)."""
_NUMBER = rb"(?:\s|#[^\n]*\n)+(\d+)"  # with comments before it
NETPBM_HEAD = re.compile(rb"P(?:(4)" + 2 * _NUMBER + rb"|([56])" + 3 * _NUMBER + rb")\s")
MPF_PICTURES = 45057  # MPF's number of pictures (CIPA DC-007)
AUXILIARY = (
    (rb"urn:com:apple:photo:20\d\d:aux:hdrgainmap", GAIN_MAP_XMP),
    (rb"tmap", GAIN_MAP_XMP),
    (rb"urn:mpeg:(hevc:2015:auxid:2|mpegB:cicp:systems:auxiliary:depth)\0", DEPTH),
)


def lines(kinds: Collection[str]) -> tuple[str, ...]:
    """Return the lines about what is left out, in one order; kinds that need none have none."""
    if GAIN_MAP_XMP in kinds:
        kinds = {*kinds} - {VIEWS}  # it is the further picture
    return tuple(line for kind, line in LINES.items() if kind in kinds)


def profile_lines(is_stated: bool, kept: bytes | None) -> list[str]:
    """Return the line about an ICC profile by which a picture cannot be read; none where it can.

    Args:
        is_stated: Whether the file has a profile, usable or not.
        kept: The photo's profile, its own or the one that it was converted to; None: it counts as sRGB.
    """
    if not is_stated or kept is not None:
        return []
    return ["its ICC profile is damaged or made for other pixels, so its colours were taken for sRGB"]


def in_jpeg(jpeg: JpegFile) -> tuple[set[str], list[str]]:
    """Return the kinds of what lies in a JPEG, and further lines."""
    kinds, others = set[str](), dict[str, None]()
    for marker, content in jpeg.segments:
        if marker == APP11 and content.startswith(JUMBF) and b"c2pa" in content:
            kinds.add(MANIFEST)
        elif marker == APP2 and content.startswith(GAIN_MAP):
            kinds.add(GAIN_MAP_XMP)
        elif marker == APP2 and content.startswith(MULTI_PICTURE) and _pictures(content[len(MULTI_PICTURE) :]) > 1:
            kinds.add(VIEWS)
        elif marker != SOS and not content.startswith(KNOWN_SEGMENTS.get(marker, ())):
            is_part = marker == APP11 and MANIFEST in kinds  # of a manifest in several segments
            word = re.match(rb"[ -~]*", content)
            name = word.group().decode()[:20] if word else ""
            others.update({} if is_part else {f"APP{marker - APP0} {name}".strip(): None})
    trailer = jpeg.trailer.rstrip(b"\0 \r\n")
    if b"ftyp" in trailer[:64] or b"MotionPhoto_Data" in trailer:
        kinds.add(MOTION)
    elif b"SoundShot_000" in trailer or re.match(rb"RIFF.{4}WAVE", trailer, re.DOTALL):
        kinds.add(SOUND)
    further = [f"segments of other programs are left out: {', '.join(others)}"] if others else []
    if trailer and not kinds & {MOTION, SOUND, VIEWS, GAIN_MAP_XMP}:
        further.append(f"{len(jpeg.trailer)} bytes behind the picture's end are left out")
    return kinds, further


def _pictures(content: bytes) -> int:
    """Return the number of pictures that a multi-picture index states."""
    try:
        reader = DirectoryReader(lambda offset, size: content[offset : offset + size])
        entry = reader.directory(reader.first).entries.get(MPF_PICTURES)
    except ExifError:
        return 0
    return entry.values[0] if entry and entry.values else 0


def in_png(chunks: Collection[bytes]) -> tuple[set[str], list[str]]:
    """Return the kinds of what lies in the chunks of a PNG, which are given by name, and further lines."""
    kinds = {MANIFEST} if b"caBX" in chunks else set[str]()
    if b"tIME" in chunks:
        kinds.add(CHANGED)
    others = dict.fromkeys(name.decode("latin-1") for name in chunks if name not in KNOWN_CHUNKS)
    return kinds, [f"chunks of other programs are left out: {', '.join(others)}"] if others else []


def in_webp(data: bytes | memoryview) -> set[str]:
    """Return the kinds of what lies in a WebP."""
    return {MANIFEST} if b"C2PA" in webp_chunks(data) else set()


def in_netpbm(data: bytes | memoryview) -> set[str]:
    """Return the kinds of what lies in a Netpbm file (ppm(5)), of which a binary one may hold several pictures."""
    head = NETPBM_HEAD.match(data)
    if head is None:
        return set()
    kind, width, height = head[1] or head[4], int(head[2] or head[5]), int(head[3] or head[6])
    row = -(-width // 8) if kind == b"4" else width * (3 if kind == b"6" else 1) * (2 if int(head[7]) > 255 else 1)
    following = bytes(data[head.end() + row * height :][:64]).lstrip()
    return {VIEWS} if re.match(rb"P[1-6]\s", following) else set()


def in_boxes(data: bytes | memoryview) -> set[str]:
    """Return the kinds of what lies in the boxes (ISO/IEC 14496-12) of an AVIF, HEIC, JPEG 2000 or JPEG XL file."""
    kinds = set[str]()
    with contextlib.suppress(ValueError):  # of a damaged box, which is of no picture if that could be read
        for name, content in read_boxes(data):
            kinds |= _in_box(name, content)
    return kinds


def other_boxes(data: bytes | memoryview, known: Collection[bytes], known_uuids: Collection[bytes] = ()) -> list[str]:
    """Return the line about a file's boxes that are not known, by name; none where there are none.

    Args:
        data: The file.
        known: Names of boxes that are read, or that say nothing beside the picture.
        known_uuids: Types of the box ``uuid`` that are read.
    """
    others: dict[str, None] = {}
    with contextlib.suppress(ValueError):  # as above
        for name, content in read_boxes(data):
            inner = bytes(content[:4]) if name == b"brob" else name
            is_known = inner in known or (name == b"uuid" and bytes(content[:16]) in known_uuids)
            if not (is_known or _in_box(name, content)):
                others[inner.decode("latin-1").strip()] = None
    return [f"boxes of other programs are left out: {', '.join(others)}"] if others else []


def _in_box(name: bytes, content: memoryview) -> set[str]:
    """Return the kinds of what a box holds."""
    if name == b"brob" and content[:4] in (b"jumb", b"jhgm"):  # JPEG XL's, compressed
        from imagecodecs import brotli_decode

        return _in_box(bytes(content[:4]), memoryview(brotli_decode(bytes(content[4:]))))
    if (name == b"uuid" and content[:16] == C2PA_UUID) or (name == b"jumb" and b"c2pa" in bytes(content[:200])):
        return {MANIFEST}
    if name == b"meta":
        return {kind for pattern, kind in AUXILIARY if re.search(pattern, content)}
    return {b"mpvd": {MOTION}, b"jhgm": {GAIN_MAP_XMP}}.get(name, set())  # the latter JPEG XL's
