"""``Text``: a JPEG's comment or a PNG's text, and how EXIF holds them where a format has no place for texts."""

from __future__ import annotations

from typing import NamedTuple

from colorize.photo.exif import EXIF_DIRECTORY, UNDEFINED, USER_COMMENT, Directory, Entry

COMMENT = "Comment"  # the PNG specification's keyword; that of a JPEG's comments here
EXIF_TAGS = {
    "Title": 269,  # DocumentName
    "Description": 270,
    "Make": 271,
    "Model": 272,
    "Artist": 315,
    "Author": 315,  # Artist
    "Copyright": 33432,
}
"""Keyword of PNG's specification (12.1), or ExifTool's -> the tag of EXIF that means the same."""


class Text(NamedTuple):
    """A text of a photo.

    Attributes:
        keyword: What it is, in Latin-1, 1 to 79 characters: ``Title``, ``Author``, ``Comment`` or any other.
        text: The text. Bytes of a JPEG's comment that are not UTF-8 are surrogates, as by ``surrogateescape``.
        language: Its language, such as ``de``; empty: not said.
        translated: The keyword in that language; empty: not said.
    """

    keyword: str
    text: str
    language: str = ""
    translated: str = ""

    @property
    def readable(self) -> str:
        """The text without surrogates: bytes that are not UTF-8 are taken for Latin-1."""
        try:
            self.text.encode()
        except UnicodeEncodeError:
            return self.text.encode("utf-8", "surrogateescape").decode("latin-1")
        return self.text

    @property
    def labelled(self) -> str:
        """The text with its keyword before it, unless that is ``Comment``."""
        return self.readable if self.keyword == COMMENT else f"{self.keyword}: {self.readable}"


def exif_fields(texts: tuple[Text, ...], exif: Directory) -> tuple[dict[int, Entry], tuple[Text, ...]]:
    """Return the fields of EXIF that texts fill, where EXIF says nothing yet, and the texts that have no such field.

    A text that EXIF says already in the same words needs none.
    """
    fields: dict[int, Entry] = {}
    rest: list[Text] = []
    for text in texts:
        tag, entry = EXIF_TAGS.get(text.keyword), Entry.text(text.readable.encode())
        said = exif.entries.get(tag) if tag else None
        if tag and tag not in fields and (said is None or not said.data.strip(b"\0 ")):
            fields[tag] = entry
        elif said is None or said.data.rstrip(b"\0") != entry.data.rstrip(b"\0"):
            rest.append(text)
    return fields, tuple(rest)


def has_user_comment(exif: Directory) -> bool:
    """Return whether EXIF has a comment of the user's already."""
    entry = exif.below.get(EXIF_DIRECTORY, Directory()).entries.get(USER_COMMENT)
    return entry is not None and bool(entry.data[8:].strip(b"\0 "))


def user_comment(texts: tuple[Text, ...]) -> Entry:
    """Return texts as EXIF's UserComment, one a line."""
    lines = "\n".join(text.labelled for text in texts)
    code, encoding = (b"ASCII\0\0\0", "ascii") if lines.isascii() else (b"UNICODE\0", "utf-16-le")
    data = code + lines.encode(encoding)
    return Entry(UNDEFINED, len(data), data)
