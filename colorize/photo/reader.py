"""The decoder: from a picture file to ``Photo``, upright and with all that belongs to it.

The first bytes decide which decoder reads a file, not its name: ``colorize.photo.tiff_reader`` for every TIFF; Pillow,
with an extra for HEIC; ``colorize.photo.sixteen_bit`` for the 16-bit RGB that Pillow cannot hold; imagecodecs for what
Pillow does not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageChops, PngImagePlugin, UnidentifiedImageError

from colorize.base import PHOTO_FORMATS, ImageError, reason
from colorize.color import (
    Picture,
    convert_by_profile,
    convert_to_srgb,
    fitting_color_space,
)
from colorize.photo.boxes import map_file, webp_chunks
from colorize.photo.error_context import name_errors
from colorize.photo.exif import SIDEWAYS, UPRIGHT
from colorize.photo.left_out import in_boxes, profile_lines
from colorize.photo.metadata import assemble, read_dpi, read_metadata
from colorize.photo.orientation import turn_dpi, turn_upright
from colorize.photo.photo import Photo
from colorize.photo.png_chunks import MAX_TEXT_BYTES
from colorize.photo.rare_jpeg import is_rare
from colorize.photo.signatures import FileKind, identify
from colorize.photo.size_limit import check_size, too_large

if TYPE_CHECKING:
    from colorize.photo.samples import Samples

FORMAT_ALIASES = {"MPO": "JPEG"}  # a camera's JPEG with further views of the same moment
PngImagePlugin.MAX_TEXT_CHUNK = max(PngImagePlugin.MAX_TEXT_CHUNK, MAX_TEXT_BYTES)  # 1 MiB, less than some profiles
READ_ONLY_FORMATS = ("GIF", "PCX", "PPM")  # Pillow's names of formats that are read and written as PNG


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

    Pages of a TIFF that are no photographs (reduced copies, masks, infrared) are left out; the first photo's notes
    say so.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: See ``read_photo``.
    """
    path = Path(path)
    with name_errors(path):
        kind = _identify(path)
        if decoder := _decoder_of(path, kind):
            check_size(*decoder.read_size(path))
            yield _photo_of_samples(path, kind, decoder.read(path))
            return
        if kind is not None and kind.format == "TIFF":
            from colorize.photo.tiff_reader import read_tiff  # brings tifffile and imagecodecs

            yield from read_tiff(path)
            return
        with _open_image(path, kind) as image:
            if _format_of(image) not in (*PHOTO_FORMATS.values(), *READ_ONLY_FORMATS):
                raise ImageError(f"{path}: {image.format} is not supported; convert it to PNG, JPEG or TIFF")
            elif image.format not in FORMAT_ALIASES and (count := getattr(image, "n_frames", 1)) > 1:
                raise ImageError(f"{path}: an animation of {count} pictures; save its pictures one by one")
            else:
                yield _read_page(path, image)


def photo_size(path: Path | str) -> tuple[int, int]:
    """Return (height, width) as a file's header states them, before orientation, without reading its pixels.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: The file is not a picture, or too large.
    """
    path = Path(path)
    with name_errors(path):
        kind = _identify(path)
        if decoder := _decoder_of(path, kind):
            return decoder.read_size(path)
        if kind is not None and kind.format == "TIFF":
            from colorize.photo.tiff_reader import tiff_size

            return tiff_size(path)
        with _open_image(path, kind) as image:
            return image.height, image.width


class Decoder(NamedTuple):
    """A decoder of what Pillow does not read.

    Attributes:
        read_size: From a file to its (height, width), by its header alone.
        read: From a file to its pixels and metadata.
    """

    read_size: Callable[[Path], tuple[int, int]]
    read: Callable[[Path], Samples]


