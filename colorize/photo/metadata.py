"""EXIF and XMP of a photo, and the label in both that its colours were made by a network (the AI label)."""

from __future__ import annotations

import re
import struct

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

import colorize

ORIENTATION = ExifTags.Base.Orientation
SOFTWARE = ExifTags.Base.Software
X_RESOLUTION, Y_RESOLUTION = ExifTags.Base.XResolution, ExifTags.Base.YResolution
RESOLUTION_UNIT = ExifTags.Base.ResolutionUnit
SUB_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
UPRIGHT = 1
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
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
    33432,  # Copyright
    33723,  # IPTC
    *range(40091, 40096),  # Windows' title, comment, author, keywords, subject
)
"""Tags of a TIFF's first directory that describe the photo; the others describe how its pixels are stored."""
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, struct.error)
"""What Pillow raises at damaged EXIF."""

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's digital source type of a picture edited by a trained network."""
_SOURCE_TYPE_XMP = (
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType></rdf:Description>"
).encode()
_EMPTY_XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def read_exif(image: Image.Image) -> tuple[bytes | None, int]:
    """Return an image's EXIF, made upright, and the orientation that its pixels still have.

    The thumbnail (the second directory) is left out, since it shows the old picture. The stated size becomes that of
    the upright picture. Damaged EXIF counts as none.

    Returns:
        The EXIF block (None: there is none), and the EXIF orientation, 1..8.
    """
    exif = Image.Exif()
    try:
        source = image.getexif()
        stated = source.get(ORIENTATION, UPRIGHT)
        orientation = stated if isinstance(stated, int) and 1 <= stated <= 8 else UPRIGHT
        swapped = orientation in SIDEWAYS and image.format != "TIFF"  # Pillow gives a TIFF's size as upright
        width, height = image.size[::-1] if swapped else image.size
        for name in DESCRIPTIVE_TAGS if image.format == "TIFF" else tuple(source):
            if name in source and name not in SUB_DIRECTORIES:
                exif[name] = source[name]
        for name in SUB_DIRECTORIES:
            values = {tag: value for tag, value in source.get_ifd(name).items() if tag != ExifTags.IFD.Interop}
            for tag, side in ((ExifTags.Base.ExifImageWidth, width), (ExifTags.Base.ExifImageHeight, height)):
                if tag in values:
                    values[tag] = side
            if values:
                exif.get_ifd(name).update(values)
                exif[name] = values
        if ORIENTATION in exif:
            exif[ORIENTATION] = UPRIGHT
        return (exif.tobytes() if len(exif) else None), orientation
    except _DAMAGED:
        return None, UPRIGHT


def read_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Return an image's horizontal and vertical resolution in pixels an inch, from its header, else from EXIF.

    Pillow alone would invent one: 72 for a JPEG whose EXIF has none, 1 for a TIFF without any.

    Returns:
        (x, y); None: not stated.
    """
    stated = image.info.get("dpi")
    if image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2):
        stated = None
    try:
        exif = image.getexif()
        if image.format == "TIFF" and X_RESOLUTION not in exif:
            stated = None
        if stated is None and image.format != "TIFF":
            scale = {2: 1, 3: 2.54}[exif.get(RESOLUTION_UNIT, 2)]
            stated = (exif[X_RESOLUTION] * scale, exif[Y_RESOLUTION] * scale)
        if stated is None:
            return None
        x, y = float(stated[0]), float(stated[1])
    except _DAMAGED:
        return None
    return (x, y) if 0 < x < 1e6 and 0 < y < 1e6 else None


def exif_with_dpi(exif: bytes | None, dpi: tuple[float, float]) -> bytes:
    """Return EXIF that states a resolution (x, y) in pixels an inch; one that it states already stays."""
    stated = Image.Exif()
    stated.load(exif or b"")
    if X_RESOLUTION not in stated:
        stated[X_RESOLUTION], stated[Y_RESOLUTION] = (IFDRational(round(value * 100), 100) for value in dpi)
        stated[RESOLUTION_UNIT] = 2  # inch
    return stated.tobytes()


def label_exif(exif: bytes | None) -> bytes:
    """Return EXIF with the AI label in its Software tag; what the tag said before stays."""
    labelled = Image.Exif()
    labelled.load(exif or b"")
    label = f"AI-colorized by colorize {colorize.__version__}"
    before = str(labelled.get(SOFTWARE, "")).strip("\0 ")
    labelled[SOFTWARE] = before if label in before else f"{before}; {label}" if before else label
    return labelled.tobytes()


def upright_xmp(xmp: bytes) -> bytes:
    """Return an XMP packet whose orientation, where it states one, is upright."""
    return re.sub(rb"(tiff:Orientation(?:=[\"']|>\s*))[1-8]", rb"\g<1>1", xmp)


def label_xmp(xmp: bytes | None) -> bytes:
    """Return an XMP packet with the AI label: IPTC's digital source type of a picture edited by a trained network.

    The rest of the packet stays untouched; a packet without an RDF element is damaged and is replaced.
    """
    packet = xmp or _EMPTY_XMP
    if b"</rdf:RDF>" not in packet:
        packet = _EMPTY_XMP
    packet = packet.replace(_SOURCE_TYPE_XMP, b"")
    packet = re.sub(rb"<Iptc4xmpExt:DigitalSourceType>.*?</Iptc4xmpExt:DigitalSourceType>", b"", packet, flags=re.S)
    packet = re.sub(rb"\sIptc4xmpExt:DigitalSourceType=(\"[^\"]*\"|'[^']*')", b"", packet)
    # Packets carry kilobytes of blanks for editing in place; without them ours still fits a JPEG's 64 kB segment.
    packet = re.sub(rb"\s{64,}(?=<\?xpacket end)", b"\n", packet)
    head, tail = packet.rsplit(b"</rdf:RDF>", 1)
    return head + _SOURCE_TYPE_XMP + b"</rdf:RDF>" + tail
