"""PNG chunks (PNG specification, third edition, 11): read from a file, and put into an encoded one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from colorize.photo.texts import Text

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = "XML:com.adobe.xmp"
PROFILE_KEYWORD = "Raw profile type "  # ImageMagick's: the bytes as hexadecimal digits, after a name and a length
MAX_TEXT_BYTES = 1 << 26
PIXEL_CHUNKS = (b"IDAT", b"fdAT")


def read_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk of a PNG up to where it is cut off; those that hold pixels without them."""
    place = len(SIGNATURE)
    while place + 12 <= len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        if place + 12 + length > len(png):
            return
        yield name, b"" if name in PIXEL_CHUNKS else png[place + 8 : place + 8 + length]
        place += 12 + length


def pixels_alone(png: bytes) -> bytes:
    """Return a PNG without what its pixels do not need; of faults in that libpng writes to the error stream."""
    kept, place = [SIGNATURE], len(SIGNATURE)
    while place + 12 <= len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        if name in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
            kept.append(png[place : place + 12 + length])
        place += 12 + length
    return b"".join(kept)


def make_chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk as it lies in a file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def insert_chunks(png: bytes, chunks: Iterable[bytes]) -> bytes:
    """Return a PNG with chunks behind its head (IHDR, which is always of one size)."""
    head = len(SIGNATURE) + 25
    return png[:head] + b"".join(chunks) + png[head:]


def read_text(name: bytes, content: bytes) -> Text | None:
    """Return the text of a tEXt, zTXt or iTXt chunk; None: it is another chunk, or damaged."""
    keyword, zero, rest = content.partition(b"\0")
    if not zero or not keyword:
        return None
    try:
        if name == b"tEXt":
            return Text(keyword.decode("latin-1"), rest.decode("latin-1"))
        if name == b"zTXt" and rest[:1] == b"\0":
            return Text(keyword.decode("latin-1"), _inflate(rest[1:]).decode("latin-1"))
        if name == b"iTXt":
            language, translated, text = rest[2:].split(b"\0", 2)
            text = _inflate(text) if rest[0] else text
            return Text(keyword.decode("latin-1"), text.decode(), language.decode("latin-1"), translated.decode())
    except (ValueError, zlib.error):
        return None
    return None


def _inflate(data: bytes) -> bytes:
    """Return deflated bytes, up to a size that no text reaches.

    Raises:
        zlib.error: They are damaged.
    """
    return zlib.decompressobj().decompress(data, MAX_TEXT_BYTES)


def text_chunk(text: Text) -> bytes:
    """Return a text as a chunk: tEXt where Latin-1 is enough and no language is said, else iTXt."""
    keyword, words = text.keyword.encode("latin-1", "replace"), text.readable.replace("\0", " ")
    try:
        if text.language or text.translated:
            raise UnicodeError
        return make_chunk(b"tEXt", keyword + b"\0" + words.encode("latin-1"))
    except UnicodeError:
        head = (
            keyword + b"\0\0\0" + text.language.encode("latin-1", "replace") + b"\0" + text.translated.encode() + b"\0"
        )
        return make_chunk(b"iTXt", head + words.encode())


def read_profile(text: Text) -> tuple[str, bytes] | None:
    """Return name and bytes of a profile that is written as a text; None: it is a text, or damaged."""
    if not text.keyword.startswith(PROFILE_KEYWORD):
        return None
    lines = text.text.lstrip("\n").split("\n", 2)
    try:
        return text.keyword.removeprefix(PROFILE_KEYWORD), bytes.fromhex(lines[2].replace("\n", ""))
    except (ValueError, IndexError):
        return None


def profile_chunk(name: str, data: bytes) -> bytes:
    """Return bytes as a compressed text, as ImageMagick and ExifTool write and read them."""
    digits = data.hex()
    lines = "\n".join(digits[place : place + 72] for place in range(0, len(digits), 72))
    text = f"\n{name}\n{len(data):8}\n{lines}\n".encode()
    return make_chunk(b"zTXt", f"{PROFILE_KEYWORD}{name}".encode() + b"\0\0" + zlib.compress(text))
