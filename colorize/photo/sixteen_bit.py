"""16-bit pixels that Pillow cannot hold: read from PNG and TIFF, written to PNG, by OpenCV and tifffile."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from colorize.base import ImageError, let_pillow_open_16_bit_grey_alpha
from colorize.color import Picture
from colorize.photo.png_chunks import insert_chunks, make_chunk, read_chunks
from colorize.photo.png_colors import read_png_colors, transparency

BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # tags of TIFF 6.0
WHITE_IS_ZERO = 0  # a value of PHOTOMETRIC
PREMULTIPLIED, ALPHA = 1, 2  # values of ExtraSamples
PNG_GREY, PNG_RGB, PNG_GREY_ALPHA, PNG_RGBA = 0, 2, 4, 6  # colour types
PPM_HEAD = re.compile(rb"P6" + 3 * rb"(?:\s|#[^\n]*\n)+(\d+)" + rb"\s")
"""The head of a binary Netpbm picture in RGB: width, height and the largest value, with comments between."""
COLOR_SAMPLES = {
    int(tifffile.PHOTOMETRIC.MINISBLACK): 1,
    int(tifffile.PHOTOMETRIC.RGB): 3,
    int(tifffile.PHOTOMETRIC.SEPARATED): 4,
}
"""TIFF's PhotometricInterpretation -> samples of a pixel that are colours."""

let_pillow_open_16_bit_grey_alpha()  # tifffile reads the pixels


def read_samples(path: Path, image: Image.Image, page: int) -> Picture | None:
    """Return the 16-bit samples of a file that Pillow would cut to 8 bits; None for any other.

    Samples beside colours and transparency, such as a film scanner's infrared, are left out, as Pillow does in 8 bits.

    Args:
        path: The file.
        image: The same, opened by Pillow, not loaded.
        page: Number of the page of a TIFF, from 0.

    Returns:
        (H, W, n) uint16: n is 2 for grey and alpha, 3 for RGB, 4 for RGBA, or for CMYK (0 is no ink) if that is the
        image's mode.

    Raises:
        ImageError: The pixels are damaged, or of a kind that cannot be kept.
    """
    if image.format == "PNG":
        return _read_png(path, image)
    if image.format == "PPM":
        return _read_ppm(path)
    if image.format == "TIFF":
        bits = image.tag_v2.get(BITS_PER_SAMPLE, (1,))  # type: ignore[attr-defined]
        if len(bits) > 1 and max(bits) > 8:
            return _read_tiff(path, page)
    return None


def _read_png(path: Path, image: Image.Image) -> Picture | None:
    png = read_png_colors(path)
    if png.depth != 16 or png.color_type not in (PNG_GREY, PNG_RGB, PNG_RGBA, PNG_GREY_ALPHA):
        return None
    if png.color_type == PNG_GREY:  # Pillow holds it, but for one transparent level
        if not png.transparent:
            return None
        grey = np.asarray(image).astype(np.uint16)[..., None]
        return np.dstack([grey, transparency(grey, png.transparent)])
    with Image.open(path) as check:
        check.verify()  # OpenCV gives a part of a damaged file without a word
    pixels = _to_rgb(path, cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED))
    if png.transparent:  # not every OpenCV makes alpha of it
        return np.dstack([pixels[..., :3], transparency(pixels[..., :3], png.transparent)])
    return pixels[..., [0, 3]] if png.color_type == PNG_GREY_ALPHA and pixels.shape[2] == 4 else pixels


