"""The encoder: from ``Photo`` to a picture file, with all that belongs to it.

The modules that write formats for which Pillow is not enough are imported when such a file is written: most are JPEGs.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

from colorize.base import DEFAULT_QUALITY, PHOTO_FORMATS, ImageError, Spec, replacing
from colorize.color import SRGB, ColorSpace, Picture, convert_to_srgb, rgb_to_lightness, strips
from colorize.photo.error_context import name_errors
from colorize.photo.exif import ORIENTATION, without_field
from colorize.photo.iptc import join_iptc
from colorize.photo.jpeg_segments import (
    APP1,
    APP13,
    COM,
    EXIF,
    MAX_CONTENT,
    PHOTOSHOP,
    XMP,
    extension_segments,
    insert_segments,
    make_segments,
)
from colorize.photo.metadata import NAMES, Metadata, exif_with_dpi, fit
from colorize.photo.photo import Photo
from colorize.photo.png_chunks import XMP_KEYWORD, insert_chunks, make_chunk, profile_chunk, text_chunk
from colorize.photo.reader import register_heif
from colorize.photo.texts import COMMENT
from colorize.photo.xmp import extension_guid, split_extension

if TYPE_CHECKING:
    from colorize.photo.tiff_writer import TiffPage

OPAQUE_FORMATS = ("JPEG", "BMP")  # have no alpha
SIXTEEN_BIT_FORMATS = ("PNG", "TIFF", "JP2", "JXL")
SRGB_FORMATS = ("BMP", "JXL")  # are written without a profile
EXIF_DPI_FORMATS = ("WEBP", "AVIF", "HEIF", "JXL")  # have no place for the resolution but EXIF
QUALITY = Spec("of lossy formats", low=1, high=100)
FAITHFUL_QUALITY = 95  # from here on a JPEG is to keep the lightness
GRAIN_QUALITY = 97  # what that takes where there is strong grain
MAX_LIGHTNESS_CHANGE = 0.5  # mean |dL| that a faithful JPEG may have
TILE, TILES = 64, 4  # side of a sample in pixels, a multiple of JPEG's 8; samples along each side of a photo


def write_photo(
    path: Path | str,
    photo: Photo,
    *,
    format: str | None = None,
    quality: int = DEFAULT_QUALITY,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a photo; the file takes its name only when it is complete.

    Args:
        path: The file.
        photo: The photo.
        format: As ``Photo.format``, such as ``JPEG``; None: that of the path's suffix.
        quality: Quality of lossy formats, 1..100.
        overwrite: Replace an existing file.

    Returns:
        A line, with the file's name, about each kind of words that the format cannot hold.

    Raises:
        FileExistsError: There is such a file, and ``overwrite`` is off.
        ImageError: The format is unknown, or cannot hold the photo.
        OSError: The file cannot be written, or its folder does not exist.
        ValueError: The quality is out of range.
    """
    return write_photos(path, [photo], format=format, quality=quality, overwrite=overwrite)


