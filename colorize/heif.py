"""HEIC and HEIF, which Pillow reads and writes through an extra."""

from __future__ import annotations

from pathlib import Path

from colorize.errors import ImageError

SUFFIXES = (".heic", ".heif")
BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
"""Of HEVC-coded pictures (ISO/IEC 23008-12, B.4); the brand stands in the file's first box."""


def is_heif(path: Path) -> bool:
    """Tell whether a file is HEIC, by its suffix or, since telephones' pictures get renamed to .jpg, by its head."""
    if path.suffix.lower() in SUFFIXES:
        return True
    with open(path, "rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in BRANDS


def register_heif() -> None:
    """Teach Pillow the format.

    Raises:
        ImageError: The extra is not installed.
    """
    try:
        from pillow_heif import register_heif_opener  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImageError("HEIC needs an extra: pip install 'colorize[heic]'") from error
    register_heif_opener()
