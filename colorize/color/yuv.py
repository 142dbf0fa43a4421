"""Between a film's frames and Lab: the luma a frame has, and the YUV planes that show it in colour.

A film is stored as luma (gamma-encoded, weighted by BT.709 or 601) and two colour differences at half the size. Going
through RGB at full size would cost four times as much and blur lightness into the colours at edges; so the colours are
made at half the size, and the luma is corrected for them pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color.lab import lab_planes_to_rgb, rgb_to_lab, rgb_to_lightness
from colorize.color.resample import Enlarger
from colorize.color.spaces import CURVE_SAMPLES, SRGB, Floats

Plane = npt.NDArray[np.uint8]

FINE = 256  # a uint16 luma counts in 1/256 of a level
STRIP = 1 << 16  # half-size pixels at a time: their planes stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Luma:
    """A frame's lightness as the luma of the grey that is as light, in limited range (16 black, 235 white).

    Attributes:
        levels: (H, W) uint8 as it was filmed, or uint16 in 1/256 of a level: deep, full-range or toned frames.
        tone: ab of the frame's own colours, (ceil(H / 2), ceil(W / 2), 2), where they are to be kept in part.
    """

    levels: npt.NDArray[np.unsignedinteger]
    tone: Floats | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.levels.shape[0], self.levels.shape[1]

    def picture(self) -> Plane:
        """Return the frame as a grey picture (H, W)."""
        if self.levels.dtype == np.uint8:
            return np.asarray(cv2.LUT(self.levels, _grey_of_level()), np.uint8)
        above = cv2.subtract(self.levels, np.array(BLACK * FINE, np.float64))
        return np.asarray(cv2.convertScaleAbs(above, alpha=255 / RANGE / FINE), np.uint8)


def luma_of_grey(levels: npt.NDArray[np.unsignedinteger], bits: int, full_range: bool) -> Luma:
    """Return the luma of a grey frame.

    Args:
        levels: (H, W), the luma plane.
        bits: Of a level.
        full_range: 0 is black and the highest level white; else 16 and 235 of 255 are (times 2 ** (bits - 8)).
    """
    if not full_range:
        return Luma(levels if bits == 8 else np.left_shift(levels, np.uint16(16 - bits)))
    scale = RANGE / ((1 << bits) - 1)
    table = np.round((BLACK + np.arange(1 << bits) * scale) * FINE).astype(np.uint16)
    return Luma(np.take(table, levels))


def luma_of_yuv(planes: Sequence[npt.NDArray], system: YuvSystem, keep_tone: bool) -> Luma:
    """Return the luma of a toned or coloured frame: that of the grey which has its L, to the first order.

    Args:
        planes: Y (H, W), Cb and Cr of any smaller size.
        system: What their numbers mean.
        keep_tone: Keep the frame's colours too, at half the size.
    """
    levels, *colors = planes
    size = colors[0].shape[1::-1]
    mean = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
    yuv = np.stack([mean, *colors], axis=-1).astype(np.float32)
    rgb = np.clip(cv2.transform(yuv, system.to_rgb()), 0, 65535).astype(np.uint16)
    weights = SRGB.matrix[1:2].astype(np.float32)
    light = cv2.transform(np.take(SRGB.decoders["uint16"][0], rgb.reshape(-1, 3)).reshape(rgb.shape), weights)
    grey = _encode_light(np.asarray(light, np.float32))
    slopes = np.take(_slopes(), rgb.reshape(-1, 3)).reshape(rgb.shape)
    gain = cv2.transform(slopes, weights) / np.take(_slopes(), grey)
    factor = np.float32(RANGE * FINE / 65535)
    unit = system.to_rgb()[0, 0]  # a level of Y on the scale of 65535
    offset = (grey - gain * unit * mean) * factor + np.float32(BLACK * FINE)
    gain = _spread(gain * (unit * factor), levels.shape)
    lifted = cv2.add(cv2.multiply(levels, gain, dtype=cv2.CV_32F), _spread(offset, levels.shape), dtype=cv2.CV_16U)
    return Luma(np.asarray(lifted, np.uint16), _half_tone(rgb, levels.shape) if keep_tone else None)


def luma_of_rgb(picture: npt.NDArray[np.unsignedinteger], keep_tone: bool) -> Luma:
    """Return the luma of an RGB picture (H, W, 3), uint8 or uint16; see ``luma_of_yuv``."""
    lightness = rgb_to_lightness(picture)
    step = np.multiply(lightness, np.float32(65535 / 100)).astype(np.uint16)
    return Luma(np.take(_luma_of_lightness(), step), _half_tone(picture, picture.shape) if keep_tone else None)


def color_planes(luma: Luma, ab: Floats, strength: float = 1.0) -> tuple[Plane, Plane, Plane]:
    """Return the BT.709 limited-range planes Y, Cb, Cr (4:2:0) of a frame in colour; its lightness stays.

    The colours are joined with the mean lightness of each 2 x 2 pixels. With these colour differences fixed, a pixel's
    luma is that of its grey moved by the block's own correction, to the first order. A frame of odd size gets one more
    row or column, a copy of the last.

    Args:
        luma: The frame.
        ab: (h, w, 2) in Lab units, of any size.
        strength: 0..1: 1 these colours, 0 the frame's own tone.
    """
    levels = luma.levels
    height, width = luma.size
    if height % 2 or width % 2:
        levels = cv2.copyMakeBorder(levels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    small = (levels.shape[0] // 2, levels.shape[1] // 2)
    planes = np.empty((2 * small[0], 2 * small[1]), np.uint8), np.empty(small, np.uint8), np.empty(small, np.uint8)
    enlarger = Enlarger(ab, small)
    step = max(1, STRIP // small[1])
    for top in range(0, small[0], step):
        bottom = min(small[0], top + step)
        chroma = enlarger.rows(top, bottom)
        if strength < 1:
            chroma *= np.float32(strength)
            if luma.tone is not None:
                chroma += luma.tone[top:bottom] * np.float32(1 - strength)
        _color_strip(levels[2 * top : 2 * bottom], chroma, planes, top)
    return planes


def _color_strip(levels: npt.NDArray, chroma: Floats, planes: tuple[Plane, Plane, Plane], top: int) -> None:
    rows, columns = chroma.shape[:2]
    mean = cv2.resize(levels, (columns, rows), interpolation=cv2.INTER_AREA)
    lightness, grey = _look_up(mean)
    rgb = np.empty((rows, columns, 3), np.uint16)
    lab_planes_to_rgb(lightness, chroma[..., 0], chroma[..., 1], rgb, SRGB)
    yuv = cv2.transform(rgb.astype(np.float32), rgb_to_yuv())
    # How fast luma has to follow the grey's for the light to stay the same: the ratio of the curves' slopes.
    slopes = _slopes()
    slope = np.take(slopes, rgb.reshape(-1, 3)).reshape(rgb.shape)
    gain = np.take(slopes, grey) / np.maximum(cv2.transform(slope, np.array([LUMA_WEIGHTS], np.float32)), 1e-6)
    scale = np.float32(1 if levels.dtype == np.uint8 else 1 / FINE)
    offset = yuv[..., 0] - gain * (mean * scale)
    full = (2 * columns, 2 * rows)
    gain = cv2.resize(gain * scale, full, interpolation=cv2.INTER_NEAREST)
    offset = cv2.resize(offset, full, interpolation=cv2.INTER_NEAREST)
    moved = cv2.multiply(levels, gain, dtype=cv2.CV_32F)
    cv2.add(moved, offset, dst=planes[0][2 * top : 2 * top + 2 * rows], dtype=cv2.CV_8U)
    for plane, channel in zip(planes[1:], (1, 2), strict=True):
        plane[top : top + rows] = cv2.convertScaleAbs(yuv[..., channel])  # rounds


def _spread(small: Floats, shape: tuple[int, ...]) -> Floats:
    """Return a map of colour samples on the luma's grid, each sample for its own pixels."""
    height, width = shape[:2]
    across, down = -(-width // small.shape[1]), -(-height // small.shape[0])
    size = (small.shape[1] * across, small.shape[0] * down)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)[:height, :width], np.float32)


