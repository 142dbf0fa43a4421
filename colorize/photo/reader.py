"""The decoder: from a picture file to ``Photo``, upright and with all that belongs to it.

Pillow decodes, with an extra for HEIC; ``colorize.photo.sixteen_bit`` takes the 16-bit RGB that Pillow cannot hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from colorize.base import PHOTO_FORMATS, ImageError, reason
from colorize.color import (
    SRGB,
    ColorSpace,
    Picture,
    ProfileError,
    convert_8_bit_to_srgb,
    convert_16_bit_to_srgb,
    profile_color_space,
    read_color_space,
    srgb_profile,
)
from colorize.photo import sixteen_bit
from colorize.photo.error_context import name_errors
from colorize.photo.exif import SIDEWAYS, UPRIGHT
from colorize.photo.metadata import read_dpi, read_metadata
from colorize.photo.photo import Photo

FORMAT_ALIASES = {"MPO": "JPEG"}  # a camera's JPEG with further views of the same moment
HEIF_SUFFIXES = (".heic", ".heif")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
"""Brands of HEVC-coded pictures (ISO/IEC 23008-12, B.4); the brand stands in the file's first box."""
NEW_SUBFILE_TYPE = 254  # TIFF 6.0
REDUCED_COPY = 1  # bit of it: a smaller copy of another page, such as a thumbnail


def read_image(path: Path | str) -> Picture:
    """Return the upright picture of a file alone, in the file's own RGB space; see ``read_photo``.

    Returns:
        (H, W, 3) RGB or grey (H, W), uint8 or uint16.
    """
    return read_photo(path).picture


def read_photo(path: Path | str) -> Photo:
    """Return the photo of a file that holds one.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: The file is no picture, is damaged, too large, of a kind that cannot be kept whole, or has several
            pages.
    """
    photos = read_photos(path)
    photo = next(photos)
    if next(photos, None) is not None:
        raise ImageError(f"{path}: holds several pages; read_photos reads them all")
    return photo


def read_photos(path: Path | str) -> Iterator[Photo]:
    """Yield the photos of a file, one at a time: the pages of a TIFF, one of any other.

    Reduced copies of a page (thumbnails) inside a TIFF are left out.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: See ``read_photo``.
    """
    path = Path(path)
    with name_errors(path), _open_image(path) as image:
        if image.format == "TIFF":
            yield from _read_pages(path, image)
        elif _format_of(image) not in PHOTO_FORMATS.values():
            raise ImageError(f"{path}: {image.format} is not supported; convert it to PNG, JPEG or TIFF")
        elif image.format not in FORMAT_ALIASES and (count := getattr(image, "n_frames", 1)) > 1:
            raise ImageError(f"{path}: an animation of {count} pictures; save its pictures one by one")
        else:
            yield _read_page(path, image, 0)


def photo_size(path: Path | str) -> tuple[int, int]:
    """Return (height, width) as a file's header states them, before orientation, without reading its pixels.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: The file is not a picture, or too large.
    """
    with name_errors(Path(path)), _open_image(Path(path)) as image:
        return image.height, image.width


