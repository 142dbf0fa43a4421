"""XMP packets (ISO 16684-1): changed as text, so that all else in them stays byte for byte.

Expat tells where in a packet an element begins and ends. What it cannot parse is left as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.parsers import expat

from colorize.photo.exif import SIDEWAYS

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP_NOTE = "http://ns.adobe.com/xmp/note/"
EXTENSION = "HasExtendedXMP"  # in a JPEG's packet: the GUID of what did not fit into its segment (part 3, 1.1.3.1)

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""The term of IPTC's vocabulary "Digital Source Type" (in its version of 2024-09-17, "Edited using Generative AI") for
what was augmented by a model: the colours are a trained network's. ``algorithmicallyEnhanced`` leaves the content as it
was, as sharpening does; ``trainedAlgorithmicMedia`` is a picture made by a model alone."""
_SOURCE_TYPE_XMP = (
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType></rdf:Description>"
).encode()
_HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
_RDF_HEAD = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
_EMPTY = _HEAD + _RDF_HEAD + b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>\s*))([1-8])")
_START_TAG = re.compile(rb"<[^\s/>]+(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")

GAIN_MAP, MOTION, DEPTH, THUMBNAIL, MANIFEST = "gain map", "motion photo", "depth map", "thumbnail", "manifest"
POINTERS: tuple[tuple[str, str, str], ...] = (
    ("http://ns.adobe.com/hdr-gain-map/1.0/", "", GAIN_MAP),
    ("http://ns.apple.com/HDRGainMap/1.0/", "", GAIN_MAP),
    ("http://ns.google.com/photos/1.0/container/", "", "container"),
    ("http://ns.google.com/photos/1.0/camera/", "MicroVideo", MOTION),
    ("http://ns.google.com/photos/1.0/camera/", "MotionPhoto", MOTION),
    ("http://ns.google.com/photos/1.0/depthmap/", "", DEPTH),
    ("http://ns.google.com/photos/1.0/image/", "", DEPTH),
    ("http://ns.google.com/photos/dd/1.0/", "", DEPTH),
    ("http://ns.apple.com/depthData/1.0/", "", DEPTH),
    ("http://ns.adobe.com/xap/1.0/", "Thumbnails", THUMBNAIL),
    ("http://purl.org/dc/terms/", "provenance", MANIFEST),
)
"""Properties that speak of something beside the picture that a result has no longer: how their namespace and their name
begin, and what it is. A depth map's picture (Google's ``image``) is the old one."""


@dataclass
class Element:
    """An element of a packet.

    Attributes:
        name: Its namespace and its name, with a blank between.
        depth: How many elements it lies in.
        start: Where its start tag begins in the packet, in bytes.
        content: Where its content begins.
        finish: Where its content ends.
        end: Where it ends.
        attributes: Namespace and name, with a blank between, of each attribute.
        prefixes: The namespaces in scope, by prefix.
    """

    name: str
    depth: int
    start: int
    content: int
    attributes: tuple[str, ...]
    prefixes: dict[str, str]
    finish: int = 0
    end: int = 0


@dataclass
class _Parsing:
    """The elements of a packet as Expat meets them."""

    packet: bytes
    parser: expat.XMLParserType
    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)

    def declare(self, prefix: str | None, uri: str | None) -> None:
        self.declared[prefix or ""] = uri or ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        start = self.parser.CurrentByteIndex
        tag = _START_TAG.match(self.packet, start)
        prefixes = self.open[-1].prefixes if self.open else {}
        if self.declared:
            prefixes = {**prefixes, **self.declared}
            self.declared.clear()
        element = Element(name, len(self.open), start, tag.end() if tag else start, tuple(attributes), prefixes)
        self.elements.append(element)
        self.open.append(element)

    def finish(self, _: str) -> None:
        element, index = self.open.pop(), self.parser.CurrentByteIndex
        if self.packet.startswith(b"</", index):
            element.finish, element.end = index, self.packet.index(b">", index) + 1
        else:  # an empty element ends where it begins
            element.finish = element.end = element.content


def parse(packet: bytes) -> list[Element]:
    """Return the elements of a packet in UTF-8, in the order of their start tags; none where it cannot be parsed."""
    parser = expat.ParserCreate("UTF-8", " ")
    parsing = _Parsing(packet, parser)
    parser.StartNamespaceDeclHandler = parsing.declare
    parser.StartElementHandler = parsing.begin
    parser.EndElementHandler = parsing.finish
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(packet, True)
    except (expat.ExpatError, ValueError):
        return []
    return parsing.elements


def _refuse(*_: object) -> None:
    raise ValueError("XMP has no document type; one could define entities without end")


def clean_packet(packet: bytes) -> bytes:
    """Return a packet without the zeros and blanks that some programs put around it, in UTF-8."""
    packet = packet.strip(b"\0 \t\r\n")
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if packet.startswith(mark):
            return packet.decode(encoding, "replace").encode()
    return packet


