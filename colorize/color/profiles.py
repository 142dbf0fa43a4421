"""ICC profiles of photos: read as a ``ColorSpace``, or their photo converted to sRGB.

Profiles made of three primaries and curves, as sRGB, Adobe RGB, Display P3, ProPhoto and nearly every grey one are,
become a ``ColorSpace`` and are kept. Those made of look-up tables, as for printers and calibrated scanners, cannot be
inverted with every lightness kept, nor can primaries that do not add up to white: their photos become sRGB, 8 bits by
LittleCMS, 16 bits by our own reading of the profile, because Pillow gives LittleCMS 8 bits at most. A profile that is
damaged is not used.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from colorize.base import ImageError
from colorize.color.icc import (
    CURVE_TAGS,
    D50,
    PRIMARY_TAGS,
    TABLE_TAGS,
    Curve,
    read_curve,
    read_lookup_table,
    read_tags,
    read_xyz,
)
from colorize.color.lab import Picture, lab_to_rgb, lab_to_xyz, strips, xyz_to_lab
from colorize.color.spaces import CURVE_SAMPLES, RGB_TO_XYZ, SRGB, ColorSpace, Floats

D50_TO_D65 = (
    (0.9555766, -0.0230393, 0.0631636),
    (-0.0282895, 1.0099416, 0.0210077),
    (0.0122982, -0.0204830, 1.3299098),
)
"""XYZ under D50, as in a profile -> XYZ under D65 (Bradford; Lindbloom)."""
DATE_OFFSET = 24  # of year, month, day, hour, minute and second in a profile's header
SRGB_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # any date will do


class ProfileError(ImageError):
    """A profile is damaged, or of a kind that no ``ColorSpace`` can hold."""


def profile_color_space(profile: bytes) -> str:
    """Return the data colour space in an ICC profile's header: ``RGB``, ``GRAY``, ``CMYK``, ..."""
    return profile[16:20].decode("ascii", "replace").strip()


@lru_cache(maxsize=16)  # the scans of an archive share one profile
def read_color_space(profile: bytes) -> ColorSpace:
    """Return the colour space of an RGB or grey profile made of primaries and curves.

    A grey profile's curve stands in all three channels, with sRGB's primaries.

    Raises:
        ProfileError: It is damaged, or an RGB profile made of tables.
    """
    try:
        tags = read_tags(profile)
        has_table = any(name in tags for name in TABLE_TAGS)  # where both are there, the table is what counts
        if profile_color_space(profile) == "GRAY":
            curve = _grey_curve(profile) if has_table else read_curve(tags[b"kTRC"])
            return ColorSpace(SRGB.matrix, np.stack([curve] * 3))
        if has_table:
            raise ProfileError("an ICC profile made of tables")
        columns = [read_xyz(tags[name]) for name in PRIMARY_TAGS]
        curves = [read_curve(tags[name]) for name in CURVE_TAGS]
    except ProfileError:
        raise
    except (KeyError, IndexError, struct.error, ValueError) as error:
        raise ProfileError(f"not an ICC profile of primaries and curves ({error})") from error
    white = np.array(RGB_TO_XYZ).sum(axis=1)
    matrix = np.array(D50_TO_D65) @ np.array(columns).T / white[:, None]
    sums = matrix.sum(axis=1, keepdims=True)
    if profile_color_space(profile) != "RGB" or np.abs(sums - 1).max() > 0.05 or abs(np.linalg.det(matrix)) < 1e-3:
        raise ProfileError("an ICC profile whose primaries do not add up to white")
    return ColorSpace(matrix / sums, np.stack(curves))


