"""The reader of TIFF, and of scanners' DNG: which pages of a file are photographs, and each of them as ``Photo``.

The pixels are those of ``colorize.photo.tiff_pixels``, the words beside them are those of ``colorize.photo.metadata``.
"""

from __future__ import annotations

import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import tifffile

from colorize.base import ImageError
from colorize.color import fitting_color_space
from colorize.photo.exif import ORIENTATION, RESOLUTION_UNIT, UPRIGHT, X_RESOLUTION, Y_RESOLUTION
from colorize.photo.infrared import is_even, is_infrared_of
from colorize.photo.left_out import profile_lines
from colorize.photo.metadata import read_tiff_metadata, sound_dpi
from colorize.photo.orientation import turn_dpi, turn_upright
from colorize.photo.photo import Photo
from colorize.photo.size_limit import check_size
from colorize.photo.tiff_chain import page_offsets
from colorize.photo.tiff_pixels import read_pixels, visible_area
from colorize.photo.tiff_tags import BLACK_IS_ZERO, CFA, LINEAR_RAW, MASK, RGB, WHITE_IS_ZERO, check_numbers

PAGE_NUMBER, ICC_PROFILE = 297, 34675  # tags of TIFF 6.0 and ICC
INCH, CENTIMETRE = 2, 3  # values of ResolutionUnit
UNITS_PER_INCH = {INCH: 1, CENTIMETRE: 2.54}
WORDS_BYTES = 1 << 16  # of a page: more than nearly all have
REDUCED, SECOND_CHANNEL, DEPTH = 1, 4, 8  # bits of NewSubfileType: a smaller copy; a mask, or infrared; a depth map
CAMERA_RAW = b"CR"  # at byte 8 of Canon's raw files, whose mosaic has no PhotometricInterpretation
OTHER_DIALECTS = ("is_lsm", "is_ndpi", "is_scanimage", "is_stk")
"""Dialects of microscopes, by whose rules tifffile would read a file that seems to be in one."""
INFRARED, EVEN = "infrared", "infrared or empty page"

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # its remarks are for programmers


@dataclass(frozen=True, eq=False)
class Page:
    """A page of a TIFF.

    Attributes:
        tags: Its tags and its place in the file.
        name: What a message calls it, such as "page 2".
        what: What it is where it is no photograph, such as "infrared"; empty: a photograph.
        outer: The page whose full picture it is, which has the words, as in a DNG; None: it has its own.
    """

    tags: tifffile.TiffPage
    name: str
    what: str = ""
    outer: tifffile.TiffPage | None = None


def read_tiff(path: Path) -> Iterator[Photo]:
    """Yield the photographs of a TIFF, one at a time.

    Raises:
        ImageError: It is damaged, too large, or of a kind that cannot be read; its name is not in the message.
    """
    with _open(path) as (file, pages):
        photographs, others = choose_photographs(pages)
        photographs, infrared = _without_infrared(photographs)
        lines = [f"{path}: {note}" for note in _left_out([*others, *infrared])]
        total = sum(_bytes_in_color(page.tags) for page in photographs)
        for page in photographs:
            place = f"{path}, {page.name}" if len(photographs) > 1 else str(path)
            try:
                photo = _read_page(file, page, place)
            except ImageError as error:
                raise ImageError(f"{place}: {error}") from error
            yield replace(photo, notes=(*lines, *photo.notes), file_bytes=total)
            lines = []


def tiff_size(path: Path) -> tuple[int, int]:
    """Return (height, width) of the first photograph of a TIFF, before orientation, by its header.

    Raises:
        ImageError: It is damaged, or too large.
    """
    with _open(path) as (_, pages):
        page = choose_photographs(pages)[0][0].tags
        check_size(page.imagelength, page.imagewidth)
        rows, columns = visible_area(page)
        return rows.stop - rows.start, columns.stop - columns.start


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, list[tifffile.TiffPage]]]:
    """Yield a TIFF's file, and its pages.

    tifffile reads each page, but does not look for the next one: it would follow a circle of pages for ever.
    """
    with open(path, "rb") as file:
        if file.read(10)[8:] == CAMERA_RAW:
            raise ImageError("is a camera's raw picture, a mosaic; develop it and save it as TIFF or JPEG")
        offsets = page_offsets(file)
        file.seek(0)
        try:
            tiff = tifffile.TiffFile(file, **dict.fromkeys(OTHER_DIALECTS, False))
            pages = [_page_at(tiff, offset, number) for number, offset in enumerate(offsets)]
        except TypeError as error:  # tifffile computes with them before they can be looked at
            raise ImageError("damaged (a tag that is one number holds several values); get it anew") from error
        with tiff:
            yield file, pages