def _half_tone(rgb: npt.NDArray[np.unsignedinteger], shape: tuple[int, ...]) -> Floats:
    half = (-(-shape[1] // 2), -(-shape[0] // 2))
    small = rgb if rgb.shape[1::-1] == half else cv2.resize(rgb, half, interpolation=cv2.INTER_AREA)
    return rgb_to_lab(np.asarray(small, rgb.dtype))[..., 1:].copy()


def _encode_light(light: Floats) -> npt.NDArray[np.uint16]:
    """Return linear light 0..1 as 16-bit sRGB."""
    position = np.sqrt(np.clip(light, 0, 1)) * np.float32(CURVE_SAMPLES - 1)
    return np.take(SRGB.encoders["uint16"][0], position.astype(np.uint16)).astype(np.uint16)


def _look_up(levels: npt.NDArray) -> tuple[Floats, npt.NDArray[np.uint16]]:
    """Return L and the 16-bit sRGB grey of luma levels."""
    lightness, grey = _tables(levels.dtype == np.uint8)
    return np.take(lightness, levels), np.take(grey, levels)


@cache
def _tables(coarse: bool) -> tuple[Floats, npt.NDArray[np.uint16]]:
    level = np.arange(256) if coarse else np.arange(65536) / FINE
    grey = np.round(np.clip((level - BLACK) / RANGE, 0, 1) * 65535).astype(np.uint16)
    return rgb_to_lightness(grey[None])[0], grey


@cache
def _grey_of_level() -> Plane:
    return np.round(np.clip((np.arange(256) - BLACK) / RANGE, 0, 1) * 255).astype(np.uint8)


@cache
def _luma_of_lightness() -> npt.NDArray[np.uint16]:
    """Luma in 1/256 of a level, of L in steps of 100 / 65535."""
    grey = np.arange(65536, dtype=np.uint16)
    lightness = rgb_to_lightness(grey[None])[0]
    position = np.interp(np.arange(65536) * (100 / 65535), lightness, grey / 65535)
    return np.round((BLACK + position * RANGE) * FINE).astype(np.uint16)


@cache
def _slopes() -> Floats:
    """Slope of linear light over the encoded value, at each 16-bit value of sRGB."""
    return np.gradient(SRGB.curves[0], 1 / (CURVE_SAMPLES - 1)).astype(np.float32)


BLACK, WHITE = 16, 235  # of limited-range luma, 8 bits (BT.709, 3.4)
RANGE = WHITE - BLACK
NEUTRAL = 128
LUMA_WEIGHTS = (0.2126, 0.7152, 0.0722)  # BT.709
CB_SCALE, CR_SCALE = 1.8556, 1.5748  # 2 (1 - weight of blue), 2 (1 - weight of red)
CHROMA_RANGE = 224


@dataclass(frozen=True)
class YuvSystem:
    """What the numbers of Y, Cb and Cr mean.

    Attributes:
        red: Weight of red in luma.
        blue: Weight of blue in luma.
        bits: Of a level.
        full_range: 0 is black and the highest level white; else 16 and 235 of 256 are.
    """

    red: float
    blue: float
    bits: int = 8
    full_range: bool = False

    def to_rgb(self) -> Floats:
        """Return (3, 4): Y, Cb, Cr -> R'G'B' 0..65535."""
        unit = 1 << (self.bits - 8)
        black, luma_range = (0, (1 << self.bits) - 1) if self.full_range else (BLACK * unit, RANGE * unit)
        color_range = luma_range if self.full_range else CHROMA_RANGE * unit
        green = 1 - self.red - self.blue
        red, blue = 2 * (1 - self.red), 2 * (1 - self.blue)
        rows = np.array([[1, 0, red], [1, -blue * self.blue / green, -red * self.red / green], [1, blue, 0]])
        rows /= [luma_range, color_range, color_range]
        return (np.hstack([rows, -rows @ [[black], [NEUTRAL * unit], [NEUTRAL * unit]]]) * 65535).astype(np.float32)


@cache
def rgb_to_yuv() -> Floats:
    """Return (3, 4): 16-bit R'G'B' -> 8-bit limited-range Y, Cb, Cr."""
    red, green, blue = LUMA_WEIGHTS
    luma = np.array([red, green, blue])
    rows = np.stack(
        [
            luma * RANGE,
            (np.array([0, 0, 1]) - luma) / CB_SCALE * CHROMA_RANGE,
            (np.array([1, 0, 0]) - luma) / CR_SCALE * CHROMA_RANGE,
        ]
    )
    return np.hstack([rows / 65535, [[BLACK], [NEUTRAL], [NEUTRAL]]]).astype(np.float32)