def _grey_curve(profile: bytes) -> Curve:
    """Return the tone curve of a grey profile that is made of a look-up table."""
    levels = np.arange(CURVE_SAMPLES, dtype=np.uint16)[:, None]
    return np.maximum.accumulate(np.clip(read_lookup_table(profile).xyz(levels)[:, 1].astype(np.float64), 0, 1))


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB, always the same bytes.

    LittleCMS writes the second of its making into the header (ICC.1:2022, 7.2.8); another date stands there instead, so
    that the same photo gives the same file.
    """
    from PIL import ImageCms

    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:DATE_OFFSET] + SRGB_DATE + made[DATE_OFFSET + len(SRGB_DATE) :]


def convert_by_profile(samples: Picture, profile: bytes | None) -> tuple[Picture, bytes | None]:
    """Return samples as RGB, and the profile of that: sRGB's where theirs is no ``ColorSpace``.

    A profile that is damaged or of other colours is not used: RGB then stays as it is, CMYK becomes RGB simply.

    Args:
        samples: (H, W, 3) RGB, or (H, W, 4) CMYK of which 0 is no ink; uint8 or uint16.
        profile: Their ICC profile; None: none.

    Returns:
        (H, W, 3) of the same dtype, and the profile; None: none, or one that is damaged.
    """
    is_cmyk = samples.shape[2] == 4
    if profile and profile_color_space(profile) == ("CMYK" if is_cmyk else "RGB"):
        if not is_cmyk and is_matrix_based(profile):
            return samples, profile
        try:
            if samples.dtype == np.uint16:
                return convert_16_bit_to_srgb(samples, profile), srgb_profile()
            image = Image.fromarray(samples, "CMYK") if is_cmyk else Image.fromarray(samples)
            return np.asarray(convert_8_bit_to_srgb(image, profile)), srgb_profile()
        except ProfileError:
            profile = None
    return (_cmyk_to_rgb(samples), None) if is_cmyk else (samples, profile)


def _cmyk_to_rgb(samples: Picture) -> Picture:
    """Return CMYK (H, W, 4), 0 no ink, as RGB, as Pillow makes it in 8 bits: black ink takes its share of the light."""
    most = np.iinfo(samples.dtype).max
    picture = np.empty((*samples.shape[:2], 3), samples.dtype)
    for rows in strips(samples.shape[:2]):
        ink = samples[rows].astype(np.uint64)
        picture[rows] = ((most - ink[..., :3]) * (most - ink[..., 3:]) + most // 2) // most
    return picture


def convert_8_bit_to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return an 8-bit image of any profile (CMYK, table-based RGB) as sRGB; relative colorimetric, black made black.

    Raises:
        ProfileError: The profile is damaged or does not fit the image.
    """
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        converted = ImageCms.profileToProfile(image, source, target, intent, outputMode="RGB", flags=flags)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ProfileError(f"its ICC profile cannot be used ({error}); convert the picture to sRGB") from error
    assert converted is not None  # inPlace is off
    return converted


def is_matrix_based(profile: bytes) -> bool:
    """Return whether an RGB profile is made of primaries and curves, not of look-up tables."""
    try:
        read_color_space(profile)
    except ProfileError:
        return False
    return True


def fitting_color_space(picture: Picture, profile: bytes | None) -> tuple[ColorSpace, bytes | None]:
    """Return the colour space of a picture, and its profile if that fits the picture; else sRGB and None."""
    if profile is None:
        return SRGB, None
    if profile_color_space(profile) not in (("RGB", "GRAY") if picture.ndim == 2 else ("RGB",)):
        return SRGB, None  # a profile that does not belong to these pixels, as some programs leave behind
    try:
        return read_color_space(profile), profile
    except ProfileError:
        return SRGB, None  # RGB was converted before; a grey profile that is damaged says nothing


def convert_d50_lab_to_srgb(lab: Floats, dtype: npt.DTypeLike) -> Picture:
    """Return Lab under D50, as profiles and TIFF have it, as sRGB; a colour outside sRGB loses chroma.

    Args:
        lab: (H, W, 3) float32: L 0..100, a and b.
        dtype: uint8 or uint16.

    Returns:
        (H, W, 3) of ``dtype``.
    """
    return lab_to_rgb(xyz_to_lab(cv2.transform(lab_to_xyz(lab), _d50_to_srgb_white())), dtype)


def _d50_to_srgb_white() -> Floats:
    """Return the matrix from XYZ relative to D50's white to XYZ relative to sRGB's; white to white, to the last bit."""
    white = np.array(RGB_TO_XYZ).sum(axis=1)
    adapt = (np.array(D50_TO_D65) * np.array(D50) / white[:, None]).astype(np.float32)
    return adapt / adapt.sum(axis=1, keepdims=True)


def convert_16_bit_to_srgb(samples: Picture, profile: bytes) -> Picture:
    """Return 16-bit samples of a profile as sRGB; relative colorimetric, black made black.

    A colour outside sRGB loses chroma at its own lightness.

    Args:
        samples: (H, W, channels) uint16 in the profile's data colour space; of CMYK, 0 is no ink.
        profile: An ICC profile made of a look-up table, or of primaries and curves.

    Returns:
        (H, W, 3) uint16.

    Raises:
        ProfileError: The table is damaged, of a kind that is not read, or does not fit the samples.
    """
    try:
        table = read_lookup_table(profile)
        if len(table.a_curves) != samples.shape[2]:
            raise ValueError(f"{len(table.a_curves)} channels for {samples.shape[2]}")
        black = table.black_luminance()
    except (KeyError, IndexError, struct.error, ValueError) as error:
        raise ProfileError(f"its ICC profile has nothing that can be used ({error}); convert it to sRGB") from error
    adapt = _d50_to_srgb_white()
    picture = np.empty((*samples.shape[:2], 3), np.uint16)
    for rows in strips(samples.shape[:2]):
        strip = samples[rows]
        light = (table.xyz(strip.reshape(-1, strip.shape[2])) - np.float32(black)) * np.float32(1 / (1 - black))
        light = cv2.transform(light.reshape(*strip.shape[:2], 3), adapt)
        picture[rows] = lab_to_rgb(xyz_to_lab(light), np.uint16)
    return picture