def _page_at(tiff: tifffile.TiffFile, offset: int, number: int) -> tifffile.TiffPage:
    """Return the page at an offset of a TIFF, the number of its pages before it given.

    Raises:
        ImageError: A tag that says what it is has several values.
    """
    tiff.filehandle.seek(offset)
    page = tifffile.TiffPage(tiff, index=number)
    check_numbers(page)
    return page


def choose_photographs(pages: list[tifffile.TiffPage]) -> tuple[list[Page], list[Page]]:
    """Return the pages of a TIFF that are photographs by their tags, and the others.

    Where a page is a reduced copy, as the first one of a DNG is, the pictures in its SubIFDs take its place; it is one
    too, whatever its tags say, where each of them is larger.

    Raises:
        ImageError: There are no pages, a full picture is missing, or it is a camera's raw picture.
    """
    photographs: list[Page] = []
    others: list[Page] = []
    for number, tags in enumerate(pages, 1):
        page = Page(tags, f"page {number}", _what(tags))
        inner = _inner_pages(page)
        if any(not found.what for found in inner) and all(_is_larger(found.tags, page.tags) for found in inner):
            page = replace(page, what="reduced copy")
        if any(found.tags.photometric == CFA for found in (page, *inner)):
            raise ImageError("is a camera's raw picture, a mosaic; develop it and save it as TIFF or JPEG")
        if page.what == "reduced copy" and any(not found.what for found in inner):
            photographs += [replace(found, outer=page.tags) for found in inner if not found.what]
            others += [page, *(found for found in inner if found.what)]
        else:
            (others if page.what else photographs).append(page)
            others += [Page(found.tags, found.name, found.what or "further picture") for found in inner]
    if not photographs and not others:
        raise ImageError("holds no page; it is damaged, get it anew")
    if not photographs:
        photographs = [max(others, key=lambda page: page.tags.imagewidth * page.tags.imagelength)]
        others.remove(photographs[0])
    return photographs, others


def _is_larger(page: tifffile.TiffPage, other: tifffile.TiffPage) -> bool:
    return page.imagewidth > other.imagewidth and page.imagelength > other.imagelength


def _what(page: tifffile.TiffPage) -> str:
    """Return what a page is by its tags if it is no photograph; empty: a photograph."""
    if page.subfiletype & REDUCED:
        return "reduced copy"
    if page.photometric == MASK:
        return "mask"
    if page.subfiletype & SECOND_CHANNEL:
        return "mask" if page.bitspersample == 1 else INFRARED
    return "depth map" if page.subfiletype & DEPTH else ""


def _inner_pages(page: Page) -> list[Page]:
    """Return the pages in the SubIFDs of a page; damaged ones count only where the page itself is a copy of them."""
    if not page.tags.subifds:
        return []
    try:
        inner = [found.aspage() for found in page.tags.pages or ()]
    except Exception as error:  # tifffile raises whatever it meets
        if page.what:
            raise ImageError("damaged or cut off: its full picture cannot be found; get it anew") from error
        return []
    return [Page(tags, f"picture {number} inside {page.name}", _what(tags)) for number, tags in enumerate(inner, 1)]


def _without_infrared(pages: list[Page]) -> tuple[list[Page], list[Page]]:
    """Return the pages that are photographs by their pixels too, and those that are the infrared of the one before."""
    photographs, others = pages[:1], list[Page]()
    for before, page in pairwise(pages):
        what = _what_beside(before.tags, page.tags) if _may_be_infrared(before.tags, page.tags) else ""
        (others if what else photographs).append(replace(page, what=what))
    return photographs, others