def _open_image(path: Path) -> Image.Image:
    """Return an opened picture file; its pixels are not read yet.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: The file is not a picture, or too large.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not a picture")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: an empty file (0 bytes); get it anew")
    if _is_heif(path):
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


def _is_heif(path: Path) -> bool:
    """Return whether a file is HEIC, by its suffix or, since telephones' pictures get renamed to .jpg, by its brand."""
    if path.suffix.lower() in HEIF_SUFFIXES:
        return True
    with open(path, "rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS


def register_heif() -> None:
    """Register the HEIF decoder and encoder with Pillow.

    Raises:
        ImageError: The extra ``heic`` is not installed.
    """
    try:
        from pillow_heif import register_heif_opener  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImageError("HEIC needs an extra: pip install 'colorize-photos[heic]'") from error
    register_heif_opener()


def _format_of(image: Image.Image) -> str:
    """Return the format of an opened file, as in ``Photo.format``."""
    return FORMAT_ALIASES.get(image.format or "", image.format or "")


def _read_pages(path: Path, image: Image.Image) -> Iterator[Photo]:
    """Yield the pages of an opened TIFF but for reduced copies."""
    for page in range(getattr(image, "n_frames", 1)):
        image.seek(page)
        if page == 0 or not image.tag_v2.get(NEW_SUBFILE_TYPE, 0) & REDUCED_COPY:  # type: ignore[attr-defined]
            yield _read_page(path, image, page)


def _read_page(path: Path, image: Image.Image, page: int) -> Photo:
    """Return a page of an opened file, upright.

    Args:
        path: The file.
        image: The same, opened by Pillow at the page.
        page: Number of the page, from 0.

    Raises:
        ImageError: Its pixels are of a kind that cannot be kept.
    """
    words = read_metadata(path, image, page)
    orientation = words.orientation
    info = dict(image.info)
    format = _format_of(image)
    profile = info.get("icc_profile") or None
    samples = sixteen_bit.read_samples(path, image, page)
    if samples is None:
        picture, alpha, profile = _read_pixels(image, profile)
        if format == "TIFF":
            orientation = UPRIGHT  # Pillow has turned it
    else:
        picture, alpha, profile = _split_16_bit(image.mode, samples, profile)
    space, profile = _choose_space(picture, profile)
    return Photo(
        _turn_upright(picture, orientation),
        None if alpha is None else _turn_upright(alpha, orientation),
        format,
        space,
        profile,
        words.exif,
        words.xmp,
        words.iptc,
        words.photoshop,
        words.texts,
        read_dpi(image),
        format == "WEBP" and _is_lossless_webp(path),
        tuple(f"{path}: {line}" for line in words.lines),
    )


def _read_pixels(image: Image.Image, profile: bytes | None) -> tuple[Picture, Picture | None, bytes | None]:
    """Return picture, alpha and profile of an image that Pillow holds without loss."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _read_16_bit_grey(image), None, profile
    if image.mode == "LAB":
        raise ImageError("is in Lab colours; convert it to RGB")
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        image = image.convert("LA" if image.mode in ("1", "L", "La") else "RGBA")
    if image.mode == "CMYK":
        if profile and profile_color_space(profile) == "CMYK":
            image, profile = convert_8_bit_to_srgb(image, profile), srgb_profile()
        else:
            image, profile = image.convert("RGB"), None
    alpha = None
    if image.mode in ("LA", "RGBA"):
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert(image.mode[:-1])
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode == "RGB" and profile and profile_color_space(profile) == "RGB" and not _is_matrix_based(profile):
        image, profile = convert_8_bit_to_srgb(image, profile), srgb_profile()
    return np.asarray(image), alpha, profile


def _split_16_bit(mode: str, samples: Picture, profile: bytes | None) -> tuple[Picture, Picture | None, bytes | None]:
    """Return picture, alpha and profile of ``sixteen_bit.read_samples``, of an image in a Pillow mode."""
    if mode == "CMYK":
        if profile and profile_color_space(profile) == "CMYK":
            return convert_16_bit_to_srgb(samples, profile), None, srgb_profile()
        ink = samples.astype(np.uint64)
        light = (65535 - ink[..., :3]) * (65535 - ink[..., 3:])  # as Pillow does in 8 bits
        return ((light + 32767) // 65535).astype(np.uint16), None, None
    if samples.shape[2] == 2:
        return samples[..., 0], samples[..., 1], profile
    picture, alpha = samples[..., :3], samples[..., 3] if samples.shape[2] == 4 else None
    if profile and profile_color_space(profile) == "RGB" and not _is_matrix_based(profile):
        return convert_16_bit_to_srgb(picture, profile), alpha, srgb_profile()
    return picture, alpha, profile


def _is_matrix_based(profile: bytes) -> bool:
    """Return whether an RGB profile is made of primaries and curves, not of look-up tables."""
    try:
        read_color_space(profile)
    except ProfileError:
        return False
    return True


def _read_16_bit_grey(image: Image.Image) -> Picture:
    """Return the pixels of a grey image that Pillow holds in more than 8 bits, (H, W) uint16."""
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ImageError("has floating-point or 32-bit pixels; convert it to 16 bits")
    values = values.astype(np.uint16)
    if getattr(image, "tag_v2", {}).get(sixteen_bit.PHOTOMETRIC) == sixteen_bit.WHITE_IS_ZERO:
        return np.uint16(65535) - values
    return values


def _choose_space(picture: Picture, profile: bytes | None) -> tuple[ColorSpace, bytes | None]:
    """Return the colour space of a picture, and its profile if that fits the picture; else sRGB and None."""
    if profile is None:
        return SRGB, None
    if profile_color_space(profile) not in (("RGB", "GRAY") if picture.ndim == 2 else ("RGB",)):
        return SRGB, None  # a profile that does not belong to these pixels, as some programs leave behind
    try:
        return read_color_space(profile), profile
    except ProfileError:
        return SRGB, None  # RGB was converted before; a grey profile that is damaged says nothing


def _turn_upright(array: npt.NDArray, orientation: int) -> npt.NDArray:
    """Return an array (H, W) or (H, W, C) of an EXIF orientation, 1..8, turned upright (CIPA DC-008, 4.6.5.1)."""
    if orientation in SIDEWAYS:
        array = np.swapaxes(array, 0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def _is_lossless_webp(path: Path) -> bool:
    """Return whether a WebP file has a chunk of lossless pixels."""
    with open(path, "rb") as file:
        return b"VP8L" in file.read(4096)
