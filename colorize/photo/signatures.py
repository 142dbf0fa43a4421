"""Signatures: what a file is by its first bytes, whatever its name says, and what to do where it is not read.

The bytes are those of each format's specification.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

HEAD_BYTES = 2064  # enough for every signature; a Photo CD's stands last

Signature = bytes | tuple[tuple[int, bytes], ...]
"""What a file begins with, or what stands at which places, all of it."""


class FileKind(NamedTuple):
    """A kind of file.

    Attributes:
        name: Its true name.
        signatures: Of which one is enough.
        remedy: What helps where it is not read; empty: it is read.
        format: As ``Photo.format``, or our name of a format that is read and not written; empty: it is not read.
    """

    name: str
    signatures: tuple[Signature, ...] = ()
    remedy: str = ""
    format: str = ""


CONVERT = "convert it to TIFF or PNG first"
EXPORT = "save it as TIFF or PNG in the program that made it"
DEVELOP = "develop it first, as a 16-bit TIFF, with the maker's program or darktable"
TONE_MAP = "its light has no upper limit, so save it as a 16-bit TIFF or PNG first"
FRAMES = "numbered frames are read as a film: colorize 'FRAME_%06d.{0}' -o 'out/FRAME_%06d.{0}'"
TO_TIFF = f"{FRAMES.format('dpx')}; a single one as TIFF: ffmpeg -i FRAME.dpx FRAME.tif"

JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
JXL_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"


def _film(name: str, suffix: str, *signatures: Signature) -> FileKind:
    return FileKind(f"film ({name})", signatures, f"give it a film's suffix, such as {suffix}, to have it coloured")


def _raw(maker: str, *signatures: Signature) -> FileKind:
    return FileKind(f"camera raw ({maker})", signatures, DEVELOP)


FILE_KINDS = (
    FileKind("JPEG-LS", (b"\xff\xd8\xff\xf7",), format="JPEG-LS"),
    FileKind("JPEG", (b"\xff\xd8\xff",), format="JPEG"),
    FileKind("PNG", (b"\x89PNG\r\n\x1a\n",), format="PNG"),
    FileKind("WebP", (((0, b"RIFF"), (8, b"WEBP")),), format="WEBP"),
    FileKind(
        "BMP",
        tuple(((0, b"BM"), (14, bytes([size, 0, 0, 0]))) for size in (12, 40, 52, 56, 64, 108, 124)),
        format="BMP",
    ),
    _raw("Canon CR2", ((0, b"II*\0"), (8, b"CR\x02"))),
    _raw("Canon CRW", b"II\x1a\0\0\0HEAPCCDR"),
    _raw("Fujifilm RAF", b"FUJIFILMCCD-RAW"),
    _raw("Panasonic RW2", b"IIU\0"),
    _raw("Olympus ORF", b"IIRO", b"IIRS", b"MMOR"),
    _raw("Sigma X3F", b"FOVb"),
    _raw("Minolta MRW", b"\0MRM"),
    FileKind("JPEG XR", (b"II\xbc",), format="JPEG XR"),
    FileKind("TIFF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), format="TIFF"),
    _film("Motion JPEG 2000", ".mp4", ((0, JP2_SIGNATURE), (20, b"mjp2"))),
    FileKind("JPM, a document in layers", (((0, JP2_SIGNATURE), (20, b"jpm ")),), CONVERT),
    FileKind("JPEG 2000", (JP2_SIGNATURE, b"\xff\x4f\xff\x51"), format="JP2"),
    FileKind("JPEG XL", (JXL_SIGNATURE, b"\xff\x0a"), format="JXL"),
    FileKind("GIF", (b"GIF87a", b"GIF89a"), format="GIF"),
    FileKind("PCX", tuple(bytes([10, version, 1]) for version in (2, 3, 4, 5)), format="PCX"),
    FileKind(
        "Netpbm",
        tuple(b"P%d" % kind + end for kind in range(1, 7) for end in (b"\n", b" ", b"\r", b"\t")),
        format="PPM",
    ),
    FileKind("Photoshop", (b"8BPS\0",), "save it as TIFF or PNG in Photoshop or GIMP"),
    FileKind("GIMP", (b"gimp xcf",), "export it as TIFF or PNG in GIMP"),
    FileKind("Paint Shop Pro", (b"Paint Shop Pro Image File",), EXPORT),
    FileKind("PDF", (b"%PDF-",), "take its pictures out first: pdfimages -all FILE.pdf NAME"),
    FileKind("PostScript", (b"%!PS", b"\xc5\xd0\xd3\xc6"), CONVERT),
    FileKind("DjVu", (b"AT&TFORM",), "take its pages out first: ddjvu -format=tiff FILE.djvu FILE.tif"),
    FileKind("DPX", (b"SDPX", b"XPDS"), TO_TIFF),
    FileKind("Cineon", (b"\x80\x2a\x5f\xd7", b"\xd7\x5f\x2a\x80"), CONVERT),
    FileKind("DICOM", (((128, b"DICM"),),), "export it as TIFF or PNG in a DICOM viewer"),
    FileKind("FITS", (b"SIMPLE  =",), "save it as a 16-bit TIFF first"),
    FileKind("OpenEXR", (b"\x76\x2f\x31\x01",), f"{FRAMES.format('exr')}; of a single one, {TONE_MAP}"),
    FileKind("Radiance HDR", (b"#?RADIANCE", b"#?RGBE"), TONE_MAP),
    FileKind("QOI", (b"qoif",), CONVERT),
    FileKind("FLIF", (b"FLIF",), CONVERT),
    FileKind("BPG", (b"BPG\xfb",), CONVERT),
    FileKind("Photo CD", (b"PCD_OPA", ((2048, b"PCD_IPI"),)), CONVERT),
    FileKind("SGI", (b"\x01\xda\0", b"\x01\xda\1"), CONVERT),
    FileKind("Sun raster", (b"\x59\xa6\x6a\x95",), CONVERT),
    FileKind("MNG animation", (b"\x8aMNG\r\n\x1a\n",), "save its pictures one by one"),
    FileKind("SVG drawing", (b"<svg",), CONVERT),
    FileKind("web page", (b"<!DOCTYPE html", b"<!doctype html", b"<html"), "save the picture itself, not its page"),
    _film("AVI", ".avi", ((0, b"RIFF"), (8, b"AVI "))),
    _film("Matroska or WebM", ".mkv", b"\x1aE\xdf\xa3"),
    _film("MPEG", ".mpg", b"\0\0\1\xba", b"\0\0\1\xb3"),
    _film("MPEG transport stream", ".ts", ((0, b"G"), (188, b"G"), (376, b"G")), ((4, b"G"), (196, b"G"), (388, b"G"))),
    _film("Windows Media", ".wmv", b"0&\xb2u\x8ef\xcf\x11"),
    _film("Flash", ".flv", b"FLV\1"),
    _film("MXF", ".mxf", b"\x06\x0e+4\2\5\1\1"),
    _film("QuickTime", ".mov", ((4, b"moov"),), ((4, b"wide"), (12, b"mdat"))),
    _film("Real", ".rm", b".RMF"),
)
"""Every kind that is known by bytes at fixed places, the narrower before the wider."""

BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), FileKind("AVIF", format="AVIF")),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), FileKind("HEIC", format="HEIF")
    ),
    b"crx ": _raw("Canon CR3"),
    b"qt  ": _film("QuickTime", ".mov"),
    **dict.fromkeys(
        (
            b"isom",
            b"iso2",
            b"iso4",
            b"iso5",
            b"iso6",
            b"mp41",
            b"mp42",
            b"avc1",
            b"M4V ",
            b"3gp4",
            b"3gp5",
            b"3gp6",
            b"3g2a",
        ),
        _film("MP4", ".mp4"),
    ),
    **dict.fromkeys((b"mif1", b"msf1", b"miaf"), FileKind("HEIF", format="HEIF")),
}
"""Brand of an ISO base media file (ISO/IEC 14496-12, 4.3; 23008-12, B.4) -> its kind."""


def identify(path: Path) -> FileKind | None:
    """Return the kind of a file by its first bytes; None: not known.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        return identify_bytes(file.read(HEAD_BYTES))


def identify_bytes(head: bytes) -> FileKind | None:
    """Return the kind of a file that begins with these bytes (``HEAD_BYTES`` of them, or all); None: not known."""
    for kind in FILE_KINDS:
        if any(_matches(head, signature) for signature in kind.signatures):
            return kind
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    if head.lstrip()[:5] in (b"<?xml", b"<!--") and b"<svg" in head:
        return identify_bytes(b"<svg")
    return None


def _matches(head: bytes, signature: Signature) -> bool:
    places = ((0, signature),) if isinstance(signature, bytes) else signature
    return all(head[place : place + len(wanted)] == wanted for place, wanted in places)


def _kind_of_brands(head: bytes) -> FileKind | None:
    """Return the kind of an ISO base media file: by its own brand, else by the first known one of the compatible."""
    (length,) = struct.unpack_from(">I", head)
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, min(length, len(head)), 4))]
    known = [BRANDS[brand] for brand in brands if brand in BRANDS]
    general = BRANDS[b"mif1"]  # says the structure alone, and nothing of the codec
    return next((kind for kind in known if kind is not general), known[0] if known else None)
