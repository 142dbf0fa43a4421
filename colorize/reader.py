"""Decoder: from an image file to a photo, with nothing lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from colorize import deep
from colorize.errors import ImageError, reason
from colorize.heif import is_heif, register_heif
from colorize.lab import Picture
from colorize.metadata import SIDEWAYS, UPRIGHT, read_dpi, read_exif, upright_xmp
from colorize.photo import Photo
from colorize.profiles import (
    ProfileError,
    convert_deep_to_srgb,
    convert_to_srgb,
    profile_kind,
    read_space,
    srgb_profile,
)
from colorize.spaces import SRGB, ColorSpace

SAME_FORMAT = {"MPO": "JPEG"}  # a camera's JPEG with further views of the same moment


def open_image(path: Path) -> Image.Image:
    """Open a picture file; its pixels are not read yet.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: Not a picture, or too large.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not a picture")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: an empty file (0 bytes); get it anew")
    if is_heif(path):
        register_heif()
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: not a picture that can be read: damaged, or not what its name says") from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise ImageError(f"{path}: more than {limit:g} million pixels; --max-megapixels allows more") from error
    except PermissionError:
        raise
    except Exception as error:  # decoders raise whatever they like at a damaged file
        raise ImageError(f"{path}: damaged or cut off ({reason(error)}); get it anew") from error


def format_of(image: Image.Image) -> str:
    """Return the format in which a photo like this one is written."""
    return SAME_FORMAT.get(image.format or "", image.format or "")


def read_page(path: Path, image: Image.Image, page: int) -> Photo:
    """Return a page of an opened file, upright."""
    exif, orientation = read_exif(image)
    info = dict(image.info)
    format = format_of(image)
    profile = info.get("icc_profile") or None
    samples = deep.read_samples(path, image, page)
    if samples is None:
        picture, alpha, profile = _read_pixels(image, profile)
        if format == "TIFF":
            orientation = UPRIGHT  # Pillow has turned it
    else:
        picture, alpha, profile = _read_deep(image.mode, samples, profile)
    space, profile = _space(picture, profile)
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or None
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    return Photo(
        _turn_upright(picture, orientation),
        None if alpha is None else _turn_upright(alpha, orientation),
        format,
        space,
        profile,
        exif,
        upright_xmp(xmp) if xmp else None,
        read_dpi(image),
        format == "WEBP" and _is_lossless_webp(path),
    )


def _read_pixels(image: Image.Image, profile: bytes | None) -> tuple[Picture, Picture | None, bytes | None]:
    """Return picture, alpha and profile of an image that Pillow holds without loss."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _read_deep_grey(image), None, profile
    if image.mode == "LAB":
        raise ImageError("is in Lab colours; convert it to RGB")
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        image = image.convert("LA" if image.mode in ("1", "L", "La") else "RGBA")
    if image.mode == "CMYK":
        if profile and profile_kind(profile) == "CMYK":
            image, profile = convert_to_srgb(image, profile), srgb_profile()
        else:
            image, profile = image.convert("RGB"), None
    alpha = None
    if image.mode in ("LA", "RGBA"):
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert(image.mode[:-1])
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode == "RGB" and profile and profile_kind(profile) == "RGB" and not _is_simple(profile):
        image, profile = convert_to_srgb(image, profile), srgb_profile()
    return np.asarray(image), alpha, profile


def _read_deep(mode: str, samples: Picture, profile: bytes | None) -> tuple[Picture, Picture | None, bytes | None]:
    """Return picture, alpha and profile of 16-bit samples; see ``deep.read_samples``."""
    if mode == "CMYK":
        if profile and profile_kind(profile) == "CMYK":
            return convert_deep_to_srgb(samples, profile), None, srgb_profile()
        ink = samples.astype(np.uint64)
        light = (65535 - ink[..., :3]) * (65535 - ink[..., 3:])  # as Pillow does in 8 bits
        return ((light + 32767) // 65535).astype(np.uint16), None, None
    if samples.shape[2] == 2:
        return samples[..., 0], samples[..., 1], profile
    picture, alpha = samples[..., :3], samples[..., 3] if samples.shape[2] == 4 else None
    if profile and profile_kind(profile) == "RGB" and not _is_simple(profile):
        return convert_deep_to_srgb(picture, profile), alpha, srgb_profile()
    return picture, alpha, profile


def _is_simple(profile: bytes) -> bool:
    try:
        read_space(profile)
    except ProfileError:
        return False
    return True


def _read_deep_grey(image: Image.Image) -> Picture:
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ImageError("has floating-point or 32-bit pixels; convert it to 16 bits")
    values = values.astype(np.uint16)
    if getattr(image, "tag_v2", {}).get(deep.PHOTOMETRIC) == deep.WHITE_IS_ZERO:
        return np.uint16(65535) - values
    return values


def _space(picture: Picture, profile: bytes | None) -> tuple[ColorSpace, bytes | None]:
    """Return the space of a picture, and its profile if that is fit to be kept."""
    if profile is None:
        return SRGB, None
    kind = profile_kind(profile)
    if kind not in (("RGB", "GRAY") if picture.ndim == 2 else ("RGB",)):
        return SRGB, None  # a profile that does not belong to these pixels, as some programs leave behind
    try:
        return read_space(profile), profile
    except ProfileError:
        return SRGB, None  # RGB was converted before; a grey profile that is damaged says nothing


def _turn_upright(array: npt.NDArray, orientation: int) -> npt.NDArray:
    """Return an array as EXIF orientation 1 would show it (CIPA DC-008, 4.6.5.1)."""
    if orientation in SIDEWAYS:
        array = np.swapaxes(array, 0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def _is_lossless_webp(path: Path) -> bool:
    with open(path, "rb") as file:
        return b"VP8L" in file.read(4096)