def upright_xmp(xmp: bytes, swapped: bool = False) -> bytes:
    """Return an XMP packet for the upright picture: its orientation is upright, where it states one.

    Args:
        xmp: The packet.
        swapped: Turning swaps width and height, also those that the packet states, and their resolutions.
    """
    xmp = re.sub(_ORIENTATION, rb"\g<1>1", xmp)
    if swapped:
        for one, other in (
            (b"tiff:ImageWidth", b"tiff:ImageLength"),
            (b"exif:PixelXDimension", b"exif:PixelYDimension"),
            (b"tiff:XResolution", b"tiff:YResolution"),
            (b"exif:FocalPlaneXResolution", b"exif:FocalPlaneYResolution"),
        ):
            numbers = [re.search(name + rb"(?:=[\"']|>\s*)(\d+(?:/\d+)?)", xmp) for name in (one, other)]
            if numbers[0] and numbers[1]:
                values = (numbers[1].group(1), numbers[0].group(1))
                for name, value in zip((one, other), values, strict=True):
                    xmp = re.sub(rb"(" + name + rb"(?:=[\"']|>\s*))\d+(?:/\d+)?", rb"\g<1>" + value, xmp)
    return xmp


def is_sideways(xmp: bytes) -> bool:
    """Tell whether a packet states an orientation by which turning its picture upright swaps width and height."""
    stated = re.search(_ORIENTATION, xmp)
    return stated is not None and int(stated.group(2)) in SIDEWAYS


def is_whole(packet: bytes) -> bool:
    """Return whether a packet has an RDF element, in which its properties are."""
    return insert_description(packet, b"") is not None


def label_xmp(xmp: bytes | None) -> bytes:
    """Return an XMP packet with the AI label: IPTC's digital source type of a picture edited by a trained network.

    The rest of the packet stays untouched; a packet without an RDF element is damaged and is replaced.
    """
    packet = xmp if xmp and is_whole(xmp) else _EMPTY
    packet = packet.replace(_SOURCE_TYPE_XMP, b"")
    packet = re.sub(rb"<Iptc4xmpExt:DigitalSourceType>.*?</Iptc4xmpExt:DigitalSourceType>", b"", packet, flags=re.S)
    packet = re.sub(rb"\sIptc4xmpExt:DigitalSourceType=(\"[^\"]*\"|'[^']*')", b"", packet)
    # Packets carry kilobytes of blanks for editing in place; without them ours still fits a JPEG's 64 kB segment.
    packet = re.sub(rb"\s{64,}(?=<\?xpacket end)", b"\n", packet)
    return insert_description(packet, _SOURCE_TYPE_XMP) or packet


def insert_description(packet: bytes, description: bytes) -> bytes | None:
    """Return a packet with a description as the last one; None: the packet has no RDF element.

    Args:
        packet: The packet.
        description: The text of ``rdf:Description`` elements.
    """
    if b"</rdf:RDF>" in packet:
        head, tail = packet.rsplit(b"</rdf:RDF>", 1)
        return head + description + b"</rdf:RDF>" + tail
    root = next((element for element in parse(packet) if element.name == f"{RDF} RDF"), None)
    if root is None:
        return None
    declared = b'<rdf:Description xmlns:rdf="%s" ' % RDF.encode()  # it has another prefix here, or none
    description = description.replace(b"<rdf:Description ", declared)
    if root.finish < root.end:
        return packet[: root.finish] + description + packet[root.finish :]
    start = packet[root.start : root.content]
    name = re.match(rb"<([^\s/>]+)", start)
    assert name is not None
    opened = start.removesuffix(b"/>") + b">" + description + b"</" + name.group(1) + b">"
    return packet[: root.start] + opened + packet[root.end :]


def without_pointers(packet: bytes) -> tuple[bytes, set[str]]:
    """Return a packet without the properties that speak of what a result has no longer, and what that is.

    Returns:
        The packet, and names such as ``GAIN_MAP``.
    """
    if not any(uri.encode() in packet for uri, _, _ in POINTERS):
        return packet, set()
    packet, found = without_properties(packet, _pointer)
    whole = b"|".join(re.escape(uri.encode()) for uri, word, _ in POINTERS if not word)
    unused = re.compile(rb"\s+xmlns:[^\s=]+\s*=\s*([\"'])(?:" + whole + rb")[^\"']*\1")
    return (unused.sub(b"", packet) if found else packet), found


def _pointer(name: str) -> str | None:
    """Return what a property (namespace and name) speaks of; None: of nothing beside the picture."""
    uri, _, local = name.rpartition(" ")
    return next((kind for head, word, kind in POINTERS if uri.startswith(head) and local.startswith(word)), None)


def without_properties(packet: bytes, kind: Callable[[str], str | None]) -> tuple[bytes, set[str]]:
    """Return a packet without some properties, be they elements or attributes.

    Args:
        packet: The packet.
        kind: Returns the kind of a property (namespace and name, a blank between); None: it stays.

    Returns:
        The packet, and the kinds that were found.
    """
    found: set[str] = set()
    cuts: list[tuple[int, int]] = []
    end = 0
    for element in parse(packet):
        if element.start < end:
            continue  # inside one that goes
        name = kind(element.name)
        if name is not None:
            found.add(name)
            end = element.end
            cuts.append((element.start, end))
            continue
        for attribute in element.attributes:
            name = kind(attribute)
            if name is not None:
                found.add(name)
                cuts += _attribute_places(packet, element, attribute)
    return _without(packet, cuts), found