def _identify(path: Path) -> FileKind | None:
    """Return the kind of a file; None: not known by its first bytes, so that only trying tells.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: It is no file with content, or of a kind that is not read.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ImageError(f"{path}: a folder, not a picture")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: an empty file (0 bytes); get it anew")
    kind = identify(path)
    if kind is not None and not kind.format:
        raise ImageError(f"{path}: not a picture that is read, but {kind.name}; {kind.remedy}")
    return kind


def _decoder_of(path: Path, kind: FileKind | None) -> Decoder | None:
    """Return the decoder of a file, whose module is imported when one is read; None: Pillow opens it."""
    format = "" if kind is None else kind.format
    if format == "JP2":
        from colorize.photo.jpeg2000 import read_jpeg2000, read_size

        return Decoder(read_size, read_jpeg2000)
    if format == "JXL":
        from colorize.photo.jpeg_xl import read_jpeg_xl, read_size

        return Decoder(read_size, read_jpeg_xl)
    if format == "JPEG XR":
        from colorize.photo.jpeg_xr import read_jpeg_xr, read_size

        return Decoder(read_size, read_jpeg_xr)
    if format == "JPEG-LS" or (format == "JPEG" and is_rare(path)):
        from colorize.photo.rare_jpeg import read_rare_jpeg, read_size

        return Decoder(read_size, read_rare_jpeg)
    return None


def _open_image(path: Path, kind: FileKind | None) -> Image.Image:
    """Return a picture file of a kind, opened by Pillow; its pixels are not read yet.

    Raises:
        ImageError: The file is not a picture, or too large.
    """
    if kind is not None and kind.format == "HEIF":
        register_heif()
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        if kind is not None:
            raise ImageError(f"{path}: a damaged or cut off {kind.name}; get it anew") from error
        raise ImageError(f"{path}: {_unknown(path)}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: {too_large()}") from error
    except PermissionError:
        raise
    except Exception as error:  # decoders raise whatever they like at a damaged file
        raise ImageError(f"{path}: damaged or cut off ({reason(error)}); get it anew") from error


def _unknown(path: Path) -> str:
    """Return what there is to say of a file whose first bytes are of no picture."""
    with open(path, "rb") as file:
        if not file.read(4096).strip(b"\0"):
            return "damaged: it begins with nothing but zeros; get it anew"
    return "not a picture of a known kind; if it is one, save it as TIFF or PNG in the program that made it"


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


def _read_page(path: Path, image: Image.Image) -> Photo:
    """Return the photo of an opened file, upright.

    Args:
        path: The file.
        image: The same, opened by Pillow.

    Raises:
        ImageError: Its pixels are of a kind that cannot be kept.
    """
    words = read_metadata(path, image)
    orientation = words.orientation
    info = dict(image.info)
    format = _format_of(image)
    profile = info.get("icc_profile") or None
    states_profile = profile is not None or (format in ("JPEG", "PNG") and "icc_profile" in info)  # if damaged, as None
    png, samples = None, None
    if format in ("PNG", "PPM"):
        from colorize.photo.png_colors import read_png_colors  # these two are imported for such files alone
        from colorize.photo.sixteen_bit import PNG_GREY, read_samples

        png = read_png_colors(path) if format == "PNG" else None
        if png and png.transparent and png.color_type == PNG_GREY and 1 < png.depth < 8:
            # Pillow spreads the pixels over 0..255, and not this
            image.info["transparency"] = png.transparent[0] * 255 // ((1 << png.depth) - 1)
        samples = read_samples(path, image)
    if png and png.space:
        profile, states_profile = None, False  # which the space counts before
    if samples is None:
        picture, alpha, profile = _read_pixels(image, profile)
    else:
        picture, alpha, profile = _split_16_bit(samples, profile)
    if png and png.space:
        picture = convert_to_srgb(picture, png.space)
    space, profile = fitting_color_space(picture, profile)
    lines = [*words.lines, *profile_lines(states_profile, profile)]
    return Photo(
        turn_upright(picture, orientation),
        None if alpha is None else turn_upright(alpha, orientation),
        format,
        space,
        profile,
        words.exif,
        words.xmp,
        words.iptc,
        words.photoshop,
        words.texts,
        turn_dpi(read_dpi(image), orientation),
        format == "WEBP" and _is_lossless_webp(path),
        tuple(f"{path}: {line}" for line in lines),
    )


def _photo_of_samples(path: Path, kind: FileKind | None, samples: Samples) -> Photo:
    """Return the photo of what a decoder gave, upright."""
    picture, profile = _without_tables(samples.pixels, samples.profile)
    space, profile = fitting_color_space(picture, profile)
    size = picture.shape[:2]
    kinds = in_boxes(map_file(path)) if kind is not None and kind.format in ("JP2", "JXL") else set[str]()
    held = {"iptc": samples.iptc, "kinds": kinds, "further": samples.notes}
    words = samples.words or assemble(samples.exif, samples.xmp, size, **held)
    if samples.is_upright and words.orientation in SIDEWAYS:
        words = assemble(samples.exif, samples.xmp, size[::-1], **held)
    orientation = UPRIGHT if samples.is_upright else words.orientation
    lines = [*words.lines, *profile_lines(samples.profile is not None, profile)]
    return Photo(
        turn_upright(picture, orientation),
        None if samples.alpha is None else turn_upright(samples.alpha, orientation),
        kind.format if kind is not None else "",
        space,
        profile,
        words.exif,
        words.xmp,
        words.iptc,
        words.photoshop,
        words.texts,
        turn_dpi(samples.dpi, orientation) or _exif_dpi(words.exif),
        lossless=samples.lossless,
        notes=tuple(f"{path}: {line}" for line in lines),
    )


def _exif_dpi(exif: bytes | None) -> tuple[float, float] | None:
    """Return the resolution that the EXIF block of an upright picture states."""
    if exif is None:
        return None
    header = Image.new("1", (1, 1))
    header.getexif().load(exif)
    return read_dpi(header)


def _without_tables(pixels: Picture, profile: bytes | None) -> tuple[Picture, bytes | None]:
    """Return the picture of pixels (H, W, n), grey (H, W) or RGB, and its profile where that is no table."""
    return (pixels[..., 0], profile) if pixels.shape[2] == 1 else convert_by_profile(pixels, profile)


def _read_pixels(image: Image.Image, profile: bytes | None) -> tuple[Picture, Picture | None, bytes | None]:
    """Return picture, alpha and profile of an image that Pillow holds without loss."""
    if image.mode == "I" or image.mode.startswith("I;"):
        return np.asarray(image).astype(np.uint16), None, profile
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        image = image.convert("LA" if image.mode in ("1", "L", "La") else "RGBA")
    if image.mode == "CMYK":
        if image.format == "JPEG" and "adobe" not in image.info:
            image = ImageChops.invert(image)  # Pillow takes every CMYK JPEG for Adobe's, which are stored inverted
        picture, profile = convert_by_profile(np.asarray(image), profile)
        return picture, None, profile
    alpha = None
    if image.mode in ("LA", "RGBA"):
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert(image.mode[:-1])
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode == "L":
        return np.asarray(image), alpha, profile
    picture, profile = convert_by_profile(np.asarray(image), profile)
    return picture, alpha, profile


def _split_16_bit(samples: Picture, profile: bytes | None) -> tuple[Picture, Picture | None, bytes | None]:
    """Return picture, alpha and profile of ``sixteen_bit.read_samples``."""
    if samples.shape[2] == 2:
        return samples[..., 0], samples[..., 1], profile
    picture, profile = _without_tables(samples[..., :3], profile)
    return picture, samples[..., 3] if samples.shape[2] == 4 else None, profile


def _is_lossless_webp(path: Path) -> bool:
    """Return whether a WebP file has a chunk of lossless pixels; a large profile may stand before it."""
    return b"VP8L" in webp_chunks(map_file(path))