def write_photos(
    path: Path | str,
    photos: Iterable[Photo],
    *,
    format: str | None = None,
    quality: int = DEFAULT_QUALITY,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write the pages of a TIFF, or one photo of any format; see ``write_photo``.

    Args:
        path: The file.
        photos: The pages, at least one, taken one at a time.
        format: As ``Photo.format``, such as ``JPEG``; None: that of the path's suffix.
        quality: Quality of lossy formats, 1..100.
        overwrite: Replace an existing file.

    Returns:
        Lines about what the format cannot hold; see ``write_photo``.

    Raises:
        FileExistsError, ImageError, OSError, ValueError: See ``write_photo``; there is no page.
    """
    path = Path(path)
    QUALITY.check("quality", quality)
    if format is None:
        format = PHOTO_FORMATS.get(path.suffix.lower())
        if format is None:
            raise ImageError(f"{path}: the suffix names no format; use one of {', '.join(PHOTO_FORMATS)}")
    elif format not in PHOTO_FORMATS.values():
        known = ", ".join(dict.fromkeys(PHOTO_FORMATS.values()))
        raise ImageError(f"{path}: format {format!r} is unknown; use one of {known}")
    lines: dict[str, None] = {}  # each once, in order
    with replacing(path, overwrite) as file:
        pages = iter(photos)
        photo = next(pages, None)
        if photo is None:
            raise ValueError(f"{path}: there is no photo to write; give at least one")
        if format == "TIFF":
            from colorize.photo.tiff_writer import write_tiff

            own_bytes = photo.picture.nbytes + (0 if photo.alpha is None else photo.alpha.nbytes)
            write_tiff(file, _tiff_pages(chain([photo], pages), lines), max(photo.file_bytes, own_bytes))
        else:
            if next(pages, None) is not None:
                raise ImageError(f"{path}: {format} holds one page; write a TIFF")
            with name_errors(path, f"cannot be written as {format}", "choose png or tiff"):
                lines.update(dict.fromkeys(encode(path, file, photo, format, quality)))
    return tuple(f"{path}: {line}" for line in lines)


def _tiff_pages(photos: Iterable[Photo], lines: dict[str, None]) -> Iterator[TiffPage]:
    """Yield photos as pages of a TIFF, and add lines about what it cannot hold."""
    from colorize.photo.tiff_writer import TiffPage

    for photo in photos:
        words = fit(_words_of(photo), "TIFF")
        lines.update(dict.fromkeys(words.lines))
        yield TiffPage(photo.picture, photo.alpha, words, photo.profile, photo.dpi)


def _words_of(photo: Photo) -> Metadata:
    return Metadata(photo.exif, photo.xmp, photo.iptc, photo.photoshop, photo.texts)


def encode(path: Path, file: BinaryIO, photo: Photo, format: str, quality: int) -> tuple[str, ...]:
    """Encode a photo into an open file, in any format but TIFF.

    Args:
        path: The file's name, for errors.
        file: Open for writing.
        photo: The photo; 16 bits become 8 where the format holds no more.
        format: As ``Photo.format``.
        quality: Quality of lossy formats, 1..100.

    Returns:
        Lines about the profile and the words that the format cannot hold.

    Raises:
        ImageError: The format cannot hold the photo.
    """
    picture, alpha = photo.picture, photo.alpha
    if alpha is not None and int(alpha.min()) == np.iinfo(alpha.dtype).max:
        alpha = None  # opaque everywhere
    if alpha is not None and format in OPAQUE_FORMATS:
        raise ImageError(f"{path}: {format} cannot hold the photo's transparency; choose png, tiff, webp or avif")
    further: tuple[str, ...] = ()
    if format in SRGB_FORMATS and photo.profile:
        picture = convert_to_srgb(picture, photo.space)  # the file cannot say what other numbers mean
        if not _is_nearly_srgb(photo.space):
            further = (f"{NAMES.get(format, format)} has no place for its ICC profile: its colours became sRGB",)
    if picture.dtype == np.uint16 and format not in SIXTEEN_BIT_FORMATS:
        picture = _to_8_bits(picture)
        alpha = None if alpha is None else _to_8_bits(alpha)
    if format in ("JP2", "JXL"):
        words = _words_of(photo)
        if photo.dpi and format in EXIF_DPI_FORMATS:
            words = replace(words, exif=exif_with_dpi(photo.exif, photo.dpi))
        words = fit(words, format)
        held = {"exif": words.exif, "xmp": words.xmp}
        if format == "JP2":
            from colorize.photo.jpeg2000 import encode_jpeg2000

            more = {"profile": photo.profile, "iptc": words.iptc, "dpi": photo.dpi}
            file.write(encode_jpeg2000(picture, alpha, **held, **more))
        else:
            from colorize.photo.jpeg_xl import LOSSLESS_QUALITY, encode_jpeg_xl

            wanted = LOSSLESS_QUALITY if photo.lossless else quality
            file.write(encode_jpeg_xl(picture, alpha, quality=wanted, **held))
        return further + words.lines
    if picture.dtype == np.uint16:
        from colorize.photo.sixteen_bit import encode_png

        words = fit(_words_of(photo), format)
        encoded = encode_png(picture, alpha, _png_head(photo))
        file.write(insert_chunks(encoded, _png_words(words)))
        return words.lines
    image = Image.fromarray(picture)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    return further + _save(image, file, photo, format, quality)


def _is_nearly_srgb(space: ColorSpace) -> bool:
    """Return whether a colour space is sRGB but for what profiles of it differ by."""
    return np.allclose(space.matrix, SRGB.matrix, atol=5e-3) and np.allclose(space.curves, SRGB.curves, atol=5e-3)


def _to_8_bits(values: Picture) -> Picture:
    """Return uint16 levels as uint8, rounded."""
    levels = np.empty(values.shape, np.uint8)
    for rows in strips(values.shape[:2]):
        levels[rows] = (values[rows].astype(np.uint32) * 255 + 32767) // 65535
    return levels


def _png_head(photo: Photo) -> bytes:
    """Return a PNG of one pixel that carries the photo's profile and resolution."""
    file = io.BytesIO()
    bare = replace(photo, exif=None, xmp=None, iptc=None, photoshop=None, texts=())
    _save(Image.new("RGB", (1, 1)), file, bare, "PNG", 0)
    return file.getvalue()


def _save(image: Image.Image, file: BinaryIO, photo: Photo, format: str, quality: int) -> tuple[str, ...]:
    """Encode an 8-bit image into an open file by Pillow, with the photo's metadata; return lines as ``encode`` does."""
    words = _words_of(photo)
    in_exif = format in EXIF_DPI_FORMATS or (format == "JPEG" and not _fits_jfif(photo.dpi))
    if photo.dpi and in_exif:
        words = replace(words, exif=exif_with_dpi(photo.exif, photo.dpi))
    words = fit(words, format)
    options: dict[str, object] = {}
    if photo.profile and format != "BMP":
        options["icc_profile"] = photo.profile
    if photo.dpi and not in_exif:
        options["dpi"] = photo.dpi
    if format in EXIF_DPI_FORMATS:
        if words.exif:
            # an orientation that is not there is upright; of one that is, Pillow's AVIF would write EXIF anew
            options["exif"] = without_field(words.exif, ORIENTATION)
        if words.xmp:
            options["xmp"] = words.xmp
    if format == "PNG":
        options["compress_level"] = 4  # 6, Pillow's own, takes three times as long for 3 % less
    elif format == "JPEG":
        options |= {"quality": _jpeg_quality(image, photo.space, quality), "subsampling": 0}
    elif format == "WEBP":
        options |= {"quality": quality, "lossless": photo.lossless, "exact": True}
    elif format in ("AVIF", "HEIF"):
        options |= {"quality": quality, "subsampling": "4:4:4"}
    if format == "HEIF":
        register_heif()
    # Through memory: Pillow's encoders write to a file's number themselves and do not say that the disk is full.
    encoded = io.BytesIO()
    image.save(encoded, format, **options)
    lines = words.lines
    if format == "PNG":
        file.write(insert_chunks(encoded.getvalue(), _png_words(words)))
    elif format == "JPEG":
        segments, further = _jpeg_words(words)
        lines += further
        file.write(insert_segments(encoded.getvalue(), segments))
    else:
        file.write(encoded.getbuffer())
    return lines


def _fits_jfif(dpi: tuple[float, float] | None) -> bool:
    """Return whether the two bytes that JFIF has for a resolution hold it; Pillow would cut off what is beyond them."""
    return dpi is None or all(1 <= round(value) < 1 << 16 for value in dpi)


def _png_words(words: Metadata) -> list[bytes]:
    """Return the words of a photo as a PNG's chunks."""
    chunks: list[bytes] = []
    if words.exif:
        chunks.append(make_chunk(b"eXIf", words.exif.removeprefix(EXIF)))
    if words.xmp:
        chunks.append(make_chunk(b"iTXt", XMP_KEYWORD.encode() + bytes(5) + words.xmp))
    if resources := join_iptc(words.iptc, words.photoshop):
        chunks.append(profile_chunk("iptc", resources))
    return chunks + [text_chunk(text) for text in words.texts]


def _jpeg_words(words: Metadata) -> tuple[bytes, tuple[str, ...]]:
    """Return the words of a photo as a JPEG's segments, and lines about what it cannot hold."""
    segments: list[bytes] = []
    lines: tuple[str, ...] = ()
    if words.exif:
        segments.append(make_segments(APP1, b"", words.exif))
    packet, extension = words.xmp, b""
    if packet and len(packet) > MAX_CONTENT - len(XMP):
        packet, extension = split_extension(packet, MAX_CONTENT - len(XMP)) or (None, b"")
        if packet is None:
            lines = ("its XMP is too long for a JPEG and is left out; png and tif hold it",)
    if packet:
        segments.append(make_segments(APP1, XMP, packet))
        guid = extension_guid(packet)
        segments.append(extension_segments(guid.encode(), extension) if guid and extension else b"")
    if resources := join_iptc(words.iptc, words.photoshop):
        segments.append(make_segments(APP13, PHOTOSHOP, resources))
    for text in words.texts:
        comment = text.text.encode("utf-8", "surrogateescape") if text.keyword == COMMENT else text.labelled.encode()
        segments.append(make_segments(COM, b"", comment))
    return b"".join(segments), lines


def _jpeg_quality(image: Image.Image, space: ColorSpace, quality: int) -> int:
    """Return the JPEG quality, raised to 97 where 95 would change the lightness of grain by more than a mean of 0.5.

    Coarse grain fills all the frequencies that JPEG's tables round; white noise changes by 0.64 at 95, by 0.41 at 97.
    Tiles from all over the picture are tried.
    """
    if not FAITHFUL_QUALITY <= quality < GRAIN_QUALITY:
        return quality
    width, height = image.size
    lefts, tops = (np.linspace(0, max(0, side - TILE), TILES).astype(int) // 8 * 8 for side in (width, height))
    boxes = [[(x, y, min(x + TILE, width), min(y + TILE, height)) for x in lefts] for y in tops]
    sample = np.concatenate([np.concatenate([np.asarray(image.crop(box)) for box in row], axis=1) for row in boxes])
    file = io.BytesIO()
    Image.fromarray(sample).save(file, "JPEG", quality=quality, subsampling=0)
    with Image.open(file) as coded:
        change = rgb_to_lightness(np.asarray(coded), space) - rgb_to_lightness(sample, space)
    return GRAIN_QUALITY if np.abs(change).mean() > MAX_LIGHTNESS_CHANGE else quality
