"""16-bit pixels that Pillow cannot hold: read from PNG and Netpbm, written to PNG."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from colorize.base import ImageError, reason
from colorize.color import Picture
from colorize.photo.png_chunks import insert_chunks, make_chunk, pixels_alone, read_chunks
from colorize.photo.png_colors import read_png_colors, transparency
from colorize.photo.samples import spread_values

PNG_GREY, PNG_RGB, PNG_GREY_ALPHA, PNG_RGBA = 0, 2, 4, 6  # colour types
PPM_HEAD = re.compile(rb"P[36]" + 3 * rb"(?:\s|#[^\n]*\n)+(\d+)" + rb"\s")
"""The head of a Netpbm picture in RGB, binary or plain: width, height and the largest value, with comments between."""


def read_samples(path: Path, image: Image.Image) -> Picture | None:
    """Return the 16-bit samples of a PNG or Netpbm file that Pillow would cut to 8 bits; None for any other file.

    Args:
        path: The file.
        image: The same, opened by Pillow, not loaded.

    Returns:
        (H, W, n) uint16: n is 2 for grey and alpha, 3 for RGB, 4 for RGBA.

    Raises:
        ImageError: The pixels are damaged.
    """
    if image.format == "PNG":
        return _read_png(path, image)
    return _read_ppm(path) if image.format == "PPM" else None


def _read_png(path: Path, image: Image.Image) -> Picture | None:
    png = read_png_colors(path)
    if png.depth != 16 or png.color_type not in (PNG_GREY, PNG_RGB, PNG_RGBA, PNG_GREY_ALPHA):
        return None
    if png.color_type == PNG_GREY:  # Pillow holds it, but for one transparent level
        if not png.transparent:
            return None
        grey = np.asarray(image).astype(np.uint16)[..., None]
        return np.dstack([grey, transparency(grey, png.transparent)])
    from imagecodecs import PngError, png_decode  # slow to import

    try:
        pixels = np.asarray(png_decode(pixels_alone(path.read_bytes())))
    except PngError as error:
        raise ImageError(f"{path}: damaged or cut off (its 16-bit pixels: {reason(error)}); get it anew") from error
    if png.transparent:
        return np.dstack([pixels, transparency(pixels, png.transparent)])
    return pixels


def _read_ppm(path: Path) -> Picture | None:
    """Return the pixels of a Netpbm file (ppm(5)) that is RGB and has more than 8 bits; None for any other."""
    data = path.read_bytes()
    head = PPM_HEAD.match(data)
    if head is None or not 255 < (most := int(head[3])) < 1 << 16:
        return None
    width, height = int(head[1]), int(head[2])
    count = height * width * 3
    if data.startswith(b"P3"):
        pixels = np.fromstring(data[head.end() :], np.int32, count, sep=" ")
    else:
        pixels = np.frombuffer(data, ">u2", count, head.end())
    return spread_values(pixels.reshape(height, width, 3), most)


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
