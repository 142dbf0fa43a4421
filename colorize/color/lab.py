"""RGB <-> CIE Lab (CIE 15, 2 degree observer, D65 white) for pictures as arrays, and the network's units of Lab.

The formulas are computed here because OpenCV's float conversion from sRGB goes through a table that leaves 513 of the
65,536 lightnesses of a 16-bit ramp. ``colorize.color.lab_tensor`` has the same for tensors, differentiable.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color.spaces import CURVE_SAMPLES, SRGB, ColorSpace, Floats

Picture = npt.NDArray[np.unsignedinteger]
"""uint8 or uint16, (H, W, 3) RGB or (H, W) grey."""

L_HALF = 50.0
"""lightness = L / L_HALF - 1: L 0..100 becomes -1..1."""
AB_MAX = 110.0
"""ab in network units = ab / AB_MAX: sRGB reaches a -86.2..98.3, b -107.9..94.5, so tanh's -1..1 covers it."""

DELTA = 6 / 29  # CIE 15: below DELTA**3 the cube root is continued by its tangent
STRIP_PIXELS = 1 << 18  # a strip's planes fit the processor's cache, and memory does not grow with the picture
GAMUT_STEPS = 12  # bisection steps: chroma is right to 1 / 4096
GAMUT_TOLERANCE = 1e-5  # of linear light; below half a 16-bit level wherever sRGB is not flat


def rgb_to_lab(picture: Picture, space: ColorSpace = SRGB) -> Floats:
    """Return a picture in Lab.

    Args:
        picture: (H, W, 3) RGB or grey (H, W), uint8 or uint16.
        space: Its RGB space.

    Returns:
        (H, W, 3) float32: L 0..100, a and b within +-110 (sRGB).

    Raises:
        ValueError: The picture has another shape or dtype.
    """
    check_picture(picture)
    lab = np.zeros((*picture.shape[:2], 3), np.float32)
    for rows in strips(picture.shape[:2]):
        if picture.ndim == 2:
            lab[rows, :, 0] = rgb_to_lightness(picture[rows], space)
            continue
        lab[rows] = xyz_to_lab(cv2.transform(_decode(picture[rows], space), space.matrix.astype(np.float32)))
    return lab


def xyz_to_lab(xyz: npt.NDArray) -> Floats:
    """Return XYZ in Lab.

    Args:
        xyz: (H, W, 3) float32, relative to the white, so that white is (1, 1, 1).

    Returns:
        (H, W, 3) float32: L, a and b.
    """
    f = _f(xyz)
    fy = f[..., 1]
    return np.stack([116 * fy - 16, 500 * (f[..., 0] - fy), 200 * (fy - f[..., 2])], axis=-1)


def lab_to_xyz(lab: Floats) -> Floats:
    """Return Lab as XYZ, both (H, W, 3) float32; the inverse of ``xyz_to_lab``."""
    fy = (lab[..., 0] + 16) * np.float32(1 / 116)
    scale = np.float32(1 / 500), np.float32(1 / 200)
    return _f_inverse(np.stack([fy + lab[..., 1] * scale[0], fy, fy - lab[..., 2] * scale[1]], axis=-1))


def rgb_to_lightness(picture: Picture, space: ColorSpace = SRGB) -> Floats:
    """Return the lightness L of a picture, as in ``rgb_to_lab``, (H, W) float32 0..100.

    A grey picture needs one look-up per pixel.
    """
    check_picture(picture)
    if picture.ndim == 2:
        if space.shared_curve:
            table = space.decoders[picture.dtype.name][0]
        else:
            table = (space.matrix[1] @ space.decoders[picture.dtype.name]).astype(np.float32)
        return look_up(116 * _f(table) - 16, picture)
    lightness = np.empty(picture.shape[:2], np.float32)
    for rows in strips(picture.shape[:2]):
        y = cv2.transform(_decode(picture[rows], space), space.matrix[1:2].astype(np.float32))
        lightness[rows] = 116 * _f(y.reshape(lightness[rows].shape)) - 16
    return lightness


