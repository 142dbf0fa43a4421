"""YUV frames of films: the luma that has a frame's lightness, and the planes Y, Cb, Cr that show its new colours.

A film is stored as luma (gamma-encoded, weighted by BT.709 or 601) and two colour differences at half the size. Going
through RGB at full size would cost four times as much and blur lightness into the colours at edges; so the colours are
made at half the size, and the luma is corrected for them pixel by pixel.

Where a result is to hold the film's own luma, bit for bit, ``PlaneFormat`` says so; it has any depth, range and chroma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color.hdr import HdrSystem
from colorize.color.lab import lab_planes_to_rgb, look_up, rgb_to_lab, rgb_to_lightness
from colorize.color.resample import shrink
from colorize.color.spaces import CURVE_SAMPLES, SRGB, Floats

Plane = npt.NDArray[np.uint8]
"""(H, W) uint8: Y, Cb or Cr of a frame, or a grey picture."""
DeepPlane = npt.NDArray[np.unsignedinteger]
"""(H, W) uint8, or uint16 for more than 8 bits: Y, Cb, Cr or alpha of a frame."""

BLACK, WHITE = 16, 235  # of limited-range luma, 8 bits (BT.709, 3.4)
LUMA_RANGE = WHITE - BLACK
NEUTRAL = 128
LUMA_WEIGHTS = (0.2126, 0.7152, 0.0722)  # BT.709
CB_SCALE, CR_SCALE = 1.8556, 1.5748  # 2 (1 - weight of blue), 2 (1 - weight of red)
CHROMA_RANGE = 224

STEPS_PER_LEVEL = 256  # a uint16 luma counts in 1/256 of an 8-bit level
STRIP_PIXELS = 1 << 17  # half-size pixels at a time: more would not stay in the processor's cache


@dataclass(frozen=True)
class YuvSystem:
    """The colour system of Y, Cb and Cr: matrix coefficients, depth and range (ITU-T H.273).

    Attributes:
        red: Weight of red in luma.
        blue: Weight of blue in luma.
        bits: Bits of a level.
        full_range: 0 is black and the highest level white; else 16 and 235 of 0..255 are (times 2 ** (bits - 8)).
    """

    red: float
    blue: float
    bits: int = 8
    full_range: bool = False

    def to_rgb(self) -> Floats:
        """Return the affine map (3, 4) from Y, Cb, Cr to R'G'B' 0..65535."""
        unit = 1 << (self.bits - 8)
        black, luma_range = (0, (1 << self.bits) - 1) if self.full_range else (BLACK * unit, LUMA_RANGE * unit)
        color_range = luma_range if self.full_range else CHROMA_RANGE * unit
        green = 1 - self.red - self.blue
        red, blue = 2 * (1 - self.red), 2 * (1 - self.blue)
        rows = np.array([[1, 0, red], [1, -blue * self.blue / green, -red * self.red / green], [1, blue, 0]])
        rows /= [luma_range, color_range, color_range]
        return (np.hstack([rows, -rows @ [[black], [NEUTRAL * unit], [NEUTRAL * unit]]]) * 65535).astype(np.float32)