def _read_tiff(path: Path, page: int) -> Picture:
    with tifffile.TiffFile(path) as tiff:
        tiff_page = tiff.pages[page]
        if not isinstance(tiff_page, tifffile.TiffPage):
            tiff_page = tiff_page.aspage()
        if tiff_page.dtype != np.uint16:
            raise ImageError(f"{path}: has pixels of type {tiff_page.dtype}; convert it to 8 or 16 bits")
        colors = COLOR_SAMPLES.get(int(tiff_page.photometric))
        if colors is None:
            raise ImageError(
                f"{path}: has 16-bit {tifffile.PHOTOMETRIC(tiff_page.photometric).name} pixels; convert it to RGB"
            )
        try:
            pixels = tiff_page.asarray()
        except (ValueError, tifffile.TiffFileError) as error:  # a compression that tifffile needs imagecodecs for
            if colors != 3:
                raise ImageError(f"{path}: cannot be decoded ({error}); save it uncompressed") from error
            return _read_tiff_by_opencv(path, page, error)
        if tiff_page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        extra = int(tiff_page.extrasamples[0]) if tiff_page.extrasamples else ALPHA
    if pixels.ndim != 3 or pixels.shape[2] < colors:
        raise ImageError(f"{path}: has {pixels.shape} pixels where RGB is needed; convert it to RGB")
    if extra not in (PREMULTIPLIED, ALPHA) or pixels.shape[2] == colors or colors == 4:
        return np.ascontiguousarray(pixels[..., :colors])
    pixels = np.ascontiguousarray(pixels[..., : colors + 1])
    return _divide_by_alpha(pixels) if extra == PREMULTIPLIED else pixels


def _read_ppm(path: Path) -> Picture | None:
    """Return the pixels of a Netpbm file (ppm(5)) that is RGB and has more than 8 bits; None for any other."""
    data = path.read_bytes()
    head = PPM_HEAD.match(data)
    if head is None or not 255 < (most := int(head[3])) < 1 << 16:
        return None
    width, height = int(head[1]), int(head[2])
    pixels = np.frombuffer(data, ">u2", height * width * 3, head.end()).reshape(height, width, 3)
    return ((pixels.astype(np.uint32) * 65535 + most // 2) // most).astype(np.uint16)


def _divide_by_alpha(pixels: Picture) -> Picture:
    """Return premultiplied pixels (H, W, n), alpha last, with straight alpha."""
    alpha = pixels[..., -1:].astype(np.uint64)
    colors = (pixels[..., :-1] * np.uint64(65535) + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate([np.minimum(colors, 65535).astype(np.uint16), pixels[..., -1:]], axis=-1)


def _read_tiff_by_opencv(path: Path, page: int, error: Exception) -> Picture:
    """Return a page that tifffile could not decode, with ``error``."""
    decoded, pages = cv2.imdecodemulti(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if not decoded or page >= len(pages):
        raise ImageError(f"{path}: cannot be decoded ({error}); save it uncompressed") from error
    return _to_rgb(path, pages[page])


def _to_rgb(path: Path, pixels: np.ndarray | None) -> Picture:
    """Return the BGR or BGRA pixels that OpenCV decoded (None: it could not) as RGB or RGBA."""
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise ImageError(f"{path}: its 16-bit pixels cannot be decoded; save it anew")
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def encode_png(picture: Picture, alpha: Picture | None, head: bytes) -> bytes:
    """Return a 16-bit PNG with the metadata of another.

    Args:
        picture: (H, W, 3) RGB or grey (H, W), uint16.
        alpha: (H, W) uint16; None: opaque.
        head: A PNG whose chunks, but for those that hold its pixels, are taken.

    Raises:
        ImageError: It cannot be encoded.
    """
    if picture.ndim == 2 and alpha is not None:
        picture = np.dstack([picture] * 3)  # OpenCV writes no grey with alpha
    bgr = picture if picture.ndim == 2 else picture[..., ::-1]
    pixels = np.ascontiguousarray(bgr) if alpha is None else np.dstack([bgr, alpha])
    done, encoded = cv2.imencode(".png", pixels)
    if not done:
        raise ImageError("the 16-bit PNG cannot be encoded")
    extra = [make_chunk(name, data) for name, data in read_chunks(head) if name not in (b"IHDR", b"IDAT", b"IEND")]
    return insert_chunks(encoded.tobytes(), extra)