def lab_to_rgb(lab: Floats, dtype: npt.DTypeLike = np.uint8, space: ColorSpace = SRGB) -> Picture:
    """Return a Lab picture as RGB; a colour outside the gamut loses chroma at its own L and hue.

    Clipping channels instead would change L.

    Args:
        lab: (H, W, 3) float32: L 0..100, a and b.
        dtype: uint8 or uint16.
        space: RGB space of the result.

    Returns:
        (H, W, 3) of ``dtype``.

    Raises:
        ValueError: It is not (H, W, 3), or the dtype is another one.
    """
    if lab.ndim != 3 or lab.shape[2] != 3 or 0 in lab.shape:
        raise ValueError(f"a Lab picture is (H, W, 3) with at least one pixel, not {lab.shape}")
    if np.dtype(dtype) not in (np.uint8, np.uint16):
        raise ValueError(f"an RGB picture is uint8 or uint16, not {np.dtype(dtype)}")
    picture = np.empty(lab.shape, dtype)
    for rows in strips(lab.shape[:2]):
        lab_planes_to_rgb(lab[rows, :, 0], lab[rows, :, 1], lab[rows, :, 2], picture[rows], space)
    return picture


def lab_planes_to_rgb(lightness: Floats, a: Floats, b: Floats, out: Picture, space: ColorSpace = SRGB) -> None:
    """Write Lab into ``out`` as RGB, all at once; see ``lab_to_rgb``, which does so strip by strip.

    Args:
        lightness: (H, W) float32, L 0..100.
        a: (H, W) float32.
        b: (H, W) float32.
        out: (H, W, 3) uint8 or uint16.
        space: RGB space of ``out``.
    """
    lightness_row, a_row, b_row = (plane.reshape(1, -1) for plane in (lightness, a, b))
    planes = _linear(lightness_row, a_row, b_row, space)
    outside = np.flatnonzero(_outside(planes, space))
    if outside.size:
        inside = _into_gamut(lightness_row[:, outside], a_row[:, outside], b_row[:, outside], space)
        for plane, values in zip(planes, inside, strict=True):
            plane[:, outside] = values
    levels = [
        _encode(plane.reshape(lightness.shape), space, channel, out.dtype) for channel, plane in enumerate(planes)
    ]
    cv2.merge(levels, dst=out)


def check_picture(picture: Picture) -> None:
    """Check that an array is a picture.

    Raises:
        ValueError: It is no array, not (H, W, 3) or (H, W), not uint8 or uint16, or empty.
    """
    if not isinstance(picture, np.ndarray):
        raise ValueError(f"a picture is a NumPy array, not {type(picture).__name__}; read_image reads one from a file")
    if picture.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a picture is uint8 or uint16, not {picture.dtype}; scale it to 0..255 or 0..65535")
    if not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)) or 0 in picture.shape:
        raise ValueError(f"a picture is (H, W, 3) RGB or (H, W) grey with at least one pixel, not {picture.shape}")