@dataclass(frozen=True)
class PlaneFormat:
    """The format of a coloured frame's planes Y, Cb and Cr, of BT.709, or of a film's system of high dynamic range.

    Attributes:
        bits: Bits of a level, 8 to 16.
        chroma: ``420``, ``422`` or ``444``: at half the width and height, at half the width, or as large as Y.
        full_range: See ``YuvSystem``.
        own_luma: Y is the film's own, as stored, in this depth and range; then a colour may look a little lighter or
            darker than the grey that it replaces. Else Y is corrected so that the lightness stays; that is for 8 bits,
            4:2:0 and limited range alone.
        hdr: The colour system of a film of high dynamic range, whose luma is kept; None: the film is none.
    """

    bits: int = 8
    chroma: str = "420"
    full_range: bool = False
    own_luma: bool = False
    hdr: HdrSystem | None = None

    @property
    def weights(self) -> tuple[float, float, float]:
        """Those of red, green and blue in luma."""
        return self.hdr.weights if self.hdr else LUMA_WEIGHTS

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """Of the planes: uint8, or uint16 for more than 8 bits."""
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    def levels(self) -> tuple[int, int, int]:
        """Return the level of black, the levels from there to white, and those of a colour difference's whole range."""
        if self.full_range:
            return 0, (1 << self.bits) - 1, (1 << self.bits) - 1
        unit = 1 << (self.bits - 8)
        return BLACK * unit, LUMA_RANGE * unit, CHROMA_RANGE * unit

    def chroma_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of Cb and Cr for a Y of a size; an odd side is one more."""
        height, width = size
        return -(-height // 2) if self.chroma == "420" else height, width if self.chroma == "444" else -(-width // 2)

    def black(self, size: tuple[int, int]) -> tuple[DeepPlane, DeepPlane, DeepPlane]:
        """Return the planes of a black frame of a size (height, width)."""
        chroma = np.full(self.chroma_size(size), 1 << (self.bits - 1), self.dtype)
        return np.full(size, self.levels()[0], self.dtype), chroma, chroma


EIGHT_BITS = PlaneFormat()


@cache
def rgb_to_yuv() -> Floats:
    """Return the affine map (3, 4) from 16-bit R'G'B' to 8-bit limited-range Y, Cb, Cr of BT.709."""
    red, green, blue = LUMA_WEIGHTS
    luma = np.array([red, green, blue])
    rows = np.stack(
        [
            luma * LUMA_RANGE,
            (np.array([0, 0, 1]) - luma) / CB_SCALE * CHROMA_RANGE,
            (np.array([1, 0, 0]) - luma) / CR_SCALE * CHROMA_RANGE,
        ]
    )
    return np.hstack([rows / 65535, [[BLACK], [NEUTRAL], [NEUTRAL]]]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class StoredLuma:
    """A frame's luma as the film stores it.

    Attributes:
        levels: (H, W) uint8, or uint16 for more than 8 bits.
        bits: Bits of a level.
        full_range: See ``YuvSystem``.
    """

    levels: DeepPlane
    bits: int
    full_range: bool

    def converted(self, format: PlaneFormat) -> DeepPlane:
        """Return the levels in another depth and range, rounded; as they are where both are the same."""
        if (self.bits, self.full_range) == (format.bits, format.full_range):
            return self.levels
        return np.asarray(np.take(_level_table(self.bits, self.full_range, format), self.levels))


@dataclass(frozen=True, eq=False)
class Luma:
    """A frame's lightness as the luma of the grey that is as light, in limited range (16 black, 235 white).

    Attributes:
        levels: (H, W) uint8 as the film stores it; of a deeper, full-range or toned frame uint16 in 1/256 of a level.
        tone: (ceil(H / 2), ceil(W / 2), 2) float32, ab of the frame's own colours; None: it has none to keep.
        stored: The frame's luma as it is stored, for results that keep it; None: it has none, or it is not needed.
    """

    levels: npt.NDArray[np.unsignedinteger]
    tone: Floats | None = None
    stored: StoredLuma | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.levels.shape[0], self.levels.shape[1]

    def field(self, parity: int) -> Luma:
        """Return that of the field of every second row, from the row ``parity`` on; the height is a multiple of 4."""
        return Luma(
            self.levels[parity::2],
            None if self.tone is None else self.tone[parity::2],
            None if self.stored is None else replace(self.stored, levels=self.stored.levels[parity::2]),
        )

    def picture(self) -> Plane:
        """Return the frame as a grey picture, (H, W) uint8, full range."""
        if self.levels.dtype == np.uint8:
            return np.asarray(cv2.LUT(self.levels, _grey_of_level()), np.uint8)
        above_black = cv2.subtract(self.levels, np.array(BLACK * STEPS_PER_LEVEL, np.float64))
        return np.asarray(cv2.convertScaleAbs(above_black, alpha=255 / LUMA_RANGE / STEPS_PER_LEVEL), np.uint8)

    def deep_picture(self) -> npt.NDArray[np.uint16]:
        """Return the frame as a grey picture, (H, W) uint16, full range."""
        steps = self.levels.astype(np.float32) * (STEPS_PER_LEVEL if self.levels.dtype == np.uint8 else 1)
        grey = (steps - BLACK * STEPS_PER_LEVEL) * np.float32(65535 / (LUMA_RANGE * STEPS_PER_LEVEL))
        return (np.clip(grey, 0, 65535) + 0.5).astype(np.uint16)


def luma_of_grey(levels: npt.NDArray[np.unsignedinteger], bits: int, full_range: bool) -> Luma:
    """Return the luma of a grey frame.

    Args:
        levels: (H, W) uint8, or uint16 for more bits: the luma plane.
        bits: Bits of a level.
        full_range: See ``YuvSystem``.
    """
    if not full_range:
        return Luma(levels if bits == 8 else np.left_shift(levels, np.uint16(16 - bits)))
    scale = LUMA_RANGE / ((1 << bits) - 1)
    table = np.round((BLACK + np.arange(1 << bits) * scale) * STEPS_PER_LEVEL).astype(np.uint16)
    return Luma(np.take(table, levels))


def luma_of_hdr(stored: StoredLuma, system: HdrSystem) -> Luma:
    """Return the luma of a frame of high dynamic range as a picture of standard range shows it."""
    return Luma(np.take(_sdr_levels(stored.bits, stored.full_range, system), stored.levels), stored=stored)


def luma_of_yuv(planes: Sequence[npt.NDArray], system: YuvSystem, keep_tone: bool) -> Luma:
    """Return the luma of a toned or coloured frame: that of the greys that have its L, to the first order.

    Args:
        planes: Y (H, W), Cb and Cr of any smaller size.
        system: Their colour system.
        keep_tone: Keep the frame's colours too, at half the size.
    """
    levels, *colors = planes
    size = colors[0].shape[1::-1]
    mean = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
    yuv = np.stack([mean, *colors], axis=-1).astype(np.float32)
    rgb = np.clip(cv2.transform(yuv, system.to_rgb()), 0, 65535).astype(np.uint16)
    weights = SRGB.matrix[1:2].astype(np.float32)
    light = cv2.transform(look_up(SRGB.decoders["uint16"][0], rgb), weights)
    grey = _encode_light(np.asarray(light, np.float32))
    gain = cv2.transform(look_up(_slopes(), rgb), weights) / look_up(_slopes(), grey)
    factor = np.float32(LUMA_RANGE * STEPS_PER_LEVEL / 65535)
    level = system.to_rgb()[0, 0]  # a level of Y on the scale of 65535
    offset = (grey - gain * level * mean) * factor + np.float32(BLACK * STEPS_PER_LEVEL)
    gain = _repeat_samples(gain * (level * factor), levels.shape)
    scaled = cv2.multiply(levels, gain, dtype=cv2.CV_32F)
    corrected = cv2.add(scaled, _repeat_samples(offset, levels.shape), dtype=cv2.CV_16U)
    return Luma(np.asarray(corrected, np.uint16), _half_size_ab(rgb, levels.shape) if keep_tone else None)


def luma_of_yuv_fields(planes: Sequence[npt.NDArray], system: YuvSystem, keep_tone: bool) -> Luma:
    """Return the luma of an interlaced frame, as ``luma_of_yuv`` that of a whole one.

    Each field's rows have the field's own colours: of a picture at half the height, every second row of Cb and Cr is
    one field's. The heights of all planes are even.
    """
    top, bottom = (luma_of_yuv([plane[parity::2] for plane in planes], system, keep_tone) for parity in (0, 1))
    tone = None if top.tone is None or bottom.tone is None else weave(top.tone, bottom.tone)
    return Luma(weave(top.levels, bottom.levels), tone)


def weave(top: npt.NDArray, bottom: npt.NDArray) -> npt.NDArray:
    """Return the rows (H, ...) of two fields as a frame's (2 H, ...), in turn."""
    return np.stack([top, bottom], axis=1).reshape(2 * top.shape[0], *top.shape[1:])


def luma_of_rgb(picture: npt.NDArray[np.unsignedinteger], keep_tone: bool) -> Luma:
    """Return the luma of an RGB picture: that of the greys that have its L.

    Args:
        picture: (H, W, 3) sRGB, uint8 or uint16.
        keep_tone: Keep the picture's colours too, at half the size.
    """
    lightness = rgb_to_lightness(picture)
    step = np.multiply(lightness, np.float32(65535 / 100)).astype(np.uint16)
    return Luma(np.take(_luma_of_lightness(), step), _half_size_ab(picture, picture.shape) if keep_tone else None)


def color_planes(
    luma: Luma, ab: Floats, strength: float = 1.0, format: PlaneFormat = EIGHT_BITS
) -> tuple[DeepPlane, DeepPlane, DeepPlane]:
    """Return the BT.709 planes Y, Cb, Cr of a frame in colour, whose lightness or luma stays.

    A frame of odd size gets one more row or column, a copy of the last.

    Args:
        luma: The frame's luma, (H, W).
        ab: (h, w, 2) float32 in Lab units, of any size.
        strength: 0..1, from the frame's own tone to the colours of ``ab``.
        format: The format of the planes.

    Returns:
        Y (H, W), Cb and Cr of ``PlaneFormat.chroma_size``, where an odd H or W is one more.
    """
    return _own_luma_planes(luma, ab, strength, format) if format.own_luma else _corrected_planes(luma, ab, strength)


def _corrected_planes(luma: Luma, ab: Floats, strength: float) -> tuple[Plane, Plane, Plane]:
    """Return the planes of ``color_planes`` in 8 bits, 4:2:0, limited range; the lightness stays.

    Each block of 2 x 2 pixels gets the colour differences of its ab and its mean lightness. With these fixed, a pixel's
    luma is that of its grey with the block's own correction, to the first order.
    """
    levels = _with_even_sides(luma.levels)
    small = (levels.shape[0] // 2, levels.shape[1] // 2)
    planes = np.empty((2 * small[0], 2 * small[1]), np.uint8), np.empty(small, np.uint8), np.empty(small, np.uint8)
    a, b = _final_ab(luma.tone, ab, strength, small)
    step = max(1, STRIP_PIXELS // small[1])
    for top in range(0, small[0], step):
        rows = slice(top, top + step)
        _color_strip(levels[2 * top : 2 * (top + step)], a[rows], b[rows], planes, top)
    return planes


def _final_ab(tone: Floats | None, ab: Floats, strength: float, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return a and b of colour samples in their final strength, where a toned frame's own colours make up for the rest.

    Args:
        tone: The frame's own colours (h', w', 2); None: it has none.
        ab: (h, w, 2) in Lab units.
        strength: 0..1.
        size: (height, width) of the results.
    """
    # In planes OpenCV enlarges a map a third faster than with both in each pixel.
    a, b = (np.asarray(shrink(plane, size), np.float32) for plane in cv2.split(ab))
    if strength < 1:
        a, b = a * np.float32(strength), b * np.float32(strength)
        if tone is not None:
            tone = tone if tone.shape[:2] == size else np.asarray(cv2.resize(tone, size[::-1]), np.float32)
            a += tone[..., 0] * np.float32(1 - strength)
            b += tone[..., 1] * np.float32(1 - strength)
    return a, b


def _own_luma_planes(
    luma: Luma, ab: Floats, strength: float, format: PlaneFormat
) -> tuple[DeepPlane, DeepPlane, DeepPlane]:
    """Return the planes of ``color_planes`` with the frame's own Y, of any format.

    Each colour sample has the colour differences of its ab and of the mean lightness of its pixels.
    """
    levels = _with_even_sides(luma.levels)
    stored = luma.stored or StoredLuma(luma.levels, 8 * luma.levels.itemsize, False)
    y = _with_even_sides(stored.converted(format))
    small = format.chroma_size((levels.shape[0], levels.shape[1]))
    ratio = levels.shape[0] // small[0]
    cb, cr = np.empty(small, format.dtype), np.empty(small, format.dtype)
    a, b = _final_ab(luma.tone, ab, strength, small)
    rows = np.ascontiguousarray(rgb_to_yuv()[1:, :3]) * np.float32(format.levels()[2] / CHROMA_RANGE)
    middle = np.float32(1 << (format.bits - 1))
    step = max(1, STRIP_PIXELS // small[1])
    for top in range(0, small[0], step):
        bottom = min(small[0], top + step)
        strip = levels[ratio * top : ratio * bottom]
        size = (small[1], bottom - top)
        mean = strip if strip.shape == size[::-1] else cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
        mean = np.asarray(mean, levels.dtype)
        lightness = look_up(_lightness_of_level(mean.dtype == np.uint8), mean)
        rgb = np.empty((*mean.shape, 3), np.uint16)
        lab_planes_to_rgb(lightness, a[top:bottom], b[top:bottom], rgb, SRGB)
        if format.hdr is None:
            blue, red = cv2.split(cv2.transform(rgb.astype(np.float32), rows))
        else:
            own = y[ratio * top : ratio * bottom].astype(np.float32)
            own = own if own.shape == size[::-1] else cv2.resize(own, size, interpolation=cv2.INTER_AREA)
            black, luma_range, color_range = format.levels()
            encoded = np.asarray((own - black) / np.float32(luma_range), np.float32)
            blue, red = (plane * np.float32(color_range) for plane in format.hdr.color_differences(encoded, rgb))
        for plane, differences in ((cb, blue), (cr, red)):
            plane[top:bottom] = np.rint(differences + middle).clip(0, (1 << format.bits) - 1)
    return y, cb, cr


def _with_even_sides(plane: DeepPlane) -> DeepPlane:
    """Return a plane (H, W) whose sides are even: an odd one gets a copy of its last row or column."""
    height, width = plane.shape
    if not (height % 2 or width % 2):
        return plane
    return np.asarray(cv2.copyMakeBorder(plane, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), plane.dtype)


def color_field_planes(
    luma: Luma, ab: Floats, strength: float = 1.0, format: PlaneFormat = EIGHT_BITS
) -> tuple[DeepPlane, DeepPlane, DeepPlane]:
    """Return the planes of an interlaced frame, as ``color_planes`` those of a whole one; the height is 4 n.

    A row of Cb and Cr belongs to two rows of one field, not to neighbours in the frame, which may show another moment.
    """
    top, bottom = (color_planes(luma.field(parity), ab, strength, format) for parity in (0, 1))
    y, cb, cr = (weave(*planes) for planes in zip(top, bottom, strict=True))
    return y, cb, cr


def _color_strip(levels: npt.NDArray, a: Floats, b: Floats, planes: tuple[Plane, Plane, Plane], top: int) -> None:
    """Fill the planes from the half-size row ``top`` on with a strip of luma levels and its half-size a and b."""
    rows, columns = a.shape
    mean = np.asarray(cv2.resize(levels, (columns, rows), interpolation=cv2.INTER_AREA), levels.dtype)
    is_8_bit = levels.dtype == np.uint8
    rgb = np.empty((rows, columns, 3), np.uint16)
    lab_planes_to_rgb(look_up(_lightness_of_level(is_8_bit), mean), a, b, rgb, SRGB)
    y, *differences = cv2.split(cv2.transform(rgb.astype(np.float32), rgb_to_yuv()))
    # How fast luma has to follow the grey's for the light to stay the same: the ratio of the curves' slopes.
    slope = cv2.transform(look_up(_slopes(), rgb), np.array([LUMA_WEIGHTS], np.float32))
    gain = look_up(_slope_of_level(is_8_bit), mean) / np.maximum(slope, np.float32(1e-6))
    scale = np.float32(1 if is_8_bit else 1 / STEPS_PER_LEVEL)
    offset = y - gain * (mean * scale)
    full = (2 * columns, 2 * rows)
    gain = cv2.resize(gain * scale, full, interpolation=cv2.INTER_NEAREST)
    offset = cv2.resize(offset, full, interpolation=cv2.INTER_NEAREST)
    scaled = cv2.multiply(levels, gain, dtype=cv2.CV_32F)
    cv2.add(scaled, offset, dst=planes[0][2 * top : 2 * top + 2 * rows], dtype=cv2.CV_8U)
    for plane, difference in zip(planes[1:], differences, strict=True):
        cv2.convertScaleAbs(difference, dst=plane[top : top + rows])  # rounds


def _repeat_samples(small: Floats, shape: tuple[int, ...]) -> Floats:
    """Return a map of colour samples (h, w) at the luma's size (H, W), each sample repeated for its own pixels."""
    height, width = shape[:2]
    across, down = -(-width // small.shape[1]), -(-height // small.shape[0])
    size = (small.shape[1] * across, small.shape[0] * down)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)[:height, :width], np.float32)


def _half_size_ab(rgb: npt.NDArray[np.unsignedinteger], shape: tuple[int, ...]) -> Floats:
    """Return the ab of an sRGB picture, (ceil(H / 2), ceil(W / 2), 2) for a luma of shape (H, W)."""
    half = (-(-shape[1] // 2), -(-shape[0] // 2))
    small = rgb if rgb.shape[1::-1] == half else cv2.resize(rgb, half, interpolation=cv2.INTER_AREA)
    return rgb_to_lab(np.asarray(small, rgb.dtype))[..., 1:].copy()


def _encode_light(light: Floats) -> npt.NDArray[np.uint16]:
    """Return linear light, clipped to 0..1, as 16-bit sRGB."""
    position = np.sqrt(np.clip(light, 0, 1)) * np.float32(CURVE_SAMPLES - 1)
    return look_up(SRGB.encoders["uint16"][0], position.astype(np.uint16)).astype(np.uint16)


@cache
def _deep_grey_of_level(is_8_bit: bool) -> npt.NDArray[np.uint16]:
    """Return the 16-bit sRGB grey of every luma level, of uint8 or uint16."""
    level = np.arange(256) if is_8_bit else np.arange(65536) / STEPS_PER_LEVEL
    return np.round(np.clip((level - BLACK) / LUMA_RANGE, 0, 1) * 65535).astype(np.uint16)


@cache
def _lightness_of_level(is_8_bit: bool) -> Floats:
    """Return L of every luma level, of uint8 or uint16."""
    return rgb_to_lightness(_deep_grey_of_level(is_8_bit)[None])[0]


@cache
def _slope_of_level(is_8_bit: bool) -> Floats:
    """Return the slope of ``_slopes`` at every luma level, of uint8 or uint16."""
    return np.take(_slopes(), _deep_grey_of_level(is_8_bit))


@cache
def _level_table(bits: int, full_range: bool, format: PlaneFormat) -> DeepPlane:
    """Return the level, in the depth and range of a format, of every luma level of another depth and range."""
    black, luma_range, _ = PlaneFormat(bits, full_range=full_range).levels()
    new_black, new_range, _ = format.levels()
    level = (np.arange(1 << bits) - black) / luma_range
    return np.round(new_black + level * new_range).clip(0, (1 << format.bits) - 1).astype(format.dtype)


@cache
def _sdr_levels(bits: int, full_range: bool, system: HdrSystem) -> npt.NDArray[np.uint16]:
    """Return the luma, in 1/256 of a level, that a picture of standard range has for every level of high range."""
    black, luma_range, _ = PlaneFormat(bits, full_range=full_range).levels()
    grey = system.grey_of((np.arange(1 << bits) - black) / luma_range)
    return np.round((BLACK + grey * LUMA_RANGE) * STEPS_PER_LEVEL).astype(np.uint16)


@cache
def _grey_of_level() -> Plane:
    """Return the full-range grey, uint8, of every uint8 luma level."""
    return np.round(np.clip((np.arange(256) - BLACK) / LUMA_RANGE, 0, 1) * 255).astype(np.uint8)


@cache
def _luma_of_lightness() -> npt.NDArray[np.uint16]:
    """Return the luma, in 1/256 of a level, of L in steps of 100 / 65535."""
    grey = np.arange(65536, dtype=np.uint16)
    lightness = rgb_to_lightness(grey[None])[0]
    position = np.interp(np.arange(65536) * (100 / 65535), lightness, grey / 65535)
    return np.round((BLACK + position * LUMA_RANGE) * STEPS_PER_LEVEL).astype(np.uint16)


@cache
def _slopes() -> Floats:
    """Return the slope of linear light over the encoded value, both 0..1, at each 16-bit value of sRGB."""
    return np.gradient(SRGB.curves[0], 1 / (CURVE_SAMPLES - 1)).astype(np.float32)