def _attribute_places(packet: bytes, element: Element, attribute: str) -> list[tuple[int, int]]:
    """Return where an attribute (namespace and name) stands in a packet."""
    uri, _, local = attribute.rpartition(" ")
    tag = packet[element.start : element.content]
    places: list[tuple[int, int]] = []
    for prefix in (prefix for prefix, each in element.prefixes.items() if each == uri):
        name = re.escape(f"{prefix}:{local}".encode())
        for match in re.finditer(rb"\s+" + name + rb"\s*=\s*(\"[^\"]*\"|'[^']*')", tag):
            places.append((element.start + match.start(), element.start + match.end()))
    return places


def _without(packet: bytes, cuts: Iterable[tuple[int, int]]) -> bytes:
    """Return a packet without the bytes of some places."""
    for start, end in sorted(cuts, reverse=True):
        packet = packet[:start] + packet[end:]
    return packet


def extension_guid(packet: bytes) -> str | None:
    """Return the GUID of a JPEG packet's extension; None: it has none."""
    match = re.search(rb"HasExtendedXMP(?:\s*=\s*[\"']|>\s*)([0-9A-Fa-f]{32})", packet)
    return match.group(1).decode().upper() if match else None


def _is_extension_note(name: str) -> str | None:
    return EXTENSION if name == f"{XMP_NOTE} {EXTENSION}" else None


def join_extension(packet: bytes, extension: bytes | None) -> bytes | None:
    """Return a JPEG's packet and its extension as one packet, without the note that there is one.

    Args:
        packet: The packet.
        extension: All parts of the extension; None: they are not there.

    Returns:
        None: they cannot be joined; ``packet`` alone, by ``join_extension(packet, None)``, is whole.
    """
    packet, _ = without_properties(packet, _is_extension_note)
    if extension is None:
        return packet
    elements = parse(extension)
    whole = next((element for element in elements if element.name == f"{RDF} RDF"), None)
    if whole is None:
        return None
    added = [
        _with_namespaces(extension[element.start : element.end], element.prefixes)
        for element in elements
        if element.depth == whole.depth + 1
    ]
    return insert_description(packet, b"".join(added))


def _with_namespaces(element: bytes, prefixes: dict[str, str]) -> bytes:
    """Return an element's text with all namespaces in scope declared in itself, so that it can stand elsewhere."""
    tag = _START_TAG.match(element)
    assert tag is not None
    name = re.match(rb"<[^\s/>]+", element)
    assert name is not None
    declared = b"".join(
        f' xmlns{":" if prefix else ""}{prefix}="{uri}"'.encode()
        for prefix, uri in prefixes.items()
        if prefix != "xml" and not re.search(rf"\sxmlns{':' if prefix else ''}{prefix}\s*=".encode(), tag.group())
    )
    return element[: name.end()] + declared + element[name.end() :]


def split_extension(packet: bytes, limit: int) -> tuple[bytes, bytes] | None:
    """Return a packet as one of so many bytes at most, which notes that there is an extension, and the extension.

    The largest properties go into the extension.

    Returns:
        The packet and the extension; None: it cannot be split so.
    """
    elements = parse(packet)
    root = next((element for element in elements if element.name == f"{RDF} RDF"), None)
    if root is None:
        return None
    note = b'<rdf:Description rdf:about="" xmlns:xmpNote="%s" xmpNote:HasExtendedXMP="%s"/>'
    room = limit - len(note) - len(XMP_NOTE) - 32
    described = [element for element in elements if element.depth == root.depth + 1]
    units: list[tuple[int, int, bytes]] = []  # of what can go: where it stands, and how it stands in the extension
    for parent in described:
        children = [
            element
            for element in elements
            if element.depth == parent.depth + 1 and parent.start < element.start < parent.end
        ]
        for unit in children if children and parent.end - parent.start > limit // 4 else [parent]:
            text = _with_namespaces(packet[unit.start : unit.end], unit.prefixes)
            about = b'<rdf:Description xmlns:rdf="%s" rdf:about="">' % RDF.encode()
            units.append((unit.start, unit.end, text if unit is parent else about + text + b"</rdf:Description>"))
    units.sort(key=lambda unit: unit[0] - unit[1])
    moved: list[tuple[int, int, bytes]] = []
    left = len(packet)
    while left > room and units:
        moved.append(units.pop(0))
        left -= moved[-1][1] - moved[-1][0]
    if left > room:
        return None
    body = b"".join(text for _, _, text in sorted(moved))
    extension = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + _RDF_HEAD + body + b"</rdf:RDF></x:xmpmeta>"
    main = _without(packet, [(start, end) for start, end, _ in moved])
    guid = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    labelled = insert_description(main, note % (XMP_NOTE.encode(), guid))
    return (labelled, extension) if labelled else None
