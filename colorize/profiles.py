"""ICC profiles: what a photo's numbers mean.

Profiles made of three primaries and curves, as sRGB, Adobe RGB, Display P3, ProPhoto and nearly every grey one are,
become a ``ColorSpace``, exact in 16 bits; those made of tables go through LittleCMS, which Pillow gives 8 bits.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorize.errors import ImageError
from colorize.spaces import CURVE_SAMPLES, RGB_TO_XYZ, SRGB, ColorSpace

D50_TO_D65 = (
    (0.9555766, -0.0230393, 0.0631636),
    (-0.0282895, 1.0099416, 0.0210077),
    (0.0122982, -0.0204830, 1.3299098),
)
"""Bradford (Lindbloom); a profile speaks of colours under D50."""
S15_FIXED_16 = 65536.0

Curve = npt.NDArray[np.float64]


class ProfileError(ImageError):
    """A profile is damaged, or of a kind that no ``ColorSpace`` can hold."""


def profile_kind(profile: bytes) -> str:
    """Return the colour space of an ICC profile's header: ``RGB``, ``GRAY``, ``CMYK``, ..."""
    return profile[16:20].decode("ascii", "replace").strip()


@lru_cache(maxsize=16)  # the scans of an archive share one profile
def read_space(profile: bytes) -> ColorSpace:
    """Return the space of an RGB or grey profile made of primaries and curves.

    A grey profile's curve stands in all three channels, with sRGB's primaries.

    Raises:
        ProfileError: It is damaged, or made of tables.
    """
    try:
        tags = _read_tags(profile)
        if profile_kind(profile) == "GRAY":
            return ColorSpace(SRGB.matrix, np.stack([_read_curve(tags[b"kTRC"])] * 3))
        columns = [_read_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = [_read_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
    except (KeyError, struct.error, ValueError) as error:
        raise ProfileError(f"not an ICC profile of primaries and curves ({error})") from error
    white = np.array(RGB_TO_XYZ).sum(axis=1)
    matrix = np.array(D50_TO_D65) @ np.array(columns).T / white[:, None]
    sums = matrix.sum(axis=1, keepdims=True)
    if profile_kind(profile) != "RGB" or np.abs(sums - 1).max() > 0.05 or abs(np.linalg.det(matrix)) < 1e-3:
        raise ProfileError("an ICC profile whose primaries do not add up to white")
    return ColorSpace(matrix / sums, np.stack(curves))


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def convert_to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return an 8-bit image of any profile (CMYK, table-based RGB) as sRGB.

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
        raise ProfileError(f"its ICC profile cannot be used ({error})") from error
    assert converted is not None  # inPlace is off
    return converted


def _read_tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for index in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = profile[offset : offset + size]
    return tags


def _read_xyz(tag: bytes) -> list[float]:
    return [value / S15_FIXED_16 for value in struct.unpack_from(">3i", tag, 8)]


def _read_curve(tag: bytes) -> Curve:
    """Return linear light of evenly spaced encoded values (ICC.1:2022, 10.6 and 10.18), rising."""
    level = np.linspace(0, 1, CURVE_SAMPLES)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return level
        if count == 1:
            return level ** (struct.unpack_from(">H", tag, 12)[0] / 256)
        samples = np.array(struct.unpack_from(f">{count}H", tag, 12)) / 65535
        curve = np.interp(level, np.linspace(0, 1, count), samples)
    elif tag[:4] == b"para":
        curve = _parametric(struct.unpack_from(">H", tag, 8)[0], tag, level)
    else:
        raise ValueError(f"curve of type {tag[:4]!r}")
    curve = np.maximum.accumulate(np.clip(curve, 0, 1))
    if curve[-1] <= curve[0]:
        raise ValueError("curve that does not rise")
    return curve


def _parametric(kind: int, tag: bytes, level: Curve) -> Curve:
    """Return a curve of ICC.1:2022, table 68: (a x + b)^g + e above d, c x + f below."""
    counts = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
    if kind not in counts:
        raise ValueError(f"parametric curve {kind}")
    g, *rest = (value / S15_FIXED_16 for value in struct.unpack_from(f">{counts[kind]}i", tag, 12))
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b, *offset = rest
        d = -b / a
        e = f = offset[0] if offset else 0.0
    elif kind == 3:
        a, b, c, d = rest
    elif kind == 4:
        a, b, c, d, e, f = rest
    return np.where(level >= d, np.maximum(a * level + b, 0) ** g + e, c * level + f)