def strips(size: tuple[int, int]) -> Iterator[slice]:
    """Yield the slices of rows that cut a picture of (height, width) into strips of about ``STRIP_PIXELS`` pixels."""
    height, width = size
    step = max(1, STRIP_PIXELS // max(1, width))
    for top in range(0, height, step):
        yield slice(top, min(height, top + step))


def look_up(table: npt.NDArray, picture: npt.NDArray[np.unsignedinteger]) -> npt.NDArray:
    """Return what a table has for every level of a picture or plane: of 256 entries for uint8, of 65,536 for uint16."""
    if picture.dtype == np.uint8 or _LUT_HAS_16_BITS:
        return cv2.LUT(np.ascontiguousarray(picture), table)
    return np.take(table, picture)


def _lut_has_16_bits() -> bool:
    """Tell whether OpenCV looks up 16-bit levels, which takes it half of NumPy's time; since 5.0 it does."""
    try:
        return bool(cv2.LUT(np.full((1, 1), 65535, np.uint16), np.arange(65536, dtype=np.float32))[0, 0] == 65535)
    except cv2.error:
        return False


_LUT_HAS_16_BITS = _lut_has_16_bits()


def _decode(picture: Picture, space: ColorSpace) -> Floats:
    """Return the linear light 0..1 of an RGB picture, (H, W, 3)."""
    table = space.decoders[picture.dtype.name]
    if space.shared_curve:
        return look_up(table[0], picture)
    return np.stack([look_up(table[channel], picture[..., channel]) for channel in range(3)], axis=-1)


def _f(t: npt.NDArray) -> Floats:
    """Return CIE 15's f: the cube root, continued by its tangent in the dark."""
    return np.where(t > DELTA**3, np.cbrt(t), t * np.float32(1 / (3 * DELTA**2)) + np.float32(4 / 29))


def _f_inverse(f: Floats) -> Floats:
    """Return the inverse of ``_f``."""
    cube = np.empty_like(f)
    cv2.pow(f, 3.0, dst=cube)  # in one step, and no memory between two
    dark = np.flatnonzero(f <= np.float32(DELTA))  # mostly few
    if dark.size:
        cube.ravel()[dark] = np.float32(3 * DELTA**2) * (f.ravel()[dark] - np.float32(4 / 29))
    return cube


def _linear(lightness: Floats, a: Floats, b: Floats, space: ColorSpace) -> list[Floats]:
    """Return the linear R, G and B of L, a and b, (1, n) all, outside their range where a colour is outside the gamut.

    OpenCV multiplies and adds in one step, NumPy in two, with large planes of memory between them.
    """
    fy = lightness + 16
    fy *= np.float32(1 / 116)
    y = _f_inverse(fy)
    x = _f_inverse(_scaled_sum(a, 1 / 500, fy))
    x -= y
    z = _f_inverse(_scaled_sum(b, -1 / 200, fy))
    z -= y
    # The rows of the inverse sum to 1: written as differences to y, neutral colours stay neutral to the last bit.
    return [_scaled_sum(z, row[2], _scaled_sum(x, row[0], y)) for row in space.inverse]


def _scaled_sum(plane: Floats, factor: float, other: Floats) -> Floats:
    return np.asarray(cv2.scaleAdd(plane, factor, other), np.float32)


def _outside(planes: list[Floats], space: ColorSpace) -> npt.NDArray[np.bool_]:
    """Return where the linear R, G and B planes are outside the gamut."""
    ranges = [(least - GAMUT_TOLERANCE, most + GAMUT_TOLERANCE) for least, most in space.range]
    inside = [
        cv2.inRange(plane, np.array(least), np.array(most)) for plane, (least, most) in zip(planes, ranges, strict=True)
    ]
    return np.asarray(reduce(cv2.bitwise_and, inside)) == 0


def _into_gamut(lightness: Floats, a: Floats, b: Floats, space: ColorSpace) -> list[Floats]:
    """Return the linear R, G and B of the most chromatic colours of the same L and hue in the gamut, (1, n) all."""
    fy = (lightness + 16) * np.float32(1 / 116)
    rows = space.inverse.astype(np.float32)
    least, most = np.array(space.range, np.float32).T[..., None]  # (3, 1) each
    own = rows[:, 1:2] * _f_inverse(fy) - (least + most) / 2  # of Y, which stays; from the middle of the range
    reach = (most - least) / 2 + np.float32(GAMUT_TOLERANCE)
    steps = np.concatenate([a * np.float32(1 / 500), b * np.float32(-1 / 200)])
    low, step = np.zeros_like(lightness), np.float32(0.5)
    for _ in range(GAMUT_STEPS):  # in few calls, for most strips have few such pixels
        scale = low + step
        x, z = _f_inverse(steps * scale + fy)
        from_middle = rows[:, :1] * x + rows[:, 2:] * z
        from_middle += own
        inside = (np.abs(from_middle, out=from_middle) <= reach).all(axis=0)
        np.copyto(low, scale, where=inside)
        step *= np.float32(0.5)
    return _linear(lightness, a * low, b * low, space)


def _encode(linear: Floats, space: ColorSpace, channel: int, dtype: npt.DTypeLike) -> Picture:
    """Return a plane of linear light 0..1 as the encoded levels of a channel, rounded."""
    table = space.encoders[np.dtype(dtype).name][channel]
    position = np.clip(linear, 0, 1)
    np.sqrt(position, out=position)
    position *= np.float32(CURVE_SAMPLES - 1)
    if dtype == np.uint8:  # 65,536 entries are 257 for each level: the nearest one will do
        position += np.float32(0.5)
        return look_up(table, position.astype(np.uint16))
    index = position.astype(np.uint16)
    position -= index
    value = look_up(space.encoder_steps[channel], index)
    value *= position
    value += look_up(table, index)
    value += np.float32(0.5)
    return value.astype(np.uint16)