def _may_be_infrared(color: tifffile.TiffPage, grey: tifffile.TiffPage) -> bool:
    """Return whether a page may be the infrared of another by what their tags say.

    As film scanners' programs write it, it is grey and of the same size and depth, and no page has a number.
    """
    same = (color.imagewidth, color.imagelength, color.bitspersample)
    return (
        color.photometric in (RGB, LINEAR_RAW)
        and color.samplesperpixel >= 3
        and grey.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, LINEAR_RAW)
        and grey.samplesperpixel == 1
        and same == (grey.imagewidth, grey.imagelength, grey.bitspersample)
        and PAGE_NUMBER not in grey.tags
    )


def _what_beside(color: tifffile.TiffPage, grey: tifffile.TiffPage) -> str:
    """Return what a grey page after one in colour is by their pixels; empty: a photograph, and where that is unsure."""
    try:
        picture = read_pixels(grey, None).picture
        if is_even(picture):
            return EVEN
        return INFRARED if is_infrared_of(read_pixels(color, None).picture, picture) else ""
    except ImageError:  # is met again, and reported, when the damaged page's turn comes
        return ""


def _left_out(pages: list[Page]) -> list[str]:
    """Return what pages are left out, a part of a sentence for each kind."""
    names: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        names[page.what].append(page.name)
    return [f"left out: {what}{_places(places)}" for what, places in names.items()]


def _places(names: list[str]) -> str:
    """Return the names of pages in brackets, the first three of many."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" ({', '.join(names[:3])}{more})"


def _read_page(file: BinaryIO, photograph: Page, place: str) -> Photo:
    """Return a page as a photo, upright.

    Args:
        file: The page's file.
        photograph: The page.
        place: The page's name for notes.
    """
    page = photograph.tags
    outer = photograph.outer or page
    stated = page.tags.valueof(ICC_PROFILE)
    pixels = read_pixels(page, stated if isinstance(stated, bytes) and stated else None)
    words = read_tiff_metadata(file, outer.offset, pixels.picture.shape[:2], _orientation(page, outer))
    space, profile = fitting_color_space(pixels.picture, pixels.profile)
    notes = [*words.lines, *pixels.notes, *profile_lines(stated not in (None, b""), profile)]
    if page.photometric == LINEAR_RAW and profile is None:
        notes.append("raw pixels (LinearRaw) taken as they stand; if that is too dark, save a TIFF from the scanner")
    return Photo(
        turn_upright(pixels.picture, words.orientation),
        None if pixels.alpha is None else turn_upright(pixels.alpha, words.orientation),
        "TIFF",
        space,
        profile,
        words.exif,
        words.xmp,
        words.iptc,
        words.photoshop,
        words.texts,
        turn_dpi(_dpi(page), words.orientation),
        notes=tuple(f"{place}: {note}" for note in notes),
    )


def _bytes_in_color(page: tifffile.TiffPage) -> int:
    """Return about how many bytes a page has in colour, with its words."""
    channels = 4 if page.extrasamples else 3
    depths = page.bitspersample if isinstance(page.bitspersample, tuple) else (page.bitspersample,)
    return page.imagelength * page.imagewidth * channels * (1 if max(depths) <= 8 else 2) + WORDS_BYTES


def _orientation(*pages: tifffile.TiffPage) -> int:
    """Return the orientation that the first of some pages states which states one."""
    stated = (page.tags.valueof(ORIENTATION) for page in pages)
    return next((value for value in stated if isinstance(value, int) and 1 <= value <= 8), UPRIGHT)


def _dpi(page: tifffile.TiffPage) -> tuple[float, float] | None:
    """Return the resolution of a page in pixels an inch, as it lies in the file; None: not stated."""
    unit = page.tags.valueof(RESOLUTION_UNIT, INCH)
    x, y = page.tags.valueof(X_RESOLUTION), page.tags.valueof(Y_RESOLUTION)
    is_stated = isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y) == 2 and x[1] and y[1]
    if not is_stated or unit not in UNITS_PER_INCH:
        return None
    return sound_dpi(x[0] / x[1] * UNITS_PER_INCH[unit], y[0] / y[1] * UNITS_PER_INCH[unit])
